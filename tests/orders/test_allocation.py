"""Setting stock aside by hand, by lot, and for lines that ask for a lot."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.inventory import OutOfStock
from catalog.models import Facility, Item, Lot, Stock
from orders import services
from orders.drafts import LineDraft, OrderDraft
from orders.models import Allocation
from orders.status import IllegalMove, Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return baker.make(Facility, name="Denver", license_number="1")


@pytest.fixture
def gummies(shop):
    item = baker.make(Item, sku="GUM", name="Gummies", case_size=1)
    for number, expires in (("NEW", date(2099, 1, 1)), ("OLD", date(2098, 1, 1))):
        lot = Lot.objects.create(item=item, number=number, expires_on=expires)
        inventory.receive(item, shop, Decimal(50), lot)
    return item


def place(shop, *lines, **options):
    rows = [
        LineDraft(item, item.name, item.sku, Decimal(units), 1, Decimal(5), lot_number=lot)
        for item, units, lot in lines
    ]
    draft = OrderDraft(placed_at=timezone.now(), lines=rows, facility=shop)
    return services.create(draft, **options)


def shelf(lot):
    return Stock.objects.get(lot__number=lot).pk


def by_hand(order, **lots):
    line = order.lines.get()
    wanted = {(line.pk, shelf(lot)): Decimal(units) for lot, units in lots.items()}
    return services.allocate_by_hand(order, wanted)


def set_aside(order):
    rows = Allocation.objects.filter(line__order=order).order_by("stock__lot__number")
    return {a.stock.lot.number: a.quantity for a in rows}


def test_the_oldest_goes_first(gummies, shop):
    order = services.allocate(place(shop, (gummies, 60, "")))
    assert set_aside(order) == {"OLD": 50, "NEW": 10}


@pytest.mark.parametrize("asked", ["NEW", "new"])
def test_a_line_that_asks_for_a_lot_gets_only_that(gummies, shop, asked):
    order = services.allocate(place(shop, (gummies, 60, asked)))
    assert order.status == Status.PARTIALLY_ALLOCATED
    assert set_aside(order) == {"NEW": 50}


def test_a_lot_that_is_not_there_is_said_and_any_lot_can_be_asked_for(gummies, shop):
    order = place(shop, (gummies, 10, "B-99"))
    with pytest.raises(OutOfStock, match="lines ask for lot B-99"):
        services.allocate(order)
    with pytest.raises(IllegalMove, match="lot B-99 was ordered"):
        by_hand(order, OLD=10)
    services.ask_for_any_lot(order, order.lines.get().pk)
    assert services.allocate(order).status == Status.ALLOCATED
    assert "any lot will do, instead of B-99" in order.status_changes.all()[1].reason


def test_lots_are_chosen_and_changed_by_hand(gummies, shop):
    order = place(shop, (gummies, 30, ""))
    assert by_hand(order, NEW=10).status == Status.PARTIALLY_ALLOCATED
    assert by_hand(order, NEW=10, OLD=20).status == Status.ALLOCATED
    order = by_hand(order, NEW=30, OLD=0)
    assert (order.status, set_aside(order)) == (Status.ALLOCATED, {"NEW": 30})
    assert order.status_changes.first().reason == "Set aside by hand: Gummies: 30 of lot NEW"
    order = by_hand(order, NEW=0)
    assert (order.status, set_aside(order)) == (Status.CREATED, {})
    order = services.ship(by_hand(order, OLD=30))
    assert Stock.objects.get(lot__number="OLD").on_hand == 20
    with pytest.raises(IllegalMove, match="is shipped"):
        by_hand(order, NEW=1)


@pytest.mark.parametrize(
    ("lots", "error", "words"),
    [
        ({"NEW": 31}, IllegalMove, "36 units would be set aside, 30 were ordered"),
        ({"NEW": 20, "OLD": 20}, IllegalMove, "40 units"),
        ({"NEW": -1}, IllegalMove, "below zero"),
    ],
)
def test_what_is_impossible_changes_nothing(gummies, shop, lots, error, words):
    order = by_hand(place(shop, (gummies, 30, "")), OLD=5)
    with pytest.raises(error, match=words):
        by_hand(order, **lots)
    assert set_aside(order) == {"OLD": 5}
    order.refresh_from_db()
    assert order.status == Status.PARTIALLY_ALLOCATED


def test_two_orders_never_get_the_same_units_of_a_lot(gummies, shop):
    by_hand(place(shop, (gummies, 40, "")), OLD=40)
    second = place(shop, (gummies, 30, ""))
    with pytest.raises(OutOfStock, match="Denver has too little of Gummies, lot OLD"):
        by_hand(second, OLD=11)
    assert by_hand(second, OLD=10, NEW=20).status == Status.ALLOCATED


def test_one_line_may_take_what_another_gives_up(gummies, shop):
    order = services.allocate(place(shop, (gummies, 50, ""), (gummies, 50, "")))
    first, second = order.lines.all()
    old, new = shelf("OLD"), shelf("NEW")
    services.allocate_by_hand(
        order,
        {
            (first.pk, old): Decimal(0),
            (first.pk, new): Decimal(50),
            (second.pk, new): Decimal(0),
            (second.pk, old): Decimal(50),
        },
    )
    order.refresh_from_db()
    assert order.status == Status.ALLOCATED
    assert second.allocations.get().stock_id == old


def test_stock_on_hold_or_elsewhere_is_not_for_it(gummies, shop):
    order = place(shop, (gummies, 10, ""))
    Lot.objects.filter(number="NEW").update(on_hold=True, hold_reason="Test")
    with pytest.raises(IllegalMove, match="on hold or at another facility"):
        by_hand(order, NEW=10)
    there = baker.make(Facility, name="Pueblo", license_number="2")
    far = inventory.receive(gummies, there, Decimal(5), None)
    assert far
    elsewhere = Stock.objects.get(facility=there).pk
    with pytest.raises(IllegalMove, match="at another facility"):
        services.allocate_by_hand(order, {(order.lines.get().pk, elsewhere): Decimal(1)})


def test_a_line_of_another_order_is_refused(gummies, shop):
    order, other = place(shop, (gummies, 10, "")), place(shop, (gummies, 10, ""))
    with pytest.raises(IllegalMove, match="Look again"):
        services.allocate_by_hand(order, {(other.lines.get().pk, shelf("OLD")): Decimal(1)})
