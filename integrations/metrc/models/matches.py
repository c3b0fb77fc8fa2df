"""Which delivery in Metrc is which order, what might be, and what came of the goods."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from integrations.metrc.models.transfers import Delivery
from orders.models import SalesOrder


class Match(models.Model):
    """That a delivery in Metrc is an order's. A merged transfer's delivery may be several orders'.

    Ended matches are kept: who ended them, and why.
    """

    class How(models.TextChoices):
        TEMPLATE = "template", "Made from the order's template"
        LABELS = "labels", "Same customer, same packages"
        INVOICE = "invoice", "Same customer, the order's number as invoice number"
        HAND = "hand", "By hand"

    order = models.ForeignKey(SalesOrder, on_delete=models.CASCADE, related_name="metrc_matches")
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="matches")
    how = models.CharField(max_length=10, choices=How)
    matched_at = models.DateTimeField("matched", default=timezone.now)
    matched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    # What the delivery was when it was matched, or when a person last said that it is it: by this
    # a later alteration in Metrc is noticed.
    labels = models.JSONField(default=list, blank=True, editable=False)
    recipient_key = models.CharField(max_length=100, blank=True, editable=False)
    # The transfer's `expanded_at` at which the two were last compared.
    compared_at = models.DateTimeField(null=True, editable=False)
    # When what did not arrive whole was last noted.
    noted_at = models.DateTimeField(null=True, editable=False)
    # Why the order could not be moved on, in words; empty: it was, or need not be.
    waits_for = models.TextField(blank=True)
    ended_at = models.DateTimeField("ended", null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    end_reason = models.CharField("why it ended", max_length=500, blank=True)

    class Meta:
        ordering = ["-matched_at", "-pk"]
        verbose_name_plural = "matches"
        constraints = [
            models.UniqueConstraint(
                "order", name="order_matched_once", condition=models.Q(ended_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} = {self.delivery}"


class PossibleMatch(models.Model):
    """A delivery that may be an order's, or has become doubtful, and waits for a person's yes or
    no."""

    order = models.ForeignKey(
        SalesOrder, on_delete=models.CASCADE, related_name="possible_metrc_matches"
    )
    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, related_name="possible_matches"
    )
    # What speaks for it and against it, in words for people.
    reasons = models.JSONField(default=list)
    found_at = models.DateTimeField("found", default=timezone.now)
    # Of packages and recipient of the delivery then: once dismissed it stays so until they change,
    # or for good when a person has unmatched it.
    fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    is_final = models.BooleanField(default=False, editable=False)
    dismissed_at = models.DateTimeField("dismissed", null=True, blank=True)
    dismissed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-found_at", "-pk"]
        verbose_name_plural = "possible matches"
        constraints = [
            models.UniqueConstraint("order", "delivery", name="possible_match_once"),
        ]

    def __str__(self) -> str:
        return f"{self.order} = {self.delivery}?"


class Discrepancy(models.Model):
    """A package of a matched delivery that did not arrive whole, and what was decided about it."""

    class Kind(models.TextChoices):
        SHORT = "short", "Received short"
        OVER = "over", "Received more"
        REJECTED = "rejected", "Rejected"

    class Decision(models.TextChoices):
        RETURNED = "returned", "It came back: put it into stock"
        WRITTEN_OFF = "written_off", "It is lost: nothing comes back"
        ACCEPTED = "accepted", "The count stands: nothing to do"

    match = models.ForeignKey(Match, on_delete=models.CASCADE, related_name="discrepancies")
    label = models.CharField("tag", max_length=50)
    kind = models.CharField(max_length=10, choices=Kind)
    # Base units of our item where they are known, else Metrc's.
    quantity = models.DecimalField(max_digits=18, decimal_places=4)
    unit = models.CharField(max_length=50, blank=True)
    # Metrc says that the rejected package is back in our license.
    is_back = models.BooleanField(default=False)
    found_at = models.DateTimeField("found", default=timezone.now)
    decision = models.CharField(max_length=15, choices=Decision, blank=True)
    note = models.CharField(max_length=500, blank=True)
    decided_at = models.DateTimeField("decided", null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-found_at", "-pk"]
        verbose_name_plural = "discrepancies"
        permissions = [("settle_discrepancy", "Can decide about what did not arrive whole")]
        constraints = [
            models.UniqueConstraint("match", "label", "kind", name="discrepancy_once"),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.get_kind_display().lower()}"
