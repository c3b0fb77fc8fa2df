"""Accounts: a LeafLink company, its keys, and the rules by which we work with it."""

import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone

from catalog.models import Brand, Facility
from customers.models import SalesRep
from integrations.encryption import EncryptedTextField, WrongEncryptionKey
from integrations.leaflink.mapping import status_rules
from integrations.leaflink.mapping.status_rules import PRESETS, Preset
from integrations.leaflink.mapping.statuses import IMPORTABLE, RemoteStatus
from integrations.leaflink.models.stock_rules import StockRule
from integrations.models import Connection
from orders.status import Status


def default_import_statuses() -> list[str]:
    return [RemoteStatus.SUBMITTED.value, RemoteStatus.ACCEPTED.value]


def default_status_map() -> dict[str, str]:
    return dict(PRESETS[Preset.FLOURISH])


# LeafLink's statuses that our orders can be made to follow; the others are followed anyhow.
CAN_LEAD = tuple(status_rules.CAUGHT_UP)


class Account(Connection, StockRule):
    """One LeafLink company: its keys, and the rules by which we work with it."""

    class Host(models.TextChoices):
        PRODUCTION = "https://app.leaflink.com", "Production"
        SANDBOX = "https://www.sandbox.leaflink.com", "LeafLink's sandbox"
        PARTNERS = (
            "https://www.leaflink-integrations.leaflink.com",
            "LeafLink's sandbox for partners",
        )
        STAND_IN = "stand-in", "Built-in stand-in (practice)"

    class CustomerRule(models.TextChoices):
        CREATE = "create", "Create a destination (Flourish style)"
        BLANK = "blank", "Import the order without one, until someone chooses (Distru style)"
        HOLD = "hold", "Hold the order until someone chooses a destination"

    class ShortageRule(models.TextChoices):
        HOLD = "hold", "Hold the order until there is enough"
        IMPORT = "import", "Import it anyway"

    class IgnorePricesFrom(models.TextChoices):
        NEVER = "", "Never: LeafLink's prices are always taken over"
        CREATED = Status.CREATED.value, "Once the order is imported"
        PARTIALLY_ALLOCATED = (
            Status.PARTIALLY_ALLOCATED.value,
            "Once stock was allocated, even in part",
        )
        ALLOCATED = Status.ALLOCATED.value, "Once all of it is allocated"
        SHIPPED = Status.SHIPPED.value, "Once it is shipped"

    class NewProductState(models.TextChoices):
        AVAILABLE = "Available", "Available"
        INTERNAL = "Internal", "Internal"
        UNAVAILABLE = "Unavailable", "Unavailable"
        BACKORDER = "Backorder", "Backorder"
        SAMPLE = "Sample", "Sample"

    host = models.CharField(
        "environment",
        max_length=200,
        choices=Host,
        help_text="Fixed once the account is made: ids of different environments never mix.",
    )
    stand_in_url = models.CharField(
        "address of the stand-in", max_length=200, blank=True, validators=[URLValidator()]
    )
    company_id = models.PositiveBigIntegerField("LeafLink company number", null=True, blank=True)
    company_name = models.CharField("LeafLink company", max_length=400, blank=True)
    app_key = EncryptedTextField("App key", blank=True)
    webhook_key = EncryptedTextField("webhook key", blank=True)
    webhook_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    last_webhook_at = models.DateTimeField("last webhook", null=True, editable=False)
    # Until a person says "go live" nothing is sent, taken in or linked by itself.
    in_setup = models.BooleanField("in set-up", default=False, editable=False)
    # Steps of the set-up that a person has looked at or passed over; others follow from facts.
    setup_confirmed = models.JSONField(default=list, blank=True, editable=False)
    # What the last test of the App key found: see `check_key.KeyCheck`.
    key_check = models.JSONField(default=dict, blank=True, editable=False)
    went_live_at = models.DateTimeField("live since", null=True, editable=False)
    key_owner = models.CharField(
        "owner of the key",
        max_length=200,
        blank=True,
        help_text=(
            "LeafLink counts requests per person who made the keys. Accounts whose keys were made "
            "by the same person must say so here with the same name."
        ),
    )
    # Rules
    facilities = models.ManyToManyField(
        Facility,
        blank=True,
        related_name="leaflink_accounts",
        verbose_name="facilities that count",
        help_text="Their stock is offered in LeafLink. None chosen: all of them.",
    )
    default_facility = models.ForeignKey(
        Facility,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Where an order ships from when no other routing rule says so.",
    )
    push_inventory = models.BooleanField(
        "send quantities to LeafLink",
        default=True,
        help_text="Stock is kept here; LeafLink follows.",
    )
    brake_products = models.PositiveIntegerField(
        "ask before so many products go to zero",
        null=True,
        blank=True,
        default=25,
        validators=[MinValueValidator(1)],
        help_text=(
            "When more than that many would be sold out within an hour, none of them is sent until "
            "a person has said yes. Empty: never ask for their number."
        ),
    )
    brake_percent = models.PositiveSmallIntegerField(
        "ask before so many percent go to zero",
        null=True,
        blank=True,
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="The same, of all products whose stock is sent. Empty: never for their share.",
    )
    push_details = models.BooleanField(
        "send product details to LeafLink",
        default=False,
        help_text=(
            "Names, descriptions, categories and the like are kept here; what is changed here is "
            "sent. Nothing is sent by linking alone, and listing states are never touched."
        ),
    )
    sync_prices = models.BooleanField(
        "keep prices the same on both sides",
        default=False,
        help_text="A price changed on either side is taken over by the other, case sizes included.",
    )
    create_products = models.BooleanField(
        "create products by themselves",
        default=False,
        help_text=(
            "An item that is to be offered in LeafLink, has no product there and lacks nothing is "
            "created at once. Off: when a person asks for it."
        ),
    )
    new_product_state = models.CharField(
        "listing state of new products",
        max_length=20,
        choices=NewProductState,
        default=NewProductState.AVAILABLE,
        help_text="Internal and Unavailable hide a product until somebody has looked at it.",
    )
    external_id_key = models.CharField(
        "LeafLink's key for our ids",
        max_length=100,
        blank=True,
        help_text=(
            "LeafLink's support sets one up for each system that wants to note its own ids. "
            "Empty: our ids are not noted there."
        ),
    )
    import_orders = models.BooleanField("import orders", default=True)
    import_statuses = models.JSONField(
        "statuses that are imported", default=default_import_statuses
    )
    import_since = models.DateTimeField(
        "import orders placed since", null=True, blank=True, help_text="Older ones are left alone."
    )
    link_exact_skus = models.BooleanField(
        "link products by themselves when the SKU is exactly the same", default=True
    )
    # By our status what LeafLink's order becomes; what is left out changes nothing there.
    status_map = models.JSONField("LeafLink follows our orders", default=default_status_map)
    # LeafLink's statuses, set by hand there, that our orders follow by themselves.
    lead_statuses = models.JSONField("our orders follow LeafLink", default=list, blank=True)
    push_order_terms = models.BooleanField(
        "send payment terms and delivery dates to LeafLink",
        default=True,
        help_text=(
            "What is changed here is sent: payment term, due date, delivery date and shipping "
            "details. What is changed in LeafLink comes in either way."
        ),
    )
    push_payments = models.BooleanField(
        "send payments to LeafLink",
        default=False,
        help_text=(
            "Payments recorded here from now on are noted in LeafLink too, and voided ones are "
            "taken back there. Payments noted in LeafLink never come here."
        ),
    )
    push_payments_since = models.DateTimeField(null=True, blank=True, editable=False)
    payment_recorder = models.ForeignKey(
        "leaflink.Staff",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="who records payments in LeafLink",
        help_text=(
            "For payments recorded here by people who are not LeafLink staff. Empty: such payments "
            "wait, and say so."
        ),
    )
    customer_rule = models.CharField(
        "a new customer", max_length=10, choices=CustomerRule, default=CustomerRule.CREATE
    )
    shortage_rule = models.CharField(
        "not enough stock", max_length=10, choices=ShortageRule, default=ShortageRule.HOLD
    )
    ignore_prices_from = models.CharField(
        "ignore later price changes in LeafLink",
        max_length=20,
        choices=IgnorePricesFrom,
        default=IgnorePricesFrom.NEVER,
        blank=True,
        help_text="Only prices of lines: everything else that changes there still comes in.",
    )
    hold_on_total_mismatch = models.BooleanField(
        "hold an order whose total differs from LeafLink's", default=False
    )
    fallback_rep = models.ForeignKey(
        SalesRep,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="rep of an order without one",
        help_text="Empty: an order without a sales rep is held.",
    )

    class Meta:
        verbose_name = "LeafLink account"
        permissions = [("sync_account", "Can start a sync by hand")]

    def __str__(self) -> str:
        # Wherever an account is named or chosen, what is no real business says so.
        test = self.host in (self.Host.SANDBOX, self.Host.PARTNERS)
        return f"{self.name} (sandbox)" if test else self.name

    @property
    def base_url(self) -> str:
        """Where the API of this account is, without the trailing slash."""
        root = self.stand_in_url if self.host == self.Host.STAND_IN else self.host
        return f"{root.rstrip('/')}/api/v2"

    @property
    def has_app_key(self) -> bool:
        """Whether one is stored, be it readable or not."""
        return bool(self.__dict__.get("app_key") or "")

    def has_same_key(self, other: "Account") -> bool:
        """Whether both hold the same App key. Of one that can't be decrypted what is stored is
        compared."""
        try:
            return bool(self.app_key == other.app_key)
        except WrongEncryptionKey:
            return bool(self.__dict__["app_key"] == other.__dict__["app_key"])

    @property
    def site_url(self) -> str:
        """LeafLink's own site, for links that people follow."""
        return self.stand_in_url if self.host == self.Host.STAND_IN else self.host

    @property
    def webhook_url(self) -> str:
        """The address to paste into LeafLink. It names the account by an unguessable id."""
        return str(settings.SITE_URL) + reverse("leaflink-webhook", args=[self.webhook_id])

    @property
    def budget_owner(self) -> str:
        """Whose request budget is spent: the owner of the key, or the account by itself."""
        return self.key_owner.strip() or f"account {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Payments from before the rule was switched on are never sent.
        if self.push_payments != bool(self.push_payments_since):
            self.push_payments_since = timezone.now() if self.push_payments else None
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "push_payments_since"}
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        unknown = [s for s in self.import_statuses if s not in IMPORTABLE]
        if unknown:
            raise ValidationError(
                {"import_statuses": f"Only {', '.join(IMPORTABLE)} can be imported."}
            )
        if impossible := status_rules.problems(self.status_map):
            raise ValidationError({"status_map": " ".join(impossible.values())})
        if unknown := [s for s in self.lead_statuses if s not in CAN_LEAD]:
            raise ValidationError(
                {"lead_statuses": f"Only {', '.join(CAN_LEAD)} can lead, not {', '.join(unknown)}."}
            )
        recorder = self.payment_recorder
        if recorder and recorder.account_id != self.pk:
            raise ValidationError(
                {"payment_recorder": f"{recorder} belongs to another LeafLink account."}
            )
        if self.host == self.Host.STAND_IN and not self.stand_in_url:
            raise ValidationError({"stand_in_url": "Give the address the stand-in runs at."})
        if self.pk:
            old = Account.objects.filter(pk=self.pk).values_list("host", flat=True).first()
            if old and old != self.host:
                raise ValidationError(
                    {"host": "An account keeps its environment. Make a new account for another."}
                )


class AccountBrand(StockRule):
    """A brand and the one account that sells it."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="brands")
    brand = models.OneToOneField(Brand, on_delete=models.CASCADE, related_name="leaflink")
    leaflink_brand = models.ForeignKey(
        "leaflink.ListEntry",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        limit_choices_to={"list": "brand"},
        verbose_name="LeafLink brand",
        help_text="Empty: the one with the same name.",
    )

    class Meta:
        verbose_name = "brand sold"
        verbose_name_plural = "brands sold"

    def __str__(self) -> str:
        return str(self.brand)

    def clean(self) -> None:
        super().clean()
        entry = self.leaflink_brand
        if entry and self.account_id and entry.account_id != self.account_id:
            raise ValidationError(
                {"leaflink_brand": f"{entry} is a brand of another LeafLink account."}
            )


class Cursor(models.Model):
    """How far a list was read: the newest `modified` of a completed pull."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="cursors")
    resource = models.CharField(max_length=30)
    modified = models.DateTimeField()
    # When the last pull began that read all that had changed.
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("account", "resource", name="cursor_once_per_resource")
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.resource}"


class WebhookDelivery(models.Model):
    """A signed webhook as it came. Nothing in it is trusted but which record to read again."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="deliveries")
    received_at = models.DateTimeField("received", auto_now_add=True, db_index=True)
    sha256 = models.CharField(max_length=64)
    body = models.TextField()
    kind = models.CharField("about", max_length=20, blank=True)
    action = models.CharField(max_length=20, blank=True)
    key = models.CharField("record", max_length=100, blank=True)
    problem = models.TextField("not understood", blank=True)

    pruned_by, pruned_after = "received_at", "KEEP_WEBHOOKS_DAYS"

    class Meta:
        ordering = ["-received_at", "-pk"]
        verbose_name = "webhook"
        verbose_name_plural = "webhooks"
        indexes = [
            models.Index(fields=["account", "key"], name="delivery_account_key"),
            # Answers when the last one came and how many came when, without reading bodies.
            models.Index(
                fields=["account", "kind", "received_at"], name="delivery_account_kind_at"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind or 'webhook'} {self.key}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("A webhook is kept as it came.")
        super().save(*args, **kwargs)
