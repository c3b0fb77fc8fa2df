"""From what was entered for an order to the body that Metrc takes for a transfer template.

Metrc: POST takes an array of templates; each has destinations, each of those transporters and
packages. What is not known is null. Nothing in Metrc's own documents says what is required.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from integrations.metrc.mapping.template_times import as_sent

# The accounts' setting `price_is`.
PER_PACKAGE, PER_UNIT = "package", "unit"
CENT = Decimal("0.01")


@dataclass(frozen=True)
class PackageEntry:
    """A package on a template. `price` is money for all of it, `quantity` in Metrc's unit of the
    package; the gross weight in the template's unit of weight."""

    label: str
    price: Decimal | None = None
    quantity: Decimal | None = None
    gross_weight: Decimal | None = None


@dataclass(frozen=True)
class TemplateEntry:
    """What was entered for the template of one order. Times are moments."""

    name: str
    recipient_license: str
    transfer_type: str
    invoice_number: str = ""
    planned_route: str = ""
    departs_at: datetime | None = None
    arrives_at: datetime | None = None
    transporter_license: str = ""
    driver_name: str = ""
    driver_license: str = ""
    driver_employee_id: str = ""
    vehicle_make: str = ""
    vehicle_model: str = ""
    vehicle_plate: str = ""
    vehicle_registration: str = ""
    phone: str = ""
    gross_weight: Decimal | None = None
    gross_weight_unit: str = ""
    packages: Sequence[PackageEntry] = ()


@dataclass(frozen=True)
class TypeFacts:
    """A transfer type of the license and what it requires."""

    name: str
    is_listed: bool = True
    is_licensed: bool = True
    is_wholesale: bool = False
    needs_destination_weight: bool = False
    needs_package_weights: bool = False
    needs_invoice_number: bool = False
    needs_pdf: bool = False
    needs_vehicle_registration: bool = False


@dataclass(frozen=True)
class Manner:
    """How the state's Metrc wants it: the account's settings and the facility's time zone."""

    zone: ZoneInfo
    times_are: str = "local"
    price_is: str = PER_PACKAGE
    type_on_template: bool = False
    transporter_on_template: bool = True


def body_of(entry: TemplateEntry, kind: TypeFacts | None, manner: Manner) -> list[dict[str, Any]]:
    """The body: an array of this one template. `kind` None: a type that is not known, which asks
    for nothing."""
    kind = kind or TypeFacts(entry.transfer_type)
    times = {
        "EstimatedDepartureDateTime": as_sent(entry.departs_at, manner.zone, manner.times_are),
        "EstimatedArrivalDateTime": as_sent(entry.arrives_at, manner.zone, manner.times_are),
    }
    destination: dict[str, Any] = {
        "RecipientLicenseNumber": entry.recipient_license or None,
        "InvoiceNumber": entry.invoice_number or None,
        "TransferTypeName": entry.transfer_type or None,
        "PlannedRoute": entry.planned_route or None,
        **times,
        "Transporters": [_transporter(entry, kind, times)],
        "Packages": [_package(one, entry, kind, manner) for one in entry.packages],
    }
    if kind.needs_destination_weight:
        # Metrc: not in its own example, but taken, and required by some states' types.
        destination |= _weight(entry.gross_weight, entry.gross_weight_unit)
    template: dict[str, Any] = {"Name": entry.name}
    if manner.type_on_template:
        template["TransferTypeName"] = entry.transfer_type or None
    template |= _on_template(entry) if manner.transporter_on_template else _on_template(None)
    template["Destinations"] = [destination]
    return [template]


def _driver_and_vehicle(entry: TemplateEntry) -> dict[str, str | None]:
    return {
        "TransporterFacilityLicenseNumber": entry.transporter_license or None,
        "DriverOccupationalLicenseNumber": entry.driver_employee_id or None,
        "DriverName": entry.driver_name or None,
        "DriverLicenseNumber": entry.driver_license or None,
        "PhoneNumberForQuestions": entry.phone or None,
        "VehicleMake": entry.vehicle_make or None,
        "VehicleModel": entry.vehicle_model or None,
        "VehicleLicensePlateNumber": entry.vehicle_plate or None,
    }


def _on_template(entry: TemplateEntry | None) -> dict[str, str | None]:
    """The transporter as the template itself names it; all null where it does not."""
    return _driver_and_vehicle(entry or TemplateEntry("", "", ""))


def _transporter(
    entry: TemplateEntry, kind: TypeFacts, times: dict[str, str | None]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        **_driver_and_vehicle(entry),
        "DriverLayoverLeg": None,
        "IsLayover": False,
        **times,
        "TransporterDetails": [],
    }
    if kind.needs_vehicle_registration:
        found["VehicleRegistrationNumber"] = entry.vehicle_registration or None
    return found


def _package(
    one: PackageEntry, entry: TemplateEntry, kind: TypeFacts, manner: Manner
) -> dict[str, Any]:
    weight = one.gross_weight if kind.needs_package_weights else None
    return {
        "PackageLabel": one.label,
        "WholesalePrice": _number(price_sent(one, manner.price_is)),
        **_weight(weight, entry.gross_weight_unit),
    }


def price_sent(one: PackageEntry, price_is: str) -> Decimal | None:
    """The price as Metrc gets it: for the whole package, or for one unit of it to the cent."""
    if one.price is None or price_is != PER_UNIT:
        return one.price
    if not one.quantity:
        return None
    return (one.price / one.quantity).quantize(CENT, rounding=ROUND_HALF_UP)


def _weight(weight: Decimal | None, unit: str) -> dict[str, Any]:
    return {
        "GrossWeight": _number(weight),
        "GrossUnitOfWeightName": (unit or None) if weight is not None else None,
    }


def _number(value: Decimal | None) -> float | None:
    """JSON has one kind of number. Cents and ten-thousandths below 10^11 come through exactly."""
    return None if value is None else float(value)
