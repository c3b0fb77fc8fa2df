"""Step 2: LeafLink tells us of changes. Waits for the first webhook that is signed with the key."""

from django import forms
from django.contrib import messages
from django.db.models import Max
from django.http import HttpRequest, HttpResponse

from integrations.key_field import KeyField
from integrations.leaflink import setup_steps
from integrations.leaflink.admin.setup.frame import on_from, part, show, to
from integrations.leaflink.models import Account, WebhookRefusal


class WebhookForm(forms.Form):
    webhook_key = KeyField("LeafLink")


def webhook(request: HttpRequest, account: Account) -> HttpResponse:
    """Show the address and the clicks in LeafLink; take the key; wait for the first hook."""
    if request.method != "POST":
        if request.GET.get("part") == "hook":
            return part(request, account, "webhook_wait", **_standing(account))
        return _page(request, account, None)
    if "skip" in request.POST:
        setup_steps.confirm(account, "webhook")
        return on_from(account, "webhook")
    form = WebhookForm(request.POST)
    if form.is_valid() and not form.cleaned_data["webhook_key"]:
        form.add_error("webhook_key", "Paste the webhook key, or go on without webhooks.")
    if not form.is_valid():
        return _page(request, account, form)
    key = form.cleaned_data["webhook_key"]
    if key != account.webhook_key:
        account.webhook_key = key
        account.save(update_fields=["webhook_key"])
        # What the old key did not fit says nothing of the new one.
        account.refusals.update(streak=0)
    messages.success(request, "The webhook key is stored.")
    return to(account, "webhook")


def _standing(account: Account) -> dict[str, object]:
    came = account.last_webhook_at
    wrong = account.refusals.filter(why=WebhookRefusal.Why.WRONG_SIGNATURE, streak__gt=0)
    refused = wrong.aggregate(at=Max("last_at"))["at"]
    return {
        "came_at": came,
        "refused_at": refused if refused and (came is None or refused > came) else None,
        "has_key": bool(account.webhook_key),
    }


def _page(request: HttpRequest, account: Account, form: WebhookForm | None) -> HttpResponse:
    return show(request, account, "webhook", "webhook", form=form, **_standing(account))
