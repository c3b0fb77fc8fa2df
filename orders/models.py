"""Sales orders as the warehouse and accounting know them, wherever they came from.

Line quantities are in base units, prices per selling unit (a case of `case_size` base units).
Only `orders.services` changes orders.
"""

import uuid
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from catalog.models import Brand, Commitment, Facility, Item, Stock
from customers.models import Destination, SalesRep
from orders.status import Status
from orders.totals import line_total


class PaymentTerm(models.TextChoices):
    CASH_ON_DELIVERY = "cod", "Cash on Delivery"
    CONSIGNMENT = "consign", "Consignment"
    NET_3 = "net3", "Net 3"
    NET_7 = "net7", "Net 7"
    NET_10 = "net10", "Net 10"
    NET_14 = "net14", "Net 14"
    NET_15 = "net15", "Net 15"
    NET_20 = "net20", "Net 20"
    NET_30 = "net30", "Net 30"
    NET_60 = "net60", "Net 60"
    NET_90 = "net90", "Net 90"
    PRE_PAYMENT = "prepay", "Pre-Payment"


def _money_field(label: str = "") -> Any:
    return models.DecimalField(label or None, max_digits=14, decimal_places=2, default=Decimal(0))


class TaxRate(models.Model):
    name = models.CharField(max_length=100)
    percent = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
    )
    is_active = models.BooleanField("active", default=True)

    class Meta:
        ordering = ["percent", "name"]
        constraints = [
            models.UniqueConstraint("name", name="tax_rate_name_once"),
            models.CheckConstraint(
                condition=models.Q(percent__gte=0) & models.Q(percent__lte=100),
                name="tax_rate_percent_0_to_100",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SalesOrder(models.Model):
    number = models.CharField(max_length=40, unique=True, editable=False)
    status = models.CharField(max_length=20, choices=Status, default=Status.CREATED, db_index=True)
    destination = models.ForeignKey(
        Destination, on_delete=models.PROTECT, null=True, blank=True, related_name="orders"
    )
    facility = models.ForeignKey(
        Facility, on_delete=models.PROTECT, null=True, blank=True, related_name="orders"
    )
    sales_rep = models.ForeignKey(
        SalesRep, on_delete=models.PROTECT, null=True, blank=True, related_name="orders"
    )
    brand = models.ForeignKey(
        Brand, on_delete=models.PROTECT, null=True, blank=True, related_name="orders"
    )
    placed_at = models.DateTimeField("placed", db_index=True)
    created_at = models.DateTimeField("created", auto_now_add=True)
    delivery_date = models.DateField(null=True, blank=True)
    shipping_details = models.CharField(
        max_length=2000, blank=True, help_text="For the driver and the buyer: dock, hours, truck."
    )
    payment_term = models.CharField(max_length=10, choices=PaymentTerm, blank=True)
    payment_due_on = models.DateField("payment due", null=True, blank=True)
    classification = models.CharField(max_length=100, blank=True)
    notes_for_buyer = models.TextField(blank=True)
    internal_notes = models.TextField(blank=True)
    # Where the order came from, in words for people: "LeafLink · Alder Peak" and its number there.
    channel = models.CharField(max_length=200, blank=True)
    channel_number = models.CharField(max_length=64, blank=True, db_index=True)
    # The address as it was when ordered; the destination's may change later.
    ship_to = models.TextField(blank=True)
    shipping = _money_field("shipping charge")
    tax_rate = models.ForeignKey(TaxRate, on_delete=models.PROTECT, null=True, blank=True)
    tax = _money_field()
    total = _money_field()

    class Meta:
        ordering = ["-placed_at", "-pk"]
        permissions = [
            ("export_salesorder", "Can export sales orders"),
            ("work_salesorder", "Can allocate, ship, complete and cancel sales orders"),
        ]
        indexes = [models.Index(fields=["status", "-placed_at"], name="order_status_placed")]

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    """What was ordered. An item unknown to us keeps its SKU and name."""

    order = models.ForeignKey(SalesOrder, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    item = models.ForeignKey(
        Item, on_delete=models.PROTECT, null=True, blank=True, related_name="order_lines"
    )
    sku = models.CharField("SKU", max_length=255, blank=True)
    name = models.CharField(max_length=400)
    quantity = models.DecimalField(
        "units", max_digits=14, decimal_places=4, help_text="Base units."
    )
    case_size = models.PositiveIntegerField(default=1)
    price = models.DecimalField(
        max_digits=14, decimal_places=4, help_text="Per case, or per unit when not sold in cases."
    )
    is_sample = models.BooleanField("sample", default=False)
    is_medical = models.BooleanField("medical", default=False)
    notes = models.CharField(max_length=2000, blank=True)
    # Asked for by its number: units of another lot are never set aside for the line.
    lot_number = models.CharField("lot asked for", max_length=100, blank=True)
    # What was asked for before a person said that any lot will do.
    waived_lot = models.CharField(max_length=100, blank=True)
    # The line's id in the channel it came from, so that a later edit finds its line.
    channel_line = models.CharField(max_length=64, blank=True)
    commitment = models.OneToOneField(
        Commitment, on_delete=models.SET_NULL, null=True, blank=True, related_name="order_line"
    )

    class Meta:
        ordering = ["order", "position"]
        constraints = [
            models.UniqueConstraint("order", "position", name="order_line_position_once"),
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0), name="order_line_quantity_positive"
            ),
            models.CheckConstraint(condition=models.Q(price__gte=0), name="order_line_price"),
            models.CheckConstraint(
                condition=models.Q(case_size__gte=1), name="order_line_case_size"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} × {self.quantity.normalize():f}"

    @property
    def total(self) -> Decimal:
        return line_total(self.quantity, self.case_size, self.price)

    @property
    def cases(self) -> Decimal | None:
        """Cases this line is, exactly; None when it is not sold in cases."""
        return self.quantity / self.case_size if self.case_size > 1 else None


class OrderDiscount(models.Model):
    class Kind(models.TextChoices):
        ORDER = "order", "Order discount"
        LINE = "line", "Line discount"
        CREDIT = "credit", "Credit"

    order = models.ForeignKey(SalesOrder, on_delete=models.CASCADE, related_name="discounts")
    kind = models.CharField(max_length=10, choices=Kind)
    label = models.CharField(max_length=400)
    percent = models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        ordering = ["order", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount__gte=0), name="order_discount_not_negative"
            )
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def is_locked(self) -> bool:
        """A credit was granted elsewhere and is not edited here."""
        return self.kind == self.Kind.CREDIT


class Allocation(models.Model):
    """Base units of a stock row set aside for a line. They stay on hand until shipped."""

    line = models.ForeignKey(OrderLine, on_delete=models.CASCADE, related_name="allocations")
    stock = models.ForeignKey(Stock, on_delete=models.PROTECT, related_name="allocations")
    quantity = models.DecimalField(max_digits=14, decimal_places=4)
    shipped = models.BooleanField(default=False)

    class Meta:
        ordering = ["line", "pk"]
        constraints = [
            models.UniqueConstraint("line", "stock", name="allocation_once_per_line_and_stock"),
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0), name="allocation_quantity_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} from {self.stock}"


class Payment(models.Model):
    """Money that came in. Never changed or deleted: a wrong one is voided."""

    class Method(models.TextChoices):
        CASH = "cash", "Cash"
        CHECK = "check", "Check"
        ACH = "ach", "ACH"
        WIRE = "wire", "Wire"
        CASHIER = "cashier", "Cashier's check"
        CREDIT = "credit", "Credit"
        TRADE = "trade", "Trade"
        OTHER = "other", "Other"

    order = models.ForeignKey(SalesOrder, on_delete=models.PROTECT, related_name="payments")
    amount = models.DecimalField(
        max_digits=14, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))]
    )
    method = models.CharField(max_length=10, choices=Method)
    paid_on = models.DateField("paid")
    reference = models.CharField(
        max_length=100, blank=True, help_text="Check number, transfer id and the like."
    )
    # Names the payment everywhere, also where it is sent to; a page sent twice carries the same.
    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    recorded_at = models.DateTimeField("recorded", auto_now_add=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    voided_at = models.DateTimeField("voided", null=True, blank=True)
    void_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["order", "paid_on", "pk"]
        permissions = [("void_payment", "Can void payments")]
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="payment_positive")
        ]

    def __str__(self) -> str:
        return f"{self.amount} on {self.paid_on}"


class StatusChange(models.Model):
    """One move of an order: who, when, why. The same status twice: a note of something else."""

    order = models.ForeignKey(SalesOrder, on_delete=models.CASCADE, related_name="status_changes")
    old = models.CharField("from", max_length=20, choices=Status, blank=True)
    new = models.CharField("to", max_length=20, choices=Status)
    at = models.DateTimeField("when", auto_now_add=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    reason = models.CharField("why", max_length=500, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["at"], name="status_change_at")]

    def __str__(self) -> str:
        if not self.old:
            return self.get_new_display()
        return f"{self.get_old_display()} → {self.get_new_display()}"
