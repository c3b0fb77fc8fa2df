"""Accounts: the keys for Metrc in one state, the licenses they reach, and each license's lists."""

from datetime import date, timedelta
from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.db import models
from django.utils import timezone

from catalog.models import Facility
from customers.models import normalized_license
from integrations.encryption import EncryptedTextField
from integrations.models import Connection

# The states, territories and the district that had a Metrc API in 2026.
STATES = "AK AL CA CO DC GU IL KY LA MA MD ME MI MN MO MS MT NJ NV NY OH OK OR RI SD VA VI WV"


def passing_lab_states() -> list[str]:
    """The lab states in which Metrc lets a package be transferred, in Metrc's own words."""
    return ["TestPassed", "RetestPassed", "NotRequired", "ProcessValidated"]


def a_year_ago() -> date:
    return timezone.localdate() - timedelta(days=365)


class MetrcAccount(Connection):
    """Metrc in one state: its keys, and the rules by which we work with it.

    What is not known for certain of a state's Metrc is a setting here: docs/metrc.md names each
    question.
    """

    class Environment(models.TextChoices):
        PRODUCTION = "production", "Production"
        SANDBOX = "sandbox", "Metrc's sandbox"
        STAND_IN = "stand_in", "Built-in stand-in (practice)"

    class OnMatch(models.TextChoices):
        COMPLETED = "completed", "The order becomes Completed"
        SHIPPED = "shipped", "The order becomes Shipped"
        NOTHING = "", "The order stays as it is"

    class OnReceipt(models.TextChoices):
        COMPLETED = "completed", "The order becomes Completed"
        NOTHING = "", "The order stays as it is"

    class Price(models.TextChoices):
        PACKAGE = "package", "For the whole package"
        UNIT = "unit", "For one unit of the package"

    class Times(models.TextChoices):
        LOCAL = "local", "The facility's local time, without an offset"
        OFFSET = "offset", "The facility's local time, with its offset"
        UTC = "utc", "UTC"

    state = models.CharField(max_length=2, choices=[(one, one) for one in STATES.split()])
    environment = models.CharField(
        max_length=20,
        choices=Environment,
        help_text="Fixed once the account is made: ids of different environments never mix.",
    )
    stand_in_url = models.CharField(
        "address of the stand-in", max_length=200, blank=True, validators=[URLValidator()]
    )
    vendor_key = EncryptedTextField("vendor key", blank=True)
    user_key = EncryptedTextField("user key", blank=True)
    # What the last test of the keys found: see `check_keys`.
    key_check = models.JSONField(default=dict, blank=True, editable=False)
    # Rules
    on_match = models.CharField(
        "when an order's transfer is found in Metrc",
        max_length=10,
        choices=OnMatch,
        default=OnMatch.COMPLETED,
        blank=True,
    )
    on_receipt = models.CharField(
        "when the customer has received it in Metrc",
        max_length=10,
        choices=OnReceipt,
        default=OnReceipt.COMPLETED,
        blank=True,
    )
    match_by_itself = models.BooleanField(
        "match transfers with orders by itself",
        default=True,
        help_text="Off: what is found is shown for a person to decide.",
    )
    match_by_invoice = models.BooleanField(
        "also match by the invoice number alone",
        default=True,
        help_text=(
            "For orders without packages: a transfer to the order's customer that carries the "
            "order's number as its invoice number."
        ),
    )
    passing_lab_states = models.JSONField(
        "lab states that may be transferred", default=passing_lab_states
    )
    # Facts about the state's Metrc that are not known for certain.
    window_hours = models.DecimalField(
        "longest window (hours)",
        max_digits=8,
        decimal_places=2,
        default=Decimal("23.9"),
        validators=[MinValueValidator(1), MaxValueValidator(24 * 400)],
        help_text="How many hours of changes Metrc lets us ask for at once.",
    )
    overlap_minutes = models.PositiveSmallIntegerField(
        "overlap of windows (minutes)",
        default=15,
        validators=[MaxValueValidator(600)],
        help_text="Each reading begins so much before the last one ended.",
    )
    page_size = models.PositiveSmallIntegerField(
        default=20, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    read_since = models.DateField(
        "read packages changed since",
        default=a_year_ago,
        help_text="The first reading begins on this day. A package last changed before is missed.",
    )
    price_is = models.CharField(
        "wholesale prices are",
        max_length=10,
        choices=Price,
        default=Price.PACKAGE,
    )
    times_are = models.CharField(
        "departure and arrival are sent as", max_length=10, choices=Times, default=Times.LOCAL
    )
    type_on_template = models.BooleanField(
        "name the transfer type on the template as well", default=False
    )
    transporter_on_template = models.BooleanField(
        "name driver and vehicle on the template as well",
        default=True,
        help_text="Colorado asks for it; other states take it.",
    )
    phone_for_questions = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name = "Metrc account"
        permissions = [("sync_metrcaccount", "Can read from Metrc at once")]

    @property
    def base_url(self) -> str:
        """Where the API is, without a slash at the end."""
        if self.environment == self.Environment.STAND_IN:
            return self.stand_in_url.rstrip("/")
        prefix = "sandbox-" if self.environment == self.Environment.SANDBOX else ""
        return f"https://{prefix}api-{self.state.lower()}.metrc.com"


class MetrcFacility(models.Model):
    """A license that the account's user key reaches, and the facility of ours that it is."""

    account = models.ForeignKey(MetrcAccount, on_delete=models.CASCADE, related_name="facilities")
    license_number = models.CharField(max_length=100)
    license_key = models.CharField(max_length=100, editable=False)
    license_type = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=400, blank=True)
    remote_id = models.PositiveBigIntegerField(null=True)
    facility = models.OneToOneField(
        Facility,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="metrc_facility",
        help_text="Which of our facilities this license is.",
    )
    # A person has chosen which facility it is, or that it is none: license numbers don't decide.
    is_chosen = models.BooleanField(default=False, editable=False)
    # Whether Metrc's answer still lists it.
    is_listed = models.BooleanField(default=True)
    ships_on_hold = models.BooleanField("packages on hold may be transferred", default=False)
    # What the last test said, by permission: "" for fine, else in words.
    checks = models.JSONField(default=dict, blank=True)
    # Until when changes were read; empty: never.
    packages_until = models.DateTimeField(null=True)
    transfers_until = models.DateTimeField(null=True)
    lists_read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["account", "name"]
        verbose_name = "Metrc facility"
        verbose_name_plural = "Metrc facilities"
        constraints = [
            models.UniqueConstraint("account", "license_key", name="metrc_facility_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.license_number})" if self.name else self.license_number

    def save(self, *args: object, **kwargs: object) -> None:
        self.license_key = normalized_license(self.license_number)
        super().save(*args, **kwargs)  # type: ignore[arg-type]


class TransferType(models.Model):
    """A transfer type of a license; Metrc refers to it by name. Its flags say what it requires."""

    facility = models.ForeignKey(
        MetrcFacility, on_delete=models.CASCADE, related_name="transfer_types"
    )
    name = models.CharField(max_length=200)
    is_wholesale = models.BooleanField(default=False)
    is_licensed = models.BooleanField("for licensed recipients", default=True)
    needs_destination_weight = models.BooleanField(default=False)
    needs_package_weights = models.BooleanField(default=False)
    needs_invoice_number = models.BooleanField(default=False)
    needs_pdf = models.BooleanField(default=False)
    needs_vehicle_registration = models.BooleanField(default=False)
    is_listed = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("facility", "name", name="transfer_type_once")]

    def __str__(self) -> str:
        return self.name


class Driver(models.Model):
    """A driver as the license has it in Metrc. Templates take the words, not the id."""

    facility = models.ForeignKey(MetrcFacility, on_delete=models.CASCADE, related_name="drivers")
    remote_id = models.PositiveBigIntegerField()
    name = models.CharField(max_length=200)
    license_number = models.CharField("driver's license", max_length=100, blank=True)
    employee_id = models.CharField("occupational license", max_length=100, blank=True)
    is_listed = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("facility", "remote_id", name="driver_once")]

    def __str__(self) -> str:
        return self.name


class Vehicle(models.Model):
    """A vehicle as the license has it in Metrc. Templates take the words, not the id."""

    facility = models.ForeignKey(MetrcFacility, on_delete=models.CASCADE, related_name="vehicles")
    remote_id = models.PositiveBigIntegerField()
    make = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=100, blank=True)
    plate = models.CharField("license plate", max_length=50, blank=True)
    is_listed = models.BooleanField(default=True)

    class Meta:
        ordering = ["make", "model", "plate"]
        constraints = [models.UniqueConstraint("facility", "remote_id", name="vehicle_once")]

    def __str__(self) -> str:
        return " ".join(part for part in (self.make, self.model, self.plate) if part)
