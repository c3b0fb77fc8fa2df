"""Every verb on a sales order. Each is one transaction, locks the order first and reads it then.

A verb that is not allowed raises `orders.status.IllegalMove`; one that lacks stock raises
`catalog.inventory.OutOfStock`. Both texts are for people, and nothing has changed.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from typing import Concatenate, ParamSpec

from django.db import transaction
from django.db.models import F, Sum

from catalog import commitments, inventory
from catalog.decimals import units
from catalog.inventory import By
from catalog.models import Facility, Stock
from customers.models import Destination
from orders.drafts import HEADER_FIELDS, DiscountDraft, LineDraft, OrderDraft
from orders.models import (
    Allocation,
    OrderDiscount,
    OrderLine,
    SalesOrder,
    StatusChange,
)
from orders.signals import announce_order_change
from orders.status import OPEN, IllegalMove, Status, check_move

P = ParamSpec("P")


@transaction.atomic
def create(draft: OrderDraft, *, allow_short: bool = False, by: By = None) -> SalesOrder:
    """Create an order in state Created and commit its units, all in one transaction.

    Raises OutOfStock (nothing is created) when units are missing, unless `allow_short`.
    """
    order = SalesOrder.objects.create(
        # Unique until the row has its id, which the readable number is made of.
        number=uuid.uuid4().hex,
        **{name: getattr(draft, name) for name in HEADER_FIELDS},
    )
    order.number = f"SO-{order.pk:06d}"
    order.save(update_fields=["number"])
    write_lines(order, list(enumerate(draft.lines, start=1)), allow_short=allow_short, by=by)
    write_discounts(order, draft.discounts)
    StatusChange.objects.create(order=order, new=Status.CREATED, by=by, reason=draft.channel)
    announce_order_change(order.pk)
    return order


def write_lines(
    order: SalesOrder, lines: Sequence[tuple[int, LineDraft]], *, allow_short: bool, by: By
) -> None:
    """Add lines at these positions and commit their units. Raises OutOfStock unless `allow_short`;
    call it in a transaction that holds the order."""
    needs = [
        commitments.Need(line.item.pk, order.facility_id, line.quantity, order.number)
        for _, line in lines
        if line.item
    ]
    promises = iter(commitments.commit(needs, allow_short=allow_short, by=by))
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            position=position,
            item=line.item,
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            case_size=line.case_size,
            price=line.price,
            is_sample=line.is_sample,
            is_medical=line.is_medical,
            notes=line.notes,
            channel_line=line.channel_line,
            commitment=next(promises) if line.item else None,
        )
        for position, line in lines
    )


def write_discounts(order: SalesOrder, discounts: Sequence[DiscountDraft]) -> None:
    """Add these discounts to the order."""
    OrderDiscount.objects.bulk_create(
        OrderDiscount(order=order, kind=d.kind, label=d.label, percent=d.percent, amount=d.amount)
        for d in discounts
    )


def lock(order_id: int) -> SalesOrder:
    """Return the order as it is now, locked until the transaction ends."""
    return SalesOrder.objects.select_for_update().get(pk=order_id)


def commitment_ids(order: SalesOrder) -> list[int]:
    """The promises of stock that the order holds."""
    return list(
        order.lines.filter(commitment__isnull=False).values_list("commitment_id", flat=True)
    )


def _verb(
    function: Callable[Concatenate[SalesOrder, P], None],
) -> Callable[Concatenate[SalesOrder, P], SalesOrder]:
    """Run a verb in a transaction on the freshly locked order, and announce the change."""

    @wraps(function)
    def run(order: SalesOrder, *args: P.args, **kwargs: P.kwargs) -> SalesOrder:
        with transaction.atomic():
            fresh = lock(order.pk)
            function(fresh, *args, **kwargs)
            announce_order_change(fresh.pk)
        return fresh

    return run  # type: ignore[return-value]  # wraps() names the parameter


def move(order: SalesOrder, new: Status, *, by: By, reason: str = "") -> None:
    """Write the order's new status and who moved it why. Raises IllegalMove."""
    old = Status(order.status)
    check_move(order.number, old, new)
    order.status = new
    order.save(update_fields=["status"])
    StatusChange.objects.create(order=order, old=old, new=new, by=by, reason=reason)


@_verb
def allocate(order: SalesOrder, *, by: By = None) -> None:
    """Set stock aside for every line, the oldest first, at the order's facility.

    Allocates what there is: the order becomes Allocated, or Partially allocated when some units
    are missing. Raises OutOfStock when not a single unit more can be allocated.
    """
    if order.status not in (Status.CREATED, Status.PARTIALLY_ALLOCATED):
        check_move(order.number, Status(order.status), Status.ALLOCATED)
    lines = list(order.lines.filter(item__isnull=False).prefetch_related("allocations"))
    unknown = order.lines.filter(item__isnull=True).count()
    # The item locks of `shortages` keep two orders from taking the same units.
    commitments.shortages(
        [commitments.Need(x.item_id, order.facility_id, x.quantity, "") for x in lines if x.item_id]
    )
    shelves = _shelves(order, lines)
    made: list[Allocation] = []
    missing = bool(unknown)
    for line in lines:
        mine = {a.stock_id: a for a in line.allocations.all()}
        wanted = units(line.quantity) - sum((units(a.quantity) for a in mine.values()), Decimal(0))
        for shelf in shelves.get(line.item_id or 0, []):
            if line.requested_lot_id and shelf.stock.lot_id != line.requested_lot_id:
                continue
            taken = min(wanted, shelf.free)
            if taken <= 0:
                continue
            shelf.free -= taken
            wanted -= taken
            allocation = mine.get(shelf.stock.pk) or Allocation(
                line=line, stock=shelf.stock, quantity=Decimal(0)
            )
            allocation.quantity = units(allocation.quantity) + taken
            made.append(allocation)
        missing = missing or wanted > 0
    if not made and missing:
        raise inventory.OutOfStock(
            f"Nothing on the shelf of {order.facility or 'any facility'} is free for order "
            f"{order.number}. Receive stock, or move the order to another facility."
        )
    for allocation in made:
        allocation.save()
    new = Status.PARTIALLY_ALLOCATED if missing else Status.ALLOCATED
    if order.status != new:
        move(order, new, by=by)


@dataclass
class _Shelf:
    stock: Stock
    free: Decimal


def _shelves(order: SalesOrder, lines: Sequence[OrderLine]) -> dict[int, list[_Shelf]]:
    """The sellable stock rows of the lines' items, oldest first, with what is not yet allocated."""
    query = inventory.sellable_stock().filter(item__in={line.item_id for line in lines})
    if order.facility_id:
        query = query.filter(facility=order.facility_id)
    rows = list(
        query.order_by(
            F("lot__expires_on").asc(nulls_last=True),
            F("lot__produced_on").asc(nulls_last=True),
            "first_received_at",
            "pk",
        )
    )
    taken = dict(
        Allocation.objects.filter(stock__in=rows, shipped=False)
        .order_by()
        .values_list("stock")
        .annotate(Sum("quantity"))
    )
    shelves: dict[int, list[_Shelf]] = {}
    for row in rows:
        free = units(row.on_hand) - units(taken.get(row.pk))
        shelves.setdefault(row.item_id, []).append(_Shelf(row, free))
    return shelves


@_verb
def deallocate(order: SalesOrder, *, by: By = None, reason: str = "") -> None:
    """Put everything that was set aside back; the order is Created again."""
    move(order, Status.CREATED, by=by, reason=reason)
    Allocation.objects.filter(line__order=order).delete()


@_verb
def ship(order: SalesOrder, *, by: By = None) -> None:
    """Take the allocated units out of stock. The order must be fully allocated."""
    move(order, Status.SHIPPED, by=by)
    allocations = Allocation.objects.filter(line__order=order).select_related("line")
    commitments.ship(
        [commitments.Pick(a.stock_id, a.line.commitment_id, a.quantity) for a in allocations],
        reference=order.number,
        by=by,
    )
    allocations.update(shipped=True)


@_verb
def complete(order: SalesOrder, *, by: By = None, reason: str = "") -> None:
    """The customer has received everything."""
    move(order, Status.COMPLETED, by=by, reason=reason)


@_verb
def cancel(order: SalesOrder, *, reason: str, by: By = None) -> None:
    """Call the order off: its units are free again. Not possible once it is shipped."""
    if not reason.strip():
        raise IllegalMove(f"Say why order {order.number} is canceled.")
    move(order, Status.CANCELED, by=by, reason=reason)
    Allocation.objects.filter(line__order=order).delete()
    commitments.release(commitment_ids(order), reason=reason, by=by)


@_verb
def move_to_facility(order: SalesOrder, facility: Facility, *, by: By = None) -> None:
    """Ship the order from another facility, while it is Created.

    Raises OutOfStock when that facility has too little free.
    """
    if order.status != Status.CREATED:
        raise IllegalMove(
            f"Order {order.number} is {order.get_status_display().lower()}: deallocate it before "
            "moving it to another facility."
        )
    commitments.move_commitments(commitment_ids(order), facility.pk)
    before = order.facility
    order.facility = facility
    order.save(update_fields=["facility"])
    note(order, f"Ships from: {before or 'anywhere'} → {facility}", by=by)


@_verb
def set_destination(order: SalesOrder, destination: Destination, *, by: By = None) -> None:
    """Ship the order to another destination, or to one at last; not once it has left."""
    if order.status not in OPEN:
        raise IllegalMove(
            f"Order {order.number} is {order.get_status_display().lower()}: its destination can "
            "no longer be changed."
        )
    if order.destination_id == destination.pk:
        return
    before = order.destination
    order.destination = destination
    order.save(update_fields=["destination"])
    note(order, f"Destination: {before or 'none'} → {destination}", by=by)


def note(order: SalesOrder, text: str, *, by: By = None) -> None:
    """Add something that is no change of status to the order's history."""
    status = Status(order.status)
    StatusChange.objects.create(order=order, old=status, new=status, by=by, reason=text[:500])
