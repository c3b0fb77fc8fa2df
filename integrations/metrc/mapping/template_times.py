"""Departure and arrival: entered by the clock on the facility's wall, kept as moments, sent as the
state's Metrc takes them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# The accounts' setting `times_are`.
LOCAL, OFFSET, IN_UTC = "local", "offset", "utc"

OPENING = time(9)


class NoSuchTime(Exception):
    """A time that no clock there shows: it is skipped when clocks go forward."""


def moment_of(entered: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the clock there shows `entered` (a time without an offset).

    An hour that comes twice, when clocks go back, means the first. Raises NoSuchTime for one that
    is skipped.
    """
    moment = entered.replace(tzinfo=zone, fold=0)
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != entered:
        raise NoSuchTime(
            f"On {entered:%b} {entered.day} the clocks there go forward: no clock shows "
            f"{entered:%H:%M}. Choose a time after that hour."
        )
    return moment.astimezone(UTC)


def on_the_clock(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clock there shows at that moment, without an offset."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def comes_twice(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock there shows this time twice that day, as when clocks go back."""
    shown = on_the_clock(moment, zone)
    return shown.replace(tzinfo=zone).utcoffset() != shown.replace(tzinfo=zone, fold=1).utcoffset()


def as_sent(moment: datetime | None, zone: ZoneInfo, times_are: str) -> str | None:
    """A moment as Metrc gets it.

    Metrc: ISO 8601 with milliseconds; its examples have no offset and are read as the facility's
    local time (not confirmed, so it is a setting).
    """
    if moment is None:
        return None
    if times_are == IN_UTC:
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    local = moment.astimezone(zone)
    if times_are == OFFSET:
        return local.isoformat(timespec="milliseconds")
    return local.replace(tzinfo=None).isoformat(timespec="milliseconds")


def next_departure(delivery_date: date | None, now: datetime, zone: ZoneInfo) -> datetime:
    """When to leave unless somebody says otherwise: at nine on the delivery date; where there is
    none, or nine o'clock is over, at nine on the next working day (Monday to Friday)."""
    if delivery_date is not None:
        planned = moment_of(datetime.combine(delivery_date, OPENING), zone)
        if planned > now:
            return planned
    day = on_the_clock(now, zone).date() + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return moment_of(datetime.combine(day, OPENING), zone)
