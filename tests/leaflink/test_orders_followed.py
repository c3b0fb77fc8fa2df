"""What LeafLink says later about an order: edits, endings, moves by hand."""

from decimal import Decimal

import pytest

from catalog import inventory
from orders import services
from orders.models import SalesOrder


def test_an_edit_is_taken_over_while_nothing_is_allocated(bench):
    goods, other = bench.goods(), bench.goods("OTHER")
    bench.ready()
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    bench.world.edit_order(order.number, [bench.line(goods, 4), bench.line(other, 2)], notes="x")
    bench.sync("orders")
    local = bench.local(order)
    assert list(local.lines.values_list("quantity", flat=True)) == [4, 2]
    assert local.total == bench.mirror(order).total
    assert (bench.free(goods), bench.free(other)) == (96, 98)
    assert SalesOrder.objects.count() == 1


def test_an_edit_of_allocated_goods_waits_for_a_person(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    services.allocate(bench.local(order))
    bench.world.edit_order(order.number, [bench.line(goods, 4)])
    bench.sync("orders")
    assert bench.mirror(order).state == "conflict"
    assert (
        "changed in LeafLink, but is allocated here: Product GUM"
        in bench.mirror(order).state_reason
    )
    assert bench.local(order).lines.get().quantity == 10
    services.deallocate(bench.local(order))
    bench.sync("orders")
    assert bench.mirror(order).state == "imported"
    assert bench.local(order).lines.get().quantity == 4


def test_an_edit_that_needs_more_than_there_is_changes_nothing_here(bench):
    goods = bench.goods(on_hand=10)
    bench.ready()
    bench.world.set_quantity(goods.remote.id, "100")
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    bench.world.edit_order(order.number, [bench.line(goods, 30)])
    bench.sync("orders")
    assert bench.mirror(order).state == "conflict"
    assert bench.local(order).lines.get().quantity == 10
    inventory.receive(goods.item, bench.shop, Decimal(50))
    bench.sync("orders")
    assert bench.local(order).lines.get().quantity == 30


def test_a_new_status_alone_leaves_the_order_as_it_is(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    line = bench.local(order).lines.get().pk
    bench.world.transition(order.number, "accept")
    bench.sync("orders")
    assert bench.mirror(order).status == "Accepted"
    assert bench.local(order).lines.get().pk == line


@pytest.mark.parametrize(
    ("end", "reason"),
    [("reject", "Rejected in LeafLink"), ("cancel", "Cancelled by the buyer in LeafLink")],
)
def test_an_order_that_ends_in_leaflink_is_canceled_here(bench, end, reason):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    bench.world.transition(order.number, end, by="buyer" if end == "cancel" else "seller")
    bench.sync("orders")
    local = bench.local(order)
    assert local.status == "canceled"
    assert local.status_changes.first().reason == reason
    assert bench.free(goods) == 100


def test_combined_orders_are_canceled_and_the_new_one_comes_in(bench):
    goods = bench.goods()
    bench.ready()
    parents = [bench.order(bench.line(goods, n)) for n in (10, 5)]
    bench.sync("orders")
    merged = bench.world.combine_orders([p.number for p in parents])
    bench.sync("orders")
    assert [bench.local(p).status for p in parents] == ["canceled", "canceled"]
    assert bench.local(merged).lines.count() == 2
    assert bench.free(goods) == 85


def test_an_order_that_was_shipped_here_is_not_canceled_by_leaflink(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    services.ship(services.allocate(bench.local(order)))
    bench.world.transition(order.number, "reject")
    bench.sync("orders")
    assert bench.local(order).status == "shipped"
    assert bench.mirror(order).state == "conflict"
    assert "goods that come back are received under Stock" in bench.mirror(order).state_reason


def test_what_leaflink_moved_ahead_by_hand_is_flagged_until_we_have_caught_up(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    for action in ("accept", "fulfill"):
        bench.world.transition(order.number, action)
    bench.sync("orders")
    assert bench.mirror(order).state == "conflict"
    assert "LeafLink says Fulfilled, here it is created" in bench.mirror(order).state_reason
    services.allocate(bench.local(order))
    bench.sync("orders")
    assert bench.mirror(order).state == "imported"
