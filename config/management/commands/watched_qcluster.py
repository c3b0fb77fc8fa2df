"""manage.py watched_qcluster: what the watchdog starts; not for people."""

import os
from typing import Any

from django.core.management.base import CommandError
from django_q.management.commands.qcluster import Command as ClusterCommand

from config import cluster_signs


class Command(ClusterCommand):  # type: ignore[misc]
    help = "The task queue's cluster, as `manage.py worker` starts and watches it."

    def handle(self, *args: Any, **options: Any) -> None:
        if cluster_signs.PIPE not in os.environ:
            raise CommandError("Start the worker with: manage.py worker")
        cluster_signs.end_with_the_watchdog()
        cluster_signs.give_signs()
        super().handle(*args, **options)
