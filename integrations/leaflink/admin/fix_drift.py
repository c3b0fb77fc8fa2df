"""Settling differences of the report: each kind by its own verb, and what can't be from here."""

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from integrations import work
from integrations.leaflink import out_of_step
from integrations.leaflink.admin import listing_pages
from integrations.leaflink.admin.quantity_pages import ask_and_tell
from integrations.leaflink.models import Drift, Listing, Order
from integrations.leaflink.work_kinds import ORDER_WORK, PRODUCT_WORK, STATUS_WORK
from integrations.models import WorkItem

Kind = Drift.Kind
# What sending ours, or keeping LeafLink's, can settle.
DETAILS = (Kind.PRICE, Kind.NAME, Kind.SKU, Kind.DETAILS)
BY_HAND = (Kind.UNIT, Kind.LISTING_STATE)


def fix(request: HttpRequest, drifts: QuerySet[Drift]) -> None:
    """Make LeafLink show ours, each kind by its own verb; say what can't be fixed from here."""
    drifts = Drift.objects.filter(pk__in=list(drifts.values_list("pk", flat=True)))
    stock = drifts.filter(kind=Kind.QUANTITY).values("listing")
    ask_and_tell(request, Listing.objects.filter(pk__in=stock))
    reserved = drifts.filter(kind=Kind.RESERVED).values("listing")
    _read_again(request, Listing.objects.filter(pk__in=reserved))
    _bring_up_to_date(request, drifts.filter(order__isnull=False, order__is_disputed=False))
    details = drifts.filter(kind__in=DETAILS)
    if details.exists():
        listing_pages.decide_fields(request, fields_of(details), "send")
    by_hand = drifts.filter(Q(kind__in=BY_HAND) | Q(order__is_disputed=True))
    if count := by_hand.count():
        messages.warning(
            request,
            f"{count} can't be fixed from here: units and listing states are changed in LeafLink "
            "or on the item, and what both sides changed is chosen about under Conflicts.",
        )


def fields_of(drifts: QuerySet[Drift]) -> dict[int, list[str]]:
    """By listing the fields that these differences are about."""
    fields: dict[int, list[str]] = {}
    for listing_id, name in drifts.values_list("listing", "field"):
        fields.setdefault(listing_id, []).append(name)
    return fields


def _read_again(request: HttpRequest, listings: QuerySet[Listing]) -> None:
    """Have these products read, and before them the orders for which LeafLink reserves them: what
    it reserves is LeafLink's to say, so there is nothing of ours to send."""
    rows = listings.values_list("product__account", "product__remote_id")
    holding = Order.objects.none()
    for account_id, remote_id in rows:
        holding |= Order.objects.filter(
            Order.reserving(), account=account_id, line_items__product_remote_id=remote_id
        )
    orders = holding.distinct().values_list("account", "number")
    read = work.ask_each(ORDER_WORK, orders, WorkItem.Priority.ORDERS)
    if count := work.ask_each(PRODUCT_WORK, rows, WorkItem.Priority.REST):
        what = "product" if count == 1 else "products"
        holds = f"{read} order" if read == 1 else f"{read} orders"
        messages.success(
            request,
            f"{count} {what} and the {holds} that LeafLink reserves for are read again. What still "
            "differs then was reserved by hand in LeafLink, or by an order that it does not show.",
        )


def _bring_up_to_date(request: HttpRequest, drifts: QuerySet[Drift]) -> None:
    """Have LeafLink's orders follow ours, as far as the rules and LeafLink let them."""
    drifts = drifts.select_related("account", "order__sales_order").defer("order__raw")
    going: set[tuple[int, object]] = set()
    switched_off: set[str] = set()
    not_going: set[str] = set()
    for drift in drifts:
        account, order = drift.account, drift.order
        assert order
        if drift.kind == Kind.TERMS and not account.push_order_terms:
            switched_off.add(str(order))
        elif out_of_step.is_behind(account, order):
            going.add((account.pk, order.number))
        else:
            not_going.add(str(order))
    if count := work.ask_each(STATUS_WORK, going, WorkItem.Priority.ORDERS):
        what = "order is" if count == 1 else "orders are"
        messages.success(request, f"{count} {what} brought up to date within seconds.")
    if switched_off:
        messages.warning(
            request,
            f"Not sent: the terms of {_named(switched_off)}. Switch “send payment terms and "
            "delivery dates” on under the account, or change them in LeafLink.",
        )
    if not_going:
        messages.warning(
            request,
            f"Not sent: {_named(not_going)}. LeafLink refused it, or can't show it so. Open the "
            "order under LeafLink orders: it says what can be done.",
        )


def _named(orders: set[str]) -> str:
    """The first of these in words, and how many more there are."""
    found = sorted(orders)
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(found[:3]) + more
