"""Mirrors of LeafLink's orders: what LeafLink says, what was decided, and why one is held."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from catalog.inventory import By
from catalog.models import Facility, Item
from integrations.leaflink.models.accounts import Account
from integrations.leaflink.models.mirrors import Customer, Product, Staff
from orders.models import SalesOrder


class Order(models.Model):
    """A LeafLink order, from the first moment we hear of it, imported or not."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        HELD = "held", "Held"
        IMPORTED = "imported", "Imported"
        CONFLICT = "conflict", "In conflict"
        IGNORED = "ignored", "Ignored by rule"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="orders")
    number = models.UUIDField("LeafLink number")
    short_id = models.CharField("LeafLink order", max_length=40, blank=True, db_index=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING, db_index=True)
    # Why it waits, is ignored or in conflict, in a sentence.
    state_reason = models.CharField(max_length=500, blank=True)
    status = models.CharField("LeafLink status", max_length=30, blank=True)
    buyer = models.CharField(max_length=400, blank=True)
    total = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    placed_at = models.DateTimeField("placed", null=True, db_index=True)
    first_seen_at = models.DateTimeField("first seen", auto_now_add=True)
    modified = models.DateTimeField("changed in LeafLink", null=True)
    read_at = models.DateTimeField("last read", null=True)
    raw = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    # The fingerprint of `raw`, and of what was last laid into the sales order.
    fingerprint = models.CharField(max_length=64, blank=True)
    applied_fingerprint = models.CharField(max_length=64, blank=True)
    sales_order = models.OneToOneField(
        SalesOrder,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="leaflink_order",
    )
    customer = models.ForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, related_name="orders"
    )
    # Read, and not yet decided about: a crash in between must not lose the news.
    needs_settling = models.BooleanField(default=False)
    # Brought in on purpose although it was placed before the account's cut-off day.
    backfilled = models.BooleanField(default=False)
    # A person's choices about this order. The waiver of what holds it, and the choice to keep ours,
    # count for what the order said then: a later change of it in LeafLink asks anew.
    chosen_facility = models.ForeignKey(
        Facility, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    waived_codes = models.JSONField(default=list)
    waived_fingerprint = models.CharField(max_length=64, blank=True)
    waiver = models.CharField("imported anyway because", max_length=300, blank=True)
    kept_fingerprint = models.CharField(max_length=64, blank=True)
    # Which routing rule said where it ships from, and which of its details.
    routed_by = models.CharField(max_length=300, blank=True)
    # Whose it was when the sales order last followed it; None: not known.
    applied_customer = models.ForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    # LeafLink's words when it refused to move the order to where ours is.
    refused = models.CharField("refused by LeafLink", max_length=500, blank=True)
    gone_at = models.DateTimeField("gone since", null=True)
    # What a person should know although the order was imported: a tax without local rate, say.
    warnings = models.JSONField(default=list)

    class Meta:
        ordering = ["-placed_at", "-pk"]
        verbose_name = "LeafLink order"
        permissions = [
            ("import_order_anyway", "Can import orders although stock is short or totals differ"),
            ("decide_order", "Can choose between our and LeafLink's version of an order"),
        ]
        constraints = [models.UniqueConstraint("account", "number", name="order_once_per_account")]
        indexes = [
            models.Index(fields=["account", "status"], name="order_account_status"),
            models.Index(fields=["state", "-placed_at"], name="order_state_placed"),
            models.Index(
                fields=["account"],
                name="order_needs_settling",
                condition=models.Q(needs_settling=True),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.short_id or str(self.number)[-8:]}"

    def set_state(self, state: "Order.State", reason: str, *, news: str = "") -> None:
        """Write what was decided about the order, and only that; news goes on the timeline.

        `news` says what is new in more words than `reason`, or although nothing of both changed.
        """
        reason = reason[:500]
        if news or (self.state, self.state_reason) != (state, reason):
            told = f"{state.label}: {reason}" if reason else state.label
            self.tell(OrderEvent.Kind.DECIDED, news or told)
        self.state, self.state_reason = state, reason
        self.needs_settling = False
        self.save(
            update_fields=[
                "state",
                "state_reason",
                "needs_settling",
                "sales_order",
                "applied_fingerprint",
                "applied_customer",
                "routed_by",
                "kept_fingerprint",
                "refused",
                "warnings",
            ]
        )

    def tell(self, kind: "OrderEvent.Kind", text: str, *, by: By = None) -> None:
        """Put one call or decision about the order on its timeline."""
        OrderEvent.objects.create(order_id=self.pk, kind=kind, text=text[:1500], by=by)


class OrderEvent(models.Model):
    """One call or decision about an order, in a sentence. Written once, never changed."""

    class Kind(models.TextChoices):
        READ = "read", "Read from LeafLink"
        DECIDED = "decided", "Decided by rule"
        SENT = "sent", "Sent to LeafLink"
        PERSON = "person", "Done by a person"

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=10, choices=Kind)
    text = models.CharField(max_length=1500)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["order", "-at"], name="order_event_order_at")]

    def __str__(self) -> str:
        return self.text


class LineItem(models.Model):
    """A line of a LeafLink order, as last read."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="line_items")
    remote_id = models.PositiveBigIntegerField("LeafLink number")
    position = models.PositiveIntegerField()
    product_remote_id = models.PositiveBigIntegerField(null=True, db_index=True)
    sku = models.CharField("SKU", max_length=255, blank=True)
    name = models.CharField(max_length=500, blank=True)
    quantity = models.DecimalField("units", max_digits=14, decimal_places=4)
    unit_multiplier = models.PositiveIntegerField("units per case", default=1)
    price = models.DecimalField(max_digits=14, decimal_places=4)
    is_sample = models.BooleanField("sample", default=False)

    class Meta:
        ordering = ["order", "position"]
        constraints = [models.UniqueConstraint("order", "position", name="line_item_position_once")]

    def __str__(self) -> str:
        return self.name


class Blocker(models.Model):
    """One reason for which an order is held, and what it is about."""

    class Code(models.TextChoices):
        NO_REP = "no_rep", "No sales rep"
        REP_UNMAPPED = "rep_unmapped", "Rep not mapped"
        PRODUCT_UNLINKED = "product_unlinked", "Product not linked"
        SHORT_OF_STOCK = "short_of_stock", "Short of stock"
        CUSTOMER_UNKNOWN = "customer_unknown", "Customer unknown"
        TOTAL_MISMATCH = "total_mismatch", "Total differs"
        UNREADABLE = "unreadable", "Unreadable"

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="blockers")
    code = models.CharField(max_length=20, choices=Code)
    text = models.CharField(max_length=600)
    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, null=True, related_name="blocks")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, null=True, related_name="blocks")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, null=True, related_name="+")
    facility = models.ForeignKey(Facility, on_delete=models.CASCADE, null=True, related_name="+")
    missing = models.DecimalField(
        "units missing", max_digits=14, decimal_places=4, null=True, blank=True
    )

    class Meta:
        ordering = ["order", "code", "pk"]

    def __str__(self) -> str:
        return self.text
