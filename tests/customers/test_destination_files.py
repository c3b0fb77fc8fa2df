"""Destinations as files: found by license, else by name; every bad cell told; out and back."""

from datetime import date

import pytest
from django.urls import reverse
from model_bakery import baker

from catalog.models import Facility
from customers.models import Destination
from tests.catalog.files import (
    confirm,
    csv_file,
    excel_file,
    export,
    staff_with,
    totals,
    upload,
    wrong,
)

pytestmark = pytest.mark.django_db
NAME = "customers_destination"


@pytest.fixture
def store():
    return baker.make(
        Destination,
        name="High Store",
        license_number="402R-00981",
        license_expires_on=date(2027, 1, 31),
        email="buy@high.example",
        phone="+1 303 555 0100",
        default_facility=baker.make(Facility, name="Denver", license_number="F1"),
        notes="Ring twice",
    )


def test_rows_are_looked_at_and_then_imported(admin_client, store):
    file = csv_file(
        "license_number,name,license_expires_on,default_facility,phone",
        "402r 00981,High Store,2028-01-31,f1,",
        "402R-7,Low Store,12/31/2027,,303 555 0101",
    )
    shown = upload(admin_client, NAME, file)
    assert totals(shown) == {"new": 1, "update": 1}
    first = shown.context["result"].changed_rows()[0]
    assert first.diff == [
        ("license_expires_on", "2027-01-31", "2028-01-31"),
        ("phone", "+1 303 555 0100", ""),
    ]
    assert Destination.objects.count() == 1
    confirm(admin_client, NAME, shown)
    store.refresh_from_db()
    assert (store.license_number, store.license_key) == ("402R-00981", "402R00981")
    assert (store.license_expires_on, store.phone, store.notes) == (
        date(2028, 1, 31),
        "",
        "Ring twice",
    )
    new = Destination.objects.get(license_key="402R7")
    assert (new.name, new.license_expires_on, new.is_active) == (
        "Low Store",
        date(2027, 12, 31),
        True,
    )


def test_one_without_a_license_is_found_by_its_name(admin_client, store):
    other = baker.make(Destination, name="Museum", license_number="")
    file = csv_file("license_number,name,notes", ",museum,closed", ",High Store,another")
    shown = upload(admin_client, NAME, file)
    assert totals(shown) == {"new": 1, "update": 1}
    confirm(admin_client, NAME, shown)
    other.refresh_from_db()
    assert (other.notes, Destination.objects.count()) == ("closed", 3)
    store.refresh_from_db()
    assert store.notes == "Ring twice"


@pytest.mark.parametrize(
    ("column", "cell", "text"),
    [
        ("name", "x" * 401, "Too long: 401 characters, and 400 are the most."),
        ("email", "nobody", "Enter a valid email address."),
        ("license_expires_on", "31.12.2027", "“31.12.2027” in license_expires_on is no day."),
        ("default_facility", "Paris", "There is no facility “Paris”."),
        ("is_active", "perhaps", "“perhaps” in is_active is neither yes nor no."),
        ("customer_number", "x" * 101, "Too long: 101 characters, and 100 are the most."),
    ],
)
def test_a_bad_cell_is_told_at_its_column_and_keeps_all_out(
    admin_client, store, column, cell, text
):
    file = csv_file(f"license_number,notes,{column}", f"402R00981,new,{cell}")
    [(line, title, [(told_at, told)])] = wrong(upload(admin_client, NAME, file))
    assert (line, title, told_at) == (2, "402R00981", column)
    assert text in told


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([",,x"], ("license_number", "Give the license number, or the name of one without")),
        (["402R 00981,A,", "402r-00981,B,"], ("", "This is in row 2 already.")),
        ([",Twin,"], ("name", "2 destinations without a license are called “Twin”.")),
        (["N1,,x"], ("name", "A new destination needs a name.")),
    ],
)
def test_a_row_that_names_no_destination_or_one_again_is_told(admin_client, store, rows, problem):
    baker.make(Destination, name="Twin", license_number="", _quantity=2)
    shown = upload(admin_client, NAME, csv_file("license_number,name,notes", *rows))
    [(column, text)] = wrong(shown)[0][2]
    assert column == problem[0]
    assert problem[1] in text


def test_the_license_number_is_needed(admin_client, store):
    shown = upload(admin_client, NAME, csv_file("name,notes", "High Store,x"))
    assert "The file has no column “license_number”." in shown.content.decode()


def test_an_excel_file_is_imported(admin_client, store):
    file = excel_file(
        ["License number", "License expires on", "Phone"],
        ["402R00981", date(2029, 2, 1), 3035550100],
    )
    confirm(admin_client, NAME, upload(admin_client, NAME, file))
    store.refresh_from_db()
    assert (store.license_expires_on, store.phone) == (date(2029, 2, 1), "3035550100")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_exported_comes_back_without_a_change(admin_client, store, form):
    baker.make(Destination, name="=Museum", license_number="", notes='a\r\nb, "c"; d\n')
    baker.make(Destination, name="-", license_number="007", license_expires_on=None)
    shown = upload(admin_client, NAME, export(admin_client, NAME, form))
    assert totals(shown) == {"skip": 3}


@pytest.mark.parametrize("missing", ["import_destination", "add_destination", "change_destination"])
def test_importing_takes_its_own_permission_and_those_to_add_and_change(client, store, missing):
    needed = {"view_destination", "import_destination", "add_destination", "change_destination"}
    client.force_login(staff_with(*(needed - {missing})))
    for view in ("import", "process_import"):
        assert client.post(reverse(f"admin:{NAME}_{view}")).status_code == 403
    client.force_login(staff_with(*needed))
    assert client.get(reverse(f"admin:{NAME}_import")).status_code == 200
    assert client.get(reverse(f"admin:{NAME}_export")).status_code == 403
    client.force_login(staff_with("view_destination", "export_destination"))
    assert client.get(reverse(f"admin:{NAME}_export")).status_code == 200
