"""Calls to vendors, counted by the hour: small enough to be kept for longer than a year."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from integrations.models import Call, CallCount

Key = tuple[int, datetime, str, str]


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour it falls into."""
    return at.replace(minute=0, second=0, microsecond=0)


def last_days(days: int) -> list[date]:
    """The last so many days here, today included, oldest first."""
    today = timezone.localdate()
    return [today - timedelta(days=n) for n in reversed(range(days))]


def first_of_days(days: int) -> datetime:
    """When the first of them began."""
    return timezone.make_aware(datetime.combine(last_days(days)[0], time.min))


def count(calls: Iterable[Call]) -> None:
    """Add these calls to their hours: a statement for all that may be new, one for each kind.

    Several processes may be at it: the database adds. Call it in a transaction.
    """
    numbers: Counter[Key] = Counter()
    took: Counter[Key] = Counter()
    for call in calls:
        key = (call.connection_id, hour_of(call.at), call.what, call.outcome)
        numbers[key] += 1
        took[key] += call.milliseconds
    if not numbers:
        return
    # Always in the same order, so that two processes never wait for each other in a circle.
    keys = sorted(numbers)
    CallCount.objects.bulk_create(
        [CallCount(connection_id=k[0], hour=k[1], what=k[2], outcome=k[3]) for k in keys],
        ignore_conflicts=True,
    )
    for key in keys:
        connection_id, hour, what, outcome = key
        mine = CallCount.objects.filter(connection=connection_id, hour=hour)
        mine.filter(what=what, outcome=outcome).update(
            calls=F("calls") + numbers[key], milliseconds=F("milliseconds") + took[key]
        )


def _of_last(days: int, connection_id: int | None) -> QuerySet[CallCount]:
    rows = CallCount.objects.filter(hour__gte=first_of_days(days))
    return rows.filter(connection=connection_id) if connection_id else rows


def calls_by_day(days: int, connection_id: int | None = None) -> dict[date, dict[str, int]]:
    """Calls of the last so many days, today included, by what they were for ("Products sent").

    Every day is there, oldest first, also one without calls. In one query.
    """
    rows = _of_last(days, connection_id)
    return _by_day(days, rows, "what")


def errors_by_day(days: int, connection_id: int | None = None) -> dict[date, dict[str, int]]:
    """The same of calls that did not end well, by `Call.Outcome` ("wait", "refused", …)."""
    rows = _of_last(days, connection_id).exclude(outcome=Call.Outcome.OK)
    return _by_day(days, rows, "outcome")


def _by_day(days: int, rows: QuerySet[CallCount], column: str) -> dict[date, dict[str, int]]:
    found: dict[date, dict[str, int]] = defaultdict(dict)
    for day, name, calls in (
        rows.annotate(day=TruncDate("hour"))
        .order_by()
        .values_list("day", column)
        .annotate(total=Sum("calls"))
        .order_by(column)
    ):
        found[day][name] = calls
    return {day: found.get(day, {}) for day in last_days(days)}
