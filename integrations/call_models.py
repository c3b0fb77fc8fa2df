"""The history of calls to vendors: each call for some weeks, their counts for a year and more."""

from django.db import models


class Call(models.Model):
    """A request to a vendor and how it ended. No headers, no keys; see `integrations.call_log`.

    What was sent and answered is kept of writes, of readings of a single record and of whatever
    failed, cut to some KB. Of a page of a list nothing is: its rows are stored as records.
    """

    class Outcome(models.TextChoices):
        OK = "ok", "Done"
        WAIT = "wait", "Told to wait"
        REFUSED = "refused", "Refused"
        GONE = "gone", "Not there"
        CREDENTIALS = "credentials", "Key or permission"
        BAD_PAYLOAD = "bad_payload", "Unreadable answer"
        UNKNOWN = "unknown", "Answer lost"

    connection = models.ForeignKey(
        "integrations.Connection", on_delete=models.CASCADE, related_name="vendor_calls"
    )
    # The run it was made in; none when a single piece of work or a person made it.
    run = models.ForeignKey(
        "integrations.Run", on_delete=models.SET_NULL, null=True, related_name="calls_made"
    )
    at = models.DateTimeField(db_index=True)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=300)
    # What it was for, in words ("Products sent"); calls are counted by it.
    what = models.CharField("for", max_length=40)
    is_page = models.BooleanField(default=False)
    status = models.PositiveSmallIntegerField(null=True)
    outcome = models.CharField(max_length=15, choices=Outcome)
    # Why it did not end well, in words.
    said = models.TextField("in words", blank=True)
    milliseconds = models.PositiveIntegerField("took (ms)")
    # Which record it was about, where that is known: see `integrations.records`.
    record_kind = models.CharField(max_length=20, blank=True)
    record_key = models.CharField(max_length=100, blank=True)
    request = models.TextField("sent", blank=True)
    answer = models.TextField("answered", blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(
                fields=["connection", "record_kind", "record_key", "-at"],
                name="call_of_record",
                condition=~models.Q(record_kind=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class CallCount(models.Model):
    """How many calls an hour had, by what they were for and how they ended."""

    connection = models.ForeignKey(
        "integrations.Connection", on_delete=models.CASCADE, related_name="call_counts"
    )
    hour = models.DateTimeField(db_index=True)
    what = models.CharField(max_length=40)
    outcome = models.CharField(max_length=15, choices=Call.Outcome)
    calls = models.PositiveIntegerField(default=0)
    milliseconds = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "connection", "hour", "what", "outcome", name="call_count_once_an_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.calls} × {self.what} ({self.outcome}) at {self.hour:%Y-%m-%d %H:%M}"


class PushDelay(models.Model):
    """How long an hour's pushes took from being asked for to the vendor's answer: so many within
    `within` seconds and more than the next smaller step (see `integrations.push_delays`)."""

    connection = models.ForeignKey(
        "integrations.Connection", on_delete=models.CASCADE, related_name="push_delays"
    )
    hour = models.DateTimeField(db_index=True)
    what = models.CharField(max_length=40)
    within = models.FloatField()
    pushes = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)
    longest = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "connection", "hour", "what", "within", name="push_delay_once_an_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.pushes} × {self.what} at {self.hour:%Y-%m-%d %H:%M}"
