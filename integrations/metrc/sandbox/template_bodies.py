"""What a template sent through the API must be: read into records, or refused in Metrc's words.

Of the messages, those about the recipient, the type and the packages are seen in the field; the
others follow their form.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.metrc.sandbox.checks import parcel_problem
from integrations.metrc.sandbox.records import Delivery, Parcel, Template
from integrations.metrc.sandbox.state_rules import UNITS, WEIGHT, TransferType
from integrations.metrc.sandbox.stockroom import Stockroom

CARRIER = (
    "TransporterFacilityLicenseNumber",
    "DriverOccupationalLicenseNumber",
    "DriverName",
    "DriverLicenseNumber",
    "PhoneNumberForQuestions",
    "VehicleMake",
    "VehicleModel",
    "VehicleLicensePlateNumber",
)
TRANSPORTER = (
    *CARRIER,
    "DriverLayoverLeg",
    "IsLayover",
    "EstimatedDepartureDateTime",
    "EstimatedArrivalDateTime",
    "TransporterDetails",
)
# What is to be known of a transporter where a state wants one.
NEEDED_OF_TRANSPORTER = {
    "TransporterFacilityLicenseNumber": "Transporter Facility License Number",
    "DriverName": "Driver Name",
    "DriverLicenseNumber": "Driver License Number",
    "VehicleMake": "Vehicle Make",
    "VehicleModel": "Vehicle Model",
    "VehicleLicensePlateNumber": "Vehicle License Plate Number",
}


class TemplateBody:
    """One row of the body. `problems` says what is wrong with it; without any, the rest is good."""

    def __init__(
        self, room: Stockroom, license_number: str, row: Any, old: Template | None = None
    ) -> None:
        self.room = room
        self.license_number = license_number
        self.old = old
        self.problems: list[str] = []
        row = row if isinstance(row, dict) else {}
        self.name = _text(row, "Name")
        if not self.name:
            self.problems.append("Name not specified.")
        self.carrier = {name: row.get(name) for name in CARRIER}
        self.deliveries: list[Delivery] = []
        rows = row.get("Destinations")
        if not isinstance(rows, list) or not rows:
            self.problems.append("Destinations not specified.")
        else:
            self.deliveries = [self._delivery(one if isinstance(one, dict) else {}) for one in rows]
        self._check_labels()

    def _delivery(self, row: dict[str, Any]) -> Delivery:
        recipient = _text(row, "RecipientLicenseNumber")
        if not self.room.facility(recipient):
            self.problems.append("Recipient License Number not specified.")
        kind = self.room.rules.type_named(_text(row, "TransferTypeName"))
        if kind is None:
            self.problems.append("Transfer Type Name not specified.")
        if not _text(row, "PlannedRoute"):
            self.problems.append("Planned Route not specified.")
        invoice = _text(row, "InvoiceNumber") or None
        if kind and kind.invoice_number and not invoice:
            self.problems.append("Invoice Number not specified.")
        departs, arrives = self._times(row)
        weight, unit = self._weight(row, bool(kind and kind.destination_gross_weight))
        transporters = row.get("Transporters")
        transporters = transporters if isinstance(transporters, list) else []
        self._check_transporters(transporters)
        packages = row.get("Packages")
        return Delivery(
            id=self._delivery_id(row),
            recipient=recipient,
            type_name=kind.name if kind else "",
            invoice_number=invoice,
            planned_route=_text(row, "PlannedRoute"),
            departs=departs,
            arrives=arrives,
            gross_weight=weight,
            gross_unit=unit,
            transporters=[{name: one.get(name) for name in TRANSPORTER} for one in transporters],
            parcels=[
                self._parcel(one if isinstance(one, dict) else {}, kind)
                for one in (packages if isinstance(packages, list) else [])
            ],
        )

    def _delivery_id(self, row: dict[str, Any]) -> int:
        """Metrc doesn't say what 0 means: here, and without an id, it is a new destination."""
        number = row.get("TransferDestinationId")
        if self.old is None or not number:
            return 0
        if number not in [delivery.id for delivery in self.old.deliveries]:
            self.problems.append("Transfer Destination Id not found.")
        return int(number) if isinstance(number, int) else 0

    def _times(self, row: dict[str, Any]) -> tuple[str, str]:
        read = []
        for name, words in (
            ("EstimatedDepartureDateTime", "Estimated Departure Date Time"),
            ("EstimatedArrivalDateTime", "Estimated Arrival Date Time"),
        ):
            moment = _local(row.get(name))
            if moment is None:
                self.problems.append(f"{words} not specified.")
            read.append(moment)
        departs, arrives = read
        if departs and arrives and arrives < departs:
            self.problems.append("Estimated Arrival Date Time is before the departure.")
        return shown_local(departs), shown_local(arrives)

    def _weight(
        self, row: dict[str, Any], needed: bool, of: str = ""
    ) -> tuple[Decimal | None, str | None]:
        weight = self._number(row, "GrossWeight", f"{of}Gross Weight")
        unit = _text(row, "GrossUnitOfWeightName") or None
        if needed and not weight:
            self.problems.append(f"{of}Gross Weight not specified.")
        if needed and not unit:
            self.problems.append(f"{of}Gross Unit Of Weight Name not specified.")
        if unit and UNITS.get(unit, ("", ""))[1] != WEIGHT:
            self.problems.append(f"{of}Gross Unit Of Weight Name {unit} not found.")
        return weight, unit

    def _check_transporters(self, rows: list[Any]) -> None:
        if not self.room.rules.needs_transporter:
            return
        if not rows:
            self.problems.append("Transporters not specified.")
        for row in rows:
            for name, words in NEEDED_OF_TRANSPORTER.items():
                value = _text(row if isinstance(row, dict) else {}, name)
                known = name != "TransporterFacilityLicenseNumber" or self.room.facility(value)
                if not value or not known:
                    self.problems.append(f"{words} not specified.")

    def _parcel(self, row: dict[str, Any], kind: TransferType | None) -> Parcel:
        label = _text(row, "PackageLabel")
        of = f"Package {label} " if label else ""
        price = self._number(row, "WholesalePrice", f"{of}Wholesale Price")
        if kind and kind.wholesale_price and price is None:
            self.problems.append(f"{of}Wholesale Price not specified.")
        weight, unit = self._weight(row, bool(kind and kind.packages_gross_weight), of)
        if not label:
            self.problems.append("Package Label not specified.")
        else:
            problem = parcel_problem(self.room, self.license_number, label)
            if problem:
                self.problems.append(problem)
        return Parcel(label=label, price=price, gross_weight=weight, gross_unit=unit)

    def _number(self, row: dict[str, Any], name: str, words: str) -> Decimal | None:
        value = row.get(name)
        if value is None:
            return None
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal(-1)
        if isinstance(value, bool) or not number.is_finite() or number < 0:
            self.problems.append(f"{words} must be a number that is not negative.")
            return None
        return number

    def _check_labels(self) -> None:
        labels = [label for delivery in self.deliveries for label in delivery.labels if label]
        for label in sorted({label for label in labels if labels.count(label) > 1}):
            self.problems.append(f"Package {label} is specified more than once.")


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def _local(value: Any) -> datetime | None:
    """The time on the wall: an offset, where one is sent, is left off. None for no time at all."""
    try:
        moment = datetime.fromisoformat(str(value or ""))
    except ValueError:
        return None
    # The sentinel for "no value" is none.
    return moment.replace(tzinfo=None) if moment.year > 1 else None


def shown_local(moment: datetime | None) -> str:
    """A local time as Metrc shows it, without an offset; "" for none."""
    return moment.isoformat(timespec="milliseconds") if moment else ""


def soon(now: datetime, hours: float) -> str:
    """A time some hours from now, as a person would type it."""
    moment = now.replace(tzinfo=None, second=0, microsecond=0) + timedelta(hours=hours)
    return shown_local(moment)
