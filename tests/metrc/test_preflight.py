"""What Metrc would refuse is said before it is sent: a row for each refusal and each doubt."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from integrations.metrc.mapping.preflight import (
    Facts,
    LineFacts,
    RecipientFacts,
    ShipperFacts,
    problems_of,
    refusing,
)
from integrations.metrc.mapping.preflight_packages import PackageFacts, Rules
from integrations.metrc.mapping.template_body import Manner, TemplateEntry, TypeFacts
from integrations.metrc.mapping.troubles import (
    ACCOUNT,
    DESTINATION,
    ITEMS,
    ORDER,
    PACKAGES,
    READ_PACKAGES,
    WEIGHTS,
)

NOW = datetime(2026, 7, 1, 15, tzinfo=UTC)
ENTRY = TemplateEntry(
    name="SO-7",
    recipient_license="R-1",
    transfer_type="Wholesale",
    invoice_number="SO-7",
    planned_route="North on Elm",
    departs_at=NOW + timedelta(hours=2),
    arrives_at=NOW + timedelta(hours=4),
    transporter_license="L-1",
    driver_name="Ada Moss",
    driver_license="D1",
    vehicle_make="Ford",
    vehicle_model="Transit",
    vehicle_plate="ABC123",
    vehicle_registration="REG9",
    gross_weight=Decimal(30),
    gross_weight_unit="Grams",
)
KIND = TypeFacts(
    "Wholesale",
    is_wholesale=True,
    needs_destination_weight=True,
    needs_package_weights=True,
    needs_invoice_number=True,
    needs_vehicle_registration=True,
)
PACKAGE = PackageFacts(
    "P1",
    assigned=Decimal(10),
    now=Decimal(10),
    in_metrc=Decimal(10),
    lab_state="TestPassed",
    lab_state_on=date(2026, 6, 1),
    expires_on=date(2027, 1, 1),
    price=Decimal("50.00"),
    gross_weight=Decimal(30),
)
LINE = LineFacts("Gummies", Decimal(10), Decimal(10))
FINE = Facts(
    entry=ENTRY,
    shipper=ShipperFacts("L-1", packages_read_at=NOW),
    recipient=RecipientFacts("Juniper", "R-1", date(2026, 7, 1)),
    manner=Manner(ZoneInfo("America/Denver")),
    now=NOW,
    kind=KIND,
    packages=[PACKAGE],
    lines=[LINE],
    rules=Rules(("TestPassed",)),
)


def entry(**changed):
    return replace(FINE, entry=replace(ENTRY, **changed))


def kind(**changed):
    return replace(FINE, kind=replace(KIND, **changed))


def package(**changed):
    return replace(FINE, packages=[replace(PACKAGE, **changed)])


def recipient(**changed):
    return replace(FINE, recipient=replace(FINE.recipient, **changed))


REFUSED = [
    ("order", replace(FINE, order_problem="It is canceled."), ORDER, "canceled"),
    ("shipper", replace(FINE, shipper=ShipperFacts("L-1", "Keys refused.")), ACCOUNT, "Keys"),
    ("no_destination", recipient(name="", license_number=""), ORDER, "Choose one"),
    ("no_recipient_license", recipient(license_number=""), DESTINATION, "Juniper has no license"),
    (
        "license_expired",
        recipient(license_expires_on=date(2026, 6, 30)),
        DESTINATION,
        "expired on Jun 30, 2026",
    ),
    ("destination_inactive", recipient(is_active=False), DESTINATION, "switched off"),
    ("to_ourselves", recipient(license_number="L-1"), DESTINATION, "the license that ships it"),
    ("no_packages", replace(FINE, packages=[]), PACKAGES, "Assign them"),
    (
        "line_not_covered",
        replace(FINE, lines=[replace(LINE, ordered=Decimal(12))]),
        PACKAGES,
        "Gummies: packages make up 10 of 12 units. Assign more",
    ),
    (
        "line_not_covered",
        replace(FINE, lines=[replace(LINE, ordered=Decimal(8))]),
        PACKAGES,
        "10 of 8 units. Take a package away",
    ),
    ("package_not_here", package(not_here="finished"), PACKAGES, "P1 is finished"),
    ("package_elsewhere", package(other_license="L-9"), PACKAGES, "is in license L-9"),
    ("on_hold", package(on_hold=True), PACKAGES, "Have the hold lifted"),
    ("on_recall", package(on_recall=True), PACKAGES, "is recalled"),
    ("needs_remediation", package(needs_remediation=True), PACKAGES, "remediation"),
    ("lab_state", package(lab_state="NotSubmitted"), PACKAGES, "“Not submitted”"),
    ("lab_state", package(lab_state=""), PACKAGES, "“Not known”"),
    ("lab_state", package(lab_state="Brandnew"), PACKAGES, "“Brandnew”"),
    ("quantity_changed", package(now=Decimal(9)), PACKAGES, "had 10 units .* has 9 now"),
    (
        "package_empty",
        package(assigned=Decimal(0), now=Decimal(0), in_metrc=Decimal(0)),
        PACKAGES,
        "is empty",
    ),
    ("label_twice", replace(FINE, packages=[PACKAGE, PACKAGE]), PACKAGES, "assigned 2 times"),
    ("no_type", replace(entry(transfer_type=""), kind=None), "transfer_type", "Choose"),
    ("type_gone", replace(FINE, kind=None), "transfer_type", "“Wholesale” is not among"),
    ("type_gone", kind(is_listed=False), "transfer_type", "is not among"),
    ("type_unlicensed", kind(is_licensed=False), "transfer_type", "not for recipients"),
    ("no_price", package(price=None), PACKAGES, "has no price"),
    ("price_negative", package(price=Decimal(-1)), PACKAGES, "below zero"),
    ("no_package_weight", package(gross_weight=None), WEIGHTS, "has no gross weight"),
    ("no_gross_weight", entry(gross_weight=None), "gross_weight", "needs the gross weight"),
    ("no_gross_weight", entry(gross_weight=Decimal(0)), "gross_weight", "needs"),
    ("no_gross_weight_unit", entry(gross_weight_unit=""), "gross_weight_unit", "Grams"),
    ("no_invoice_number", entry(invoice_number=""), ORDER, "needs an invoice number"),
    (
        "no_vehicle_registration",
        entry(vehicle_registration=" "),
        "vehicle_registration",
        "needs the registration",
    ),
    ("no_transporter_license", entry(transporter_license=""), "transporter_license", "Enter"),
    ("no_driver_name", entry(driver_name=" "), "driver_name", "Enter"),
    ("no_driver_license", entry(driver_license=""), "driver_license", "Enter"),
    ("no_vehicle_make", entry(vehicle_make=""), "vehicle_make", "Enter"),
    ("no_vehicle_model", entry(vehicle_model=""), "vehicle_model", "Enter"),
    ("no_vehicle_plate", entry(vehicle_plate=""), "vehicle_plate", "Enter"),
    ("no_planned_route", entry(planned_route=""), "planned_route", "Describe"),
    ("no_departure", entry(departs_at=None), "departs_at", "leaves"),
    ("no_arrival", entry(arrives_at=None), "arrives_at", "arrives"),
    ("arrival_before_departure", entry(arrives_at=ENTRY.departs_at), "arrives_at", "not after"),
    ("departure_past", entry(departs_at=NOW - timedelta(minutes=1)), "departs_at", "in the past"),
    ("name_too_long", entry(name="x" * 101), ORDER, "101 characters"),
    ("invoice_number_too_long", entry(invoice_number="x" * 101), ORDER, "shorter number"),
]
DOUBTED = [
    (
        "line_not_in_metrc",
        replace(FINE, lines=[LINE, LineFacts("T-shirt", Decimal(2), Decimal(0), False)]),
        ITEMS,
        "T-shirt goes without packages",
    ),
    (
        "packages_stale",
        replace(FINE, shipper=ShipperFacts("L-1")),
        READ_PACKAGES,
        WEIGHTS,
        "last read never",
    ),
    (
        "packages_stale",
        replace(FINE, shipper=ShipperFacts("L-1", packages_read_at=NOW - timedelta(hours=2))),
        READ_PACKAGES,
        WEIGHTS,
        "more than an hour ago",
    ),
    ("needs_pdf", kind(needs_pdf=True), "transfer_type", "PDF"),
    ("price_zero", package(price=Decimal(0)), PACKAGES, "price is zero"),
    ("lab_state_old", package(lab_state_on=date(2025, 6, 30)), PACKAGES, "more than a year ago"),
    ("package_expired", package(expires_on=date(2026, 6, 30)), PACKAGES, "past its expiration"),
    ("testing_sample", package(is_testing_sample=True), PACKAGES, "lab sample"),
    ("quantity_unknown", package(now=None), PACKAGES, "another unit"),
    (
        "many_objects",
        replace(FINE, packages=[replace(PACKAGE, label=f"P{n}") for n in range(11)]),
        PACKAGES,
        "has 11 packages",
    ),
    (
        "time_twice",
        entry(
            departs_at=datetime(2026, 11, 1, 7, 30, tzinfo=UTC),
            arrives_at=datetime(2026, 11, 1, 10, tzinfo=UTC),
        ),
        "departs_at",
        "comes twice",
    ),
]


def test_what_is_fine_has_no_troubles():
    assert problems_of(FINE) == []


def test_a_type_that_asks_for_nothing_needs_no_weights_prices_or_numbers():
    bare = replace(
        entry(gross_weight=None, gross_weight_unit="", invoice_number="", vehicle_registration=""),
        kind=TypeFacts("Wholesale"),
        packages=[replace(PACKAGE, price=None, gross_weight=None)],
    )
    assert problems_of(bare) == []


@pytest.mark.parametrize(("code", "facts", "where", "words"), REFUSED)
def test_it_says_what_metrc_would_refuse(code, facts, where, words):
    [trouble] = refusing(problems_of(facts))
    assert (trouble.code, trouble.where) == (code, where)
    assert re.search(words, trouble.text)


@pytest.mark.parametrize(("code", "facts", "where", "words"), DOUBTED)
def test_it_warns_of_what_may_go_wrong(code, facts, where, words):
    [trouble] = problems_of(facts)
    assert (trouble.code, trouble.where, trouble.is_warning) == (code, where, True)
    assert words in trouble.text


def test_packages_on_hold_may_go_where_the_license_says_so():
    facts = replace(package(on_hold=True), rules=Rules(("TestPassed",), ships_on_hold=True))
    assert problems_of(facts) == []


def test_everything_is_said_at_once_and_what_is_refused_first():
    facts = Facts(
        TemplateEntry("SO-7", "", ""),
        ShipperFacts("L-1"),
        RecipientFacts(),
        FINE.manner,
        NOW,
        lines=[LINE],
    )
    troubles = problems_of(facts)
    assert {one.code for one in refusing(troubles)} == {
        "no_destination",
        "no_packages",
        "no_type",
        "no_transporter_license",
        "no_driver_name",
        "no_driver_license",
        "no_vehicle_make",
        "no_vehicle_model",
        "no_vehicle_plate",
        "no_planned_route",
        "no_departure",
        "no_arrival",
    }
    assert [one.is_warning for one in troubles] == sorted(one.is_warning for one in troubles)
