"""Metrc's calls, typed: what the ring reads and the three writes of templates.

Lists give their rows parsed, with an Unreadable in the place of each that can't be. Lists by window
yield (end of the window, its rows), oldest first: see `MetrcClient.changed`. Everything raises
integrations.wire.errors.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, TypeVar
from urllib.parse import quote

from integrations.metrc.wire import payloads
from integrations.metrc.wire.client import Json, MetrcClient
from integrations.metrc.wire.pages import rows_of
from integrations.metrc.wire.payloads import Unreadable, parse, parsed

Row = TypeVar("Row", bound=payloads.Payload)
PackageKind = Literal["active", "inactive", "onhold", "intransit"]

FACILITIES = "facilities/v2/"
UNITS = "unitsofmeasure/v2/active"
TEMPLATES = "transfers/v2/templates/outgoing"


def facilities(client: MetrcClient) -> list[payloads.Facility | Unreadable]:
    """The facilities of the keys' user. Metrc: a bare array, and only the user's own."""
    return parsed(payloads.Facility, rows_of(client.get(FACILITIES), FACILITIES))


def units_of_measure(client: MetrcClient) -> list[payloads.UnitOfMeasure | Unreadable]:
    """The units a state knows. Metrc: a bare array that names no license."""
    return parsed(payloads.UnitOfMeasure, rows_of(client.get(UNITS), UNITS))


def transfer_types(
    client: MetrcClient, license_number: str
) -> list[payloads.TransferType | Unreadable]:
    """The kinds of transfers a license may make, and what each asks for."""
    return parsed(payloads.TransferType, client.rows("transfers/v2/types", license_number))


def drivers(client: MetrcClient, license_number: str) -> list[payloads.Driver | Unreadable]:
    """The drivers a license has listed."""
    return parsed(payloads.Driver, client.rows("transporters/v2/drivers", license_number))


def vehicles(client: MetrcClient, license_number: str) -> list[payloads.Vehicle | Unreadable]:
    """The vehicles a license has listed."""
    return parsed(payloads.Vehicle, client.rows("transporters/v2/vehicles", license_number))


def changed_packages(
    client: MetrcClient,
    license_number: str,
    kind: PackageKind,
    since: datetime,
    until: datetime,
) -> Iterator[tuple[datetime, list[payloads.Package | Unreadable]]]:
    """The packages of one list that were modified in the span."""
    path = f"packages/v2/{kind}"
    return _changed(payloads.Package, client, path, license_number, since, until)


def package(client: MetrcClient, license_number: str, label: str) -> payloads.Package:
    """One package by its tag. Metrc: BadCredentials also when it is not in this license."""
    body = client.get(f"packages/v2/{quote(label, safe='')}", license_number)
    return parse(payloads.Package, body)


def templates(
    client: MetrcClient, license_number: str, since: datetime, until: datetime
) -> Iterator[tuple[datetime, list[payloads.Template | Unreadable]]]:
    """The transfer templates that were modified in the span."""
    return _changed(payloads.Template, client, TEMPLATES, license_number, since, until)


def create_template(client: MetrcClient, license_number: str, body: Json) -> int:
    """Make a template; returns its id. After UnknownOutcome look for it by name in `templates`
    before making it again. Fractions may be Decimals."""
    return client.post(TEMPLATES, license_number, [body])[0]


def update_template(client: MetrcClient, license_number: str, template_id: int, body: Json) -> None:
    """Give a template this whole new body, whose destinations each need a TransferDestinationId."""
    client.put(TEMPLATES, license_number, [{**body, "TransferTemplateId": template_id}])


def archive_template(client: MetrcClient, license_number: str, template_id: int) -> None:
    """Archive a template."""
    client.delete(f"{TEMPLATES}/{template_id}", license_number)


def template_deliveries(
    client: MetrcClient, license_number: str, template_id: int
) -> list[payloads.Delivery | Unreadable]:
    """The destinations of a template."""
    return parsed(
        payloads.Delivery, client.rows(f"{TEMPLATES}/{template_id}/deliveries", license_number)
    )


def template_packages(
    client: MetrcClient, license_number: str, delivery_id: int
) -> list[payloads.DeliveryPackage | Unreadable]:
    """The packages for one destination of a template."""
    path = f"{TEMPLATES}/deliveries/{delivery_id}/packages"
    return parsed(payloads.DeliveryPackage, client.rows(path, license_number))


def outgoing(
    client: MetrcClient, license_number: str, since: datetime, until: datetime
) -> Iterator[tuple[datetime, list[payloads.Transfer | Unreadable]]]:
    """The transfers a license ships that were modified in the span."""
    path = "transfers/v2/outgoing"
    return _changed(payloads.Transfer, client, path, license_number, since, until)


def deliveries(
    client: MetrcClient, license_number: str, transfer_id: int
) -> list[payloads.Delivery | Unreadable]:
    """The deliveries of an outgoing transfer."""
    path = f"transfers/v2/{transfer_id}/deliveries"
    return parsed(payloads.Delivery, client.rows(path, license_number))


def delivery_packages(
    client: MetrcClient, license_number: str, delivery_id: int
) -> list[payloads.DeliveryPackage | Unreadable]:
    """The packages of a delivery, by its id."""
    path = f"transfers/v2/deliveries/{delivery_id}/packages"
    return parsed(payloads.DeliveryPackage, client.rows(path, license_number))


def wholesale_prices(
    client: MetrcClient, license_number: str, delivery_id: int
) -> list[payloads.WholesalePrice | Unreadable]:
    """What the packages of a delivery cost. Metrc: a permission of its own (View Wholesale)."""
    path = f"transfers/v2/deliveries/{delivery_id}/packages/wholesale"
    return parsed(payloads.WholesalePrice, client.rows(path, license_number))


def _changed(
    model: type[Row],
    client: MetrcClient,
    path: str,
    license_number: str,
    since: datetime,
    until: datetime,
) -> Iterator[tuple[datetime, list[Row | Unreadable]]]:
    for end, rows in client.changed(path, license_number, since, until):
        yield end, parsed(model, rows)
