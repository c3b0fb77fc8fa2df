"""Which package of a delivery goes to which line of the order, as far as that is plain.

A package goes whole. What is assigned stays where it is; of the rest, those of a line's item that
add up to what is left on it go there. What fits nowhere is left to a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from integrations.metrc.mapping.fill_line import fill


@dataclass(frozen=True)
class OpenLine:
    """A line with the base units of its item that no package is assigned for yet."""

    id: int
    item_id: int | None
    left: Decimal


@dataclass(frozen=True)
class ToPlace:
    """A package of a delivery. `item_id` is our item, None where it is not known; `quantity` is in
    base units of it, None where that can't be said; `line_id` is the line that it is assigned to.
    """

    label: str
    item_id: int | None
    quantity: Decimal | None
    line_id: int | None = None


def place(lines: Sequence[OpenLine], packages: Sequence[ToPlace]) -> Mapping[str, int | None]:
    """By tag the line of each package; None where none fits.

    Of what is not assigned, no line gets more than is left on it.
    """
    found: dict[str, int | None] = {one.label: one.line_id for one in packages}
    waiting = [one for one in packages if one.line_id is None and one.item_id is not None]
    for line in lines:
        fitting = [one for one in waiting if one.item_id == line.item_id and one.quantity]
        sizes = [one.quantity or Decimal(0) for one in fitting]
        for position in fill(line.left, sizes).chosen:
            found[fitting[position].label] = line.id
        waiting = [one for one in waiting if found[one.label] is None]
    return found
