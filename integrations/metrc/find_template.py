"""Looking a template up in Metrc by reading: after an answer that was lost.

Metrc: templates have no idempotency key, and any number may have the same name. Ours is the one
with our name, customer and packages, made after we asked, that we did not know before.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from customers.models import normalized_license
from integrations.metrc.models import TransferTemplate
from integrations.metrc.wire import payloads, reads
from integrations.metrc.wire.client import MetrcClient
from integrations.metrc.wire.payloads import Unreadable
from integrations.wire.errors import BadPayload, Gone

# By how much Metrc's clock and ours may differ.
SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Found:
    """`ours` is what Metrc has of what we sent, the first one first; `others` have the name as
    well, came up since and carry something else."""

    ours: list[int] = field(default_factory=list)
    others: list[int] = field(default_factory=list)


def find(client: MetrcClient, template: TransferTemplate) -> Found:
    """Read all templates changed since this one was sent, to the last page, and look for it.

    Raises as the client does, and BadPayload where something that may be it can't be read.
    """
    assert template.sent_at is not None
    license_number = template.facility.license_number
    known = set(
        TransferTemplate.objects.filter(facility=template.facility_id, remote_id__isnull=False)
        .exclude(pk=template.pk)
        .values_list("remote_id", flat=True)
    )
    found = Found()
    seen: set[int] = set()
    # Read whole before any is looked at.
    for row in list(listed_since(client, license_number, template.sent_at)):
        if isinstance(row, Unreadable):
            _check_unreadable(row, template.name)
            continue
        if row.name != template.name or row.id in known or row.id in seen:
            continue
        seen.add(row.id)
        is_ours = _carries(client, license_number, row.id, template)
        is_old = bool(row.created_date_time and row.created_date_time < template.sent_at - SKEW)
        if is_old:
            # Somebody's own, or ours by a clock that goes wrong: a person has to look.
            if is_ours:
                found.others.append(row.id)
            continue
        (found.ours if is_ours else found.others).append(row.id)
    return Found(sorted(found.ours), sorted(found.others))


def is_listed(client: MetrcClient, template: TransferTemplate) -> bool:
    """Whether Metrc still lists a template of ours. Raises as `find` does.

    Metrc: an archived one is not in the list.
    """
    assert template.sent_at is not None
    # Unless somebody has changed it, it is on the first page: Metrc lists by the last change.
    for row in listed_since(client, template.facility.license_number, template.sent_at):
        if isinstance(row, Unreadable):
            _check_unreadable(row, template.name)
        elif row.id == template.remote_id:
            return True
    return False


def listed_since(
    client: MetrcClient, license_number: str, moment: datetime
) -> Iterator[payloads.Template | Unreadable]:
    """All templates of the license that were changed since, the earliest change first."""
    now = timezone.now()
    for _, rows in reads.templates(client, license_number, moment - SKEW, now + SKEW):
        yield from rows


def _carries(
    client: MetrcClient, license_number: str, remote_id: int, template: TransferTemplate
) -> bool:
    """Whether a template in Metrc has our customer and exactly our packages."""
    try:
        stops = reads.template_deliveries(client, license_number, remote_id)
        labels: list[str] = []
        for stop in stops:
            if isinstance(stop, Unreadable):
                raise BadPayload(stop.reason)
            recipient = stop.recipient_facility_license_number
            if normalized_license(recipient) != normalized_license(template.recipient_license):
                return False
            for package in reads.template_packages(client, license_number, stop.id):
                if isinstance(package, Unreadable):
                    raise BadPayload(package.reason)
                labels.append(package.package_label)
    except Gone:
        # Archived between the two readings: it is not in force.
        return False
    return sorted(labels) == sorted(template.labels)


def _check_unreadable(row: Unreadable, name: str) -> None:
    if isinstance(row.raw, dict) and row.raw.get("Name") not in (name, None, ""):
        return
    raise BadPayload(f"A template that may be {name} can't be read: {row.reason}")
