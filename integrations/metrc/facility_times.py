"""Times as Metrc gives them for what is planned: the facility's own, without an offset."""

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from django.utils import timezone

from catalog.models import Facility


def zone_of(facility: Facility | None) -> tzinfo:
    """The time zone of a facility; ours, when there is none or its name is no zone's."""
    if facility is None:
        return timezone.get_default_timezone()
    try:
        return ZoneInfo(facility.time_zone)
    except (KeyError, ValueError, OSError):
        return timezone.get_default_timezone()


def moment_at(facility: Facility | None, at: datetime | None) -> datetime | None:
    """The moment that a planned time means. Metrc: `Estimated*` times are the facility's local
    time; one that has an offset means what it says."""
    if at is None or at.tzinfo is not None:
        return at
    return at.replace(tzinfo=zone_of(facility))
