"""Deciding about what did not arrive whole: it came back, it is lost, or the count stands."""

from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from catalog import inventory
from catalog.decimals import units, with_thousands
from catalog.models import Facility, Item, Lot, Movement
from integrations.metrc import reconcile
from integrations.metrc.mapping.reconcile import in_words
from integrations.metrc.mapping.units import in_base_units
from integrations.metrc.models import Discrepancy, Match, Package, PackageAssignment
from orders import moves
from orders.models import Allocation, OrderLine, SalesOrder
from orders.status import OPEN

Kind, Decision = Discrepancy.Kind, Discrepancy.Decision
ZERO = Decimal(0)


class CannotSettle(Exception):
    """The decision can't be taken; the text says why and what to do instead."""


def choices_of(found: Discrepancy) -> list[Discrepancy.Decision]:
    """What can be decided about a discrepancy, the likeliest first."""
    if found.kind == Kind.OVER:
        return [Decision.ACCEPTED]
    if found.kind == Kind.REJECTED:
        return [Decision.RETURNED, Decision.WRITTEN_OFF]
    return [Decision.ACCEPTED, Decision.WRITTEN_OFF, Decision.RETURNED]


@transaction.atomic
def settle(discrepancy_id: int, decision: str, *, note: str = "", by: User) -> bool:
    """Write down what was decided, and put what came back into stock. False: it was decided so
    already, and nothing is done again.

    Raises CannotSettle, or catalog.inventory.InventoryError; nothing has changed then.
    """
    asked = Discrepancy.objects.filter(pk=discrepancy_id)
    order_id = asked.values_list("match__order", flat=True).first()
    if order_id is None:
        raise CannotSettle(
            "Metrc has corrected the receipt: this difference is no longer there. Nothing is to "
            "be decided."
        )
    order = moves.lock(order_id)
    row = Discrepancy.objects.select_for_update().filter(pk=discrepancy_id).first()
    if row is None:
        raise CannotSettle("Metrc has corrected the receipt: this difference is no longer there.")
    if row.decision:
        return _decided_before(row, decision)
    if decision not in choices_of(row):
        raise CannotSettle(f"{row.label}: choose what becomes of it first.")
    match = Match.objects.select_related("delivery__transfer").get(pk=row.match_id)
    if match.ended_at:
        raise CannotSettle(
            f"Order {order.number} is no longer matched with {match.delivery.transfer}. Match it "
            "again first."
        )
    done = _put_back(order, match, row, by) if decision == Decision.RETURNED else ""
    # The row is locked, but not on every database: whoever writes the decision first has it.
    undecided = Discrepancy.objects.filter(pk=row.pk, decision="")
    if not undecided.update(
        decision=decision, note=note.strip()[:500], decided_at=timezone.now(), decided_by=by
    ):
        raise CannotSettle(f"{row.label} was decided about by somebody else just now.")
    moves.note(order, _told(row, match, decision, done, note), by=by)
    return True


def _decided_before(row: Discrepancy, decision: str) -> bool:
    if row.decision == decision:
        return False
    raise CannotSettle(
        f"{row.label} was decided about already: “{row.get_decision_display()}”. What was wrong "
        "about that is corrected in stock by hand."
    )


def _told(row: Discrepancy, match: Match, decision: str, done: str, note: str) -> str:
    """The line in the order's history."""
    what = {Kind.SHORT: "received short", Kind.OVER: "received more"}.get(Kind(row.kind), "")
    amount = in_words(units(row.quantity), row.unit)
    text = f"{match.delivery.transfer}, package {row.label}: {amount} {what or 'rejected'}. "
    text += f"{Decision(decision).label}{done}."
    return f"{text} {note.strip()}".strip()


def _put_back(order: SalesOrder, match: Match, row: Discrepancy, by: User) -> str:
    """Put the units of a discrepancy into stock again; returns where, in words."""
    if order.status in OPEN:
        raise CannotSettle(
            f"Order {order.number} is {order.get_status_display().lower()}: its units have not "
            "left stock here, so none can come back. Ship the order first."
        )
    line = next(
        (one for one, _, package in reconcile.of(order).packages() if package.label == row.label),
        None,
    )
    if line is None or line.item is None:
        raise CannotSettle(
            f"Package {row.label} is on no line of order {order.number}, so it is not known which "
            "item came back. Put the package to its line, or receive the units into stock by hand "
            "and choose “The count stands” or “It is lost” here."
        )
    quantity = in_base_units(units(row.quantity), row.unit, line.item.unit_of_measure)
    if quantity is None:
        raise CannotSettle(
            f"Package {row.label} is counted in {row.unit} in Metrc and in "
            f"{line.item.get_unit_of_measure_display().lower()}s here. Receive the units into "
            "stock by hand, and choose another answer here."
        )
    before = [
        in_base_units(units(one.quantity), one.unit, line.item.unit_of_measure)
        for one in Discrepancy.objects.filter(
            match__order=order,
            label=row.label,
            decision=Decision.RETURNED,
            match__delivery=match.delivery_id,
        ).exclude(pk=row.pk)
    ]
    quantity = max(ZERO, quantity - sum(filter(None, before), ZERO))
    reason = f"Package {row.label} came back from {match.delivery.transfer}"
    places = []
    for facility, lot, part in _shares(order, line, row.label, quantity):
        inventory.receive(
            line.item, facility, part, lot, reason=reason[:300], reference=order.number, by=by
        )
        places.append(f"{with_thousands(part)} at {facility}" + (f", lot {lot}" if lot else ""))
    if row.kind == Kind.REJECTED:
        # The package is ours again, and may go to another order.
        rows = PackageAssignment.objects.filter(
            line__order=order, package__label=row.label, ended_at__isnull=True
        )
        rows.update(ended_at=timezone.now())
    return f": {'; '.join(places)}"


Share = tuple[Facility, Lot | None, Decimal]


def _shares(order: SalesOrder, line: OrderLine, label: str, quantity: Decimal) -> list[Share]:
    """Into which lots the units go: the package's own, else those that the line was filled from,
    each up to what it gave; what is left over into the first of them."""
    rows = Allocation.objects.filter(line__order=order, line__item=line.item_id, shipped=True)
    given: dict[tuple[int, int | None], Decimal] = {}
    stock = {}
    package = Package.objects.filter(label=label, lot__item=line.item_id)
    own_lot = package.values_list("lot", flat=True).first()
    for one in sorted(
        rows.select_related("stock__facility", "stock__lot"),
        key=lambda one: (
            own_lot is None or one.stock.lot_id != own_lot,
            one.line_id != line.pk,
            one.pk,
        ),
    ):
        key = (one.stock.facility_id, one.stock.lot_id)
        stock[key] = one.stock
        given[key] = given.get(key, ZERO) + units(one.quantity)
    if not given:
        return [_without_allocation(order, line.item, own_lot, quantity)]
    for key, came_back in _came_back(order, line.item).items():
        if key in given:
            given[key] = max(ZERO, given[key] - came_back)
    left = quantity
    shares: dict[tuple[int, int | None], Decimal] = {}
    for key, free in given.items():
        part = min(left, free)
        if part > 0:
            shares[key] = part
            left -= part
    if left > 0:
        first = next(iter(given))
        shares[first] = shares.get(first, ZERO) + left
    return [(stock[key].facility, stock[key].lot, part) for key, part in shares.items()]


def _without_allocation(
    order: SalesOrder, item: Item | None, own_lot: int | None, quantity: Decimal
) -> Share:
    """For a line of which nothing was set aside: the order's facility, the package's own lot."""
    if order.facility is None or item is None:
        raise CannotSettle(
            f"It is not known from where order {order.number} was shipped. Receive the units into "
            "stock by hand, and choose another answer here."
        )
    return order.facility, Lot.objects.filter(pk=own_lot).first() if own_lot else None, quantity


def _came_back(order: SalesOrder, item: Item | None) -> dict[tuple[int, int | None], Decimal]:
    """By facility and lot what of this order was received back before."""
    rows = Movement.objects.filter(
        kind=Movement.Kind.RECEIVE, reference=order.number, item=item, facility__isnull=False
    )
    summed = rows.order_by().values_list("facility", "lot").annotate(Sum("on_hand_change"))
    return {(facility, lot): units(total) for facility, lot, total in summed}
