"""The stand-in's API for products: making them, what is refused, and the lists they refer to."""

from types import SimpleNamespace

import pytest

INVALID = 'Invalid pk "{}" - object does not exist.'


@pytest.fixture
def lists(place):
    """Product lines and strains of the seller, and what another seller has."""
    world = place.world
    other = world.add_seller("Other", license_number="404R-9")
    other_brand = world.add_brand(other.id, "Otherworldly")
    second = world.add_brand(place.seller.id, "Second")
    return SimpleNamespace(
        brand=place.single.brand_id,
        second=second.id,
        vapes=world.add_product_line(place.single.brand_id, "Vapes"),
        edibles=world.add_product_line(place.single.brand_id, "Edibles"),
        of_second=world.add_product_line(second.id, "Vapes"),
        mesa=world.add_strain(place.seller.id, "Blue Mesa", "hybrid"),
        haze=world.add_strain(place.seller.id, "Alpine Haze", "sativa"),
        other=other,
        other_line=world.add_product_line(other_brand.id, "Theirs"),
        other_strain=world.add_strain(other.id, "Theirs", "na"),
    )


@pytest.fixture
def new_product(place):
    """Makes the body of a product to be made."""

    def make(**more):
        zero = {"amount": "0.00", "currency": "USD"}
        return {
            "name": "Rosin",
            "sku": "PH-9",
            "description": "<p>Rosin</p>",
            "retail_price": zero,
            "wholesale_price": {"amount": "33.00", "currency": "USD"},
            "sale_price": zero,
            "minimum_order": "0.01",
            "maximum_order": "100000",
            "listing_state": "Internal",
            "inventory_management": "1",
            "unit_of_measure": "Unit",
            "unit_denomination": 1,
            "category": 7,
            "sub_category": 14,
            "seller": place.seller.id,
            "brand": place.single.brand_id,
            "manufacturer": place.seller.id,
            "strain_classification": "na",
            "license": place.seller.license_id,
            **more,
        }

    return make


# -- making one -----------------------------------------------------------------------------


def test_creating_and_archiving_a_product(place, api, lists, new_product):
    body = new_product(
        quantity="12",
        unit_multiplier=6,
        product_line=lists.vapes.id,
        strains=[lists.mesa.id, lists.haze.id],
        show_quantity=True,
        seller_internal_id="ITEM-1",
    )
    answer = api("POST", "/products/", json=body)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["sku"], made["quantity"], made["unit_multiplier"]) == ("PH-9", "12.0000", 6)
    assert made["wholesale_price"] == {"amount": 33, "currency": "USD"}
    assert (made["brand"], made["product_line"]) == (lists.brand, lists.vapes.id)
    assert (made["category"], made["sub_category"]) == (7, 14)
    assert made["strains"] == [lists.mesa.id, lists.haze.id]
    assert (made["license"]["id"], made["seller"]) == (place.seller.license_id, place.seller.id)
    assert (made["minimum_order"], made["maximum_order"]) == ("0.0100", "100000.0000")
    assert (made["inventory_management"], made["show_quantity"]) == (1, True)
    assert made["seller_internal_id"] == "ITEM-1"
    assert api.get(f"/products/{made['id']}/") == made
    archived = api("DELETE", f"/products/{made['id']}/")
    assert (archived.status_code, archived.json()["listing_state"]) == (200, "Archived")


def test_creating_a_product_names_what_is_missing_and_what_is_wrong(api, new_product):
    answer = api("POST", "/products/", json={"name": "Rosin"})
    assert answer.status_code == 400
    assert answer.json()["sku"] == ["This field is required."]
    assert len(answer.json()) == 18
    wrong = new_product(sku="PH-1", brand="", category=99, maximum_order="-1", show_quantity="yes")
    taken = api("POST", "/products/", json=wrong)
    assert taken.status_code == 400
    assert taken.json() == {
        "brand": ["This field is required."],
        "sku": ["A product with this SKU exists already."],
        "category": [INVALID.format(99)],
        "maximum_order": ["Ensure this value is greater than or equal to 0."],
        "show_quantity": ["Must be a valid boolean."],
    }


def test_a_product_is_made_for_the_company_of_the_key(place, api, lists, new_product):
    answer = api("POST", "/products/", json=new_product(seller=lists.other.id))
    assert answer.json() == {"seller": [INVALID.format(lists.other.id)]}
    assert len(place.world.products) == 2


def test_a_license_may_come_as_an_object(place, api, new_product):
    license_id = {"id": place.seller.license_id}
    assert api("POST", "/products/", json=new_product(license=license_id)).status_code == 201


# -- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("category", 99),
        ("category", "Flower"),
        ("category", None),
        ("category", True),
        ("sub_category", 99),
        ("sub_category", None),
        ("product_line", 99),
        ("product_line", "Vapes"),
        ("strains", [99]),
        ("strains", ["Blue Mesa"]),
        ("strains", 5),
        ("license", 99),
        ("license", {"id": 99}),
        ("license", None),
        ("license", "N/A"),
        ("unit_denomination", "x"),
        ("unit_denomination", 0),
        ("minimum_order", "few"),
        ("minimum_order", -1),
        ("minimum_order", None),
        ("maximum_order", "NaN"),
        ("maximum_order", "-0.5"),
        ("show_quantity", 1),
        ("inventory_management", "9"),
        ("seller_internal_id", "x" * 256),
        ("description", 5),
        ("description", None),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_bad_values_are_named_and_change_nothing(place, api, new_product, method, field, value):
    path, body = f"/products/{place.single.id}/", {field: value}
    if method == "POST":
        path, body = "/products/", new_product(**body)
    before = repr(place.world.products)
    answer = api(method, path, json=body)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert repr(place.world.products) == before


def test_what_belongs_to_another_seller_does_not_exist(place, api, lists):
    body = {
        "product_line": lists.other_line.id,
        "strains": [lists.mesa.id, lists.other_strain.id],
        "license": lists.other.license_id,
    }
    answer = api("PATCH", f"/products/{place.single.id}/", json=body)
    assert answer.json() == {
        "product_line": [INVALID.format(lists.other_line.id)],
        "strains": [INVALID.format(lists.other_strain.id)],
        "license": [INVALID.format(lists.other.license_id)],
    }


def test_a_sub_category_must_fit_the_category_that_results(place, api):
    path = f"/products/{place.single.id}/"
    refusal = {"sub_category": ["Sub category does not belong to category."]}
    assert api("PATCH", path, json={"sub_category": 14}).json() == refusal
    assert api("PATCH", path, json={"category": 1, "sub_category": 14}).json() == refusal
    assert api("PATCH", path, json={"category": 7, "sub_category": 14}).status_code == 200
    assert api("PATCH", path, json={"sub_category": 15}).status_code == 200
    assert api("PATCH", path, json={"category": 1}).json() == refusal
    assert api("PATCH", path, json={"sub_category": 10}).json() == refusal
    # A category that is refused by itself isn't blamed on the other one too.
    assert list(api("PATCH", path, json={"category": 99, "sub_category": 10}).json()) == [
        "category"
    ]


def test_a_product_line_must_be_one_of_the_brand_that_results(place, api, lists):
    path = f"/products/{place.single.id}/"
    refusal = {"product_line": ["Product line does not belong to brand."]}
    assert api("PATCH", path, json={"product_line": lists.of_second.id}).json() == refusal
    assert api("PATCH", path, json={"product_line": lists.vapes.id}).status_code == 200
    assert api("PATCH", path, json={"brand": lists.second}).json() == refusal
    both = {"brand": lists.second, "product_line": lists.of_second.id}
    assert api("PATCH", path, json=both).json()["product_line"] == lists.of_second.id
    assert api("PATCH", path, json={"product_line": None}).json()["product_line"] is None
    assert api("PATCH", path, json={"brand": lists.brand}).status_code == 200


def test_the_largest_order_is_not_below_the_smallest(place, api):
    path = f"/products/{place.single.id}/"
    refusal = {"maximum_order": ["Ensure maximum order is not below minimum order."]}
    # A minimum of one unit is LeafLink's own when none was given.
    assert api("PATCH", path, json={"maximum_order": "0.5"}).json() == refusal
    assert api("PATCH", path, json={"minimum_order": 5, "maximum_order": "4.99"}).json() == refusal
    body = api("PATCH", path, json={"minimum_order": 5, "maximum_order": 5}).json()
    assert (body["minimum_order"], body["maximum_order"]) == ("5.0000", "5.0000")
    assert api("PATCH", path, json={"minimum_order": 6}).json() == refusal
    assert api("PATCH", path, json={"maximum_order": None}).json()["maximum_order"] is None
    assert api("PATCH", path, json={"minimum_order": 6}).status_code == 200


def test_a_pair_that_is_wrong_already_does_not_bar_other_changes(place, api):
    place.world.edit_product(place.single.id, category=1, sub_category=14, minimum_order="9")
    answer = api("PATCH", f"/products/{place.single.id}/", json={"quantity": "5"})
    assert answer.status_code == 200


def test_both_ways_to_give_a_quantity_are_refused_with_all_else(place, api):
    body = {"quantity": 1, "available_inventory": 1, "sku": "a,b"}
    answer = api("PATCH", f"/products/{place.single.id}/", json=body)
    assert set(answer.json()) == {"non_field_errors", "sku"}


# -- lists ----------------------------------------------------------------------------------


def test_product_lines(place, api, lists):
    rows = api.get("/product-lines/")["results"]
    assert rows[:2] == [
        {"id": lists.vapes.id, "name": "Vapes", "brand": lists.brand, "menu_position": 0},
        {"id": lists.edibles.id, "name": "Edibles", "brand": lists.brand, "menu_position": 1},
    ]
    assert [row["id"] for row in rows[2:]] == [lists.of_second.id]

    def ids(**query):
        return api.numbers("/product-lines/", "id", **query)

    assert ids(brand=lists.second) == [lists.of_second.id]
    assert ids(id=f"{lists.vapes.id},{lists.of_second.id}") == [lists.vapes.id, lists.of_second.id]
    assert len(ids(company=place.seller.id)) == 3
    assert ids(company=lists.other.id) == []
    assert api.get(f"/product-lines/{lists.edibles.id}/") == rows[1]
    assert api("GET", f"/product-lines/{lists.other_line.id}/").status_code == 404


def test_strains(place, api, lists):
    rows = api.get("/strains/")["results"]
    assert rows[0] == {
        "id": lists.mesa.id,
        "name": "Blue Mesa",
        "parents": [],
        "company": place.seller.id,
        "strain_classification": "hybrid",
    }

    def ids(**query):
        return api.numbers("/strains/", "id", **query)

    assert ids() == [lists.mesa.id, lists.haze.id]
    assert ids(name="Alpine Haze") == [lists.haze.id]
    assert ids(strain_classification="hybrid") == [lists.mesa.id]
    assert ids(id=lists.haze.id) == [lists.haze.id]
    assert len(ids(company=place.seller.id)) == 2
    assert ids(company=lists.other.id) == []
    assert api.get(f"/strains/{lists.mesa.id}/") == rows[0]
    assert api("GET", f"/strains/{lists.other_strain.id}/").status_code == 404


def test_brands_of_a_company(place, api, lists):
    assert len(api.numbers("/brands/", "id", company=place.seller.id)) == 2
    assert api.numbers("/brands/", "id", company=lists.other.id) == []


def test_filters_of_products(place, api, lists):
    cart, gummies = place.single.id, place.cased.id
    place.world.edit_product(
        cart, category=3, sub_category=12, product_line=lists.vapes.id, seller_internal_id="A"
    )
    place.world.edit_product(gummies, category=7, sub_category=14)

    def ids(**query):
        return api.numbers("/products/", "id", **query)

    assert ids(category=3) == ids(sub_category=12) == ids(product_line=lists.vapes.id) == [cart]
    assert ids(name="Gummies") == [gummies]
    assert ids(name="Gumm") == []
    assert ids(license=place.seller.license_id) == [cart, gummies]
    assert ids(license=lists.other.license_id) == []
    assert ids(id=f"{cart},{gummies}") == [cart, gummies]
    assert ids(seller_internal_id="A", category=7) == []
