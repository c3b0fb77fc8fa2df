"""Items as files: up, looked at, confirmed; every bad cell told; out and back without a change."""

from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from model_bakery import baker

from catalog.file_formats import SheetIn
from catalog.item_files import ItemResource
from catalog.models import Brand, Item, ProductLine, Strain
from tests.catalog.files import (
    confirm,
    csv_file,
    excel_file,
    export,
    form_errors,
    staff_with,
    totals,
    upload,
    wrong,
)

pytestmark = pytest.mark.django_db
NAME = "catalog_item"


@pytest.fixture
def gum():
    brand = baker.make(Brand, name="Alder")
    return baker.make(
        Item,
        sku="GUM",
        name="Gummies",
        brand=brand,
        product_line=baker.make(ProductLine, brand=brand, name="Edibles"),
        strain=baker.make(Strain, name="Blue"),
        case_size=12,
        wholesale_price=Decimal("8.5"),
        sale_price=None,
        retail_price=Decimal("15"),
        safety_stock=Decimal("4"),
        description="Sweet",
    )


def test_rows_are_looked_at_and_then_imported(admin_client, gum):
    file = csv_file(
        "sku,name,brand,product_line,unit_of_measure,case_size,wholesale_price,is_active",
        "gum,Gummies 10 mg,alder,edibles,unit,12,9.25,yes",
        'NEW,Tincture,Alder,,milliliter,6,"1,200.50",no',
    )
    shown = upload(admin_client, NAME, file)
    assert totals(shown) == {"new": 1, "update": 1}
    first, second = shown.context["result"].changed_rows()
    assert first.diff == [("name", "Gummies", "Gummies 10 mg"), ("wholesale_price", "8.5", "9.25")]
    assert (second.line, ("wholesale_price", "", "1200.5") in second.diff) == (3, True)
    assert "Gummies 10 mg" in shown.content.decode()
    assert Item.objects.get().name == "Gummies"
    told = confirm(admin_client, NAME, shown)
    assert "1 new, 1 changed, 0 as they were" in told.content.decode()
    gum.refresh_from_db()
    assert (gum.sku, gum.name, gum.wholesale_price) == ("GUM", "Gummies 10 mg", Decimal("9.25"))
    new = Item.objects.get(sku="NEW")
    assert (new.brand.name, new.product_line, new.unit_of_measure) == ("Alder", None, "Milliliter")
    assert (new.case_size, new.wholesale_price, new.is_active) == (6, Decimal("1200.5"), False)
    logged = set(LogEntry.objects.values_list("object_id", "change_message"))
    assert logged == {(str(one.pk), "Imported from file.csv.") for one in (gum, new)}


def test_only_the_columns_of_the_file_and_the_cells_that_differ_are_saved(admin_client, gum):
    shown = upload(admin_client, NAME, csv_file("SKU,Retail Price,Name", "GUM,16,Gummies"))
    # Somebody edits the same item between the preview and the confirmation.
    Item.objects.filter(pk=gum.pk).update(name="Gummies!", safety_stock=9)
    before = Item.objects.get().updated_at
    confirm(admin_client, NAME, shown)
    gum.refresh_from_db()
    assert (gum.retail_price, gum.safety_stock, gum.case_size) == (16, 9, 12)
    assert gum.updated_at > before


def test_an_empty_cell_empties_what_may_be_empty_and_leaves_the_rest(admin_client, gum):
    Item.objects.update(sale_price=7)
    header = "sku,name,brand,product_line,strain,case_size,wholesale_price,sale_price,description"
    confirm(admin_client, NAME, upload(admin_client, NAME, csv_file(header, "GUM" + "," * 8)))
    gum.refresh_from_db()
    assert (gum.product_line, gum.strain, gum.sale_price, gum.description) == (None, None, None, "")
    assert (gum.name, gum.brand.name, gum.case_size) == ("Gummies", "Alder", 12)
    assert gum.wholesale_price == Decimal("8.5")


@pytest.mark.parametrize(
    ("column", "cell", "text"),
    [
        ("wholesale_price", "abc", "“abc” in wholesale_price is no number."),
        ("wholesale_price", "8,50", "“8,50” in wholesale_price is no number."),
        ("wholesale_price", "NaN", "“NaN” in wholesale_price is no number."),
        ("wholesale_price", "-1", "“-1” in wholesale_price is below zero."),
        ("wholesale_price", "1e999", "too large"),
        ("wholesale_price", "1.1234567", "no more than 6 decimal places"),
        ("sale_price", "-0.01", "below zero"),
        ("safety_stock", "-4", "below zero"),
        ("case_size", "0", "Case size must be a whole number, at least 1."),
        ("case_size", "2.5", "Case size must be a whole number, at least 1."),
        ("case_size", "99999999999", "Case size is too large."),
        ("case_size", "dozen", "“dozen” in case_size is no number."),
        ("unit_of_measure", "Litre", "“Litre” is no unit. Use one of: Unit, Milligram, Gram, "),
        ("brand", "Nobody", "There is no brand “Nobody”. Add it under Brands first."),
        ("strain", "Red", "There is no strain “Red”. Add it under Strains first."),
        ("product_line", "Vapes", "“Alder” has no product line “Vapes”."),
        ("is_active", "maybe", "“maybe” in is_active is neither yes nor no."),
        ("name", "x" * 301, "Too long: 301 characters, and 300 are the most."),
    ],
)
def test_a_bad_cell_is_told_at_its_column(admin_client, gum, column, cell, text):
    cell = f'"{cell}"' if "," in cell else cell
    shown = upload(admin_client, NAME, csv_file(f"sku,{column}", f"GUM,{cell}"))
    [(line, title, problems)] = wrong(shown)
    assert (line, title, problems[0][0]) == (2, "GUM", column)
    assert text in problems[0][1]
    assert len(problems) == 1
    assert "Nothing is imported." in shown.content.decode()
    assert "confirm_form" not in shown.context


@pytest.mark.parametrize(
    ("sku", "text"),
    [
        ('"A,B"', "LeafLink allows no comma in an SKU. Use a dash."),
        ("x" * 256, "Too long: 256 characters, and 255 are the most."),
        ("", "Give the SKU: it is how items are matched."),
    ],
)
def test_a_bad_sku_of_a_new_item_is_told(admin_client, gum, sku, text):
    shown = upload(admin_client, NAME, csv_file("sku,name,brand", f"{sku},New,Alder"))
    assert wrong(shown)[0][2] == [("sku", text)]


def test_a_new_item_needs_a_name_and_a_brand(admin_client, gum):
    shown = upload(admin_client, NAME, csv_file("sku,case_size", "NEW,2"))
    assert sorted(wrong(shown)[0][2]) == [
        ("brand", "A new item needs a brand."),
        ("name", "A new item needs a name."),
    ]


def test_all_that_is_wrong_with_a_row_is_told_at_once(admin_client, gum):
    shown = upload(admin_client, NAME, csv_file("sku,brand,product_line,case_size", ",X,Y,0"))
    assert [column for column, _ in wrong(shown)[0][2]] == ["brand", "case_size", "sku"]


def test_the_product_line_must_be_of_the_brand(admin_client, gum):
    other = baker.make(ProductLine, brand__name="Birch", name="Vapes")
    shown = upload(admin_client, NAME, csv_file("sku,product_line", f"GUM,{other.name}"))
    assert "“Alder” has no product line “Vapes”" in str(wrong(shown))
    shown = upload(admin_client, NAME, csv_file("sku,brand", "GUM,Birch"))
    assert wrong(shown)[0][2][0][0] == "product_line"


def test_the_same_sku_twice_is_told_at_the_second(admin_client, gum):
    shown = upload(admin_client, NAME, csv_file("sku,case_size", "GUM,2", "A,1", "gum,3"))
    assert (4, "gum", [("", "This is in row 2 already. Each may be there once.")]) in wrong(shown)


def test_one_bad_row_keeps_all_out_even_when_it_went_bad_after_the_preview(admin_client, gum):
    file = csv_file("sku,name,brand", "GUM,Other,Alder", "NEW,New,Birch")
    birch = baker.make(Brand, name="Birch")
    shown = upload(admin_client, NAME, file)
    birch.delete()
    told = confirm(admin_client, NAME, shown)
    assert "Nothing was imported" in told.content.decode()
    assert "There is no brand “Birch”" in told.content.decode()
    assert list(Item.objects.values_list("name", flat=True)) == ["Gummies"]
    assert not LogEntry.objects.exists()


def test_what_is_confirmed_is_an_upload_of_ones_own_and_only_once(admin_client, client, gum):
    shown = upload(admin_client, NAME, csv_file("sku,name", "GUM,Other"))
    stranger = staff_with("import_item", "add_item", "change_item", "view_item")
    client.force_login(stranger)
    assert "Upload it again" in confirm(client, NAME, shown).content.decode()
    assert Item.objects.get().name == "Gummies"
    confirm(admin_client, NAME, shown)
    Item.objects.update(name="Edited since")
    assert "Upload it again" in confirm(admin_client, NAME, shown).content.decode()
    assert Item.objects.get().name == "Edited since"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_exported_comes_back_without_a_change(admin_client, gum, form):
    odd = {
        "=HYPERLINK(A1)": '=HYPERLINK("http://x","y"), 2',
        "'=1": "-x\r\nline two  ",
        "@sum": "'quoted'",
        "001": "+1 303",
        "ü™": " ",
    }
    for sku, text in odd.items():
        baker.make(
            Item,
            sku=sku,
            name=text.strip() or "x",
            description=text,
            brand=gum.brand,
            wholesale_price=Decimal("0.333333"),
            sale_price=Decimal("1.1"),
        )
    data = export(admin_client, NAME, form)
    shown = upload(admin_client, NAME, data)
    assert totals(shown) == {"skip": 6}, [
        row.diff for row in shown.context["result"].changed_rows()
    ]


def test_no_exported_cell_is_a_formula(admin_client, gum):
    Item.objects.update(name="=HYPERLINK(1)")
    text = export(admin_client, NAME, "csv").read().decode("utf-8-sig")
    assert "GUM,'=HYPERLINK(1),Alder,Edibles,Blue,Unit,12,8.5,,15,4,Sweet,no,yes" in text


def test_an_excel_file_is_imported(admin_client, gum):
    file = excel_file(["sku", "wholesale_price", "case_size", None], ["GUM", 0.1 + 0.2, 6.0, None])
    confirm(admin_client, NAME, upload(admin_client, NAME, file))
    gum.refresh_from_db()
    assert (gum.wholesale_price, gum.case_size) == (Decimal("0.3"), 6)


@pytest.mark.parametrize(
    "data",
    [
        "sku;name\r\nGUM;Größe, neu\r\n".encode(),
        "sku\tname\nGUM\tGröße, neu\n".encode(),
        '\ufeffsku,name\r\nGUM,"Größe, neu"\r\n,\r\n\r\n'.encode(),
        'sku,name\nGUM,"Größe, neu"\n'.encode("utf-16"),
    ],
)
def test_csv_comes_as_spreadsheets_write_it(admin_client, gum, data):
    confirm(admin_client, NAME, upload(admin_client, NAME, csv_file(data)))
    assert Item.objects.get().name == "Größe, neu"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "empty"),
        (b"\n \n", "The file is empty."),
        (b"sku,name\n", "The file has a header, and no rows below it."),
        ("sku,name\nGUM,Gr\u00f6\u00dfe\n".encode("latin-1"), "The file is not in UTF-8."),
        (b"\x00\x01\x02", "The file is neither CSV nor Excel"),
        (b"PK\x03\x04broken", "The file is no Excel workbook (.xlsx) that can be read."),
        (b"sku,name\nGUM,a,b\n", "Row 2 has more cells than the header has columns."),
        (b'sku,name\nGUM,"a\nX,b\n', "The file is no proper CSV"),
        (b"sku\n" + b"A\n" * 10_001, "more than 10,000 rows"),
    ],
)
def test_a_file_that_is_no_table_is_told_at_the_upload(admin_client, gum, data, text):
    shown = upload(admin_client, NAME, csv_file(data))
    assert text in str(form_errors(shown)["import_file"])


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("name,brand", "The file has no column “sku”."),
        ("sku,SKU", "The file has the column “sku” twice."),
    ],
)
def test_a_file_with_other_columns_is_told(admin_client, gum, header, text):
    shown = upload(admin_client, NAME, csv_file(header, "a,b"))
    result = shown.context["result"]
    assert [str(error.error) for error in result.base_errors] == [text]
    assert result.problem_rows() == []
    assert text in shown.content.decode()


def test_columns_that_are_not_imported_are_named(admin_client, gum):
    shown = upload(admin_client, NAME, csv_file("sku,whole_sale,name", "GUM,9,New"))
    assert shown.context["result"].ignored == ["whole_sale"]
    assert "Not imported: <code>whole_sale</code>" in shown.content.decode()


def test_text_of_a_file_is_shown_as_text(admin_client, gum):
    shown = upload(admin_client, NAME, csv_file("sku,name", "GUM,<script>alert(1)</script>"))
    assert "<script>alert" not in shown.content.decode()
    shown = upload(admin_client, NAME, csv_file("sku,case_size", "<script>x,<script>y"))
    assert "<script>x" not in shown.content.decode()
    assert "<script>y" not in shown.content.decode()


@pytest.mark.parametrize("missing", ["import_item", "add_item", "change_item"])
def test_importing_takes_its_own_permission_and_those_to_add_and_change(client, gum, missing):
    needed = {"view_item", "import_item", "add_item", "change_item"}
    client.force_login(staff_with(*(needed - {missing})))
    for view in ("import", "process_import"):
        url = reverse(f"admin:{NAME}_{view}")
        assert client.post(url).status_code == 403
    assert (
        reverse(f"admin:{NAME}_import")
        not in client.get(reverse(f"admin:{NAME}_changelist")).content.decode()
    )
    client.force_login(staff_with(*needed))
    assert client.get(reverse(f"admin:{NAME}_import")).status_code == 200
    assert client.get(reverse(f"admin:{NAME}_export")).status_code == 403


def test_rows_that_change_nothing_cost_no_queries_of_their_own(gum, django_assert_max_num_queries):
    rows = []
    for n in range(30):
        baker.make(
            Item,
            sku=f"S{n}",
            brand=gum.brand,
            product_line=gum.product_line,
            strain=gum.strain,
        )
        rows.append(f"S{n},Alder,Edibles,Blue")
    text = "\n".join(["sku,brand,product_line,strain", *rows])
    table = SheetIn().create_dataset(text.encode())
    with django_assert_max_num_queries(90):  # two per row are its savepoint
        result = ItemResource().import_data(table, dry_run=True)
    assert result.totals["skip"] == 30
