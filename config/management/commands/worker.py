"""manage.py worker: the task queue's cluster, under a watchdog."""

import signal
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

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

    def handle(self, *args: Any, **options: Any) -> None:
        write_schedules()
        watchdog = Watchdog(timedelta(seconds=options["silence"]))
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, watchdog.stop)
        self.stdout.write("Worker started. Stop it with Ctrl-C.")
        watchdog.run()
        self.stdout.write("Worker stopped.")
