"""manage.py worker: the task queue's cluster, under a watchdog."""

import signal
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.health import worker_problems
from config.schedules import write_schedules
from config.watchdog import Watchdog

# Longer than a task may take: the heartbeat is a task too, and may have to wait for its turn.
SILENCE = timedelta(minutes=6)


class Command(BaseCommand):
    help = (
        "Do the queued and scheduled work. Starts the task queue's cluster and watches it: one "
        "that is dead, hurt or silent is ended with all its processes and started anew."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--silence",
            type=float,
            default=SILENCE.total_seconds(),
            help="Seconds without a heartbeat after which the cluster is started anew.",
        )

        parser.add_argument(
            "--check",
            action="store_true",
            help="Only say whether a worker has shown signs of life lately; exits with 1 if not.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self._check()
            return
        write_schedules()
        watchdog = Watchdog(timedelta(seconds=options["silence"]))
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, watchdog.stop)
        self.stdout.write("Worker started. Stop it with Ctrl-C.")
        watchdog.run()
        self.stdout.write("Worker stopped.")

    def _check(self) -> None:
        if problems := worker_problems():
            raise CommandError(" ".join(problems))
        self.stdout.write("The worker lives.")
