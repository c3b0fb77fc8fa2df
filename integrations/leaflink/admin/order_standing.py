"""What the page of a LeafLink order says first: what holds it, with each cure at hand.

Everything here only reads; what the buttons do is in `order_acts`.
"""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from catalog import inventory
from catalog.models import Facility, Item
from customers.models import Destination, SalesRep
from customers.own import own, sees_only_own
from integrations.leaflink import combined_orders, compare_orders, map_reps, suggest, timeline
from integrations.leaflink.blockers import WAIVABLE
from integrations.leaflink.compare_orders import Comparison
from integrations.leaflink.cures import Cure, cure_for
from integrations.leaflink.edit_orders import CannotApply, later_draft
from integrations.leaflink.follow_orders import is_kept
from integrations.leaflink.import_orders import book_for
from integrations.leaflink.link import why_not
from integrations.leaflink.mapping import fingerprints
from integrations.leaflink.mapping.customer_likeness import Likeness
from integrations.leaflink.mapping.status_rules import CAUGHT_UP
from integrations.leaflink.mapping.statuses import Meaning, RemoteStatus, remote_state
from integrations.leaflink.mapping.suggestions import Suggestion
from integrations.leaflink.match_customers import known_as, suggested_destinations
from integrations.leaflink.models import AccountBrand, Blocker, Order, Product
from integrations.leaflink.wire import payloads
from integrations.wire.errors import BadPayload
from orders.status import OPEN, Status

ZERO = Decimal(0)
Code, State = Blocker.Code, Order.State
# More facilities than this nobody compares at a glance.
MOST_FACILITIES = 20
# What is done here to catch up with a LeafLink order that was moved by hand.
DOING = {
    RemoteStatus.FULFILLED: "Allocate it here too",
    RemoteStatus.SHIPPED: "Ship it here too",
    RemoteStatus.COMPLETE: "Ship and complete it here too",
}


@dataclass
class Reason:
    """A blocker with what can be done about it on the spot."""

    blocker: Blocker
    cure: Cure | None
    item: tuple[Suggestion, Item] | None = None
    rep: SalesRep | None = None
    # Where an item of the product is made, when no item is like it.
    new_item: str = ""
    destinations: list[tuple[Destination, Likeness]] = field(default_factory=list)


@dataclass
class Place:
    """A facility the order could ship from, and how many units of its goods are missing there."""

    facility: Facility
    missing: Decimal


def standing(request: HttpRequest, order: Order) -> dict[str, Any]:
    """All that the card above an order shows."""
    payload = read(order)
    may = permissions(request)
    found: dict[str, Any] = {
        "order": order,
        "here": request.get_full_path(),
        "token": token(order),
        "seen": fingerprints.of_choice(payload) if payload else "",
        "reasons": reasons(order, payload),
        "timeline": timeline.of(order),
        "raw": json.dumps(order.raw, indent=2, ensure_ascii=False) if order.raw else "",
        "related": _shown(request, combined_orders.related(order)),
        "is_open": bool(order.sales_order and order.sales_order.status in OPEN),
        "is_combination": combined_orders.is_combination(order),
        **may,
    }
    if sees_only_own(request.user):
        for reason in found["reasons"]:
            reason.cure = None  # it leads to pages that are not for sales reps
    codes = {reason.blocker.code for reason in found["reasons"]}
    found["waivable"] = bool(codes & set(WAIVABLE))
    found["others_stay"] = bool(codes - set(WAIVABLE))
    if Code.SHORT_OF_STOCK in codes and payload:
        found["places"] = places(order, payload)
    if order.sales_order and payload:
        found["to_catch_up"] = catching_up(order)
        found.update(versions(order, payload))
    return found


def _shown(request: HttpRequest, orders: list[Order]) -> list[Order]:
    """Those of the orders that the user may see."""
    rows = Order.objects.filter(pk__in=[one.pk for one in orders])
    mine = set(own(rows, request.user).values_list("pk", flat=True)) if orders else set()
    return [one for one in orders if one.pk in mine]


def token(order: Order) -> str:
    """Changes when what the card shows does."""
    texts = sorted(order.blockers.values_list("code", "text"))
    known = [order.state, order.state_reason, order.refused, str(order.sales_order_id), texts]
    known += [order.fingerprint, order.disputed]
    return fingerprints.of_body(known)[:16]


def permissions(request: HttpRequest) -> dict[str, bool]:
    """What the user may do about an order, as the templates ask for it."""
    has = request.user.has_perms
    return {
        "may_read_again": has(["leaflink.sync_account"]),
        "may_link": has(["leaflink.add_listing", "catalog.view_item"]),
        "may_make_item": has(["catalog.add_item"]),
        "may_map": has(["leaflink.change_staff", "customers.view_salesrep"]),
        "may_make_rep": has(["leaflink.change_staff", "customers.add_salesrep"]),
        "may_choose_customer": has(["leaflink.change_customer", "customers.view_destination"]),
        "may_make_destination": has(["leaflink.change_customer", "customers.add_destination"]),
        "may_decide": has(["leaflink.decide_order"]),
        "may_do_the_same": has(["leaflink.decide_order", "orders.work_salesorder"]),
        "may_import_anyway": has(["leaflink.import_order_anyway"]),
    }


def read(order: Order) -> payloads.Order | None:
    """The order as LeafLink says it; None where that can't be read."""
    try:
        return payloads.parse(payloads.Order, order.raw)
    except BadPayload:
        return None


def reasons(order: Order, payload: payloads.Order | None) -> list[Reason]:
    """Every blocker of the order, with the likeliest cure where there is one."""
    blockers = list(order.blockers.select_related("staff", "product__account", "item", "order"))
    items = best_items([one.product for one in blockers if one.product])
    reps = map_reps.suggested([one.staff for one in blockers if one.staff])
    found = []
    for one in blockers:
        reason = Reason(one, cure_for(one), items.get(one.product_id or 0))
        if one.product and not reason.item:
            reason.new_item = _new_item(one.product, order)
        if one.staff:
            reason.rep = reps.get(one.staff.pk)
        if one.code == Code.CUSTOMER_UNKNOWN and order.customer and payload and payload.customer:
            reason.destinations = suggested_destinations(
                order.customer, known_as(order.customer, payload.customer)
            )
        found.append(reason)
    return found


def _new_item(product: Product, order: Order) -> str:
    """The form of a new item, filled in with what LeafLink says, that leads back to the order."""
    sold = AccountBrand.objects.filter(account=product.account_id)
    theirs = product.remote_brand_id or 0
    brand = sold.filter(leaflink_brand__remote_id=theirs).first()
    if brand is None and sold.count() == 1:
        brand = sold.first()
    known = {
        "sku": product.sku,
        "name": product.name,
        "case_size": product.unit_multiplier,
        "brand": brand.brand_id if brand else "",
        "next": reverse("admin:leaflink_order_change", args=[order.pk]),
    }
    return f"{reverse('admin:catalog_item_add')}?{urlencode(known)}"


def best_items(products: list[Product]) -> dict[int, tuple[Suggestion, Item]]:
    """By product id the likeliest item, where there is one that may be linked."""
    found = {pk: rows[0] for pk, rows in suggest.for_products(products).items() if rows}
    items = Item.objects.select_related("brand__leaflink__account").in_bulk(
        [one.thing.pk for one in found.values()]
    )
    by_id = {product.pk: product for product in products}
    return {
        pk: (one, items[one.thing.pk])
        for pk, one in found.items()
        if one.thing.pk in items and not why_not(items[one.thing.pk], by_id[pk])
    }


def places(order: Order, payload: payloads.Order) -> list[Place]:
    """The facilities an order could ship from, those that have all of its goods first."""
    book = book_for(order.account, [order.pk])
    needed: dict[int, Decimal] = {}
    for line in payload.line_items or []:
        item = book.items.get(line.product or 0)
        if item and line.quantity > 0 and line.price >= 0:
            needed[item.pk] = needed.get(item.pk, ZERO) + line.quantity
    facilities = list(Facility.objects.filter(is_active=True, sells=True))
    free = inventory.free_by_facility(needed, [one.pk for one in facilities])
    found = []
    for facility in facilities:
        missing = [units - max(free[pk, facility.pk], ZERO) for pk, units in needed.items()]
        found.append(Place(facility, sum((more for more in missing if more > 0), ZERO)))
    return sorted(found, key=lambda place: (place.missing, place.facility.name))[:MOST_FACILITIES]


def catching_up(order: Order) -> str:
    """What "do the same here" would do to our order; "" when LeafLink is not ahead of it."""
    local = order.sales_order
    ahead = CAUGHT_UP.get(order.status)
    if local is None or not ahead or local.status in ahead or local.status == Status.CANCELED:
        return ""
    return DOING[RemoteStatus(order.status)]


def versions(order: Order, payload: payloads.Order) -> dict[str, Any]:
    """An imported order beside what LeafLink says now, where that differs and waits for a choice.

    `differences` is empty when both say the same; `cannot_take` says why LeafLink's can't be taken.
    """
    local = order.sales_order
    assert local
    kept = is_kept(order, payload)
    over = remote_state(payload.status).meaning is Meaning.OVER
    if over and local.status != Status.CANCELED and (kept or order.state == State.CONFLICT):
        why = f"{local} is {local.get_status_display().lower()} here and over in LeafLink."
        return {"differences": Comparison(), "cannot_take": why, "is_kept": kept}
    if order.applied_customer_id not in (None, order.customer_id) and not over:
        why = f"{local} was made for {order.applied_customer}; LeafLink says {order.customer}."
        return {"differences": Comparison(), "cannot_take": why, "is_kept": kept}
    is_settled = order.applied_fingerprint == fingerprints.of_content(payload) and not kept
    if is_settled or over or local.status == Status.CANCELED:
        return {}
    try:
        wanted, _ = later_draft(
            order.account, order, local, payload, book_for(order.account, [order.pk])
        )
    except CannotApply as error:
        return {"differences": Comparison(), "cannot_take": f"LeafLink's version: {error}"}
    found: dict[str, Any] = {
        "differences": compare_orders.compare(local, wanted),
        "is_kept": kept,
    }
    if local.status not in OPEN:
        found["cannot_take"] = (
            f"{local} is {local.get_status_display().lower()}: its goods have left, so LeafLink's "
            "version can't be taken. Settle the difference with the buyer."
        )
    return found
