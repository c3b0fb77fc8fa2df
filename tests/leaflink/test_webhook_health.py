"""Webhook health: what state an account's webhooks are in, what people are told, and its price."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from model_bakery import baker

from integrations.encryption import _cipher
from integrations.leaflink import webhook_refusals
from integrations.leaflink.models import (
    Account,
    Cursor,
    Listing,
    Order,
    OrderEvent,
    Product,
    WebhookDelivery,
    WebhookRefusal,
)
from integrations.leaflink.webhook_facts import Facts, Missed
from integrations.leaflink.webhook_health import State, health, healths, judge
from integrations.leaflink.webhook_health import unusually_quiet_hours as quiet_hours
from integrations.leaflink.wire.signature import sign

pytestmark = pytest.mark.django_db
KEY = "webhook-key"
# A Tuesday at 09:00 in Denver.
START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as clock:
        yield clock


@pytest.fixture
def account(clock):
    account = baker.make(Account, name="Alder Peak", webhook_key=KEY, app_key="x")
    Account.objects.update(created_at=START - timedelta(days=90))
    account.refresh_from_db()
    polled(account)
    return account


def polled(account):
    now = timezone.now()
    Cursor.objects.update_or_create(
        account=account, resource="orders-received", defaults={"read_at": now, "modified": now}
    )


def body_of(number=None, kind="order", **more):
    data = {"number": str(number or uuid.uuid4()), "id": 7, **more}
    return json.dumps({"type": kind, "action": "edit", "data": data}).encode()


def send(client, account, body=None, key=KEY, signature=None):
    body = body_of() if body is None else body
    given = sign(key, body) if signature is None else signature
    headers = {"LL-Signature": given} if given else {}
    url = reverse("leaflink-webhook", args=[account.webhook_id])
    return client.post(url, body, content_type="application/json", headers=headers).status_code


def refuse(client, clock, account, times=14, **how):
    """What LeafLink does with a webhook that is refused: it tries again and again."""
    for _ in range(times):
        assert send(client, account, **how) == 403
        clock.shift(timedelta(seconds=30))


def changed(account, count=3, **more):
    """Orders that polling finds changed just now."""
    now = timezone.now()
    return [
        baker.make(
            Order, account=account, number=uuid.uuid4(), modified=now, read_at=now, short_id=f"o{n}"
        )
        for n in range(count)
    ]


def later(clock, account, **time):
    clock.shift(timedelta(**time))
    polled(account)
    account.refresh_from_db()
    return health(account)


def test_no_key_and_no_webhook_yet(client, account):
    Account.objects.update(webhook_key="")
    account.refresh_from_db()
    found = health(account)
    assert (found.state, found.disabled_at) == (State.NEVER, None)
    assert "no webhook key" in found.text
    assert found.cure.startswith("Paste the webhook key")
    account.webhook_key = KEY
    account.save()
    found = health(account)
    assert found.state == State.NEVER
    assert found.text == "No webhook has come yet. Orders are still read each minute."


def test_all_is_well(client, account, clock):
    assert send(client, account) == 200
    found = later(clock, account, hours=1)
    assert (found.state, found.cure, found.refused, found.missed) == (State.OK, "", 0, 0)
    assert found.text == "The last webhook came at 09:00."
    assert not found.state.is_alarm


def test_another_key_in_leaflink_is_told_with_its_cure_and_the_countdown(client, account, clock):
    send(client, account)
    clock.move_to(START + timedelta(minutes=12))
    refuse(client, clock, account, key="new key")
    found = later(clock, account, minutes=5)
    assert found.state == State.FAILING
    assert found.refused == 14
    assert found.since == START + timedelta(minutes=12)
    assert found.disabled_at == found.since + timedelta(days=5)
    assert found.text == (
        "Signatures do not fit since 09:12. Orders are still read each minute. "
        "LeafLink switches the webhook off on Sunday 29 at 09:12."
    )
    assert found.cure == ("Paste the webhook key of LeafLink's Settings → Developer Options again.")
    found = later(clock, account, days=6)
    assert "LeafLink has probably switched the webhook off (Sunday 29 at 09:12" in found.text
    assert "tick Enabled" in found.cure
    send(client, account)
    account.refresh_from_db()
    assert health(account).state == State.OK


def test_a_streak_ends_with_a_valid_webhook_within_the_same_hour(client, account, clock):
    refuse(client, clock, account, times=50, key="x")
    send(client, account)
    clock.shift(timedelta(minutes=2))
    refuse(client, clock, account, times=2, key="x")
    found = later(clock, account, minutes=20)
    assert (found.state, found.refused) == (State.OK, 2)
    assert sum(WebhookRefusal.objects.values_list("count", flat=True)) == 52
    refuse(client, clock, account, times=1, key="x")
    assert later(clock, account, minutes=1).state == State.FAILING


@pytest.mark.parametrize(
    ("change", "how", "why", "word"),
    [
        ({}, {"signature": ""}, "no_signature", "Generate Key"),
        ({"webhook_key": ""}, {}, "no_key", "Paste the webhook key"),
    ],
)
def test_each_reason_has_its_cure(client, account, clock, change, how, why, word):
    send(client, account)
    for name, value in change.items():
        setattr(account, name, value)
    account.save()
    clock.shift(timedelta(hours=1))
    refuse(client, clock, account, **how)
    found = later(clock, account, minutes=10)
    assert found.state == State.FAILING
    assert word in found.cure
    assert list(WebhookRefusal.objects.values_list("why", "count")) == [(why, 14)]


def test_a_key_taken_away_is_told_before_anything_is_refused(client, account, clock):
    send(client, account)
    Account.objects.filter(pk=account.pk).update(webhook_key="")
    found = later(clock, account, hours=1)
    assert (found.state, found.disabled_at) == (State.FAILING, None)
    assert "no webhook key here any more" in found.text


def test_a_lost_encryption_key_refuses_and_says_so(client, account, clock, settings):
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    _cipher.cache_clear()
    refuse(client, clock, account)
    account = Account.objects.get()
    found = health(account)
    assert found.state == State.FAILING
    assert "can't be decrypted" in found.text
    assert "FIELD_ENCRYPTION_KEYS" in found.cure


def test_a_switched_off_account_counts_what_leaflink_tried(client, account, clock):
    send(client, account)
    Account.objects.update(is_active=False)
    clock.shift(timedelta(minutes=30))
    refuse(client, clock, account)
    found = later(clock, account, minutes=1)
    assert (found.state, found.refused) == (State.OFF, 14)
    assert found.disabled_at == START + timedelta(days=5, minutes=30)
    Account.objects.update(is_active=True)
    assert later(clock, account, hours=1).state == State.OK


def test_a_webhook_in_another_form_is_told(client, account, clock):
    send(client, account)
    clock.shift(timedelta(minutes=1))
    for _ in range(3):
        assert send(client, account, b'{"event": "order.changed"}') == 200
    found = later(clock, account, minutes=1)
    assert (found.state, found.not_understood) == (State.UNREADABLE, 3)
    assert "Orders are still read each minute." in found.text
    clock.shift(timedelta(minutes=1))
    send(client, account)
    assert later(clock, account, minutes=1).state == State.OK


def test_three_changed_orders_that_no_webhook_told_of_are_silence(client, account, clock):
    send(client, account)
    clock.shift(timedelta(minutes=20))
    changed(account)
    assert later(clock, account, minutes=9).state == State.OK, "LeafLink may still be trying"
    found = later(clock, account, minutes=2)
    assert (found.state, found.missed) == (State.SILENT, 3)
    assert found.since == START + timedelta(minutes=20)
    assert found.text.startswith(
        "3 orders changed in LeafLink since 09:20 and no webhook told of it. "
        "The last webhook came at 09:00. Orders are still read each minute. If LeafLink tries"
    )
    assert found.disabled_at == found.since + timedelta(days=5)


def test_orders_that_a_webhook_told_of_or_we_changed_are_not_missed(client, account, clock):
    send(client, account)
    clock.shift(timedelta(minutes=20))
    told, ours, old = changed(account, 3)
    send(client, account, body_of(told.number))
    OrderEvent.objects.create(order=ours, kind=OrderEvent.Kind.SENT, text="x")
    Order.objects.filter(pk=old.pk).update(modified=START - timedelta(days=2))
    found = later(clock, account, minutes=30)
    assert (found.state, found.missed) == (State.OK, 0)


def test_what_changed_before_the_first_webhook_came_was_not_missed(client, account, clock):
    changed(account)
    clock.shift(timedelta(minutes=1))
    send(client, account, body_of(kind="product"))
    found = later(clock, account, minutes=30)
    assert (found.state, found.missed) == (State.OK, 0)


def test_silence_is_told_when_the_last_webhooks_are_no_longer_kept(client, account, clock):
    send(client, account)
    clock.shift(timedelta(days=40))
    WebhookDelivery.objects.all().delete()
    changed(account)
    found = later(clock, account, minutes=30)
    assert (found.state, found.missed) == (State.SILENT, 3)
    assert "The last webhook came at November 24 at 09:00" in found.text


def test_orders_without_webhooks_beside_products_with_them(client, account, clock):
    send(client, account)
    for _ in range(3):
        clock.shift(timedelta(hours=1))
        changed(account, 1)
        clock.shift(timedelta(minutes=1))
        send(client, account, body_of(kind="product"))
    found = later(clock, account, minutes=30)
    assert (found.state, found.missed) == (State.SILENT, 3)
    assert "Webhooks about products still come." in found.text
    assert "Tick “New & changed orders”" in found.cure


def test_products_changed_by_others_count_and_those_changed_by_us_dont(client, account, clock):
    send(client, account)
    clock.shift(timedelta(hours=1))
    now = timezone.now()
    products = [
        baker.make(Product, account=account, remote_id=n, modified=now) for n in range(1, 7)
    ]
    for product in products[:3]:
        baker.make(Listing, product=product, item=baker.make("catalog.Item"), last_sent_at=now)
    Listing.objects.update(linked_at=START)
    body = json.dumps({"type": "product", "action": "edit", "data": {"id": 4}}).encode()
    send(client, account, body)
    assert later(clock, account, minutes=30).missed == 0, "the last of its kind came after them"
    clock.shift(timedelta(hours=1))
    Product.objects.filter(remote_id__gte=4).update(modified=timezone.now())
    found = later(clock, account, minutes=30)
    assert (found.state, found.missed) == (State.SILENT, 3)
    assert found.text.startswith("3 products changed")


def busy_weekdays(account, weeks=4):
    """Webhooks each weekday from 8 to 17 o'clock in Denver, for the last weeks."""
    rows = []
    first = START - timedelta(weeks=weeks)
    for hour in range(weeks * 7 * 24):
        at = first + timedelta(hours=hour, minutes=7)
        local = timezone.localtime(at)
        if local.weekday() < 5 and 8 <= local.hour < 17:
            rows.append(at)
    for at in rows:
        row = baker.make(WebhookDelivery, account=account, kind="order", key=str(uuid.uuid4()))
        WebhookDelivery.objects.filter(pk=row.pk).update(received_at=at)
    Account.objects.filter(pk=account.pk).update(last_webhook_at=rows[-1])


def test_a_quiet_weekend_is_no_alarm_and_a_quiet_monday_with_a_changed_order_is(account, clock):
    busy_weekdays(account)
    assert later(clock, account, hours=4).state == State.OK, "nothing changed in LeafLink either"
    clock.move_to(datetime(2026, 11, 27, 23, 30, tzinfo=UTC))
    row = baker.make(WebhookDelivery, account=account, kind="order", key=str(uuid.uuid4()))
    Account.objects.update(last_webhook_at=row.received_at)
    clock.shift(timedelta(minutes=1))
    changed(account, 1)
    found = later(clock, account, days=2, hours=15)
    assert found.state == State.OK, "a weekend"
    found = later(clock, account, hours=6)
    assert (found.state, found.missed) == (State.SILENT, 1)
    Order.objects.all().delete()
    assert later(clock, account, hours=1).state == State.OK, "a holiday: polling found nothing"


def test_silence_while_nothing_is_polled_is_told_by_the_usual_rate_alone(account, clock):
    busy_weekdays(account)
    clock.shift(timedelta(hours=6))
    account.refresh_from_db()
    found = health(account)
    assert found.state == State.SILENT
    assert "which is unusual. Orders were last read at 09:00, not each minute" in found.text


@given(
    weeks=st.integers(0, 4),
    weekdays=st.sets(st.integers(0, 6)),
    silence=st.integers(0, 24 * 9),
)
def test_only_hours_that_are_busy_as_a_rule_count_as_quiet(weeks, weekdays, silence):
    """Property: as many as there are hours of usually busy weekdays in the silence, up to four;
    none without at least three weeks to go by."""
    last = START
    hours = [
        last - timedelta(hours=n)
        for n in range(1, weeks * 7 * 24)
        if timezone.localtime(last - timedelta(hours=n)).weekday() in weekdays
    ]
    facts = Facts(Account(), last_valid_at=last, hours=hours)
    found = quiet_hours(facts, last + timedelta(hours=silence))
    between = [last + timedelta(hours=n) for n in range(1, silence)]
    busy = sum(timezone.localtime(at).weekday() in weekdays for at in between)
    if weeks < 3 or silence < 4:
        assert found == 0
    elif weeks == 4:
        assert found == min(busy, 4)
    else:
        assert found <= min(busy, 4)


@given(
    last=st.none() | st.integers(0, 20_000),
    refused=st.dictionaries(st.sampled_from(WebhookRefusal.Why.values), st.integers(1, 500)),
    orders=st.integers(0, 9),
    products=st.integers(0, 9),
    unclear=st.integers(0, 9),
    key=st.sampled_from(["", "k"]),
    active=st.booleans(),
    read=st.none() | st.integers(0, 5_000),
)
def test_whatever_the_facts_people_get_sentences_and_alarms_have_a_cure(
    last, refused, orders, products, unclear, key, active, read
):
    def ago(minutes):
        return None if minutes is None else START - timedelta(minutes=minutes)

    facts = Facts(
        Account(webhook_key=key, is_active=active),
        last_valid_at=ago(last),
        last_by_kind={"order": ago(last), "product": None},
        refused=refused,
        refused_last_for=next(iter(refused), ""),
        refused_since=ago(30) if refused else None,
        missed_orders=Missed(orders, ago(25) if orders else None),
        missed_products=Missed(products, ago(26) if products else None),
        not_understood=unclear,
        orders_read_at=ago(read),
    )
    found = judge(facts, START)
    assert found.text.endswith(".")
    assert not {"None", "{", "_"} & set(found.text.split())
    assert "  " not in found.text
    assert bool(found.cure) >= found.state.is_alarm
    if found.disabled_at:
        assert found.disabled_at == found.since + timedelta(days=5)
    if found.state == State.OK:
        assert active
        assert last is not None
        assert max(orders, products) < 3


def test_any_number_of_accounts_costs_the_same_queries(account, clock, client):
    def queries(accounts):
        with CaptureQueriesContext(connection) as caught:
            assert len(healths(accounts)) == len(accounts)
        return len(caught)

    others = [baker.make(Account, webhook_key=KEY) for _ in range(5)]
    everyone = [account, *others]
    Account.objects.update(created_at=START - timedelta(days=90))
    for one in everyone:
        send(client, one)
        send(client, one, key="x")
    clock.shift(timedelta(hours=6))
    for one in everyone:
        changed(one)
    clock.shift(timedelta(hours=1))
    rows = list(Account.objects.all())
    assert queries(rows[:1]) == queries(rows) == 6
    assert healths([]) == {}


def test_refusals_of_a_deleted_or_unknown_address_count_nowhere(client, account):
    ghost = baker.prepare(Account, webhook_id=uuid.uuid4())
    assert send(client, ghost) == 403
    assert not WebhookRefusal.objects.exists()


def test_what_could_not_be_counted_is_counted_with_the_next(account, clock, monkeypatch):
    why = WebhookRefusal.Why.NOT_STORED
    with monkeypatch.context() as patch:
        patch.setattr(webhook_refusals, "PAUSE", timedelta(0))

        def broken(*args):
            raise OperationalError("database is locked")

        patch.setattr(webhook_refusals, "_write", broken)
        for _ in range(4):
            webhook_refusals.count(account, why)
    clock.shift(timedelta(minutes=1))
    monkeypatch.setattr(webhook_refusals, "PAUSE", timedelta(0))
    webhook_refusals.count(account, why)
    row = WebhookRefusal.objects.get()
    assert (row.count, row.streak) == (5, 5)
