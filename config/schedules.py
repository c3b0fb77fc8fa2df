"""The table of periodic jobs. The database's schedules are written from it, and by nothing else."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule

from integrations import notice_mail, notices, retention
from integrations.leases import Busy, lease
from integrations.models import Heartbeat


@dataclass(frozen=True)
class Job:
    name: str
    function: str
    minutes: int
    purpose: str


JOBS = (
    Job("heartbeat", "config.schedules.beat", 1, "shows that the worker is alive"),
    Job("work queue", "integrations.work.drain", 1, "does work whose hint was lost"),
    Job("order poll", "integrations.leaflink.jobs.poll_orders", 1, "orders webhooks missed"),
    Job("inventory push", "integrations.leaflink.jobs.push_inventory", 10, "quantities out"),
    Job(
        "catalog pull", "integrations.leaflink.jobs.pull_catalog", 10, "products, customers, staff"
    ),
    Job("audit", "integrations.leaflink.jobs.audit", 60, "everything read anew"),
    Job("metrc", "integrations.metrc.jobs.poll", 10, "Metrc's packages and transfers"),
    Job("notices", "config.schedules.tell", 1, "what needs a person, and mails about it"),
    Job("clean-up", "config.schedules.clean_up", 60 * 24, "old runs, webhooks and queue results"),
)


@transaction.atomic
def write_schedules() -> None:
    """Make the database's schedules agree with JOBS; jobs no longer listed are removed.

    Only what differs is written, so a schedule keeps its rhythm when the worker restarts.
    """
    known = {row.name: row for row in Schedule.objects.select_for_update()}
    for job in JOBS:
        row = known.pop(job.name, None)
        wanted = {
            "func": job.function,
            "schedule_type": Schedule.MINUTES,
            "minutes": job.minutes,
            "repeats": -1,
            "args": None,
            "kwargs": None,
        }
        if row is None:
            first = timezone.now() + timedelta(seconds=1)
            Schedule.objects.create(name=job.name, next_run=first, **wanted)
        elif any(getattr(row, name) != value for name, value in wanted.items()):
            Schedule.objects.filter(pk=row.pk).update(**wanted)
    Schedule.objects.filter(pk__in=[row.pk for row in known.values()]).delete()


def beat() -> None:
    """The worker's sign of life."""
    Heartbeat.beat()


def tell() -> None:
    """Each minute: keep what needs a person as notices, and mail what is new."""
    try:
        with lease("notices"):
            try:
                notices.refresh()
            finally:
                notice_mail.send_due()
    except Busy:
        return


def clean_up() -> None:
    """Nightly: drop what nobody will look at any more."""
    retention.prune()
