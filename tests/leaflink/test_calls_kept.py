"""What is kept of calls to LeafLink: each kind of outcome, no secrets, in few statements."""

import contextlib
import json
from datetime import timedelta

import pytest
import requests
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import inventory
from integrations import call_counts, call_log, push_delays, work
from integrations.leaflink import push_inventory
from integrations.leaflink.connect import client_for
from integrations.leaflink.due_quantities import plan
from integrations.models import Call, CallCount, PushDelay, Run
from integrations.runs import Recorder
from integrations.wire.errors import BadCredentials, Gone, Refused, UnknownOutcome, Wait
from orders import services

APP_KEY = "7f3c9a51e2b84d06a9c1"
HOOK_KEY = 'hook/with+signs=and"quotes'


def kept(**which):
    return list(Call.objects.filter(**which).order_by("pk"))


def test_a_write_is_kept_with_request_and_answer_and_a_page_without(bench):
    goods = bench.goods(on_hand=12)
    bench.ready()
    (sent,) = kept(method="PATCH")
    assert (sent.outcome, sent.status, sent.what) == ("ok", 200, "Products sent")
    assert (sent.record_kind, sent.record_key) == ("product", str(goods.remote.id))
    assert json.loads(sent.request) == {"quantity": "12"}
    assert json.loads(sent.answer)["id"] == goods.remote.id
    assert sent.run.kind == "inventory"
    assert sent.path == f"products/{goods.remote.id}"
    pages = kept(is_page=True)
    assert {page.request + page.answer for page in pages} == {""}
    assert {page.what for page in pages} >= {"Products read", "Orders read", "Staff read"}
    # Every call of a run is on record, and no other.
    for run in Run.objects.all():
        assert run.calls_made.count() == run.calls


def test_calls_about_an_order_know_which(bench, django_capture_on_commit_callbacks):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 1))
    bench.settle()
    (read,) = kept(record_key=str(order.number))
    assert (read.record_kind, read.method, read.run) == ("order", "GET", None)
    assert json.loads(read.answer)["number"] == str(order.number)
    with django_capture_on_commit_callbacks(execute=True):
        services.allocate(bench.local(order))
    bench.settle()
    assert any(
        call.path.endswith("/transition/accept")
        for call in kept(record_key=str(order.number), method="POST")
    )


@pytest.mark.parametrize(
    ("answer", "raised", "outcome"),
    [
        ({"status": 429}, Wait, "wait"),
        ({"status": 503}, UnknownOutcome, "unknown"),
        ({"status": 400, "body": '{"quantity": ["No."]}'}, Refused, "refused"),
        ({"status": 404, "body": "<html>gone</html>"}, Gone, "gone"),
        ({"status": 401, "body": "{}"}, BadCredentials, "credentials"),
        ({"status": 200, "body": "[1]"}, Exception, "bad_payload"),
        ({"status": 200, "body": "<html>"}, UnknownOutcome, "unknown"),
        ({"raises": requests.ReadTimeout}, UnknownOutcome, "unknown"),
        ({"raises": requests.ConnectTimeout}, Wait, "wait"),
    ],
)
def test_each_way_a_call_can_end_is_kept(bench, monkeypatch, answer, raised, outcome):
    client = client_for(bench.account)
    monkeypatch.setattr(client.session, "request", fake(answer))
    with pytest.raises(raised):
        client.patch("products/12", {"quantity": "3"})
    (call,) = kept()
    assert (call.outcome, call.status) == (outcome, answer.get("status"))
    assert call.answer == answer.get("body", "")
    assert json.loads(call.request) == {"quantity": "3"}
    assert call.said
    assert CallCount.objects.get().outcome == outcome


def test_a_page_that_failed_is_kept_with_its_answer(bench, monkeypatch):
    client = client_for(bench.account)
    monkeypatch.setattr(client.session, "request", fake({"status": 200, "body": '{"rows": []}'}))
    with pytest.raises(Exception, match="came without"):
        list(client.pages("products"))
    (call,) = kept()
    assert (call.outcome, call.answer) == ("bad_payload", '{"rows": []}')


def fake(answer):
    def request(method, url, **options):
        if "raises" in answer:
            raise answer["raises"]
        response = requests.Response()
        response.status_code, response.url = answer["status"], url
        response._content = answer.get("body", "").encode()
        return response

    return request


def test_no_key_is_stored_whatever_leaflink_says(bench, monkeypatch):
    bench.account.app_key, bench.account.webhook_key = APP_KEY, HOOK_KEY
    bench.account.save()
    said = [
        # A debugging proxy that shows the headers.
        f"<pre>Authorization: App {APP_KEY}</pre>",
        f"<pre>Authorization: App {APP_KEY.upper()}</pre>",
        "<pre>Authorization: App some-other-companys-key-1234</pre>",
        json.dumps({"detail": f"The key {APP_KEY} may not do this.", "keys": [HOOK_KEY]}),
        json.dumps({"note": HOOK_KEY, APP_KEY: 1, "deep": [{"clientSecret": "hush-hush"}]}),
        json.dumps({"access_token": {"value": "hush-hush"}, "password": "hush-hush"}),
        f"cut here {'x' * (call_log.MOST_KEPT - 20)}{APP_KEY}",
        f"https://leaflink.test/?key={requests.utils.quote(HOOK_KEY, safe='')}",
    ]
    client = client_for(bench.account)
    for text in said:
        # What is JSON is an answer like any other, the rest a proxy's page.
        status = 200 if text.startswith("{") else 400
        monkeypatch.setattr(client.session, "request", fake({"status": status, "body": text}))
        with contextlib.suppress(Refused):
            client.patch(f"products/{APP_KEY}", {"quantity": "1", "api_key": "hush-hush"})
    assert Call.objects.count() == len(said)
    dump = "\n".join(json.dumps(row, default=str) for row in Call.objects.values())
    for piece in (APP_KEY, APP_KEY[:12], "with+signs", "with%2Bsigns", "hush", "companys-key"):
        assert piece.lower() not in dump.lower()
    # What is no secret stays.
    assert "may not do this" in dump
    assert '"quantity' in dump.replace("\\", "")


def test_what_no_database_stores_is_replaced(bench, monkeypatch):
    body = '{"name": "a\\u0000b \\ud800"}'
    client = client_for(bench.account)
    monkeypatch.setattr(client.session, "request", fake({"status": 200, "body": body}))
    client.patch("products/1", {})
    assert json.loads(kept()[0].answer) == {"name": "a\ufffdb \ufffd"}


def test_long_bodies_are_cut(bench, monkeypatch):
    body = json.dumps({"text": "x" * 50_000})
    client = client_for(bench.account)
    monkeypatch.setattr(client.session, "request", fake({"status": 200, "body": body}))
    client.patch("products/1", {})
    assert len(kept()[0].answer) < call_log.MOST_KEPT + 10


def test_calls_are_written_also_when_the_work_fails(bench):
    work.register("test.fails", "Fail", lambda connection, key: fail(bench))
    work.ask(bench.account.pk, "test.fails", ["1"], 10)
    work.drain()
    assert [call.path for call in kept()] == ["companies"]
    assert CallCount.objects.get().calls == 1


def fail(bench):
    list(client_for(bench.account).pages("companies"))
    assert not Call.objects.exists()  # they are still gathered
    raise RuntimeError("a bug")


def test_what_cannot_be_written_does_not_stop_the_work(bench, monkeypatch, caplog):
    def broken(*args, **options):
        raise DatabaseError("disk full")

    goods = bench.goods()
    bench.sync("products")
    with monkeypatch.context() as patched:
        patched.setattr(Call.objects, "bulk_create", broken)
        bench.sync("inventory")
    assert bench.available(goods) == 100
    assert "calls could not be written" in caplog.text


def test_calls_cost_the_same_statements_for_few_and_for_many(bench):
    def writes(count):
        with CaptureQueriesContext(connection) as queries, call_log.kept():
            client = client_for(bench.account)
            client.budget = Free()
            for _ in range(count):
                client.get("companies")
        return len(queries)

    # One more on SQLite, which takes no more than 999 values at once.
    assert 0 < writes(90) <= writes(2) + 1 <= 6
    # And a part of them is written while a long run goes on.
    with call_log.kept():
        before = Call.objects.count()
        client = client_for(bench.account)
        client.budget = Free()
        for _ in range(call_log.MOST_GATHERED):
            client.get("companies")
        assert Call.objects.count() == before + call_log.MOST_GATHERED


class Free:
    """A budget without limit."""

    def take(self):
        pass

    def pause(self, seconds):
        pass


def test_the_time_from_a_change_to_leaflinks_answer_is_counted(
    bench, time_machine, django_capture_on_commit_callbacks
):
    goods = [bench.goods(f"S{n}") for n in range(3)]
    bench.sync("products")
    work.drain()
    PushDelay.objects.all().delete()
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    with django_capture_on_commit_callbacks(execute=True):
        for one in goods:
            inventory.receive(one.item, bench.shop, 5)
    time_machine.move_to(start + timedelta(seconds=7), tick=False)
    work.drain()
    latency = push_delays.push_latency_by_day(1)[timezone.localdate()]
    assert (latency.pushes, latency.longest, latency.mean) == (3, 7.0, 7.0)
    assert 6 <= latency.median <= 7
    assert latency.p95 <= 7


def test_what_a_sweep_found_is_counted_apart(bench):
    bench.goods()
    bench.sync("products")
    bench.sync("inventory", hand_over=True)
    work.drain()
    assert {row.what for row in PushDelay.objects.all()} == {push_delays.SWEPT}
    assert list(push_delays.push_latency_by_day(2).values()) == [None, None]


def test_the_counts_of_days(bench, time_machine):
    now = timezone.now()
    rows = [
        (now, "ok", "Products sent", 3),
        (now, "refused", "Products sent", 2),
        (now - timedelta(days=1), "wait", "Orders read", 4),
        (now - timedelta(days=9), "wait", "Orders read", 5),
    ]
    for at, outcome, what, calls in rows:
        CallCount.objects.create(
            connection=bench.account,
            hour=call_counts.hour_of(at),
            outcome=outcome,
            what=what,
            calls=calls,
        )
    with CaptureQueriesContext(connection) as queries:
        errors = call_counts.errors_by_day(3)
    assert len(queries) == 1
    today = timezone.localdate()
    before, yesterday = (today - timedelta(days=n) for n in (2, 1))
    assert errors == {before: {}, yesterday: {"wait": 4}, today: {"refused": 2}}
    assert call_counts.calls_by_day(2, bench.account.pk) == {
        yesterday: {"Orders read": 4},
        today: {"Products sent": 5},
    }
    assert call_counts.calls_by_day(1, bench.account.pk + 1) == {today: {}}


def test_skipped_records_are_counted_with_their_reasons(bench):
    first, second, paused = (bench.goods(sku) for sku in ("A", "B", "C"))
    bench.ready()
    bench.sync("products", full=True)
    listing = bench.listing(paused)
    listing.item.offer.pause = "as_is"
    listing.item.offer.save()
    bench.sync("inventory")
    run = Run.objects.filter(kind="inventory").first()
    assert (run.seen, run.changed, run.skipped) == (3, 0, 3)
    assert run.skipped_why == {"unchanged": 2, "paused": 1}
    bench.order(bench.line(first, 1), bench.line(second, 1))
    bench.sync("orders")
    run = Run.objects.filter(kind="orders").first()
    assert (run.seen, run.changed, run.skipped_why) == (1, 1, {})
    bench.sync("orders", since=timezone.now() - timedelta(days=1))
    run = Run.objects.filter(kind="orders").first()
    assert (run.seen, run.changed, run.skipped_why) == (1, 0, {"unchanged": 1})
    bench.sync("products", full=True)
    run = Run.objects.filter(kind="products").first()
    assert run.seen == run.changed + run.skipped + run.failed == 3


def test_a_push_outside_of_a_run_keeps_its_calls_too(bench):
    bench.goods()
    bench.sync("products")
    items = [one.row.item_id for one in plan(bench.account).changes]
    push_inventory.push(bench.account, client_for(bench.account), items, Recorder())
    assert [call.run for call in kept(method="PATCH")] == [None]
