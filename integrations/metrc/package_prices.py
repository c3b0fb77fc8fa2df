"""What each assigned package costs: its own price, or its share of the order line.

Metrc: a template's package has one wholesale price. By default that is for the whole package; the
account says otherwise where a state wants it by the unit.
"""

from collections.abc import Iterable
from decimal import Decimal

from catalog.decimals import money, units
from integrations.metrc.models import PackageAssignment


def prices_of(assignments: Iterable[PackageAssignment]) -> dict[int, Decimal]:
    """By assignment id money for the whole package.

    A package without a price of its own gets its share of its line's total, by quantity; those of
    one line add up to the cent, which is why all of a line are to be given together. `line` should
    be loaded with them.
    """
    by_line: dict[int, list[PackageAssignment]] = {}
    for one in assignments:
        by_line.setdefault(one.line_id, []).append(one)
    found: dict[int, Decimal] = {}
    for rows in by_line.values():
        found |= _of_line(sorted(rows, key=lambda one: one.pk))
    return found


def _of_line(rows: list[PackageAssignment]) -> dict[int, Decimal]:
    line = rows[0].line
    # More than was ordered, as after the line was cut, still costs no more than the line.
    whole = max(units(line.quantity), sum((units(one.quantity) for one in rows), Decimal(0)))
    found, filled = {}, Decimal(0)
    for one in rows:
        if one.price is not None:
            found[one.pk] = money(one.price)
            continue
        # Each gets what rounding the running total gives it, so that nothing gets lost.
        before = money(line.total * filled / whole)
        filled += units(one.quantity)
        found[one.pk] = money(line.total * filled / whole) - before
    return found
