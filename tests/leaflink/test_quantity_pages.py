"""Why this number, pausing with a reason, the dry run: pages that add up and ask first."""

import html
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility, Lot
from integrations import work
from integrations.leaflink.admin import quantity_pages
from integrations.leaflink.explain_quantity import explain
from integrations.leaflink.mirror_orders import note_gone
from integrations.leaflink.models import Offer
from integrations.models import WorkItem


@pytest.fixture
def goods(bench):
    made = bench.goods(on_hand=100)
    bench.ready()
    return made


def url(name, pk):
    return reverse(f"admin:leaflink_listing_{name}", args=[pk])


def test_every_part_of_the_number_is_there_and_adds_up(bench, goods, admin_client):
    away = baker.make(Facility, name="Pueblo", license_number="L2")
    inventory.receive(goods.item, away, Decimal(33))
    bench.account.facilities.add(bench.shop)
    held = Lot.objects.create(item=goods.item, number="BAD", on_hold=True, hold_reason="mould")
    old = timezone.localdate() - timedelta(days=1)
    expired = Lot.objects.create(item=goods.item, number="OLD", expires_on=old)
    inventory.receive(goods.item, bench.shop, Decimal(11), held)
    inventory.receive(goods.item, bench.shop, Decimal(12), expired)
    Offer.objects.filter(item=goods.item).update(safety_percent=10, most_shown=50)
    order = bench.order(bench.line(goods, 30))
    bench.order(bench.line(goods, 4), sales_rep_ids=[])
    bench.sync("inventory")
    found = explain(bench.listing(goods))
    target = found.target
    counted = sum(s.stock.on_hand for s in found.shelves if not s.not_counted)
    assert counted == target.on_hand == 100
    assert sum(p.commitment.quantity for p in found.promises if p.counted) == target.committed == 30
    assert sum(h.held for h in found.held) == target.held_for_leaflink == 30
    assert sum(h.reserved for h in found.held) == target.expected_reserved == 34
    assert (target.kept_back, target.sellable, target.shown) == (10, 60, 50)
    assert found.one.quantity == 80 == bench.world.product(goods.remote.id).quantity
    assert bench.available(goods) == 46
    page = admin_client.get(url("why", bench.listing(goods).pk)).content.decode()
    for text in (
        "Why LeafLink offers 46 of Item GUM",
        "the lot is on hold: mould",
        "the lot expired on",
        "this facility does not count for the account",
        "10 % of what is on hand, by the item&#x27;s rule",
        str(bench.local(order)),
        "(the rest is not committed here)",
        "LeafLink has it already.",
    ):
        assert text in page


def test_the_page_of_a_product_that_is_gone_says_so(bench, goods, admin_client):
    bench.product(goods)
    listing = bench.listing(goods)
    type(listing.product).objects.update(gone_at=timezone.now())
    page = admin_client.get(url("why", listing.pk)).content.decode()
    assert "LeafLink no longer has this product" in page


def test_pausing_needs_a_reason_and_says_who(bench, goods, admin_client):
    listing = bench.listing(goods)
    answer = admin_client.post(url("pause", listing.pk), {"pause": "as_is"}, follow=True)
    assert "Say why" in answer.content.decode()
    assert Offer.objects.get(item=goods.item).pause == ""
    said = {"pause": "as_is", "reason": "Recount <b>Friday</b>"}
    page = admin_client.post(url("pause", listing.pk), said, follow=True).content.decode()
    assert "by admin: Recount &lt;b&gt;Friday&lt;/b&gt;" in page
    inventory.receive(goods.item, bench.shop, Decimal(5))
    bench.sync("inventory")
    assert bench.available(goods) == 100
    admin_client.post(url("resume", listing.pk))
    bench.sync("inventory")
    assert bench.available(goods) == 105


def test_many_are_paused_resumed_and_sent_again_from_the_list(bench, admin_client):
    goods = [bench.goods(f"G{n}") for n in range(3)]
    bench.ready()
    pks = [bench.listing(one).pk for one in goods]
    where = reverse("admin:leaflink_listing_changelist")
    data = {"action": "pause_selected", "_selected_action": pks}
    assert "Pause 3 linked products?" in admin_client.post(where, data).content.decode()
    assert not Offer.objects.exclude(pause="").exists()
    admin_client.post(where, {**data, "confirmed": "1", "pause": "at_zero", "reason": "Fair"})
    bench.sync("inventory")
    assert [bench.available(one) for one in goods] == [0, 0, 0]
    assert "Paused" in admin_client.get(where + "?quantity=paused").content.decode()
    admin_client.post(where, {"action": "resume_selected", "_selected_action": pks})
    bench.sync("inventory")
    assert [bench.available(one) for one in goods] == [100, 100, 100]
    bench.calls()
    admin_client.post(where, {"action": "send_again", "_selected_action": pks})
    work.drain()
    assert len(bench.calls("PATCH")) == 3


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(bench, goods, admin_client):
    inventory.receive(goods.item, bench.shop, Decimal(5))
    bench.calls()
    page = admin_client.get(url("preview", bench.account.pk)).content.decode()
    assert "1 quantity would be sent now" in page
    assert "105 on hand" in page
    assert "What can be sold has changed here." in page
    assert bench.calls() == []
    admin_client.post(url("push_now", bench.account.pk))
    work.drain()
    assert bench.available(goods) == 105
    page = admin_client.get(url("preview", bench.account.pk)).content.decode()
    assert "Nothing would be sent now" in page


def test_the_next_page_keeps_what_else_stands_in_the_address(bench, admin_client, monkeypatch):
    monkeypatch.setattr(quantity_pages, "PER_PAGE", 1)
    for n in range(3):
        inventory.receive(bench.goods(f"G{n}").item, bench.shop, Decimal(1))
    bench.sync("products")
    address = url("preview", bench.account.pk) + "?next=/admin/%3Fa%3Db%26c%3Dd&p=2"
    page = html.unescape(admin_client.get(address).content.decode())
    for number in (1, 3):
        assert f'href="?next=%2Fadmin%2F%3Fa%3Db%26c%3Dd&p={number}"' in page


def test_pages_act_by_post_and_permission_only(bench, goods, client, django_user_model):
    listing = bench.listing(goods)
    acts = [
        ("send_now", listing.pk, "sync_account"),
        ("pause", listing.pk, "change_listing"),
        ("resume", listing.pk, "change_listing"),
        ("push_now", bench.account.pk, "sync_account"),
    ]
    looks = [("why", listing.pk), ("preview", bench.account.pk), ("brake", bench.account.pk)]
    for name, pk, _ in acts:
        assert client.post(url(name, pk)).status_code == 302  # to the login
    user = django_user_model.objects.create_user("lee", password="x", is_staff=True)
    client.force_login(user)
    for name, pk in looks:
        assert client.get(url(name, pk)).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_listing"))
    for name, pk in looks:
        assert client.get(url(name, pk)).status_code == 200
        assert client.get(url(name, 987654)).status_code == 404
    for name, pk, permission in acts:
        assert client.post(url(name, pk)).status_code == 403
        user.user_permissions.add(Permission.objects.get(codename=permission))
        assert client.get(url(name, pk)).status_code == 405
        user.user_permissions.clear()
        user.user_permissions.add(Permission.objects.get(codename="view_listing"))
    assert not WorkItem.objects.filter(kind="leaflink.listing", attempts__gt=0).exists()


def test_the_page_costs_the_same_however_many_orders_there_are(
    bench, goods, admin_client, django_assert_max_num_queries
):
    for _ in range(2):
        for _ in range(6):
            bench.order(bench.line(goods, 1))
        bench.sync("inventory")
        with django_assert_max_num_queries(30):
            admin_client.get(url("why", bench.listing(goods).pk))


def test_an_order_that_leaflink_no_longer_has_is_neither_added_back_nor_listed(bench, goods):
    order = bench.order(bench.line(goods, 30))
    bench.sync("inventory")
    bench.world.orders.pop(order.number)
    bench.world.products[goods.remote.id].reserved = Decimal(0)
    note_gone(bench.account, str(order.number))
    bench.sync("inventory")
    assert bench.available(goods) == bench.free(goods) == 70
    found = explain(bench.listing(goods))
    assert found.held == []
    assert found.target.held_for_leaflink == 0
