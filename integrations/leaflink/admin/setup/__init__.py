"""The set-up of an account, a page for each step. `urls` is what AccountAdmin adds to its own."""

from collections.abc import Callable

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path

from catalog.permissions import require
from integrations.leaflink import setup_steps
from integrations.leaflink.admin.setup import (
    connect,
    dry_run,
    items,
    live,
    products,
    reps,
    rules,
    selling,
    webhook,
)
from integrations.leaflink.models import Account

PAGES: dict[str, Callable[[HttpRequest, Account], HttpResponse]] = {
    "connect": connect.connect,
    "webhook": webhook.webhook,
    "catalog": selling.catalog,
    "reps": reps.reps,
    "products": products.products,
    "make-items": items.make_items,
    "rules": rules.rules,
    "dry-run": dry_run.dry_run,
    "go-live": live.live,
}


def step(request: HttpRequest, account_id: int, step: str) -> HttpResponse:
    """The page of a step; its forms are posted to it as well."""
    require(request, "leaflink.change_account")
    account = get_object_or_404(Account, pk=account_id)
    if step not in PAGES:
        raise Http404
    return PAGES[step](request, account)


def go_on(request: HttpRequest, account_id: int) -> HttpResponse:
    """Lead to the first step that is not done."""
    require(request, "leaflink.change_account")
    account = get_object_or_404(Account, pk=account_id)
    key = setup_steps.first_open(account)
    return HttpResponseRedirect(setup_steps.url_of(account, key))


def urls(site: AdminSite) -> list[URLPattern]:
    """The addresses below the accounts' own."""
    return [
        path("setup/", site.admin_view(connect.begin), name="leaflink_account_begin"),
        path("<id:account_id>/setup/", site.admin_view(go_on), name="leaflink_account_go_on"),
        path(
            "<id:account_id>/setup/<slug:step>/",
            site.admin_view(step),
            name="leaflink_account_setup",
        ),
    ]
