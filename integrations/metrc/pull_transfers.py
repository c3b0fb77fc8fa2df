"""Reading a license's outgoing transfers, and what is in those that changed.

Window by window, oldest first; what was read is kept before the next window is asked for. A list
of transfers doesn't say who gets what, so the deliveries of a transfer, and the packages of each,
are read when it is new, when its LastModified has moved, and while it is in question which order's
it is. No network within a transaction, and one transfer that can't be read stops no other.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Exists, F, Min, OuterRef, Q
from django.utils import timezone

from integrations.metrc import store_transfers
from integrations.metrc.models import MetrcFacility, PossibleMatch, Transfer, TransferTemplate
from integrations.metrc.wire import payloads, reads
from integrations.metrc.wire.client import MetrcClient
from integrations.metrc.wire.payloads import Unreadable
from integrations.runs import Recorder
from integrations.wire.errors import BadCredentials, BadPayload, Gone, Refused
from orders.models import SalesOrder
from orders.status import OPEN

# At first: so long before the oldest order that may have a transfer, or so long ago.
BEFORE_THE_OLDEST = timedelta(days=14)
AT_FIRST = timedelta(days=30)
AT_MOST = timedelta(days=180)
# How many transfers that did not change are read again in one pull.
MOST_AGAIN = 20
# A transfer that can't be read; the others may well be.
FAILURES = (Gone, Refused, BadPayload, BadCredentials)


def pull_transfers(facility: MetrcFacility, client: MetrcClient, recorder: Recorder) -> None:
    """Read what changed since the last pull. Counts on `recorder`; raises as the client does when
    nothing more can be read now, and goes on from there the next time."""
    until = timezone.now()
    read: set[int] = set()
    for end, rows in reads.outgoing(client, facility.license_number, _start(facility), until):
        changed = store_transfers.store_rows(facility, _readable(rows, recorder))
        recorder.seen += len(rows)
        recorder.skip("unchanged", len(rows) - len(changed))
        _read_each(changed, client, recorder)
        read.update(one.pk for one in changed)
        MetrcFacility.objects.filter(pk=facility.pk).update(transfers_until=end)
        facility.transfers_until = end
    _read_each(_to_read_again(facility, read), client, recorder)


def read_transfer(transfer: Transfer, client: MetrcClient) -> None:
    """Read the deliveries of a transfer and their packages, and store them. Raises as the client
    does, and BadPayload when a row can't be read: then nothing is stored.

    Metrc: a transfer can't be asked for by itself, only its deliveries.
    """
    facility = transfer.facility
    transfer.refresh_from_db(fields=["modified_at", "expanded_at"])
    read_at = timezone.now()
    deliveries = []
    for row in reads.deliveries(client, facility.license_number, transfer.remote_id):
        if isinstance(row, Unreadable):
            raise BadPayload(row.reason)
        packages = reads.delivery_packages(client, facility.license_number, row.id)
        whole = [package for package in packages if not isinstance(package, Unreadable)]
        if len(whole) < len(packages):
            # With a package missing it might look like an order's.
            raise BadPayload(next(p.reason for p in packages if isinstance(p, Unreadable)))
        deliveries.append((row, whole))
    store_transfers.store_deliveries(transfer, deliveries, read_at)


def _start(facility: MetrcFacility) -> datetime:
    """Since when to read."""
    if facility.transfers_until:
        return facility.transfers_until - timedelta(minutes=facility.account.overlap_minutes)
    now = timezone.now()
    orders = SalesOrder.objects.filter(
        facility=facility.facility_id, facility__isnull=False, status__in=OPEN
    )
    templates = TransferTemplate.objects.filter(facility=facility)
    oldest = [
        at
        for rows in (orders, templates)
        for at in rows.aggregate(at=Min("created_at")).values()
        if at
    ]
    start = min(oldest) - BEFORE_THE_OLDEST if oldest else now - AT_FIRST
    return max(start, now - AT_MOST)


def _readable(
    rows: Iterable[payloads.Transfer | Unreadable], recorder: Recorder
) -> list[payloads.Transfer]:
    found = []
    for row in rows:
        if isinstance(row, Unreadable):
            recorder.problem("a transfer", row.reason)
        else:
            found.append(row)
    return found


def _to_read_again(facility: MetrcFacility, read: set[int]) -> list[Transfer]:
    """Those whose reading failed, and those of which it is in question whose they are; the ones
    that were read longest ago first."""
    in_question = PossibleMatch.objects.filter(
        delivery__transfer=OuterRef("pk"), dismissed_at__isnull=True
    )
    rows = Transfer.objects.filter(
        Q(expanded_at__isnull=True) | ~Q(expanded_at=F("modified_at")) | Exists(in_question),
        facility=facility,
        is_voided=False,
    ).exclude(pk__in=read)
    rows = rows.select_related("facility__facility").defer("raw").order_by("read_at", "pk")
    return list(rows[:MOST_AGAIN])


def _read_each(transfers: Iterable[Transfer], client: MetrcClient, recorder: Recorder) -> None:
    for transfer in transfers:
        if transfer.is_voided:
            recorder.changed += 1
            continue
        try:
            read_transfer(transfer, client)
        except FAILURES as error:
            recorder.problem(f"{transfer}", f"{error}")
            # Behind the others, when they are read again.
            Transfer.objects.filter(pk=transfer.pk).update(read_at=timezone.now())
        else:
            recorder.changed += 1
