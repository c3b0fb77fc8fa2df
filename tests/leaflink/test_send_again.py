"""Asking for a quantity to be sent: what is not sent all the same says why, and is left alone."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from catalog import inventory
from integrations import work
from integrations.leaflink import drift
from integrations.leaflink.models import Account, Drift, Listing, Offer, Product
from integrations.leaflink.work_kinds import LISTING_WORK
from integrations.models import WorkItem
from tests.leaflink.pages import text_of, url

LIST = reverse("admin:leaflink_listing_changelist")


@pytest.fixture
def goods(bench):
    made = bench.goods(on_hand=100)
    bench.ready()
    bench.calls()
    return made


def offer(**values):
    return lambda bench: Offer.objects.update(**values)


def account(**values):
    return lambda bench: Account.objects.update(**values)


KEPT = {
    "paused": (offer(pause="as_is", pause_reason="x"), "It is paused. Resume it"),
    "unlimited": (offer(mode="unlimited"), "Choose Managed on the item's LeafLink tab"),
    "inherited": (offer(mode="inherited"), "Choose Managed on the item's LeafLink tab"),
    "off": (account(push_inventory=False), "Switch “send quantities to LeafLink” on"),
    "not counted": (
        lambda bench: Product.objects.update(inventory_management="2"),
        "Set its inventory management to Managed there.",
    ),
    "gone": (lambda bench: Product.objects.update(gone_at=timezone.now()), "Unlink the item"),
    "inactive": (account(is_active=False), "Activate"),
    "no key": (account(app_key=""), "The account has no App key. Paste one"),
}


@pytest.mark.parametrize("kind", KEPT)
@pytest.mark.parametrize("asked", ["send now", "from the list"])
def test_what_is_not_sent_says_why_and_its_cure(bench, goods, admin_client, kind, asked):
    spoil, cure = KEPT[kind]
    before = bench.listing(goods)
    spoil(bench)
    if asked == "send now":
        answer = admin_client.post(url("leaflink_listing_send_now", before.pk), follow=True)
    else:
        data = {"action": "send_again", "_selected_action": [before.pk]}
        answer = admin_client.post(LIST, data, follow=True)
    told = text_of(answer)
    assert "GUM not sent." in told
    assert cure in told
    assert "within seconds" not in told
    after = bench.listing(goods)
    assert (after.last_sent, after.doubted_at) == (before.last_sent, before.doubted_at)
    assert not WorkItem.objects.exists()


def test_what_the_brake_holds_is_not_sent(bench, admin_client):
    goods = [bench.goods(f"G{n}", on_hand=10) for n in range(6)]
    bench.ready()
    for one in goods:
        inventory.count(one.item, bench.shop, inventory.ZERO)
    bench.sync("inventory")
    pks = list(Listing.objects.values_list("pk", flat=True))
    data = {"action": "send_again", "_selected_action": pks}
    told = text_of(admin_client.post(LIST, data, follow=True))
    assert "G0, G1, G2 and 3 more not sent." in told
    assert "Say yes to it" in told
    work.drain()
    assert [bench.available(one) for one in goods] == [10] * 6


def test_of_many_each_kind_is_told_and_the_rest_is_sent(bench, admin_client):
    goods = [bench.goods(f"G{n}") for n in range(4)]
    bench.ready()
    Offer.objects.filter(item=goods[0].item).update(pause="as_is", pause_reason="x")
    Offer.objects.filter(item=goods[1].item).update(mode="unlimited")
    bench.calls()
    pks = list(Listing.objects.values_list("pk", flat=True))
    data = {"action": "send_again", "_selected_action": pks}
    told = text_of(admin_client.post(LIST, data, follow=True))
    assert "G2, G3 are looked at and sent within seconds." in told
    assert "G0 not sent. It is paused." in told
    assert "G1 not sent. The item is Unlimited here" in told
    work.drain()
    assert sorted(bench.calls("PATCH")) == sorted(
        f"PATCH /products/{one.remote.id}/" for one in goods[2:]
    )


def test_the_reports_fix_says_the_same(bench, goods, admin_client):
    inventory.receive(goods.item, bench.shop, 20)
    Offer.objects.filter(item=goods.item).update(pause="as_is", pause_reason="x")
    drift.record(bench.account)
    row = Drift.objects.get(kind="quantity")
    Offer.objects.filter(item=goods.item).update(pause="", mode="inherited")
    told = text_of(admin_client.post(url("leaflink_drift_fix", row.pk), follow=True))
    assert "GUM not sent. The item is Inherited" in told
    assert "within seconds" not in told


def test_a_refused_number_is_asked_for_again_and_the_page_leaves_no_blank(
    bench, goods, admin_client
):
    listing = bench.listing(goods)
    Listing.objects.update(refusal="Not this one.", refused_quantity=100, last_sent=None)
    Listing.objects.update(refused_modified=bench.product(goods).modified)
    told = text_of(admin_client.post(url("leaflink_listing_send_now", listing.pk), follow=True))
    assert "did not take the last number, and is asked again. Not this one." in told
    assert "GUM is looked at and sent within seconds." in told
    work.drain()
    assert bench.listing(goods).refusal == ""


@pytest.mark.parametrize("kind", ["inactive", "no key"])
def test_the_page_promises_nothing_for_an_account_that_is_not_at_work(
    bench, goods, admin_client, kind
):
    inventory.receive(goods.item, bench.shop, 20)
    spoil, cure = KEPT[kind]
    spoil(bench)
    told = text_of(admin_client.get(url("leaflink_listing_why", bench.listing(goods).pk)))
    assert "Nothing is sent. The account" in told
    assert cure in told
    assert "will be sent" not in told
    assert "Send now" not in told


def test_being_told_to_slow_down_is_no_failure_of_what_waits(bench, goods):
    bench.faults.next("429", method="PATCH", times=work.MOST_ATTEMPTS + 2)
    items = [str(goods.item.pk)]
    inventory.receive(goods.item, bench.shop, 20)
    work.ask(bench.account.pk, LISTING_WORK, items, WorkItem.Priority.STOCK)
    for minute in range(work.MOST_ATTEMPTS + 2):
        with time_machine.travel(timezone.now() + timedelta(minutes=minute * 2), tick=False):
            work.drain()
            assert not WorkItem.objects.filter(stuck_at__isnull=False).exists()
            assert "slow down" in WorkItem.objects.get().error
    with time_machine.travel(timezone.now() + timedelta(minutes=30)):
        work.drain()
    assert not WorkItem.objects.exists()
    assert bench.available(goods) == 120


def test_what_is_told_to_slow_down_for_hours_is_shown_as_stuck(bench, goods):
    bench.faults.next("429", method="PATCH", times=2)
    inventory.receive(goods.item, bench.shop, 20)
    items = [str(goods.item.pk)]
    work.ask(bench.account.pk, LISTING_WORK, items, WorkItem.Priority.STOCK)
    work.drain()
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        work.drain()
    assert WorkItem.objects.get().stuck_at


def test_a_product_found_gone_while_sending_is_shown_with_its_link_at_once(bench, goods):
    bench.world.products.pop(goods.remote.id)
    inventory.receive(goods.item, bench.shop, 20)
    work.ask(bench.account.pk, LISTING_WORK, [str(goods.item.pk)], WorkItem.Priority.STOCK)
    work.drain()
    assert bench.product(goods).gone_at
    assert bench.listing(goods).trouble == Listing.Trouble.GONE
