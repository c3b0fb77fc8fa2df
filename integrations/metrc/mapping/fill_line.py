"""Filling an order line with whole packages: which of them add up to what is wanted.

A package ships whole, so this is a sum of some of the sizes. The work is bounded: at most
MOST_PACKAGES are looked at and at most MOST_SUMS different sums kept, whatever comes in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

MOST_PACKAGES = 200
MOST_SUMS = 5000
# Quantities here have four places: counted in these steps they are whole numbers.
STEPS = Decimal(10000)


@dataclass(frozen=True)
class Filling:
    """`chosen` are positions in the sizes, in order; `missing` is what they leave of the wanted."""

    chosen: tuple[int, ...]
    missing: Decimal


def fill(wanted: Decimal, sizes: Sequence[Decimal]) -> Filling:
    """Fill `wanted` with some of `sizes`, exactly where that is possible, never more.

    Earlier ones are better: of all exact sums the one whose last package comes first. Where no sum
    is exact, the largest there is below `wanted`.
    """
    goal = int(wanted * STEPS)
    steps = [int(size * STEPS) for size in sizes[:MOST_PACKAGES]]
    # By sum: the package that reached it first, all others in it coming before that one.
    last: dict[int, int] = {0: -1}
    for position, step in enumerate(steps):
        if goal in last:
            break
        if 0 < step <= goal:
            _add(last, position, step, goal)
    best = max(last)
    return Filling(_chain(last, best, steps), Decimal(goal - best) / STEPS)


def _add(last: dict[int, int], position: int, step: int, goal: int) -> None:
    """Add the sums that one package more makes possible."""
    fresh = {total + step for total in last if total + step <= goal}
    for total in sorted(fresh, reverse=True):
        if total != goal and len(last) >= MOST_SUMS:
            break
        last.setdefault(total, position)


def _chain(last: dict[int, int], total: int, steps: Sequence[int]) -> tuple[int, ...]:
    """The packages that make up a sum, first to last."""
    chosen: list[int] = []
    while total:
        position = last[total]
        chosen.append(position)
        total -= steps[position]
    return tuple(reversed(chosen))
