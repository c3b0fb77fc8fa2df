"""What is deleted when, in small lots."""

import uuid
from datetime import timedelta

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from model_bakery import baker

from config.keep_days import keep_days
from integrations import retention
from integrations.leaflink.models import Account, Order, OrderEvent, WebhookDelivery
from integrations.models import Call, CallCount, Notice, PushDelay, Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return Account.objects.create(name="Alder Peak", host=Account.Host.SANDBOX, app_key="k")


@pytest.fixture(autouse=True)
def _days(settings):
    settings.KEEP_RUNS_DAYS = 20
    settings.KEEP_QUIET_RUNS_DAYS = 2
    settings.KEEP_CALLS_DAYS = 15
    settings.KEEP_WEBHOOKS_DAYS = 10
    settings.KEEP_NOTICES_DAYS = 5
    settings.KEEP_ORDER_EVENTS_DAYS = 100


def ago(days):
    return timezone.now() - timedelta(days=days)


def a_call(account, days, **more):
    return Call.objects.create(
        **{
            "connection": account,
            "at": ago(days),
            "method": "GET",
            "path": "x",
            "what": "Lists read",
            "outcome": "ok",
            "milliseconds": 1,
            **more,
        }
    )


def ages(model, column):
    now = timezone.now()
    return sorted((now - at).days for at in model.objects.values_list(column, flat=True))


def test_each_kind_is_kept_as_long_as_its_setting_says(account):
    order = baker.make(Order, account=account, number=uuid.uuid4(), raw={})
    for days in (1, 3, 9, 14, 19, 25, 99, 120, 399, 450):
        Run.objects.create(connection=account, kind="a", started_at=ago(days), changed=1)
        Notice.objects.create(
            connection=account, category="refused", key=f"{days}", text="x", resolved_at=ago(days)
        )
        a_call(account, days)
        CallCount.objects.create(connection=account, hour=ago(days), what="a", outcome="ok")
        PushDelay.objects.create(connection=account, hour=ago(days), what="a", within=1)
        hook = WebhookDelivery.objects.create(account=account, body="{}")
        WebhookDelivery.objects.filter(pk=hook.pk).update(received_at=ago(days))
        event = OrderEvent.objects.create(order=order, kind="read", text="x")
        OrderEvent.objects.filter(pk=event.pk).update(at=ago(days))
    Notice.objects.create(connection=account, category="refused", key="open", text="x")
    retention.prune()
    assert ages(Run, "started_at") == [1, 3, 9, 14, 19]
    assert ages(Call, "at") == [1, 3, 9, 14]
    assert ages(WebhookDelivery, "received_at") == [1, 3, 9]
    assert ages(OrderEvent, "at") == [1, 3, 9, 14, 19, 25, 99]
    assert ages(CallCount, "hour") == ages(PushDelay, "hour") == [1, 3, 9, 14, 19, 25, 99, 120, 399]
    assert sorted(Notice.objects.values_list("key", flat=True)) == ["1", "3", "open"]


def test_quiet_runs_and_pages_go_sooner_and_the_calls_of_a_run_outlive_it(account):
    quiet = Run.objects.create(connection=account, kind="a", started_at=ago(3), outcome="done")
    a_call(account, 3, is_page=True, run=quiet)
    failed = a_call(account, 3, is_page=True, outcome="wait", run=quiet)
    write = a_call(account, 3, method="PATCH", run=quiet)
    partly = Run.objects.create(connection=account, kind="a", started_at=ago(3), outcome="partly")
    retention.prune()
    assert list(Run.objects.all()) == [partly]
    assert set(Call.objects.values_list("pk", "run")) == {(failed.pk, None), (write.pk, None)}


def test_a_big_table_is_deleted_in_small_lots(account, monkeypatch):
    monkeypatch.setattr(retention, "AT_A_TIME", 10)
    for _ in range(35):
        a_call(account, 16)
    a_call(account, 1)
    with CaptureQueriesContext(database) as queries:
        retention.prune()
    deletes = [q for q in queries if q["sql"].startswith('DELETE FROM "integrations_call"')]
    assert len(deletes) == 4
    assert Call.objects.count() == 1


@pytest.mark.parametrize("value", ["0", "-3", "thirty", "1.5", "99999999"])
def test_a_setting_that_is_no_number_of_days_is_refused_with_what_to_write(monkeypatch, value):
    monkeypatch.setenv("KEEP_CALLS_DAYS", value)
    with pytest.raises(ImproperlyConfigured, match="KEEP_CALLS_DAYS=30"):
        keep_days(environ.Env(), "KEEP_CALLS_DAYS", 30)


def test_a_setting_may_be_left_out_or_empty(monkeypatch):
    monkeypatch.delenv("KEEP_CALLS_DAYS", raising=False)
    assert keep_days(environ.Env(), "KEEP_CALLS_DAYS", 30) == 30
    monkeypatch.setenv("KEEP_CALLS_DAYS", "")
    assert keep_days(environ.Env(), "KEEP_CALLS_DAYS", 30) == 30
    monkeypatch.setenv("KEEP_CALLS_DAYS", "7")
    assert keep_days(environ.Env(), "KEEP_CALLS_DAYS", 30) == 7
