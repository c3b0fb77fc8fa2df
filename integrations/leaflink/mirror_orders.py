"""Storing LeafLink's orders as they are: every one, from the first moment, whatever is in it.

What becomes of a stored order is decided afterwards, in `import_orders`.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations import work
from integrations.leaflink import cursors, payment_options
from integrations.leaflink.mapping import fingerprints
from integrations.leaflink.mapping.statuses import TAKEN_OUT, moves_quantity
from integrations.leaflink.models import (
    Account,
    Customer,
    LineItem,
    ListEntry,
    Order,
    OrderEvent,
    Product,
)
from integrations.leaflink.moved_goods import goods_moved
from integrations.leaflink.record_kinds import ORDER
from integrations.leaflink.unstorable import UNSTORABLE, note_unstorable
from integrations.leaflink.wire import payloads
from integrations.leaflink.work_kinds import BATCH_WORK, PRODUCT_WORK
from integrations.models import Notice, WorkItem
from integrations.notices import notify
from integrations.runs import Recorder
from integrations.wire.errors import BadPayload
from integrations.wire.fields import storable

ORDER_COLUMNS = [
    "short_id",
    "status",
    "buyer",
    "total",
    "placed_at",
    "modified",
    "read_at",
    "raw",
    "fingerprint",
    "customer",
    "needs_settling",
    "gone_at",
]


@dataclass
class Read:
    """An order as it came: with its payload, or without when that can't be read."""

    number: uuid.UUID
    body: Any
    payload: payloads.Order | None
    fingerprint: str

    @property
    def modified(self) -> datetime | None:
        return self.payload.modified if self.payload else None


@dataclass
class Page:
    """What became of a page: which orders are stored anew or changed, and how far it reaches."""

    numbers: list[uuid.UUID] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    newest: datetime | None = None


def expect_order(account: Account, number: str) -> None:
    """We have heard of an order (a webhook): list it as waiting until it was read."""
    Order.objects.bulk_create(
        [
            Order(
                account=account,
                number=number,
                short_id=number[-8:],
                placed_at=timezone.now(),
                state_reason="Heard of a moment ago; being read from LeafLink.",
            )
        ],
        ignore_conflicts=True,
    )


def store_page(
    account: Account, bodies: Sequence[Any], run: Recorder, *, dry: bool = False
) -> Page:
    """Store a page of orders in one transaction with a constant number of queries.

    An order whose stored `modified` is newer is left alone. Counts on `run`.
    """
    reads: dict[uuid.UUID, Read] = {}
    for body in bodies:
        run.seen += 1
        read = _read(account, body, run)
        if read is None:
            continue
        other = reads.get(read.number)
        run.skip("listed twice", int(other is not None))
        if other is None or not (
            other.modified and read.modified and read.modified < other.modified
        ):
            reads[read.number] = read
    page = Page(
        numbers=list(reads),
        newest=max((r.modified for r in reads.values() if r.modified), default=None),
    )
    if dry:
        known = dict(
            Order.objects.filter(account=account, number__in=list(reads)).values_list(
                "number", "fingerprint"
            )
        )
        news = {number for number, r in reads.items() if known.get(number) != r.fingerprint}
        _count(run, reads, news)
        return page
    failed = run.failed
    try:
        with transaction.atomic():
            changed = _store(account, reads)
    except UNSTORABLE:
        changed = _store_one_by_one(account, reads, run)
    page.changed = list(changed)
    _count(run, reads, set(changed.values()), unstorable=run.failed - failed)
    return page


def _count(
    run: Recorder, reads: dict[uuid.UUID, Read], news: set[uuid.UUID], *, unstorable: int = 0
) -> None:
    """Count what was new of a page, and what was not. (What can't be read or stored has failed.)"""
    run.changed += len(news)
    readable = {number for number, read in reads.items() if read.payload}
    run.skip("unchanged", len(readable - news) - unstorable)


def _store_one_by_one(
    account: Account, reads: dict[uuid.UUID, Read], run: Recorder
) -> dict[int, uuid.UUID]:
    """Something in the page can't be stored: find out what, and store the rest."""
    changed: dict[int, uuid.UUID] = {}
    for number, read in reads.items():
        try:
            with transaction.atomic():
                changed |= _store(account, {number: read})
        except UNSTORABLE as error:
            note_unstorable(account, ORDER, number, error, run)
    return changed


def _read(account: Account, body: Any, run: Recorder) -> Read | None:
    body = storable(body)
    try:
        payload = payloads.parse(payloads.Order, body)
    except BadPayload as error:
        raw_number = body.get("number") if isinstance(body, dict) else None
        run.problem(f"order {raw_number or '?'}", str(error), ORDER, raw_number or "")
        try:
            number = uuid.UUID(str(raw_number))
        except ValueError:
            text = f"An order in LeafLink's list has no number. {error}"
            notify(account, Notice.Category.UNREADABLE, "order without number", text)
            return None
        return Read(number, body, None, fingerprints.of_body(body))
    return Read(payload.number, body, payload, fingerprints.of_body(body))


def _store(account: Account, reads: dict[uuid.UUID, Read]) -> dict[int, uuid.UUID]:
    """Store what is news; returns the numbers of these orders by id."""
    now = timezone.now()
    # Sorted, so that two workers storing the same page never wait for each other in a circle.
    Order.objects.bulk_create(
        [
            Order(account=account, number=number, short_id=str(number)[-8:], placed_at=now)
            for number in sorted(reads)
        ],
        ignore_conflicts=True,
    )
    orders = list(
        Order.objects.select_for_update()
        .filter(account=account, number__in=list(reads))
        .order_by("pk")
    )
    changed = [order for order in orders if _is_news(order, reads[order.number])]
    customers = _customers(account, [reads[order.number] for order in changed])
    moved = [order for order in changed if _moves_quantity(order, reads[order.number])]
    seen_at = {order.pk: _seen_at(order, reads[order.number]) for order in moved}
    for order in changed:
        _lay_in(order, reads[order.number], customers, now)
    Order.objects.bulk_update(changed, ORDER_COLUMNS, batch_size=100)
    payment_options.learn(account, [read.payload for read in reads.values() if read.payload])
    _store_lines(account, [o for o in changed if _lines(reads[o.number]) is not None], reads)
    OrderEvent.objects.bulk_create(
        OrderEvent(order=order, kind=OrderEvent.Kind.READ, text=_told(reads[order.number]))
        for order in changed
    )
    goods_moved(account, [one.pk for one in moved], {pk: at for pk, at in seen_at.items() if at})
    return {order.pk: order.number for order in changed}


def _told(read: Read) -> str:
    """What a reading said, for the order's timeline."""
    payload = read.payload
    if payload is None:
        return "It came in a form that can't be read."
    total = "no total" if payload.total is None else f"${payload.total:,.2f}"
    lines = payload.line_items
    counted = "without lines" if lines is None else f"{len(lines)} line{'s' * (len(lines) != 1)}"
    return f"{payload.status or 'No status'}, {counted}, {total}."


def _moves_quantity(order: Order, read: Read) -> bool:
    payload = read.payload
    return payload is not None and moves_quantity(order.status, payload.status)


def _seen_at(order: Order, read: Read) -> datetime | None:
    """When the goods of an order that is fulfilled now were last known to be still there."""
    payload = read.payload
    if payload is None or payload.status not in TAKEN_OUT or order.status in TAKEN_OUT:
        return None
    return order.read_at or payload.created_on


def _is_news(order: Order, read: Read) -> bool:
    if order.modified and read.modified and read.modified < order.modified:
        return False
    # An order that was gone and is there again must be decided about anew.
    return order.fingerprint != read.fingerprint or order.gone_at is not None


def _lay_in(order: Order, read: Read, customers: dict[int, Customer], now: datetime) -> None:
    order.raw, order.fingerprint, order.read_at = read.body, read.fingerprint, now
    order.needs_settling, order.gone_at = True, None
    payload = read.payload
    if payload is None:
        return
    order.short_id = (payload.short_id or str(payload.number)[-8:])[:40]
    order.status = payload.status[:30]
    order.total = payload.total
    order.placed_at = payload.created_on or order.placed_at
    order.modified = payload.modified
    if payload.customer:
        order.customer = customers.get(payload.customer.id)
        order.buyer = payload.customer.label[:400]


def _customers(account: Account, reads: Sequence[Read]) -> dict[int, Customer]:
    """The customers of these orders; those never pulled are made from what the order says."""
    named = {
        read.payload.customer.id: read.payload.customer
        for read in reads
        if read.payload and read.payload.customer
    }
    rows = Customer.objects.filter(account=account, remote_id__in=list(named))
    known = {row.remote_id: row for row in rows.defer("raw")}
    missing = sorted(set(named) - set(known))
    if missing:
        Customer.objects.bulk_create(
            [
                Customer(
                    account=account,
                    remote_id=remote_id,
                    name=named[remote_id].label[:400],
                    license_number=named[remote_id].license_number[:100],
                    external_id=named[remote_id].external_id[:100],
                    email=named[remote_id].email[:255],
                )
                for remote_id in missing
            ],
            ignore_conflicts=True,
        )
        known = {row.remote_id: row for row in rows.all().defer("raw")}
    return known


def _lines(read: Read) -> list[payloads.LineItem] | None:
    return read.payload.line_items if read.payload else None


def _store_lines(account: Account, orders: list[Order], reads: dict[uuid.UUID, Read]) -> None:
    wanted = {
        line.product for o in orders for line in _lines(reads[o.number]) or [] if line.product
    }
    products = {
        row[0]: row[1:]
        for row in Product.objects.filter(account=account, remote_id__in=wanted).values_list(
            "remote_id", "sku", "name"
        )
    }
    unseen = wanted - products.keys()
    if unseen and cursors.start_of(account, "products"):
        # Until it was read, such a line keeps the name and SKU that the order itself gives.
        # (Before the first reading of all products, they are all coming anyway.)
        work.ask(account.pk, PRODUCT_WORK, sorted(map(str, unseen)), WorkItem.Priority.ORDERS)
    _ask_for_batches(account, orders, reads)
    LineItem.objects.filter(order__in=orders).delete()
    LineItem.objects.bulk_create(
        [
            _line_row(order, position, line, products)
            for order in orders
            for position, line in enumerate(_lines(reads[order.number]) or [], start=1)
        ],
        batch_size=500,
        ignore_conflicts=True,
    )


def _ask_for_batches(
    account: Account, orders: Sequence[Order], reads: dict[uuid.UUID, Read]
) -> None:
    """Have the batches read that lines name and nobody has read yet."""
    named = {x.batch for o in orders for x in _lines(reads[o.number]) or [] if x.batch}
    if not named:
        return
    known = ListEntry.objects.filter(
        account=account, list=ListEntry.List.BATCH, remote_id__in=named
    )
    if named - set(known.values_list("remote_id", flat=True)):
        work.ask(account.pk, BATCH_WORK, ["unread"], WorkItem.Priority.ORDERS)


def _line_row(
    order: Order,
    position: int,
    line: payloads.LineItem,
    products: Mapping[int, tuple[str, str]],
) -> LineItem:
    sku, name = products.get(line.product or 0, ("", ""))
    frozen = line.frozen_product
    return LineItem(
        order=order,
        remote_id=line.id,
        position=position,
        product_remote_id=line.product,
        sku=str(frozen.get("sku") or sku)[:255],
        name=str(frozen.get("name") or name or _unnamed(line.product))[:500],
        quantity=line.quantity,
        unit_multiplier=line.unit_multiplier,
        price=line.price,
        is_sample=line.is_sample,
        batch_remote_id=line.batch,
    )


def name_lines(account: Account, remote_id: int) -> None:
    """Give the lines of a product that was read at last its name, where the order gave none."""
    product = Product.objects.filter(account=account, remote_id=remote_id).first()
    if product:
        LineItem.objects.filter(
            order__account=account, product_remote_id=remote_id, name=_unnamed(remote_id)
        ).update(name=product.name[:500], sku=product.sku[:255])


def _unnamed(remote_id: int | None) -> str:
    return f"Product {remote_id or 'unknown'}"


@transaction.atomic
def note_gone(account: Account, number: str) -> None:
    """LeafLink no longer has this order."""
    order = Order.objects.select_for_update().get(account=account, number=number)
    order.blockers.all().delete()
    order.gone_at = timezone.now()
    order.save(update_fields=["gone_at"])
    order.set_state(
        Order.State.CONFLICT if order.sales_order_id else Order.State.IGNORED,
        "LeafLink no longer has this order.",
    )
