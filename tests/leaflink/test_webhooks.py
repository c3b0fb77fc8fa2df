"""The webhook view: what it takes, what it refuses, and what it leaves behind."""

import json
import uuid

import pytest
from django.urls import reverse
from model_bakery import baker

from integrations.leaflink.models import Account, Order, WebhookDelivery
from integrations.leaflink.wire.signature import sign
from integrations.models import WorkItem

pytestmark = pytest.mark.django_db
KEY = "webhook-key"
NUMBER = "3f0c7a52-9d41-4c7e-8a16-5be20c94d7f1"


@pytest.fixture
def account():
    return baker.make(Account, name="Alder Peak", webhook_key=KEY, app_key="x")


def order_hook(**more):
    body = {"type": "order", "action": "create", "data": {"number": NUMBER}, **more}
    return json.dumps(body).encode()


def send(client, account, body, signature=None, **headers):
    url = reverse("leaflink-webhook", args=[account.webhook_id])
    if signature is not None:
        headers["HTTP_LL_SIGNATURE"] = signature
    return client.post(url, body, content_type="application/json", **headers)


def test_a_signed_order_hook_is_stored_listed_and_asked_for(client, account):
    body = order_hook()
    assert send(client, account, body, sign(KEY, body)).status_code == 200
    delivery = WebhookDelivery.objects.get()
    assert (delivery.kind, delivery.action, delivery.key) == ("order", "create", NUMBER)
    order = Order.objects.get()
    assert (order.state, order.short_id) == ("waiting", "0c94d7f1"[-8:])
    work = WorkItem.objects.get()
    assert (work.kind, work.key, work.priority) == ("leaflink.order", NUMBER, 10)
    account.refresh_from_db()
    assert account.last_webhook_at is not None


def test_a_burst_is_stored_and_asked_for_once(client, account):
    for action in ("create", "edit", "edit"):
        body = order_hook(action=action)
        assert send(client, account, body, sign(KEY, body)).status_code == 200
    assert WebhookDelivery.objects.count() == 3
    assert WorkItem.objects.count() == Order.objects.count() == 1


def test_a_product_hook_asks_for_the_product(client, account):
    body = json.dumps({"type": "product", "action": "edit", "data": {"id": 40211}}).encode()
    assert send(client, account, body, sign(KEY, body)).status_code == 200
    assert WorkItem.objects.get().key == "40211"


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "nonsense",
        "ñ",
        sign(KEY, order_hook())[:-3],
        sign("other", order_hook()),
        sign("", order_hook()),
    ],
)
def test_an_unsigned_or_wrongly_signed_hook_leaves_nothing_behind(client, account, signature):
    assert send(client, account, order_hook(), signature).status_code == 403
    assert not WebhookDelivery.objects.exists()
    assert not WorkItem.objects.exists()
    assert not Order.objects.exists()


def test_a_changed_body_does_not_fit_its_signature(client, account):
    body = order_hook()
    assert send(client, account, body + b" ", sign(KEY, body)).status_code == 403


def test_an_account_without_webhook_key_refuses_all(client, account):
    Account.objects.update(webhook_key="")
    body = order_hook()
    for key in ("", KEY):
        assert send(client, account, body, sign(key, body)).status_code == 403
    assert not WebhookDelivery.objects.exists()


def test_a_switched_off_or_unknown_account_refuses_like_a_wrong_signature(client, account):
    body = order_hook()
    unknown = baker.prepare(Account, webhook_id=uuid.uuid4())
    answers = [send(client, unknown, body, sign(KEY, body)), send(client, account, body, "x")]
    Account.objects.update(is_active=False)
    answers.append(send(client, account, body, sign(KEY, body)))
    assert {(a.status_code, a.content) for a in answers} == {(403, answers[0].content)}


def test_the_key_of_one_account_does_not_open_another(client, account):
    other = baker.make(Account, name="Mesa", webhook_key="other-key")
    body = order_hook()
    assert send(client, other, body, sign(KEY, body)).status_code == 403


def test_only_post_is_taken(client, account):
    assert client.get(reverse("leaflink-webhook", args=[account.webhook_id])).status_code == 405


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"type": "order"}',
        b'{"type": "order", "data": {"number": "12"}}',
        b'{"type": "invoice", "data": {}}',
        b'{"type": "product", "data": {"id": null}}',
        b"\xff\xfe\x00",
        b'{"a":' * 20_000,
        b"[" * 100_000,
    ],
)
def test_a_signed_hook_that_makes_no_sense_is_kept_with_its_problem(client, account, body):
    assert send(client, account, body, sign(KEY, body)).status_code == 200
    assert WebhookDelivery.objects.get().problem
    assert not WorkItem.objects.exists()


def test_a_huge_hook_is_taken(client, account):
    body = order_hook(data={"number": NUMBER, "notes": "🌿" * 450_000})
    assert len(body) > 5_000_000
    assert send(client, account, body, sign(KEY, body)).status_code == 200
    assert WorkItem.objects.count() == 1


def test_an_answer_costs_a_handful_of_queries(client, account, django_assert_max_num_queries):
    body = order_hook()
    with django_assert_max_num_queries(12):
        send(client, account, body, sign(KEY, body))


def test_what_is_known_already_is_not_disturbed(client, account):
    order = baker.make(Order, account=account, number=NUMBER, state="imported", short_id="mine")
    body = order_hook(data={"number": NUMBER.upper(), "status": "Rejected"})
    assert send(client, account, body, sign(KEY, body)).status_code == 200
    order.refresh_from_db()
    assert (order.state, order.short_id, order.status) == ("imported", "mine", "")
