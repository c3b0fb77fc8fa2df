"""What may be written, value by value; and the API's smaller resources."""

from decimal import Decimal

import pytest


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("discount", "abc"),
        ("discount", None),
        ("discount", -5),
        ("discount", "NaN"),
        ("discount_type", "x"),
        ("tax_amount", "x"),
        ("tax_type", "$"),
        ("shipping_charge", None),
        ("shipping_charge", {"amount": "Infinity"}),
        ("external_ids", [1]),
        ("external_ids", {"erp": "x" * 37}),
        ("external_ids", {"erp": 7}),
        ("paid", "maybe"),
        ("paid_date", "soon"),
        ("ship_date", "2026-13-01"),
        ("notes", 5),
        ("notes", "x" * 2001),
        ("selected_payment_option", 7),
        ("selected_payment_option", {"payment_term_id": 3, "payment_method_id": 99}),
        ("delivery_info", 3),
        ("delivery_info", {"acquire_type": 9}),
        ("payment_term", None),
    ],
)
def test_bad_order_values_are_named_and_change_nothing(place, api, field, value):
    order = place.order((place.single, 10))
    before = repr(order)
    answer = api("PATCH", f"/orders-received/{order.number}/", json={"paid": True, field: value})
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert repr(order) == before


def test_a_payment_option_and_a_delivery(place, api):
    order = place.order((place.single, 10))
    body = api(
        "PATCH",
        f"/orders-received/{order.number}/",
        json={
            "selected_payment_option": {"payment_method_id": 1, "payment_term_id": 20},
            "delivery_info": {"acquire_type": 2, "acquire_date": "2026-07-08T15:00:00"},
            "paid": True,
            "paid_date": "2026-07-09",
            "ship_date": None,
        },
    ).json()
    assert body["selected_payment_option"]["payment_term"]["code"] == "cod"
    assert body["selected_payment_option"]["payment_method"] == {"id": 1, "method": "Cash"}
    assert (body["payment_term"], body["payment_methods"]) == ("COD", ["Cash"])
    assert body["delivery_info"]["get_acquire_type_display"] == "Pick Up"
    assert body["delivery_info"]["acquire_date"] == "2026-07-08T15:00:00+00:00"
    assert (body["paid"], body["paid_date"]) == (True, "2026-07-09")


def test_external_ids_of_a_product_are_merged_and_removed(place, api):
    path = f"/products/{place.single.id}/"
    api("PATCH", path, json={"external_ids": {"a": "1", "b": "2"}})
    body = api("PATCH", path, json={"external_ids": {"a": None, "c": "3"}}).json()
    assert body["external_ids"] == {"b": "2", "c": "3"}


def test_a_seller_may_be_held_to_the_keys_that_were_set_up(place, api):
    place.seller.external_id_keys = ["erp"]
    order = place.order((place.single, 10))
    for path in (f"/products/{place.single.id}/", f"/orders-received/{order.number}/"):
        assert api("PATCH", path, json={"external_ids": {"erp": "1"}}).status_code == 200
        refused = api("PATCH", path, json={"external_ids": {"other": "1"}})
        assert (refused.status_code, list(refused.json())) == (400, ["external_ids"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("brand", 9999),
        ("brand", "x"),
        ("parent", {"id": 77}),
        ("unit_multiplier", 0),
        ("unit_multiplier", 1.5),
        ("inventory_management", 9),
        ("name", None),
        ("retail_price", {}),
        ("wholesale_price", "NaN"),
        ("quantity", "1e30"),
        ("strain_classification", "purple"),
        ("sku", "PH-2"),
    ],
)
def test_bad_product_values_are_named(place, api, field, value):
    answer = api("PATCH", f"/products/{place.single.id}/", json={field: value})
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_what_is_not_writable_on_a_product_is_ignored(place, api):
    body = {"reserved": 99, "seller_id": 5, "kind": "x", "details": {}, "modified": "x", "id": 1}
    answer = api("PATCH", f"/products/{place.single.id}/", json={**body, "archived": True})
    assert answer.status_code == 200
    assert (place.single.reserved, place.single.seller_id) == (0, place.seller.id)
    assert not place.single.archived


def test_an_archived_product_frees_its_sku(place, api):
    place.world.archive_product(place.single.id)
    answer = api("PATCH", f"/products/{place.cased.id}/", json={"sku": "PH-1"})
    assert answer.status_code == 200


def test_a_parent_given_later_carries_the_stock(place, api):
    child = place.world.add_product(place.seller.id, name="Red", sku="R", inventory_management=3)
    api("PATCH", f"/products/{child.id}/", json={"parent": {"id": place.single.id}})
    place.order((child, 40))
    assert place.world.available(place.single.id) == 60
    body = api("PATCH", f"/products/{place.single.id}/", json={"available_inventory": 10}).json()
    assert (body["quantity"], body["children_count"]) == ("50.0000", 1)
    api("PATCH", f"/products/{child.id}/", json={"parent": None})
    assert place.world.available(place.single.id) == 50


def test_stock_can_be_written_with_either_permission(place, app, api_for):
    path = f"/products/{place.single.id}/"
    for number, (permissions, status) in enumerate(
        (
            ({"products": "read", "inventory": "write"}, 200),
            ({"products": "write"}, 200),
            ({"products": "read", "inventory": "read"}, 403),
        )
    ):
        place.world.add_app_key(f"k{number}", place.seller.id, permissions=permissions)
        answer = api_for(app, f"k{number}")("PATCH", path, json={"quantity": 1})
        assert answer.status_code == status


def test_lines_can_be_changed_one_by_one(place, api):
    order = place.order((place.single, 10), (place.cased, 24))
    line = order.lines[0]
    path = f"/line-items/{line.id}/"
    assert api.get(path)["quantity"] == "10.0000"
    change = {"quantity": "40", "ordered_unit_price": {"amount": "9.50"}, "unit_multiplier": 5}
    body = api("PATCH", path, json=change).json()
    assert (body["quantity"], body["unit_multiplier"]) == ("40.0000", 1)
    assert [row.quantity for row in order.lines] == [Decimal(40), Decimal(24)]
    assert place.single.reserved == 40
    short = api("PATCH", path, json={"quantity": "101"})
    assert short.status_code == 400
    assert [bool(row) for row in short.json()["line_items"]] == [True, False]
    assert list(api("PATCH", path, json={"quantity": 0}).json()) == ["quantity"]
    assert api("PATCH", "/line-items/1/", json={}).status_code == 404


def test_single_records_and_reference_lists(place, api):
    assert api.get(f"/companies/{place.buyer.id}/")["name"] == "Corner Shop"
    assert api("GET", "/companies/1/").status_code == 404
    assert api.get(f"/brands/{place.single.brand_id}/")["name"] == "Pine"
    assert api.get(f"/company-staff/{place.rep.id}/")["display_name"] == "Ana Lima"
    assert api.numbers("/licenses/", "number") == ["404R-1"]
    categories = set(api.numbers("/product-categories/", "id"))
    assert set(api.numbers("/product-subcategories/", "category")) <= categories
    order = place.order((place.single, 10))
    payment = place.world.add_payment(order.number, place.rep.id, Decimal(5))
    assert api.get(f"/order-payments/{payment.id}/")["order"] == order.number
    assert api("GET", "/order-payments/1/").status_code == 404


@pytest.mark.parametrize("quantity", [0, -3])
def test_a_line_needs_a_quantity(place, quantity):
    with pytest.raises(Exception, match="greater than 0"):
        place.order((place.single, 1), (place.single, quantity))
    order = place.order((place.single, 1))
    with pytest.raises(Exception, match="greater than 0"):
        place.world.edit_order(order.number, [{"id": order.lines[0].id, "quantity": quantity}])
    assert place.single.reserved == 1
