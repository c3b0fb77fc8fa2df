"""A change of what can be sold is in LeafLink as soon as a worker looks at it, with one write."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility, Lot
from integrations import work
from integrations.budget import SharedBudget
from integrations.leaflink import cycle, jobs, push_inventory
from integrations.leaflink.claim_listings import claimed
from integrations.leaflink.due_quantities import plan
from integrations.leaflink.link import unlink
from integrations.leaflink.models import Listing, Offer, Product
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.work_kinds import INVENTORY_WORK, LISTING_WORK
from integrations.models import Budget, Notice, WorkItem
from integrations.wire.errors import Refused
from orders import services
from orders.drafts import LineDraft, OrderDraft


@pytest.fixture
def goods(bench):
    made = bench.goods(on_hand=100)
    bench.ready()
    work.drain()
    bench.calls()
    return made


def sold(bench, goods, quantity):
    line = LineDraft(goods.item, "x", "x", Decimal(quantity), 1, Decimal(1))
    return services.create(OrderDraft(timezone.now(), [line], facility=bench.shop))


def lot_on_hold(bench, goods):
    lot = Lot.objects.create(item=goods.item, number="L")
    inventory.receive(goods.item, bench.shop, Decimal(50), lot)
    bench.sync("inventory")
    assert bench.available(goods) == 150
    lot.on_hold, lot.hold_reason = True, "mould"
    lot.save()


def another_facility(bench, goods):
    other = baker.make(Facility, name="Pueblo", license_number="L2")
    inventory.receive(goods.item, other, Decimal(50))
    bench.sync("inventory")
    assert bench.available(goods) == 150
    other.sells = False
    other.save()


def safety(bench, goods):
    goods.item.safety_stock = Decimal(7)
    goods.item.save()


def account_rule(bench, goods):
    bench.account.safety_percent = 10
    bench.account.save()


def brand_rule(bench, goods):
    rule = bench.account.brands.get()
    rule.most_shown = 40
    rule.save()


def shipped(bench, goods):
    order = sold(bench, goods, 30)
    bench.sync("inventory")
    services.ship(services.allocate(order))


CHANGES = {
    "receipt": (lambda b, g: inventory.receive(g.item, b.shop, Decimal(5)), 105),
    "adjustment": (lambda b, g: inventory.adjust(g.item, b.shop, Decimal(-5), reason="x"), 95),
    "count": (lambda b, g: inventory.count(g.item, b.shop, Decimal(80)), 80),
    "commit": (lambda b, g: sold(b, g, 30), 70),
    "release": (lambda b, g: services.cancel(sold(b, g, 30), reason="x"), 100),
    "ship": (shipped, 70),
    "lot hold": (lot_on_hold, 100),
    "facility": (another_facility, 100),
    "safety stock": (safety, 93),
    "account's rule": (account_rule, 90),
    "brand's rule": (brand_rule, 40),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_kind_of_change_reaches_leaflink(
    bench, goods, name, django_capture_on_commit_callbacks
):
    act, expected = CHANGES[name]
    with django_capture_on_commit_callbacks(execute=True):
        act(bench, goods)
    work.drain()
    assert bench.available(goods) == expected
    assert not WorkItem.objects.filter(kind__in=(LISTING_WORK, INVENTORY_WORK)).exists()


def test_a_burst_is_one_write(bench, goods, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(20):
            inventory.receive(goods.item, bench.shop, Decimal(1))
    work.drain()
    assert bench.calls("PATCH") == [f"PATCH /products/{goods.remote.id}/"]
    assert bench.available(goods) == 120


def test_nothing_is_asked_or_sent_when_the_number_is_the_same_after_all(
    bench, goods, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        services.cancel(sold(bench, goods, 30), reason="x")
    work.drain()
    assert bench.calls() == []


def test_many_changes_go_out_several_at_a_time_with_one_look_at_the_orders(
    bench, django_capture_on_commit_callbacks
):
    goods = [bench.goods(f"G{n}") for n in range(12)]
    bench.ready()
    bench.calls()
    with django_capture_on_commit_callbacks(execute=True):
        for one in goods:
            inventory.receive(one.item, bench.shop, Decimal(1))
    work.drain()
    assert [bench.available(one) for one in goods] == [101] * 12
    assert len(bench.calls("PATCH")) == 12


def test_a_lot_that_expired_is_off_the_menu_minutes_after_midnight(
    bench, goods, django_capture_on_commit_callbacks
):
    midnight = timezone.localtime().replace(hour=0, minute=0, second=30) + timedelta(days=2)
    lot = Lot.objects.create(
        item=goods.item, number="L", expires_on=(midnight - timedelta(days=1)).date()
    )
    inventory.receive(goods.item, bench.shop, Decimal(50), lot)
    bench.sync("inventory")
    assert bench.available(goods) == 150
    with time_machine.travel(midnight, tick=False):
        with django_capture_on_commit_callbacks(execute=True):
            jobs.poll_orders()
        work.drain()
        assert bench.available(goods) == 100


def test_without_knowing_the_orders_nothing_is_sent_and_nothing_is_lost(bench, goods):
    bench.account.cursors.update(read_at=None)
    inventory.receive(goods.item, bench.shop, Decimal(5))
    work.ask(bench.account.pk, LISTING_WORK, [str(goods.item.pk)], WorkItem.Priority.STOCK)
    bench.faults.next("500", path="/orders-received/", times=3)
    work.drain()
    assert bench.calls("PATCH") == []
    WorkItem.objects.update(not_before=timezone.now())
    work.drain()
    assert bench.available(goods) == 105


def test_what_another_process_is_sending_waits_and_is_computed_afterwards(bench, goods):
    inventory.receive(goods.item, bench.shop, Decimal(5))
    with claimed(bench.account, [goods.item.pk]):
        work.ask(bench.account.pk, LISTING_WORK, [str(goods.item.pk)], WorkItem.Priority.STOCK)
        work.drain()
        item = WorkItem.objects.get(kind=LISTING_WORK)
        assert (item.error_class, item.attempts) == ("busy", 0)
        assert bench.calls("PATCH") == []
    WorkItem.objects.update(not_before=timezone.now())
    work.drain()
    assert bench.available(goods) == 105


def test_the_claim_of_a_killed_process_ends(bench, goods):
    Listing.objects.update(
        sending="00000000-0000-0000-0000-000000000001",
        sending_until=timezone.now() - timedelta(seconds=1),
    )
    inventory.receive(goods.item, bench.shop, Decimal(5))
    bench.sync("inventory")
    assert bench.available(goods) == 105


def test_a_sweep_makes_way_for_what_is_more_urgent(bench, monkeypatch):
    goods = [bench.goods(f"G{n}") for n in range(6)]
    bench.sync("products")
    monkeypatch.setattr("integrations.work.LINGER_STEP", 0)
    items = [str(one.item.pk) for one in goods[:5]]
    work.ask(bench.account.pk, LISTING_WORK, items, WorkItem.Priority.SWEEP)
    real, taken = SharedBudget.take, []

    def take(budget):
        real(budget)
        taken.append(budget)
        if len(taken) == 2:
            urgent = [str(goods[5].item.pk)]
            work.ask(bench.account.pk, LISTING_WORK, urgent, WorkItem.Priority.STOCK)

    monkeypatch.setattr(SharedBudget, "take", take)
    bench.calls()
    work.drain()
    sent = [r.path for r in bench.world.requests if r.method == "PATCH"]
    place = sent.index(f"/products/{goods[5].remote.id}/")
    assert place < 5
    assert len(sent) == 6
    assert [bench.available(one) for one in goods] == [100] * 6


def test_being_told_to_slow_down_loses_nothing(bench, goods):
    inventory.receive(goods.item, bench.shop, Decimal(5))
    work.ask(bench.account.pk, LISTING_WORK, [str(goods.item.pk)], WorkItem.Priority.STOCK)
    bench.faults.next("429", method="PATCH")
    work.drain()
    item = WorkItem.objects.get(kind=LISTING_WORK)
    assert item.stuck_at is None
    assert "slow down" in item.error
    Budget.objects.update(paused_until=None)
    WorkItem.objects.update(not_before=timezone.now())
    work.drain()
    assert bench.available(goods) == 105


def test_a_refused_product_is_one_notice_and_blocks_no_other(bench):
    bad, good = bench.goods("BAD"), bench.goods("GOOD")
    bench.sync("products")
    bench.world.products.pop(bad.remote.id)
    for _ in range(3):
        bench.sync("inventory")
    assert bench.available(good) == 100
    notice = Notice.objects.get(category="refused")
    assert (notice.times, notice.resolved_at) == (1, None)
    assert "Item BAD (BAD)" in notice.text
    assert "link it to the product that took its place" in notice.text
    unlink(bench.listing(bad))
    assert not Notice.objects.filter(category="refused", resolved_at__isnull=True).exists()


def test_a_product_that_was_refused_is_tried_again_when_it_changed_there(bench):
    bad = bench.goods("BAD")
    bench.sync("products")
    modified = bench.product(bad).modified
    Listing.objects.update(
        refusal="LeafLink refused: no", refused_quantity=100, refused_modified=modified
    )
    bench.sync("inventory")
    assert bench.available(bad) == 0
    bench.world.edit_product(bad.remote.id, name="Another name")
    bench.sync("products")
    bench.sync("inventory")
    assert bench.available(bad) == 100
    assert bench.listing(bad).refusal == ""


def test_a_paused_quantity_is_not_sent_until_it_is_resumed(bench, goods):
    offer = Offer.objects.get(item=goods.item)
    offer.pause, offer.pause_reason = "as_is", "recount"
    offer.save()
    inventory.receive(goods.item, bench.shop, Decimal(5))
    bench.sync("inventory")
    assert bench.available(goods) == 100
    offer.pause = "at_zero"
    offer.save()
    bench.sync("inventory")
    assert bench.available(goods) == 0
    offer.pause = ""
    offer.save()
    bench.sync("inventory")
    assert bench.available(goods) == 105


def test_an_order_in_flight_that_leaflink_let_go_is_not_offered_twice(bench, goods):
    """We believe that LeafLink reserves 30; it has let them go without a word."""
    order = bench.order(bench.line(goods, 30))
    bench.sync("orders")
    for action in ("accept", "fulfill"):
        bench.world.transition(order.number, action)
    inventory.receive(goods.item, bench.shop, Decimal(1))
    bench.account.cursors.update(read_at=timezone.now() + timedelta(hours=1))
    work.ask(bench.account.pk, LISTING_WORK, [str(goods.item.pk)], WorkItem.Priority.STOCK)
    work.drain()
    assert bench.available(goods) <= bench.free(goods) == 71


@pytest.mark.parametrize("at_once", [1, 10])
def test_a_surprise_is_not_forgotten_when_its_neighbour_is_told_to_slow_down(
    bench, settings, at_once
):
    settings.LEAFLINK_REQUESTS_AT_ONCE = at_once
    a, b = bench.goods("A", 100), bench.goods("B", 100)
    bench.ready()
    order = bench.order(bench.line(a, 30))
    bench.sync("orders", "inventory")
    for action in ("accept", "fulfill"):
        bench.world.transition(order.number, action)
    for goods in (a, b):
        inventory.receive(goods.item, bench.shop, Decimal(1))
    # The orders were read just before LeafLink's staff acted.
    bench.account.cursors.update(read_at=timezone.now() + timedelta(hours=1))
    bench.faults.next("429", method="PATCH", path=f"/products/{b.remote.id}/")
    both = [str(goods.item.pk) for goods in (a, b)]
    work.ask(bench.account.pk, LISTING_WORK, both, WorkItem.Priority.STOCK)
    for _ in range(3):
        work.drain()
        Budget.objects.update(paused_until=None)
        WorkItem.objects.update(not_before=timezone.now())
    assert bench.available(b) == 101
    assert bench.available(a) <= bench.free(a)


def test_a_surprise_that_changes_nothing_is_settled_and_sent_no_more(bench, goods):
    bench.order(bench.line(goods, 5), sales_rep_ids=[])
    bench.account.cursors.update(read_at=timezone.now() + timedelta(hours=1))
    inventory.receive(goods.item, bench.shop, Decimal(1))
    bench.calls()
    work.ask(bench.account.pk, LISTING_WORK, [str(goods.item.pk)], WorkItem.Priority.STOCK)
    work.drain()
    bench.sync("inventory")
    assert len(bench.calls("PATCH")) == 1
    assert bench.listing(goods).last_sent == 101


def test_what_was_unlinked_meanwhile_is_waited_for_by_nobody(bench):
    gone, there = bench.goods("GONE"), bench.goods("THERE")
    bench.ready()
    for goods in (gone, there):
        inventory.receive(goods.item, bench.shop, Decimal(1))
    unlink(bench.listing(gone))
    both = [str(goods.item.pk) for goods in (gone, there)]
    work.ask(bench.account.pk, LISTING_WORK, both, WorkItem.Priority.STOCK)
    assert work.drain() == 2
    assert not WorkItem.objects.filter(kind=LISTING_WORK).exists()
    assert bench.available(there) == 101


def test_a_change_during_a_push_that_has_its_number_already_is_not_dropped(bench, monkeypatch):
    goods = bench.goods(on_hand=10)
    bench.ready()
    inventory.receive(goods.item, bench.shop, Decimal(2))
    WorkItem.objects.all().delete()
    real, done = push_inventory.brake.hold, []

    def hold(account, found):
        allowed = real(account, found)
        if Listing.objects.filter(sending__isnull=False).exists() and not done:
            done.append(1)
            inventory.adjust(goods.item, bench.shop, Decimal(-2), reason="sold")
            item = [str(goods.item.pk)]
            work.ask(account.pk, LISTING_WORK, item, WorkItem.Priority.STOCK)
            work.drain()
        return allowed

    monkeypatch.setattr(push_inventory.brake, "hold", hold)
    bench.sync("inventory")
    WorkItem.objects.update(not_before=timezone.now())
    work.drain()
    assert bench.available(goods) == bench.free(goods) == 10


def test_a_sweep_hands_over_all_that_is_due(bench, monkeypatch):
    goods = [bench.goods(f"S{n}") for n in range(6)]
    bench.sync("products")
    monkeypatch.setattr(cycle, "plan", lambda account: plan(account, most=3))
    bench.sync("inventory", hand_over=True)
    work.drain()
    assert [bench.available(one) for one in goods] == [100] * 6


def test_a_number_that_leaflink_shows_otherwise_is_told_once_and_not_sent_again(bench, monkeypatch):
    goods = bench.goods(on_hand=60)
    bench.sync("products")
    real = bench.world.edit_product

    def clamped(product_id, **values):
        if "quantity" in values:
            values["quantity"] = min(values["quantity"], Decimal(20))
        return real(product_id, **values)

    monkeypatch.setattr(bench.world, "edit_product", clamped)
    bench.sync("inventory")
    assert "shows 20" in bench.listing(goods).refusal
    bench.calls()
    for _ in range(3):
        bench.sync("products", "inventory")
        bench.settle()
    assert bench.calls("PATCH") == []
    assert Notice.objects.get(category="refused").times == 1


def test_a_correction_in_leaflink_that_crosses_with_the_refusal_is_not_overlooked(
    bench, monkeypatch
):
    goods = bench.goods(on_hand=15)
    bench.sync("products")

    def patch_many(self, changes, *, at_once):
        for position, _ in enumerate(changes):
            Product.objects.update(modified=timezone.now())
            yield position, Refused(["bad"], vendor="LeafLink")

    with monkeypatch.context() as patched:
        patched.setattr(LeafLinkClient, "patch_many", patch_many)
        bench.sync("inventory")
    assert bench.listing(goods).refusal
    bench.sync("inventory")
    assert bench.available(goods) == 15
