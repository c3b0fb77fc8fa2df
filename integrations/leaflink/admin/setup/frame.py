"""What all pages of the set-up share: the frame with the list of steps, and going on."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from integrations.leaflink import setup_steps
from integrations.leaflink.models import Account


def show(
    request: HttpRequest, account: Account | None, key: str, template: str, **more: Any
) -> HttpResponse:
    """A page of the set-up; `account` None: one that is about to be made."""
    steps = (
        setup_steps.progress(account, key)
        if account
        else [
            setup_steps.Standing(one, "todo", "", "", one.key == key) for one in setup_steps.STEPS
        ]
    )
    here = next((n for n, one in enumerate(steps, start=1) if one.is_here), 1)
    context = {
        **admin.site.each_context(request),
        "title": f"Set up {account}" if account else "Set up a LeafLink account",
        "account": account,
        "steps": steps,
        "number": here,
        "of": len(steps),
        "step": setup_steps.BY_KEY.get(key),
        "next_url": setup_steps.url_of(account, setup_steps.after(key)) if account else "",
        **more,
    }
    return TemplateResponse(request, f"admin/leaflink/setup/{template}.html", context)


def part(request: HttpRequest, account: Account, template: str, **more: Any) -> HttpResponse:
    """A part of a page that htmx asks for."""
    context = {"account": account, "request": request, **more}
    return TemplateResponse(request, f"admin/leaflink/setup/{template}.html", context)


def to(account: Account, key: str) -> HttpResponse:
    """Lead to a step."""
    return HttpResponseRedirect(setup_steps.url_of(account, key))


def on_from(account: Account, key: str) -> HttpResponse:
    """Lead to the step after this one."""
    return to(account, setup_steps.after(key))
