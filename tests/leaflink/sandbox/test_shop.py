"""The page on which a visitor orders as a retailer and acts by hand as the seller."""

from decimal import Decimal

import pytest

from integrations.leaflink.sandbox.app import create_app
from integrations.leaflink.sandbox.world import World


def only_order(place):
    (order,) = place.world.orders.values()
    return order


def test_the_menu_shows_what_can_be_ordered_and_nothing_else(place, visitor):
    place.world.add_product(place.seller.id, name="Put away", sku="A", listing_state="Archived")
    place.world.add_product(place.seller.id, name="A taste", sku="S", listing_state="Sample")
    other = place.world.add_seller("Other")
    place.world.add_product(other.id, name="Of another seller", sku="O")
    place.order((place.cased, 24))
    text = visitor.get().text
    assert visitor.status == 200
    for shown in ("Gummies", "Cart", "A taste", "216", "18 cases", "Ana Lima"):
        assert shown in text
    for hidden in ("Put away", "Of another seller"):
        assert hidden not in text


def test_a_world_without_companies_says_so(visitor_of):
    visitor = visitor_of(create_app(World(), rate_limit=None))
    assert "Nothing here yet" in visitor.get().text
    assert visitor.post("/order").status == 404


def test_placing_an_order_counts_cases_of_what_is_sold_by_the_case(place, visitor):
    fields = {f"new_{place.cased.id}": "2", f"new_{place.single.id}": " 5 "}
    visitor.post("/order", **fields, rep=str(place.rep.id), notes="Ring twice")
    order = only_order(place)
    assert visitor.message == ("good", f"Order {order.short_id} was placed.")
    held = {line.product_id: line.quantity for line in order.lines}
    assert held == {place.cased.id: 24, place.single.id: 5}
    assert (order.sales_rep_ids, order.notes) == ([place.rep.id], "Ring twice")
    assert (order.status, order.buyer_id) == ("Submitted", place.buyer.id)
    assert "$242.00" in visitor.text
    assert place.cased.reserved == 24


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        ("lots", "Cart: “lots” is not a number."),
        ("1,5", "Cart: “1,5” is not a number."),
        ("<b>", "Cart: “<b>” is not a number."),
        ("1.5", "Cart: give a whole number that is not below zero."),
        ("-1", "Cart: give a whole number that is not below zero."),
        ("NaN", "Cart: give a whole number that is not below zero."),
        ("sNaN", "Cart: give a whole number that is not below zero."),
        ("Infinity", "Cart: give a whole number that is not below zero."),
        ("1e9", "Cart: that is more than anybody can deliver."),
        ("1e999999", "Cart: that is more than anybody can deliver."),
        ("101", "There is not enough of what you ordered: look at what is available."),
        ("0", "Fill in a quantity for at least one product."),
        ("", "Fill in a quantity for at least one product."),
    ],
)
def test_what_cannot_be_ordered_is_refused_in_words(place, visitor, quantity, words):
    visitor.post("/order", **{f"new_{place.single.id}": quantity})
    assert visitor.status == 200
    shown = visitor.text if "<b>" in words else visitor.message
    assert words in shown if "<b>" in words else shown == ("error", words)
    assert place.world.orders == {}
    assert place.single.reserved == 0


def test_a_name_with_markup_is_shown_as_text(place, app):
    place.world.add_product(place.seller.id, name="<script>x</script>", sku="X")
    text = app.test_client().get("/").get_data(as_text=True)
    assert "&lt;script&gt;x&lt;/script&gt;" in text
    assert "<script>" not in text


@pytest.mark.parametrize("rep", ["", "nobody", "²"])
def test_an_order_needs_no_rep(place, visitor, rep):
    visitor.post("/order", **{f"new_{place.single.id}": "1"}, rep=rep)
    assert only_order(place).sales_rep_ids == []


def test_an_order_is_edited_in_selling_units(place, visitor):
    order = place.order((place.single, 5), (place.cased, 24))
    first, second = order.lines
    place.world.edit_product(place.cased.id, wholesale_price=Decimal(120))
    fields = {f"line_{first.id}": "0", f"line_{second.id}": "3"}
    visitor.post(f"/orders/{order.number}/edit", **fields)
    assert visitor.message == ("good", "The order was changed.")
    assert [(line.id, line.quantity, line.price) for line in order.lines] == [(second.id, 36, 96)]
    assert (place.single.reserved, place.cased.reserved) == (0, 36)
    visitor.post(
        f"/orders/{order.number}/edit", **{f"line_{second.id}": "3", f"new_{place.single.id}": "7"}
    )
    assert [line.quantity for line in order.lines] == [36, 7]


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        ("0", "An order needs at least one line. Cancel it instead."),
        ("x", "Cart: “x” is not a number."),
        ("0.5", "Cart: give a whole number that is not below zero."),
        ("101", "There is not enough of what you ordered: look at what is available."),
    ],
)
def test_a_bad_edit_changes_nothing(place, visitor, quantity, words):
    order = place.order((place.single, 100))
    visitor.post(f"/orders/{order.number}/edit", **{f"line_{order.lines[0].id}": quantity})
    assert visitor.message == ("error", words)
    assert [line.quantity for line in order.lines] == [100]
    assert place.single.reserved == 100


def test_an_order_whose_goods_have_left_cannot_be_edited(place, visitor):
    order = place.order((place.single, 5))
    for step in ("accept", "fulfill"):
        place.world.transition(order.number, step)
    visitor.post(f"/orders/{order.number}/edit", **{f"line_{order.lines[0].id}": "1"})
    assert visitor.message == ("error", "A Fulfilled order can't be edited.")
    assert "Save changes" not in visitor.text


def test_only_what_is_on_the_menu_can_be_added_to_an_order(place, visitor):
    other = place.world.add_seller("Other")
    strange = place.world.add_product(other.id, name="Strange", sku="O", quantity="50")
    order = place.order((place.single, 5))
    fields = {f"line_{order.lines[0].id}": "5", f"new_{strange.id}": "1"}
    visitor.post(f"/orders/{order.number}/edit", **fields)
    assert [line.product_id for line in order.lines] == [place.single.id]
    assert strange.reserved == 0


def test_the_buyer_cancels_once(place, visitor):
    order = place.order((place.single, 5))
    assert "Cancel this order" in visitor.get(f"/orders/{order.number}").text
    visitor.post(f"/orders/{order.number}/cancel")
    assert visitor.message == ("good", "The order was cancelled.")
    assert (order.status, place.single.reserved) == ("Cancelled", 0)
    assert "Cancel this order" not in visitor.text
    visitor.post(f"/orders/{order.number}/cancel")
    assert visitor.message == ("error", "Can't cancel an order that is Cancelled.")


def test_the_seller_moves_an_order_on_step_by_step(place, visitor):
    order = place.order((place.single, 5))
    statuses = ["Accepted", "Fulfilled", "Shipped", "Complete"]
    for action, status in zip(("accept", "fulfill", "ship", "complete"), statuses, strict=True):
        page = visitor.get(f"/orders/{order.number}").text
        assert f"/orders/{order.number}/step/{action}" in page
        visitor.post(f"/orders/{order.number}/step/{action}")
        assert visitor.message == ("good", "The order was moved.")
        assert order.status == status
    assert "/step/" not in visitor.text
    assert "Nothing more can be done with a Complete order." in visitor.text
    visitor.post(f"/orders/{order.number}/step/reject")
    assert visitor.message == ("error", "Can't reject an order that is Complete.")
    assert (order.status, place.single.quantity) == ("Complete", 95)


@pytest.mark.parametrize("action", ["cancel", "submit", "nonsense"])
def test_other_steps_do_not_exist_for_the_seller(place, visitor, action):
    order = place.order((place.single, 5))
    assert visitor.post(f"/orders/{order.number}/step/{action}").status == 404
    assert order.status == "Submitted"


def test_orders_of_one_retailer_are_combined(place, visitor):
    first, second = place.order((place.single, 5)), place.order((place.single, 7))
    page = visitor.get(f"/orders/{first.number}").text
    assert f'value="{second.number}"' in page
    visitor.post(f"/orders/{first.number}/combine", other=second.number)
    merged = list(place.world.orders.values())[-1]
    assert visitor.message == ("good", f"They were combined into order {merged.short_id}.")
    assert [first.status, second.status] == ["Combined", "Combined"]
    assert "combined from other orders" in visitor.text
    assert place.single.reserved == 12


def test_orders_that_cannot_be_combined_stay_as_they_are(place, visitor):
    first, second = place.order((place.single, 5)), place.order((place.single, 7))
    place.world.cancel_order(second.number)
    path = f"/orders/{first.number}/combine"
    for fields in ({}, {"other": second.number}, {"other": first.number}, {"other": "nonsense"}):
        visitor.post(path, **fields)
        assert visitor.message[0] == "error"
        assert (first.status, place.single.reserved) == ("Submitted", 5)
        assert len(place.world.orders) == 2


def test_becoming_another_retailer_or_another_sellers_customer(place, visitor):
    second = place.world.add_customer(place.seller.id, name="Second Shop")
    other = place.world.add_seller("Other")
    theirs = place.world.add_customer(other.id, name="Corner at Other")
    visitor.post("/choose", seller=str(place.seller.id), customer=str(second.id))
    visitor.post("/order", **{f"new_{place.single.id}": "1"})
    order = only_order(place)
    assert (order.customer_id, order.buyer_id) == (second.id, None)
    visitor.post("/choose", seller=str(other.id), customer=str(second.id))
    assert "Order as Corner at Other" in visitor.text
    visitor.post("/order", **{f"new_{place.single.id}": "1"})
    assert visitor.message == ("error", "Fill in a quantity for at least one product.")
    assert visitor.post("/choose", seller="nonsense").status == 200
    assert theirs.name in visitor.text


def test_pages_of_what_is_not_there_are_404(place, visitor):
    assert visitor.get("/orders/nonsense").status == 404
    assert visitor.post("/orders/nonsense/cancel").status == 404
    assert visitor.post("/orders/nonsense/edit").status == 404
    assert visitor.post("/orders/nonsense/step/accept").status == 404
    assert visitor.post("/orders/nonsense/combine").status == 404
    assert visitor.get("/products/1/").status == 404
    assert "Gummies" in visitor.get(f"/products/{place.cased.id}/").text


@pytest.mark.parametrize("header", ["Origin", "Referer"])
@pytest.mark.parametrize("source", ["http://evil.test", "https://evil.test/page", "null"])
def test_forms_of_other_sites_are_refused(place, visitor, header, source):
    order = place.order((place.single, 5))
    for path in ("/order", "/choose", f"/orders/{order.number}/cancel"):
        fields = {f"new_{place.single.id}": "1"}
        assert visitor.post(path, headers={header: source}, **fields).status == 403
    assert (order.status, len(place.world.orders)) == ("Submitted", 1)


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://localhost"}])
def test_forms_of_its_own_pages_are_taken(place, visitor, headers):
    order = place.order((place.single, 5))
    visitor.post(f"/orders/{order.number}/cancel", headers=headers)
    assert order.status == "Cancelled"


def test_the_seller_changes_the_term_and_sees_payments_and_the_sellers_number(place, visitor):
    order, world = place.order((place.single, 5)), place.world
    visitor.post(f"/orders/{order.number}/terms", term="Net 30")
    assert visitor.message == ("good", "The term was changed.")
    assert order.selected_payment_option["payment_term"]["code"] == "net30"
    world.add_payment(order.number, place.rep.id, Decimal("20.50"), payment_type="check")
    world.edit_order(order.number, external_ids={"leafbridge": "SO-7"})
    text = visitor.get(f"/orders/{order.number}").text
    for shown in ("Payment term: Net 30", "$20.50, check", "SO-7"):
        assert shown in text
    assert visitor.post(f"/orders/{order.number}/terms", term="Net 1000").status == 404
