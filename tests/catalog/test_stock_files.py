"""Stock as files: out as a count sheet, in as counts that the ledger has."""

from decimal import Decimal

import openpyxl
import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility, Item, Lot, Movement, Stock
from catalog.signals import stock_changed
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
NAME = "catalog_stock"
COUNT = Movement.Kind.COUNT


@pytest.fixture
def shop():
    return baker.make(Facility, name="Denver", license_number="402R-1")


@pytest.fixture
def gum(shop):
    """10 without a lot and 24 of lot L1 at Denver."""
    item = baker.make(Item, sku="GUM", name="Gummies")
    inventory.receive(item, shop, Decimal(10))
    inventory.receive(item, shop, Decimal(24), baker.make(Lot, item=item, number="L1"))
    return item


def on_hand(**which):
    return Stock.objects.get(**which).on_hand


def test_counts_are_looked_at_and_then_made(admin_client, gum, shop):
    baker.make(Lot, item=gum, number="L2")
    file = csv_file(
        "sku,facility,lot,counted,reason",
        "gum,denver,,8,two were broken",
        "GUM,402r-1,l1,24,as it was",
        "GUM,Denver,L2,7.5,",
    )
    shown = upload(admin_client, NAME, file)
    assert totals(shown) == {"update": 1, "skip": 1, "new": 1}
    first, second = shown.context["result"].changed_rows()
    assert first.diff == [("counted", "10", "8"), ("reason", "", "two were broken")]
    assert ("counted", "", "7.5") in second.diff
    assert not Movement.objects.filter(kind=COUNT).exists()
    assert (on_hand(lot=None), Stock.objects.count()) == (10, 2)
    told = confirm(admin_client, NAME, shown)
    assert "1 new, 1 changed, 1 as they were" in told.content.decode()
    assert (on_hand(lot=None), on_hand(lot__number="L2")) == (8, Decimal("7.5"))
    moved = Movement.objects.filter(kind=COUNT).order_by("pk")
    assert [(m.on_hand_change, m.reason, m.by.username) for m in moved] == [
        (-2, "two were broken", "admin"),
        (Decimal("7.5"), "", "admin"),
    ]
    assert not LogEntry.objects.exists()


def test_what_was_not_counted_stays_as_it_is(admin_client, gum):
    file = csv_file("sku,facility,lot,counted", "GUM,Denver,,", "GUM,Denver,L1,0")
    confirm(admin_client, NAME, upload(admin_client, NAME, file))
    assert (on_hand(lot=None), on_hand(lot__number="L1")) == (10, 0)
    assert Movement.objects.filter(kind=COUNT).count() == 1


def test_without_a_column_for_lots_it_is_stock_without_a_lot(admin_client, gum):
    file = excel_file(["SKU", "Facility", "Counted"], ["GUM", "Denver", 3.0])
    confirm(admin_client, NAME, upload(admin_client, NAME, file))
    assert (on_hand(lot=None), on_hand(lot__number="L1")) == (3, 24)


def test_nothing_of_nothing_is_no_count(admin_client, gum):
    other = baker.make(Facility, name="Boulder")
    shown = upload(admin_client, NAME, csv_file("sku,facility,counted", "GUM,Boulder,0"))
    assert totals(shown) == {"skip": 1}
    assert not Stock.objects.filter(facility=other).exists()


@pytest.mark.parametrize(
    ("row", "column", "text"),
    [
        ("X,Denver,,1", "sku", "There is no item with the SKU “X”. Add it under Items first."),
        (",Denver,,1", "sku", "Give the SKU of what was counted."),
        ("GUM,Paris,,1", "facility", "There is no facility “Paris”. Add it under Facilities first"),
        ("GUM,,,1", "facility", "Give the facility that was counted."),
        ("GUM,Denver,L9,1", "lot", "Lot “L9” of GUM is not known. Add it under Lots first."),
        ("GUM,Denver,,-1", "counted", "“-1” in counted is below zero."),
        ("GUM,Denver,,many", "counted", "“many” in counted is no number."),
        ("GUM,Denver,,1.00001", "counted", "no more than 4 decimal places"),
        ("GUM,Denver,,12345678901", "counted", "no more than 10 digits before the decimal point"),
        ("GUM,Denver,,1," + "x" * 301, "reason", "Too long: 300 characters are the most."),
    ],
)
def test_a_bad_cell_is_told_at_its_column_and_keeps_all_out(admin_client, gum, row, column, text):
    file = csv_file("sku,facility,lot,counted,reason", "GUM,Denver,L1,5,", row)
    shown = upload(admin_client, NAME, file)
    [(line, _, [(told_at, told)])] = wrong(shown)
    assert (line, told_at) == (3, column)
    assert text in told
    assert not Movement.objects.filter(kind=COUNT).exists()
    assert on_hand(lot__number="L1") == 24


def test_all_that_is_wrong_with_a_row_is_told_at_once(admin_client, gum):
    shown = upload(admin_client, NAME, csv_file("sku,facility,counted", "X,Paris,-1"))
    assert {column for column, _ in wrong(shown)[0][2]} == {"sku", "facility", "counted"}


def test_the_same_place_twice_is_told_however_it_is_spelled(admin_client, gum):
    file = csv_file("sku,facility,lot,counted", "GUM,Denver,L1,1", "gum,402R-1,l1,2")
    shown = upload(admin_client, NAME, file)
    assert wrong(shown)[0][2] == [("", "This is in row 2 already. Each may be there once.")]


@pytest.mark.parametrize("column", ["sku", "facility", "counted"])
def test_a_column_that_is_missing_is_told(admin_client, gum, column):
    header = ",".join(sorted({"sku", "facility", "counted"} - {column}))
    shown = upload(admin_client, NAME, csv_file(header, "a,b"))
    assert f"The file has no column “{column}”." in shown.content.decode()


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_exported_file_is_a_count_sheet(admin_client, gum, form):
    page = admin_client.get(reverse(f"admin:{NAME}_export")).content.decode()
    assert "sku, item_name, facility, lot, on_hand, counted, reason" in page
    sheet = export(admin_client, NAME, form)
    if form == "csv":
        assert sheet.read().decode("utf-8-sig").splitlines() == [
            "sku,item_name,facility,lot,on_hand,counted,reason",
            "GUM,Gummies,Denver,,10,,",
            "GUM,Gummies,Denver,L1,24,,",
        ]
    else:
        book = openpyxl.load_workbook(sheet)
        assert [row[3:] for row in book.active.iter_rows(min_row=2, values_only=True)] == [
            (None, 10, None, None),
            ("L1", 24, None, None),
        ]
    sheet.seek(0)
    shown = upload(admin_client, NAME, sheet)
    assert totals(shown) == {"skip": 2}
    assert shown.context["result"].ignored == ["item_name", "on_hand"]


def test_many_counts_are_announced_once_and_a_look_never(
    admin_client, gum, django_capture_on_commit_callbacks
):
    heard = []

    def listen(sender, item_ids, **kwargs):
        heard.append(item_ids)

    stock_changed.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            file = csv_file("sku,facility,lot,counted", "GUM,Denver,,1", "GUM,Denver,L1,2")
            shown = upload(admin_client, NAME, file)
        assert heard == []
        with django_capture_on_commit_callbacks(execute=True):
            confirm(admin_client, NAME, shown)
        assert heard == [frozenset({gum.pk})]
    finally:
        stock_changed.disconnect(listen)


@pytest.mark.parametrize("missing", ["import_stock", "add_stock"])
def test_importing_takes_its_own_permission_and_the_one_to_count(client, gum, missing):
    needed = {"view_stock", "import_stock", "add_stock"}
    client.force_login(staff_with(*(needed - {missing})))
    for view in ("import", "process_import"):
        assert client.post(reverse(f"admin:{NAME}_{view}")).status_code == 403
    clerk = staff_with(*needed)
    client.force_login(clerk)
    assert client.get(reverse(f"admin:{NAME}_export")).status_code == 403
    shown = upload(client, NAME, csv_file("sku,facility,counted", "GUM,Denver,1"))
    confirm(client, NAME, shown)
    assert Movement.objects.get(kind=COUNT).by == clerk
