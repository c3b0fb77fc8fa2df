"""A line of a LeafLink order that names a batch is filled from the lot of that number only."""

from decimal import Decimal

import pytest

from catalog import inventory
from catalog.inventory import OutOfStock
from catalog.models import Lot
from integrations import work
from integrations.leaflink.models import ListEntry
from orders import services


@pytest.fixture
def goods(bench):
    made = bench.goods(on_hand=0)
    for number in ("B-1", "B-2"):
        lot = Lot.objects.create(item=made.item, number=number)
        inventory.receive(made.item, bench.shop, Decimal(50), lot)
    return made


def lots(order):
    return [a.stock.lot.number for line in order.lines.all() for a in line.allocations.all()]


def test_a_named_batch_is_the_only_lot_it_is_filled_from(bench, goods):
    batch = bench.world.add_batch(bench.seller.id, "B-2")
    bench.ready()
    order = bench.order(bench.line(goods, 10, batch=batch.id))
    bench.sync("orders")
    assert bench.local(order).lines.get().lot_number == "B-2"
    assert lots(services.allocate(bench.local(order))) == ["B-2"]


def test_a_batch_that_nobody_has_read_is_read_and_the_line_asks_for_it_then(bench, goods):
    bench.ready()
    batch = bench.world.add_batch(bench.seller.id, "B-2")
    order = bench.order(bench.line(goods, 10, batch=batch.id))
    bench.sync("orders")
    assert bench.local(order).lines.get().lot_number == ""
    assert "was not read yet" in bench.mirror(order).warnings[0]
    work.drain()
    assert bench.local(order).lines.get().lot_number == "B-2"
    assert bench.mirror(order).warnings == []
    assert ListEntry.objects.get(list="batch").name == "B-2"


def test_a_batch_of_another_seller_or_none_is_no_obstacle(bench, goods):
    other = bench.world.add_seller("Other")
    batch = bench.world.add_batch(other.id, "X")
    bench.ready()
    order = bench.order(bench.line(goods, 10, batch=batch.id))
    bench.sync("orders")
    work.drain()
    bench.sync("orders")
    assert bench.mirror(order).state == "imported"
    bench.calls()
    bench.sync("orders")
    work.drain()
    assert [call for call in bench.calls() if "batches" in call] == []


def test_a_batch_without_a_lot_here_says_so(bench, goods):
    batch = bench.world.add_batch(bench.seller.id, "B-9")
    bench.ready()
    order = bench.order(bench.line(goods, 10, batch=batch.id))
    bench.sync("orders")
    with pytest.raises(OutOfStock, match="lines ask for lot B-9"):
        services.allocate(bench.local(order))


def test_another_batch_chosen_later_in_leaflink(bench, goods):
    first, second = (bench.world.add_batch(bench.seller.id, n) for n in ("B-1", "B-2"))
    bench.ready()
    order = bench.order(bench.line(goods, 10, batch=first.id))
    bench.sync("orders")
    row = {"id": order.lines[0].id, "product_id": goods.remote.id, "quantity": "10"}
    bench.world.edit_order(order.number, [{**row, "batch": second.id}])
    bench.sync("orders")
    assert bench.local(order).lines.get().lot_number == "B-2"
    assert lots(services.allocate(bench.local(order))) == ["B-2"]
    bench.world.edit_order(order.number, [{**row, "batch": first.id}])
    bench.sync("orders")
    # Goods of the other lot are set aside already: a person chooses.
    assert bench.mirror(order).state == "conflict"
    assert lots(bench.local(order)) == ["B-2"]


def test_any_lot_stays_any_lot_until_leaflink_names_another(bench, goods):
    first, second = (bench.world.add_batch(bench.seller.id, n) for n in ("B-1", "B-2"))
    bench.ready()
    order = bench.order(bench.line(goods, 60, batch=first.id))
    bench.sync("orders")
    services.ask_for_any_lot(bench.local(order), bench.local(order).lines.get().pk)
    bench.world.edit_order(order.number, notes="Ring twice")
    bench.sync("orders")
    bench.sync("orders")
    line = bench.local(order).lines.get()
    assert (line.lot_number, line.waived_lot) == ("", "B-1")
    assert services.allocate(bench.local(order)).status == "allocated"
    services.deallocate(bench.local(order))
    row = {"id": order.lines[0].id, "product_id": goods.remote.id, "quantity": "60"}
    bench.world.edit_order(order.number, [{**row, "batch": second.id}])
    bench.sync("orders")
    assert bench.local(order).lines.get().lot_number == "B-2"
