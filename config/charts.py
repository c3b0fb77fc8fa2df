"""The dashboard's charts: figures by day, drawn from rows, with a table for who can't see them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate

from integrations.call_counts import errors_by_day, first_of_days, last_days
from integrations.leaflink.models import Order
from integrations.models import Call
from integrations.push_delays import push_latency_by_day

DAYS = 30
# Fixed colours that tell themselves apart in light and dark.
COLORS = ("#0d9668", "#2e77d0", "#d97706", "#dc2626", "#7c3aed", "#0891b2")


@dataclass(frozen=True)
class Line:
    """A row of figures, one for each day; None where there is none."""

    label: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Chart:
    """What the template draws. `hint` says in a sentence what the newest figures are."""

    title: str
    hint: str
    kind: str
    days: Sequence[date]
    lines: Sequence[Line]
    is_stacked: bool = False

    @property
    def data(self) -> str:
        """Unfold's chart data."""
        return json.dumps(
            {
                "labels": [f"{day:%b} {day.day}" for day in self.days],
                "datasets": [self._dataset(n, line) for n, line in enumerate(self.lines)],
            }
        )

    def _dataset(self, position: int, line: Line) -> dict[str, Any]:
        color = COLORS[position % len(COLORS)]
        return {
            "label": line.label,
            "data": list(line.values),
            "backgroundColor": color,
            "borderColor": color,
            "spanGaps": True,
        }

    @property
    def options(self) -> str:
        """Unfold's chart options, for its own defaults are thin bars without an axis."""
        axis = {"stacked": self.is_stacked, "beginAtZero": True, "ticks": {"color": "#8a94a3"}}
        grid = {"color": "rgba(128, 128, 128, 0.18)"}
        return json.dumps(
            {
                "animation": False,
                "responsive": True,
                "maintainAspectRatio": False,
                "plugins": {"legend": {"display": len(self.lines) > 1, "align": "end"}},
                "scales": {
                    "x": {**axis, "grid": {"display": False}},
                    "y": {**axis, "grid": grid, "suggestedMax": 1},
                },
            }
        )

    @property
    def rows(self) -> list[tuple[date, list[float | None]]]:
        """The table of the same figures, newest first."""
        columns = [line.values for line in self.lines]
        found = [(day, [column[n] for column in columns]) for n, day in enumerate(self.days)]
        return found[::-1]

    @property
    def is_empty(self) -> bool:
        return not any(value for line in self.lines for value in line.values)


def charts(days: int = DAYS) -> list[Chart]:
    """All charts of the last so many days, today included, in four queries."""
    return [*_orders(days), _latency(days), _errors(days)]


def _orders(days: int) -> list[Chart]:
    shown = last_days(days)
    rows = (
        Order.objects.filter(placed_at__gte=first_of_days(days))
        .order_by()
        .annotate(day=TruncDate("placed_at"))
        .values("day")
        .annotate(orders=Count("pk"), value=Sum("total"))
    )
    by_day = {row["day"]: (row["orders"], row["value"] or Decimal(0)) for row in rows}
    found = [by_day.get(day, (0, Decimal(0))) for day in shown]
    counts = [orders for orders, _ in found]
    values = [float(round(value, 2)) for _, value in found]
    return [
        Chart(
            "LeafLink orders",
            f"{counts[-1]:,} today, {sum(counts):,} in {days} days",
            "bar",
            shown,
            [Line("Orders", counts)],
        ),
        Chart(
            "Value of orders",
            f"${values[-1]:,.2f} today, ${sum(values):,.2f} in {days} days",
            "bar",
            shown,
            [Line("Dollars", values)],
        ),
    ]


def _latency(days: int) -> Chart:
    found = push_latency_by_day(days)
    told = [latency for latency in found.values() if latency]
    last = told[-1] if told else None
    hint = (
        f"Of the last day with changes half were in LeafLink within {last.median:.1f} s, "
        f"all within {last.longest:.1f} s"
        if last
        else "No change of stock was sent yet"
    )
    return Chart(
        "From a change of stock to LeafLink",
        hint,
        "line",
        list(found),
        [
            Line("Half of them (s)", [one and round(one.median, 2) for one in found.values()]),
            Line("95 of 100 (s)", [one and round(one.p95, 2) for one in found.values()]),
        ],
    )


def _errors(days: int) -> Chart:
    found = errors_by_day(days)
    classes = [c for c in Call.Outcome if any(c.value in errors for errors in found.values())]
    today = sum(list(found.values())[-1].values())
    lines = [
        Line(str(c.label), [errors.get(c.value, 0) for errors in found.values()]) for c in classes
    ]
    hint = f"{today:,} today" if classes else f"None in {days} days"
    return Chart(
        "Calls that LeafLink did not answer well", hint, "bar", list(found), lines, is_stacked=True
    )
