"""Transfer templates: what was entered for an order, and what Metrc has of it."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from integrations.metrc.models.accounts import MetrcFacility
from orders.models import SalesOrder


class TransferTemplate(models.Model):
    """A template for the transfer of one order. One of an order is in force at a time."""

    class State(models.TextChoices):
        DRAFT = "draft", "Not sent yet"
        ASKED = "asked", "Sent; whether it arrived is looked up"
        SENT = "sent", "In Metrc"
        REFUSED = "refused", "Refused by Metrc"
        WITHDRAWN = "withdrawn", "Withdrawn"

    order = models.ForeignKey(
        SalesOrder, on_delete=models.CASCADE, related_name="transfer_templates"
    )
    facility = models.ForeignKey(MetrcFacility, on_delete=models.PROTECT, related_name="templates")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    # In Metrc the order's number; what was withdrawn keeps its own.
    name = models.CharField(max_length=100)
    remote_id = models.PositiveBigIntegerField("number in Metrc", null=True, blank=True)
    recipient_license = models.CharField(max_length=100, blank=True)
    transfer_type = models.CharField(max_length=200, blank=True)
    planned_route = models.TextField(blank=True)
    # Moments; entered and sent in the facility's time zone.
    departs_at = models.DateTimeField("planned departure", null=True, blank=True)
    arrives_at = models.DateTimeField("planned arrival", null=True, blank=True)
    transporter_license = models.CharField(max_length=100, blank=True)
    driver_name = models.CharField(max_length=200, blank=True)
    driver_license = models.CharField("driver's license", max_length=100, blank=True)
    driver_employee_id = models.CharField("occupational license", max_length=100, blank=True)
    vehicle_make = models.CharField(max_length=100, blank=True)
    vehicle_model = models.CharField(max_length=100, blank=True)
    vehicle_plate = models.CharField("license plate", max_length=50, blank=True)
    vehicle_registration = models.CharField(max_length=100, blank=True)
    phone = models.CharField("phone for questions", max_length=40, blank=True)
    invoice_number = models.CharField(max_length=100, blank=True)
    gross_weight = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    gross_weight_unit = models.CharField(max_length=50, blank=True)
    # What was sent, as it was sent, and the labels in it.
    body = models.JSONField(default=dict, blank=True)
    labels = models.JSONField(default=list, blank=True)
    problem = models.TextField("what Metrc said", blank=True)
    created_at = models.DateTimeField("created", default=timezone.now)
    sent_at = models.DateTimeField("sent", null=True, blank=True)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    # When Metrc was asked to archive it, until what became of that is known.
    withdraw_asked_at = models.DateTimeField("withdrawal asked for", null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        permissions = [("send_transfertemplate", "Can send transfer templates to Metrc")]
        constraints = [
            models.UniqueConstraint(
                "order",
                name="template_in_force_once",
                condition=~models.Q(state="withdrawn"),
            ),
            models.UniqueConstraint(
                "facility",
                "remote_id",
                name="template_remote_once",
                condition=models.Q(remote_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Template {self.name}"
