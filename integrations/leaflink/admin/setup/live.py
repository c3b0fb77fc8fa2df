"""Step 8: what will happen, one button, and how the first cycle goes."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from integrations.leaflink import go_live, setup_steps
from integrations.leaflink.admin.setup.frame import part, show, to
from integrations.leaflink.admin.setup.selling import reading
from integrations.leaflink.models import Account

# Products that are named before going live.
SHOWN = 50


def live(request: HttpRequest, account: Account) -> HttpResponse:
    """Before: the checklist and the button. After: how far the first cycle is."""
    if request.method == "POST":
        return _go(request, account)
    if not account.in_setup:
        standing = {"cycle": go_live.first_cycle(account), **reading(account)}
        if request.GET.get("part") == "cycle":
            return part(request, account, "first_cycle", **standing)
        return show(request, account, "go-live", "live", **standing)
    ready = go_live.readiness(account)
    cures = [(text, setup_steps.url_of(account, key)) for text, key in ready.cures]
    known = [(text, setup_steps.url_of(account, key)) for text, key in ready.to_know]
    return show(
        request,
        account,
        "go-live",
        "go_live",
        ready=ready,
        cures=cures,
        to_know=known,
        raised=ready.raised[:SHOWN],
        more=max(len(ready.raised) - SHOWN, 0),
    )


def _go(request: HttpRequest, account: Account) -> HttpResponse:
    zero = request.POST.get("zero", "")
    push = go_live.readiness(account).push if account.in_setup else None
    if push and push.selling_out and zero not in ("yes", "no"):
        messages.error(request, "Say what is to become of the products that would sell out.")
        return to(account, "go-live")
    if push and push.selling_out and zero == "no" and not push.is_braked:
        messages.error(request, "Then correct the stock first. Nothing was started.")
        return to(account, "go-live")
    if request.POST.get("raised") == "no":
        messages.error(request, "Then correct the stock first. Nothing was started.")
        return to(account, "go-live")
    try:
        retaken = go_live.go_live(
            account,
            sell_out=zero == "yes",
            raise_too=request.POST.get("raised") == "yes",
            seen=request.POST.get("seen", ""),
            by=request.user,
        )
    except go_live.NotReady as error:
        messages.error(request, str(error))
        return to(account, "go-live")
    if retaken:
        some = f"{retaken:,} item{'' if retaken == 1 else 's'}"
        text = f"LeafLink had sold of {some} meanwhile: its quantities were taken as stock."
        messages.info(request, text)
    return to(account, "go-live")
