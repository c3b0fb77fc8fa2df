"""Pulling a license's packages into our own, window by window from the oldest to the newest.

Metrc: without a window only a recent slice comes, and the width of one is limited; LastModified
only moves forward, so that walking this way misses nothing. What was read is marked after each
window, so that a worker that was killed goes on where it was. Nothing is ever concluded from what a
list does not show: only a package that was asked for by its tag, and is not there, is gone.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from integrations.metrc.assign_packages import end_of_canceled
from integrations.metrc.map_items import match_items, meet_lots
from integrations.metrc.models import MetrcFacility, Package
from integrations.metrc.store_packages import Seen, store
from integrations.metrc.wire import reads
from integrations.metrc.wire.client import OVERLAP, MetrcClient
from integrations.metrc.wire.reads import PackageKind
from integrations.runs import Recorder
from integrations.wire.errors import BadCredentials, Gone

# What is decided first counts, where lists show one package in the same state twice: a package on a
# transfer may still be listed as active, and one on hold is.
KINDS: tuple[PackageKind, ...] = ("intransit", "inactive", "onhold", "active")
AT_A_TIME = 100
# A package on a transfer leaves all lists once it is received: it is asked for, a few at a time.
MOST_ASKED = 20
ASK_AGAIN = timedelta(hours=6)
# Marked as read after so much at the most: the worker is killed after five minutes.
MOST_AT_ONCE = timedelta(days=7)


def pull_packages(facility: MetrcFacility, client: MetrcClient, recorder: Recorder) -> None:
    """Read what changed in a license's packages since the last time; at first, since the day that
    the account says. Raises as the client does; what was stored until then stays."""
    until = timezone.now()
    reached = min(_start(facility), until)
    while reached < until:
        end = min(reached + _width(client), until)
        _pull_window(facility, client, recorder, reached, end)
        MetrcFacility.objects.filter(pk=facility.pk).update(packages_until=end)
        facility.packages_until = reached = end
    match_items(facility.account)
    meet_lots(Package.objects.filter(facility=facility))
    end_of_canceled()
    _ask_for_shipped(facility, client, recorder)


def _start(facility: MetrcFacility) -> datetime:
    account = facility.account
    if facility.packages_until:
        return facility.packages_until - timedelta(minutes=account.overlap_minutes)
    zone = ZoneInfo(facility.facility.time_zone) if facility.facility else None
    return timezone.make_aware(datetime.combine(account.read_since, time.min), zone)


def _width(client: MetrcClient) -> timedelta:
    """How much is read at once: the client begins each window a little earlier by itself."""
    wide = max(client.longest_window - OVERLAP, client.longest_window / 2)
    return min(wide, MOST_AT_ONCE)


def _pull_window(
    facility: MetrcFacility,
    client: MetrcClient,
    recorder: Recorder,
    since: datetime,
    until: datetime,
) -> None:
    seen: Seen = {}
    for kind in KINDS:
        for _, rows in reads.changed_packages(client, facility.license_number, kind, since, until):
            for start in range(0, len(rows), AT_A_TIME):
                store(facility, kind, rows[start : start + AT_A_TIME], recorder, seen)


def read_package(facility: MetrcFacility, client: MetrcClient, label: str) -> bool:
    """Read one package by its tag; returns whether the license has it. One of ours that it has not
    is marked as gone.

    Metrc: 401 says that the package is not in the license, and also that the keys are no good or
    that a permission lacks; so the keys are tried on a list before anything is concluded. Raises
    BadCredentials when they are refused there as well, and whatever else the client raises.
    """
    try:
        row = reads.package(client, facility.license_number, label)
    except BadCredentials:
        now = timezone.now()
        for _ in reads.changed_packages(
            client, facility.license_number, "active", now - timedelta(minutes=1), now
        ):
            pass
    except Gone:
        pass
    else:
        # Metrc: the row does not say where the package is, so that is left to the lists.
        store(facility, None, [row], Recorder(), {})
        return True
    gone = Package.objects.filter(facility=facility, label=label)
    gone.update(place=Package.Place.GONE, read_at=timezone.now())
    return False


def _ask_for_shipped(facility: MetrcFacility, client: MetrcClient, recorder: Recorder) -> None:
    """Ask for packages on transfers that no list has shown for a while."""
    old = Package.objects.filter(
        facility=facility,
        place=Package.Place.IN_TRANSIT,
        read_at__lt=timezone.now() - ASK_AGAIN,
    )
    labels = old.order_by("read_at").values_list("label", flat=True)[:MOST_ASKED]
    for label in list(labels):
        recorder.seen += 1
        if read_package(facility, client, label):
            Package.objects.filter(facility=facility, label=label).update(read_at=timezone.now())
            recorder.skip("still on a transfer")
        else:
            recorder.changed += 1
