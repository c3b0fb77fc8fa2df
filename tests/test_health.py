"""/healthz, /readyz and /metrics: what they say, to whom, and what they never say."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone
from model_bakery import baker
from prometheus_client.parser import text_string_to_metric_families

from config import health
from integrations.leaflink.models import Account, Order
from integrations.models import Budget, Heartbeat, Notice, Run, WorkItem

pytestmark = pytest.mark.django_db
KEY, TOKEN = "app-key-0123456789", "scrape-0123456789"
NOW = timezone.now


def ago(**how):
    return NOW() - timedelta(**how)


def make_account(name="Alder Peak", made=None, **more):
    account = Account.objects.create(
        name=name, host=Account.Host.SANDBOX, app_key=KEY, key_owner="Dana Ruiz", **more
    )
    Account.objects.filter(pk=account.pk).update(created_at=made or ago(days=2))
    return account


def ran(account, kind, at, outcome="done"):
    Run.objects.create(
        connection=account, kind=kind, outcome=outcome, started_at=at, finished_at=at
    )


@pytest.fixture
def healthy():
    Heartbeat.beat()
    account = make_account()
    ran(account, "orders", ago(minutes=1))
    ran(account, "inventory", ago(minutes=9), "partly")
    return account


def ready(client, status):
    answer = client.get("/readyz")
    assert answer.status_code == status, answer.json()
    return answer.json()


def test_all_is_well(client, healthy):
    said = ready(client, 200)
    assert said["ready"] is True
    assert said["problems"] == []
    assert said["checks"]["worker"]["heartbeat_age_seconds"] < 5
    (row,) = said["checks"]["runs"]["accounts"]
    assert row["account"] == healthy.pk
    assert 59 < row["orders_age_seconds"] < 70
    assert 539 < row["inventory_age_seconds"] < 550
    assert all(check["ok"] for check in said["checks"].values())


def test_it_tells_nobody_names_or_keys(client, healthy):
    make_account("Birch", made=ago(days=1))
    text = client.get("/readyz").content.decode()
    assert '"ready": false' in text
    for secret in ("Alder", "Birch", "Dana", KEY):
        assert secret not in text


def test_a_database_that_is_gone_is_said_once(client, monkeypatch):
    def gone(*args):
        raise DatabaseError("connection to 10.1.2.3 refused, password wrong")

    for name in health.CHECKS:
        monkeypatch.setitem(health.CHECKS, name, gone)
    said = ready(client, 503)
    assert said["problems"] == ["The database can't be reached. Look at DATABASE_URL."]
    assert "10.1.2.3" not in str(said)
    assert client.get("/healthz").status_code == 200


def test_a_redis_that_is_gone(client, healthy, settings):
    settings.QUEUE_REDIS_URL = "redis://:hush@127.0.0.1:1/0"
    said = ready(client, 503)
    assert said["problems"] == ["Redis can't be reached. Look at QUEUE_REDIS_URL."]
    assert said["checks"]["queue"] == {"ok": False, "kind": "redis"}
    assert "hush" not in str(said)


def test_a_silent_worker(client, healthy, caplog):
    Heartbeat.objects.update(at=ago(minutes=6))
    assert "The worker has been silent since" in ready(client, 503)["problems"][0]
    Heartbeat.objects.all().delete()
    assert "never run" in ready(client, 503)["problems"][0]
    # Who asks each few seconds fills no log, and causes no error reports.
    assert caplog.records == []


@pytest.mark.parametrize(
    ("kind", "minutes", "words"), [("orders", 15, "read orders"), ("inventory", 40, "sent stock")]
)
def test_runs_that_are_late(client, healthy, kind, minutes, words):
    Run.objects.filter(kind=kind).delete()
    ran(healthy, kind, ago(minutes=minutes - 1))
    ready(client, 200)
    Run.objects.filter(kind=kind).delete()
    ran(healthy, kind, ago(minutes=minutes + 1))
    # One that failed does not count.
    ran(healthy, kind, ago(minutes=1), "failed")
    (problem,) = ready(client, 503)["problems"]
    assert f"Account {healthy.pk} has not {words} since" in problem


def test_accounts_that_owe_no_run(client, healthy):
    make_account("New", made=NOW())
    make_account("Off", is_active=False)
    Account.objects.filter(pk=make_account("Without a key").pk).update(app_key="")
    ready(client, 200)
    make_account("Never", made=ago(hours=2))
    assert len(ready(client, 503)["problems"]) == 2


def test_work_that_waits(client, healthy):
    item = baker.make(
        WorkItem,
        connection=healthy.connection_ptr,
        kind="x",
        not_before=ago(minutes=31),
        stuck_at=None,
        leased_until=None,
    )
    assert "Work has been waiting since" in ready(client, 503)["problems"][0]
    # What a person must look at is no sign of a dead worker.
    WorkItem.objects.filter(pk=item.pk).update(stuck_at=NOW())
    assert ready(client, 200)["checks"]["work"]["oldest_waiting_seconds"] == 0


def test_readyz_costs_the_same_however_many_accounts(client, healthy, django_assert_num_queries):
    for number in range(5):
        ran(make_account(f"A{number}"), "orders", NOW())
    with django_assert_num_queries(6):
        client.get("/readyz")


# --- metrics


def scrape(client, token=TOKEN):
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    return {
        (sample.name.removeprefix("leafbridge_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_metrics_are_for_bearers_of_the_token(client, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    settings.METRICS_TOKEN = TOKEN
    for wrong in ("", "Bearer ", "Bearer x", TOKEN, f"Basic {TOKEN}", "Bearer é"):
        answer = client.get("/metrics", headers={"Authorization": wrong})
        assert (answer.status_code, b"leafbridge_" in answer.content) == (401, False)
    assert scrape(client)


def test_the_figures(client, healthy, settings):
    settings.METRICS_TOKEN = TOKEN
    connection = healthy.connection_ptr
    common = {"connection": connection, "leased_until": None}
    baker.make(
        WorkItem,
        kind="leaflink.order",
        key="1",
        not_before=ago(seconds=90),
        stuck_at=None,
        **common,
    )
    baker.make(WorkItem, kind="leaflink.order", key="2", not_before=NOW(), stuck_at=NOW(), **common)
    Notice.objects.create(connection=connection, category="refused", key="a", text="x")
    Notice.objects.create(
        connection=connection, category="refused", key="b", text="x", resolved_at=NOW()
    )
    baker.make(Order, account=healthy, state=Order.State.HELD, _quantity=2)
    ran(healthy, "orders", ago(minutes=2), "failed")
    Account.objects.update(last_webhook_at=ago(hours=1))
    minute = NOW().replace(second=0, microsecond=0)
    Budget.objects.create(owner="Dana Ruiz", tokens=1, counted_at=NOW(), minute=minute, used=42)
    figures = scrape(client)
    assert figures["work_waiting", "leaflink.order"] == 1
    assert figures["work_stuck", "leaflink.order"] == 1
    assert 89 < figures["work_oldest_age_seconds", "leaflink.order"] < 100
    assert figures[("worker_heartbeat_age_seconds",)] < 10
    assert 59 < figures["last_run_age_seconds", "Alder Peak", "orders"] < 70
    assert figures["runs_last_hour", "orders", "done"] == 1
    assert figures["runs_last_hour", "orders", "failed"] == 1
    assert figures["open_notices", "refused"] == 1
    assert figures["open_notices", "credentials"] == 0
    assert figures["held_orders", "Alder Peak"] == 2
    assert figures["budget_used", "Alder Peak"] == 42
    assert 3599 < figures["last_webhook_age_seconds", "Alder Peak"] < 3610
    text = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
    for secret in (KEY, TOKEN, "Dana"):
        assert secret not in text


def test_metrics_cost_the_same_however_much_there_is(
    client, healthy, settings, django_assert_num_queries
):
    settings.METRICS_TOKEN = TOKEN
    for number in range(5):
        account = make_account(f"A{number}")
        ran(account, "orders", NOW())
        baker.make(WorkItem, connection=account.connection_ptr, kind=f"k{number}", key="1")
    with django_assert_num_queries(9):
        scrape(client)
