"""What becomes of a stored LeafLink order: imported, held with all its reasons, waiting, ignored.

`settle` is the one way in for webhook, poll, button and command. It locks the order, reads both
sides then, and may be called any number of times: settled is settled.
"""

from collections.abc import Iterable

from django.db import transaction

from catalog import commitments, inventory
from catalog.decimals import with_thousands
from integrations.leaflink import follow_orders, hints
from integrations.leaflink.draft_orders import Book, draft, facility, goods, line_name, sales_rep
from integrations.leaflink.mapping import fingerprints, money
from integrations.leaflink.mapping.statuses import (
    REASON_OVER,
    REMOTE_STATES,
    Meaning,
    RemoteStatus,
    remote_state,
)
from integrations.leaflink.match_customers import destination_for, matching_destination
from integrations.leaflink.models import Account, Blocker, LineItem, Order
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.errors import BadPayload
from orders import services

State = Order.State
Code = Blocker.Code


def settle_all(account: Account, order_ids: Iterable[int]) -> dict[int, Exception]:
    """Settle these orders one by one; returns those that failed, which never stop the others."""
    wanted = sorted(set(order_ids))
    if not wanted:
        return {}
    products = LineItem.objects.filter(order__in=wanted, product_remote_id__isnull=False)
    remote_ids = products.values_list("product_remote_id", flat=True)
    book = Book.load(account, {pk for pk in remote_ids if pk})
    failed: dict[int, Exception] = {}
    with hints.gathered():
        for order_id in wanted:
            try:
                settle(account, order_id, book)
            except Exception as error:
                failed[order_id] = error
    return failed


@transaction.atomic
def settle(account: Account, order_id: int, book: Book) -> Order:
    """Decide what becomes of the order, and do it. Returns it as it then is."""
    order = (
        Order.objects.select_for_update(of=("self",))
        .select_related("customer__destination")
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
    if order.sales_order_id:
        follow_orders.follow(account, order, payload, book)
    else:
        _decide(account, order, payload, book)
    return order


def _unreadable(order: Order, reason: str) -> None:
    text = f"{reason} Read it again once LeafLink sends it right."
    if order.sales_order_id:
        order.set_state(State.CONFLICT, text)
    else:
        _hold(order, [Blocker(code=Code.UNREADABLE, text=text[:600])])


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


def find_blockers(
    account: Account, order: Order, payload: payloads.Order, book: Book
) -> list[Blocker]:
    """Every reason for which the order can't be imported now; call it in a transaction."""
    found: list[Blocker] = []
    if payload.line_items is None:
        found.append(Blocker(code=Code.UNREADABLE, text="LeafLink sent the order without lines."))
    found += [
        Blocker(
            code=Code.UNREADABLE,
            text=f"{line_name(line, book)} has the quantity {line.quantity}: below zero.",
        )
        for line in payload.line_items or []
        if line.quantity < 0
    ]
    found += _rep_blockers(account, payload, book)
    found += _product_blockers(payload, book)
    found += _customer_blockers(account, order, payload)
    parts = money.parts(payload)
    if account.hold_on_total_mismatch and parts.difference:
        found.append(
            Blocker(code=Code.TOTAL_MISMATCH, text=f"The totals differ: {parts.explanation}.")
        )
    if found and account.shortage_rule == Account.ShortageRule.HOLD:
        # When nothing else is wrong, the import itself checks, in one go with the commitment.
        found += _shortage_blockers(account, payload, book)
    return found


def _rep_blockers(account: Account, payload: payloads.Order, book: Book) -> list[Blocker]:
    if not payload.sales_reps:
        if account.fallback_rep_id:
            return []
        cure = "Add a rep to the order in LeafLink, or choose a fallback rep for the account."
        return [Blocker(code=Code.NO_REP, text=f"The order has no sales rep. {cure}")]
    found = []
    for rep in payload.sales_reps:
        staff = book.staff.get(rep.id)
        if staff and staff.sales_rep_id:
            continue
        name = (staff.name if staff else "") or rep.user or rep.email or f"Staff {rep.id}"
        text = f"Rep {name} is not mapped. Map {name} to a sales rep."
        found.append(Blocker(code=Code.REP_UNMAPPED, text=text, staff=staff))
    return found


def _product_blockers(payload: payloads.Order, book: Book) -> list[Blocker]:
    found: dict[object, Blocker] = {}
    for line in goods(payload):
        if line.product in book.items:
            continue
        name = line_name(line, book)
        sku = str(line.frozen_product.get("sku") or "")
        found[line.product or line.id] = Blocker(
            code=Code.PRODUCT_UNLINKED,
            text=f"{name}{f' ({sku})' if sku else ''} is not linked to an item. Link it."[:600],
            product=book.products.get(line.product or 0),
        )
    return list(found.values())


def _customer_blockers(account: Account, order: Order, payload: payloads.Order) -> list[Blocker]:
    if payload.customer is None or order.customer is None:
        text = "LeafLink does not say who the customer is."
        return [Blocker(code=Code.CUSTOMER_UNKNOWN, text=text)]
    if account.customer_rule == Account.CustomerRule.CREATE:
        return []
    if matching_destination(order.customer):
        return []
    text = f"{order.customer} is not known here. Choose or create a destination."
    return [Blocker(code=Code.CUSTOMER_UNKNOWN, text=text)]


def _shortage_blockers(account: Account, payload: payloads.Order, book: Book) -> list[Blocker]:
    place = facility(account, sales_rep(account, payload, book))
    needs = [
        commitments.Need(
            book.items[line.product].pk, place.pk if place else None, line.quantity, ""
        )
        for line in goods(payload)
        if line.product in book.items
    ]
    return [_short(s, str(place or "all facilities")) for s in commitments.shortages(needs)]


def _short(shortage: inventory.Shortage, place: str) -> Blocker:
    return Blocker(
        code=Code.SHORT_OF_STOCK,
        text=(
            f"{shortage.item.name}: {with_thousands(shortage.needed)} needed, "
            f"{with_thousands(max(shortage.free, inventory.ZERO))} free at {place}. Receive stock."
        )[:600],
        item=shortage.item,
        facility_id=shortage.facility_id,
        missing=shortage.needed - max(shortage.free, inventory.ZERO),
    )


def _import(account: Account, order: Order, payload: payloads.Order, book: Book) -> list[Blocker]:
    """Create the sales order; returns blockers instead when stock turns out to be short."""
    # Without either, find_blockers has held the order.
    assert order.customer is not None
    assert payload.customer is not None
    try:
        with transaction.atomic():
            destination = destination_for(account, order.customer, payload.customer)
            wanted, warnings = draft(account, order, payload, book, destination)
            made = services.create(
                wanted, allow_short=account.shortage_rule == Account.ShortageRule.IMPORT
            )
    except inventory.OutOfStock as error:
        place = str(facility(account, sales_rep(account, payload, book)) or "all facilities")
        return [_short(shortage, place) for shortage in error.shortages]
    order.sales_order = made
    order.warnings = warnings
    order.applied_fingerprint = fingerprints.of_content(payload)
    order.blockers.all().delete()
    order.set_state(State.IMPORTED, "")
    return []


def _hold(order: Order, blockers: list[Blocker]) -> None:
    now = {(b.code, b.text) for b in blockers}
    if (
        order.state == State.HELD
        and not order.needs_settling
        and now == set(order.blockers.values_list("code", "text"))
    ):
        return
    order.blockers.all().delete()
    for blocker in blockers:
        blocker.order = order
    Blocker.objects.bulk_create(blockers)
    order.set_state(State.HELD, "")
