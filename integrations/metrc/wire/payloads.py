"""What Metrc sends, as typed models that accept what it really sends.

Metrc: names differ by age and state, and much is null or "" where nothing is declared so. Each
model takes all of it and ignores what it doesn't know; what it can't read is named by its path.
`raw` is the row as it came, fit for the database.
"""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, PrivateAttr, model_validator
from pydantic.alias_generators import to_pascal

from integrations.metrc.wire.errors import VENDOR
from integrations.metrc.wire.fields import (
    Count,
    Id,
    Label,
    LocalTime,
    Measure,
    OptionalDate,
    OptionalId,
    OptionalTime,
)
from integrations.wire import fields
from integrations.wire.errors import BadPayload
from integrations.wire.fields import Flag, Number, OptionalNumber, Text, or_default, storable


class Payload(fields.Payload):
    """A row of Metrc's, whose fields are named as Python's are."""

    model_config = ConfigDict(alias_generator=to_pascal, populate_by_name=True)

    _raw: Any = PrivateAttr(default=None)

    @property
    def raw(self) -> Any:
        """The row as it came, fit for the database; None when it was not read by `parse`."""
        return self._raw


Model = TypeVar("Model", bound=Payload)


@dataclass(frozen=True)
class Unreadable:
    """A row that can't be read: as it came, fit for the database, and why, in words."""

    raw: Any
    reason: str


class License(Payload):
    number: Text = ""
    license_type: Text = ""
    start_date: OptionalDate = None
    end_date: OptionalDate = None


class Facility(Payload):
    """A facility of the user. `facility_type` holds Metrc's flags by their own names."""

    facility_id: OptionalId = None
    name: Text = ""
    alias: Text = ""
    display_name: Text = ""
    license: License
    facility_type: Annotated[dict[str, Any], or_default(dict)] = Field(default_factory=dict)
    is_owner: Flag = False
    is_manager: Flag = False
    credentialed_date: OptionalDate = None
    allow_transfer_of_on_hold_packages: Flag = False

    @property
    def license_number(self) -> str:
        """The license that calls for this facility name."""
        return self.license.number

    @property
    def label(self) -> str:
        """What people call this facility."""
        return self.display_name or self.alias or self.name or self.license_number


class TransferType(Payload):
    """A state's kind of transfer, referred to by its name, and what it asks for."""

    name: Label
    transaction_type: Text = ""
    # What doesn't say so would else be closed to everybody.
    for_licensed_shipments: Flag = True
    for_external_incoming_shipments: Flag = False
    for_external_outgoing_shipments: Flag = False
    requires_destination_gross_weight: Flag = False
    requires_packages_gross_weight: Flag = False
    requires_invoice_number: Flag = False
    requires_pdf_document: Flag = Field(default=False, alias="RequiresPDFDocument")
    requires_vehicle_registration_number: Flag = False
    bypass_approval: Flag = False

    @property
    def is_wholesale(self) -> bool:
        """Whether each package needs a price."""
        return self.transaction_type == "Wholesale"


class UnitOfMeasure(Payload):
    """`quantity_type`: CountBased, WeightBased, VolumeBased."""

    name: Label
    abbreviation: Text = ""
    quantity_type: Text = ""


class Driver(Payload):
    id: Id
    name: Text = ""
    drivers_license_number: Text = ""
    employee_id: Text = ""
    is_archived: Flag = False
    last_modified: OptionalTime = None


class Vehicle(Payload):
    id: Id
    make: Text = ""
    model: Text = ""
    license_plate_number: Text = ""
    is_archived: Flag = False


class PackagedItem(Payload):
    """The item that a package holds."""

    id: OptionalId = None
    name: Text = ""
    product_category_name: Text = ""
    quantity_type: Text = ""
    unit_of_measure_name: Text = ""
    strain_name: Text = ""
    item_brand_name: Text = ""
    unit_weight: Measure = None
    unit_weight_unit_of_measure_name: Text = ""


class Package(Payload):
    """A package of a facility. Metrc: no field says whether it is on a template or under way."""

    id: Id
    label: Label
    package_type: Text = ""
    external_id: Text = ""
    quantity: Number
    original_package_quantity: Measure = None
    unit_of_measure_name: Text = ""
    unit_of_measure_abbreviation: Text = ""
    packaged_date: OptionalDate = None
    expiration_date: OptionalDate = None
    sell_by_date: OptionalDate = None
    use_by_date: OptionalDate = None
    location_name: Text = ""
    sublocation_name: Text = ""
    item_from_facility_license_number: Text = ""
    note: Text = ""
    initial_lab_testing_state: Text = ""
    lab_testing_state: Text = ""
    lab_testing_state_date: OptionalDate = None
    production_batch_number: Text = ""
    is_trade_sample: Flag = False
    is_donation: Flag = False
    is_testing_sample: Flag = False
    product_requires_remediation: Flag = False
    received_from_manifest_number: Text = ""
    received_from_facility_license_number: Text = ""
    is_on_hold: Flag = False
    is_on_hold_combined: Flag = False
    is_on_investigation: Flag = False
    is_on_recall: Flag = False
    is_on_recall_combined: Flag = False
    is_finished: Flag = False
    is_finished_good: Flag = False
    finished_date: OptionalDate = None
    archived_date: OptionalDate = None
    last_modified: OptionalTime = None
    item: Annotated[PackagedItem, or_default(PackagedItem)] = Field(default_factory=PackagedItem)
    product_name: Text = ""  # of rows before there was an item

    @property
    def item_name(self) -> str:
        """The name of the item, as the package repeats it."""
        return self.item.name or self.product_name


class _Shipment(Payload):
    """What rows of templates and of transfers have in common. Metrc: in outgoing rows the
    recipient and the kind are null; they are read from the deliveries."""

    id: Id
    name: Text = ""
    invoice_number: Text = ""
    shipment_license_type: Text = ""  # a word, or a number in older answers
    shipper_facility_license_number: Text = ""
    shipper_facility_name: Text = ""
    recipient_facility_license_number: Text = ""
    recipient_facility_name: Text = ""
    shipment_type_name: Text = ""
    shipment_transaction_type: Text = ""
    delivery_id: OptionalId = None
    delivery_count: Count = 0
    package_count: Count = 0
    is_voided: Flag = False
    created_date_time: OptionalTime = None
    created_by_user_name: Text = ""
    last_modified: OptionalTime = None
    estimated_departure_date_time: LocalTime = None
    estimated_arrival_date_time: LocalTime = None


class Template(_Shipment):
    """A transfer template, out of which a person registers a transfer in Metrc."""


class Transfer(_Shipment):
    """A registered transfer. `originating_template_id` None: not known, never "not ours"."""

    manifest_number: Text = ""
    received_delivery_count: Count = 0
    received_package_count: Count = 0
    delivery_package_count: Count = 0
    delivery_received_package_count: Count = 0
    actual_departure_date_time: LocalTime = None
    actual_arrival_date_time: LocalTime = None
    received_date_time: OptionalTime = None
    originating_template_id: OptionalId = None


class Delivery(Payload):
    """One stop of a transfer or template."""

    id: Id
    manifest_number: Text = ""
    delivery_number: Count = 0
    recipient_facility_license_number: Text = ""
    recipient_facility_name: Text = ""
    shipment_type_name: Text = ""
    shipment_transaction_type: Text = ""
    invoice_number: Text = ""
    estimated_departure_date_time: LocalTime = None
    actual_departure_date_time: LocalTime = None
    estimated_arrival_date_time: LocalTime = None
    actual_arrival_date_time: LocalTime = None
    estimated_return_departure_date_time: LocalTime = None
    actual_return_departure_date_time: LocalTime = None
    estimated_return_arrival_date_time: LocalTime = None
    actual_return_arrival_date_time: LocalTime = None
    gross_weight: Measure = None
    gross_unit_of_weight_name: Text = ""
    planned_route: Text = ""
    delivery_package_count: Count = 0
    delivery_received_package_count: Count = 0
    received_date_time: OptionalTime = None
    rejected_packages_returned: Flag = False


class DeliveryPackage(Payload):
    """A package of a delivery. `received_quantity` None: not received yet."""

    package_id: OptionalId = None
    package_label: Label
    package_type: Text = ""
    item_id: OptionalId = None
    item_name: Text = ""
    item_category_name: Text = ""
    item_strain_name: Text = ""
    item_brand_name: Text = ""
    lab_testing_state: Text = ""
    production_batch_number: Text = ""
    shipment_package_state: Text = ""
    shipped_quantity: OptionalNumber = None
    shipped_unit_of_measure_name: Text = ""
    received_quantity: OptionalNumber = None
    received_unit_of_measure_name: Text = ""
    gross_unit_of_weight_name: Text = ""
    external_id: Text = ""
    is_trade_sample: Flag = False
    is_donation: Flag = False
    is_testing_sample: Flag = False

    @model_validator(mode="before")
    @classmethod
    def _older_names(cls, row: Any) -> Any:
        """Metrc: older rows call the item's name ProductName."""
        if isinstance(row, dict) and not row.get("ItemName") and row.get("ProductName"):
            return {**row, "ItemName": row["ProductName"]}
        return row


class WholesalePrice(Payload):
    """Prices of a whole package, as the shipper and the receiver gave them."""

    package_id: OptionalId = None
    package_label: Label
    shipper_wholesale_price: OptionalNumber = None
    receiver_wholesale_price: OptionalNumber = None


def parse(model: type[Model], body: Any) -> Model:
    """Read a row, keeping it as `raw`. Raises BadPayload that names every path it can't make sense
    of."""
    found = fields.parse(model, body, VENDOR)
    found._raw = storable(body)
    return found


def parsed(model: type[Model], rows: list[Any]) -> list[Model | Unreadable]:
    """Read rows, each for itself: one that can't be read stops no other."""
    found: list[Model | Unreadable] = []
    for row in rows:
        try:
            found.append(parse(model, row))
        except BadPayload as error:
            found.append(Unreadable(_kept(row), str(error)))
    return found


def _kept(row: Any) -> Any:
    try:
        return storable(row)
    except RecursionError:
        return None
