"""A world in a file: what was answered is there after the process is gone."""

import sqlite3
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from integrations.leaflink.sandbox.store import Store, decode
from integrations.leaflink.sandbox.world import World
from integrations.sandbox.store import encode


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "world.sqlite3"


@pytest.fixture
def stores(path):
    """Opens the file again, each time as a new process would."""
    opened = []

    def reopen():
        opened.append(Store(path))
        return World(store=opened[-1])

    yield reopen
    for store in opened:
        store.close()


def test_everything_survives(stores, make):
    world = stores()
    place = make(world)
    order = place.order((place.cased, 24), notes="グリーン 🌿", tax_rate="15")
    world.transition(order.number, "accept")
    world.add_payment(order.number, place.rep.id, Decimal("20.00"), reason="half")
    world.add_webhook(place.seller.id, "http://x.test/", "secret")
    world.add_product_line(place.single.brand_id, "Vapes")
    world.add_strain(place.seller.id, "Blue Mesa", "hybrid")
    again = stores()
    assert again.order(order.number) == order
    for table in ("companies", "app_keys", "staff", "brands", "products", "customers"):
        assert getattr(again, table) == getattr(world, table), table
    for table in ("payments", "events", "webhooks", "children", "product_lines", "strains"):
        assert getattr(again, table) == getattr(world, table), table
    assert again.available(place.cased.id) == 216


def test_nothing_new_takes_the_place_of_something_old(stores, make):
    place = make(stores())
    first = place.order((place.single, 1))
    world = stores()
    second = world.place_order(
        place.seller.id, place.customer.id, [{"product_id": place.single.id, "quantity": 2}]
    )
    assert second.number != first.number
    assert second.id > first.id
    assert second.lines[0].id > first.lines[0].id
    assert second.modified > first.modified
    assert list(stores().orders) == [first.number, second.number]
    assert world.add_staff(place.seller.id, "Bo", "bo@pine.example").user_id != place.rep.user_id


def test_a_refused_change_leaves_no_trace(stores, make):
    place = make(stores())
    with pytest.raises(Exception, match="available_inventory"):
        place.order((place.single, 1000))
    again = stores()
    assert again.orders == {}
    assert again.product(place.single.id).reserved == 0


def test_a_failed_write_is_undone_whole(path):
    store = Store(path)
    with pytest.raises(TypeError):
        store.write([("meta", "a", {"x": 1}), ("meta", "b", {"x": object()})])
    assert list(store.read_all()) == []
    store.close()
    with pytest.raises(sqlite3.ProgrammingError):
        store.write([("meta", "a", {"x": 1})])


def test_values_keep_their_types():
    value = {"amount": Decimal("1.50"), "at": datetime(2026, 7, 6, tzinfo=UTC), "text": "🌿"}
    assert decode("meta", encode(value)) == value
