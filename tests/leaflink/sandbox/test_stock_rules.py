"""Stock stays true where an order goes wrong halfway, is merged, or draws on a parent's stock."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.leaflink.sandbox import order_rules, stock
from integrations.leaflink.sandbox.errors import IllegalTransition, OutOfStock, SandboxError
from integrations.leaflink.sandbox.store import Store
from integrations.leaflink.sandbox.world import World


def held_of(world, product):
    """What the open orders hold of a product, summed up from their lines."""
    return sum(
        line.quantity
        for order in world.orders.values()
        for line in order.lines
        if line.product_id == product.id and order.status in stock.RESERVING_STATUSES
    )


def test_orders_can_be_combined_although_the_seller_counted_too_little_since(place):
    first, second = place.order((place.single, 60)), place.order((place.single, 30))
    place.world.set_quantity(place.single.id, "50")
    merged = place.world.combine_orders([first.number, second.number])
    assert [first.status, second.status, merged.status] == ["Combined", "Combined", "Submitted"]
    assert (place.single.quantity, place.single.reserved) == (50, 90)
    assert place.world.available(place.single.id) == -40


def test_an_order_cannot_be_combined_with_itself(place):
    order = place.order((place.single, 60))
    with pytest.raises(IllegalTransition):
        place.world.combine_orders([order.number, order.number])
    assert (order.status, place.single.reserved) == ("Submitted", 60)


def test_an_oversold_order_can_still_be_accepted_fulfilled_and_made_smaller(place):
    order = place.order((place.single, 60))
    place.world.set_quantity(place.single.id, "50")
    place.world.transition(order.number, "accept")
    place.world.edit_order(order.number, [{"product_id": place.single.id, "quantity": 50}])
    assert place.world.available(place.single.id) == 0
    place.world.transition(order.number, "fulfill")
    assert (place.single.quantity, place.single.reserved) == (0, 0)


def test_what_is_free_on_a_parent_is_after_what_its_varieties_hold(place, api):
    variety = place.world.add_product(
        place.seller.id, name="Red", sku="R", inventory_management=3, parent_id=place.single.id
    )
    place.order((place.single, 10), (variety, 30))
    path = f"/products/{place.single.id}/"
    body = api("PATCH", path, json={"available_inventory": "25"}).json()
    assert (body["quantity"], body["reserved_qty"]) == ("65.0000", "40.0000")
    assert body["available_inventory"] == 25


def test_a_stray_field_does_not_reach_the_reservations(place, api):
    place.order((place.single, 10))
    path = f"/products/{place.single.id}/"
    stray = {"reserved": 0, "reserved_qty": "0", "seller_id": 1, "details": {}, "key": "x"}
    assert api("PATCH", path, json=stray).status_code == 200
    assert (place.single.reserved, place.single.seller_id) == (10, place.seller.id)
    assert isinstance(place.single.reserved, Decimal)


@pytest.mark.parametrize(
    "body",
    [
        {"discount": "lots"},
        {"discount": None},
        {"tax_amount": "lots"},
        {"tax_amount": None},
        {"shipping_charge": {"currency": "USD"}},
        {"shipping_charge": []},
        {"external_ids": None},
        {"external_ids": "x"},
        {"ship_date": "soon"},
    ],
)
def test_a_bad_value_of_an_order_is_named_and_nothing_is_changed(place, api, body):
    order = place.order((place.single, 10), tax_rate="15")
    before = api.get(f"/orders-received/{order.number}/")
    answer = api("PATCH", f"/orders-received/{order.number}/", json={"notes": "new", **body})
    assert answer.status_code == 400
    assert list(answer.json()) == list(body)
    assert api.get(f"/orders-received/{order.number}/") == before


@pytest.mark.parametrize(
    "body", [{"brand": "x"}, {"brand": 999_999}, {"parent": []}, {"unit_multiplier": 0}]
)
def test_a_bad_reference_of_a_product_is_named(place, api, body):
    answer = api("PATCH", f"/products/{place.single.id}/", json=body)
    assert answer.status_code == 400
    assert list(answer.json()) == list(body)
    assert api("GET", "/products/").status_code == 200


MOVES = [*order_rules.ACTIONS, "place", "edit", "combine", "count"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(MOVES), st.sampled_from(["seller", "buyer"]), st.integers(0, 90)),
        max_size=30,
    )
)
def test_only_fulfilling_and_taking_back_move_goods_and_a_reopened_world_agrees(
    make, tmp_path_factory, moves
):
    """With varieties on a parent's stock, and a seller who counts anew, below what is reserved."""
    store = Store(tmp_path_factory.mktemp("world") / "world.sqlite3")
    world = World(store=store)
    place = make(world)
    red = world.add_product(
        place.seller.id, name="Red", sku="R", inventory_management=3, parent_id=place.single.id
    )
    products = (place.single, place.cased, red)
    for move, who, n in moves:
        numbers = list(world.orders)
        number = numbers[n % len(numbers)] if numbers else ""
        order = world.orders.get(number)
        before = {p.id: p.quantity for p in products}
        status = order.status if order else ""
        kept = (len(numbers), {o.number: o.status for o in world.orders.values()})
        try:
            if move == "place":
                place.order((products[n % 3], n + 1), (place.single, 1))
            elif move == "count":
                world.set_quantity(place.single.id, n)
                before[place.single.id] = Decimal(n)
            elif order is None:
                continue
            elif move == "edit":
                rows = [{"product_id": products[n % 3].id, "quantity": n + 1}]
                world.edit_order(number, [*rows, {"product_id": red.id, "quantity": 1}])
            elif move == "combine":
                world.combine_orders([number, numbers[-1]])
            else:
                world.transition(number, move, by=who)
        except SandboxError:
            now = (len(world.orders), {o.number: o.status for o in world.orders.values()})
            assert now == kept, "a refusal changes nothing"
            move = "refused"
        for product in products:
            assert product.reserved == held_of(world, product)
        sign = 0
        if move == "fulfill":
            sign = -1
        elif move == "reject" and status in ("Fulfilled", "Shipped"):
            sign = 1
        for product in products:
            drawn = sum(
                line.quantity
                for line in (order.lines if order and sign else ())
                if stock.holder(world, world.products[line.product_id]) is product
            )
            assert product.quantity == before[product.id] + sign * drawn
    again = World(store=store)
    assert (again.orders, again.products) == (world.orders, world.products)
    assert {p.id: again.available(p.id) for p in products} == {
        p.id: world.available(p.id) for p in products
    }
    store.close()


def test_many_buyers_at_once_never_get_more_than_there_is(place):
    def buy(_):
        try:
            return place.order((place.single, 15), (place.cased, 12))
        except OutOfStock:
            return None

    with ThreadPoolExecutor(8) as pool:
        placed = [order for order in pool.map(buy, range(40)) if order]
    assert len(placed) == 6
    assert len({order.number for order in placed}) == len({order.id for order in placed}) == 6
    assert (place.single.reserved, place.cased.reserved) == (90, 72)
