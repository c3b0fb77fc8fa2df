"""The pages on which products are looked after by hand, as the seller would in LeafLink."""

import re
from decimal import Decimal

import pytest

from integrations.leaflink.sandbox.app import create_app
from integrations.leaflink.sandbox.world import World


@pytest.fixture
def gummies(place):
    """A product that lacks nothing."""
    line = place.world.add_product_line(place.cased.brand_id, "Edibles")
    strain = place.world.add_strain(place.seller.id, "Blue Mesa", "hybrid")
    return place.world.edit_product(
        place.cased.id,
        category=7,
        sub_category=14,
        product_line=line.id,
        strains=[strain.id],
        strain_classification="hybrid",
        description="<p>Sour &amp; <b>sweet</b></p>",
        minimum_order="1.0000",
        maximum_order="50.0000",
        sale_price=Decimal(90),
    )


def facts(visitor):
    """What the page says of a product, by the ids of its facts."""
    found = re.findall(r'<dd id="([^"]+)">(.*?)</dd>', visitor.text, re.DOTALL)
    return {name: " ".join(text.split()) for name, text in found}


def test_a_product_shows_everything(place, visitor, gummies):
    place.order((gummies, 24))
    assert facts(visitor.get(f"/products/{gummies.id}/")) == {
        "name": "Gummies",
        "sku": "PH-2",
        "state": "Available",
        "brand": "Pine",
        "category": "Edibles / Gummies",
        "product-line": "Edibles",
        "strain": "Blue Mesa",
        "strain-class": "hybrid",
        "description": "Sour & sweet",
        "unit": "Unit",
        "case-size": "12",
        "price": "$96.00 per case of 12",
        "sale-price": "$90.00",
        "retail-price": "$18.00 per unit",
        "minimum": "1.0000",
        "maximum": "50.0000",
        "quantity": "240",
        "reserved": "24",
        "available": "216",
    }


def test_a_product_that_lacks_most_of_it_has_a_page_too(place, visitor):
    place.world.edit_product(place.single.id, brand_id=None, description="", strains=[1])
    shown = facts(visitor.get(f"/products/{place.single.id}/"))
    for name in ("brand", "category", "product-line", "strain", "description", "sale-price"):
        assert shown[name] == "none"


def test_a_product_is_edited_by_hand(place, visitor, gummies):
    told = []
    place.world.listeners.append(lambda *what: told.append(what[:2]))
    visitor.post(
        f"/products/{gummies.id}/",
        name="Sour Gummies",
        sku="PH-22",
        description="One\r\ntwo",
        **{"wholesale-price": "99.5", "case-size": "6", "unit": "Gram"},
        listing_state="Internal",
    )
    assert visitor.message == ("good", "The product was changed.")
    assert (gummies.name, gummies.sku, gummies.unit_multiplier) == ("Sour Gummies", "PH-22", 6)
    assert (gummies.wholesale_price, gummies.unit_of_measure) == (Decimal("99.5"), "Gram")
    assert (gummies.details["description"], gummies.listing_state) == ("One\ntwo", "Internal")
    assert told == [("product", "edit")]
    shown = facts(visitor)
    assert (shown["name"], shown["price"]) == ("Sour Gummies", "$99.50 per case of 6")


def test_saving_a_form_as_it_is_changes_nothing(place, visitor, gummies):
    before = repr(gummies)
    text = visitor.get(f"/products/{gummies.id}/").text
    fields = dict(re.findall(r'<input id="edit-[^"]+" name="([^"]+)"[^>]* value="([^"]*)"', text))
    fields["description"] = text.split('rows="4">\n')[1].split("</textarea>")[0]
    fields |= dict(re.findall(r'name="(unit|listing-state)">.*?<option selected>(\w+)', text))
    assert len(fields) == 7
    visitor.post(f"/products/{gummies.id}/", **fields)
    assert visitor.message == ("good", "Nothing was changed.")
    assert repr(gummies) == before


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", " ", "Name: This field may not be blank."),
        ("sku", "PH-1", "SKU: A product with this SKU exists already."),
        ("sku", "A,B", "SKU: A SKU can't have a comma."),
        ("wholesale-price", "dear", "Wholesale price: A valid number is required."),
        (
            "wholesale-price",
            "-1",
            "Wholesale price: Ensure this value is greater than or equal to 0.",
        ),
        ("case-size", "0", "Case size: Ensure this value is a whole number, and at least 1."),
        ("unit", "Bushel", 'Unit: "Bushel" is not a valid choice.'),
        ("listing-state", "Gone", 'Listing state: "Gone" is not a valid choice.'),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_stays_in_the_form(
    visitor, gummies, field, value, words
):
    before = repr(gummies)
    visitor.post(f"/products/{gummies.id}/", **{field: value, "description": "Typed already"})
    assert visitor.message == ("error", words)
    assert repr(gummies) == before
    assert "Typed already</textarea>" in visitor.text


def test_all_refusals_are_told_at_once(visitor, gummies):
    visitor.post(f"/products/{gummies.id}/", name="", **{"case-size": "x"})
    assert visitor.message[1] == (
        "Name: This field may not be blank. Case size: A valid number is required."
    )


def test_a_product_is_archived_and_comes_back(visitor, gummies):
    assert "/archive" in visitor.get(f"/products/{gummies.id}/").text
    visitor.post(f"/products/{gummies.id}/archive")
    assert visitor.message == ("good", "The product was archived.")
    assert gummies.archived
    assert "/archive" not in visitor.text
    visitor.post(f"/products/{gummies.id}/", **{"listing-state": "Available"})
    assert not gummies.archived


def test_a_product_is_made_anew(place, visitor, gummies):
    place.world.edit_product(gummies.id, listing_state="Internal")
    visitor.post(f"/products/{gummies.id}/anew")
    made = list(place.world.products.values())[-1]
    words = f"This is the new one; the old one, {gummies.id}, was archived."
    assert visitor.message == ("good", words)
    assert (gummies.listing_state, made.listing_state) == ("Archived", "Internal")
    assert made.id != gummies.id
    for name in ("name", "sku", "brand_id", "quantity", "unit_multiplier", "details"):
        assert getattr(made, name) == getattr(gummies, name)
    assert (made.sale_price, made.retail_price) == (90, 18)
    made.details["strains"].append(1)
    assert made.details["strains"] != gummies.details["strains"]
    visitor.post(f"/products/{gummies.id}/anew")
    assert list(place.world.products.values())[-1].listing_state == "Available"


def test_the_list_shows_all_states_and_can_be_searched(place, visitor):
    place.world.archive_product(place.single.id)
    other = place.world.add_seller("Other")
    theirs = place.world.add_product(other.id, name="Of another seller", sku="O")
    visitor.get("/products/")
    assert "2 products" in visitor.text
    for shown in ("Gummies", "Cart", "PH-1", "Archived", f"/products/{place.single.id}/"):
        assert shown in visitor.text
    assert theirs.name not in visitor.text
    for query, count in (("GUMM", 1), ("ph-", 2), (" ph-2 ", 1)):
        found = visitor.get(f"/products/?q={query}").text
        assert f"{count} product" in found
        assert ("Cart" in found) == (count == 2)
    assert "No product has that" in visitor.get("/products/?q=<b>").text
    assert theirs.name in visitor.get(f"/products/?seller={other.id}").text
    assert f"/products/?seller={other.id}" in visitor.get(f"/products/{theirs.id}/").text


def test_a_long_list_is_cut_and_says_so(place, visitor):
    for number in range(250):
        place.world.add_product(place.seller.id, name=f"P{number:03d}", sku=f"S{number}")
    assert "252 products; the first 200 are shown" in visitor.get("/products/").text
    assert visitor.text.count("<tr>") == 201


def test_a_world_without_companies_says_so(visitor_of):
    visitor = visitor_of(create_app(World(), rate_limit=None))
    assert "Nothing here yet" in visitor.get("/products/").text


def test_markup_is_shown_as_text(place, app):
    place.world.edit_product(place.single.id, name="<script>x</script>")
    for path in ("/products/", f"/products/{place.single.id}/"):
        text = app.test_client().get(path).get_data(as_text=True)
        assert "&lt;script&gt;x&lt;/script&gt;" in text
        assert "<script>" not in text


@pytest.mark.parametrize("path", ["", "archive", "anew"])
def test_forms_are_taken_from_its_own_pages_and_for_what_is_there(place, visitor, path):
    own = f"/products/{place.single.id}/{path}"
    assert visitor.post(own, headers={"Origin": "http://evil.test"}, name="X").status == 403
    assert (place.single.name, place.single.listing_state) == ("Cart", "Available")
    assert len(place.world.products) == 2
    assert visitor.post(f"/products/1/{path}").status == 404
