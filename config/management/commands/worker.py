"""manage.py worker: the task queue's cluster, under a watchdog."""

import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections
from django.utils import timezone
from django_q.tasks import async_task

from config.schedules import write_schedules
from integrations.models import Heartbeat
from integrations.work import wake_worker

CHECK_EVERY = 2.0
# Longer than a task may take: the heartbeat is a task too, and may have to wait for its turn.
SILENCE = timedelta(minutes=6)
STOP_GRACE = 20.0


class Command(BaseCommand):
    help = (
        "Do the queued and scheduled work. Starts the task queue's cluster and watches it: one "
        "that is dead or silent is ended with all its processes and started anew."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--silence",
            type=float,
            default=SILENCE.total_seconds(),
            help="Seconds without a heartbeat after which the cluster is started anew.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        write_schedules()
        watchdog = Watchdog(timedelta(seconds=options["silence"]))
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, watchdog.stop)
        self.stdout.write("Worker started. Stop it with Ctrl-C.")
        watchdog.run()
        self.stdout.write("Worker stopped.")


class Watchdog:
    """Keeps one cluster running until told to stop.

    A cluster of which an idle worker was killed can hang for good while all its processes look
    alive (measured), so what counts is the heartbeat; and when its main process is killed the
    others live on, so what is ended is the whole process group.
    """

    def __init__(self, silence: timedelta) -> None:
        self.silence = silence
        self.stopping = False
        self.cluster: subprocess.Popen[bytes] | None = None
        self.started_at = timezone.now()

    def stop(self, *_: Any) -> None:
        self.stopping = True

    def run(self) -> None:
        """Start the cluster, and watch it until `stop`."""
        try:
            while not self.stopping:
                if self.cluster is None:
                    self._start()
                elif self.cluster.poll() is not None or self._is_silent():
                    self._end(grace=0)
                time.sleep(CHECK_EVERY if self.cluster else 0.5)
        finally:
            self._end(grace=STOP_GRACE)

    def _start(self) -> None:
        self.started_at = timezone.now()
        # A session of its own: so all its processes can be ended together.
        self.cluster = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "qcluster"],
            start_new_session=True,
        )
        # At once, not with the next minute: show signs of life, take up what was left unfinished.
        async_task("config.schedules.beat")
        wake_worker()

    def _is_silent(self) -> bool:
        close_old_connections()
        try:
            last: datetime | None = Heartbeat.last()
        except DatabaseError:
            return False  # not the cluster's fault
        return timezone.now() - max(last or self.started_at, self.started_at) > self.silence

    def _end(self, grace: float) -> None:
        """End the cluster and everything it started; politely first, when there is time."""
        if self.cluster is None:
            return
        group, cluster = self.cluster.pid, self.cluster
        self.cluster = None
        if grace and cluster.poll() is None:
            cluster.terminate()
            try:
                cluster.wait(grace)
            except subprocess.TimeoutExpired:
                self._signal(group, signal.SIGTERM)
        self._signal(group, signal.SIGKILL)
        cluster.wait()

    def _signal(self, group: int, number: signal.Signals) -> None:
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return
