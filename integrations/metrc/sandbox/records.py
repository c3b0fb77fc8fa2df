"""The records the stand-in keeps. Quantities and prices are Decimal; prices are US dollars.

Every record is a plain dataclass with a ``kind`` and a ``key``, which is all the store needs.
Nested values are lists and dicts (never tuples or sets) so that they survive a JSON round trip.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

ACTIVE, INACTIVE, IN_TRANSIT = "active", "inactive", "intransit"
SHIPPED, ACCEPTED, REJECTED, RETURNED = "Shipped", "Accepted", "Rejected", "Returned"
PACKAGE_STATES = [SHIPPED, REJECTED, ACCEPTED, RETURNED]
PERMISSIONS = (
    "View Packages",
    "Manage Transfers",
    "View Transfers",
    "Manage Transfer Templates",
    "View Transfer Templates",
    "Transporters",
    "View Wholesale",
)


@dataclass
class Record:
    """A row of one of the world's tables; its number is what it is kept under."""

    kind: ClassVar[str] = ""
    id: int

    @property
    def key(self) -> str:
        return str(self.id)


@dataclass
class Facility(Record):
    """A licensed place: one of ours, or of somebody we ship to."""

    kind: ClassVar[str] = "facility"
    license_number: str
    name: str
    license_type: str = "Distributor"
    ships_on_hold: bool | None = None


@dataclass
class UserKey(Record):
    """A user of Metrc: what the key opens, and where."""

    kind: ClassVar[str] = "user_key"
    value: str
    name: str
    licenses: list[str]
    permissions: list[str]
    is_revoked: bool = False


@dataclass
class Item(Record):
    """What packages are made of, at one facility."""

    kind: ClassVar[str] = "item"
    license_number: str
    name: str
    unit: str
    category: str
    last_modified: datetime


@dataclass
class Package(Record):
    """A tagged package: at the license that holds it, active, in transit or finished."""

    kind: ClassVar[str] = "package"
    label: str
    license_number: str
    item_id: int
    quantity: Decimal
    original_quantity: Decimal
    unit: str
    packaged_on: str
    lab_state: str
    made_at: str
    last_modified: datetime
    state: str = ACTIVE
    is_on_hold: bool = False
    is_on_recall: bool = False
    note: str | None = None
    received_at: datetime | None = None
    received_from: str | None = None
    received_manifest: str | None = None


@dataclass
class Driver(Record):
    """A driver known to a facility."""

    kind: ClassVar[str] = "driver"
    license_number: str
    name: str
    drivers_license: str
    employee_id: str
    last_modified: datetime


@dataclass
class Vehicle(Record):
    """A vehicle known to a facility."""

    kind: ClassVar[str] = "vehicle"
    license_number: str
    make: str
    model: str
    plate: str


@dataclass
class Parcel:
    """A package on a template (not yet shipped) or on a transfer, as it was when it left."""

    label: str
    price: Decimal | None = None
    gross_weight: Decimal | None = None
    gross_unit: str | None = None
    package_id: int = 0
    item_id: int = 0
    lab_state: str = ""
    packaged_on: str = ""
    shipped: Decimal = Decimal(0)
    unit: str = ""
    state: str = SHIPPED
    received: Decimal | None = None
    # The row number in /packages/v2/transferred.
    row_id: int = 0


@dataclass
class Delivery:
    """One destination of a template or a transfer. Estimated times are local, without a zone."""

    id: int
    recipient: str
    type_name: str
    invoice_number: str | None = None
    planned_route: str = ""
    departs: str = ""
    arrives: str = ""
    gross_weight: Decimal | None = None
    gross_unit: str | None = None
    transporters: list[dict[str, Any]] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    departed_at: str | None = None
    received_at: datetime | None = None
    returned_at: str | None = None

    @property
    def labels(self) -> list[str]:
        return [parcel.label for parcel in self.parcels]


@dataclass
class Template(Record):
    """A transfer template: a transfer somebody has yet to register."""

    kind: ClassVar[str] = "template"
    license_number: str
    name: str
    carrier: dict[str, Any]
    deliveries: list[Delivery]
    created_at: datetime
    created_by: str
    last_modified: datetime
    is_archived: bool = False


@dataclass
class Transfer(Record):
    """A registered transfer. `template_id`: of which template, whether or not the API says so."""

    kind: ClassVar[str] = "transfer"
    license_number: str
    manifest_number: str
    carrier: dict[str, Any]
    deliveries: list[Delivery]
    created_at: datetime
    created_by: str
    last_modified: datetime
    template_id: int | None = None
    is_voided: bool = False

    def delivery(self, delivery_id: int) -> Delivery | None:
        return next((one for one in self.deliveries if one.id == delivery_id), None)

    @property
    def labels(self) -> list[str]:
        return [label for delivery in self.deliveries for label in delivery.labels]

    @property
    def parcels(self) -> list[Parcel]:
        return [parcel for delivery in self.deliveries for parcel in delivery.parcels]


@dataclass
class LoggedRequest:
    """A request that was answered. `status` 0: its answer was lost."""

    method: str
    path: str
    query: str
    status: int
    body: Any
