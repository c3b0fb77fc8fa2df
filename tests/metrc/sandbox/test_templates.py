"""Templates through the API: what is taken, what is refused and in which words."""

from __future__ import annotations

import pytest

PATH = "/transfers/v2/templates/outgoing"
SHIPPER, SHOP, OTHER_SHOP = "C11-1", "C10-1", "C10-2"


def refused(api, *templates, method="POST"):
    """The messages of a refusal, as (row, message)."""
    answer = api(method, PATH, json=list(templates))
    assert answer.status_code == 400, answer.text
    return [(row["row"], row["message"]) for row in answer.json()]


def test_ids_are_answered_in_the_order_of_the_rows(place, api):
    rows = [{**place.template(), "Name": name} for name in ("A", "B", "C")]
    answer = api("POST", PATH, json=rows).json()
    assert answer["Warnings"] is None
    listed = {row["Id"]: row["Name"] for row in api.rows(PATH)}
    assert [listed[number] for number in answer["Ids"]] == ["A", "B", "C"]


def test_what_was_sent_is_read_back(place, api):
    number = api.send(place.template(place.label(0), place.label(1)))
    (row,) = api.rows(PATH)
    assert (row["Id"], row["PackageCount"], row["ManifestNumber"]) == (number, 2, None)
    assert row["CreatedByUserName"] == "Dana Osei"
    (delivery,) = api.rows(f"{PATH}/{number}/deliveries")
    assert delivery["InvoiceNumber"] == "SO-1"
    assert delivery["RecipientFacilityLicenseNumber"] == SHOP
    root = f"{PATH}/deliveries/{delivery['Id']}"
    packages = api.rows(f"{root}/packages")
    assert [row["PackageLabel"] for row in packages] == [place.label(0), place.label(1)]
    (transporter,) = api.rows(f"{root}/transporters")
    assert transporter["TransporterFacilityLicenseNumber"] == SHIPPER
    (details,) = api.rows(f"{root}/transporters/details")
    assert (details["DriverName"], details["VehicleMake"]) == ("Rosa", "Ford")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"RecipientLicenseNumber": ""}, "Recipient License Number not specified."),
        ({"RecipientLicenseNumber": "C9-9"}, "Recipient License Number not specified."),
        ({"TransferTypeName": None}, "Transfer Type Name not specified."),
        ({"TransferTypeName": "Wholesale Transfer"}, "Transfer Type Name not specified."),
        ({"PlannedRoute": " "}, "Planned Route not specified."),
        ({"InvoiceNumber": None}, "Invoice Number not specified."),
        ({"EstimatedDepartureDateTime": None}, "Estimated Departure Date Time not specified."),
        (
            {"EstimatedArrivalDateTime": "0001-01-01T00:00:00.000"},
            "Estimated Arrival Date Time not specified.",
        ),
        (
            {"EstimatedArrivalDateTime": "2026-07-07T08:00:00.000"},
            "Estimated Arrival Date Time is before the departure.",
        ),
        ({"Transporters": []}, "Transporters not specified."),
        ({"GrossUnitOfWeightName": "Each"}, "Gross Unit Of Weight Name Each not found."),
        ({"GrossWeight": "much"}, "Gross Weight must be a number that is not negative."),
    ],
)
def test_a_destination_that_lacks_something(place, api, changes, message):
    assert refused(api, place.template(**changes)) == [(0, message)]
    assert place.world.templates == {}


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("NotSubmitted", "NotSubmitted"),
        ("TestFailed", "TestFailed"),
        ("RetestFailed", "RetestFailed"),
    ],
)
def test_a_package_whose_tests_do_not_pass(place, api, state, word):
    label = place.label(0)
    place.world.set_lab_state(label, state)
    message = f"Package {label} is marked as {word} and cannot be transferred."
    assert refused(api, place.template(label)) == [(0, message)]


def test_packages_that_cannot_go(place, api):
    held, recalled, gone = (place.label(n) for n in range(3))
    place.world.set_hold(held)
    place.world.set_recall(recalled)
    place.world.make_transfer(SHIPPER, SHOP, [gone])
    found = refused(api, place.template(held, recalled, gone, "1A4NONE"))
    assert found == [
        (0, f"Package {held} is on hold and cannot be transferred."),
        (0, f"Package {recalled} is on recall and cannot be transferred."),
        (0, f"Package {gone} does not exist in the current Facility."),
        (0, "Package 1A4NONE does not exist in the current Facility."),
    ]
    facility = place.world.facility(SHIPPER)
    facility.ships_on_hold = True
    api.send(place.template(held))


def test_wrong_rows_are_named_and_nothing_is_kept(place, api):
    good = place.template()
    found = refused(api, good, {"Name": ""}, place.template(place.label(0), place.label(0)))
    assert found == [
        (1, "Name not specified."),
        (1, "Destinations not specified."),
        (2, f"Package {place.label(0)} is specified more than once."),
    ]
    assert place.world.templates == {}


def test_the_type_says_what_each_package_needs(place, michigan, api, michigan_api):
    label = place.label(0)
    assert refused(api, place.template(Packages=[{"PackageLabel": label}])) == [
        (0, f"Package {label} Wholesale Price not specified.")
    ]
    # This state's last type wants weights, and no price; none of its types wants a transporter.
    bare, of = [{"PackageLabel": michigan.label(0)}], f"Package {michigan.label(0)}"
    assert refused(michigan_api, michigan.template(Packages=bare, GrossWeight=None)) == [
        (0, "Gross Weight not specified."),
        (0, f"{of} Gross Weight not specified."),
        (0, f"{of} Gross Unit Of Weight Name not specified."),
    ]
    michigan_api.send(michigan.template(Packages=[], Transporters=[], InvoiceNumber=None))


@pytest.mark.parametrize("body", [{}, [], "text", None])
def test_a_body_that_is_no_array(api, body):
    answer = api("POST", PATH, json=body)
    assert (answer.status_code, "Message" in answer.json()) == (400, True)


def test_at_most_ten_at_once(place, api):
    rows = [{**place.template(), "Name": str(n)} for n in range(11)]
    assert api("POST", PATH, json=rows).status_code == 413
    assert place.world.templates == {}
    assert len(api("POST", PATH, json=rows[:10]).json()["Ids"]) == 10


def test_a_template_is_replaced(place, api):
    number = api.send(place.template(place.label(0)))
    (old,) = api.rows(f"{PATH}/{number}/deliveries")
    place.clock.forward(hours=1)
    body = place.template(place.label(1), TransferDestinationId=old["Id"], InvoiceNumber="SO-2")
    body |= {"TransferTemplateId": number, "Name": "SO-2"}
    answer = api("PUT", PATH, json=[body])
    assert (answer.status_code, answer.text) == (200, "")
    (row,) = api.rows(PATH)
    assert (row["Name"], row["LastModified"]) == ("SO-2", "2026-07-06T13:00:00+00:00")
    (new,) = api.rows(f"{PATH}/{number}/deliveries")
    assert (new["Id"], new["InvoiceNumber"]) == (old["Id"], "SO-2")
    assert place.world.templates[number].deliveries[0].labels == [place.label(1)]


def test_what_cannot_be_replaced(place, api):
    number = api.send(place.template())
    rows = [
        place.template(),
        {**place.template(), "TransferTemplateId": 7},
        {**place.template(), "TransferTemplateId": number},
    ]
    assert refused(api, *rows, method="PUT") == [
        (0, "Transfer Template Id was not specified."),
        (1, "Transfer Template Id not found."),
    ]
    unknown = {**place.template(TransferDestinationId=7), "TransferTemplateId": number}
    assert refused(api, unknown, method="PUT") == [(0, "Transfer Destination Id not found.")]


def test_an_archived_template_is_gone(place, api):
    number = api.send(place.template())
    transfer = place.world.register(number)
    answer = api("DELETE", f"{PATH}/{number}")
    assert (answer.status_code, answer.text) == (200, "")
    assert api.rows(PATH) == []
    assert api("DELETE", f"{PATH}/{number}").status_code == 404
    assert api("GET", f"{PATH}/{number}/deliveries").status_code == 404
    (row,) = api.rows("/transfers/v2/outgoing")
    assert (row["Id"], row["OriginatingTemplateId"]) == (transfer.id, number)


def test_times_are_kept_without_their_offset(place, api):
    number = api.send(
        place.template(
            EstimatedDepartureDateTime="2026-07-07T08:30:00Z",
            EstimatedArrivalDateTime="2026-07-07T11:30:00-07:00",
        )
    )
    (row,) = api.rows(f"{PATH}/{number}/deliveries")
    assert row["EstimatedDepartureDateTime"] == "2026-07-07T08:30:00.000"
    assert row["EstimatedArrivalDateTime"] == "2026-07-07T11:30:00.000"
