"""When the watchdog starts a new cluster, and when it leaves it alone. (With real processes:
test_worker_kills.py.)"""

import io
import os
import time
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.utils import timezone

from config import watchdog
from config.watchdog import FIRST_PROOF, KEPT_PROOF, PROOF, Signs, Watchdog
from integrations.models import Heartbeat

pytestmark = pytest.mark.django_db
MAIN, GUARD, ONE, TWO, KEEPER, FETCHER, NEW = range(101, 108)
ALL = {MAIN, GUARD, ONE, TWO, KEEPER, FETCHER}


def test_a_worker_that_was_never_seen_is_missed(monkeypatch):
    """It began and was killed between two looks."""
    cluster = object.__new__(watchdog.Cluster)
    cluster.signs, cluster.members = Signs(), {MAIN, GUARD}
    heard = iter([f"born {ONE}\n", f"born {TWO}\n", "", ""])
    monkeypatch.setattr(cluster, "_listen", lambda now: cluster.signs.hear(next(heard), now))
    monkeypatch.setattr(cluster, "_alive", lambda: {MAIN, GUARD, TWO})
    assert cluster.look(1.0)
    assert not cluster.look(2.0)


class Cluster:
    """What a cluster would look like, without processes."""

    workers, size, is_dead = 2, 6, False

    def __init__(self):
        self.signs, self.members, self.was = Signs(), set(ALL), set(ALL)

    def look(self, now):
        gone, self.was = self.was - self.members, set(self.members)
        return bool({pid for pid in gone if self.signs.was_killed(pid)})

    @property
    def has_idle_worker(self):
        return len(self.signs.busy & self.members) < self.workers


@pytest.fixture
def scene(monkeypatch):
    """A watchdog beside a cluster that has proven itself, and a clock to be moved."""

    class Scene:
        def __init__(self):
            self.now = 1000.0
            self.knocks = 0
            self.queue_answers = True
            monkeypatch.setattr(time, "monotonic", lambda: self.now)
            monkeypatch.setattr(watchdog, "_knock", self.knock)
            monkeypatch.setattr(watchdog, "Cluster", Cluster)
            # It would end the transaction of this test.
            monkeypatch.setattr(watchdog, "close_old_connections", lambda: None)
            Heartbeat.beat()
            self.dog = Watchdog(timedelta(minutes=6))
            self.dog._start()
            self.cluster = self.dog.cluster
            self.says(f"took {ONE}\ndone {ONE}\nkept {KEEPER}\n")
            assert self.trouble() == ""
            self.knocks = 0

        def knock(self):
            self.knocks += 1
            return self.queue_answers

        def says(self, text):
            self.now += 1
            self.cluster.signs.hear(text, self.now)

        def trouble(self, after=0.0):
            self.now += after
            return self.dog._trouble(self.cluster, self.now)

        def replace(self, pid, by=NEW):
            self.cluster.members = self.cluster.members - {pid} | {by}

    return Scene()


def test_a_healthy_cluster_is_left_alone(scene):
    assert scene.trouble(after=300) == ""
    assert scene.knocks == 0


def test_a_killed_worker_after_which_tasks_are_taken(scene):
    scene.replace(ONE)
    assert scene.trouble() == ""
    assert scene.knocks == 1
    scene.says(f"took {NEW}\ndone {NEW}\nkept {KEEPER}\n")
    assert scene.trouble(after=PROOF + 1) == ""


def test_a_killed_worker_after_which_nothing_is_taken(scene):
    scene.replace(ONE)
    assert scene.trouble() == ""
    assert scene.trouble(after=PROOF - 1) == ""
    assert scene.trouble(after=2) == "No task is taken."


def test_a_worker_killed_right_after_the_start_gets_no_time_for_starting(scene):
    scene.dog._start()
    scene.cluster = scene.dog.cluster
    scene.says(f"took {ONE}\ndone {ONE}\nkept {KEEPER}\n")
    scene.replace(TWO)
    assert scene.trouble() == ""
    assert scene.trouble(after=PROOF + 1) == "No task is taken."


def test_a_worker_that_retires_raises_no_question(scene):
    scene.says(f"bye {ONE}\n")
    scene.replace(ONE)
    assert scene.trouble() == ""
    assert scene.knocks == 0
    assert scene.trouble(after=PROOF + 1) == ""


def test_workers_that_are_all_busy_prove_nothing(scene):
    scene.says(f"took {TWO}\n")
    scene.replace(ONE)
    scene.trouble()
    scene.says(f"took {NEW}\n")
    scene.replace(KEEPER, by=NEW + 1)
    assert scene.trouble() == ""
    # Both are at long tasks when the next process is killed.
    assert scene.trouble(after=200) == ""
    scene.says(f"done {TWO}\nkept 9\n")
    assert scene.trouble() == ""
    assert scene.trouble(after=PROOF + 1) == "No task is taken."


def test_a_long_task_is_no_trouble(scene):
    scene.says(f"took {ONE}\n")
    assert scene.trouble(after=290) == ""


def test_results_that_are_not_kept(scene):
    scene.says(f"took {ONE}\ndone {ONE}\n")
    assert scene.trouble(after=KEPT_PROOF - 1) == ""
    assert scene.trouble(after=2) == "No result is kept."


def test_a_guard_that_replaces_nobody(scene):
    scene.cluster.members = ALL - {ONE}
    assert scene.trouble() == ""
    scene.says(f"took {TWO}\ndone {TWO}\nkept 9\n")
    assert scene.trouble(after=PROOF + 1) == "A process that is gone was not replaced."


def test_a_silent_heartbeat(scene):
    scene.dog.started_at = timezone.now() - timedelta(hours=1)
    Heartbeat.objects.update(at=timezone.now() - timedelta(minutes=7))
    assert scene.trouble() == "It has shown no sign of life for too long."


def test_a_database_that_is_gone_is_not_the_clusters_fault(scene, monkeypatch):
    def gone(*args):
        raise DatabaseError

    scene.says(f"took {ONE}\ndone {ONE}\n")
    monkeypatch.setattr(Heartbeat, "last", gone)
    assert scene.trouble(after=KEPT_PROOF + 1) == ""
    monkeypatch.undo()
    # When it is back, the cluster gets its time again.
    assert scene.dog._keeps_nothing(scene.cluster, scene.now + 1) == ""


def test_a_queue_that_is_gone_is_asked_again(scene):
    scene.queue_answers = False
    scene.replace(FETCHER)
    assert scene.trouble() == ""
    assert scene.trouble(after=PROOF + 1) == ""
    assert scene.knocks == 2
    scene.queue_answers = True
    assert scene.trouble(after=PROOF + 1) == ""
    assert scene.knocks == 3
    assert scene.trouble(after=PROOF + 1) == "No task is taken."


def test_a_slow_machine_gets_more_time_with_each_start(scene):
    waited = []
    for _ in range(5):
        scene.dog._start()
        waited.append(scene.dog.patience)
    assert waited == [FIRST_PROOF, 2 * FIRST_PROOF, 4 * FIRST_PROOF, 8 * FIRST_PROOF, 360]
    scene.cluster = scene.dog.cluster
    scene.says(f"took {ONE}\ndone {ONE}\nkept {KEEPER}\n")
    assert scene.trouble() == ""
    assert (scene.dog.patience, scene.dog.first_proof) == (PROOF, FIRST_PROOF)


def test_lines_that_come_in_pieces():
    signs = Signs()
    signs.hear("took 1\nto", 1.0)
    signs.hear("ok 22\ndone 1", 2.0)
    assert signs.busy == {1, 22}
    signs.hear("\n", 3.0)
    assert (signs.busy, signs.unkept_since) == ({22}, 3.0)


def test_the_worker_can_be_asked_whether_it_lives():
    with pytest.raises(CommandError, match="has never run"):
        call_command("worker", "--check")
    Heartbeat.beat()
    out = io.StringIO()
    call_command("worker", "--check", stdout=out)
    assert out.getvalue() == "The worker lives.\n"


def test_the_cluster_is_not_for_people(monkeypatch):
    monkeypatch.delitem(os.environ, "LEAFBRIDGE_WATCHDOG_PIPE", raising=False)
    with pytest.raises(CommandError, match=r"Start the worker with: manage.py worker"):
        call_command("watched_qcluster")
