"""`/metrics` for Prometheus: figures read from the database when they are asked for.

So every web process gives the same answer, and the worker needs no page of its own. The number of
queries is the same however much there is. Only for those who bear METRICS_TOKEN.
"""

import hmac
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from config.health import last_runs
from integrations.budget import uses_of
from integrations.leaflink.models import Account, Order
from integrations.models import Heartbeat, Notice, Run, WorkItem

RECENT = timedelta(hours=1)


def metrics(request: HttpRequest) -> HttpResponse:
    """The figures, for who bears the token; 401 without it, 404 where there is none."""
    if not settings.METRICS_TOKEN:
        raise Http404
    wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
    if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted):
        answer = HttpResponse(
            "This page needs METRICS_TOKEN.", status=401, content_type="text/plain"
        )
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DatabaseFigures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class DatabaseFigures(Collector):
    """What the database says at this moment. Ages in seconds."""

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # else it is asked for its figures when it is registered

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = timezone.now()
        names = dict(Account.objects.values_list("pk", "name"))
        yield from _work(now)
        yield _heartbeat(now)
        yield from _runs(names, now)
        yield _notices()
        yield _held(names)
        yield from _accounts(now)


def _gauge(name: str, says: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"leafbridge_{name}", says, labels=labels)


def _heartbeat(now: datetime) -> GaugeMetricFamily:
    family = _gauge("worker_heartbeat_age_seconds", "Since the worker's last sign of life.")
    if last := Heartbeat.last():
        family.add_metric([], (now - last).total_seconds())
    return family


def _work(now: datetime) -> Iterator[GaugeMetricFamily]:
    waiting = _gauge("work_waiting", "Work that waits or is being done, by kind.", "kind")
    stuck = _gauge("work_stuck", "Work that waits for a person, by kind.", "kind")
    oldest = _gauge("work_oldest_age_seconds", "For how long work could have been done.", "kind")
    is_stuck = Q(stuck_at__isnull=False)
    rows = (
        WorkItem.objects.order_by()
        .values_list("kind")
        .annotate(
            waits=Count("pk", filter=~is_stuck),
            sticks=Count("pk", filter=is_stuck),
            since=Min("not_before", filter=~is_stuck),
        )
    )
    for kind, waits, sticks, since in rows:
        waiting.add_metric([kind], waits)
        stuck.add_metric([kind], sticks)
        if since:
            oldest.add_metric([kind], max(0.0, (now - since).total_seconds()))
    yield from (waiting, stuck, oldest)


def _runs(names: dict[int, str], now: datetime) -> Iterator[GaugeMetricFamily]:
    ages = _gauge("last_run_age_seconds", "Since the last run that went well.", "account", "kind")
    for (pk, kind), at in last_runs().items():
        if pk in names:
            ages.add_metric([names[pk], kind], (now - at).total_seconds())
    yield ages
    recent = _gauge("runs_last_hour", "Runs begun in the last hour.", "kind", "outcome")
    begun = Run.objects.filter(started_at__gte=now - RECENT).order_by()
    for kind, outcome, count in begun.values_list("kind", "outcome").annotate(Count("pk")):
        recent.add_metric([kind, outcome], count)
    yield recent


def _notices() -> GaugeMetricFamily:
    family = _gauge("open_notices", "Problems a person should know of.", "category")
    opened = Notice.objects.filter(resolved_at__isnull=True).order_by()
    counts = dict(opened.values_list("category").annotate(Count("pk")))
    for category in Notice.Category.values:
        family.add_metric([category], counts.get(category, 0))
    return family


def _held(names: dict[int, str]) -> GaugeMetricFamily:
    family = _gauge("held_orders", "Orders that don't come in until a person acts.", "account")
    held = Order.objects.filter(state=Order.State.HELD).order_by()
    counts = dict(held.values_list("account").annotate(Count("pk")))
    for pk, name in names.items():
        family.add_metric([name], counts.get(pk, 0))
    return family


def _accounts(now: datetime) -> Iterator[GaugeMetricFamily]:
    # By account: the owners of keys are people.
    used = _gauge("budget_used", "Requests to LeafLink in the last minute.", "account")
    limit = _gauge("budget_limit", "Requests a minute that LeafLink allows.")
    limit.add_metric([], settings.LEAFLINK_REQUESTS_PER_MINUTE)
    hooks = _gauge("last_webhook_age_seconds", "Since the last signed webhook.", "account")
    accounts = list(Account.objects.filter(is_active=True))
    uses = uses_of({account.budget_owner for account in accounts})
    for account in accounts:
        used.add_metric([account.name], uses[account.budget_owner].last_minute)
        if account.last_webhook_at:
            hooks.add_metric([account.name], (now - account.last_webhook_at).total_seconds())
    yield from (used, limit, hooks)
