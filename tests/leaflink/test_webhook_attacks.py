"""The webhook address under attack: what gets in, what it costs, and what is left behind."""

import hmac
import json
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.http import UnreadablePostError
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from model_bakery import baker

from integrations.leaflink import webhooks
from integrations.leaflink.models import Account, Order, WebhookDelivery, WebhookRefusal
from integrations.leaflink.wire.signature import sign
from integrations.models import WorkItem

pytestmark = pytest.mark.django_db
KEY = "webhook-key"
NUMBER = "3f0c7a52-9d41-4c7e-8a16-5be20c94d7f1"
BODY = json.dumps({"type": "order", "action": "edit", "data": {"number": NUMBER}}).encode()


@pytest.fixture
def account():
    return baker.make(Account, name="Alder Peak", webhook_key=KEY, app_key="x")


def post(account, body=BODY, signature=None, content_type="application/json", **extra):
    url = reverse("leaflink-webhook", args=[account.webhook_id])
    headers = {} if signature is None else {"LL-Signature": signature}
    return Client().post(url, body, content_type=content_type, headers=headers, **extra)


def nothing_came_in():
    return not (
        WebhookDelivery.objects.exists() or WorkItem.objects.exists() or Order.objects.exists()
    )


def counts():
    return dict(WebhookRefusal.objects.values_list("why", "count"))


def test_a_replay_is_work_done_once_more_and_nothing_else(account):
    for _ in range(2):
        assert post(account, signature=sign(KEY, BODY)).status_code == 200
    assert Order.objects.count() == WorkItem.objects.count() == 1
    assert WebhookDelivery.objects.count() == 2


@pytest.mark.parametrize(
    "given",
    [
        f"{sign(KEY, BODY)}, {sign(KEY, BODY)}",
        f"{sign('x', BODY)},{sign(KEY, BODY)}",
        f"sha256={sign(KEY, BODY)}",
        sign(KEY, BODY).rstrip("="),
        sign(KEY, BODY).lower(),
        "A" * 8_000,
        "\xff\xfe",
        "=",
    ],
)
def test_only_the_one_signature_opens(account, given):
    assert post(account, signature=given).status_code == 403
    assert nothing_came_in()
    assert counts() == {"wrong_signature": 1}


@pytest.mark.parametrize("given", [None, "", "   "])
def test_without_signature_is_told_apart(account, given):
    assert post(account, signature=given).status_code == 403
    assert counts() == {"no_signature": 1}


@pytest.mark.parametrize(
    "content_type", ["text/plain", "multipart/form-data; boundary=x", "application/x-odd", ""]
)
def test_the_content_type_is_of_no_matter(account, content_type):
    signature = sign(KEY, BODY)
    assert post(account, signature=signature, content_type=content_type).status_code == 200
    assert post(account, signature="no", content_type=content_type).status_code == 403
    assert WebhookDelivery.objects.get().key == NUMBER


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_other_methods_get_a_sentence_and_cost_no_query(account, method):
    url = reverse("leaflink-webhook", args=[account.webhook_id])
    with CaptureQueriesContext(connection) as caught:
        answer = getattr(Client(), method)(url, headers={"LL-Signature": sign(KEY, b"")})
    assert answer.status_code == 405
    assert len(caught) == 0
    assert method == "head" or b"You have reached Leafbridge" in answer.content
    assert not WebhookRefusal.objects.exists()


def test_a_body_that_is_too_large_is_refused_unread_signed_or_not(account, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    body = BODY + b" " * 1_000
    for signature in (None, sign(KEY, body)):
        assert post(account, body, signature).status_code == 413
    assert nothing_came_in()
    assert list(counts()) == ["too_large"]


def test_a_body_that_breaks_off_is_nobodys_fault(account, monkeypatch):
    def broken(self):
        raise UnreadablePostError("gone")

    monkeypatch.setattr("django.core.handlers.wsgi.WSGIRequest.body", property(broken))
    assert post(account).status_code == 400
    assert nothing_came_in()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
HOOKS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["order", "product", "Order"]) | JSON,
        "action": JSON,
        "data": st.fixed_dictionaries({}, optional={"number": JSON, "id": JSON}) | JSON,
    },
)


@given(
    body=st.binary(max_size=200)
    | HOOKS.map(lambda hook: json.dumps(hook).encode())
    | JSON.map(lambda body: json.dumps(body).encode())
)
def test_whatever_is_signed_is_kept_and_answered(body):
    """Property: no signed body, however odd (halves of characters, NaN, huge numbers), is a 500."""
    account, _ = Account.objects.get_or_create(name="One", defaults={"webhook_key": KEY})
    before = WebhookDelivery.objects.count()
    assert post(account, body, sign(KEY, body)).status_code == 200
    assert WebhookDelivery.objects.count() == before + 1


@pytest.mark.parametrize("text", ["\x00", "\ud800", "🌿" * 50, "'; drop table x; --"])
def test_odd_text_beside_the_number_is_no_hindrance(account, text):
    hook = {"type": "order", "action": "edit", "data": {"number": NUMBER, "notes": text}}
    for body in (json.dumps(hook).encode(), json.dumps({**hook, "odd": text}).encode()):
        assert post(account, body, sign(KEY, body)).status_code == 200
    assert list(WebhookDelivery.objects.values_list("key", "problem")) == [(NUMBER, "")] * 2


@pytest.mark.parametrize("action", ["\x00", "\ud800", "e" * 500, {"a": 1}])
def test_an_odd_action_is_kept(account, action):
    body = json.dumps({"type": "order", "action": action, "data": {"number": NUMBER}}).encode()
    assert post(account, body, sign(KEY, body)).status_code == 200
    assert WebhookDelivery.objects.count() == 1


def test_signatures_are_compared_in_constant_time(account, monkeypatch):
    seen = []
    compare = hmac.compare_digest

    def spy(one, other):
        seen.append((one, other))
        return compare(one, other)

    monkeypatch.setattr("integrations.leaflink.wire.signature.hmac.compare_digest", spy)
    assert post(account, signature="nearly").status_code == 403
    assert seen == [(sign(KEY, BODY).encode(), b"nearly")]


def test_a_refusal_costs_two_statements_and_a_flood_one(account):
    def cost(target=account):
        with CaptureQueriesContext(connection) as caught:
            assert post(target, signature="bad").status_code == 403
        return len(caught)

    ghost = baker.prepare(Account, webhook_id=uuid.uuid4())
    first = cost()
    assert first <= 6, "the first of an hour makes its row"
    assert [cost() for _ in range(5)] == [1] * 5, "within the same second only the account is read"
    later = timezone.now() + timedelta(seconds=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("integrations.leaflink.webhook_refusals.timezone.now", lambda: later)
        assert cost() == 2
    assert cost(ghost) == 1
    assert counts() == {"wrong_signature": 7}


def test_what_could_not_be_stored_is_counted_and_tried_again(account, monkeypatch):
    def broken(*args):
        raise OSError("disk is full")

    url = reverse("leaflink-webhook", args=[account.webhook_id])
    with monkeypatch.context() as patch:
        patch.setattr(webhooks, "_store", broken)
        answer = Client(raise_request_exception=False).post(
            url,
            BODY,
            content_type="application/json",
            headers={"LL-Signature": sign(KEY, BODY)},
        )
    assert answer.status_code == 500
    assert counts() == {"not_stored": 1}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_flood_of_bad_signatures_from_eight_threads_leaves_a_row_and_lets_the_good_one_in(
    account,
):
    refused = []

    def flood():
        try:
            for _ in range(40):
                refused.append(post(account, signature="bad").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=flood) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert post(account, signature=sign(KEY, BODY)).status_code == 200
    for thread in threads:
        thread.join()
    assert refused == [403] * 320
    row = WebhookRefusal.objects.order_by("hour").last()
    assert WebhookRefusal.objects.count() <= 2, "one, or two when the hour ends meanwhile"
    assert 1 <= row.count <= 320
    assert WebhookDelivery.objects.count() == Order.objects.count() == 1
