"""What becomes of a stored LeafLink order: imported, held with all its reasons, waiting, ignored.

`settle` is the one way in for webhook, poll, button and command. It locks the order, reads both
sides then, and may be called any number of times: settled is settled.
"""

from collections.abc import Iterable

from django.db import transaction

from catalog import inventory
from integrations.leaflink import agree_terms, follow_orders, hints, unsync_orders
from integrations.leaflink.blockers import find_blockers, is_waived, short_of_stock
from integrations.leaflink.draft_orders import Book, draft, route
from integrations.leaflink.mapping import fingerprints
from integrations.leaflink.mapping.statuses import (
    REASON_OVER,
    REMOTE_STATES,
    Meaning,
    RemoteStatus,
    remote_state,
)
from integrations.leaflink.match_customers import destination_for
from integrations.leaflink.models import Account, Blocker, LineItem, Order
from integrations.leaflink.wire import payloads
from integrations.wire.errors import BadPayload
from orders import services

State = Order.State


def settle_all(account: Account, order_ids: Iterable[int]) -> dict[int, Exception]:
    """Settle these orders one by one; returns those that failed, which never stop the others."""
    wanted = sorted(set(order_ids))
    if not wanted:
        return {}
    book = book_for(account, wanted)
    failed: dict[int, Exception] = {}
    with hints.gathered():
        for order_id in wanted:
            try:
                settle(account, order_id, book)
            except Exception as error:
                failed[order_id] = error
    return failed


def book_for(account: Account, order_ids: Iterable[int]) -> Book:
    """What settling these stored orders looks up."""
    lines = LineItem.objects.filter(order__in=list(order_ids))
    named = list(lines.values_list("product_remote_id", "batch_remote_id"))
    products = {product for product, _ in named if product}
    return Book.load(account, products, {batch for _, batch in named if batch})


@transaction.atomic
def settle(account: Account, order_id: int, book: Book) -> Order:
    """Decide what becomes of the order, and do it. Returns it as it then is."""
    order = (
        Order.objects.select_for_update(of=("self",))
        .select_related("customer__destination", "chosen_facility")
        .get(pk=order_id)
    )
    order.account = account
    if order.read_at is None or order.gone_at:
        return order
    try:
        payload = payloads.parse(payloads.Order, order.raw)
    except BadPayload as error:
        _unreadable(order, str(error))
        return order
    if not order.sales_order_id:
        agree_terms.note_number(account, order, payload)
    if not order.sales_order_id or not follow_orders.follow(account, order, payload, book):
        _decide(account, order, payload, book)
    return order


def _unreadable(order: Order, reason: str) -> None:
    text = f"{reason} Read it again once LeafLink sends it right."
    if order.sales_order_id:
        order.set_state(State.CONFLICT, text)
    else:
        _hold(order, [Blocker(code=Blocker.Code.UNREADABLE, text=text[:600])])


def _decide(account: Account, order: Order, payload: payloads.Order, book: Book) -> None:
    state, reason = _standing(account, order, payload)
    if state:
        order.blockers.all().delete()
        order.set_state(state, reason)
        return
    blockers = find_blockers(account, order, payload, book)
    if not blockers:
        blockers = _import(account, order, payload, book)
    if blockers:
        _hold(order, blockers)


def _standing(
    account: Account, order: Order, payload: payloads.Order
) -> tuple[Order.State | None, str]:
    """Whether the order is not to be imported (now), and why."""
    meaning = remote_state(payload.status).meaning
    if order.unsynced_fingerprint and (away := unsync_orders.stays_away(order, payload)):
        return State.IGNORED, away
    if payload.status not in REMOTE_STATES:
        return State.WAITING, f"LeafLink calls it “{payload.status}”, a status unknown here."
    if meaning is Meaning.NOT_YET:
        return State.WAITING, "It is still a draft in LeafLink."
    if meaning is Meaning.OVER:
        why = REASON_OVER[RemoteStatus(payload.status)]
        return State.IGNORED, f"It was {why} before it was imported."
    if meaning is Meaning.AHEAD:
        if order.state in (State.HELD, State.CONFLICT):
            return State.CONFLICT, (
                f"It was moved to {payload.status} in LeafLink while it was held here, so no stock "
                "has moved here. Take the goods out of stock by hand."
            )
        return State.IGNORED, f"It was {payload.status} already when it was first seen."
    if not account.import_orders:
        return State.IGNORED, "Importing orders is switched off for this account."
    cut_off = account.import_since
    if cut_off and order.placed_at and order.placed_at < cut_off and not order.backfilled:
        return State.IGNORED, "It was placed before the day from which orders are imported."
    if payload.status not in account.import_statuses:
        return State.WAITING, f"Orders that are {payload.status} are not imported by rule."
    return None, ""


def _import(account: Account, order: Order, payload: payloads.Order, book: Book) -> list[Blocker]:
    """Create the sales order; returns blockers instead when stock turns out to be short."""
    allow_short = account.shortage_rule == Account.ShortageRule.IMPORT or is_waived(
        order, payload, Blocker.Code.SHORT_OF_STOCK
    )
    way = None
    try:
        with transaction.atomic():
            destination = (
                destination_for(account, order.customer, payload.customer)
                if order.customer and payload.customer
                else None
            )
            way = route(account, order, payload, book, destination)
            wanted, warnings = draft(account, order, payload, book, destination, way.facility)
            made = services.create(wanted, allow_short=allow_short)
    except inventory.OutOfStock as error:
        place = way.facility if way else None
        return [short_of_stock(shortage, place) for shortage in error.shortages]
    order.sales_order = made
    order.warnings = warnings
    order.routed_by = way.reason[:300]
    order.applied_fingerprint = fingerprints.of_content(payload)
    order.applied_customer = order.customer
    order.agreed_status = payload.status[:30]
    agree_terms.begin(account, order, payload)
    if order.state == State.HELD:
        order.blockers.all().delete()
    from_where = f"It ships from {way.facility}. {way.reason}" if way.facility else way.reason
    order.set_state(State.IMPORTED, "", news=f"Imported as {made}. {from_where}")
    return []


def _hold(order: Order, blockers: list[Blocker]) -> None:
    before = list(order.blockers.all()) if order.state == State.HELD else []
    is_same = {(b.code, b.text) for b in before} == {(b.code, b.text) for b in blockers}
    if is_same and order.state == State.HELD and not order.needs_settling:
        return
    order.blockers.all().delete()
    for blocker in blockers:
        blocker.order = order
    Blocker.objects.bulk_create(blockers)
    # How many units are free changes all day; the timeline tells of reasons that come and go.
    is_news = {_subject(b) for b in before} != {_subject(b) for b in blockers}
    told = " ".join(blocker.text for blocker in blockers)
    order.set_state(State.HELD, "", news=f"Held. {told}" if is_news else "")


def _subject(blocker: Blocker) -> tuple[object, ...]:
    return blocker.code, blocker.staff_id, blocker.product_id, blocker.item_id
