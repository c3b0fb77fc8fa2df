"""Outgoing transfers as Metrc has them: transfer, its deliveries, the packages of each."""

from django.db import models
from django.utils import timezone

from integrations.metrc.models.accounts import MetrcFacility


class Transfer(models.Model):
    """An outgoing transfer of one of our licenses, as Metrc last said."""

    facility = models.ForeignKey(MetrcFacility, on_delete=models.CASCADE, related_name="transfers")
    remote_id = models.PositiveBigIntegerField()
    manifest_number = models.CharField("manifest", max_length=50, blank=True)
    template_remote_id = models.PositiveBigIntegerField("made from template", null=True)
    invoice_number = models.CharField("invoice", max_length=100, blank=True)
    is_voided = models.BooleanField("voided", default=False)
    delivery_count = models.PositiveIntegerField("deliveries", default=0)
    received_delivery_count = models.PositiveIntegerField("received deliveries", default=0)
    package_count = models.PositiveIntegerField("packages", default=0)
    received_package_count = models.PositiveIntegerField("received packages", default=0)
    created_by = models.CharField("registered by", max_length=200, blank=True)
    created_at = models.DateTimeField("registered", null=True)
    modified_at = models.DateTimeField("changed in Metrc", null=True)
    read_at = models.DateTimeField("read", default=timezone.now)
    # The `modified_at` at which its deliveries were read; another one: read them anew.
    expanded_at = models.DateTimeField(null=True)
    raw = models.JSONField(default=dict)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = "Metrc transfer"
        permissions = [("match_transfer", "Can match transfers with orders, and unmatch them")]
        constraints = [models.UniqueConstraint("facility", "remote_id", name="transfer_once")]
        indexes = [
            models.Index(fields=["manifest_number"], name="transfer_manifest"),
            models.Index(fields=["facility", "-created_at"], name="transfer_newest"),
        ]

    def __str__(self) -> str:
        return f"Manifest {self.manifest_number or self.remote_id}"


class Delivery(models.Model):
    """One stop of a transfer: what one customer gets. It is what an order is matched with."""

    transfer = models.ForeignKey(Transfer, on_delete=models.CASCADE, related_name="deliveries")
    remote_id = models.PositiveBigIntegerField()
    # Whether Metrc's answer still has it.
    is_listed = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=1)
    recipient_license = models.CharField(max_length=100, blank=True)
    recipient_key = models.CharField(max_length=100, blank=True)
    recipient_name = models.CharField("recipient", max_length=400, blank=True)
    transfer_type = models.CharField(max_length=200, blank=True)
    invoice_number = models.CharField("invoice", max_length=100, blank=True)
    planned_route = models.TextField(blank=True)
    departs_at = models.DateTimeField("planned departure", null=True)
    arrives_at = models.DateTimeField("planned arrival", null=True)
    package_count = models.PositiveIntegerField("packages", default=0)
    received_package_count = models.PositiveIntegerField("received packages", default=0)
    received_at = models.DateTimeField("received", null=True)
    rejected_returned = models.BooleanField("rejected packages are back", default=False)
    raw = models.JSONField(default=dict)

    class Meta:
        ordering = ["transfer", "position"]
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint("transfer", "remote_id", name="delivery_once")]
        indexes = [
            models.Index(fields=["recipient_key"], name="delivery_recipient"),
            models.Index(fields=["invoice_number"], name="delivery_invoice"),
        ]

    def __str__(self) -> str:
        return f"{self.transfer} to {self.recipient_name or self.recipient_license}"


class DeliveryPackage(models.Model):
    """A package of a delivery. Quantities are in Metrc's units, which may differ at receipt."""

    class State(models.TextChoices):
        SHIPPED = "Shipped", "On the way"
        ACCEPTED = "Accepted", "Accepted"
        REJECTED = "Rejected", "Rejected"
        RETURNED = "Returned", "Returned"

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="packages")
    label = models.CharField("tag", max_length=50)
    item_name = models.CharField("item in Metrc", max_length=400, blank=True)
    # As Metrc says; a word we don't know is kept and shown as it is.
    state = models.CharField(max_length=30, blank=True)
    shipped_quantity = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    shipped_unit = models.CharField(max_length=50, blank=True)
    received_quantity = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    received_unit = models.CharField(max_length=50, blank=True)
    # Whether Metrc's answer still has it.
    is_listed = models.BooleanField(default=True)

    class Meta:
        ordering = ["delivery", "label"]
        constraints = [models.UniqueConstraint("delivery", "label", name="delivery_package_once")]
        indexes = [models.Index(fields=["label"], name="delivery_package_label")]

    def __str__(self) -> str:
        return self.label


class ManifestFile(models.Model):
    """The manifest of a transfer as a PDF, as it was when fetched."""

    transfer = models.OneToOneField(Transfer, on_delete=models.CASCADE, related_name="manifest")
    content = models.BinaryField()
    fetched_at = models.DateTimeField("fetched", default=timezone.now)
    # The transfer's `modified_at` then; another one: fetch it anew.
    modified_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Manifest of {self.transfer}"
