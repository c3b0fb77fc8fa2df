"""How long it takes from a change being asked for to the vendor's answer, counted by the hour.

Counted in steps, so that a median can be told for a year without keeping every push.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.db.models import F, Max, Sum
from django.db.models.functions import Greatest, TruncDate

from integrations.call_counts import first_of_days, hour_of, last_days
from integrations.models import PushDelay

# Seconds: each step is about half as long again as the one before.
STEPS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 9, 13, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800)
FOREVER = 1e9
# Changes that are sent as they are made; what a sweep found waits for its turn by design.
CHANGED = "Quantity changed"
SWEPT = "Quantity swept"


@dataclass(frozen=True)
class Delay:
    """A push, when it was asked for, and when the vendor answered."""

    connection_id: int
    what: str
    asked_at: datetime
    answered_at: datetime

    @property
    def seconds(self) -> float:
        return max((self.answered_at - self.asked_at).total_seconds(), 0.0)


class Latency(NamedTuple):
    """Seconds of a day's pushes. `median` and `p95` are told to within a step (see STEPS)."""

    median: float
    longest: float
    p95: float
    mean: float
    pushes: int


def count(delays: Iterable[Delay]) -> None:
    """Add these to their hours, like `call_counts.count`."""
    numbers: Counter[tuple[int, datetime, str, float]] = Counter()
    seconds: Counter[tuple[int, datetime, str, float]] = Counter()
    longest: dict[tuple[int, datetime, str, float], float] = {}
    for one in delays:
        step = _step_of(one.seconds)
        key = (one.connection_id, hour_of(one.answered_at), one.what, step)
        numbers[key] += 1
        seconds[key] += one.seconds  # type: ignore[assignment]
        longest[key] = max(longest.get(key, 0.0), one.seconds)
    if not numbers:
        return
    keys = sorted(numbers)
    PushDelay.objects.bulk_create(
        [PushDelay(connection_id=k[0], hour=k[1], what=k[2], within=k[3]) for k in keys],
        ignore_conflicts=True,
    )
    for key in keys:
        connection_id, hour, what, within = key
        mine = PushDelay.objects.filter(connection=connection_id, hour=hour)
        mine.filter(what=what, within=within).update(
            pushes=F("pushes") + numbers[key],
            seconds=F("seconds") + seconds[key],
            longest=Greatest(F("longest"), longest[key]),
        )


def _step_of(seconds: float) -> float:
    at = bisect_left(STEPS, seconds)
    return STEPS[at] if at < len(STEPS) else FOREVER


def push_latency_by_day(
    days: int, connection_id: int | None = None, what: str = CHANGED
) -> dict[date, Latency | None]:
    """How fast changes reached the vendor on each of the last so many days, today included; None
    for a day on which none was sent. Oldest first, in one query."""
    rows = PushDelay.objects.filter(hour__gte=first_of_days(days), what=what)
    if connection_id:
        rows = rows.filter(connection=connection_id)
    by_day: dict[date, list[tuple[float, int, float, float]]] = {}
    for day, within, pushes, seconds, longest in (
        rows.annotate(day=TruncDate("hour"))
        .order_by()
        .values_list("day", "within")
        .annotate(_pushes=Sum("pushes"), _seconds=Sum("seconds"), _longest=Max("longest"))
        .order_by("within")
    ):
        by_day.setdefault(day, []).append((within, pushes, seconds, longest))
    return {day: _latency(by_day[day]) if day in by_day else None for day in last_days(days)}


def _latency(steps: list[tuple[float, int, float, float]]) -> Latency:
    total = sum(pushes for _, pushes, _, _ in steps)
    return Latency(
        median=_quantile(steps, total * 0.5),
        longest=max(longest for *_, longest in steps),
        p95=_quantile(steps, total * 0.95),
        mean=sum(seconds for *_, seconds, _ in steps) / total,
        pushes=total,
    )


def _quantile(steps: list[tuple[float, int, float, float]], rank: float) -> float:
    """The value that `rank` of the pushes do not exceed: evenly spread within their step."""
    before = 0
    for within, pushes, _, longest in steps:
        if before + pushes >= rank:
            at = bisect_left(STEPS, within)
            low = STEPS[at - 1] if at else 0.0
            return low + (min(within, longest) - low) * (rank - before) / pushes
        before += pushes
    raise AssertionError("unreachable")
