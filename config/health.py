"""Are we alive (`/healthz`), and is all of our work being done (`/readyz`)?

Anybody may ask, so the answers name accounts by their number only, and hold nothing secret.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Max, Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from config.schedules import JOBS
from integrations.leaflink.models import Account
from integrations.models import Heartbeat, Run, WorkItem

OLDEST_HEARTBEAT = timedelta(minutes=5)
# A sweep of thousands of quantities takes its time at LeafLink's 300 requests a minute.
OLDEST_WORK = timedelta(minutes=30)
# By kind of run: which job does it, after how many of the job's intervals it is late, and in words.
# A single poll may take five minutes, so one minute is no measure.
RUNS = {
    "orders": ("order poll", 15, "read orders"),
    "inventory": ("inventory push", 4, "sent stock"),
}
WENT_WELL = (Run.Outcome.DONE, Run.Outcome.PARTLY)

# What one check says: whether all is well, figures for machines, and the problems in words.
Answer = tuple[dict[str, Any], list[str]]


def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers."""
    return HttpResponse("ok", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when all parts do their work; else 503, with each problem in words and in figures."""
    checks: dict[str, Any] = {}
    problems: list[str] = []
    for name, check in CHECKS.items():
        try:
            figures, found = check()
        except DatabaseError:
            figures, found = {}, ["The database can't be reached. Look at DATABASE_URL."]
        checks[name] = {"ok": not found, **figures}
        # The same for every check, when it is the database.
        problems += [problem for problem in found if problem not in problems]
    answer = {"ready": not problems, "problems": problems, "checks": checks}
    response = JsonResponse(answer, status=503 if problems else 200)
    # Django would log each 503 as an error of ours, and report it, as often as somebody asks.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def check_database() -> Answer:
    """Whether it answers."""
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {"kind": connection.vendor}, []


def check_queue() -> Answer:
    """Whether what carries the hints answers; without Redis that is the database."""
    if not settings.QUEUE_REDIS_URL:
        return {"kind": "database"}, []
    # Processes start a tenth sooner without it, and most have none.
    import redis

    try:
        # Not the queue's own connection: it would wait for an answer without end.
        with redis.Redis.from_url(
            settings.QUEUE_REDIS_URL, socket_connect_timeout=2, socket_timeout=2
        ) as server:
            server.ping()
    except (redis.RedisError, ValueError):
        return {"kind": "redis"}, ["Redis can't be reached. Look at QUEUE_REDIS_URL."]
    return {"kind": "redis"}, []


def check_worker() -> Answer:
    """Whether it has shown a sign of life lately."""
    return {"heartbeat_age_seconds": _age(Heartbeat.last())}, worker_problems()


def check_runs() -> Answer:
    """Whether each active account's orders were read, and its stock sent, not too long ago."""
    rows, problems = [], []
    now = timezone.now()
    last = last_runs(RUNS)
    accounts = Account.objects.filter(is_active=True).exclude(app_key="").order_by("pk")
    for pk, created_at in accounts.values_list("pk", "created_at"):
        row: dict[str, Any] = {"account": pk}
        for kind, (_, _, words) in RUNS.items():
            at = last.get((pk, kind))
            row[f"{kind}_age_seconds"] = _age(at)
            # One that was made a moment ago has its first run before it.
            if now - (at or created_at) > late_after(kind):
                when = f"has not {words} since {_when(at)}" if at else f"has never {words}"
                problems.append(f"Account {pk} {when}. Look at its runs and notices.")
        rows.append(row)
    return {"accounts": rows}, problems


def check_work() -> Answer:
    """Whether work that could be done waits for too long."""
    waiting = WorkItem.objects.filter(
        stuck_at__isnull=True, leased_until__isnull=True, connection__is_active=True
    )
    oldest = waiting.aggregate(at=Min("not_before"))["at"]
    if oldest is None or timezone.now() - oldest <= OLDEST_WORK:
        return {"oldest_waiting_seconds": max(0.0, _age(oldest) or 0.0)}, []
    return {"oldest_waiting_seconds": _age(oldest)}, [
        f"Work has been waiting since {_when(oldest)}. Is a worker running? Are they enough?"
    ]


CHECKS: dict[str, Callable[[], Answer]] = {
    "database": check_database,
    "queue": check_queue,
    "worker": check_worker,
    "runs": check_runs,
    "work": check_work,
}


def worker_problems() -> list[str]:
    """Why the worker looks dead, in words; empty when it lives."""
    last = Heartbeat.last()
    if last is None:
        return ["The worker has never run. Start it with: manage.py worker"]
    if timezone.now() - last > OLDEST_HEARTBEAT:
        return [f"The worker has been silent since {_when(last)}. Restart it: manage.py worker"]
    return []


def late_after(kind: str) -> timedelta:
    """How old the last run of this kind may be."""
    job, intervals, _ = RUNS[kind]
    minutes = next(one.minutes for one in JOBS if one.name == job)
    return timedelta(minutes=minutes * intervals)


def last_runs(
    kinds: Any = None, *, within: timedelta = timedelta(days=30)
) -> dict[tuple[int, str], datetime]:
    """When each account's last run of each kind ended that went well, `within` the time before
    now. One query."""
    runs = Run.objects.filter(outcome__in=WENT_WELL, started_at__gte=timezone.now() - within)
    if kinds is not None:
        runs = runs.filter(kind__in=list(kinds))
    rows = runs.order_by().values_list("connection", "kind").annotate(Max("finished_at"))
    return {(pk, kind): at for pk, kind, at in rows}


def _age(at: datetime | None) -> float | None:
    return round((timezone.now() - at).total_seconds(), 1) if at else None


def _when(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
