"""What every vendor's integration shares: connections, what is to be done, what was done."""

import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from integrations.call_models import Call, CallCount, PushDelay
from integrations.mail_addresses import validate_addresses

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
    notice_recipients = models.TextField(
        "also tell by mail",
        blank=True,
        validators=[validate_addresses],
        help_text=(
            "E-mail addresses, one on each line. They get the notices of this account, beside the "
            "people who asked for them."
        ),
    )

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
    """A problem a person should know of. One open row per connection, category and key.

    Some are raised where they happen (`notices.notify`), the others are found by looking
    (`integrations.problems`) and have a `source`. Without a connection it is about all of us.
    """

    class Category(models.TextChoices):
        CREDENTIALS = "credentials", "Key or permission"
        BRAKE = "brake", "Waits for your yes"
        HELD = "held", "Held orders"
        CONFLICT = "conflict", "The two sides disagree"
        PAYMENT = "payment", "Payments"
        REFUSED = "refused", "Refused by the vendor"
        STOCK = "stock", "Stock"
        LINK = "link", "Links"
        WEBHOOK = "webhook", "Webhooks"
        STUCK = "stuck", "Stuck work"
        UNREADABLE = "unreadable", "Unreadable record"
        LICENSE = "license", "Licenses"
        PACKAGE = "package", "Packages"
        TRANSFER = "transfer", "Transfers"
        SETUP = "setup", "Set-up"
        MAIL = "mail", "Mail"
        RUN_FAILED = "run_failed", "Run failed"

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="notices", null=True
    )
    category = models.CharField(max_length=20, choices=Category)
    source = models.CharField(max_length=50, blank=True)
    key = models.CharField(max_length=150)
    text = models.TextField()
    # Where it is mended, and what the link says.
    cure = models.CharField(max_length=200, blank=True)
    url = models.CharField(max_length=500, blank=True)
    waiting = models.PositiveIntegerField("records that wait", default=0)
    first_seen_at = models.DateTimeField("first seen", default=timezone.now)
    last_seen_at = models.DateTimeField("last seen", default=timezone.now)
    times = models.PositiveIntegerField(default=1)
    resolved_at = models.DateTimeField("resolved", null=True)
    snoozed_until = models.DateTimeField("snoozed until", null=True)
    snooze_reason = models.CharField("snoozed because", max_length=300, blank=True)
    snoozed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="assigned_notices",
    )

    class Meta:
        ordering = ["-last_seen_at"]
        constraints = [
            models.UniqueConstraint(
                "connection",
                "category",
                "key",
                name="notice_open_once",
                condition=models.Q(resolved_at__isnull=True, connection__isnull=False),
            ),
            models.UniqueConstraint(
                "category",
                "key",
                name="notice_open_once_for_all",
                condition=models.Q(resolved_at__isnull=True, connection__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                fields=["source"],
                name="notice_open",
                condition=models.Q(resolved_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.text


class NoticeWish(models.Model):
    """Which notices a person wants by mail, and how often. Administrators without a row get all
    of them at once; others without a row get none."""

    class Frequency(models.TextChoices):
        AT_ONCE = "at_once", "At once, one an hour of each kind"
        HOURLY = "hourly", "Together, once an hour"
        DAILY = "daily", "Together, each morning at seven"
        NEVER = "never", "Never"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_wish"
    )
    frequency = models.CharField(
        "mails", max_length=10, choices=Frequency, default=Frequency.AT_ONCE
    )
    # Of what is not wanted, so that a kind that is new is not missed.
    unwanted = models.JSONField("leave out", default=list, blank=True)

    class Meta:
        verbose_name = "wish for notices"
        verbose_name_plural = "wishes for notices"

    def __str__(self) -> str:
        return f"{self.user}: {self.get_frequency_display()}"


class NoticeMail(models.Model):
    """That a notice was mailed to an address: once when it opened, once when it was resolved.

    The row is there before the mail is sent, and is dropped when it could not be: so nobody is
    told of the same problem twice.
    """

    class About(models.TextChoices):
        OPENED = "opened", "Opened"
        RESOLVED = "resolved", "Resolved"

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="mails")
    address = models.EmailField(max_length=255)
    about = models.CharField(max_length=10, choices=About)
    category = models.CharField(max_length=20, choices=Notice.Category)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "mail about a notice"
        verbose_name_plural = "mails about notices"
        constraints = [
            models.UniqueConstraint("notice", "address", "about", name="notice_mailed_once")
        ]
        indexes = [models.Index(fields=["address", "-at"], name="notice_mail_lately")]

    def __str__(self) -> str:
        return f"{self.get_about_display()}: {self.notice} → {self.address}"


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
