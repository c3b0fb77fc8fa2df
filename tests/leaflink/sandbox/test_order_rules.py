"""What is reserved, taken and given back as orders come and go; and what an order costs."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.leaflink.sandbox import pricing, stock
from integrations.leaflink.sandbox.errors import (
    IllegalTransition,
    Invalid,
    OutOfStock,
    SandboxError,
)
from integrations.leaflink.sandbox.order_rules import ACTIONS, available_transitions


def test_a_submitted_order_reserves_and_an_accepted_one_still_does(place):
    modified = place.single.modified
    order = place.order((place.single, 30))
    assert (place.single.quantity, place.single.reserved) == (100, 30)
    assert place.world.available(place.single.id) == 70
    place.world.transition(order.number, "accept")
    assert place.world.available(place.single.id) == 70
    assert place.single.modified == modified, "reservations don't move it"


@pytest.mark.parametrize("steps", [(), ("accept",)])
def test_rejecting_an_open_order_frees_the_reservation(place, steps):
    order = place.order((place.single, 30))
    for step in (*steps, "reject"):
        place.world.transition(order.number, step)
    assert (place.single.quantity, place.single.reserved) == (100, 0)


def test_fulfilling_takes_the_goods_and_moves_modified(place):
    order = place.order((place.single, 30))
    modified = place.single.modified
    place.world.transition(order.number, "accept")
    place.world.transition(order.number, "fulfill")
    assert (place.single.quantity, place.single.reserved) == (70, 0)
    assert place.single.modified > modified


@pytest.mark.parametrize("steps", [("accept", "fulfill"), ("accept", "fulfill", "ship")])
def test_rejecting_what_had_left_brings_it_back(place, steps):
    order = place.order((place.single, 30))
    for step in (*steps, "reject"):
        place.world.transition(order.number, step)
    assert (place.single.quantity, place.single.reserved) == (100, 0)


def test_the_buyer_cancels_and_the_seller_may_not(place):
    order = place.order((place.single, 30))
    with pytest.raises(IllegalTransition):
        place.world.transition(order.number, "cancel")
    place.world.cancel_order(order.number)
    assert (order.status, place.single.reserved) == ("Cancelled", 0)
    with pytest.raises(IllegalTransition):
        place.world.cancel_order(order.number)


def test_drafts_and_backorders_reserve_nothing_until_they_move(place):
    draft = place.order((place.single, 60), status="Draft")
    back = place.order((place.single, 60), status="Backorder")
    assert place.single.reserved == 0
    place.world.transition(draft.number, "submit", by="buyer")
    with pytest.raises(OutOfStock):
        place.world.transition(back.number, "accept")
    assert (back.status, place.single.reserved) == ("Backorder", 60)


def test_a_shortage_names_the_lines_by_position(place):
    lines = ((place.cased, 12), (place.single, 60), (place.single, 60))
    with pytest.raises(OutOfStock) as caught:
        place.order(*lines)
    rows = caught.value.body["line_items"]
    assert rows[0] == {}
    for row in rows[1:]:
        assert row["product_id"] == [str(place.single.id)]
        assert row["available_inventory"] == ["100.0000"]
        assert row["quantity"]
    assert place.world.orders == {}
    assert (place.single.reserved, place.cased.reserved) == (0, 0)


def test_editing_counts_what_the_order_holds_itself(place):
    order = place.order((place.single, 80))
    line = order.lines[0]
    place.world.edit_order(order.number, [{"id": line.id, "product_id": 0, "quantity": 100}])
    assert place.single.reserved == 100
    with pytest.raises(OutOfStock):
        place.world.edit_order(order.number, [{"id": line.id, "quantity": 101}])
    assert place.single.reserved == 100
    place.world.edit_order(order.number, [{"product_id": place.cased.id, "quantity": 24}])
    assert (place.single.reserved, place.cased.reserved) == (0, 24)


def test_lines_are_frozen_once_goods_have_left_and_fields_are_checked(place):
    order = place.order((place.single, 1))
    for step in ("accept", "fulfill"):
        place.world.transition(order.number, step)
    with pytest.raises(IllegalTransition):
        place.world.edit_order(order.number, [{"product_id": place.single.id, "quantity": 2}])
    with pytest.raises(Invalid):
        place.world.edit_order(order.number, status="Submitted")


def test_unlimited_products_take_any_order_and_keep_their_quantity(place):
    free = place.world.add_product(
        place.seller.id, name="Flyers", sku="F", inventory_management=2, quantity="0"
    )
    order = place.order((free, 5000))
    for step in ("accept", "fulfill"):
        place.world.transition(order.number, step)
    assert free.quantity == 0


def test_varieties_draw_on_their_parents_stock_together(place):
    world = place.world
    red, blue = (
        world.add_product(
            place.seller.id,
            name=name,
            sku=name,
            inventory_management=3,
            parent_id=place.single.id,
        )
        for name in ("Red", "Blue")
    )
    order = place.order((red, 60), (blue, 30))
    assert {world.available(p.id) for p in (red, blue, place.single)} == {Decimal(10)}
    with pytest.raises(OutOfStock):
        place.order((blue, 11))
    for step in ("accept", "fulfill"):
        world.transition(order.number, step)
    assert (place.single.quantity, world.available(red.id)) == (10, 10)


def test_combining_moves_the_reservation_to_a_new_order(place):
    first, second = place.order((place.single, 60)), place.order((place.single, 40))
    merged = place.world.combine_orders([first.number, second.number])
    assert [first.status, second.status, merged.status] == ["Combined", "Combined", "Submitted"]
    assert merged.is_combination
    assert [line.quantity for line in merged.lines] == [60, 40]
    assert place.single.reserved == 100
    with pytest.raises(IllegalTransition):
        place.world.combine_orders([merged.number])
    with pytest.raises(IllegalTransition):
        place.world.combine_orders([merged.number, first.number])


def test_each_change_moves_modified_forward_and_is_logged(place):
    world = place.world
    order = place.order((place.single, 1))
    seen = [order.modified]
    world.edit_order(order.number, notes="Ring twice")
    seen.append(order.modified)
    world.transition(order.number, "accept")
    seen.append(order.modified)
    assert seen == sorted(set(seen)), "the clock stands still, the world's times don't"
    assert [e.event_type for e in world.events.values()] == ["created", "edited", "accepted"]


def test_what_the_seller_may_do_next_is_in_state_words(place):
    order = place.order((place.single, 1))
    words = []
    for step in ("accept", "fulfill", "ship", "complete"):
        words.append(available_transitions(order))
        place.world.transition(order.number, step)
    assert words == [
        ["accepted", "rejected"],
        ["fulfilled", "rejected"],
        ["shipped", "rejected"],
        ["completed", "rejected"],
    ]
    assert available_transitions(order) == []


def test_an_orders_total(place):
    world = place.world
    order = place.order((place.cased, 48), (place.single, 10))
    totals = pricing.totals(order)
    assert (totals.lines, totals.total) == (Decimal("484.00"), Decimal("484.00"))
    world.edit_order(
        order.number, discount="10", discount_type="%", tax_rate="15", shipping="25", credits="5"
    )
    totals = pricing.totals(order)
    assert totals.discount == Decimal("48.40")
    assert totals.tax == Decimal("65.34"), "15 % of what is left after the discount"
    assert totals.total == Decimal("520.94")


def test_a_sale_price_and_half_a_case(place):
    order = place.world.place_order(
        place.seller.id,
        place.customer.id,
        [
            {"product_id": place.cased.id, "quantity": 6},
            {"product_id": place.single.id, "quantity": 2, "sale_price": "7.50"},
            {"product_id": place.single.id, "quantity": 1, "price": "-12.50"},
        ],
    )
    amounts = [pricing.line_total(line) for line in order.lines]
    assert amounts == [Decimal("48.00"), Decimal("15.00"), Decimal("-12.50")]


STEPS = [*ACTIONS, "place", "edit", "combine"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(STEPS), st.integers(0, 7), st.integers(1, 60)), max_size=40
    )
)
def test_reservations_are_always_those_of_the_open_orders(make, moves):
    """Whatever happens, reserved is the sum over open orders and goods are never made or lost."""
    place = make()
    world = place.world
    for move, which, units in moves:
        numbers = list(world.orders)
        number = numbers[which % len(numbers)] if numbers else ""
        try:
            if move == "place":
                place.order((place.single, units), (place.cased, 12 * (units % 5 + 1)))
            elif not numbers:
                continue
            elif move == "edit":
                world.edit_order(number, [{"product_id": place.single.id, "quantity": units}])
            elif move == "combine":
                world.combine_orders(numbers[-2:])
            else:
                world.transition(number, move, by="buyer" if move == "cancel" else "seller")
        except SandboxError:
            pass
        for product, start in ((place.single, 100), (place.cased, 240)):
            held = gone = Decimal(0)
            for order in world.orders.values():
                units_of = sum(li.quantity for li in order.lines if li.product_id == product.id)
                held += units_of if order.status in stock.RESERVING_STATUSES else 0
                gone += units_of if order.status in ("Fulfilled", "Shipped", "Complete") else 0
            assert product.reserved == held
            assert product.quantity == start - gone
            assert world.available(product.id) == product.quantity - held >= 0
