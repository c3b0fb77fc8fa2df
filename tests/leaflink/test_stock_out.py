"""Stock out: what LeafLink shows is never more than what is free."""

import time
from decimal import Decimal

import pytest
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility, Item
from integrations.leaflink import cycle, push_inventory
from integrations.leaflink.connect import client_for
from integrations.leaflink.due_quantities import plan
from integrations.leaflink.models import Offer, Product
from integrations.leaflink.quantities import wanted
from integrations.models import Notice, Run
from integrations.runs import Recorder
from orders import services
from orders.drafts import LineDraft, OrderDraft


def test_leaflink_shows_what_is_sellable(bench):
    goods = bench.goods(on_hand=100, case=12)
    goods.item.safety_stock = 10
    goods.item.save()
    bench.ready()
    assert bench.available(goods) == 90
    listing = bench.listing(goods)
    assert listing.last_sent == 90
    assert listing.last_sent_at is not None
    assert bench.product(goods).quantity == 90


def test_only_what_differs_is_sent(bench):
    first, second = bench.goods("A"), bench.goods("B")
    bench.ready()
    bench.calls()
    bench.sync("inventory")
    assert bench.calls("PATCH") == []
    inventory.receive(second.item, bench.shop, Decimal(5))
    bench.sync("inventory")
    assert bench.calls("PATCH") == [f"PATCH /products/{second.remote.id}/"]
    assert bench.available(second) == 105
    assert bench.available(first) == 100


def test_an_imported_order_is_not_counted_twice(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    bench.order(bench.line(goods, 30))
    bench.sync("inventory")
    assert bench.free(goods) == 70
    assert bench.available(goods) == 70
    assert bench.world.product(goods.remote.id).quantity == 100


def test_an_order_that_is_held_lowers_what_is_offered_by_itself(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    bench.order(bench.line(goods, 30), sales_rep_ids=[])
    bench.sync("inventory")
    assert bench.free(goods) == 100
    assert bench.available(goods) == 70


def test_a_direct_sale_lowers_what_leaflink_offers(bench):
    from django.utils import timezone

    goods = bench.goods(on_hand=100)
    bench.ready()
    line = LineDraft(goods.item, "x", "x", Decimal(40), 1, Decimal(1))
    services.create(OrderDraft(timezone.now(), [line], facility=bench.shop))
    bench.sync("inventory")
    assert bench.available(goods) == 60


def test_a_shipped_order_that_leaflink_still_reserves_never_oversells(bench):
    goods = bench.goods(on_hand=100)
    bench.account.status_map = {}
    bench.account.save()
    bench.ready()
    order = bench.order(bench.line(goods, 30))
    bench.sync("orders")
    services.ship(services.allocate(bench.local(order)))
    bench.sync("inventory")
    # Too careful until LeafLink's order follows, never too bold.
    assert bench.available(goods) == 40
    for action in ("accept", "fulfill"):
        bench.world.transition(order.number, action)
    bench.sync("inventory")
    assert bench.available(goods) == 70


def test_an_order_cut_down_in_leaflink_after_it_was_allocated_frees_nothing_yet(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    order = bench.order(bench.line(goods, 30))
    bench.sync("orders")
    services.allocate(bench.local(order))
    bench.world.edit_order(order.number, [bench.line(goods, 4)])
    bench.sync("inventory")
    assert bench.mirror(order).state == "conflict"
    assert bench.available(goods) == bench.free(goods) == 70


def test_a_rejected_fulfilment_puts_the_goods_back_on_offer_once(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    order = bench.order(bench.line(goods, 30))
    for action in ("accept", "fulfill"):
        bench.world.transition(order.number, action)
    bench.sync("inventory")
    assert bench.available(goods) == 100
    bench.world.transition(order.number, "reject")
    bench.sync("inventory")
    assert bench.available(goods) == 100


def test_only_the_accounts_facilities_count(bench):
    other = baker.make(Facility, name="Pueblo", license_number="L2")
    goods = bench.goods(on_hand=100)
    inventory.receive(goods.item, other, Decimal(50))
    bench.account.facilities.add(bench.shop)
    bench.ready()
    assert bench.available(goods) == 100
    bench.account.facilities.clear()
    bench.sync("inventory")
    assert bench.available(goods) == 150


def test_modes(bench):
    managed, inherited, unlimited = bench.goods("M"), bench.goods("I"), bench.goods("U")
    foreign = bench.goods("F", inventory_management=2)
    bench.sync("products")
    Offer.objects.filter(item=inherited.item).update(mode="inherited")
    Offer.objects.filter(item=unlimited.item).update(mode="unlimited")
    bench.sync("inventory")
    for goods in (managed, inherited, unlimited, foreign):
        inventory.receive(goods.item, bench.shop, Decimal(5))
    bench.sync("inventory")
    shown = [
        bench.world.product(g.remote.id).quantity for g in (managed, inherited, unlimited, foreign)
    ]
    assert shown == [105, 100, 0, 0]


def test_nothing_is_sent_where_the_rule_is_off(bench):
    goods = bench.goods()
    bench.account.push_inventory = False
    bench.account.save()
    bench.ready()
    assert bench.available(goods) == 0


def test_a_refusal_is_noted_once_and_stops_no_other(bench):
    bad, good = bench.goods("BAD"), bench.goods("GOOD")
    bench.sync("products")
    bench.world.products.pop(bad.remote.id)
    step = cycle.run_cycle(bench.account, ["inventory"])[-1]
    assert (step.changed, step.failed) == (1, 1)
    assert bench.available(good) == 100
    assert "does not have this record" in bench.listing(bad).refusal
    assert bench.product(bad).gone_at
    bench.calls()
    bench.sync("inventory")
    assert bench.calls("PATCH") == []


def test_a_lost_answer_is_sent_again(bench):
    goods = bench.goods()
    bench.sync("products")
    bench.faults.next("reset-after", method="PATCH")
    step = cycle.run_cycle(bench.account, ["inventory"])[-1]
    assert step.failed == 1
    assert bench.listing(goods).last_sent is None
    bench.sync("inventory")
    assert bench.listing(goods).last_sent == 100
    assert bench.available(goods) == 100


def test_a_crash_in_the_middle_of_a_push_leaves_doubt_and_no_wrong_belief(bench, monkeypatch):
    """Sent 100 before; 60 is sent and the process dies; then 100 is right again."""
    goods = bench.goods(on_hand=100)
    bench.ready()
    inventory.adjust(goods.item, bench.shop, Decimal(-40), reason="lost")

    def die(*args):
        raise SystemExit

    monkeypatch.setattr(push_inventory, "_record", die)
    with pytest.raises(SystemExit):
        cycle.run_cycle(bench.account, ["inventory"])
    monkeypatch.undo()
    monkeypatch.setattr("integrations.leaflink.connect.new_session", bench.session)
    assert bench.available(goods) == 60
    inventory.receive(goods.item, bench.shop, Decimal(40))
    bench.sync("inventory")
    assert bench.available(goods) == 100


def test_being_told_to_slow_down_ends_the_push_and_the_next_one_goes_on(bench):
    first, second = bench.goods("A"), bench.goods("B")
    bench.sync("products")
    bench.faults.next("429", method="PATCH")
    step = cycle.run_cycle(bench.account, ["inventory"])[-1]
    assert "slow down" in step.error
    from integrations.models import Budget

    Budget.objects.update(paused_until=None)
    bench.sync("inventory")
    assert (bench.available(first), bench.available(second)) == (100, 100)


def test_no_quantity_is_sent_when_the_orders_could_not_be_read(bench):
    goods = bench.goods()
    bench.sync("products")
    bench.faults.next("500", path="/orders-received/", times=3)
    steps = {s.name: s for s in cycle.run_cycle(bench.account, ["inventory"])}
    assert "problem of its own" in steps["orders"].error
    assert "could not be read first" in steps["inventory"].error
    assert bench.available(goods) == 0


def test_a_revoked_key_is_one_notice_and_ends_the_cycle(bench):
    bench.goods()
    bench.world.app_keys.clear()
    for _ in range(2):
        steps = cycle.run_cycle(bench.account)
        assert "paste the App key anew" in steps[-1].error
        assert len(steps) == 1
    assert Notice.objects.get().times == 2
    bench.world.add_app_key("app-key", bench.seller.id)
    bench.sync("staff")
    assert Notice.objects.get().resolved_at is not None


def test_a_missing_permission_stops_only_what_needs_it(bench):
    bench.goods()
    bench.world.add_app_key(
        "app-key", bench.seller.id, permissions={"orders": "write", "products": "write"}
    )
    steps = {s.name: s for s in cycle.run_cycle(bench.account)}
    assert "permission for customers" in steps["customers"].error
    assert steps["products"].error == steps["inventory"].error == ""


def test_somebody_acting_between_our_reading_and_our_writing_is_noticed(bench, monkeypatch):
    """LeafLink's staff fulfil an order right after our reading: a stale number would oversell."""
    goods = bench.goods(on_hand=100)
    bench.ready()
    order = bench.order(bench.line(goods, 30))
    bench.sync("orders")
    inventory.receive(goods.item, bench.shop, Decimal(1))
    real_plan = push_inventory.plan
    calls = []

    def plan(account, item_ids=None):
        changes = real_plan(account, item_ids)
        if item_ids and not calls:
            calls.append(1)
            for action in ("accept", "fulfill"):
                bench.world.transition(order.number, action)
        return changes

    monkeypatch.setattr(push_inventory, "plan", plan)
    bench.sync("inventory")
    assert bench.available(goods) == bench.free(goods) == 71
    assert bench.mirror(order).state == "conflict"


def test_time_is_up_before_everything_is_sent(bench):
    goods = [bench.goods(f"S{n}", on_hand=1) for n in range(3)]
    bench.sync("products")
    items = {g.item.pk for g in goods}
    past = time.monotonic() - 1
    result = push_inventory.push(
        bench.account, client_for(bench.account), items, Recorder(), deadline=past
    )
    assert (result.sent, result.left) == (0, items)
    bench.sync("inventory")
    assert [bench.available(g) for g in goods] == [1, 1, 1]


def test_planning_and_sending_cost_the_same_queries_for_few_and_for_many(
    bench, django_assert_max_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def push():
        items = [one.row.item_id for one in plan(bench.account).changes]
        push_inventory.push(bench.account, client_for(bench.account), items, Recorder())
        return len(items)

    bench.goods("S0")
    bench.sync("products")
    with CaptureQueriesContext(connection) as few:
        assert push() == 1
    for n in range(1, 41):
        bench.goods(f"S{n}")
    bench.sync("products")
    budget = 2 * 40 / 5  # two for each share of the request budget
    with django_assert_max_num_queries(len(few) + int(budget)):
        assert push() == 40
    with django_assert_max_num_queries(8):
        assert push() == 0
    assert Run.objects.exists()


def test_a_dry_run_says_what_would_be_sent(bench):
    goods = bench.goods(on_hand=100)
    bench.sync("products")
    step = bench.sync("inventory", dry=True)["inventory"]
    assert step.plan == [
        {
            "sku": "GUM",
            "product": "Product GUM",
            "ours": "100",
            "theirs": "0",
            "would_send": "100",
            "why": "It was never sent. 100 on hand.",
        }
    ]
    assert bench.available(goods) == 0


def test_nothing_is_wanted_of_no_listings(bench):
    assert list(wanted(bench.account)) == list(wanted(bench.account, [])) == []
    assert Product.objects.count() == 0
    assert Item.objects.count() == 0
