"""The work queue of record: ask for work, claim it under a lease, do it, settle it.

django-q2 only carries hints ("look at the queue"); this table says what is to be done. A hint that
is lost costs a minute, never a change. Handlers may run twice, late or after a crash, so each must
be idempotent; they run outside any transaction, since they call the network.
"""

import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from django.db import close_old_connections, models, transaction
from django.db import connection as database
from django.utils import timezone

from integrations.models import Connection, Heartbeat, WorkItem

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 8
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(minutes=30)
LEASE = timedelta(minutes=6)  # longer than the task queue's time limit, so it outlives its worker


class Later(Exception):
    """The work can't be done now; try again after `wait`."""

    def __init__(
        self, reason: str, wait: timedelta, error_class: str = "wait", *, counts: bool = True
    ) -> None:
        super().__init__(reason)
        self.wait = wait
        self.error_class = error_class
        # Whether it is one of the attempts after which the work is stuck.
        self.counts = counts


class Stuck(Exception):
    """Trying again won't help; a person must look."""

    def __init__(self, reason: str, error_class: str = "stuck") -> None:
        super().__init__(reason)
        self.error_class = error_class


Handler = Callable[[Connection, str], None]
_handlers: dict[str, Handler] = {}
# What people call each kind of work, for screens ("Read order").
labels: dict[str, str] = {}


def register(kind: str, label: str, handler: Handler) -> None:
    """Say who does work of this kind. Called once for each kind, when the apps are ready."""
    _handlers[kind] = handler
    labels[kind] = label


def ask(
    connection_id: int,
    kind: str,
    keys: Iterable[str],
    priority: WorkItem.Priority,
    *,
    revive: bool = True,
) -> None:
    """Ask for work on these keys, in three statements however many; wakes a worker after commit.

    Work that was stuck is tried afresh, since something has changed; `revive` False: nothing has.
    """
    wanted = sorted(set(keys))
    if not wanted:
        return
    request, now = uuid.uuid4(), timezone.now()
    with transaction.atomic():
        # Where something fresh waits already, a worker was told, and looks again before it rests.
        # (Of what failed and is due again, nobody was told: the minutely sweep finds it.)
        fresh = WorkItem.objects.filter(_due(now), connection__is_active=True, error_class="")
        is_told = fresh.exists()
        WorkItem.objects.bulk_create(
            [
                WorkItem(
                    connection_id=connection_id,
                    kind=kind,
                    key=key,
                    priority=priority,
                    request=request,
                    requested_at=now,
                    not_before=now,
                )
                for key in wanted
            ],
            update_conflicts=True,
            unique_fields=["connection", "kind", "key"],
            update_fields=["request", "requested_at", "priority"],
            batch_size=500,
        )
        if revive:
            _revive(WorkItem.objects.filter(request=request))
        if not is_told:
            transaction.on_commit(wake_worker)


def retry(items: models.QuerySet[WorkItem]) -> int:
    """Try these stuck rows again now; returns how many there were."""
    with transaction.atomic():
        count = _revive(items)
        if count:
            transaction.on_commit(wake_worker)
    return count


def _revive(items: models.QuerySet[WorkItem]) -> int:
    return items.filter(stuck_at__isnull=False).update(
        stuck_at=None, attempts=0, not_before=timezone.now(), error="", error_class=""
    )


def wake_worker() -> None:
    """Hint to a worker that there is work. A hint that can't be sent is only logged."""
    from django_q.tasks import async_task

    try:
        async_task("integrations.work.drain", is_worker=True, q_options={"task_name": "work queue"})
    except Exception:
        logger.warning("The task queue took no hint; the minutely sweep will find the work.")


def forget(connection_id: int, kind: str, keys: Collection[str], asked_before: datetime) -> None:
    """Drop waiting work that something else has done meanwhile (a poll read the same records)."""
    WorkItem.objects.filter(
        connection=connection_id,
        kind=kind,
        key__in=list(keys),
        requested_at__lt=asked_before,
        leased_until__isnull=True,
    ).delete()


def drain(seconds: float = 60, *, is_worker: bool = False) -> int:
    """Do the work that waits until there is none or the time is up; returns how many were done.

    Stays well below the task queue's own time limit, which kills. `is_worker`: called by the task
    queue, so that being at work counts as a sign of life.
    """
    deadline = time.monotonic() + seconds
    done = 0
    while time.monotonic() < deadline and (item := claim()):
        if is_worker:
            Heartbeat.beat_now_and_then()
        work_on(item)
        done += 1
        if not database.in_atomic_block:
            close_old_connections()
    return done


def claim() -> WorkItem | None:
    """Take the most urgent row that nobody works on, under a lease; None when there is none."""
    now = timezone.now()
    free = _free(now)
    while True:
        item = (
            WorkItem.objects.filter(_due(now), connection__is_active=True)
            .select_related("connection")
            .order_by("priority", "not_before", "pk")
            .first()
        )
        if item is None:
            return None
        item.lease, item.leased_until = uuid.uuid4(), now + LEASE
        # Whoever's UPDATE comes first has the row; the others look for another one.
        item.attempts += 1
        if not WorkItem.objects.filter(free, pk=item.pk).update(
            lease=item.lease, leased_until=item.leased_until, attempts=item.attempts
        ):
            continue
        if item.attempts > MOST_ATTEMPTS:
            _settle_failed(item, "The worker died each time it was at this.", "killed", None)
            continue
        # Read what was asked for only now: asking again later must not be lost.
        item.request = WorkItem.objects.values_list("request", flat=True).get(pk=item.pk)
        return item


def _free(now: datetime) -> models.Q:
    """Nobody works on it."""
    return models.Q(leased_until__isnull=True) | models.Q(leased_until__lt=now)


def _due(now: datetime) -> models.Q:
    """It could be worked on now."""
    return _free(now) & models.Q(stuck_at__isnull=True, not_before__lte=now)


def work_on(item: WorkItem) -> None:
    """Run the handler of a claimed row and settle it. One row's failure never reaches the next."""
    handler = _handlers.get(item.kind)
    try:
        if handler is None:
            raise Stuck(f"Nothing here does work of the kind {item.kind!r}.", "no handler")
        handler(item.connection, item.key)
    except Later as error:
        item.attempts -= 0 if error.counts else 1
        _settle_failed(item, str(error), error.error_class, error.wait)
    except Stuck as error:
        _settle_failed(item, str(error), error.error_class, None)
    except Exception as error:
        logger.exception("work item failed", extra={"kind": item.kind, "key": item.key})
        _settle_failed(item, f"{type(error).__name__}: {error}", "unexpected", FIRST_DELAY)
    else:
        _settle_done(item)


def _settle_done(item: WorkItem) -> None:
    mine = WorkItem.objects.filter(pk=item.pk, lease=item.lease)
    if not mine.filter(request=item.request).delete()[0]:
        # Asked for again while it was worked on: once more, from the start.
        mine.update(lease=None, leased_until=None, attempts=0, error="", error_class="")


def _settle_failed(item: WorkItem, reason: str, error_class: str, wait: timedelta | None) -> None:
    now = timezone.now()
    attempts = item.attempts
    give_up = wait is None or attempts >= MOST_ATTEMPTS
    growing = FIRST_DELAY * 2 ** min(attempts - 1, 12) if attempts else timedelta(0)
    delay = min(max(wait or FIRST_DELAY, growing), LONGEST_DELAY)
    WorkItem.objects.filter(pk=item.pk, lease=item.lease).update(
        lease=None,
        leased_until=None,
        attempts=attempts,
        error=reason[:2000],
        error_class=error_class,
        not_before=now + delay,
        stuck_at=now if give_up else None,
    )
