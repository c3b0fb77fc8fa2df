"""What every vendor's integration shares: connections, what is to be done, what was done."""

import time
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone

from integrations.call_models import Call, CallCount, PushDelay

__all__ = [
    "Budget",
    "Call",
    "CallCount",
    "Connection",
    "Heartbeat",
    "Lease",
    "Notice",
    "PushDelay",
    "Run",
    "WorkItem",
    "cut_problem",
]

_beaten_at = float("-inf")


class Connection(models.Model):
    """An account at a vendor, as far as queue, runs and notices care. Vendors extend it."""

    name = models.CharField(max_length=200, unique=True)
    is_active = models.BooleanField(
        "active", default=True, help_text="Off: nothing is sent or fetched, webhooks are refused."
    )
    created_at = models.DateTimeField("created", auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class WorkItem(models.Model):
    """Something to be done, once, as soon as possible. One row per connection, kind and key.

    Asking again while the row waits changes nothing but `request`; asking while it is worked on
    leaves the row, so that it is done once more. See `integrations.work`.
    """

    class Priority(models.IntegerChoices):
        ORDERS = 10, "Orders"
        STOCK = 20, "Stock"
        SWEEP = 25, "Stock, swept"
        REST = 30, "The rest"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="work")
    kind = models.CharField(max_length=50)
    key = models.CharField(max_length=100)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.REST)
    request = models.UUIDField()
    requested_at = models.DateTimeField("asked for")
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField()
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    # Which process has the lease, so that what a killed one had is free at once.
    host = models.CharField(max_length=255, blank=True)
    pid = models.PositiveIntegerField(default=0)
    stuck_at = models.DateTimeField("stuck since", null=True)
    error_class = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["priority", "not_before", "pk"]
        verbose_name = "work item"
        permissions = [("retry_workitem", "Can retry stuck work")]
        constraints = [
            models.UniqueConstraint("connection", "kind", "key", name="work_item_once"),
        ]
        indexes = [
            models.Index(
                fields=["priority", "not_before"],
                name="work_item_waiting",
                condition=models.Q(stuck_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Run(models.Model):
    """One run of one verb for one connection, with what it saw, changed and could not do."""

    class Outcome(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        PARTLY = "partly", "Done, with failures"
        FAILED = "failed", "Failed"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=50)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.RUNNING)
    started_at = models.DateTimeField("started", default=timezone.now, db_index=True)
    finished_at = models.DateTimeField("finished", null=True)
    seen = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    # {"unchanged": 120}: why nothing was done, in words that follow a number.
    skipped_why = models.JSONField(default=dict)
    calls = models.PositiveIntegerField("calls", default=0)
    # The first failures, in words for people: see `cut_problem`.
    problems = models.JSONField(default=list)
    error = models.TextField("why it ended", blank=True)

    class Meta:
        ordering = ["-started_at", "-pk"]
        indexes = [models.Index(fields=["connection", "kind", "-started_at"], name="run_latest")]

    def __str__(self) -> str:
        return f"{self.kind.capitalize()} {timezone.localtime(self.started_at):%Y-%m-%d %H:%M}"

    @property
    def seconds(self) -> float | None:
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


class Lease(models.Model):
    """A named right to be the only one doing something, until a time. See `integrations.leases`."""

    name = models.CharField(max_length=150, unique=True)
    holder = models.UUIDField(null=True)
    # Which process that is, so that a lease whose holder was killed is free at once.
    host = models.CharField(max_length=255, blank=True)
    pid = models.PositiveIntegerField(default=0)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Budget(models.Model):
    """Requests an owner of keys may still make; shared by all their processes and accounts."""

    owner = models.CharField(max_length=200, unique=True)
    tokens = models.FloatField()
    counted_at = models.DateTimeField()
    paused_until = models.DateTimeField(null=True)
    version = models.PositiveBigIntegerField(default=0)
    # How much of it is used: in the minute that began then, and in the one before.
    minute = models.DateTimeField(null=True)
    used = models.PositiveIntegerField(default=0)
    used_before = models.PositiveIntegerField(default=0)
    throttled_at = models.DateTimeField("told to slow down", null=True)

    def __str__(self) -> str:
        return self.owner


class Notice(models.Model):
    """A problem a person should know of. One open row per connection, category and key."""

    class Category(models.TextChoices):
        CREDENTIALS = "credentials", "Key or permission"
        UNREADABLE = "unreadable", "Unreadable record"
        REFUSED = "refused", "Refused by the vendor"
        BRAKE = "brake", "Waits for your yes"
        RUN_FAILED = "run_failed", "Run failed"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="notices")
    category = models.CharField(max_length=20, choices=Category)
    key = models.CharField(max_length=150)
    text = models.TextField()
    first_seen_at = models.DateTimeField("first seen", default=timezone.now)
    last_seen_at = models.DateTimeField("last seen", default=timezone.now)
    times = models.PositiveIntegerField(default=1)
    resolved_at = models.DateTimeField("resolved", null=True)

    class Meta:
        ordering = ["-last_seen_at"]
        constraints = [
            models.UniqueConstraint(
                "connection",
                "category",
                "key",
                name="notice_open_once",
                condition=models.Q(resolved_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return self.text


class Heartbeat(models.Model):
    """Proof that the worker is alive: touched each minute by a scheduled task."""

    name = models.CharField(max_length=50, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

    @classmethod
    def beat(cls, name: str = "worker") -> None:
        cls.objects.update_or_create(name=name, defaults={"at": timezone.now()})

    @classmethod
    def beat_now_and_then(cls) -> None:
        """Beat, at most every twenty seconds in a process: for loops that are long at work."""
        global _beaten_at
        if time.monotonic() - _beaten_at > 20:
            _beaten_at = time.monotonic()
            cls.beat()

    @classmethod
    def last(cls, name: str = "worker") -> datetime | None:
        return cls.objects.filter(name=name).values_list("at", flat=True).first()


def cut_problem(
    key: Any, reason: str, record_kind: str = "", record_key: object = ""
) -> dict[str, str]:
    """A failure as it is kept on a Run; long reasons are cut. `record_kind` and `record_key` say
    which record it is about, where that is known (see `integrations.records`)."""
    problem = {"key": str(key), "reason": reason[:500]}
    if record_kind:
        problem |= {"record_kind": record_kind, "record_key": str(record_key)}
    return problem
