"""Setting stock aside for an order: the oldest first, or line by line from lots a person chose.

A line that asks for a lot gets its units from that lot only. Allocated units stay on hand until
they are shipped, and no unit is set aside twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import F, Sum

from catalog import inventory
from catalog.decimals import plain, units, with_thousands
from catalog.inventory import By
from catalog.models import Stock
from orders.models import Allocation, OrderLine, SalesOrder
from orders.moves import move, note, verb
from orders.status import OPEN, IllegalMove, Status, check_move

ZERO = Decimal(0)


@dataclass
class Shelf:
    """A sellable stock row, and how many of its base units are set aside for nobody."""

    stock: Stock
    free: Decimal

    def serves(self, line: OrderLine) -> bool:
        """Whether the line may be filled from here: a line that asks for a lot, only from it."""
        return is_of_lot(self.stock, line.lot_number)


def is_of_lot(stock: Stock, lot_number: str) -> bool:
    """Whether stock is of the lot that is asked for; "" asks for none."""
    number = stock.lot.number if stock.lot else ""
    return not lot_number or number.casefold() == lot_number.casefold()


def shelves(order: SalesOrder, lines: Sequence[OrderLine]) -> dict[int, list[Shelf]]:
    """By item the sellable stock rows at the order's facility, oldest first."""
    query = inventory.sellable_stock().filter(item__in={line.item_id for line in lines})
    if order.facility_id:
        query = query.filter(facility=order.facility_id)
    rows = list(
        query.select_related("lot", "item", "facility").order_by(
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
    found: dict[int, list[Shelf]] = {}
    for row in rows:
        free = units(row.on_hand) - units(taken.get(row.pk))
        found.setdefault(row.item_id, []).append(Shelf(row, free))
    return found


def set_aside(line: OrderLine) -> Decimal:
    """Base units set aside for a line."""
    return sum((units(a.quantity) for a in line.allocations.all()), ZERO)


def _lines_of(order: SalesOrder) -> list[OrderLine]:
    """The lines that have an item, with their items locked: two orders never take one unit."""
    lines = list(order.lines.filter(item__isnull=False).prefetch_related("allocations"))
    inventory.lock_items(line.item_id for line in lines if line.item_id)
    return lines


@verb
def allocate(order: SalesOrder, *, by: By = None) -> None:
    """Set stock aside for every line, the oldest first, at the order's facility.

    Allocates what there is: the order becomes Allocated, or Partially allocated when some units
    are missing. Raises OutOfStock when not a single unit more can be allocated.
    """
    if order.status not in (Status.CREATED, Status.PARTIALLY_ALLOCATED):
        check_move(order.number, Status(order.status), Status.ALLOCATED)
    lines = _lines_of(order)
    by_item = shelves(order, lines)
    made: list[Allocation] = []
    missing = order.lines.filter(item__isnull=True).exists()
    # Those that ask for a lot first: others can do without it.
    for line in sorted(lines, key=lambda line: not line.lot_number):
        mine = {a.stock_id: a for a in line.allocations.all()}
        wanted = units(line.quantity) - set_aside(line)
        for shelf in by_item.get(line.item_id or 0, []):
            taken = min(wanted, shelf.free)
            if taken <= 0 or not shelf.serves(line):
                continue
            shelf.free -= taken
            wanted -= taken
            allocation = mine.get(shelf.stock.pk) or Allocation(
                line=line, stock=shelf.stock, quantity=ZERO
            )
            allocation.quantity = units(allocation.quantity) + taken
            made.append(allocation)
        missing = missing or wanted > 0
    if not made and missing:
        raise inventory.OutOfStock(_nothing_there(order, lines))
    for allocation in made:
        allocation.save()
    new = Status.PARTIALLY_ALLOCATED if missing else Status.ALLOCATED
    if order.status != new:
        move(order, new, by=by)


def _nothing_there(order: SalesOrder, lines: Sequence[OrderLine]) -> str:
    lots = sorted({line.lot_number for line in lines if line.lot_number})
    cure = "Receive stock, or move the order to another facility."
    if lots:
        cure = (
            f"Receive stock, or choose other lots under Allocate by lot: lines ask for lot "
            f"{', '.join(lots)}."
        )
    return (
        f"Nothing on the shelf of {order.facility or 'any facility'} is free for order "
        f"{order.number}. {cure}"
    )


@verb
def allocate_by_hand(
    order: SalesOrder, wanted: Mapping[tuple[int, int], Decimal], *, by: By = None
) -> None:
    """Set aside exactly these base units, by (line id, stock id); 0 puts back, what is not named
    stays as it is. The order becomes Allocated, Partially allocated or Created accordingly.

    Raises IllegalMove for what an order can't have, OutOfStock when a shelf has too little free.
    """
    if order.status not in OPEN:
        raise IllegalMove(
            f"Order {order.number} is {order.get_status_display().lower()}: nothing can be set "
            "aside for it any more."
        )
    lines = {line.pk: line for line in _lines_of(order)}
    rows = {
        shelf.stock.pk: shelf
        for shelves_ in shelves(order, list(lines.values())).values()
        for shelf in shelves_
    }
    present = {
        (a.line_id, a.stock_id): a for line in lines.values() for a in line.allocations.all()
    }
    changed = False
    # First all that is put back: what one line gives up, another may take.
    for key, quantity in sorted(wanted.items(), key=lambda one: one[1]):
        mine = present.get(key)
        before = units(mine.quantity) if mine else ZERO
        more = _checked(order, lines.get(key[0]), rows.get(key[1]), units(quantity), before)
        changed = changed or more != 0
        if key[1] in rows:
            rows[key[1]].free -= more
        if quantity == 0 and mine:
            mine.delete()
        elif more:
            mine = mine or Allocation(line=lines[key[0]], stock=rows[key[1]].stock)
            mine.quantity = units(quantity)
            mine.save()
    if over := [rows[pk].stock for _, pk in wanted if pk in rows and rows[pk].free < 0]:
        raise inventory.OutOfStock(
            f"{over[0].facility} has too little of {over[0].item.name}"
            + (f", lot {over[0].lot}" if over[0].lot else "")
            + ": some of it is set aside for other orders. Look at what is free, and choose again."
        )
    if changed:
        _settle(order, by)


def _checked(
    order: SalesOrder,
    line: OrderLine | None,
    shelf: Shelf | None,
    quantity: Decimal,
    before: Decimal,
) -> Decimal:
    """How many base units more a line takes from a shelf (less: below zero)."""
    if quantity == before or (quantity == 0 and line is not None):
        return quantity - before
    if line is None:
        raise IllegalMove(
            f"Order {order.number} was changed since the page was opened. Look again."
        )
    if quantity < 0:
        raise IllegalMove(f"{line.name}: units can't be below zero.")
    if quantity % 1 and not line.quantity % 1:
        raise IllegalMove(f"{line.name}: {plain(quantity)} is no whole number of units.")
    if shelf is None or shelf.stock.item_id != line.item_id:
        raise IllegalMove(
            f"{line.name}: that stock is gone, on hold or at another facility. Look again."
        )
    if not shelf.serves(line):
        raise IllegalMove(
            f"{line.name}: lot {line.lot_number} was ordered, so it can't be filled from lot "
            f"{shelf.stock.lot or '–'}. Ask for any lot first, if the buyer agrees."
        )
    return quantity - before


def _settle(order: SalesOrder, by: By) -> None:
    """Move the order to where its allocations are, or note that they changed."""
    lines = list(order.lines.prefetch_related("allocations__stock__lot"))
    for line in lines:
        if (there := set_aside(line)) > line.quantity:
            raise IllegalMove(
                f"{line.name}: {with_thousands(there)} units would be set aside, "
                f"{with_thousands(line.quantity)} were ordered. Take fewer."
            )
    told = "; ".join(filter(None, map(_told, lines))) or "nothing"
    if all(set_aside(line) == line.quantity for line in lines):
        new = Status.ALLOCATED
    else:
        new = Status.PARTIALLY_ALLOCATED if any(map(set_aside, lines)) else Status.CREATED
    if new == order.status:
        note(order, f"Set aside by hand: {told}", by=by)
    else:
        move(order, new, by=by, reason=f"By hand: {told}")


def _told(line: OrderLine) -> str:
    rows = [
        f"{with_thousands(a.quantity)}" + (f" of lot {a.stock.lot}" if a.stock.lot else "")
        for a in line.allocations.all()
    ]
    return f"{line.name}: {', '.join(rows)}" if rows else ""


@verb
def ask_for_any_lot(order: SalesOrder, line_id: int, *, by: By = None) -> None:
    """Let a line that asks for a lot be filled from any."""
    line = order.lines.filter(pk=line_id).first()
    if line is None or order.status not in OPEN:
        raise IllegalMove(
            f"Order {order.number} was changed since the page was opened. Look again."
        )
    if not line.lot_number:
        return
    note(order, f"{line.name}: any lot will do, instead of {line.lot_number}", by=by)
    line.lot_number, line.waived_lot = "", line.lot_number
    line.save(update_fields=["lot_number", "waived_lot"])


@verb
def deallocate(order: SalesOrder, *, by: By = None, reason: str = "") -> None:
    """Put everything that was set aside back; the order is Created again."""
    move(order, Status.CREATED, by=by, reason=reason)
    Allocation.objects.filter(line__order=order).delete()
