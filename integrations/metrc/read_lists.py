"""Reading what Metrc knows of our licenses: facilities, transfer types, drivers, vehicles.

Metrc: a list that the user has no permission for is answered with 401, like a key that is wrong; so
only the list of facilities, which needs no permission, tells that the keys are no good.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.utils import timezone

from integrations.metrc.keep_rows import keep_rows
from integrations.metrc.map_facilities import keep_facilities
from integrations.metrc.models import (
    Driver,
    MetrcAccount,
    MetrcFacility,
    TransferType,
    Vehicle,
)
from integrations.metrc.wire import payloads, reads
from integrations.metrc.wire.client import MetrcClient
from integrations.runs import Recorder
from integrations.wire.errors import BadCredentials, BadPayload, Gone, Refused

Row = TypeVar("Row", bound=payloads.Payload)
Values = dict[str, Any]


def read_lists(account: MetrcAccount, client: MetrcClient, run: Recorder) -> None:
    """Read the licenses, map those that are new, and read the lists of each that is a facility of
    ours. A list that may not be read is noted, and stops no other.

    Raises BadCredentials when the keys are refused altogether, Wait when Metrc does not answer.
    """
    read_facilities(account, client, run)
    for facility in account.facilities.filter(is_listed=True, facility__isnull=False):
        read_lists_of(facility, client, run)


def read_facilities(account: MetrcAccount, client: MetrcClient, run: Recorder) -> None:
    """Read only which licenses the keys reach. Raises as `read_lists`."""
    keep_facilities(account, reads.facilities(client), run)


def read_lists_of(facility: MetrcFacility, client: MetrcClient, run: Recorder) -> None:
    """Read the lists of one license: see `read_lists`."""
    number = facility.license_number
    with _noted(run, f"transfer types of {number}"):
        types = reads.transfer_types(client, number)
        _keep(TransferType, facility, "name", types, _transfer_type, run)
    with _noted(run, f"drivers of {number}"):
        _keep(Driver, facility, "remote_id", reads.drivers(client, number), _driver, run)
    with _noted(run, f"vehicles of {number}"):
        _keep(Vehicle, facility, "remote_id", reads.vehicles(client, number), _vehicle, run)
    # Also where a list was refused: asking for it again at once would bring the same.
    facility.lists_read_at = timezone.now()
    MetrcFacility.objects.filter(pk=facility.pk).update(lists_read_at=facility.lists_read_at)


@contextmanager
def _noted(run: Recorder, what: str) -> Iterator[None]:
    try:
        yield
    except (BadCredentials, Refused, Gone, BadPayload) as error:
        run.problem(what, str(error))


def _keep(
    model: type[TransferType] | type[Driver] | type[Vehicle],
    facility: MetrcFacility,
    key: str,
    rows: Sequence[Row | payloads.Unreadable],
    values: Callable[[Row], tuple[Any, Values]],
    run: Recorder,
) -> None:
    found: dict[Any, Values] = {}
    is_whole = True
    for row in rows:
        run.seen += 1
        if isinstance(row, payloads.Unreadable):
            run.problem(f"{model._meta.verbose_name} of {facility.license_number}", row.reason)
            is_whole = False
            continue
        one, said = values(row)
        found[one] = said
    known = model._default_manager.filter(facility=facility)
    keep_rows(known, {"facility": facility}, key, found, run, is_whole=is_whole)


def _transfer_type(row: payloads.TransferType) -> tuple[str, Values]:
    return row.name[:200], {
        "is_wholesale": row.is_wholesale,
        "is_licensed": row.for_licensed_shipments,
        "needs_destination_weight": row.requires_destination_gross_weight,
        "needs_package_weights": row.requires_packages_gross_weight,
        "needs_invoice_number": row.requires_invoice_number,
        "needs_pdf": row.requires_pdf_document,
        "needs_vehicle_registration": row.requires_vehicle_registration_number,
    }


def _driver(row: payloads.Driver) -> tuple[int, Values]:
    return row.id, {
        "name": row.name[:200],
        "license_number": row.drivers_license_number[:100],
        "employee_id": row.employee_id[:100],
        # Metrc: archived ones are still shown.
        "is_listed": not row.is_archived,
    }


def _vehicle(row: payloads.Vehicle) -> tuple[int, Values]:
    return row.id, {
        "make": row.make[:100],
        "model": row.model[:100],
        "plate": row.license_plate_number[:50],
        "is_listed": not row.is_archived,
    }
