"""What a reviewer found by attack: kills at the wrong moment, odd records, hands in LeafLink."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from integrations import work
from integrations.budget import SharedBudget
from integrations.leaflink import (
    cycle,
    import_orders,
    jobs,
    mirror_orders,
    pull_catalog,
    pull_orders,
)
from integrations.leaflink.models import Account, Order, Product, WebhookDelivery
from integrations.leaflink.sandbox.errors import NotFound
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.models import Notice, WorkItem
from integrations.runs import Recorder
from integrations.wire.errors import BadPayload
from orders import services
from orders.models import SalesOrder, TaxRate


def test_a_kill_between_storing_and_settling_loses_no_order(bench, monkeypatch):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 3))
    with monkeypatch.context() as patch:
        patch.setattr(import_orders, "settle_all", _die)
        with pytest.raises(KeyboardInterrupt):
            cycle.run_cycle(bench.account, ["orders"])
    bench.sync("orders")
    assert bench.mirror(order).state == "imported"


def test_a_kill_between_storing_and_settling_loses_no_cancellation(bench, monkeypatch):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 3))
    bench.sync("orders")
    bench.world.cancel_order(order.number)
    with monkeypatch.context() as patch:
        patch.setattr(import_orders, "settle_all", _die)
        with pytest.raises(KeyboardInterrupt):
            cycle.run_cycle(bench.account, ["orders"])
    bench.sync("orders")
    assert bench.local(order).status == "canceled"
    assert bench.free(goods) == 100


def _die(*args, **kwargs):
    raise KeyboardInterrupt


def test_a_quantity_typed_in_leaflink_is_put_right(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    bench.world.set_quantity(goods.remote.id, "500")
    bench.sync("products", "inventory")
    assert bench.available(goods) == 100


def test_a_quantity_typed_in_leaflink_is_put_right_by_its_webhook(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    bench.hooks.pending.clear()
    bench.world.set_quantity(goods.remote.id, "500")
    bench.settle()
    assert bench.available(goods) == 100


def test_a_product_that_the_list_missed_is_asked_for_and_not_taken_for_gone(bench, monkeypatch):
    goods, other = bench.goods("A"), bench.goods("B")
    bench.ready()
    real = LeafLinkClient.pages

    def drifting(self, resource, **params):
        for rows in real(self, resource, **params):
            yield [row for row in rows if row.get("id") != goods.remote.id]

    with monkeypatch.context() as patch:
        patch.setattr(LeafLinkClient, "pages", drifting)
        bench.sync("products", full=True)
    assert bench.product(goods).gone_at is None
    bench.world.products.pop(other.remote.id)
    bench.sync("products", full=True)
    assert bench.product(other).gone_at is not None


def test_an_order_from_the_future_does_not_hide_the_next_ones(bench):
    goods = bench.goods()
    bench.ready()
    odd = bench.order(bench.line(goods, 1))
    odd.modified = odd.modified + timedelta(days=400)
    bench.sync("orders")
    bench.hooks.pending.clear()
    order = bench.order(bench.line(goods, 2))
    bench.sync("orders")
    assert bench.mirror(order).state == "imported"


@pytest.mark.parametrize(
    "change",
    [
        {"line": {"id": 2**70}},
        {"line": {"id": -5}},
        {"line": {"unit_multiplier": 2**40}},
        {"customer": {"id": -1, "display_name": "x"}},
        {"extra": float("nan")},
        {"notes": "half a \ud83c character"},
        {"line": {"frozen_data": {"product": {"name": "\ud83c"}}}},
        {"created_on": "0001-01-01T00:00:00+05:00"},
        {"modified": "0001-01-01T00:00:00Z"},
        {"modified": "9999-12-31T23:59:59-12:00"},
        {"line": {"quantity": "0.00001"}},
        {"line": {"quantity": "99999999999"}},
        {"total": {"amount": "1e30"}},
        {"short_id": "x" * 5000},
    ],
)
def test_no_odd_order_keeps_its_neighbour_out(bench, change):
    goods = bench.goods()
    bench.ready()
    odd, good = bench.body(goods, **change), bench.body(goods)
    _, failed = bench.take_in(odd, good)
    assert failed == {}
    assert Order.objects.get(number=good["number"]).state == "imported"
    assert Order.objects.get(number=odd["number"]).state in ("held", "imported")


@pytest.mark.parametrize(
    "odd",
    [
        {"id": -5, "name": "x"},
        {"id": 2**70, "name": "x"},
        {"id": 9, "brand": -1},
        {"id": 9, "unit_multiplier": 2**40},
        {"id": 9, "name": "\ud83c", "note": float("inf")},
        {"id": 9, "modified": "0001-01-01T00:00:00+05:00"},
        {"id": True},
    ],
)
def test_no_odd_product_keeps_its_neighbour_out(bench, odd):
    run = Recorder()
    good = {"id": 7, "name": "Good", "sku": "G"}
    pull_catalog.store_page(pull_catalog.PRODUCTS, bench.account, [odd, good], run)
    assert Product.objects.get(remote_id=7).name == "Good"


def test_what_the_database_itself_refuses_is_told_and_the_rest_is_stored(bench, monkeypatch):
    goods = bench.goods()
    bench.ready()
    odd, good = bench.body(goods), bench.body(goods)
    real = mirror_orders._lay_in

    def lay_in(order, read, *rest):
        real(order, read, *rest)
        if str(read.number) == odd["number"]:
            order.status = None  # which the column does not take

    monkeypatch.setattr(mirror_orders, "_lay_in", lay_in)
    run, failed = bench.take_in(odd, good)
    assert failed == {}
    assert Order.objects.get(number=good["number"]).state == "imported"
    assert run.failed == 1
    assert odd["number"] in Notice.objects.get().text


@pytest.mark.parametrize(
    "trifle",
    [
        {"external_ids": []},
        {"available_transitions": [{"name": "x"}]},
        {"line": {"position": "first"}},
        {"line": {"frozen_data": []}},
        {"delivery_address": "410 Juniper St"},
        {"selected_payment_option": {"payment_term": {"days": ""}}},
        {"order_taxes": "none"},
    ],
)
def test_what_decides_nothing_holds_no_order(bench, trifle):
    goods = bench.goods()
    bench.ready()
    sent = bench.body(goods, **trifle)
    bench.take_in(sent)
    assert Order.objects.get(number=sent["number"]).state == "imported"


def test_one_accounts_bad_key_stops_no_other(bench, settings, monkeypatch):
    goods = bench.goods()
    lost = Account.objects.create(name="AAA first", host="stand-in", app_key="x", key_owner="lost")
    settings.FIELD_ENCRYPTION_KEYS = [
        Fernet.generate_key().decode(),
        *settings.FIELD_ENCRYPTION_KEYS,
    ]
    Account.objects.filter(pk=lost.pk).update(app_key="y")
    settings.FIELD_ENCRYPTION_KEYS = settings.FIELD_ENCRYPTION_KEYS[1:]
    bench.sync("staff")
    bench.map_dana()
    jobs.pull_catalog()
    assert bench.product(goods).sku == "GUM"


def test_a_key_with_a_typographic_quote_is_told_and_not_sent(bench):
    bench.account.app_key = "abc”"
    bench.account.save()
    [step] = cycle.run_cycle(bench.account, ["staff"])
    assert "characters that no key has" in step.error
    assert bench.calls() == []


@pytest.mark.parametrize(
    "next_page", ["http://leaflink.test/api/v2/products/?offset=100", "https://evil.test/api/v2/"]
)
def test_the_key_never_leaves_over_another_scheme_or_host(bench, next_page):
    client = LeafLinkClient("https://leaflink.test/api/v2", "key", budget=_Free())
    with pytest.raises(BadPayload):
        client._same_host(next_page)


class _Free:
    def take(self):
        """Always."""

    def pause(self, seconds):
        """Never."""


@pytest.mark.parametrize(
    ("header", "seconds"), [("1766000000", 900), ("9" * 20, 30), ("²", 30), ("nan", 30), ("0", 1)]
)
def test_no_header_stops_us_for_ever(header, seconds):
    from requests import Response

    from integrations.wire.http import throttled_for

    answer = Response()
    answer.headers["Retry-After"] = header
    assert throttled_for(answer) == seconds


def test_work_that_kills_its_worker_is_stuck_in_the_end(bench, monkeypatch):
    monkeypatch.setattr(work, "_handlers", {"poison": lambda connection, key: None})
    work.ask(bench.account.pk, "poison", ["a"], WorkItem.Priority.ORDERS)
    now = timezone.now()
    for attempt in range(work.MOST_ATTEMPTS):
        with time_machine.travel(now + attempt * (work.LEASE + timedelta(seconds=1))):
            assert work.claim() is not None  # and then the worker is killed
    with time_machine.travel(now + timedelta(days=1)):
        assert work.claim() is None
    item = WorkItem.objects.get()
    assert item.stuck_at is not None
    assert "died each time" in item.error


def test_a_sweep_does_not_revive_what_is_stuck(bench):
    work.ask(bench.account.pk, "unheard of", ["a"], WorkItem.Priority.ORDERS)
    work.drain()
    work.ask(bench.account.pk, "unheard of", ["a"], WorkItem.Priority.ORDERS, revive=False)
    assert WorkItem.objects.get().stuck_at is not None
    work.ask(bench.account.pk, "unheard of", ["a"], WorkItem.Priority.ORDERS)
    assert WorkItem.objects.get().stuck_at is None


def test_single_calls_take_single_tokens(db):
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(10):
            one = SharedBudget("dana", 300, WorkItem.Priority.ORDERS, share=1)
            one.longest_wait = timedelta(0)
            one.take()


def test_a_fulfilment_during_a_push_leaves_the_listing_in_doubt(bench, monkeypatch):
    goods = bench.goods(on_hand=100)
    bench.ready()
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    inventory.receive(goods.item, bench.shop, Decimal(1))
    real = LeafLinkClient.patch

    def patch(self, path, sent):
        answer = real(self, path, sent)
        if bench.world.order(order.number).status == "Submitted":
            for action in ("accept", "fulfill"):
                bench.world.transition(order.number, action)
            pull_orders.read_order(bench.account, self, order.number)
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(LeafLinkClient, "patch", patch)
        bench.sync("inventory")
    bench.sync("inventory")
    assert bench.available(goods) == bench.free(goods) == 91


def test_a_pasted_key_does_not_come_back_in_a_form_with_an_error(admin_client, bench):
    url = reverse("admin:leaflink_account_change", args=[bench.account.pk])
    answer = admin_client.post(url, {"name": "", "new_webhook_key": "a-brand-new-key"})
    assert answer.status_code == 200
    assert "a-brand-new-key" not in answer.content.decode()


def test_how_lines_are_written_and_ordered_is_no_change(bench):
    goods = bench.goods()
    bench.ready()
    sent = bench.body(goods)
    line = sent["line_items"][0]
    sent["line_items"] = [{**line, "id": 1}, {**line, "id": 2, "quantity": "3"}]
    bench.take_in(sent)
    services.allocate(SalesOrder.objects.get())
    again = {
        **sent,
        "line_items": [
            {**line, "id": 2, "quantity": 3.0, "frozen_data": {"product": {"name": "Renamed"}}},
            {**line, "id": 1, "quantity": "2.000", "position": 7},
        ],
        "modified": timezone.now().isoformat(),
    }
    bench.take_in(again)
    assert Order.objects.get().state == "imported"


def test_adding_the_missing_tax_rate_and_reading_again_adds_the_tax(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 1), tax_rate="15")
    bench.sync("orders")
    TaxRate.objects.create(name="Excise", percent=15)
    work.ask(bench.account.pk, "leaflink.order", [order.number], WorkItem.Priority.ORDERS)
    work.drain()
    local = bench.local(order)
    assert (local.tax, local.total) == (Decimal("1.50"), Decimal("11.50"))
    assert bench.mirror(order).warnings == []


def test_an_order_that_leaflink_no_longer_has_stays_flagged(bench):
    goods = bench.goods()
    bench.ready()
    held = bench.order(bench.line(goods, 1), sales_rep_ids=[])
    taken = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    for order in (held, taken):
        bench.world.orders.pop(order.number)
        work.ask(bench.account.pk, "leaflink.order", [order.number], WorkItem.Priority.ORDERS)
    work.drain()
    bench.sync("orders")
    assert (bench.mirror(held).state, bench.mirror(taken).state) == ("ignored", "conflict")
    assert "no longer has this order" in bench.mirror(taken).state_reason
    assert not bench.mirror(held).blockers.exists()


def test_a_product_hook_of_a_product_that_is_gone_is_no_stuck_work(bench):
    goods = bench.goods()
    bench.ready()
    bench.world.products.pop(goods.remote.id)
    with pytest.raises(NotFound):
        bench.world.product(goods.remote.id)
    work.ask(bench.account.pk, "leaflink.product", [str(goods.remote.id)], WorkItem.Priority.REST)
    work.drain()
    assert not WorkItem.objects.filter(kind="leaflink.product").exists()
    assert bench.product(goods).gone_at is not None


def test_a_delivery_day_is_the_day_leaflink_wrote(bench):
    goods = bench.goods()
    bench.ready()
    for written in ("2026-07-09", "2026-07-09T00:00:00Z", "2026-07-09T06:00:00-06:00"):
        sent = bench.body(goods, ship_date=written)
        bench.take_in(sent)
        order = Order.objects.get(number=sent["number"])
        assert f"{order.sales_order.delivery_date}" == "2026-07-09"


def test_orders_kept_out_by_a_rule_come_in_when_it_is_switched_back(
    bench, django_capture_on_commit_callbacks
):
    goods = bench.goods()
    bench.ready()
    Account.objects.update(import_orders=False)
    bench.account.refresh_from_db()
    order = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    assert bench.mirror(order).state == "ignored"
    with django_capture_on_commit_callbacks(execute=True):
        bench.account.import_orders = True
        bench.account.save()
    work.drain()
    assert bench.mirror(order).state == "imported"


def test_two_lines_with_one_number_are_both_kept(bench):
    goods = bench.goods()
    bench.ready()
    sent = bench.body(goods)
    sent["line_items"] = sent["line_items"] * 2
    bench.take_in(sent)
    order = Order.objects.get()
    assert order.line_items.count() == order.sales_order.lines.count() == 2


@pytest.mark.parametrize("name", ["leaflink_order", "orders_salesorder"])
@pytest.mark.parametrize("pk", ["²", "x", "9" * 40])
def test_no_address_of_a_page_is_an_error_page(admin_client, name, pk):
    url = reverse(f"admin:{name}_change", args=["1"]).replace("/1/", f"/{pk}/")
    assert admin_client.get(url).status_code in (302, 404)


def test_taking_listings_along_needs_the_right_to_see_them(client, django_user_model, bench):
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="export_listing"))
    client.force_login(clerk)
    assert client.get(reverse("admin:leaflink_listing_export")).status_code == 403


def test_a_hook_with_a_number_no_product_has_is_kept_with_its_problem(bench):
    hook = payloads.parse(payloads.Webhook, {"type": "product", "data": {"id": "9" * 150}})
    with pytest.raises(BadPayload):
        _ = hook.key
    assert not WebhookDelivery.objects.exists()


def test_editing_a_customer_writes_only_the_destination(admin_client, bench):
    bench.sync("customers")
    customer = bench.account.customers.get()
    destination = baker.make("customers.Destination", name="Ours")
    url = reverse("admin:leaflink_customer_change", args=[customer.pk])
    type(customer).objects.update(name="Pulled meanwhile")
    assert admin_client.post(url, {"destination": destination.pk}).status_code == 302
    customer.refresh_from_db()
    assert (customer.name, customer.destination) == ("Pulled meanwhile", destination)
