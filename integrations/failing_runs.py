"""Runs that fail and go on failing, as problems for people."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Max, Min, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from integrations import notices
from integrations.models import Notice, Run
from integrations.problems import Problem

Outcome = Run.Outcome
# What a single hiccup is over by.
PATIENCE = timedelta(minutes=3)
DAY = timedelta(days=1)


def failing_runs(
    connections: QuerySet[Any], in_words: Mapping[str, str], *, the_key: str
) -> Iterator[Problem]:
    """Steps whose runs have failed for some minutes, by account; what failed for want of a right
    key is told as that.

    `connections` are one vendor's accounts; `in_words` says by kind of run what does not work
    ("orders can't be read"); `the_key` is the key of the notice that a key is refused altogether.
    """
    now = timezone.now()
    rows = (
        Run.objects.filter(started_at__gte=now - DAY, finished_at__isnull=False)
        .filter(connection__is_active=True, connection__in=connections.order_by().values("pk"))
        .order_by()
        .values("connection", "connection__name", "kind")
        .annotate(
            failed=Max("pk", filter=Q(outcome=Outcome.FAILED)),
            succeeded=Max("pk", filter=~Q(outcome=Outcome.FAILED)),
            first_failure=Min("started_at", filter=Q(outcome=Outcome.FAILED)),
            last_success=Max("started_at", filter=~Q(outcome=Outcome.FAILED)),
        )
    )
    failing = [row for row in rows if row["failed"] and row["failed"] > (row["succeeded"] or 0)]
    bad_keys = set(
        notices.open_ones()
        .filter(category=Notice.Category.CREDENTIALS)
        .values_list("connection", "key")
    )
    reasons = dict(
        Run.objects.filter(pk__in=[row["failed"] for row in failing]).values_list("pk", "error")
    )
    for row in failing:
        since = row["last_success"] or row["first_failure"]
        told = {(row["connection"], the_key), (row["connection"], row["kind"])} & bad_keys
        if told or now - since < PATIENCE:
            continue
        what = in_words.get(row["kind"], f"{row['kind']} fails")
        runs = reverse("admin:integrations_run_changelist")
        yield Problem(
            key=f"failing {row['kind']}",
            text=(
                f"{row['connection__name']}: {what} since "
                f"{timezone.localtime(since):%H:%M}. {reasons.get(row['failed'], '')} "
                "It is tried again by itself."
            ),
            cure="See the runs",
            url=f"{runs}?kind__exact={row['kind']}&connection__id__exact={row['connection']}",
            since=since,
            connection_id=row["connection"],
        )
