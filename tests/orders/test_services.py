"""The life of a sales order: create, allocate, ship, complete, cancel."""

from decimal import Decimal

import pytest
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Commitment, Facility, Item, Lot, Stock
from orders import services
from orders.drafts import DiscountDraft, LineDraft, OrderDraft
from orders.models import OrderDiscount, SalesOrder
from orders.status import IllegalMove, Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return baker.make(Facility, name="Denver", license_number="1")


@pytest.fixture
def gummies(shop):
    item = baker.make(Item, sku="GUM", name="Gummies", case_size=12)
    inventory.receive(item, shop, Decimal(100))
    return item


def line(item, quantity=24, price="96.00", **more):
    options = {"case_size": 12, **more}
    return LineDraft(
        item=item,
        name=item.name if item else "Unknown",
        sku=item.sku if item else "?",
        quantity=Decimal(quantity),
        price=Decimal(price),
        **options,
    )


def draft(shop, *lines, **more):
    return OrderDraft(placed_at=timezone.now(), lines=list(lines), facility=shop, **more)


def free(item):
    return inventory.levels([item.pk])[item.pk].free


def test_creating_commits_the_units_and_adds_up_the_money(gummies, shop):
    order = services.create(
        draft(
            shop,
            line(gummies),
            line(gummies, 12),
            discounts=[DiscountDraft(OrderDiscount.Kind.ORDER, "Discount", Decimal(8))],
            tax=Decimal("3.10"),
            shipping=Decimal(5),
        )
    )
    assert order.number == f"SO-{order.pk:06d}"
    assert order.total == Decimal("288.10")
    assert [x.cases for x in order.lines.all()] == [2, 1]
    assert free(gummies) == 64


def test_an_order_that_lacks_units_is_not_created(gummies, shop):
    with pytest.raises(inventory.OutOfStock, match="Gummies needs 108, 100 free"):
        services.create(draft(shop, line(gummies, 108)))
    assert not SalesOrder.objects.exists()
    assert services.create(draft(shop, line(gummies, 108)), allow_short=True).status == "created"


def test_the_whole_life(gummies, shop):
    order = services.create(draft(shop, line(gummies)))
    order = services.allocate(order)
    assert order.status == Status.ALLOCATED
    assert free(gummies) == 76
    order = services.ship(order)
    assert not Commitment.objects.exists()
    assert Stock.objects.get().on_hand == 76
    order = services.complete(order)
    moves = order.status_changes.order_by("pk").values_list("new", flat=True)
    assert list(moves) == ["created", "allocated", "shipped", "completed"]


def test_shipping_twice_moves_stock_once(gummies, shop):
    order = services.allocate(services.create(draft(shop, line(gummies))))
    services.ship(order)
    with pytest.raises(IllegalMove, match="is shipped and can't become shipped"):
        services.ship(order)
    assert Stock.objects.get().on_hand == 76


def test_what_is_missing_leaves_the_order_partially_allocated(gummies, shop):
    order = services.create(draft(shop, line(gummies, 96), line(gummies, 12)), allow_short=True)
    assert services.allocate(order).status == Status.PARTIALLY_ALLOCATED
    inventory.receive(gummies, shop, Decimal(8))
    order = services.allocate(order)
    assert order.status == Status.ALLOCATED
    assert sum(a.quantity for x in order.lines.all() for a in x.allocations.all()) == 108


def test_nothing_at_all_to_allocate_is_said(shop):
    empty = baker.make(Item, sku="E", name="Empty")
    order = services.create(draft(shop, line(empty)), allow_short=True)
    with pytest.raises(inventory.OutOfStock, match="Nothing on the shelf of Denver"):
        services.allocate(order)
    order.refresh_from_db()
    assert order.status == Status.CREATED


def test_two_orders_never_get_the_same_units(gummies, shop):
    first = services.create(draft(shop, line(gummies, 60)))
    second = services.create(draft(shop, line(gummies, 60)), allow_short=True)
    services.allocate(first)
    services.allocate(second)
    second.refresh_from_db()
    assert second.status == Status.PARTIALLY_ALLOCATED
    assert sum(a.quantity for x in second.lines.all() for a in x.allocations.all()) == 40


def test_the_oldest_lot_goes_first_and_held_lots_stay(shop):
    item = baker.make(Item, sku="LOTS", name="Lots")
    for number, day, hold in (
        ("new", "2026-03-01", False),
        ("old", "2026-01-01", False),
        ("held", "2025-01-01", True),
    ):
        lot = Lot.objects.create(
            item=item, number=number, produced_on=day, on_hold=hold, hold_reason="lab" * hold
        )
        inventory.receive(item, shop, Decimal(10), lot)
    order = services.allocate(services.create(draft(shop, line(item, 15, case_size=1))))
    picked = {a.stock.lot.number: a.quantity for a in order.lines.get().allocations.all()}
    assert picked == {"old": 10, "new": 5}


def test_canceling_frees_everything_and_needs_a_reason(gummies, shop):
    order = services.allocate(services.create(draft(shop, line(gummies))))
    with pytest.raises(IllegalMove, match="Say why"):
        services.cancel(order, reason="")
    order = services.cancel(order, reason="Buyer changed his mind")
    assert order.status == Status.CANCELED
    assert free(gummies) == 100
    assert not order.lines.get().allocations.exists()


def test_a_shipped_order_cannot_be_canceled(gummies, shop):
    order = services.ship(services.allocate(services.create(draft(shop, line(gummies)))))
    with pytest.raises(IllegalMove, match="From here it can become completed"):
        services.cancel(order, reason="x")


def test_deallocating_puts_the_units_back_on_the_shelf(gummies, shop):
    order = services.deallocate(services.allocate(services.create(draft(shop, line(gummies)))))
    assert order.status == Status.CREATED
    assert free(gummies) == 76


def test_moving_to_a_facility_that_has_too_little_is_refused(gummies, shop):
    other = baker.make(Facility, name="Pueblo", license_number="2")
    order = services.create(draft(shop, line(gummies)))
    with pytest.raises(inventory.OutOfStock, match="The facility has too little: Gummies needs 24"):
        services.move_to_facility(order, other)
    inventory.receive(gummies, other, Decimal(30))
    assert services.move_to_facility(order, other).facility == other
    assert inventory.levels([gummies.pk], [other.pk])[gummies.pk].committed == 24


def test_a_line_without_item_is_kept_and_keeps_the_order_from_being_complete(gummies, shop):
    order = services.create(draft(shop, line(gummies), line(None)))
    assert services.allocate(order).status == Status.PARTIALLY_ALLOCATED
    assert order.lines.get(item=None).name == "Unknown"
