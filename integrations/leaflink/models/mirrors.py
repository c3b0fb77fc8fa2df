"""Mirrors of what LeafLink says about products, customers and staff, and their counterparts here.

Mirrors keep LeafLink's raw answer. Quantities are in base units, prices per selling unit (per case
when sold by the case), as LeafLink has them.
"""

from decimal import Decimal

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from catalog.models import Item
from customers.models import Destination, SalesRep
from integrations.leaflink.models.accounts import Account


class Mirror(models.Model):
    """What every mirror row has: the account, LeafLink's id, its last answer and when it came."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="%(class)ss")
    remote_id = models.PositiveBigIntegerField("LeafLink number")
    modified = models.DateTimeField("changed in LeafLink", null=True)
    raw = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    read_at = models.DateTimeField("last read", null=True)
    problem = models.TextField(
        "cannot be read", blank=True, help_text="Why LeafLink's last answer made no sense."
    )

    class Meta:
        abstract = True


class Product(Mirror):
    sku = models.CharField("SKU", max_length=255, blank=True, db_index=True)
    name = models.CharField(max_length=500, blank=True)
    listing_state = models.CharField(max_length=30, blank=True)
    inventory_management = models.CharField(max_length=5, blank=True)
    unit_of_measure = models.CharField(max_length=30, blank=True)
    unit_multiplier = models.PositiveIntegerField("units per case", default=1)
    wholesale_price = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))
    remote_brand_id = models.PositiveBigIntegerField(null=True)
    quantity = models.DecimalField(max_digits=14, decimal_places=4, default=Decimal(0))
    reserved = models.DecimalField(max_digits=14, decimal_places=4, default=Decimal(0))
    # What LeafLink shows in the fields that we may set, ready to be compared: see
    # `mapping.product_fields`.
    shown = models.JSONField(default=dict)
    gone_at = models.DateTimeField("gone since", null=True)

    class Meta:
        ordering = ["name", "remote_id"]
        verbose_name = "LeafLink product"
        constraints = [
            models.UniqueConstraint("account", "remote_id", name="product_once_per_account")
        ]

    def __str__(self) -> str:
        return self.name or f"Product {self.remote_id}"

    @property
    def available(self) -> Decimal:
        """What LeafLink offers buyers, in base units."""
        return self.quantity - self.reserved

    @property
    def url(self) -> str:
        """The product's page in LeafLink."""
        return f"{self.account.site_url.rstrip('/')}/products/{self.remote_id}/"


class Listing(models.Model):
    """An item paired with a product, and what was last agreed about them.

    What we want LeafLink to show is the item's `Offer`. Linking creates a listing, unlinking ends
    it.
    """

    class Standing(models.TextChoices):
        IN_STEP = "in_step", "In step"
        DIFFERS = "differs", "Differs, left so"
        TO_SEND = "to_send", "To be sent"
        OUT_OF_STEP = "out_of_step", "Changed in LeafLink"
        CONFLICT = "conflict", "Changed on both sides"
        REFUSED = "refused", "Refused by LeafLink"

    class Trouble(models.TextChoices):
        NONE = "", "None"
        GONE = "gone", "Gone from LeafLink"
        ARCHIVED = "archived", "Archived in LeafLink"
        UNITS = "units", "Units of measure differ"
        ACCOUNT = "account", "Brand moved to another account"

    item = models.OneToOneField(Item, on_delete=models.PROTECT, related_name="listing")
    product = models.OneToOneField(Product, on_delete=models.PROTECT, related_name="listing")
    linked_at = models.DateTimeField("linked", auto_now_add=True)
    # By field [ours, LeafLink's] as both were when last agreed: only what moved since is news.
    agreed = models.JSONField(default=dict, editable=False)
    standing = models.CharField(
        max_length=12, choices=Standing, default=Standing.IN_STEP, editable=False, db_index=True
    )
    # What differs now: [{"field", "ours", "theirs", "decision"}].
    differences = models.JSONField(default=list, editable=False)
    trouble = models.CharField(
        max_length=10, choices=Trouble, default=Trouble.NONE, blank=True, editable=False
    )
    # The product that was made anew in place of one that is archived or gone.
    replacement = models.ForeignKey(
        Product, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    # The last things that were sent or taken over: [{"at", "text"}], newest first.
    lately = models.JSONField(default=list, editable=False)
    # Details that LeafLink refused: its words by field, and what was sent then.
    refusals = models.JSONField(default=dict, editable=False)
    refused_details = models.JSONField(default=dict, editable=False)
    # None: never sent, or in doubt (an answer was lost). Either way it is sent again.
    last_sent = models.DecimalField(
        "sent", max_digits=14, decimal_places=4, null=True, editable=False
    )
    last_sent_at = models.DateTimeField("sent at", null=True, editable=False)
    doubted_at = models.DateTimeField(null=True, editable=False)
    # What LeafLink answered to it: {"quantity", "reserved", "available"}, as text.
    last_answer = models.JSONField(default=dict, editable=False)
    # A write whose answer was lost: it may still reach LeafLink after a later one.
    unsettled_at = models.DateTimeField(null=True, editable=False)
    refused_quantity = models.DecimalField(
        max_digits=14, decimal_places=4, null=True, editable=False
    )
    refusal = models.TextField("refused", blank=True, editable=False)
    # The product's `modified` then: when it is another, LeafLink is asked once more.
    refused_modified = models.DateTimeField(null=True, editable=False)
    # Who is sending its quantity just now, and until when at the longest.
    sending = models.UUIDField(null=True, editable=False)
    sending_until = models.DateTimeField(null=True, editable=False)
    # The brake: since when a quantity of zero waits for a person, until when one may be sent
    # because a person has said yes, and when one was sent in place of more.
    braked_at = models.DateTimeField(null=True, editable=False, db_index=True)
    zero_allowed_until = models.DateTimeField(null=True, editable=False)
    zeroed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["item__name"]
        verbose_name = "linked product"
        permissions = [
            ("export_listing", "Can export linked products"),
            ("import_listing", "Can import links"),
        ]

    def __str__(self) -> str:
        return f"{self.item} ↔ {self.product}"

    @property
    def waits_for_decision(self) -> bool:
        """Whether a person has to choose between ours and LeafLink's."""
        return self.standing in (
            self.Standing.OUT_OF_STEP,
            self.Standing.CONFLICT,
            self.Standing.REFUSED,
        )

    def note(self, text: str) -> None:
        """Remember what was done to either side; the caller saves `lately`."""
        self.lately = [{"at": timezone.now().isoformat(), "text": text}, *self.lately][:10]


class Customer(Mirror):
    name = models.CharField(max_length=400, blank=True)
    license_number = models.CharField(max_length=100, blank=True)
    external_id = models.CharField(max_length=100, blank=True)
    email = models.CharField(max_length=255, blank=True)
    destination = models.ForeignKey(
        Destination,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="leaflink_customers",
        help_text="Whom this customer's next orders are shipped to.",
    )

    class Meta:
        ordering = ["name"]
        verbose_name = "LeafLink customer"
        constraints = [
            models.UniqueConstraint("account", "remote_id", name="customer_once_per_account")
        ]

    def __str__(self) -> str:
        return self.name or f"Customer {self.remote_id}"


class Staff(Mirror):
    name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=255, blank=True)
    is_active = models.BooleanField("active", default=True)
    sales_rep = models.ForeignKey(
        SalesRep, on_delete=models.SET_NULL, null=True, blank=True, related_name="leaflink_staff"
    )

    class Meta:
        ordering = ["name"]
        verbose_name = "LeafLink staff member"
        verbose_name_plural = "LeafLink staff"
        constraints = [
            models.UniqueConstraint("account", "remote_id", name="staff_once_per_account")
        ]

    def __str__(self) -> str:
        return self.name or self.email or f"Staff {self.remote_id}"
