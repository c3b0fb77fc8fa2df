"""Keeps the task queue's cluster running: ended as a whole and started anew when it is hurt.

What makes it necessary: a process that is killed takes the lock with it that it held. The idle
worker that waits at the head of the queue, or the process that keeps results, leaves a cluster
behind whose processes all look alive and do nothing, for good.

So a killed process calls for proof: the others must show within seconds that tasks are taken and
results kept. What does *not* call for a new cluster:
- a worker that retires after its number of tasks says so, and is replaced by the cluster itself;
- workers that are all busy with long tasks take nothing, which proves nothing: proof is waited for
  until one of them is free. The queue's own time limit ends a task that takes for ever;
- a database or a Redis that can't be reached: a new cluster could not reach it either.
"""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from typing import Any

import psutil
from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import close_old_connections
from django.utils import timezone
from django_q.tasks import async_task

from config.cluster_signs import PARENT, PIPE
from integrations.models import Heartbeat
from integrations.work import wake_worker

logger = logging.getLogger(__name__)
CHECK_EVERY = 1.0
# How long the cluster may take to show that it works, after one of its processes was killed. It
# takes a second; a worker that does not answer in fifteen will not answer at all.
PROOF = 15.0
# Results wait for the database's turn now and then, so they are given more.
KEPT_PROOF = 20.0
# The same after it was started. Doubled each time that was too little, for slow machines.
FIRST_PROOF = 40.0
STOP_GRACE = 20.0


class Signs:
    """What the cluster's processes said of themselves. Times are `time.monotonic()` seconds."""

    def __init__(self) -> None:
        # Workers that began, until somebody takes note of them.
        self.born: set[int] = set()
        self.busy: set[int] = set()
        self.retired: set[int] = set()
        self.taken_at = float("-inf")
        # Since when a task is done of which the result was not kept.
        self.unkept_since: float | None = None
        self._rest = ""

    def hear(self, said: str, now: float) -> None:
        """Take in what came through the pipe; the last line may be cut."""
        *lines, self._rest = (self._rest + said).split("\n")
        for line in lines:
            word, _, pid = line.partition(" ")
            self._hear_one(word, int(pid), now)

    def _hear_one(self, word: str, pid: int, now: float) -> None:
        if word == "took":
            self.busy.add(pid)
            self.taken_at = now
        elif word == "done":
            self.busy.discard(pid)
            if self.unkept_since is None:
                self.unkept_since = now
        elif word == "kept":
            self.unkept_since = None
        elif word == "born":
            self.born.add(pid)
        elif word == "bye":
            self.retired.add(pid)

    def was_killed(self, pid: int) -> bool:
        """Whether a process that is gone has gone without a word; forgets it."""
        self.busy.discard(pid)
        if pid in self.retired:
            self.retired.discard(pid)
            return False
        return True


class Cluster:
    """One cluster: its processes, and what they say."""

    def __init__(self) -> None:
        self.signs = Signs()
        self._reads, writes = os.pipe()
        os.set_blocking(self._reads, False)
        self.main = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "watched_qcluster"],
            # A session of its own: so all its processes can be ended together.
            start_new_session=True,
            pass_fds=[writes],
            env={**os.environ, PIPE: str(writes), PARENT: str(os.getpid())},
        )
        os.close(writes)
        self.workers = int(str(settings.Q_CLUSTER["workers"]))
        # Beside the workers: the main process, its guard, who fetches tasks and who keeps results.
        self.size = self.workers + 4
        self.members: set[int] = set()

    def look(self, now: float) -> bool:
        """See who is there and listen to what they said; whether one was killed since."""
        # A worker may have begun and been killed since the last look, so it says when it begins.
        self._listen(now)
        known, self.signs.born = self.members | self.signs.born, set()
        self.members = self._alive()
        # After that: what a process said before it ended is then heard with its end.
        self._listen(now)
        gone = known - self.members
        killed = {pid for pid in gone if self.signs.was_killed(pid)}
        return bool(killed)

    def _alive(self) -> set[int]:
        try:
            main = psutil.Process(self.main.pid)
            everybody = [main, *main.children(recursive=True)]
        except psutil.NoSuchProcess:
            return set()
        alive = set()
        for process in everybody:
            try:
                if process.status() != psutil.STATUS_ZOMBIE:
                    alive.add(process.pid)
            except psutil.NoSuchProcess:
                continue
        return alive

    def _listen(self, now: float) -> None:
        while True:
            try:
                said = os.read(self._reads, 65536)
            except BlockingIOError:
                return
            if not said:
                return
            self.signs.hear(said.decode(), now)

    @property
    def is_dead(self) -> bool:
        return self.main.poll() is not None

    @property
    def has_idle_worker(self) -> bool:
        return len(self.signs.busy & self.members) < self.workers

    def end(self, grace: float) -> None:
        """End it with everything it started; politely first, when there are seconds for it."""
        if grace and not self.is_dead:
            self.main.terminate()
            try:
                self.main.wait(grace)
            except subprocess.TimeoutExpired:
                logger.warning("The worker did not stop in time; its work is done later.")
        with contextlib.suppress(ProcessLookupError):  # none of them is left
            os.killpg(self.main.pid, signal.SIGKILL)
        self.main.wait()
        os.close(self._reads)


class Watchdog:
    """Keeps one cluster running until told to stop.

    `silence`: how long the heartbeat may be old, whatever else looks well.
    """

    def __init__(self, silence: timedelta) -> None:
        self.silence = silence
        self.stopping = False
        self.cluster: Cluster | None = None
        self.started_at = timezone.now()
        self.first_proof = FIRST_PROOF
        # Since when proof is waited for that tasks are taken; and how long it may take.
        self.asked_at: float | None = None
        # When to ask again, because the queue could not be reached.
        self.ask_again_at: float | None = None
        self.patience = PROOF
        self.complete_at = 0.0

    def stop(self, *_: Any) -> None:
        self.stopping = True

    def run(self) -> None:
        """Start the cluster, and watch it until `stop`."""
        try:
            while not self.stopping:
                if self.cluster is None:
                    self._start()
                elif why := self._trouble(self.cluster, time.monotonic()):
                    logger.warning("worker started anew", extra={"reason": why})
                    self._end(grace=0)
                    continue
                time.sleep(CHECK_EVERY)
        finally:
            self._end(grace=STOP_GRACE)

    def _start(self) -> None:
        self.started_at = timezone.now()
        self.cluster = Cluster()
        self.complete_at = time.monotonic()
        self.patience = self.first_proof
        self.first_proof = min(2 * self.first_proof, self.silence.total_seconds())
        self._ask_for_proof()

    def _end(self, grace: float) -> None:
        if self.cluster:
            cluster, self.cluster = self.cluster, None
            cluster.end(grace)

    def _ask_for_proof(self) -> None:
        """Queue something to be taken; and take up at once what those who are gone left behind."""
        now = time.monotonic()
        if _knock():
            self.asked_at, self.ask_again_at = time.monotonic(), None
        else:
            self.asked_at, self.ask_again_at = None, now + PROOF

    def _trouble(self, cluster: Cluster, now: float) -> str:
        """Why the cluster must be started anew; empty when it need not."""
        if cluster.is_dead:
            return "Its main process is gone."
        was_killed = cluster.look(now)
        self._note_proof(cluster)
        if was_killed:
            logger.warning("One of the worker's processes was killed.")
            self._ask_for_proof()
        elif self.ask_again_at and now > self.ask_again_at:
            self._ask_for_proof()
        why = self._incomplete(cluster, now) or self._takes_nothing(cluster, now)
        why = why or self._keeps_nothing(cluster, now) or self._is_silent()
        if why and not _database_answers():
            # Without it no cluster can show anything: count anew when it is back.
            self.complete_at = now
            self.asked_at = self.asked_at and now
            cluster.signs.unkept_since = cluster.signs.unkept_since and now
            return ""
        return why

    def _note_proof(self, cluster: Cluster) -> None:
        """Before asking anew: one that has started has no more need of the time for starting."""
        if self.asked_at is not None and cluster.signs.taken_at > self.asked_at:
            self.asked_at, self.patience, self.first_proof = None, PROOF, FIRST_PROOF

    def _incomplete(self, cluster: Cluster, now: float) -> str:
        if len(cluster.members) >= cluster.size:
            self.complete_at = now
        if now - self.complete_at > self.patience:
            return "A process that is gone was not replaced."
        return ""

    def _takes_nothing(self, cluster: Cluster, now: float) -> str:
        if self.asked_at is None:
            return ""
        if cluster.members and not cluster.has_idle_worker:
            self.asked_at = now
        elif now - self.asked_at > self.patience:
            return "No task is taken."
        return ""

    def _keeps_nothing(self, cluster: Cluster, now: float) -> str:
        since = cluster.signs.unkept_since
        return "No result is kept." if since and now - since > KEPT_PROOF else ""

    def _is_silent(self) -> str:
        close_old_connections()
        try:
            last: datetime | None = Heartbeat.last()
        except AnyDatabaseError:
            return ""
        if timezone.now() - max(last or self.started_at, self.started_at) > self.silence:
            return "It has shown no sign of life for too long."
        return ""


def _knock() -> bool:
    """Queue a heartbeat and a look at the work; whether the queue took them."""
    try:
        async_task("config.schedules.beat")
    except Exception:
        # Of the database or of Redis, whichever carries the queue.
        logger.warning("The task queue can't be reached.", exc_info=True)
        return False
    wake_worker()
    return True


def _database_answers() -> bool:
    close_old_connections()
    try:
        Heartbeat.last()
    except AnyDatabaseError:
        return False
    return True
