"""The page about an account's webhooks, and the way from a changed key in LeafLink to its cure."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from model_bakery import baker

from integrations.leaflink.models import (
    Account,
    Cursor,
    Order,
    Product,
    WebhookDelivery,
    WebhookRefusal,
)
from integrations.leaflink.webhook_health import State, health
from tests.leaflink.pages import text_of, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    account = baker.make(
        Account,
        name="Alder Peak",
        host=Account.Host.SANDBOX,
        webhook_key="very-secret-key",
        app_key="x",
        last_webhook_at=timezone.now() - timedelta(hours=2),
    )
    Account.objects.update(created_at=timezone.now() - timedelta(days=60))
    return account


def fill(account, count):
    now = timezone.now()
    for n in range(count):
        number = uuid.uuid4()
        common = {"account": account, "modified": now - timedelta(hours=1), "read_at": now}
        order = baker.make(Order, number=number, short_id=f"miss{n}", buyer=f"Shop {n}", **common)
        product = baker.make(Product, remote_id=n + 1, name=f"Gummies {n}", **common)
        for kind, key in (("order", str(order.number)), ("product", str(product.remote_id))):
            row = baker.make(WebhookDelivery, account=account, kind=kind, key=key, action="edit")
            WebhookDelivery.objects.filter(pk=row.pk).update(
                received_at=now - timedelta(days=n % 10, hours=2)
            )
        hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=n)
        baker.make(WebhookRefusal, account=account, hour=hour, why="wrong_signature", count=n + 1)


def page_of(client, account):
    return client.get(url("leaflink_account_webhooks", account.pk))


def as_somebody(client, *permissions):
    user = baker.make("auth.User", is_staff=True, is_active=True)
    for name in permissions:
        app, codename = name.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    client.force_login(user)
    return client


def test_it_says_what_is_what_was_missed_and_what_to_click(admin_client, account):
    fill(account, 4)
    text = text_of(page_of(admin_client, account))
    assert "Webhooks of Alder Peak (sandbox): silent" in text
    assert "8 changes found by polling only" in text
    assert "of Shop 3" in text
    assert "Product Gummies 0, changed" in text
    assert account.webhook_url in text
    assert "Settings → Developer Options" in text
    assert "very-secret-key" not in page_of(admin_client, account).content.decode()


def test_an_account_without_anything_has_a_page_too(admin_client, account):
    Account.objects.update(last_webhook_at=None, webhook_key="")
    text = text_of(page_of(admin_client, account))
    assert "no webhook yet" in text
    assert "None came in the last 14 days." in text
    assert "Nothing was missed" in text
    assert "Paste the webhook key" in text
    assert page_of(admin_client, baker.prepare(Account, pk=99)).status_code == 404


def test_an_address_that_cant_be_reached_is_told(admin_client, account, settings):
    for site, told in (
        ("http://127.0.0.1:8000", "127.0.0.1 is an address inside your own network"),
        ("http://leafbridge", "leafbridge is an address inside your own network"),
        ("http://shop.example.com", "The address is not encrypted"),
    ):
        settings.SITE_URL = site
        assert told in text_of(page_of(admin_client, account))
    settings.SITE_URL = "https://shop.example.com"
    text = text_of(page_of(admin_client, account))
    assert "inside your own network" not in text
    assert "not encrypted" not in text


def test_each_sees_what_they_may_see(client, account):
    fill(account, 3)
    assert page_of(client, account).status_code == 302
    assert page_of(as_somebody(client, "leaflink.view_order"), account).status_code == 403
    text = text_of(page_of(as_somebody(client, "leaflink.view_account"), account))
    assert "6 changes found by polling only" in text
    assert "You may not see what is in them." in text
    for hidden in ("Shop 1", "Gummies", "Paste the webhook key"):
        assert hidden not in text


def test_the_account_page_leads_here(admin_client, account):
    page = admin_client.get(url("leaflink_account_change", account.pk)).content.decode()
    assert url("leaflink_account_webhooks", account.pk) in page


def test_its_queries_do_not_grow(admin_client, account):
    def queries():
        with CaptureQueriesContext(connection) as caught:
            assert page_of(admin_client, account).status_code == 200
        return len(caught)

    fill(account, 2)
    few = queries()
    Order.objects.all().delete()
    Product.objects.all().delete()
    WebhookRefusal.objects.all().delete()
    fill(account, 20)
    assert queries() == few <= 24


def test_the_days_are_those_of_the_clock_on_the_wall(admin_client, account):
    with time_machine.travel("2026-11-25T19:00:00Z", tick=False):
        admin_client.force_login(User.objects.get(username="admin"))
        row = baker.make(WebhookDelivery, account=account, kind="order", key=str(uuid.uuid4()))
        # 23:30 in Denver on the day before.
        WebhookDelivery.objects.filter(pk=row.pk).update(received_at="2026-11-25T06:30:00Z")
        text = text_of(page_of(admin_client, account))
    assert "Tuesday 24 November: 1 taken" in text
    assert "Wednesday 25 November: 0 taken" in text


def test_a_new_key_in_leaflink_is_seen_told_and_mended_and_nothing_is_lost(bench, admin_client):
    """The whole story with the stand-in: another key there, polling goes on, the key is pasted."""
    gum = bench.goods("GUM")
    bench.ready()
    bench.order(bench.line(gum, 1))
    bench.settle()
    assert health(bench.account).state == State.OK
    hook = next(iter(bench.world.webhooks.values()))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        clock.shift(timedelta(hours=1))
        hook.secret = "made anew in LeafLink"
        order = bench.order(bench.line(gum, 2))
        for _ in range(20):
            bench.hooks.deliver_pending(bench.deliver)
            clock.shift(timedelta(seconds=31))
        bench.sync("orders")
        assert bench.local(order), "polling has brought it in"
        bench.account.refresh_from_db()
        found = health(bench.account)
        assert found.state == State.FAILING
        assert found.text.startswith("Signatures do not fit since")
        assert "Orders are still read each minute." in found.text
        admin_client.force_login(User.objects.get(username="admin"))
        text = text_of(page_of(admin_client, bench.account))
        assert f"Order {bench.mirror(order)}" in text
        bench.account.webhook_key = "made anew in LeafLink"
        bench.account.save(update_fields=["webhook_key"])
        bench.order(bench.line(gum, 3))
        bench.settle()
        bench.account.refresh_from_db()
        assert health(bench.account).state == State.OK


def test_lost_webhooks_are_seen_by_what_polling_finds(bench):
    gum = bench.goods("GUM")
    bench.ready()
    bench.order(bench.line(gum, 1))
    bench.settle()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        clock.shift(timedelta(hours=1))
        next(iter(bench.world.webhooks.values())).enabled = False
        for _ in range(3):
            bench.order(bench.line(gum, 1))
        bench.sync("orders", "statuses", "inventory", "products")
        clock.shift(timedelta(minutes=15))
        bench.sync("orders")
        bench.account.refresh_from_db()
        found = health(bench.account)
    assert (found.state, found.missed) == (State.SILENT, 3)
    assert found.text.startswith("3 orders changed in LeafLink since")
    assert Cursor.objects.filter(resource="orders-received").exists()
