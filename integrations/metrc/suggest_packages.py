"""Suggesting packages for an order's lines: whole ones that fill each line, the oldest first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from catalog.decimals import with_thousands
from integrations.metrc.candidate_packages import (
    ZERO,
    Candidate,
    candidates,
    left_on,
    packages_at,
    taken,
)
from integrations.metrc.mapping.fill_line import fill
from integrations.metrc.models import MetrcFacility, PackageAssignment
from integrations.metrc.order_steps import facility_of
from orders.models import OrderLine, SalesOrder

# Sizes of packages that are named when none fits.
MOST_SIZES = 8


@dataclass
class LineSuggestion:
    """What a line needs and what is suggested for it, in base units of its item.

    `left` has no package assigned yet; `chosen` are suggested for it, for the `reason`; `missing`
    is what they leave, and `advice` then says what to do. `others` are all candidates, chosen or
    not, the likeliest first.
    """

    line: OrderLine
    assigned: list[PackageAssignment]
    left: Decimal
    chosen: list[Candidate] = field(default_factory=list)
    reason: str = ""
    missing: Decimal = ZERO
    advice: str = ""
    others: list[Candidate] = field(default_factory=list)


def suggest(order: SalesOrder) -> list[LineSuggestion]:
    """For each line of the order, in order, the whole packages that fill what is left of it.

    Same item, at the order's facility, not on hold or recalled, with a passing lab state, assigned
    to no order, of the lot that the line asks for; first those of a lot that is set aside for the
    line, then the oldest. The number of queries is the same for any number of lines.
    """
    lines = order.lines.select_related("item").prefetch_related(
        "allocations__stock", "package_assignments__package__metrc_item"
    )
    found = [_empty(line) for line in lines]
    facility = facility_of(order)
    if facility is None:
        return found
    items = {one.line.item_id for one in found if one.line.item_id}
    by_item = packages_at(facility, items)
    orders = taken([package for packages in by_item.values() for package in packages])
    used: set[int] = set()
    # Those that ask for a lot first: others can do without it.
    for one in sorted(found, key=lambda one: not one.line.lot_number):
        mine = candidates(one.line, by_item.get(one.line.item_id or 0, []), facility, orders)
        _choose(one, sorted(mine, key=lambda it: _rank(one.line, it)), used, facility)
    return found


def _empty(line: OrderLine) -> LineSuggestion:
    assigned = [a for a in line.package_assignments.all() if a.ended_at is None]
    left = left_on(line, assigned)
    return LineSuggestion(line, assigned, left, missing=left)


def _rank(line: OrderLine, candidate: Candidate) -> tuple[bool, bool, bool]:
    """First what can be chosen; samples for samples; then what is set aside. Else as they come."""
    package = candidate.package
    return (
        bool(candidate.refusal),
        line.is_sample and not package.is_trade_sample,
        package.lot_id not in _lots(line),
    )


def _lots(line: OrderLine) -> set[int]:
    """The lots of which units are set aside for the line."""
    return {a.stock.lot_id for a in line.allocations.all() if a.stock.lot_id}


def _choose(
    one: LineSuggestion, mine: list[Candidate], used: set[int], facility: MetrcFacility
) -> None:
    """Choose packages for what is left of a line; what another line was given is left out."""
    one.others = mine
    free = [it for it in mine if not it.refusal and it.package.pk not in used]
    sizes = [it.quantity or ZERO for it in free]
    filling = fill(one.left, sizes)
    one.chosen = [free[position] for position in filling.chosen]
    one.missing = filling.missing
    used |= {it.package.pk for it in one.chosen}
    if one.chosen:
        one.reason = _reason(one)
    if one.missing and one.line.item_id:
        rest = [it for it in free if it not in one.chosen]
        one.advice = _advice(one, rest, facility)


def _reason(one: LineSuggestion) -> str:
    number = len(one.chosen)
    what = "One whole package" if number == 1 else f"{number} whole packages"
    fits = "fills" if number == 1 else "fill"
    told = f"{what} that {fits} it exactly" if not one.missing else f"{what}, as near as it gets"
    if one.line.lot_number:
        return f"{told}, of lot {one.line.lot_number}, which was ordered."
    lots = _lots(one.line)
    if lots and all(it.package.lot_id in lots for it in one.chosen):
        return f"{told}, of the lot that is set aside for the line."
    return f"{told}, the oldest first."


def _advice(one: LineSuggestion, rest: Sequence[Candidate], facility: MetrcFacility) -> str:
    missing, name = with_thousands(one.missing), one.line.name
    larger = [it for it in rest if it.quantity and it.quantity > one.missing]
    if not larger:
        more = "more " if one.chosen or one.assigned else ""
        refused = sum(bool(it.refusal) for it in one.others)
        why = f" {refused} can't be chosen: the table says why." if refused else ""
        return f"{missing} of {name} are missing: no {more}package at {facility} has them.{why}"
    sizes = [with_thousands(it.quantity or ZERO) for it in rest[:MOST_SIZES]]
    more = ", …" if len(rest) > MOST_SIZES else ""
    return (
        f"{missing} of {name} are missing, and no whole package fits. Repack {missing} in Metrc "
        f"into a package of its own first, from {larger[0].package.label} "
        f"({with_thousands(larger[0].quantity or ZERO)}). At hand: {', '.join(sizes)}{more}."
    )
