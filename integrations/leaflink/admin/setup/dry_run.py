"""Step 7: what the first push and the first import would do; one of each alone, to try."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from catalog.models import Item
from catalog.natural import natural
from catalog.permissions import require
from integrations.budget import BudgetExhausted
from integrations.leaflink import first_run, setup_steps
from integrations.leaflink.admin.setup.frame import on_from, part, show, to
from integrations.leaflink.blocking_settings import TERM_CURE, blocking_settings
from integrations.leaflink.models import Account
from integrations.leases import Busy
from integrations.wire.errors import VendorError

SYNCS = "leaflink.sync_account"


def dry_run(request: HttpRequest, account: Account) -> HttpResponse:
    """Show both previews; send or take in one, when asked."""
    if request.method == "POST":
        if "item" in request.POST or "sku" in request.POST:
            return _send_one(request, account)
        if "order" in request.POST:
            return _take_in_one(request, account)
        setup_steps.confirm(account, "dry-run")
        return on_from(account, "dry-run")
    if request.GET.get("part") == "orders":
        return _orders(request, account)
    return show(
        request,
        account,
        "dry-run",
        "dry_run",
        push=first_run.preview_push(account),
        blocked=blocking_settings(account),
        may_sync=request.user.has_perm(SYNCS),
    )


def _orders(request: HttpRequest, account: Account) -> HttpResponse:
    """LeafLink's open orders are read only now: the page itself is there at once."""
    found, trouble = None, ""
    try:
        found = first_run.preview_import(account)
    except (VendorError, BudgetExhausted) as error:
        trouble = str(error)
    accepts = "Accepted" in account.status_map.values()
    return part(
        request,
        account,
        "dry_run_orders",
        orders=found,
        trouble=trouble,
        warn_of_terms=bool(found and found.without_term and accepts),
        term_cure=TERM_CURE,
        may_sync=request.user.has_perm(SYNCS),
    )


def _send_one(request: HttpRequest, account: Account) -> HttpResponse:
    require(request, SYNCS)
    item_id = natural(request.POST.get("item", ""))
    sku = request.POST.get("sku", "").strip()
    if sku:
        item = Item.objects.filter(sku__iexact=sku).first()
        if item is None:
            messages.error(request, f"There is no item with the SKU {sku}.")
            return to(account, "dry-run")
        item_id = item.pk
    try:
        messages.success(request, first_run.send_one(account, item_id or 0))
    except (first_run.NotDone, VendorError, BudgetExhausted, Busy) as error:
        messages.error(request, str(error))
    return to(account, "dry-run")


def _take_in_one(request: HttpRequest, account: Account) -> HttpResponse:
    require(request, SYNCS)
    try:
        order = first_run.take_in_one(account, request.POST.get("order", ""))
    except (first_run.NotDone, VendorError, BudgetExhausted) as error:
        messages.error(request, str(error))
        return to(account, "dry-run")
    url = f"/admin/leaflink/order/{order.pk}/change/"
    text = {
        order.State.IMPORTED: "came in",
        order.State.HELD: "is held; open it to see why",
    }.get(order.State(order.state), "was read")
    say = messages.success if order.state == order.State.IMPORTED else messages.warning
    say(request, format_html('<a href="{}">{}</a> {}.', url, order, text))
    return to(account, "dry-run")
