"""The drift report: found by reading, gone when settled; fixed, ignored, exported."""

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from catalog import inventory
from integrations import work
from integrations.leaflink import drift, jobs, pull_orders
from integrations.leaflink.models import Drift, Offer, Order
from integrations.leaflink.work_kinds import DETAILS_WORK, LISTING_WORK, STATUS_WORK
from integrations.models import WorkItem
from integrations.wire.errors import Wait
from tests.leaflink.pages import text_of

LIST = reverse("admin:leaflink_drift_changelist")


def rows(**wanted):
    found = Drift.objects.filter(**wanted).order_by("kind", "field")
    return [(one.kind, one.field, one.ours, one.theirs) for one in found]


@pytest.fixture
def goods(bench):
    made = bench.goods(on_hand=100)
    bench.ready()
    return made


def paused_and_changed(bench, goods):
    Offer.objects.filter(item=goods.item).update(pause="as_is", pause_reason="recount")
    inventory.receive(goods.item, bench.shop, Decimal(20))
    work.drain()


def test_nothing_differs_after_an_exchange(bench, goods):
    bench.account.refresh_from_db()
    assert drift.record(bench.account, reserved=True) == 2
    # These differ since before they were linked.
    assert rows() == [
        ("name", "name", "Item GUM", "Product GUM"),
        ("price", "wholesale_price", "$0.00", "$10.00"),
    ]


def test_each_kind_of_difference_is_found_and_goes_when_it_is_settled(bench, goods):
    paused_and_changed(bench, goods)
    bench.world.edit_product(goods.remote.id, wholesale_price=Decimal("11.00"), sku="GUM-2")
    order = bench.order(bench.line(goods, 3))
    bench.sync()
    found = rows()
    assert ("quantity", "quantity", "120", "100") in found
    assert ("sku", "sku", "GUM", "GUM-2") in found
    assert ("price", "wholesale_price", "$0.00", "$11.00") in found
    assert not Drift.objects.filter(order__isnull=False).exists()
    local = bench.local(order)
    local.payment_term = "net30"
    local.save()
    bench.account.push_order_terms = False
    bench.account.save()
    drift.record(bench.account)
    assert [row[:2] for row in rows(order__isnull=False)] == [("terms", "payment_term")]
    Offer.objects.filter(item=goods.item).update(pause="")
    bench.sync("inventory")
    assert not Drift.objects.filter(kind="quantity").exists()


def test_the_audit_finds_a_reservation_that_nobody_knows_of(bench, goods):
    bench.world.products[goods.remote.id].reserved = Decimal(7)
    jobs.pull_catalog()
    assert not Drift.objects.filter(kind="reserved").exists()
    jobs.audit()
    assert rows(kind="reserved") == [("reserved", "reserved", "0", "7")]
    bench.world.products[goods.remote.id].reserved = Decimal(0)
    jobs.audit()
    assert not Drift.objects.filter(kind="reserved").exists()


def test_an_order_is_no_difference_of_reservations_while_one_side_was_read_later(
    bench, goods, monkeypatch
):
    """Orders that come just before and during an audit are reserved there, and read here later."""
    bench.order(bench.line(goods, 3), sales_rep_ids=[])
    real = pull_orders.pull_changed

    def one_more_while_reading(*args, **more):
        bench.order(bench.line(goods, 2), sales_rep_ids=[])
        return real(*args, **more)

    monkeypatch.setattr(pull_orders, "pull_changed", one_more_while_reading)
    jobs.audit()
    assert rows(kind="reserved") == []
    monkeypatch.setattr(pull_orders, "pull_changed", real)
    jobs.audit()
    assert rows(kind="reserved") == []
    work.drain()
    bench.world.products[goods.remote.id].reserved += 7
    jobs.audit()
    assert rows(kind="reserved") == [("reserved", "reserved", "5", "12")]


def test_reservations_are_not_compared_when_the_orders_could_not_be_read(bench, goods, monkeypatch):
    def refuse(*args, **more):
        raise Wait("LeafLink is down.", seconds=5)

    bench.world.products[goods.remote.id].reserved = Decimal(7)
    monkeypatch.setattr(pull_orders, "pull_changed", refuse)
    jobs.audit()
    assert rows(kind="reserved") == []


def test_an_archived_product_and_other_units_are_told(bench, goods):
    bench.world.archive_product(goods.remote.id)
    other = bench.goods("OTH")
    bench.sync("products")
    bench.world.edit_product(other.remote.id, unit_of_measure="Gram")
    bench.sync("products")
    assert ("listing_state", "listing_state", "Offered", "Archived") in rows()
    assert ("unit", "unit", "Unit", "Gram") in rows()


def test_what_is_about_to_be_sent_is_no_difference_yet(
    bench, goods, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        inventory.receive(goods.item, bench.shop, Decimal(20))
    drift.record(bench.account)
    assert not Drift.objects.filter(kind="quantity").exists()


def test_a_number_typed_in_leaflink_is_put_right_when_its_product_is_read(bench, goods):
    bench.world.set_quantity(goods.remote.id, "7")
    jobs.pull_catalog()
    assert not Drift.objects.filter(kind="quantity").exists()
    work.drain()
    assert bench.available(goods) == 100


def test_a_number_typed_in_leaflink_is_reported_where_nothing_is_sent(bench, goods):
    Offer.objects.filter(item=goods.item).update(pause="as_is", pause_reason="recount")
    work.drain()
    bench.world.set_quantity(goods.remote.id, "7")
    jobs.pull_catalog()
    assert not WorkItem.objects.exists()
    assert rows(kind="quantity") == [("quantity", "quantity", "100", "7")]


def test_one_is_fixed_by_a_button_and_many_at_once(bench, goods, admin_client):
    paused_and_changed(bench, goods)
    drift.record(bench.account)
    one = Drift.objects.get(kind="quantity")
    page = admin_client.get(LIST).content.decode()
    assert "Send our quantity of" in page
    assert ">120<" in page
    fix = reverse("admin:leaflink_drift_fix", args=[one.pk])
    told = admin_client.post(fix, follow=True).content.decode()
    assert "It is paused. Resume it under Linked products first." in told
    Offer.objects.filter(item=goods.item).update(pause="")
    assert admin_client.get(fix).status_code == 405
    admin_client.post(fix)
    work.drain()
    assert bench.available(goods) == 120
    assert not Drift.objects.filter(kind="quantity").exists()

    bench.account.push_details = True
    bench.account.save()
    every = list(Drift.objects.values_list("pk", flat=True))
    admin_client.post(LIST, {"action": "fix_selected", "_selected_action": every})
    work.drain()
    assert bench.world.product(goods.remote.id).name == "Item GUM"


def test_a_difference_of_reservations_is_read_again_and_says_so(bench, goods, admin_client):
    orders = [bench.order(bench.line(goods, 2), sales_rep_ids=[]) for _ in range(2)]
    bench.sync("orders")
    work.drain()
    bench.world.products[goods.remote.id].reserved += 7
    jobs.audit()
    one = Drift.objects.get(kind="reserved")
    assert "Read the product and its orders again:" in admin_client.get(LIST).content.decode()
    fix = reverse("admin:leaflink_drift_fix", args=[one.pk])
    told = text_of(admin_client.post(fix, follow=True))
    assert "1 product and the 2 orders that LeafLink reserves for are read again." in told
    bench.calls()
    bench.world.products[goods.remote.id].reserved -= 7
    work.drain()
    read = bench.calls("GET")
    assert f"GET /products/{goods.remote.id}/" in read
    assert {f"GET /orders-received/{order.number}/" for order in orders} <= set(read)
    assert not Drift.objects.filter(kind="reserved").exists()


def test_the_terms_of_an_order_are_not_said_to_be_sent_when_the_rules_keep_them(
    bench, goods, admin_client
):
    order = bench.order(bench.line(goods, 3))
    bench.sync("orders")
    local = bench.local(order)
    local.payment_term = "net30"
    local.save()
    bench.account.push_order_terms = False
    bench.account.save()
    work.drain()
    drift.record(bench.account)
    one = Drift.objects.get(kind="terms")
    fix = reverse("admin:leaflink_drift_fix", args=[one.pk])
    told = text_of(admin_client.post(fix, follow=True))
    assert "Not sent: the terms of" in told
    assert "brought up to date" not in told
    bench.account.push_order_terms = True
    bench.account.save()
    told = text_of(admin_client.post(fix, follow=True))
    assert "1 order is brought up to date within seconds." in told
    work.drain()
    assert bench.world.orders[order.number].payment_term == "Net 30"


def test_what_leaflink_refused_of_an_order_is_not_said_to_be_sent(bench, goods, admin_client):
    order = bench.order(bench.line(goods, 3))
    bench.sync("orders")
    local = bench.local(order)
    local.payment_term = "net30"
    local.save()
    drift.record(bench.account)
    Order.objects.update(refusals={"payment_term": ["net30", "Not this one."]}, refused="Not it.")
    work.drain()
    drift.record(bench.account)
    one = Drift.objects.get(kind="terms")
    fix = reverse("admin:leaflink_drift_fix", args=[one.pk])
    told = text_of(admin_client.post(fix, follow=True))
    assert "LeafLink refused it" in told
    assert "brought up to date" not in told


def test_ignored_until_a_day_or_until_it_changes(bench, goods, admin_client):
    paused_and_changed(bench, goods)
    drift.record(bench.account)
    one = Drift.objects.get(kind="quantity")
    data = {"action": "ignore_selected", "_selected_action": [one.pk]}
    assert "Ignore 1 difference?" in admin_client.post(LIST, data).content.decode()
    past = admin_client.post(LIST, {**data, "confirmed": "1", "until": "2020-01-01"})
    assert "still to come" in past.content.decode()
    day = timezone.localdate() + timedelta(days=5)
    admin_client.post(LIST, {**data, "confirmed": "1", "until": day.isoformat()})
    one.refresh_from_db()
    assert one.ignored_by.username == "admin"
    assert one not in drift.open_ones()
    drift.record(bench.account)
    assert one not in drift.open_ones()
    inventory.receive(goods.item, bench.shop, Decimal(1))
    drift.record(bench.account)
    assert one in drift.open_ones()


def test_what_is_ignored_stays_so_while_its_work_waits_in_the_queue(bench, goods, admin_client):
    paused_and_changed(bench, goods)
    order = bench.order(bench.line(goods, 3))
    bench.sync("orders")
    local = bench.local(order)
    local.payment_term = "net30"
    local.save()
    bench.account.push_order_terms = False
    bench.account.save()
    work.drain()
    drift.record(bench.account)
    kinds = ["name", "price", "quantity", "terms"]
    ignored = list(Drift.objects.filter(kind__in=kinds).order_by("kind"))
    assert [one.kind for one in ignored] == kinds
    until = timezone.now() + timedelta(days=5)
    drift.ignore(Drift.objects.all(), until, by=admin_client.get("/admin/").wsgi_request.user)
    for kind, key in (
        (LISTING_WORK, goods.item.pk),
        (DETAILS_WORK, goods.item.pk),
        (STATUS_WORK, order.number),
    ):
        work.ask(bench.account.pk, kind, [str(key)], WorkItem.Priority.STOCK)
    drift.record(bench.account)
    work.drain()
    drift.record(bench.account)
    for one in ignored:
        one.refresh_from_db()
        assert one not in drift.open_ones()


def test_the_report_goes_out_as_a_file_by_permission(bench, goods, client, django_user_model):
    drift.record(bench.account)
    user = django_user_model.objects.create_user("lee", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_drift"))
    client.force_login(user)
    export = reverse("admin:leaflink_drift_export")
    assert client.get(export).status_code == 403
    assert b"Compare now" not in client.get(LIST).content
    assert client.post(reverse("admin:leaflink_drift_compare")).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="export_drift"))
    answer = client.post(export, {"format": "0", "resource": ""})
    text = answer.content.decode("utf-8-sig")
    found = list(csv.DictReader(io.StringIO(text)))
    assert {row["item sku"] for row in found} == {"GUM"}
    assert ("Name", "Product GUM") in [(row["what"], row["LeafLink's"]) for row in found]


def test_comparing_costs_the_same_for_few_and_for_many(bench, django_assert_max_num_queries):
    for count in (2, 30):
        for n in range(count):
            bench.goods(f"{count}-{n}")
        bench.sync("products", "inventory")
        with django_assert_max_num_queries(36):
            drift.record(bench.account)
