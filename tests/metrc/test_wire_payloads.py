"""Payloads: everything Metrc really sends is read, and what can't be is named by its path."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.metrc.wire import payloads
from integrations.metrc.wire.payloads import Unreadable, parse, parsed
from integrations.wire.errors import BadPayload

SAMPLES = Path("/work/shared/metrc/samples")
MODELS = {
    "facilities": payloads.Facility,
    "transfer-types": payloads.TransferType,
    "packages-active": payloads.Package,
    "drivers": payloads.Driver,
    "vehicles": payloads.Vehicle,
    "templates-list": payloads.Template,
    "outgoing-transfers": payloads.Transfer,
    "deliveries": payloads.Delivery,
    "delivery-packages": payloads.DeliveryPackage,
    "delivery-packages-received": payloads.DeliveryPackage,
    "delivery-packages-wholesale": payloads.WholesalePrice,
}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared samples are not on this machine")
@pytest.mark.parametrize("name", MODELS)
def test_the_samples_are_read(name):
    body = json.loads((SAMPLES / f"{name}.json").read_text(), parse_float=str)
    rows = body["Data"] if isinstance(body, dict) else body
    found = parsed(MODELS[name], rows)
    assert found
    assert not [row for row in found if isinstance(row, Unreadable)]
    assert [row.raw for row in found] == rows


def package(**more):
    return parse(payloads.Package, {"Id": 1, "Label": "1A4", "Quantity": "2.5", **more})


def transfer(**more):
    return parse(payloads.Transfer, {"Id": 1, **more})


def test_a_package_is_read_with_its_item():
    found = package(
        UnitOfMeasureName="Grams",
        LabTestingState="TestPassed",
        PackagedDate="2026-02-20",
        LastModified="2026-03-10T09:11:27-07:00",
        IsOnRecall=None,
        IsOnHold=True,
        Item={"Id": 9, "Name": "Fog", "UnitWeight": "3.5", "Odd": 1},
        Odd={"a": 1},
    )
    assert (found.id, found.label, found.quantity) == (1, "1A4", Decimal("2.5"))
    assert (found.item.id, found.item_name, found.item.unit_weight) == (9, "Fog", Decimal("3.5"))
    assert found.packaged_date == date(2026, 2, 20)
    assert found.last_modified == datetime(2026, 3, 10, 16, 11, 27, tzinfo=UTC)
    assert (found.is_on_hold, found.is_on_recall) == (True, False)
    assert found.raw["Odd"] == {"a": 1}


@pytest.mark.parametrize("item", [None, "", "Fog", [], {"Id": "x"}])
def test_a_package_is_not_lost_for_its_item(item):
    assert package(Item=item, ProductName="Older Fog").item_name == "Older Fog"


def test_an_older_delivery_package_names_its_product():
    row = {"PackageId": 2, "PackageLabel": "1A4", "ShippedQuantity": "100.0"}
    older = parse(payloads.DeliveryPackage, {**row, "ItemName": None, "ProductName": "Fog"})
    newer = parse(payloads.DeliveryPackage, {**row, "ItemName": "Fog"})
    assert older.item_name == newer.item_name == "Fog"
    assert (newer.shipped_quantity, newer.received_quantity) == (Decimal(100), None)
    assert "ItemName" in older.raw
    assert older.raw["ItemName"] is None


@pytest.mark.parametrize("value", [None, "", "0001-01-01T00:00:00.000", "0001-01-01", "soon"])
def test_no_time_comes_in_many_ways(value):
    found = transfer(EstimatedDepartureDateTime=value, ReceivedDateTime=value, LastModified=value)
    assert found.estimated_departure_date_time is None
    assert found.received_date_time is None
    assert found.last_modified is None
    assert package(PackagedDate=value).packaged_date is None


def test_the_sentinel_with_an_offset_is_no_time_either():
    assert transfer(LastModified="0001-01-01T00:00:00+00:00").last_modified is None


def test_planned_times_stay_the_facilitys_own():
    found = transfer(EstimatedDepartureDateTime="2016-10-11T14:48:30.000")
    assert found.estimated_departure_date_time == datetime(2016, 10, 11, 14, 48, 30)
    with_z = transfer(EstimatedDepartureDateTime="2016-10-11T14:48:30Z")
    assert with_z.estimated_departure_date_time == datetime(2016, 10, 11, 14, 48, 30, tzinfo=UTC)


def test_what_metrc_noted_always_has_an_offset():
    found = transfer(CreatedDateTime="2026-03-11T22:04:18", LastModified="2026-03-11T22:04:18Z")
    assert found.created_date_time == found.last_modified
    assert found.created_date_time.tzinfo is not None


def test_a_date_may_come_with_a_time():
    assert package(PackagedDate="2026-02-20T10:30:00+00:00").packaged_date == date(2026, 2, 20)


@pytest.mark.parametrize(("value", "text"), [("Licensed", "Licensed"), (0, "0"), (None, "")])
def test_the_kind_of_license_is_a_word_or_a_number(value, text):
    assert transfer(ShipmentLicenseType=value).shipment_license_type == text


@pytest.mark.parametrize("value", [None, "", 0, "0", "none", -3])
def test_an_unknown_template_is_none(value):
    found = transfer(OriginatingTemplateId=value, DeliveryId=value)
    assert found.originating_template_id is None
    assert found.delivery_id is None
    assert transfer(OriginatingTemplateId=88412).originating_template_id == 88412


def test_a_row_of_nulls_is_read_where_only_the_id_counts():
    names = [field.alias for name, field in payloads.Transfer.model_fields.items() if name != "id"]
    found = parse(payloads.Transfer, {"Id": 5, **dict.fromkeys(names)})
    assert (found.manifest_number, found.package_count, found.is_voided) == ("", 0, False)


def test_the_flags_of_a_transfer_type_are_read_by_metrcs_names():
    found = parse(
        payloads.TransferType,
        {
            "Name": "Wholesale Manifest",
            "TransactionType": "Wholesale",
            "ForLicensedShipments": True,
            "RequiresDestinationGrossWeight": True,
            "RequiresPackagesGrossWeight": True,
            "RequiresInvoiceNumber": True,
            "RequiresPDFDocument": True,
            "RequiresVehicleRegistrationNumber": True,
        },
    )
    assert found.is_wholesale
    assert found.requires_destination_gross_weight
    assert found.requires_packages_gross_weight
    assert found.requires_invoice_number
    assert found.requires_pdf_document
    assert found.requires_vehicle_registration_number
    bare = parse(payloads.TransferType, {"Name": "Transfer"})
    assert not bare.is_wholesale
    assert not bare.requires_invoice_number


def test_a_facility_is_known_by_its_license():
    row = {"FacilityId": 4, "Name": "Long, Inc.", "License": {"Number": "C11"}}
    found = parse(payloads.Facility, {**row, "FacilityType": {"IsRetail": False}})
    assert (found.license_number, found.label) == ("C11", "Long, Inc.")
    assert found.facility_type == {"IsRetail": False}
    with pytest.raises(BadPayload, match="License"):
        parse(payloads.Facility, {"Name": "x"})


@pytest.mark.parametrize(
    ("model", "row", "path"),
    [
        (payloads.Package, {"Id": 1, "Label": "", "Quantity": 1}, "Label"),
        (payloads.Package, {"Id": 1, "Label": "A"}, "Quantity"),
        (payloads.Package, {"Id": 1, "Label": "A", "Quantity": "much"}, "Quantity"),
        (payloads.Package, {"Id": 0, "Label": "A", "Quantity": 1}, "Id"),
        (payloads.Transfer, {"Id": 2**63}, "Id"),
        (payloads.DeliveryPackage, {"PackageLabel": None}, "PackageLabel"),
        (payloads.DeliveryPackage, {"PackageLabel": "A", "ReceivedQuantity": "x"}, "Received"),
        (payloads.Driver, None, "whole"),
        (payloads.Vehicle, [], "whole"),
    ],
)
def test_what_can_not_be_read_is_named_by_its_path(model, row, path):
    with pytest.raises(BadPayload, match=path) as caught:
        parse(model, row)
    assert str(caught.value).startswith("Metrc's ")


def test_what_no_database_stores_is_gone_from_the_raw_row():
    found = package(Note="a\x00b")
    assert found.note == "ab"
    assert found.raw["Note"] == "ab"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@given(data=st.data())
@settings(max_examples=8)
@pytest.mark.parametrize("model", sorted({*MODELS.values()}, key=lambda model: model.__name__))
def test_anything_is_read_or_named(model, data):
    names = [field.alias for field in model.model_fields.values()]
    row = data.draw(st.dictionaries(st.sampled_from(names), JSON) | JSON)
    with suppress(BadPayload):
        assert parse(model, row).raw is not None
    assert len(parsed(model, [row, row])) == 2
