"""Facilities, brands and items, the stock of each, what is committed, and the ledger of it all.

Quantities are in base units (the item's unit of measure), never in cases. Only `catalog.inventory`
changes Stock, Commitment and Movement rows.
"""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Lower

from catalog.decimals import plain
from catalog.signals import announce_stock_change


class UnitOfMeasure(models.TextChoices):
    UNIT = "Unit", "Unit"
    MILLIGRAM = "Milligram", "Milligram"
    GRAM = "Gram", "Gram"
    KILOGRAM = "Kilogram", "Kilogram"
    OUNCE = "Ounce", "Ounce"
    POUND = "Pound", "Pound"
    MILLILITER = "Milliliter", "Milliliter"
    LITER = "Liter", "Liter"
    FLUID_OUNCE = "Fluid ounce", "Fluid ounce"


class Facility(models.Model):
    """A licensed place that holds stock."""

    name = models.CharField(max_length=200, unique=True)
    license_number = models.CharField(max_length=100, unique=True)
    license_type = models.CharField(max_length=100, blank=True)
    street = models.CharField("street address", max_length=300, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=2, blank=True, help_text="Two letters, for example CO.")
    zipcode = models.CharField("ZIP code", max_length=10, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    time_zone = models.CharField(max_length=64, default="America/Denver")
    sells = models.BooleanField(
        "stock here can be sold",
        default=True,
        help_text="Off for a quarantine or processing site: its stock is never offered.",
    )
    is_active = models.BooleanField("active", default=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "facilities"
        permissions = [("export_facility", "Can export facilities")]

    def __str__(self) -> str:
        return self.name


class Brand(models.Model):
    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True)
    is_active = models.BooleanField("active", default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ProductLine(models.Model):
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="product_lines")
    name = models.CharField(max_length=200)

    class Meta:
        ordering = ["brand__name", "name"]
        constraints = [
            models.UniqueConstraint("brand", "name", name="product_line_once_per_brand"),
        ]

    def __str__(self) -> str:
        return self.name


class Strain(models.Model):
    class Classification(models.TextChoices):
        SATIVA = "sativa", "Sativa"
        INDICA = "indica", "Indica"
        HYBRID = "hybrid", "Hybrid"
        SATIVA_HYBRID = "sativa-hybrid", "Sativa hybrid"
        INDICA_HYBRID = "indica-hybrid", "Indica hybrid"
        ONE_TO_ONE_CBD = "11-cbd", "1:1 CBD"
        HIGH_CBD = "high-cbd", "High CBD"
        NOT_APPLICABLE = "na", "Not applicable"

    name = models.CharField(max_length=200, unique=True)
    classification = models.CharField(
        max_length=20, choices=Classification, default=Classification.NOT_APPLICABLE
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


def _price_field(label: str, help_text: str, **options: Any) -> Any:
    # Six places, so that a price per case divides into one per unit and back without losing a cent.
    return models.DecimalField(
        label,
        max_digits=14,
        decimal_places=6,
        validators=[MinValueValidator(Decimal(0))],
        help_text=help_text,
        **options,
    )


class Item(models.Model):
    """Something we make and stock. Prices are per base unit; a case is `case_size` base units."""

    sku = models.CharField("SKU", max_length=255)
    name = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="items")
    product_line = models.ForeignKey(
        ProductLine, on_delete=models.PROTECT, null=True, blank=True, related_name="items"
    )
    strain = models.ForeignKey(
        Strain, on_delete=models.PROTECT, null=True, blank=True, related_name="items"
    )
    unit_of_measure = models.CharField(
        max_length=20, choices=UnitOfMeasure, default=UnitOfMeasure.UNIT
    )
    case_size = models.PositiveIntegerField(
        default=1,
        validators=[MinValueValidator(1)],
        help_text="Base units in a case; 1 when sold singly.",
    )
    wholesale_price = _price_field("wholesale price", "Per base unit.", default=Decimal(0))
    sale_price = _price_field(
        "sale price", "Per base unit; empty when not on sale.", null=True, blank=True
    )
    retail_price = _price_field(
        "retail price", "Suggested price per unit in the store.", default=Decimal(0)
    )
    safety_stock = models.DecimalField(
        max_digits=14,
        decimal_places=4,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0))],
        help_text="Base units kept back: never offered to buyers.",
    )
    is_sample = models.BooleanField("sample", default=False)
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField("created", auto_now_add=True)
    updated_at = models.DateTimeField("changed", auto_now=True)

    class Meta:
        ordering = ["name", "sku"]
        permissions = [("export_item", "Can export items"), ("import_item", "Can import items")]
        constraints = [
            models.UniqueConstraint(
                Lower("sku"),
                name="item_sku_once",
                violation_error_message="Another item has this SKU (capitals don't count).",
            ),
            models.CheckConstraint(condition=models.Q(case_size__gte=1), name="item_case_size"),
            models.CheckConstraint(
                condition=models.Q(wholesale_price__gte=0)
                & models.Q(retail_price__gte=0)
                & (models.Q(sale_price__isnull=True) | models.Q(sale_price__gte=0)),
                name="item_prices_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(safety_stock__gte=0), name="item_safety_stock_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.sku})"

    def clean(self) -> None:
        self.sku = self.sku.strip()
        if not self.sku:
            raise ValidationError({"sku": "Give the item an SKU: it is how products are matched."})
        if "," in self.sku:
            raise ValidationError({"sku": "LeafLink allows no comma in an SKU. Use a dash."})
        if self.product_line_id and self.product_line.brand_id != self.brand_id:  # type: ignore[union-attr]
            raise ValidationError(
                {"product_line": "This product line is of another brand. Choose one of this brand."}
            )


class Lot(models.Model):
    """A production batch of one item. Units of a lot on hold or expired are not sellable."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="lots")
    number = models.CharField("lot number", max_length=100)
    produced_on = models.DateField("produced", null=True, blank=True)
    expires_on = models.DateField(
        "expires", null=True, blank=True, help_text="Last day on which it may be sold."
    )
    on_hold = models.BooleanField(default=False)
    hold_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["item", "produced_on", "number"]
        constraints = [models.UniqueConstraint("item", "number", name="lot_once_per_item")]

    def __str__(self) -> str:
        return self.number

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        # Whether it is on hold or past its day decides what can be sold.
        announce_stock_change({self.item_id})

    def clean(self) -> None:
        if self.on_hold and not self.hold_reason.strip():
            raise ValidationError({"hold_reason": "Say why the lot is on hold."})


class Stock(models.Model):
    """Base units of an item that lie at a facility, by lot (no lot: not tracked by lot)."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="stock")
    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="stock")
    lot = models.ForeignKey(
        Lot, on_delete=models.PROTECT, null=True, blank=True, related_name="stock"
    )
    on_hand = models.DecimalField(max_digits=14, decimal_places=4, default=Decimal(0))
    first_received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["item", "facility", "first_received_at"]
        verbose_name_plural = "stock"
        permissions = [
            ("export_stock", "Can export stock"),
            ("import_stock", "Can import stock counts"),
        ]
        constraints = [
            models.UniqueConstraint(
                "item",
                "facility",
                "lot",
                name="stock_once_per_item_facility_lot",
                condition=models.Q(lot__isnull=False),
            ),
            models.UniqueConstraint(
                "item",
                "facility",
                name="stock_once_per_item_facility_without_lot",
                condition=models.Q(lot__isnull=True),
            ),
            models.CheckConstraint(
                condition=models.Q(on_hand__gte=0), name="stock_on_hand_not_negative"
            ),
        ]

    def __str__(self) -> str:
        lot = f", lot {self.lot}" if self.lot_id else ""
        return f"{self.item.sku} at {self.facility}{lot}: {plain(self.on_hand)}"


class Commitment(models.Model):
    """Base units of an item promised to an open order and not yet shipped.

    `reference` says to whom in the words of the app that committed it. Without a facility the
    promise counts against every facility.
    """

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="commitments")
    facility = models.ForeignKey(
        Facility, on_delete=models.PROTECT, null=True, blank=True, related_name="commitments"
    )
    quantity = models.DecimalField(max_digits=14, decimal_places=4)
    reference = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["item", "created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0), name="commitment_quantity_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{plain(self.quantity)} for {self.reference}"


class MovementQuerySet(models.QuerySet["Movement"]):
    """The ledger is append-only: correct a movement with another one."""

    def update(self, **kwargs: Any) -> int:
        raise TypeError("Movements are never changed. Record a correcting movement.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Movements are never deleted. Record a correcting movement.")


class Movement(models.Model):
    """One line of the stock ledger. Summed, the changes give on hand and committed."""

    class Kind(models.TextChoices):
        RECEIVE = "receive", "Received"
        ADJUST = "adjust", "Adjusted"
        COUNT = "count", "Counted"
        COMMIT = "commit", "Committed"
        RELEASE = "release", "Released"
        SHIP = "ship", "Shipped"

    at = models.DateTimeField("when", auto_now_add=True, db_index=True)
    kind = models.CharField(max_length=10, choices=Kind)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="movements")
    facility = models.ForeignKey(
        Facility, on_delete=models.PROTECT, null=True, related_name="movements"
    )
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, related_name="movements")
    on_hand_change = models.DecimalField(max_digits=14, decimal_places=4, default=Decimal(0))
    committed_change = models.DecimalField(max_digits=14, decimal_places=4, default=Decimal(0))
    reason = models.CharField(max_length=300, blank=True)
    reference = models.CharField(max_length=100, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    objects = MovementQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = "stock movement"
        indexes = [models.Index(fields=["item", "-at"], name="movement_item_at")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.item}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Movements are never changed. Record a correcting movement.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("Movements are never deleted. Record a correcting movement.")
