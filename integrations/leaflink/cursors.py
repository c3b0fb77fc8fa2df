"""How far LeafLink's lists were read.

The mark is the newest `modified` of the rows themselves (never our clock), and is moved only after
all pages of a pull were stored. The next pull starts OVERLAP earlier, because LeafLink's lists have
no order, so that rows move between pages while they are read.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from integrations.leaflink.models import Account, Cursor

OVERLAP = timedelta(minutes=5)


def start_of(account: Account, resource: str) -> datetime | None:
    """From which `modified` on to read; None when nothing was read yet."""
    mark = (
        Cursor.objects.filter(account=account, resource=resource)
        .values_list("modified", flat=True)
        .first()
    )
    return mark - OVERLAP if mark else None


def is_fresh(account: Account, resource: str, age: timedelta) -> bool:
    """Whether all that changed was read within that time."""
    since = timezone.now() - age
    return Cursor.objects.filter(account=account, resource=resource, read_at__gte=since).exists()


def advance(account: Account, resource: str, newest: datetime | None, started: datetime) -> None:
    """All pages are stored up to `newest`; the mark never goes back.

    It never passes the time at which the pull `started`: a row from the future would otherwise
    hide all that come after it.
    """
    Cursor.objects.filter(account=account, resource=resource).update(read_at=started)
    if newest is None:
        return
    newest = min(newest, started)
    moved = Cursor.objects.filter(account=account, resource=resource, modified__lt=newest).update(
        modified=newest
    )
    if not moved:
        Cursor.objects.get_or_create(
            account=account, resource=resource, defaults={"modified": newest, "read_at": started}
        )
