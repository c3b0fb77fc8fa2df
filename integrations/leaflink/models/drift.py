"""What differs between us and LeafLink, as it was last found, until it is gone."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from integrations.leaflink.models.accounts import Account
from integrations.leaflink.models.mirrors import Listing
from integrations.leaflink.models.orders import Order


class Drift(models.Model):
    """One thing about a linked product or an order that the two sides show differently.

    Found by reading and comparing (`drift.record`), never by hand; a row whose difference has gone
    is deleted. An ignored one comes back when its time is over, or when either value changes.
    """

    class Kind(models.TextChoices):
        QUANTITY = "quantity", "Quantity"
        RESERVED = "reserved", "Reserved for orders"
        PRICE = "price", "Price"
        NAME = "name", "Name"
        SKU = "sku", "SKU"
        UNIT = "unit", "Unit of measure"
        LISTING_STATE = "listing_state", "Listing state"
        DETAILS = "details", "Other details"
        STATUS = "status", "Order status"
        TERMS = "terms", "Order terms"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="drifts")
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, null=True, related_name="drifts")
    order = models.ForeignKey(Order, on_delete=models.CASCADE, null=True, related_name="drifts")
    kind = models.CharField("what", max_length=15, choices=Kind)
    # LeafLink's name of the field, where a kind has several (prices, details, terms).
    field = models.CharField(max_length=50)
    label = models.CharField("what exactly", max_length=100)
    ours = models.TextField(blank=True)
    theirs = models.TextField("LeafLink's", blank=True)
    found_at = models.DateTimeField("since", default=timezone.now)
    ignored_until = models.DateTimeField(null=True)
    ignored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-found_at", "pk"]
        verbose_name = "difference"
        permissions = [("export_drift", "Can export differences")]
        constraints = [
            models.UniqueConstraint(
                "listing",
                "field",
                name="drift_once_per_listing",
                condition=models.Q(listing__isnull=False),
            ),
            models.UniqueConstraint(
                "order",
                "field",
                name="drift_once_per_order",
                condition=models.Q(order__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} of {self.listing or self.order}"
