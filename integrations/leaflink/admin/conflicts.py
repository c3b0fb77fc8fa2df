"""The page of conflicts: all that both sides have moved, ours, LeafLink's and last agreed, and what
LeafLink refused. Chosen about singly or in bulk.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from catalog.natural import natural
from catalog.permissions import require
from catalog.return_to import where_from
from customers.own import own
from integrations import work
from integrations.leaflink import decide_orders, push_payments
from integrations.leaflink.admin.order_standing import catching_up, read
from integrations.leaflink.decide_orders import CannotDecide, seen_of
from integrations.leaflink.mapping import fingerprints
from integrations.leaflink.models import Listing, Order, OrderPayment
from integrations.leaflink.payments_due import waiting_for_somebody
from integrations.leaflink.work_kinds import PAYMENT_WORK
from integrations.models import WorkItem
from orders.terms import LABELS

DECIDES = "leaflink.decide_order"
PER_PAGE = 25
MOST_PAYMENTS = 50
MOST_TOLD = 10
OURS, THEIRS, AGAIN = "ours", "theirs", "again"
# What of an order is chosen about as a whole, and which sides can be chosen.
WHOLE = {
    "version": (OURS, THEIRS),
    "customer": (OURS,),
    "over": (OURS,),
    "canceled": (OURS,),
    "status": (THEIRS,),
}


@dataclass
class Choice:
    """One thing to choose about. `value` names it, and what was shown, to the server."""

    value: str
    rows: list[dict[str, str]]
    sides: tuple[str, ...]
    # What taking LeafLink's status means here.
    doing: str = ""


@dataclass
class Unsettled:
    order: Order
    choices: list[Choice] = field(default_factory=list)


def conflicts(request: HttpRequest) -> HttpResponse:
    """Show every order on which the two sides don't agree, and every payment that waits."""
    require(request, "leaflink.view_order")
    mine = own(Order.objects.all(), request.user)
    orders = mine.filter(Order.unsettled()).select_related("account", "sales_order")
    pages = Paginator(orders.order_by("placed_at", "pk"), PER_PAGE)
    page = pages.get_page(request.GET.get("p"))
    payments = waiting_for_somebody().filter(order__in=mine.order_by().values("pk"))
    payments = payments.select_related("order", "payment__order")
    listings = Listing.objects.filter(standing=Listing.Standing.CONFLICT)
    has = request.user.has_perms
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Conflicts with LeafLink",
        "opts": Order._meta,
        "page": page,
        "unsettled": [Unsettled(order, choices_of(order)) for order in page],
        "payments": list(payments[:MOST_PAYMENTS]) if has(["orders.view_payment"]) else [],
        "listings": listings.count() if has(["leaflink.view_listing"]) else 0,
        "may_decide": has([DECIDES]),
        "may_do_the_same": has([DECIDES, "orders.work_salesorder"]),
        "may_try_again": has(["leaflink.sync_account"]),
    }
    return TemplateResponse(request, "admin/leaflink/conflicts.html", context)


def choices_of(order: Order) -> list[Choice]:
    """What can be chosen about an order, each with the rows that say what it is about."""
    terms = [
        Choice(f"{order.pk}:{row['name']}:{seen_of(row)}", [row], (OURS, THEIRS))
        for row in order.disputed
        if row["name"] in LABELS
    ]
    whole = [row for row in order.disputed if row["name"] not in LABELS]
    if not whole:
        return terms
    kind = whole[0]["name"]
    payload = read(order)
    seen = fingerprints.of_choice(payload) if payload else ""
    doing = catching_up(order) if kind == "status" else ""
    return [Choice(f"{order.pk}:{kind}:{seen}", whole, WHOLE.get(kind, ()), doing), *terms]


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Choose one side for each of what is ticked (or for the one whose button was pressed)."""
    one, _, side = request.POST.get("one", "").rpartition("|")
    chosen = [one] if one else request.POST.getlist("chosen")
    side = side if one else request.POST.get("side", "")
    if side == AGAIN:
        require(request, "leaflink.sync_account")
    else:
        require(request, DECIDES)
    if not chosen:
        messages.error(request, "Select what you choose about first.")
    done: list[str] = []
    problems = []
    mine = own(Order.objects.all(), request.user)
    for value in chosen:
        order_id, _, rest = value.partition(":")
        kind, _, seen = rest.partition(":")
        try:
            mine.only("pk").get(pk=natural(order_id))
            verb = _verb(request, kind, side)
            done.append(str(verb(natural(order_id) or 0, seen)))
        except Order.DoesNotExist:
            problems.append("An order is not there any more.")
        except CannotDecide as error:
            name = mine.filter(pk=natural(order_id)).defer("raw").first()
            problems.append(f"{name}: {error}")
    if done:
        text = {
            OURS: "Ours was kept",
            THEIRS: "LeafLink's was taken",
            AGAIN: "LeafLink is asked again",
        }
        messages.success(request, f"{text.get(side, 'Done')}: {_named(done)}.")
    for problem in problems[:MOST_TOLD]:
        messages.error(request, problem)
    if len(problems) > MOST_TOLD:
        messages.error(request, f"{len(problems) - MOST_TOLD} more could not be chosen about.")
    return HttpResponseRedirect(where_from(request) or reverse("admin:leaflink_order_conflicts"))


def _named(orders: list[str]) -> str:
    """The orders by name, as many as anybody reads."""
    names = list(dict.fromkeys(orders))
    more = len(names) - MOST_TOLD
    return ", ".join(names[:MOST_TOLD]) + (f" and {more} more" if more > 0 else "")


def _verb(request: HttpRequest, kind: str, side: str) -> Callable[[int, str], object]:
    """What a choice does. Raises CannotDecide for a side that can't be chosen."""
    by: Any = request.user
    if side == AGAIN:
        return lambda order_id, seen: decide_orders.try_again(order_id, by=by)
    if side not in (WHOLE.get(kind) or (OURS, THEIRS)):
        raise CannotDecide(
            "LeafLink's can't be taken: settle it on the order's own page."
            if side == THEIRS
            else "Ours can't be kept: do the same here, or settle it in LeafLink."
        )
    if kind in LABELS:
        term_verb = decide_orders.keep_our_term if side == OURS else decide_orders.take_their_term
        return lambda order_id, seen: term_verb(order_id, kind, by=by, seen=seen)
    if kind not in WHOLE:
        raise CannotDecide("This is no longer there to choose about.")
    if kind == "status":
        if not request.user.has_perm("orders.work_salesorder"):
            raise CannotDecide("Doing the same here needs the permission to work sales orders.")
        return lambda order_id, seen: decide_orders.do_the_same(order_id, by=by, seen=seen)
    verb = decide_orders.keep_ours if side == OURS else decide_orders.take_leaflinks
    return lambda order_id, seen: verb(order_id, by=by, seen=seen)


@require_POST
def pay_again(request: HttpRequest, row_id: int) -> HttpResponse:
    """Ask LeafLink once more to note a payment that it refused."""
    require(request, "leaflink.sync_account")
    mine = own(Order.objects.all(), request.user).order_by().values("pk")
    rows = OrderPayment.objects.filter(pk=row_id, order__in=mine)
    row = rows.select_related("order").first()
    if row and push_payments.try_again(OrderPayment.objects.filter(pk=row_id)):
        number = str(row.order.number)
        work.ask(row.order.account_id, PAYMENT_WORK, [number], WorkItem.Priority.ORDERS)
        messages.success(request, "The payment is sent again.")
    else:
        messages.error(request, "This payment waits for nobody any more.")
    return HttpResponseRedirect(reverse("admin:leaflink_order_conflicts"))


VIEWS = (
    ("conflicts/", require_GET(conflicts), "conflicts"),
    ("conflicts/choose/", choose, "conflicts_choose"),
    ("conflicts/payment/<id:row_id>/", pay_again, "conflicts_payment"),
)
