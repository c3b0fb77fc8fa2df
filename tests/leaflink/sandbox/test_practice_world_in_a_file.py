"""The practice world in a file: built once, found again, and soon enough when it is large."""

import time
from collections import Counter

import pytest

from integrations.leaflink.sandbox import seed, stock
from integrations.leaflink.sandbox.store import Store
from integrations.leaflink.sandbox.world import World

TABLES = (
    "companies app_keys staff brands product_lines strains products children customers orders "
    "payments events webhooks"
)


@pytest.fixture
def opened(tmp_path):
    """Opens a world of the same file, each time as a new process would."""
    stores = []

    def reopen(clock=None):
        stores.append(Store(tmp_path / "world.sqlite3"))
        return World(store=stores[-1], clock=clock)

    yield reopen
    for store in stores:
        store.close()


def same(first, second):
    return [name for name in TABLES.split() if getattr(first, name) != getattr(second, name)] == []


def test_a_world_that_was_built_is_found_again_and_not_built_twice(opened):
    world = opened()
    seed.build(world, items=12, orders=25)
    again = opened()
    assert same(again, world)
    seed.build(again, items=40, orders=60)
    assert same(again, world)
    assert same(opened(), world)
    assert [list(again.orders), list(again.products)] == [list(world.orders), list(world.products)]


def test_a_reopened_world_gives_the_numbers_that_come_next(opened):
    world = opened()
    seed.build(world, items=12, orders=25)
    again = opened()
    line = next(iter(world.orders.values())).lines[0]
    seller = world.product(line.product_id).seller_id
    customer = next(c for c in world.customers.values() if c.owner_id == seller)
    rows = [{"product_id": line.product_id, "quantity": line.unit_multiplier}]
    for maker in (
        lambda w: w.add_seller("New").id,
        lambda w: w.add_staff(seller, "New", "new@x.example").id,
        lambda w: w.add_customer(seller, name="New").id,
        lambda w: w.add_brand(seller, "New").id,
        lambda w: w.add_product_line(next(iter(w.brands)), "New").id,
        lambda w: w.add_strain(seller, "New", "na").id,
        lambda w: w.add_product(seller, name="New", sku="NEW").id,
        lambda w: w.add_webhook(seller, "http://x.test/", "k").id,
        lambda w: w.place_order(seller, customer.id, rows).id,
    ):
        assert maker(again) == maker(world)


def test_what_happens_after_reopening_is_kept_too(opened):
    seed.build(opened(), items=12, orders=25)
    world = opened()
    number = next(o.number for o in world.orders.values() if o.status == "Submitted")
    for step in ("accept", "fulfill"):
        world.transition(number, step)
    last = opened()
    assert last.order(number).status == "Fulfilled"
    assert same(last, world)


def test_a_large_practice_world_is_built_and_read_in_a_bearable_time(opened):
    started = time.perf_counter()
    world = opened()
    seed.build(world, items=1000, orders=500)
    built = time.perf_counter() - started
    assert (len(world.products), len(world.orders)) == (1000 + seed.UNLINKABLE, 500)
    held = Counter()
    for order in world.orders.values():
        for line in order.lines if order.status in stock.RESERVING_STATUSES else ():
            held[line.product_id] += line.quantity
    assert {p.id: p.reserved for p in world.products.values() if p.reserved} == held
    started = time.perf_counter()
    assert same(opened(), world)
    assert (built < 20, time.perf_counter() - started < 10) == (True, True)


def test_every_special_case_finds_room_in_the_smallest_world_that_has_them_all():
    assert sum(special.orders for special in seed.SPECIALS) == 17
    world = World()
    seed.build(world, items=10, orders=17)
    assert Counter(order.status for order in world.orders.values()) == {
        "Submitted": 12,
        "Combined": 2,
        "Rejected": 1,
        "Cancelled": 1,
        "Accepted": 1,
    }
    assert sum(order.is_combination for order in world.orders.values()) == 1
