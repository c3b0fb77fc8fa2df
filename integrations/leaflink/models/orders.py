"""Mirrors of LeafLink's orders: what LeafLink says, what was decided, and why one is held."""

from decimal import Decimal

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from catalog.inventory import By
from catalog.models import Facility, Item
from integrations.leaflink.mapping.statuses import RESERVING
from integrations.leaflink.models.accounts import Account
from integrations.leaflink.models.mirrors import Customer, Product, Staff
from orders.models import Payment, SalesOrder

# What LeafLink may refuse beside the terms of an order: its status, and our number. No order waits
# for a person because of the number: a notice tells of it once for the account.
STATUS, NUMBER = "status", "number"
QUIET = (NUMBER,)


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
    # What both sides last agreed about delivery and payment (see mapping.order_terms), LeafLink's
    # status when ours had got as far, and our number as LeafLink has noted it.
    agreed = models.JSONField(default=dict)
    # The terms as LeafLink said them last; and what was sent and not yet seen there, which is no
    # move of LeafLink's own when it shows.
    there = models.JSONField(default=dict)
    sent = models.JSONField(default=dict)
    agreed_status = models.CharField(max_length=30, blank=True)
    noted_number = models.CharField(max_length=40, blank=True)
    # What a person has to choose about: [{name, label, ours, theirs, agreed}], in words.
    disputed = models.JSONField(default=list)
    is_disputed = models.BooleanField(default=False)
    # What LeafLink refused: {what: [the value it was asked for, its words]}; and the words alone.
    refusals = models.JSONField(default=dict)
    refused = models.CharField("refused by LeafLink", max_length=500, blank=True)
    # Of an order whose sales order was deleted here: its number, what LeafLink said then (when that
    # changes, the order comes in anew), and whether LeafLink's is to be rejected.
    unsynced_number = models.CharField(max_length=40, blank=True)
    unsynced_fingerprint = models.CharField(max_length=64, blank=True)
    reject_asked = models.BooleanField(default=False)
    gone_at = models.DateTimeField("gone since", null=True)
    # What a person should know although the order was imported: a tax without local rate, say.
    warnings = models.JSONField(default=list)

    class Meta:
        ordering = ["-placed_at", "-pk"]
        verbose_name = "LeafLink order"
        permissions = [
            ("import_order_anyway", "Can import orders although stock is short or totals differ"),
            ("decide_order", "Can choose between our and LeafLink's version of an order"),
            ("unsync_order", "Can delete sales orders that came from LeafLink"),
        ]
        constraints = [models.UniqueConstraint("account", "number", name="order_once_per_account")]
        indexes = [
            models.Index(fields=["account", "status"], name="order_account_status"),
            # What changed lately, and whether a webhook told of it.
            models.Index(fields=["account", "modified"], name="order_account_modified"),
            models.Index(fields=["state", "-placed_at"], name="order_state_placed"),
            models.Index(
                fields=["account"],
                name="order_needs_settling",
                condition=models.Q(needs_settling=True),
            ),
            models.Index(
                fields=["-placed_at"], name="order_disputed", condition=models.Q(is_disputed=True)
            ),
            models.Index(
                fields=["account"],
                name="order_unsynced",
                condition=~models.Q(unsynced_number=""),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.short_id or str(self.number)[-8:]}"

    @classmethod
    def reserving(cls, path: str = "") -> models.Q:
        """Those for which LeafLink itself still reserves goods; `path` leads to the order
        ("order__"). One that LeafLink no longer has reserves nothing."""
        return models.Q(**{f"{path}status__in": RESERVING, f"{path}gone_at__isnull": True})

    @classmethod
    def needs_you(cls) -> models.Q:
        """Those that wait for a person: held, or unsettled."""
        return models.Q(state=cls.State.HELD) | cls.unsettled()

    @classmethod
    def unsettled(cls) -> models.Q:
        """Those on which the two sides don't agree: in conflict, moved on both, or refused."""
        moved = models.Q(state=cls.State.CONFLICT) | models.Q(is_disputed=True)
        return moved | ~models.Q(refused="")

    def was_refused(self, what: str, value: str) -> bool:
        """Whether LeafLink has refused just this."""
        return bool(self.refusals.get(what, [None])[0] == value)

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
        self.is_disputed = bool(self.disputed)
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
                "refusals",
                "agreed",
                "there",
                "sent",
                "agreed_status",
                "noted_number",
                "disputed",
                "is_disputed",
                "unsynced_number",
                "unsynced_fingerprint",
                "reject_asked",
                "warnings",
            ]
        )

    def dispute(self, name: str, label: str, ours: str, theirs: str, agreed: str = "") -> None:
        """Say, in words, what a person has to choose about; `set_state` writes it."""
        row = {"name": name, "label": label, "ours": ours, "theirs": theirs, "agreed": agreed}
        self.disputed = [*self.disputed, row]

    def refuse(self, refusals: dict[str, list[str]]) -> None:
        """Keep what LeafLink refused, in memory: {what: [the value asked for, its words]}."""
        self.refusals = refusals
        told = [words for what, (_, words) in refusals.items() if what not in QUIET]
        self.refused = " ".join(dict.fromkeys(told))[:500]

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

    pruned_by, pruned_after = "at", "KEEP_ORDER_EVENTS_DAYS"

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
    batch_remote_id = models.PositiveBigIntegerField("LeafLink batch", null=True)

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


class OrderPayment(models.Model):
    """A payment of ours on its way to LeafLink, or the negative one that takes it back.

    The row is there before LeafLink is asked, and `reference` is looked for in LeafLink before it
    is asked again: that is what makes it exactly once.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        ASKED = "asked", "Asked, answer due"
        SENT = "sent", "In LeafLink"
        REFUSED = "refused", "Refused"
        DROPPED = "dropped", "Not sent"

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="payments")
    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="leaflink")
    is_void = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING, db_index=True)
    # LeafLink's words, or what is missing here.
    problem = models.CharField(max_length=500, blank=True)
    remote_id = models.PositiveBigIntegerField("LeafLink number", null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        verbose_name = "payment in LeafLink"
        verbose_name_plural = "payments in LeafLink"
        constraints = [
            models.UniqueConstraint("payment", "is_void", name="order_payment_once"),
        ]

    def __str__(self) -> str:
        return f"{self.reference}: {self.amount}"

    @property
    def amount(self) -> Decimal:
        """Money; below zero for what takes a payment back."""
        return -self.payment.amount if self.is_void else self.payment.amount

    @property
    def reference(self) -> str:
        """What LeafLink's record is known by."""
        return f"LB-{self.payment.token.hex}" + ("-void" if self.is_void else "")
