"""Many products that would sell out at once wait for a person; a few, and whatever rises, go on."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from catalog import inventory
from integrations import work
from integrations.leaflink import cycle, drift, push_inventory
from integrations.leaflink.due_quantities import plan
from integrations.leaflink.link import unlink
from integrations.leaflink.models import Listing, Offer, Product
from integrations.leaflink.work_kinds import LISTING_WORK
from integrations.models import Notice, WorkItem
from tests.leaflink.pages import text_of


@pytest.fixture
def shelf(bench):
    goods = [bench.goods(f"G{n:02}", on_hand=10) for n in range(12)]
    bench.ready()
    work.drain()
    bench.calls()
    return goods


def empty(bench, goods):
    inventory.count(goods.item, bench.shop, Decimal(0))


def offered(bench, goods):
    return [int(bench.available(one)) for one in goods]


def page(bench):
    return reverse("admin:leaflink_listing_brake", args=[bench.account.pk])


def say_all(client, bench, opened):
    """Press "Yes, all" on a page that was opened before."""
    newest = re.search(r'name="newest" value="([^"]+)"', opened.content.decode()).group(1)
    return client.post(page(bench), {"all": "1", "newest": newest}, follow=True)


@pytest.mark.parametrize("hand_over", [False, True])
def test_a_run_that_would_empty_the_shop_stops_before_the_first(bench, shelf, hand_over):
    for one in shelf[:8]:
        empty(bench, one)
    inventory.receive(shelf[10].item, bench.shop, Decimal(5))
    bench.sync("inventory", hand_over=hand_over)
    work.drain()
    assert offered(bench, shelf) == [10] * 10 + [15, 10]
    notice = Notice.objects.get(category="brake", resolved_at__isnull=True)
    assert "8 products would sell out" in notice.text
    bench.sync("inventory")
    assert offered(bench, shelf)[:8] == [10] * 8


def test_marked_one_by_one_they_are_stopped_as_well(bench, shelf):
    for one in shelf[:8]:
        empty(bench, one)
    items = [str(one.item.pk) for one in shelf[:8]]
    work.ask(bench.account.pk, LISTING_WORK, items, WorkItem.Priority.STOCK)
    work.drain()
    assert offered(bench, shelf) == [10] * 12


def test_a_drip_within_the_hour_is_stopped_at_the_limit(bench, shelf):
    for one in shelf[:8]:
        empty(bench, one)
        bench.sync("inventory")
    assert offered(bench, shelf).count(0) == 4
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        empty(bench, shelf[9])
        bench.sync("inventory")
        # Held back once, they wait for a person; one more is none of them.
        assert offered(bench, shelf).count(0) == 4


def test_a_few_go_on(bench, shelf):
    for one in shelf[:2]:
        empty(bench, one)
    bench.sync("inventory")
    assert offered(bench, shelf).count(0) == 2
    assert not Notice.objects.filter(category="brake").exists()


def test_what_has_stock_again_waits_no_longer(bench, shelf):
    for one in shelf[:8]:
        empty(bench, one)
    bench.sync("inventory")
    for one in shelf[:8]:
        inventory.receive(one.item, bench.shop, Decimal(7))
    bench.sync("inventory")
    assert offered(bench, shelf) == [7] * 8 + [10] * 4
    assert not Listing.objects.filter(braked_at__isnull=False).exists()
    assert not Notice.objects.filter(category="brake", resolved_at__isnull=True).exists()


def test_a_persons_yes_lets_them_go(bench, shelf, admin_client):
    for one in shelf[:8]:
        empty(bench, one)
    bench.sync("inventory")
    text = admin_client.get(page(bench)).content.decode()
    assert "8 of 12 products would be sold out" in text
    assert "Product G03" in text
    chosen = [bench.listing(one).pk for one in shelf[:3]]
    admin_client.post(page(bench), {"chosen": chosen, "some": "1"})
    work.drain()
    assert offered(bench, shelf) == [0] * 3 + [10] * 9
    told = text_of(say_all(admin_client, bench, admin_client.get(page(bench))))
    assert "5 products are set to sold out in LeafLink now." in told
    assert "more came" not in told
    work.drain()
    assert offered(bench, shelf) == [0] * 8 + [10] * 4
    assert not Notice.objects.filter(category="brake", resolved_at__isnull=True).exists()
    assert "Yes to 3 products" in LogEntry.objects.order_by("pk").first().change_message
    bench.sync("inventory")
    assert offered(bench, shelf) == [0] * 8 + [10] * 4


def test_a_yes_to_all_covers_only_what_the_page_told_of(bench, shelf, admin_client):
    for one in shelf[:8]:
        empty(bench, one)
    bench.sync("inventory")
    opened = admin_client.get(page(bench))
    for one in shelf[8:11]:
        empty(bench, one)
    bench.sync("inventory")
    told = text_of(say_all(admin_client, bench, opened))
    assert "8 products are set to sold out in LeafLink now." in told
    assert "3 more came after you opened the page, and still wait." in told
    assert "3 of 12 products would be sold out" in told
    work.drain()
    bench.sync("inventory")
    assert offered(bench, shelf) == [0] * 8 + [10] * 4


@pytest.mark.parametrize("newest", [None, "", "x", "2026-99-99T00:00:00Z", "2030-01-01T00:00:00"])
def test_a_yes_to_all_of_no_page_changes_nothing(bench, stopped, admin_client, newest):
    said = {"all": "1"} if newest is None else {"all": "1", "newest": newest}
    told = text_of(admin_client.post(page(bench), said, follow=True))
    assert "Nothing was done" in told
    work.drain()
    assert offered(bench, stopped) == [10] * 12


def test_without_permission_nobody_says_yes(bench, shelf, client, django_user_model):
    from django.contrib.auth.models import Permission

    user = django_user_model.objects.create_user("lee", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_listing"))
    for one in shelf[:8]:
        empty(bench, one)
    bench.sync("inventory")
    client.force_login(user)
    assert b"Yes, all" not in client.get(page(bench)).content
    assert client.post(page(bench), {"all": "1"}).status_code == 403
    assert offered(bench, shelf) == [10] * 12


def test_a_yes_that_names_nothing_or_nonsense_changes_nothing(bench, shelf, admin_client):
    for one in shelf[:8]:
        empty(bench, one)
    bench.sync("inventory")
    for chosen in ([], ["x", "-1", "9" * 40]):
        answer = admin_client.post(page(bench), {"chosen": chosen, "some": "1"}, follow=True)
        assert "Select the products" in answer.content.decode()
    work.drain()
    assert offered(bench, shelf) == [10] * 12


def test_a_dry_run_says_what_would_be_stopped(bench, shelf):
    for one in shelf[:8]:
        empty(bench, one)
    step = bench.sync("inventory", dry=True)["inventory"]
    assert [row["would_send"] for row in step.plan] == [""] * 8
    assert "waits for a person" in step.plan[0]["why"]
    assert not Listing.objects.filter(braked_at__isnull=False).exists()


def test_a_dry_run_counts_nothing_that_is_stopped_beyond_what_it_shows(bench, shelf, monkeypatch):
    monkeypatch.setattr(cycle, "plan", lambda account: plan(account, most=3))
    for one in shelf[:8]:
        empty(bench, one)
    for one in shelf[8:10]:
        inventory.receive(one.item, bench.shop, Decimal(1))
    assert bench.sync("inventory", dry=True)["inventory"].changed == 2


def test_both_limits_can_be_switched_off(bench, shelf):
    bench.account.brake_products = bench.account.brake_percent = None
    bench.account.save()
    for one in shelf:
        empty(bench, one)
    bench.sync("inventory")
    assert offered(bench, shelf) == [0] * 12


@pytest.fixture
def stopped(bench, shelf):
    """Eight of twelve wait for a yes."""
    for one in shelf[:8]:
        empty(bench, one)
    bench.sync("inventory")
    return shelf


def gone(bench, goods):
    Product.objects.filter(listing__item__in=goods).update(gone_at=timezone.now())


def unlimited(bench, goods):
    Offer.objects.filter(item__in=goods).update(mode="unlimited")


def paused(bench, goods):
    Offer.objects.filter(item__in=goods).update(pause="as_is", pause_reason="x")


def unlinked(bench, goods):
    for listing in Listing.objects.filter(item__in=goods):
        unlink(listing)


@pytest.mark.parametrize("leave", [gone, unlimited, paused, unlinked])
def test_what_needs_no_yes_any_more_holds_nothing_else_back(bench, stopped, leave):
    leave(bench, [one.item for one in stopped[:8]])
    bench.sync("inventory")
    empty(bench, stopped[9])
    bench.sync("inventory")
    assert bench.available(stopped[9]) == 0
    assert not Notice.objects.filter(category="brake", resolved_at__isnull=True).exists()


def test_an_account_that_is_not_active_asks_for_nothing(
    bench, stopped, admin_client, django_capture_on_commit_callbacks
):
    report = reverse("admin:leaflink_drift_changelist")
    waiting = reverse("admin:leaflink_listing_changelist") + "?quantity=braked"
    why = reverse("admin:leaflink_listing_why", args=[bench.listing(stopped[3]).pk])
    drift.record(bench.account)

    def seen():
        return (
            page(bench) in admin_client.get(reverse("admin:index")).content.decode(),
            "Item G03" in text_of(admin_client.get(waiting)),
            "Item G03" in text_of(admin_client.get(report)),
            "Yes, all 8" in text_of(admin_client.get(page(bench))),
            "waits for a person." in text_of(admin_client.get(why)),
            Notice.objects.filter(category="brake", resolved_at__isnull=True).exists(),
            drift.open_ones().exists(),
        )

    assert seen() == (True,) * 7
    for is_active in (False, True):
        bench.account.is_active = is_active
        with django_capture_on_commit_callbacks(execute=True):
            bench.account.save()
        assert seen() == (is_active,) * 7
    assert offered(bench, stopped) == [10] * 12


def test_pausing_one_at_zero_is_a_yes_to_it(bench, stopped):
    Offer.objects.filter(item=stopped[0].item).update(pause="at_zero", pause_reason="x")
    bench.sync("inventory")
    assert offered(bench, stopped) == [0] + [10] * 11


def test_without_limits_nothing_waits_any_more(bench, stopped):
    bench.account.brake_products = bench.account.brake_percent = None
    bench.account.save()
    bench.sync("inventory")
    assert offered(bench, stopped)[:8] == [0] * 8


def test_a_second_number_passes_the_brake_as_well(bench, shelf, monkeypatch):
    """An order comes to each between plan and write; meanwhile a file empties the shop."""
    for one in shelf[:8]:
        inventory.receive(one.item, bench.shop, Decimal(1))
    real_reread, real_plan, done = push_inventory.reread_orders_of, push_inventory.plan, []

    def reread(*args):
        for one in shelf[:8]:
            empty(bench, one)
        return real_reread(*args)

    def plan(account, item_ids=None):
        found = real_plan(account, item_ids)
        if item_ids and not done:
            done.append(1)
            for one in shelf[:8]:
                bench.order(bench.line(one, 1), sales_rep_ids=[])
        return found

    monkeypatch.setattr(push_inventory, "reread_orders_of", reread)
    monkeypatch.setattr(push_inventory, "plan", plan)
    bench.sync("inventory")
    assert min(offered(bench, shelf)[:8]) > 0
    assert Notice.objects.filter(category="brake", resolved_at__isnull=True).exists()


@pytest.mark.parametrize("is_heard_of_first", [True, False])
def test_what_was_bought_up_and_shipped_there_holds_no_real_sell_out_back(
    bench, shelf, is_heard_of_first
):
    """LeafLink's orders take all of most products, and are shipped before the next reading."""
    for one in shelf[:8]:
        order = bench.order(bench.line(one, 10))
        if is_heard_of_first:
            bench.sync("orders")
        for act in ("accept", "fulfill", "ship"):
            bench.world.transition(order.number, act)
    bench.sync("orders")
    for one in shelf[:8]:
        empty(bench, one)
    empty(bench, shelf[9])
    bench.sync("inventory")
    assert not Notice.objects.filter(category="brake").exists()
    assert offered(bench, shelf) == [0] * 8 + [10, 0, 10, 10]


def test_what_was_shipped_there_before_the_product_was_read_is_taken_out_once(bench, shelf):
    """So a mistake that empties the shop is still stopped."""
    for one in shelf[:8]:
        order = bench.order(bench.line(one, 5))
        bench.sync("orders")
        for act in ("accept", "fulfill", "ship"):
            bench.world.transition(order.number, act)
    bench.sync("products", full=True)
    bench.sync("orders")
    assert {int(bench.product(one).available) for one in shelf[:8]} == {5}
    for one in shelf[:8]:
        empty(bench, one)
    bench.sync("inventory")
    assert offered(bench, shelf)[:8] == [5] * 8
    assert Notice.objects.filter(category="brake", resolved_at__isnull=True).exists()


def test_what_leaflinks_own_orders_have_bought_up_is_not_held(bench, shelf):
    for one in shelf[:8]:
        bench.order(bench.line(one, 10))
    bench.sync("inventory")
    assert not Notice.objects.filter(category="brake").exists()
