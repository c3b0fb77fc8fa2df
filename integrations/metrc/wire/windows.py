"""Cutting a span of time into windows no wider than a Metrc host allows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

SECOND = timedelta(seconds=1)


def windows(
    since: datetime, until: datetime, *, longest: timedelta, overlap: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """Yield (start, end) in UTC and whole seconds, oldest first, from `since` up to `until`.

    Metrc: LastModified only moves forward, so a walk from the newest would miss what is changed
    while it goes on. Each window, the first too, begins `overlap` before the end of what was read
    already (never more than a quarter of `longest`): a row's LastModified may be a little older
    than the moment from which it can be read. No window is wider than `longest`. Raises ValueError
    for times without an offset. Nothing is yielded when `since` is not before `until`.
    """
    if since.tzinfo is None or until.tzinfo is None:
        raise ValueError("Windows need times with an offset.")
    if since >= until:
        return
    longest = timedelta(seconds=max(4, longest // SECOND))
    overlap = timedelta(seconds=min(overlap, longest / 4) // SECOND)
    reached = since.astimezone(UTC).replace(microsecond=0)
    last = until.astimezone(UTC)
    if last.microsecond:
        last = last.replace(microsecond=0) + SECOND
    while reached < last:
        start = reached - overlap
        reached = min(start + longest, last)
        yield start, reached


def as_text(moment: datetime) -> str:
    """A time as Metrc's queries take it: Z needs no encoding, where a + would become a space."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
