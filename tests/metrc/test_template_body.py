"""What Metrc gets for a template: every field, the times by the facility's clock, the prices."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.metrc.mapping.template_body import (
    Manner,
    PackageEntry,
    TemplateEntry,
    TypeFacts,
    body_of,
)
from integrations.metrc.mapping.template_times import (
    NoSuchTime,
    as_sent,
    comes_twice,
    moment_of,
    next_departure,
    on_the_clock,
)

DENVER = ZoneInfo("America/Denver")
SAMPLE = Path("/work/shared/metrc/samples/template-post-body.json")

ENTRY = TemplateEntry(
    name="SO-7",
    recipient_license="R-1",
    transfer_type="Wholesale",
    invoice_number="SO-7",
    planned_route="North on Elm",
    departs_at=datetime(2026, 3, 12, 14, 30, tzinfo=UTC),
    arrives_at=datetime(2026, 3, 12, 17, 45, tzinfo=UTC),
    transporter_license="T-1",
    driver_name="Ada Moss",
    driver_license="D1",
    driver_employee_id="OCC-1",
    vehicle_make="Ford",
    vehicle_model="Transit",
    vehicle_plate="ABC123",
    vehicle_registration="REG9",
    phone="555",
    gross_weight=Decimal("3120.5000"),
    gross_weight_unit="Grams",
    packages=[
        PackageEntry("P1", Decimal("640.00"), Decimal(3), Decimal("1180.5")),
        PackageEntry("P2"),
    ],
)
ALL_NEEDED = TypeFacts(
    "Wholesale",
    needs_destination_weight=True,
    needs_package_weights=True,
    needs_vehicle_registration=True,
)


def sent(entry=ENTRY, kind=ALL_NEEDED, **manner):
    [template] = body_of(entry, kind, Manner(DENVER, **manner))
    json.dumps(template)
    return template


def test_everything_that_is_known_is_sent():
    template = sent()
    [stop] = template["Destinations"]
    [transporter] = stop.pop("Transporters")
    packages = stop.pop("Packages")
    assert stop == {
        "RecipientLicenseNumber": "R-1",
        "InvoiceNumber": "SO-7",
        "TransferTypeName": "Wholesale",
        "PlannedRoute": "North on Elm",
        "EstimatedDepartureDateTime": "2026-03-12T08:30:00.000",
        "EstimatedArrivalDateTime": "2026-03-12T11:45:00.000",
        "GrossWeight": 3120.5,
        "GrossUnitOfWeightName": "Grams",
    }
    people = {
        "TransporterFacilityLicenseNumber": "T-1",
        "DriverOccupationalLicenseNumber": "OCC-1",
        "DriverName": "Ada Moss",
        "DriverLicenseNumber": "D1",
        "PhoneNumberForQuestions": "555",
        "VehicleMake": "Ford",
        "VehicleModel": "Transit",
        "VehicleLicensePlateNumber": "ABC123",
    }
    assert transporter == {
        **people,
        "DriverLayoverLeg": None,
        "IsLayover": False,
        "EstimatedDepartureDateTime": "2026-03-12T08:30:00.000",
        "EstimatedArrivalDateTime": "2026-03-12T11:45:00.000",
        "TransporterDetails": [],
        "VehicleRegistrationNumber": "REG9",
    }
    assert packages == [
        {
            "PackageLabel": "P1",
            "WholesalePrice": 640.0,
            "GrossWeight": 1180.5,
            "GrossUnitOfWeightName": "Grams",
        },
        {
            "PackageLabel": "P2",
            "WholesalePrice": None,
            "GrossWeight": None,
            "GrossUnitOfWeightName": None,
        },
    ]
    del template["Destinations"]
    assert template == {"Name": "SO-7", **people}


def test_what_is_not_known_is_null_and_what_is_not_asked_for_is_left_out():
    template = sent(TemplateEntry("SO-7", "", ""), TypeFacts(""))
    [stop] = template.pop("Destinations")
    assert set(template.values()) == {"SO-7", None}
    assert "GrossWeight" not in stop
    assert "VehicleRegistrationNumber" not in stop["Transporters"][0]
    assert stop["RecipientLicenseNumber"] is None
    assert stop["Packages"] == []
    assert stop["EstimatedDepartureDateTime"] is None


def test_weights_go_only_to_types_that_ask_for_them():
    [stop] = sent(kind=TypeFacts("Wholesale"))["Destinations"]
    assert "GrossWeight" not in stop
    assert stop["Packages"][0]["GrossWeight"] is None
    assert stop["Packages"][0]["GrossUnitOfWeightName"] is None


def test_driver_and_vehicle_are_named_on_the_template_only_where_the_account_says_so():
    template = sent(transporter_on_template=False)
    assert template["DriverName"] is None
    assert template["TransporterFacilityLicenseNumber"] is None
    assert template["Destinations"][0]["Transporters"][0]["DriverName"] == "Ada Moss"


def test_the_type_is_named_on_the_template_only_where_the_account_says_so():
    assert "TransferTypeName" not in sent()
    assert sent(type_on_template=True)["TransferTypeName"] == "Wholesale"


@pytest.mark.parametrize(
    ("price", "quantity", "sent_as"),
    [
        ("640.00", "3", 213.33),
        ("640.00", "0", None),
        ("0.00", "3", 0.0),
        ("10.05", "2", 5.03),
    ],
)
def test_prices_per_unit_are_to_the_cent(price, quantity, sent_as):
    entry = replace(ENTRY, packages=[PackageEntry("P", Decimal(price), Decimal(quantity))])
    [package] = sent(entry, price_is="unit")["Destinations"][0]["Packages"]
    assert package["WholesalePrice"] == sent_as


@settings(max_examples=30)
@given(cents=st.integers(0, 10**11))
def test_a_price_comes_through_exactly(cents):
    price = Decimal(cents).scaleb(-2)
    entry = replace(ENTRY, packages=[PackageEntry("P", price)])
    [package] = sent(entry)["Destinations"][0]["Packages"]
    assert Decimal(json.dumps(package["WholesalePrice"])) == price


@pytest.mark.parametrize(
    ("moment", "times_are", "text"),
    [
        (datetime(2026, 7, 1, 15, tzinfo=UTC), "local", "2026-07-01T09:00:00.000"),
        (datetime(2026, 7, 1, 15, tzinfo=UTC), "offset", "2026-07-01T09:00:00.000-06:00"),
        (datetime(2026, 7, 1, 15, tzinfo=UTC), "utc", "2026-07-01T15:00:00.000Z"),
        (datetime(2026, 12, 1, 15, tzinfo=UTC), "offset", "2026-12-01T08:00:00.000-07:00"),
        # The hour that comes twice: only the offset tells the second from the first.
        (datetime(2026, 11, 1, 7, 30, tzinfo=UTC), "offset", "2026-11-01T01:30:00.000-06:00"),
        (datetime(2026, 11, 1, 8, 30, tzinfo=UTC), "offset", "2026-11-01T01:30:00.000-07:00"),
        (datetime(2026, 11, 1, 8, 30, tzinfo=UTC), "local", "2026-11-01T01:30:00.000"),
        (None, "local", None),
    ],
)
def test_times_are_sent_as_the_account_says(moment, times_are, text):
    assert as_sent(moment, DENVER, times_are) == text


def test_a_skipped_hour_is_refused_with_the_reason():
    with pytest.raises(NoSuchTime, match="Mar 8 the clocks there go forward"):
        moment_of(datetime(2026, 3, 8, 2, 30), DENVER)
    assert moment_of(datetime(2026, 3, 8, 3), DENVER) == datetime(2026, 3, 8, 9, tzinfo=UTC)


def test_an_hour_that_comes_twice_means_the_first_and_is_known_for_it():
    first = moment_of(datetime(2026, 11, 1, 1, 30), DENVER)
    assert first == datetime(2026, 11, 1, 7, 30, tzinfo=UTC)
    assert comes_twice(first, DENVER)
    assert comes_twice(datetime(2026, 11, 1, 8, 30, tzinfo=UTC), DENVER)
    assert not comes_twice(datetime(2026, 11, 1, 9, 30, tzinfo=UTC), DENVER)
    assert not comes_twice(datetime(2026, 7, 1, 9, 30, tzinfo=UTC), DENVER)


@settings(max_examples=30)
@given(moment=st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
def test_what_the_clock_shows_leads_back_to_the_moment(moment):
    if not comes_twice(moment, DENVER):
        assert moment_of(on_the_clock(moment, DENVER), DENVER) == moment


@pytest.mark.parametrize(
    ("delivery", "now", "leaves"),
    [
        (date(2026, 7, 3), datetime(2026, 7, 1, 15, tzinfo=UTC), "2026-07-03T09:00:00.000"),
        # Saturday was asked for: then it is Saturday.
        (date(2026, 7, 4), datetime(2026, 7, 1, 15, tzinfo=UTC), "2026-07-04T09:00:00.000"),
        # Nine o'clock of that day is over; the next working day after a Friday is Monday.
        (date(2026, 7, 3), datetime(2026, 7, 3, 20, tzinfo=UTC), "2026-07-06T09:00:00.000"),
        (None, datetime(2026, 7, 1, 15, tzinfo=UTC), "2026-07-02T09:00:00.000"),
        # In UTC it is Tuesday already, there still Monday.
        (None, datetime(2026, 7, 7, 3, tzinfo=UTC), "2026-07-07T09:00:00.000"),
    ],
)
def test_when_to_leave_unless_somebody_says_otherwise(delivery, now, leaves):
    assert as_sent(next_departure(delivery, now, DENVER), DENVER, "local") == leaves


def test_the_body_has_the_shape_of_the_reference():
    if not SAMPLE.exists():
        pytest.skip("The shared reference is not here, so its sample can't be compared with.")
    [sample] = json.loads(SAMPLE.read_text())
    kind = TypeFacts("Wholesale", needs_destination_weight=True, needs_package_weights=True)

    def shape(value):
        if isinstance(value, dict):
            return {key: shape(one) for key, one in value.items()}
        return [shape(value[0])] if isinstance(value, list) and value else None

    assert shape(sent(kind=kind)) == shape(sample)
