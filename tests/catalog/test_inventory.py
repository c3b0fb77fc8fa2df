"""Quantities: what can be sold, and the verbs that change it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from model_bakery import baker

from catalog import commitments, inventory
from catalog.commitments import Need, Pick
from catalog.decimals import units
from catalog.models import Commitment, Facility, Item, Lot, Movement, Stock

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return baker.make(Facility, name="Denver", license_number="1")


@pytest.fixture
def gummies():
    return baker.make(Item, sku="GUM", name="Gummies", case_size=12)


def level(item, *facilities):
    return inventory.levels([item.pk], [f.pk for f in facilities] or None)[item.pk]


def test_sellable_is_on_hand_less_committed_less_safety_stock(gummies, shop):
    inventory.receive(gummies, shop, Decimal(100))
    commitments.commit([Need(gummies.pk, shop.pk, Decimal(24), "SO-1")])
    Item.objects.filter(pk=gummies.pk).update(safety_stock=10)
    assert level(gummies).sellable == 66
    assert level(gummies).free == 76


def test_what_is_free_by_facility_is_what_each_facility_says(
    gummies, shop, django_assert_num_queries
):
    places = [shop] + [baker.make(Facility, name=f"F{n}", license_number=f"F{n}") for n in range(4)]
    drops = baker.make(Item, sku="DRP", name="Drops")
    for n, place in enumerate(places):
        inventory.receive(gummies, place, Decimal(10 * n + 5))
    commitments.commit([Need(gummies.pk, places[2].pk, Decimal(7), "SO-1")])
    commitments.commit([Need(gummies.pk, None, Decimal(3), "SO-2")])
    with django_assert_num_queries(2):
        free = inventory.free_by_facility([gummies.pk, drops.pk], [one.pk for one in places])
    for place in places:
        assert free[gummies.pk, place.pk] == level(gummies, place).free
        assert free[drops.pk, place.pk] == 0


def test_sellable_is_never_below_zero(gummies, shop):
    commitments.commit([Need(gummies.pk, shop.pk, Decimal(5), "SO-1")], allow_short=True)
    assert level(gummies).sellable == 0
    assert level(gummies).free == -5


def test_expired_held_and_quarantined_stock_is_not_sellable(gummies, shop):
    cellar = baker.make(Facility, name="Quarantine", license_number="2", sells=False)
    yesterday = date.today() - timedelta(days=1)
    expired = Lot.objects.create(item=gummies, number="old", expires_on=yesterday)
    held = Lot.objects.create(item=gummies, number="held", on_hold=True, hold_reason="lab")
    good = Lot.objects.create(item=gummies, number="new", expires_on=inventory.today())
    for lot in (expired, held, good, None):
        inventory.receive(gummies, shop, Decimal(10), lot)
    inventory.receive(gummies, cellar, Decimal(10))
    assert level(gummies).on_hand == 20


def test_levels_of_chosen_facilities_count_commitments_without_a_facility(gummies, shop):
    other = baker.make(Facility, name="Pueblo", license_number="2")
    inventory.receive(gummies, shop, Decimal(10))
    inventory.receive(gummies, other, Decimal(7))
    commitments.commit([Need(gummies.pk, None, Decimal(3), "SO-1")])
    commitments.commit([Need(gummies.pk, other.pk, Decimal(2), "SO-2")])
    assert level(gummies, shop).sellable == 7
    assert level(gummies, other).sellable == 2
    assert level(gummies).sellable == 12


def test_levels_of_many_items_cost_three_queries(shop, django_assert_num_queries):
    few = baker.make(Item, 3, sku=iter(f"S{n}" for n in range(3)))
    many = baker.make(Item, 1200, sku=iter(f"M{n}" for n in range(1200)), _bulk_create=True)
    for items in (few, many):
        with django_assert_num_queries(3):
            assert len(inventory.levels([item.pk for item in items])) == len(items)


def test_a_commitment_that_is_not_covered_is_refused_with_both_numbers(gummies, shop):
    inventory.receive(gummies, shop, Decimal(10))
    needs = [Need(gummies.pk, shop.pk, Decimal(6), "SO-1")] * 2
    with pytest.raises(inventory.OutOfStock, match="needs 12, 10 free"):
        commitments.commit(needs)
    assert not Commitment.objects.exists()


def test_releasing_frees_the_units_and_is_ledgered(gummies, shop):
    inventory.receive(gummies, shop, Decimal(10))
    [promise] = commitments.commit([Need(gummies.pk, shop.pk, Decimal(6), "SO-1")])
    commitments.release([promise.pk], reason="Canceled")
    commitments.release([promise.pk])
    assert level(gummies).sellable == 10
    kinds = list(Movement.objects.order_by("pk").values_list("kind", "committed_change"))
    assert kinds[-1] == ("release", -6)
    assert len(kinds) == 3


def test_shipping_takes_stock_and_promise_at_once(gummies, shop):
    stock = inventory.receive(gummies, shop, Decimal(10))
    [promise] = commitments.commit([Need(gummies.pk, shop.pk, Decimal(6), "SO-1")])
    commitments.ship([Pick(stock.pk, promise.pk, Decimal(6))], reference="SO-1")
    assert level(gummies) == inventory.Level(Decimal(4), Decimal(0), Decimal(0))
    assert not Commitment.objects.exists()


def test_shipping_more_than_lies_there_changes_nothing(gummies, shop):
    stock = inventory.receive(gummies, shop, Decimal(4))
    with pytest.raises(inventory.OutOfStock, match="Denver has too little of Gummies"):
        commitments.ship([Pick(stock.pk, None, Decimal(6))], reference="SO-1")
    assert level(gummies).on_hand == 4


def test_an_adjustment_needs_a_reason_and_never_goes_below_zero(gummies, shop):
    inventory.receive(gummies, shop, Decimal(4))
    with pytest.raises(inventory.InventoryError, match="Say why"):
        inventory.adjust(gummies, shop, Decimal(-1), reason=" ")
    with pytest.raises(inventory.OutOfStock, match="Only 4 of Gummies are on hand at Denver"):
        inventory.adjust(gummies, shop, Decimal(-5), reason="broken")
    assert inventory.adjust(gummies, shop, Decimal(-4), reason="broken").on_hand == 0


def test_a_count_sets_what_is_there_and_ledgers_the_difference(gummies, shop):
    inventory.receive(gummies, shop, Decimal(10))
    inventory.count(gummies, shop, Decimal("8.5"), reason="Monthly count")
    inventory.count(gummies, shop, Decimal("8.5"))
    assert level(gummies).on_hand == Decimal("8.5")
    changes = Movement.objects.filter(kind="count").values_list("on_hand_change", flat=True)
    assert list(changes) == [Decimal("-1.5")]


def test_a_lot_of_another_item_is_refused(gummies, shop):
    other = baker.make(Lot, item=baker.make(Item, sku="OTHER"), number="X")
    with pytest.raises(inventory.InventoryError, match="of another item"):
        inventory.receive(gummies, shop, Decimal(1), other)


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN"])
def test_nothing_can_be_received_in_an_impossible_quantity(gummies, shop, quantity):
    with pytest.raises(inventory.InventoryError, match="above zero"):
        inventory.receive(gummies, shop, Decimal(quantity))
    assert not Stock.objects.exists()


def test_movements_can_be_neither_changed_nor_deleted(gummies, shop):
    inventory.receive(gummies, shop, Decimal(1))
    movement = Movement.objects.get()
    for act in (movement.save, movement.delete, Movement.objects.all().delete):
        with pytest.raises(TypeError, match="correcting movement"):
            act()
    with pytest.raises(TypeError):
        Movement.objects.update(reason="x")


quantities = st.decimals("0.0001", "500", places=4)
steps = st.lists(
    st.tuples(
        st.sampled_from(["receive", "adjust", "count", "commit", "release", "ship"]), quantities
    ),
    max_size=25,
)


class LedgerTest(TestCase):
    @settings(max_examples=60, deadline=None)
    @given(steps)
    def test_the_ledger_adds_up_to_the_stock_whatever_happens(self, steps):
        item = baker.make(Item, sku="X")
        shop = baker.make(Facility, name="Shop", license_number="1")
        for verb, quantity in steps:
            try:
                _do(verb, item, shop, quantity)
            except inventory.InventoryError:
                continue
        rows = Movement.objects.values_list("on_hand_change", "committed_change")
        now = inventory.levels([item.pk])[item.pk]
        assert now.on_hand == units(sum(row[0] for row in rows))
        assert now.committed == units(sum(row[1] for row in rows))
        assert now.on_hand >= 0
        assert now.free >= 0 or any(verb in ("adjust", "count", "ship") for verb, _ in steps)


def _do(verb, item, shop, quantity):
    promise = Commitment.objects.first()
    stock = Stock.objects.first()
    if verb == "receive":
        inventory.receive(item, shop, quantity)
    elif verb == "adjust":
        inventory.adjust(item, shop, -quantity, reason="lost")
    elif verb == "count":
        inventory.count(item, shop, quantity)
    elif verb == "commit":
        commitments.commit([Need(item.pk, shop.pk, quantity, "x")])
    elif verb == "release" and promise:
        commitments.release([promise.pk])
    elif verb == "ship" and stock:
        commitments.ship([Pick(stock.pk, promise.pk if promise else None, quantity)], reference="x")
