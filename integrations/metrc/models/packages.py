"""Packages as Metrc has them, what item of ours each is, and which order line each goes to.

Quantities of packages are in Metrc's unit of the package; those of assignments in base units of our
item.
"""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils import timezone

from catalog.models import Item, Lot
from integrations.metrc.models.accounts import MetrcAccount, MetrcFacility
from orders.models import OrderLine


class MetrcItem(models.Model):
    """An item by the name Metrc has for it, and which of ours it is."""

    account = models.ForeignKey(MetrcAccount, on_delete=models.CASCADE, related_name="items")
    name = models.CharField(max_length=400)
    category = models.CharField(max_length=200, blank=True)
    unit = models.CharField("unit in Metrc", max_length=50, blank=True)
    item = models.ForeignKey(
        Item, on_delete=models.SET_NULL, null=True, blank=True, related_name="metrc_items"
    )

    class Meta:
        ordering = ["name"]
        verbose_name = "Metrc item"
        constraints = [models.UniqueConstraint("account", "name", name="metrc_item_once")]

    def __str__(self) -> str:
        return self.name


class Package(models.Model):
    """A package in one of our licenses, as Metrc last said."""

    class Place(models.TextChoices):
        ACTIVE = "active", "Here"
        IN_TRANSIT = "in_transit", "On a transfer"
        INACTIVE = "inactive", "Finished"
        GONE = "gone", "Not here any more"

    facility = models.ForeignKey(MetrcFacility, on_delete=models.CASCADE, related_name="packages")
    remote_id = models.PositiveBigIntegerField()
    label = models.CharField("tag", max_length=50)
    metrc_item = models.ForeignKey(MetrcItem, on_delete=models.PROTECT, related_name="packages")
    # Of ours, of the same item: by its number, which is the tag or the production batch.
    lot = models.ForeignKey(
        Lot, on_delete=models.SET_NULL, null=True, blank=True, related_name="packages"
    )
    place = models.CharField(max_length=12, choices=Place, default=Place.ACTIVE)
    quantity = models.DecimalField(max_digits=18, decimal_places=4)
    unit = models.CharField(max_length=50)
    lab_state = models.CharField(max_length=50, blank=True)
    on_hold = models.BooleanField(default=False)
    on_recall = models.BooleanField(default=False)
    is_trade_sample = models.BooleanField("trade sample", default=False)
    is_testing_sample = models.BooleanField("lab sample", default=False)
    needs_remediation = models.BooleanField(default=False)
    packaged_on = models.DateField("packaged", null=True)
    expires_on = models.DateField("expires", null=True)
    location = models.CharField(max_length=200, blank=True)
    batch_number = models.CharField("production batch", max_length=200, blank=True)
    modified_at = models.DateTimeField("changed in Metrc", null=True)
    read_at = models.DateTimeField("read", default=timezone.now)
    raw = models.JSONField(default=dict)

    class Meta:
        ordering = ["packaged_on", "label"]
        permissions = [("assign_package", "Can assign packages to order lines")]
        constraints = [
            models.UniqueConstraint("facility", "label", name="package_once"),
            models.CheckConstraint(condition=models.Q(quantity__gte=0), name="package_quantity"),
        ]
        indexes = [
            models.Index(fields=["label"], name="package_label"),
            models.Index(fields=["facility", "place"], name="package_place"),
        ]

    def __str__(self) -> str:
        return self.label


class PackageAssignment(models.Model):
    """A whole package set down for an order line. Ended once it is no longer the order's business:
    it came back, or another package went."""

    line = models.ForeignKey(
        OrderLine, on_delete=models.CASCADE, related_name="package_assignments"
    )
    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="assignments")
    # Base units of the line's item, as they were when it was assigned.
    quantity = models.DecimalField(max_digits=14, decimal_places=4)
    # Money for the whole package; empty: its share of the line.
    price = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    gross_weight = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    assigned_at = models.DateTimeField("assigned", default=timezone.now)
    assigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    ended_at = models.DateTimeField("ended", null=True, blank=True)

    class Meta:
        ordering = ["line", "pk"]
        verbose_name = "assigned package"
        constraints = [
            models.UniqueConstraint(
                "package",
                name="package_assigned_once",
                condition=models.Q(ended_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__gt=Decimal(0)), name="assignment_quantity_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.package} for {self.line}"
