"""How an item is offered in LeafLink: whether at all, and in what it differs from the item."""

import uuid
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from catalog.models import Item, Strain
from integrations.leaflink.models.lists import ListEntry
from integrations.leaflink.models.stock_rules import StockRule

List = ListEntry.List


def _entry(kind: str, label: str, help_text: str = "") -> Any:
    return models.ForeignKey(
        ListEntry,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        limit_choices_to={"list": kind},
        verbose_name=label,
        help_text=help_text,
    )


def _amount(label: str, places: int, help_text: str) -> Any:
    return models.DecimalField(
        label,
        max_digits=14,
        decimal_places=places,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=help_text,
    )


class Offer(StockRule):
    """What we want LeafLink to show for an item. A blank field is taken from the item.

    It is there before there is a product, and outlives a link: unlinking and linking anew keeps
    what people typed. What was agreed with LeafLink belongs to the link (`Listing`) instead.
    Wholesale and sale price are per selling unit, as in LeafLink; orders' limits in base units.
    """

    class Mode(models.TextChoices):
        MANAGED = "managed", "Managed: LeafLink always shows what can be sold here"
        INHERITED = "inherited", "Inherited: sent once at first, then kept up in LeafLink"
        UNLIMITED = "unlimited", "Unlimited: buyers can order any quantity, stock is never sent"

    class Pause(models.TextChoices):
        NO = "", "Not paused"
        AS_IS = "as_is", "LeafLink keeps the number it has"
        AT_ZERO = "at_zero", "LeafLink offers none"

    item = models.OneToOneField(Item, on_delete=models.CASCADE, related_name="offer")
    enabled = models.BooleanField(
        "offer in LeafLink",
        default=False,
        help_text="Off: nothing is created or sent. A linked item is always on; unlink it to end.",
    )
    mode = models.CharField("inventory", max_length=10, choices=Mode, default=Mode.MANAGED)
    name = models.CharField(max_length=255, blank=True)
    sku = models.CharField("SKU", max_length=255, blank=True)
    description = models.TextField(blank=True)
    brand = _entry(List.BRAND, "brand")
    product_line = _entry(List.PRODUCT_LINE, "product line")
    category = _entry(List.CATEGORY, "category")
    subcategory = _entry(List.SUBCATEGORY, "subcategory")
    license = _entry(List.LICENSE, "license", "Without one buyers can't see the product.")
    strain = _entry(List.STRAIN, "strain")
    strain_classification = models.CharField(
        max_length=20, choices=Strain.Classification, blank=True
    )
    sell_in_cases = models.BooleanField(
        "sell in multiples", null=True, blank=True, help_text="Whether buyers order whole cases."
    )
    units_per_case = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    wholesale_price = _amount("wholesale price", 2, "Per selling unit: per case if sold by it.")
    sale_price = _amount("sale price", 2, "Per selling unit; 0 for no sale.")
    retail_price = _amount("retail price", 2, "Suggested price per unit in the store.")
    minimum_order = _amount("minimum order", 4, "In units.")
    maximum_order = _amount("maximum order", 4, "In units.")
    show_quantity = models.BooleanField("show quantity to buyers", null=True, blank=True)
    # A person has stopped the quantity from being sent.
    pause = models.CharField(max_length=10, choices=Pause, default=Pause.NO, blank=True)
    pause_reason = models.CharField(max_length=200, blank=True)
    paused_at = models.DateTimeField(null=True, editable=False)
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )
    # Why LeafLink did not take the product, by field; "" for what is about no field.
    refusals = models.JSONField(default=dict, editable=False)
    # Our id of the item in LeafLink (`seller_internal_id`): by it a product that was made of it is
    # known again, whatever was renamed since, and from whichever installation.
    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # A person ended the link: it is not made again by itself.
    unlinked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "LeafLink offer"

    def __str__(self) -> str:
        return f"{self.item} in LeafLink"

    def clean(self) -> None:
        super().clean()
        errors: dict[str, str] = {}
        self.sku = self.sku.strip()
        if "," in self.sku:
            errors["sku"] = "LeafLink allows no comma in an SKU. Use a dash."
        if (
            self.minimum_order is not None
            and self.maximum_order is not None
            and self.minimum_order > self.maximum_order
        ):
            errors["maximum_order"] = "The maximum order must not be below the minimum order."
        errors |= self._wrong_choices()
        if errors:
            raise ValidationError(errors)

    def _wrong_choices(self) -> dict[str, str]:
        """Entries that don't go together, or are of another account's LeafLink."""
        errors: dict[str, str] = {}
        sub, category = self.subcategory, self.category
        if sub and (category is None or sub.parent_remote_id != category.remote_id):
            errors["subcategory"] = (
                f"{sub} does not belong to the category {category}. Choose one of that category."
                if category
                else "Choose the category as well."
            )
        if (
            self.product_line
            and self.brand
            and self.product_line.parent_remote_id not in (None, self.brand.remote_id)
        ):
            errors["product_line"] = f"{self.product_line} is a line of another brand."
        seller = getattr(self.item.brand, "leaflink", None) if self.item_id else None
        for name in ENTRY_FIELDS:
            entry = getattr(self, name)
            if entry and (seller is None or entry.account_id != seller.account_id):
                errors[name] = f"{entry} is of another LeafLink account. Choose it anew."
        return errors


ENTRY_FIELDS = ("brand", "product_line", "category", "subcategory", "license", "strain")
