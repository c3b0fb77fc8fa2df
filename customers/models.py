"""Destinations (licensed customers), their addresses, and our sales reps."""

import re

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower

from catalog.models import Facility


def normalized_license(number: str) -> str:
    """A license number as compared: upper case, without spaces and dashes ("402R00981")."""
    return re.sub(r"[\s\-–]+", "", number).upper()


def license_sought(words: str) -> str:
    """The license number that a search may mean, as compared; "" when it can't mean one."""
    key = normalized_license(words)
    return key if any(sign.isdigit() for sign in key) else ""


class Destination(models.Model):
    """A customer as we ship to it. A license number belongs to one destination."""

    name = models.CharField(max_length=400)
    dba = models.CharField("doing business as", max_length=400, blank=True)
    license_number = models.CharField(max_length=100, blank=True)
    license_key = models.CharField(max_length=100, blank=True, editable=False)
    license_type = models.CharField(max_length=100, blank=True)
    license_expires_on = models.DateField("license expires", null=True, blank=True)
    external_id = models.CharField(
        "customer number", max_length=100, blank=True, help_text="Your own number, if you use one."
    )
    email = models.EmailField(max_length=255, blank=True)
    phone = models.CharField(max_length=400, blank=True)
    default_facility = models.ForeignKey(
        Facility,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="destinations",
        help_text="Where this customer's orders ship from, when the account's rules say so.",
    )
    notes = models.TextField(blank=True)
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField("created", auto_now_add=True)

    class Meta:
        ordering = ["name"]
        permissions = [
            ("export_destination", "Can export destinations"),
            ("import_destination", "Can import destinations"),
        ]
        constraints = [
            models.UniqueConstraint(
                "license_key",
                name="destination_license_once",
                condition=~models.Q(license_key=""),
                violation_error_message="Another destination has this license number.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.license_key = normalized_license(self.license_number)
        fields = kwargs.get("update_fields")
        if fields is not None and "license_number" in fields:  # type: ignore[operator]
            kwargs["update_fields"] = {*fields, "license_key"}  # type: ignore[misc]
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def clean(self) -> None:
        self.name = self.name.strip()
        self.license_key = normalized_license(self.license_number)


class Address(models.Model):
    class Kind(models.TextChoices):
        SHIPPING = "shipping", "Shipping"
        BILLING = "billing", "Billing"

    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="addresses")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.SHIPPING)
    street = models.CharField(max_length=400)
    unit = models.CharField("suite or unit", max_length=100, blank=True)
    city = models.CharField(max_length=400, blank=True)
    state = models.CharField(max_length=50, blank=True)
    zipcode = models.CharField("ZIP code", max_length=10, blank=True)

    class Meta:
        ordering = ["destination", "kind", "pk"]
        verbose_name_plural = "addresses"

    def __str__(self) -> str:
        return ", ".join(
            filter(None, [self.street, self.unit, self.city, self.state, self.zipcode])
        )


class SalesRep(models.Model):
    name = models.CharField(max_length=200)
    email = models.EmailField(max_length=255)
    phone = models.CharField(max_length=40, blank=True)
    default_facility = models.ForeignKey(
        Facility,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="sales_reps",
        help_text="Where this rep's orders ship from, unless a rule says otherwise.",
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="sales_rep",
        verbose_name="login",
    )
    is_active = models.BooleanField("active", default=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "sales rep"
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="sales_rep_email_once",
                violation_error_message="Another sales rep has this e-mail address.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.email = self.email.strip()
        if not self.name.strip():
            raise ValidationError({"name": "Give the rep a name."})
