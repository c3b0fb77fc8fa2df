"""Leases, budget, runs, notices, encrypted fields."""

import os
import socket
import subprocess
from datetime import timedelta

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.db import connection as database
from django.utils import timezone
from model_bakery import baker

from integrations import notices, runs
from integrations.budget import BudgetExhausted, SharedBudget, Use, use_of
from integrations.encryption import WrongEncryptionKey
from integrations.leaflink.models import Account
from integrations.leases import Busy, lease
from integrations.models import Budget, Connection, Lease, Notice, Run, WorkItem

pytestmark = pytest.mark.django_db
ORDERS, STOCK, SWEEP, REST = WorkItem.Priority


def test_a_lease_is_held_by_one_and_given_back():
    with lease("x"):
        with pytest.raises(Busy, match="x is being worked on"), lease("x"):
            pass
        with lease("y"):
            pass
    with lease("x"):
        pass
    assert not Lease.objects.exists()


def test_the_lease_of_a_dead_process_runs_out():
    Lease.objects.create(name="x", until=timezone.now() - timedelta(seconds=1))
    with lease("x"):
        assert Lease.objects.get().until > timezone.now()


def test_the_lease_of_a_killed_process_is_free_at_once():
    killed = subprocess.Popen(["sleep", "60"])
    later = timezone.now() + timedelta(hours=1)
    Lease.objects.create(name="x", host=socket.gethostname(), pid=killed.pid, until=later)
    Lease.objects.create(name="y", host="another host", pid=killed.pid, until=later)
    with pytest.raises(Busy), lease("x"):
        pass
    killed.kill()
    killed.wait()
    with lease("x"):
        assert Lease.objects.get(name="x").pid == os.getpid()
    with pytest.raises(Busy), lease("y"):
        pass


def test_a_lease_is_given_back_when_the_work_fails():
    with pytest.raises(RuntimeError), lease("x"):
        raise RuntimeError
    assert not Lease.objects.exists()


def budget(priority=ORDERS, **options):
    return SharedBudget("dana", 300, priority, **options)


def spend_all(one, *, stop_at=10_000):
    """Take tokens until none is left; returns how many there were."""
    for taken in range(stop_at):
        try:
            one.take()
        except BudgetExhausted:
            return taken
    return stop_at


def test_no_minute_ever_sees_more_than_the_limit():
    start = timezone.now()
    taken = 0
    with time_machine.travel(start, tick=False) as clock:
        one = budget(longest_wait=timedelta(0))
        for _ in range(60):
            taken += spend_all(one)
            clock.shift(1)
    assert 280 <= taken <= 300


def test_the_last_tokens_are_kept_for_orders():
    with time_machine.travel(timezone.now(), tick=False):
        nothing = timedelta(0)
        assert spend_all(budget(REST, longest_wait=nothing)) == 5
        assert spend_all(budget(SWEEP, longest_wait=nothing)) == 1
        assert spend_all(budget(STOCK, longest_wait=nothing)) == 2
        assert spend_all(budget(ORDERS, longest_wait=nothing)) == 2


def test_the_budget_is_shared_by_owner():
    with time_machine.travel(timezone.now(), tick=False):
        assert spend_all(budget(longest_wait=timedelta(0))) == 10
        assert spend_all(budget(longest_wait=timedelta(0))) == 0
        other = SharedBudget("lee", 300, ORDERS, longest_wait=timedelta(0))
        assert spend_all(other) == 10


def test_a_pause_holds_for_everybody_of_the_owner():
    with time_machine.travel(timezone.now(), tick=False):
        one = budget()
        one.take()
        one.pause(40)
        with pytest.raises(BudgetExhausted, match="dana") as caught:
            budget(longest_wait=timedelta(seconds=5)).take()
        assert caught.value.wait == timedelta(seconds=40)


def test_of_several_pauses_the_longest_holds():
    with time_machine.travel(timezone.now(), tick=False):
        one = budget()
        one.take()
        for seconds in (40, 3):
            one.pause(seconds)
        with pytest.raises(BudgetExhausted) as caught:
            budget(longest_wait=timedelta(0)).take()
        assert caught.value.wait == timedelta(seconds=40)


def test_nothing_is_saved_up_during_a_pause():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        one = budget(longest_wait=timedelta(0))
        spend_all(one)
        one.pause(40)
        clock.shift(40)
        assert spend_all(one) == 0


def test_next_to_nothing_of_the_limit_is_left_unused():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        one, waited = budget(SWEEP, sleep=lambda seconds: clock.shift(seconds)), timezone.now()
        for _ in range(1000):
            one.take()
        assert (timezone.now() - waited).total_seconds() <= 1.05 * 1000 / 5


def test_how_much_of_the_budget_is_used_can_be_seen():
    moment = timezone.now().replace(second=5, microsecond=0)
    with time_machine.travel(moment, tick=False) as clock:
        assert use_of("dana") == Use(0, None, None)
        one = budget(share=1, longest_wait=timedelta(0))
        spend_all(one)
        assert use_of("dana").last_minute == 10
        clock.shift(60)
        one.take()
        assert use_of("dana").last_minute == 10
        one.pause(30)
        assert use_of("dana").paused_until == moment + timedelta(seconds=90)
        clock.shift(120)
        assert use_of("dana") == Use(0, None, moment + timedelta(seconds=60))


def test_waiting_for_a_token_sleeps_as_long_as_needed():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        naps = []

        def sleep(seconds):
            naps.append(seconds)
            clock.shift(seconds)

        one = budget(sleep=sleep)
        for _ in range(11):
            one.take()
        assert sum(naps) == pytest.approx(0.21, abs=0.05)
    assert Budget.objects.count() == 1


def test_runs_keep_counts_and_the_reason_for_their_end():
    connection = baker.make(Connection, name="A")
    with runs.record(connection, "orders") as run:
        run.seen = 3
        run.problem("order 1", "unreadable")
    with pytest.raises(RuntimeError), runs.record(connection, "orders"):
        raise RuntimeError("no network")
    failed, partly = Run.objects.order_by("-pk")
    assert (partly.outcome, partly.seen, partly.failed) == ("partly", 3, 1)
    assert (failed.outcome, failed.error) == ("failed", "no network")


def test_a_notice_is_open_once_however_often_it_happens():
    connection = baker.make(Connection, name="A")
    for _ in range(3):
        notices.notify(connection, Notice.Category.CREDENTIALS, "orders", "The key is bad.")
    assert Notice.objects.get().times == 3
    notices.resolve(connection, Notice.Category.CREDENTIALS, ["orders"])
    notices.notify(connection, Notice.Category.CREDENTIALS, "orders", "Bad again.")
    assert Notice.objects.count() == 2


def raw_key(account):
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT app_key FROM leaflink_account WHERE connection_ptr_id = %s", [account.pk]
        )
        return cursor.fetchone()[0]


def test_keys_are_encrypted_at_rest_and_rotate(settings):
    account = baker.make(Account, name="A", app_key="the-key")
    assert "the-key" not in raw_key(account)
    assert Account.objects.get().app_key == "the-key"
    old = settings.FIELD_ENCRYPTION_KEYS
    new = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, *old]
    again = Account.objects.get()
    again.save(update_fields=["app_key"])
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert Account.objects.get().app_key == "the-key"


def test_a_wrong_encryption_key_raises_and_never_hands_out_ciphertext(settings):
    baker.make(Account, name="A", app_key="the-key", host=Account.Host.PRODUCTION)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    account = Account.objects.get()
    assert str(account) == "A"
    with pytest.raises(WrongEncryptionKey, match="FIELD_ENCRYPTION_KEYS"):
        _ = account.app_key


@pytest.mark.parametrize("priority", list(WorkItem.Priority))
def test_the_smallest_budget_does_for_everybody(priority):
    for per_minute in (2, 20, 50):
        SharedBudget("lee", per_minute, priority, sleep=lambda seconds: None).take()
        Budget.objects.all().delete()
