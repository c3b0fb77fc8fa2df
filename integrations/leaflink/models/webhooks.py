"""Webhooks that were refused, counted: a flood of them fills no table."""

from django.db import models
from django.utils import timezone

from integrations.leaflink.models.accounts import Account


class WebhookRefusal(models.Model):
    """How many requests to an account's webhook address were refused in an hour, and why.

    One row per account, hour and reason, written by `integrations.leaflink.webhook_refusals`.
    """

    class Why(models.TextChoices):
        NO_SIGNATURE = "no_signature", "No signature"
        WRONG_SIGNATURE = "wrong_signature", "The signature does not fit"
        NO_KEY = "no_key", "No webhook key here"
        KEY_LOST = "key_lost", "The webhook key here can't be decrypted"
        SWITCHED_OFF = "switched_off", "The account is switched off"
        TOO_LARGE = "too_large", "Too large"
        NOT_STORED = "not_stored", "We failed to store it"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="refusals")
    hour = models.DateTimeField()
    why = models.CharField(max_length=20, choices=Why)
    count = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    # Of those, how many came after the last valid webhook, and since when.
    streak = models.PositiveIntegerField(default=0)
    streak_from = models.DateTimeField(default=timezone.now)

    pruned_by, pruned_after = "hour", "KEEP_WEBHOOKS_DAYS"

    class Meta:
        ordering = ["-last_at", "-pk"]
        verbose_name = "refused webhook"
        constraints = [
            models.UniqueConstraint("account", "hour", "why", name="webhook_refusal_once")
        ]

    def __str__(self) -> str:
        return self.get_why_display()
