"""The work queue: asked once, done once, never lost, never silently retried for ever."""

import os
import subprocess
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from model_bakery import baker

from integrations import work
from integrations.models import Connection, WorkItem
from integrations.processes import is_alive

pytestmark = pytest.mark.django_db
ORDERS = WorkItem.Priority.ORDERS


@pytest.fixture
def connection():
    return baker.make(Connection, name="Alder Peak")


@pytest.fixture
def done(monkeypatch):
    """Keys in the order in which they were worked on."""
    keys = []
    monkeypatch.setattr(work, "_handlers", {"read": lambda connection, key: keys.append(key)})
    return keys


def handle(monkeypatch, handler):
    monkeypatch.setattr(work, "_handlers", {"read": handler})


def test_a_burst_collapses_into_one_row(connection, done):
    for _ in range(5):
        work.ask(connection.pk, "read", ["a", "b", "a"], ORDERS)
    assert WorkItem.objects.count() == 2
    assert work.drain() == 2
    assert done == ["a", "b"]
    assert not WorkItem.objects.exists()


def test_asking_costs_the_same_for_one_and_for_many(connection, django_assert_max_num_queries):
    for count in (1, 300):
        with django_assert_max_num_queries(10):  # look, upsert, urgency and revive, in savepoints
            work.ask(connection.pk, "read", [f"{count}-{n}" for n in range(count)], ORDERS)


def test_the_more_urgent_comes_first(connection, done):
    work.ask(connection.pk, "read", ["later"], WorkItem.Priority.REST)
    work.ask(connection.pk, "read", ["order"], ORDERS)
    work.drain()
    assert done == ["order", "later"]


def test_what_is_asked_for_while_it_is_worked_on_is_done_once_more(connection, monkeypatch):
    seen = []

    def handler(connection, key):
        seen.append(key)
        if len(seen) == 1:
            work.ask(connection.pk, "read", [key], ORDERS)

    handle(monkeypatch, handler)
    work.ask(connection.pk, "read", ["a"], ORDERS)
    work.drain()
    assert seen == ["a", "a"]
    assert not WorkItem.objects.exists()


def test_a_claimed_row_is_not_claimed_again_until_its_lease_is_over(connection, done):
    work.ask(connection.pk, "read", ["a"], ORDERS)
    assert work.claim() is not None
    assert work.claim() is None
    with time_machine.travel(timezone.now() + work.LEASE + timedelta(seconds=1)):
        # The worker that had it was killed: somebody else takes over.
        assert work.drain() == 1
    assert done == ["a"]


def test_failing_work_is_tried_with_growing_pauses_and_then_stuck(connection, monkeypatch):
    def handler(connection, key):
        raise RuntimeError("boom")

    handle(monkeypatch, handler)
    work.ask(connection.pk, "read", ["a"], ORDERS)
    now = timezone.now()
    pauses = []
    while True:
        with time_machine.travel(now, tick=False):
            work.drain()
            item = WorkItem.objects.get()
            if item.stuck_at:
                break
            pauses.append((item.not_before - now).total_seconds())
            now = item.not_before
    assert item.attempts == work.MOST_ATTEMPTS
    assert pauses == sorted(pauses)
    assert pauses[0] == 5
    assert item.error == "RuntimeError: boom"


def test_later_waits_as_long_as_told(connection, monkeypatch):
    def handler(connection, key):
        raise work.Later("slow down", timedelta(seconds=300))

    handle(monkeypatch, handler)
    work.ask(connection.pk, "read", ["a"], ORDERS)
    work.drain()
    item = WorkItem.objects.get()
    assert timedelta(seconds=290) < item.not_before - timezone.now() <= timedelta(seconds=300)
    assert item.stuck_at is None


def test_stuck_work_waits_for_a_person_or_for_news(connection, monkeypatch, done):
    def handler(connection, key):
        raise work.Stuck("Paste the key anew", "credentials")

    handle(monkeypatch, handler)
    work.ask(connection.pk, "read", ["a"], ORDERS)
    assert work.drain() == 1
    assert work.drain() == 0
    assert WorkItem.objects.get().error_class == "credentials"
    handle(monkeypatch, lambda connection, key: done.append(key))
    assert work.retry(WorkItem.objects.all()) == 1
    work.drain()
    assert done == ["a"]


def test_one_failure_does_not_stop_the_others(connection, monkeypatch, done):
    def handler(connection, key):
        if key == "bad":
            raise ValueError("bad")
        done.append(key)

    handle(monkeypatch, handler)
    work.ask(connection.pk, "read", ["bad", "good"], ORDERS)
    work.drain()
    assert done == ["good"]


def test_a_switched_off_connection_rests(connection, done):
    work.ask(connection.pk, "read", ["a"], ORDERS)
    Connection.objects.update(is_active=False)
    assert work.drain() == 0


def test_a_kind_nobody_does_is_stuck_and_says_so(connection, done):
    work.ask(connection.pk, "unheard of", ["a"], ORDERS)
    work.drain()
    assert "unheard of" in WorkItem.objects.get().error


def test_work_that_a_poll_has_done_is_forgotten_unless_asked_for_since(connection, done):
    work.ask(connection.pk, "read", ["old", "newer"], ORDERS)
    began = timezone.now()
    work.ask(connection.pk, "read", ["newer"], ORDERS)
    work.forget(connection.pk, "read", ["old", "newer"], asked_before=began)
    assert list(WorkItem.objects.values_list("key", flat=True)) == ["newer"]


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_once_for_a_burst_and_again_after_a_failure(connection, monkeypatch):
    woken = []
    monkeypatch.setattr(work, "wake_worker", lambda: woken.append(1))

    def busy(connection, key):
        raise work.Later("busy", timedelta(seconds=1), "busy", counts=False)

    handle(monkeypatch, busy)
    work.ask(connection.pk, "read", ["a"], ORDERS)
    work.ask(connection.pk, "read", ["b"], ORDERS)
    assert len(woken) == 1
    work.drain()
    # What was put off is due again, but nobody was told of it.
    with time_machine.travel(timezone.now() + timedelta(seconds=30)):
        work.ask(connection.pk, "read", ["c"], ORDERS)
    assert len(woken) == 2


@pytest.mark.django_db(transaction=True)
def test_a_hint_that_cannot_be_sent_loses_nothing(connection, monkeypatch):
    monkeypatch.undo()

    def broken(*args, **kwargs):
        raise ConnectionError("no broker")

    monkeypatch.setattr("django_q.tasks.async_task", broken)
    work.ask(connection.pk, "read", ["a"], ORDERS)
    assert WorkItem.objects.count() == 1


def test_waiting_for_somebody_else_does_not_make_the_wait_grow(connection, monkeypatch):
    def handler(connection, key):
        raise work.Later("busy", timedelta(seconds=1), "busy", counts=False)

    handle(monkeypatch, handler)
    work.ask(connection.pk, "read", ["a"], ORDERS)
    WorkItem.objects.update(attempts=6)  # it was killed six times before
    work.drain()
    item = WorkItem.objects.get()
    assert item.attempts == 6
    assert item.not_before < timezone.now() + timedelta(seconds=2)


def test_work_of_a_kind_is_done_several_rows_at_a_time_and_settled_one_by_one(
    connection, monkeypatch
):
    batches = []

    def handler(connection, keys, batch):
        batches.append(sorted(keys))
        return {"2": work.Stuck("no"), "3": work.Later("later", timedelta(seconds=1))}

    monkeypatch.setattr(work, "_many_handlers", {"push": (handler, 3)})
    work.ask(connection.pk, "push", map(str, range(5)), ORDERS)
    work.drain()
    assert sorted(map(len, batches)) == [2, 3]
    left = {item.key: bool(item.stuck_at) for item in WorkItem.objects.all()}
    assert left == {"2": True, "3": False}


def test_what_was_asked_for_again_during_a_batch_is_done_once_more(connection, monkeypatch):
    seen = []

    def handler(connection_, keys, batch):
        seen.extend(keys)
        if len(seen) == 2:
            work.ask(connection.pk, "push", ["0"], ORDERS)
        return {}

    monkeypatch.setattr(work, "_many_handlers", {"push": (handler, 3)})
    work.ask(connection.pk, "push", ["0", "1"], ORDERS)
    work.drain()
    assert sorted(seen) == ["0", "0", "1"]


def test_what_a_killed_process_had_is_free_at_once(connection, done):
    work.ask(connection.pk, "read", ["a"], ORDERS)
    item = work.claim()
    killed = subprocess.Popen(["true"])
    killed.wait()
    WorkItem.objects.filter(pk=item.pk).update(pid=killed.pid)
    assert work.drain() == 1
    assert done == ["a"]


def test_asking_more_urgently_makes_it_urgent_and_never_less(connection):
    for priority in (WorkItem.Priority.SWEEP, ORDERS, WorkItem.Priority.REST):
        work.ask(connection.pk, "read", ["a"], priority)
    assert WorkItem.objects.get().priority == ORDERS


def test_a_killed_process_is_dead_before_its_parent_takes_note():
    killed = subprocess.Popen(["sleep", "60"])
    assert is_alive(killed.pid)
    killed.kill()
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)  # dead, but not taken note of
    assert not is_alive(killed.pid)
    killed.wait()
    assert not is_alive(killed.pid)
