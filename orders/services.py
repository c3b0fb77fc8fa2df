"""Every verb on a sales order. Each is one transaction, locks the order first and reads it then.

Setting stock aside is in `allocation`, terms in `terms`, money in `payments`.

A verb that is not allowed raises `orders.status.IllegalMove`; one that lacks stock raises
`catalog.inventory.OutOfStock`. Both texts are for people, and nothing has changed.
"""

import uuid
from collections.abc import Sequence

from django.db import transaction

from catalog import commitments
from catalog.inventory import By
from catalog.models import Facility
from customers.models import Destination
from orders.allocation import allocate, allocate_by_hand, ask_for_any_lot, deallocate
from orders.drafts import HEADER_FIELDS, DiscountDraft, LineDraft, OrderDraft
from orders.models import (
    Allocation,
    OrderDiscount,
    OrderLine,
    SalesOrder,
    StatusChange,
)
from orders.moves import lock, move, note, verb
from orders.signals import announce_order_change
from orders.status import OPEN, IllegalMove, Status
from orders.terms import change_terms

__all__ = [
    "allocate",
    "allocate_by_hand",
    "ask_for_any_lot",
    "cancel",
    "change_terms",
    "commitment_ids",
    "complete",
    "create",
    "deallocate",
    "delete",
    "lock",
    "move",
    "move_to_facility",
    "note",
    "set_destination",
    "ship",
    "write_discounts",
    "write_lines",
]


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
            lot_number=line.lot_number,
            waived_lot=line.waived_lot,
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


def commitment_ids(order: SalesOrder) -> list[int]:
    """The promises of stock that the order holds."""
    return list(
        order.lines.filter(commitment__isnull=False).values_list("commitment_id", flat=True)
    )


@verb
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


@verb
def complete(order: SalesOrder, *, by: By = None, reason: str = "") -> None:
    """The customer has received everything."""
    move(order, Status.COMPLETED, by=by, reason=reason)


@verb
def cancel(order: SalesOrder, *, reason: str, by: By = None) -> None:
    """Call the order off: its units are free again. Not possible once it is shipped."""
    if not reason.strip():
        raise IllegalMove(f"Say why order {order.number} is canceled.")
    move(order, Status.CANCELED, by=by, reason=reason)
    Allocation.objects.filter(line__order=order).delete()
    commitments.release(commitment_ids(order), reason=reason, by=by)


@verb
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


@verb
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


@transaction.atomic
def delete(order: SalesOrder, *, reason: str, by: By = None) -> str:
    """Take an order out of the books; its units are free again. Returns what was done, in words.

    Raises IllegalMove for an order that has moved stock or money: those stay on record.
    """
    order = lock(order.pk)
    if not reason.strip():
        raise IllegalMove(f"Say why order {order.number} is deleted.")
    if order.status not in (*OPEN, Status.CANCELED):
        raise IllegalMove(
            f"Order {order.number} is {order.get_status_display().lower()}: its goods have left, "
            "so it stays on record."
        )
    if order.payments.exists():
        raise IllegalMove(
            f"Order {order.number} has payments, so it stays on record. Void them and cancel it."
        )
    told = f"{order.number}, {order.get_status_display().lower()}, ${order.total:,.2f}"
    Allocation.objects.filter(line__order=order).delete()
    commitments.release(commitment_ids(order), reason=reason, by=by)
    order_id = order.pk
    order.delete()
    announce_order_change(order_id)
    return f"{told}, is deleted."
