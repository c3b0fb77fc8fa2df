"""The stand-in's API: who may, pages, filters, shapes of refusals, and what can be written."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest


def payment_for(order, place, **more):
    return {
        "order": order.number,
        "recorded_by": place.rep.id,
        "total": {"amount": "40.00", "currency": "USD"},
        "payment_date": "2026-07-20T15:30:00Z",
        **more,
    }


# -- who may --------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [None, "App nope", "Token key-of-pine", "App"])
def test_without_a_good_key_there_is_nothing(api, header):
    answer = api("GET", "/products/", headers={"Authorization": header})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid token."})


def test_permissions_are_per_resource(place, app, api_for):
    place.world.add_app_key("reader", place.seller.id, permissions={"orders": "read"})
    reader = api_for(app, "reader")
    order = place.order((place.single, 1))
    assert reader("GET", f"/orders-received/{order.number}/").status_code == 200
    assert reader("POST", f"/orders-received/{order.number}/transition/accept/").status_code == 403
    for path in ("/products/", "/customers/"):
        assert reader("GET", path).status_code == 403
    assert order.status == "Submitted"


def test_another_companys_records_do_not_exist(place, app, api_for):
    other = place.world.add_seller("Other")
    place.world.add_app_key("other", other.id)
    stranger = api_for(app, "other")
    order = place.order((place.single, 1))
    for path in (
        f"/products/{place.single.id}/",
        f"/customers/{place.customer.id}/",
        f"/orders-received/{order.number}/",
        f"/orders-received/{order.number}/line-items/",
        f"/orders-received/{order.number}/payments/",
    ):
        answer = stranger("GET", path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
    for path in (
        "products",
        "customers",
        "orders-received",
        "line-items",
        "company-staff",
        "brands",
    ):
        assert stranger.get(f"/{path}/")["count"] == 0
    assert (
        stranger("PATCH", f"/products/{place.single.id}/", json={"quantity": 1}).status_code == 404
    )
    assert stranger("POST", "/order-payments/", json=payment_for(order, place)).status_code == 400
    assert place.single.quantity == 100


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/products", 400),
        ("GET", "/nonsense/", 404),
        ("GET", "/products/999999/", 404),
        ("GET", "/orders-received/nonsense/", 404),
        ("PUT", "/products/", 405),
    ],
)
def test_refusals_carry_a_detail(api, method, path, status):
    answer = api(method, path)
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)


# -- pages and filters ----------------------------------------------------------------------


def test_pages_are_followed_by_absolute_links_that_keep_the_filters(place, api):
    for number in range(120):
        place.world.add_product(place.seller.id, name=f"P {number}", sku=f"X-{number}")
    page = api.get("/products/", archived="false")
    assert (page["count"], len(page["results"]), page["previous"]) == (122, 50, None)
    seen = []
    url = "/products/?" + urlencode(
        {"limit": 500, "archived": "false", "modified__gte": "2020-01-01T00:00:00+00:00"}
    )
    sizes = []
    while url:
        page = api("GET", url).json()
        sizes.append(len(page["results"]))
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
        assert url is None or url.startswith("http://leaflink.test/api/v2/products/?")
    assert sizes == [100, 22]
    assert len(set(seen)) == 122
    back = api("GET", page["previous"]).json()
    assert len(back["results"]) == 100
    assert "archived=false" in page["previous"]


@pytest.mark.parametrize("query", ["limit=x&offset=-3", "limit=0", "limit=%C2%B2", "whatever=1"])
def test_odd_parameters_are_ignored(api, query):
    assert api("GET", f"/products/?{query}").json()["count"] == 2


def test_products_by_filter(place, api):
    world = place.world
    world.edit_product(
        place.cased.id,
        seller_internal_id="G-1",
        external_ids={"erp": "77"},
        listing_state="Internal",
    )
    place.clock.forward(hours=1)
    world.archive_product(place.single.id)
    third = world.add_product(place.seller.id, name="Rosin", sku="PH-3")
    mark = place.single.modified

    def ids(**query):
        return api.numbers("/products/", "id", **query)

    assert ids(sku="PH-1,PH-3,nope") == [place.single.id, third.id]
    assert ids(id=f"{third.id}") == [third.id]
    assert ids(archived="true") == [place.single.id]
    assert ids(archived="false") == [place.cased.id, third.id]
    assert ids(listing_state="Internal") == [place.cased.id]
    assert ids(search="rosi") == [third.id]
    assert ids(seller_internal_id="G-1") == [place.cased.id]
    assert ids(brand=place.cased.brand_id) == [place.single.id, place.cased.id]
    assert ids(external_id_key="erp", external_id_values="1,77") == [place.cased.id]
    assert ids(modified__gte=mark.isoformat()) == [place.single.id, third.id]
    assert ids(modified__gt=mark.isoformat()) == [third.id]
    assert ids(modified__lte=mark.isoformat()) == [place.single.id, place.cased.id]
    assert ids(modified__lt=mark.isoformat()) == [place.cased.id]


def test_a_plus_that_was_not_encoded_is_a_bad_time(api):
    answer = api("GET", "/products/?modified__gte=2026-07-06T10:00:00+00:00")
    assert answer.status_code == 400
    assert answer.json() == {"modified__gte": ["Enter a valid date/time."]}


def test_orders_by_filter(place, api):
    first = place.order((place.single, 1), sales_rep_ids=[place.rep.id])
    second = place.order((place.single, 1))
    place.world.transition(second.number, "accept")

    def numbers(**query):
        return api.numbers("/orders-received/", "number", **query)

    assert numbers() == [first.number, second.number]
    assert numbers(status="accepted") == [second.number]
    assert numbers(status="accepted,submitted") == [first.number, second.number]
    assert numbers(status__not="accepted,draft") == [first.number]
    assert numbers(number=first.number) == [first.number]
    assert numbers(sales_rep=place.rep.id) == [first.number]
    assert numbers(customer="Corner Shop LLC") == [first.number, second.number]
    assert numbers(customer=str(place.customer.id)) == [], "by name, not by id"
    assert numbers(modified__gte=second.modified.isoformat()) == [second.number]
    later = (second.created_on + timedelta(days=1)).isoformat()
    assert numbers(created_on__gte=later) == []


def test_other_lists(place, api):
    first, second = (
        place.order((place.single, 1)),
        place.order((place.cased, 12), (place.single, 2)),
    )
    gone = place.world.add_staff(place.seller.id, "Gone", "gone@x.example", is_active=False)
    assert api.numbers("/company-staff/", "id", is_active="true") == [place.rep.id]
    assert api.numbers("/company-staff/", "id", is_active="false") == [gone.id]
    assert api.numbers("/companies/", "id") == [place.seller.id]
    assert api.numbers("/brands/", "name") == ["Pine"]
    assert api.numbers("/customers/", "id", license_number__in="402R-1,x") == [place.customer.id]
    assert api.numbers("/customers/", "id", license_number="x") == []
    wanted = ",".join((first.number, second.number))
    assert api.numbers("/line-items/", "order", order=wanted) == [
        first.number,
        *[second.number] * 2,
    ]
    assert len(api.numbers("/line-items/", "id", product_id=place.single.id)) == 2
    assert api.numbers("/order-event-logs/", "event_type", order=first.number) == ["created"]


def test_answers_can_be_shaped(place, api):
    order = place.order((place.single, 1), sales_rep_ids=[place.rep.id])
    path = f"/orders-received/{order.number}/"
    plain = api.get(path)
    assert "line_items" not in plain
    assert set(plain["customer"]) == {"id", "display_name", "ext_acct_id", "delinquent"}
    assert plain["sales_reps"] == [{"id": place.rep.id, "user": "Ana Lima"}]
    whole = api.get(path, include_children="line_items,customer,sales_reps")
    assert len(whole["line_items"]) == 1
    assert whole["customer"]["license_number"] == "402R-1"
    assert whole["sales_reps"][0]["email"] == "ana@pine.example"
    assert api.get(path, fields_include="number,status") == {
        "number": order.number,
        "status": "Submitted",
    }
    assert "total" not in api.get(path, fields_exclude="total")


# -- writing --------------------------------------------------------------------------------


def test_patching_stock(place, api):
    place.order((place.single, 30))
    path = f"/products/{place.single.id}/"
    body = api("PATCH", path, json={"quantity": "50"}).json()
    assert (body["quantity"], body["reserved_qty"]) == ("50.0000", "30.0000")
    assert body["available_inventory"] == 20
    body = api("PATCH", path, json={"available_inventory": 5}).json()
    assert (body["quantity"], body["available_inventory"]) == ("35.0000", 5)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"quantity": 1, "available_inventory": 1}, "non_field_errors"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "lots"}, "quantity"),
        ({"quantity": "NaN"}, "quantity"),
        ({"quantity": None}, "quantity"),
        ({"available_inventory": -1}, "available_inventory"),
        ({"sku": "A,B"}, "sku"),
        ({"sku": ""}, "sku"),
        ({"listing_state": "Gone"}, "listing_state"),
        ({"unit_of_measure": "Case"}, "unit_of_measure"),
        ({"wholesale_price": {"amount": "x"}}, "wholesale_price"),
    ],
)
def test_bad_product_values_are_named(place, api, body, field):
    answer = api("PATCH", f"/products/{place.single.id}/", json=body)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert isinstance(answer.json()[field], list)
    assert place.single.quantity == 100


@pytest.mark.parametrize("body", [b"{", b"[]", b""])
def test_a_body_that_is_no_object_is_a_400(place, api, body):
    headers = {"Content-Type": "application/json"}
    answer = api("PATCH", f"/products/{place.single.id}/", data=body, headers=headers)
    assert answer.status_code == 400


def test_moving_an_order(place, api):
    order = place.order((place.single, 30))
    path = f"/orders-received/{order.number}/transition"
    body = api("POST", f"{path}/accept/").json()
    assert (body["status"], body["available_transitions"]) == (
        "Accepted",
        ["fulfilled", "rejected"],
    )
    for action in ("accept", "cancel", "ship", "nonsense"):
        refused = api("POST", f"{path}/{action}/")
        assert (refused.status_code, list(refused.json())) == (400, ["detail"])
    assert order.status == "Accepted"


def test_changing_an_order(place, api):
    order = place.order((place.single, 10))
    path = f"/orders-received/{order.number}/"
    body = api(
        "PATCH",
        path,
        json={
            "discount": 15,
            "discount_type": "$",
            "tax_amount": 10,
            "tax_type": "%",
            "shipping_charge": {"amount": "25.00", "currency": "USD"},
            "payment_due_date": "2026-07-24T17:00:00Z",
            "notes": "Ring",
            "status": "Complete",
            "external_ids": {"erp": "SO-1"},
        },
    ).json()
    assert body["status"] == "Submitted", "not writable, so ignored"
    assert (body["discount"], body["final_tax"]) == (15, "8.50")
    assert body["total"] == {"amount": 118.5, "currency": "USD"}
    assert body["external_ids"] == {"erp": "SO-1"}
    body = api("PATCH", path, json={"external_ids": {"erp": None}}).json()
    assert body["external_ids"] == {}


def test_payments(place, api):
    order = place.order((place.single, 10))
    made = api("POST", "/order-payments/", json=payment_for(order, place, reason="INV 1"))
    assert made.status_code == 201
    rows = api("GET", f"/orders-received/{order.number}/payments/").json()
    assert rows == [made.json()], "a bare list"
    assert rows[0]["recorder_name"] == "Ana Lima"
    assert api.get(f"/orders-received/{order.number}/")["payment_balance"] == 60
    back = payment_for(order, place, total={"amount": "-40.00", "currency": "USD"})
    assert api("POST", "/order-payments/", json=back).status_code == 201
    assert api.get("/order-payments/")["count"] == 2
    assert api("GET", f"/orders-received/{order.number}/comments/").json() == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"total": None}, "total"),
        ({"total": {"amount": "x"}}, "total"),
        ({"payment_date": "soon"}, "payment_date"),
        ({"payment_type": "gold"}, "payment_type"),
        ({"recorded_by": 1}, "recorded_by"),
    ],
)
def test_bad_payments_are_named(place, api, change, field):
    order = place.order((place.single, 10))
    answer = api("POST", "/order-payments/", json=payment_for(order, place, **change))
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert place.world.payments == {}


def test_requests_are_kept_without_keys(place, api):
    api("PATCH", f"/products/{place.single.id}/", params={"a": "b"}, json={"quantity": 7})
    (logged,) = place.world.requests
    assert (logged.method, logged.path) == ("PATCH", f"/products/{place.single.id}/")
    assert (logged.query, logged.status, logged.body) == ("a=b", 200, {"quantity": 7})
    assert "key-of-pine" not in repr(logged)


def test_times_carry_microseconds_and_the_sellers_offset(place, api):
    (row,) = api.get("/products/", sku="PH-1")["results"]
    assert row["modified"].endswith("-07:00")
    assert "." in row["modified"]
