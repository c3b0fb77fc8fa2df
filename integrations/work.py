"""The work queue of record: ask for work, claim it under a lease, do it, settle it.

django-q2 only carries hints ("look at the queue"); this table says what is to be done. A hint that
is lost costs a minute, never a change. Handlers may run twice, late or after a crash, so each must
be idempotent; they run outside any transaction, since they call the network.
"""

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from django.db import close_old_connections, models, transaction
from django.db import connection as database
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from integrations import call_log
from integrations.models import Connection, Heartbeat, WorkItem
from integrations.processes import is_alive

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 8
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(minutes=30)
LEASE = timedelta(minutes=6)  # longer than the task queue's time limit, so it outlives its worker
# What fails for a moment is tried again by the same worker, and at once.
LINGER = timedelta(seconds=5)
LINGER_STEP = 0.25
# What only ever waits, and fails at nothing, is shown as stuck when it has for that long.
PATIENCE = timedelta(hours=2)


class Later(Exception):
    """The work can't be done now; try again after `wait`."""

    def __init__(
        self, reason: str, wait: timedelta, error_class: str = "wait", *, counts: bool = True
    ) -> None:
        super().__init__(reason)
        self.wait = wait
        self.error_class = error_class
        # Whether it is one of the attempts after which the work is stuck. (It is in any case after
        # PATIENCE: nothing waits for ever unseen.)
        self.counts = counts


class Stuck(Exception):
    """Trying again won't help; a person must look."""

    def __init__(self, reason: str, error_class: str = "stuck") -> None:
        super().__init__(reason)
        self.error_class = error_class


Handler = Callable[[Connection, str], None]
# Takes several keys at once; returns what went wrong, by key (Later, Stuck or any exception).
ManyHandler = Callable[[Connection, list[str], "Batch"], dict[str, Exception]]


class Batch:
    """Several claimed rows of one kind and connection, as their handler sees them."""

    def __init__(self, priority: int, asked_at: dict[str, datetime]) -> None:
        self.priority = priority
        # By key, when the work was asked for.
        self.asked_at = asked_at
        self._looked_at = time.monotonic()

    def should_yield(self) -> bool:
        """Whether something more urgent waits than all of these. Looks now and then."""
        if time.monotonic() - self._looked_at < LINGER_STEP:
            return False
        self._looked_at = time.monotonic()
        urgent = WorkItem.objects.filter(_due(timezone.now()), priority__lt=self.priority)
        return urgent.filter(connection__is_active=True).exists()


_handlers: dict[str, Handler] = {}
# By kind the handler, and how many keys it takes at once at the most.
_many_handlers: dict[str, tuple[ManyHandler, int]] = {}
# What people call each kind of work, for screens ("Read order").
labels: dict[str, str] = {}
# What the key of each kind of work is the number of, for log lines ("order").
_about: dict[str, str] = {}


def register(kind: str, label: str, handler: Handler, *, about: str = "key") -> None:
    """Say who does work of this kind. Called once for each kind, when the apps are ready.

    `about`: under which name its key stands on log lines.
    """
    _handlers[kind] = handler
    labels[kind] = label
    _about[kind] = about


def register_many(kind: str, label: str, handler: ManyHandler, most: int) -> None:
    """The same for work that is better done several rows at a time, `most` at the most."""
    _many_handlers[kind] = (handler, most)
    labels[kind] = label


def ask(
    connection_id: int,
    kind: str,
    keys: Iterable[str],
    priority: WorkItem.Priority,
    *,
    revive: bool = True,
) -> None:
    """Ask for work on these keys, in four statements however many; wakes a worker after commit.

    Work that waits already becomes as urgent as the more urgent of the two.

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
            update_fields=["request", "requested_at"],
            batch_size=500,
        )
        asked = WorkItem.objects.filter(request=request)
        asked.filter(priority__gt=priority).update(priority=priority)
        if revive:
            _revive(asked)
        if not is_told:
            transaction.on_commit(wake_worker)


def ask_each(kind: str, rows: Iterable[tuple[int, object]], priority: WorkItem.Priority) -> int:
    """Ask for work on these (connection id, key) pairs; returns how many there are."""
    by_connection: dict[int, set[str]] = {}
    for connection_id, key in rows:
        by_connection.setdefault(connection_id, set()).add(str(key))
    for connection_id, keys in by_connection.items():
        ask(connection_id, kind, keys, priority)
    return sum(map(len, by_connection.values()))


def retry(items: models.QuerySet[WorkItem]) -> int:
    """Try these stuck rows again now; returns how many there were."""
    with transaction.atomic():
        count = _revive(items)
        if count:
            transaction.on_commit(wake_worker)
    return count


def retry_now(items: models.QuerySet[WorkItem]) -> int:
    """Try these rows now, the stuck ones and those that wait until later; returns how many. One
    that is being worked on is left to that."""
    now = timezone.now()
    with transaction.atomic():
        waiting = items.filter(_free(now), stuck_at__isnull=True, not_before__gt=now)
        count = waiting.update(not_before=now) + _revive(items)
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
    _free_what_the_dead_had()
    while time.monotonic() < deadline:
        if is_worker:
            Heartbeat.beat_now_and_then()
        if item := claim():
            done += _work_on_it_and_its_like(item)
        elif is_worker and _is_due_soon():
            time.sleep(LINGER_STEP)
        else:
            break
        if not database.in_atomic_block:
            close_old_connections()
    return done


def _is_due_soon() -> bool:
    """Whether something waits for but a moment (another process is at it, an answer was lost)."""
    soon = timezone.now() + LINGER
    waits = WorkItem.objects.filter(stuck_at__isnull=True, not_before__lte=soon)
    return waits.filter(connection__is_active=True, leased_until__isnull=True).exists()


def _free_what_the_dead_had() -> None:
    """Take their work from processes on this host that were killed. (On others the lease ends.)"""
    here = WorkItem.objects.filter(leased_until__isnull=False, host=socket.gethostname())
    for pid in set(here.values_list("pid", flat=True)):
        if not is_alive(pid):
            here.filter(pid=pid).update(lease=None, leased_until=None)


def _work_on_it_and_its_like(item: WorkItem) -> int:
    """Do a claimed row; of a kind that is done several at a time, more of the same. How many."""
    if item.kind not in _many_handlers:
        with _on_log_lines(item):
            work_on(item)
        return 1
    handler, most = _many_handlers[item.kind]
    items = [item, *_claim_more(item, most - 1)]
    with bound_contextvars(account=item.connection_id, work=item.kind):
        _work_on_many(items, handler)
    return len(items)


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
        item.attempts += 1
        mine = _new_lease(now)
        item.lease, item.leased_until = mine["lease"], mine["leased_until"]
        # Whoever's UPDATE comes first has the row; the others look for another one.
        taken = WorkItem.objects.filter(free, pk=item.pk)
        if not taken.update(attempts=item.attempts, **mine):
            continue
        if item.attempts > MOST_ATTEMPTS:
            _settle_failed(item, "The worker died each time it was at this.", "killed", None)
            continue
        # Read what was asked for only now: asking again later must not be lost.
        item.request = WorkItem.objects.values_list("request", flat=True).get(pk=item.pk)
        return item


def _new_lease(now: datetime) -> dict[str, Any]:
    """A lease for this process, as columns."""
    return {
        "lease": uuid.uuid4(),
        "leased_until": now + LEASE,
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }


def _claim_more(item: WorkItem, most: int) -> list[WorkItem]:
    """Take more work of the same kind, connection and urgency, in two statements."""
    now = timezone.now()
    alike = WorkItem.objects.filter(
        _due(now), connection=item.connection_id, kind=item.kind, priority=item.priority
    )
    # What kills its worker, or fails for no known reason, is tried by itself.
    alike = alike.filter(models.Q(attempts=0) | ~models.Q(error_class="")).exclude(
        error_class="unexpected"
    )
    wanted = list(alike.order_by("not_before", "pk").values_list("pk", flat=True)[:most])
    if not wanted:
        return []
    mine = _new_lease(now)
    still_free = WorkItem.objects.filter(_free(now), pk__in=wanted)
    still_free.update(attempts=models.F("attempts") + 1, **mine)
    return list(WorkItem.objects.filter(lease=mine["lease"]).select_related("connection"))


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
        with call_log.kept():
            handler(item.connection, item.key)
    except Exception as error:
        _settle_error(item, error)
    else:
        _settle_done([item])


def _on_log_lines(item: WorkItem) -> AbstractContextManager[None]:
    """Name the account and the record on whatever is logged meanwhile."""
    about = {_about.get(item.kind, "key"): item.key}
    return bound_contextvars(account=item.connection_id, work=item.kind, **about)


def _work_on_many(items: list[WorkItem], handler: ManyHandler) -> None:
    """Run the handler of several claimed rows, and settle each by what it says of it."""
    keys = [item.key for item in items]
    try:
        batch = Batch(items[0].priority, {item.key: item.requested_at for item in items})
        with call_log.kept():
            failed = handler(items[0].connection, keys, batch)
    except Exception as error:
        failed = dict.fromkeys(keys, error)
    for item in items:
        if reason := failed.get(item.key):
            _settle_error(item, reason)
    _settle_done([item for item in items if item.key not in failed])


def _settle_error(item: WorkItem, error: Exception) -> None:
    if isinstance(error, Later):
        item.attempts -= 0 if error.counts else 1
        is_too_long = not error.counts and timezone.now() - item.requested_at > PATIENCE
        wait = None if is_too_long else error.wait
        _settle_failed(item, str(error), error.error_class, wait, grows=error.counts)
    elif isinstance(error, Stuck):
        _settle_failed(item, str(error), error.error_class, None)
    else:
        logger.error("work item failed", exc_info=error, extra={"kind": item.kind, "key": item.key})
        _settle_failed(item, f"{type(error).__name__}: {error}", "unexpected", FIRST_DELAY)


def _settle_done(items: list[WorkItem]) -> None:
    """Drop what was done; what was asked for again meanwhile is done once more, from the start."""
    mine = WorkItem.objects.filter(
        pk__in=[item.pk for item in items], lease__in={item.lease for item in items}
    )
    done, _ = mine.filter(request__in={item.request for item in items}).delete()
    if done < len(items):
        mine.update(lease=None, leased_until=None, attempts=0, error="", error_class="")


def _settle_failed(
    item: WorkItem,
    reason: str,
    error_class: str,
    wait: timedelta | None,
    *,
    grows: bool = True,
) -> None:
    now = timezone.now()
    attempts = item.attempts
    give_up = wait is None or (grows and attempts >= MOST_ATTEMPTS)
    growing = FIRST_DELAY * 2 ** min(attempts - 1, 12) if grows and attempts else timedelta(0)
    delay = min(max(wait or timedelta(0), growing), LONGEST_DELAY)
    WorkItem.objects.filter(pk=item.pk, lease=item.lease).update(
        lease=None,
        leased_until=None,
        attempts=attempts,
        error=reason[:2000],
        error_class=error_class,
        not_before=now + delay,
        stuck_at=now if give_up else None,
    )
