"""Bringing an order up to date: what is set aside stays, what changes is promised anew."""

from decimal import Decimal

import pytest
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Commitment, Facility, Item
from orders import services
from orders.drafts import DiscountDraft, LineDraft, OrderDraft
from orders.models import OrderDiscount
from orders.revise import SetAside, revise
from orders.status import IllegalMove, Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return baker.make(Facility, name="Denver", license_number="1")


@pytest.fixture
def gummies(shop):
    item = baker.make(Item, sku="GUM", name="Gummies", case_size=1)
    inventory.receive(item, shop, Decimal(100))
    return item


@pytest.fixture
def drops(shop):
    item = baker.make(Item, sku="DRP", name="Drops", case_size=1)
    inventory.receive(item, shop, Decimal(10))
    return item


def line(item, quantity, key="", price="10.00"):
    return LineDraft(
        item, item.name, item.sku, Decimal(quantity), 1, Decimal(price), channel_line=key
    )


def draft(shop, *lines, **more):
    return OrderDraft(placed_at=timezone.now(), lines=list(lines), facility=shop, **more)


def free(item):
    return inventory.levels([item.pk])[item.pk].free


def set_aside(order):
    return {x.name: sum(a.quantity for a in x.allocations.all()) for x in order.lines.all()}


def test_it_competes_with_its_own_units(gummies, shop):
    order = services.create(draft(shop, line(gummies, 96)))
    order = revise(order, draft(shop, line(gummies, 48), line(gummies, 36)), reason="edit")
    assert [x.quantity for x in order.lines.all()] == [48, 36]
    assert free(gummies) == 16
    with pytest.raises(inventory.OutOfStock):
        revise(order, draft(shop, line(gummies, 120)), reason="edit")
    assert free(gummies) == 16


def test_lines_that_stay_keep_their_promise_and_change_places(gummies, drops, shop):
    order = services.create(draft(shop, line(gummies, 5, "1"), line(drops, 2, "2")))
    before = {x.channel_line: (x.pk, x.commitment_id) for x in order.lines.all()}
    order = revise(
        order,
        draft(shop, line(drops, 2, "2", "8.00"), line(gummies, 5, "1"), line(gummies, 5, "3")),
        reason="edit",
    )
    after = list(order.lines.all())
    assert [x.channel_line for x in after] == ["2", "1", "3"]
    assert {x.channel_line: (x.pk, x.commitment_id) for x in after[:2]} == before
    assert order.total == Decimal("116.00")
    assert (free(gummies), free(drops)) == (90, 8)
    assert order.status_changes.first().reason == "edit"


def test_what_is_set_aside_stays_when_another_line_changes(gummies, drops, shop):
    order = services.create(draft(shop, line(gummies, 5, "1"), line(drops, 10, "2")))
    inventory.adjust(drops, shop, Decimal(-10), reason="spoilt")
    order = services.allocate(order)
    assert order.status == Status.PARTIALLY_ALLOCATED
    inventory.receive(drops, shop, Decimal(4))
    order = revise(order, draft(shop, line(gummies, 5, "1"), line(drops, 4, "2")), reason="edit")
    assert set_aside(order) == {"Gummies": 5, "Drops": 0}
    assert order.status == Status.PARTIALLY_ALLOCATED
    order = revise(order, draft(shop, line(gummies, 5, "1")), reason="edit")
    assert order.status == Status.ALLOCATED  # what is left is all there
    assert Commitment.objects.count() == 1


def test_words_and_money_of_goods_set_aside_may_change(gummies, shop):
    order = services.allocate(services.create(draft(shop, line(gummies, 5, "1"))))
    off = DiscountDraft(OrderDiscount.Kind.CREDIT, "Credit", Decimal(7))
    order = revise(
        order,
        draft(shop, line(gummies, 5, "1", "9.00"), discounts=[off], notes_for_buyer="x"),
        reason="edit",
    )
    assert (order.total, order.notes_for_buyer) == (Decimal("38.00"), "x")
    assert set_aside(order) == {"Gummies": 5}
    order = services.ship(order)
    order = revise(order, draft(shop, line(gummies, 5, "1", "8.00")), reason="edit")
    assert order.total == Decimal("40.00")


@pytest.mark.parametrize(
    "lines",
    [
        [("gummies", 4, "1")],
        [("drops", 1, "2")],
        [("gummies", 5, "1"), ("drops", 1, "2")],
        [],
    ],
)
@pytest.mark.parametrize("shipped", [False, True])
def test_goods_set_aside_or_gone_never_change(gummies, drops, shop, lines, shipped):
    items = {"gummies": gummies, "drops": drops}
    order = services.allocate(services.create(draft(shop, line(gummies, 5, "1"))))
    if shipped:
        order = services.ship(order)
    wanted = draft(shop, *(line(items[name], n, key) for name, n, key in lines))
    with pytest.raises(SetAside, match="would change"):
        revise(order, wanted, reason="edit")
    assert set_aside(order) == {"Gummies": 5}
    assert free(drops) == 10


def test_a_canceled_order_is_not_revised(gummies, shop):
    order = services.create(draft(shop, line(gummies, 5)))
    order = services.cancel(order, reason="no")
    with pytest.raises(IllegalMove, match="is canceled"):
        revise(order, draft(shop), reason="edit")


def test_another_destination_is_noted_and_no_longer_possible_once_it_has_left(gummies, shop):
    order = services.create(draft(shop, line(gummies, 5)))
    destination = baker.make("customers.Destination", name="Juniper")
    order = services.set_destination(order, destination)
    assert order.status_changes.first().reason == "Destination: none → Juniper"
    order = services.ship(services.allocate(order))
    with pytest.raises(IllegalMove, match="can no longer be changed"):
        services.set_destination(order, baker.make("customers.Destination"))
