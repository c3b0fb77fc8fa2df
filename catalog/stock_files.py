"""Stock as a file: out as it is, in as counts. All quantities are base units, never cases.

The exported file is a count sheet: fill in its empty column `counted` and import it.
"""

# mypy: allow-subclassing-any

from typing import Any

import tablib  # type: ignore[import-untyped]
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from catalog import inventory
from catalog.by_name import ByName, by_name_within
from catalog.file_columns import Column, NotNegativeCell, TextCell, as_text, folded
from catalog.import_rows import CheckedResource, FileResult, cells
from catalog.models import Facility, Item, Lot, Movement, Stock
from catalog.signals import announced_once


class StockCountResource(CheckedResource):
    """What was counted, each row one item at one facility, in one lot or without."""

    sku = Column("item__sku", TextCell(), column_name="sku", key=True, sets=False)
    item_name = Column("item__name", TextCell(), column_name="item_name", readonly=True)
    facility = Column(
        "facility__name",
        TextCell(),
        column_name="facility",
        key=True,
        sets=False,
        hint="Its name or its license number.",
    )
    lot = Column(
        "lot__number", TextCell(), column_name="lot", sets=False, hint="Empty: without a lot."
    )
    on_hand = Column("on_hand", NotNegativeCell(), readonly=True)
    counted = Column(
        "on_hand",
        NotNegativeCell(),
        column_name="counted",
        needed=True,
        hint="Base units that lie there, not cases. Empty: not counted, so it stays as it is.",
    )
    reason = Column("reason", TextCell(), when_empty="", hint="Goes into the ledger.")

    class Meta(CheckedResource.Meta):
        model = Stock
        name = "Stock counts"
        fields = ("sku", "item_name", "facility", "lot", "on_hand", "counted", "reason")

    # Out.

    def filter_export(self, queryset: QuerySet[Stock], **kwargs: Any) -> QuerySet[Stock]:
        return queryset.select_related("item", "facility", "lot")

    def dehydrate_counted(self, stock: Stock) -> str:
        return ""

    # In.

    def import_data(
        self, dataset: tablib.Dataset, dry_run: bool = False, **kwargs: Any
    ) -> FileResult:
        self.dry_run = dry_run
        with announced_once() as announcement:
            result = super().import_data(dataset, dry_run, **kwargs)
            if dry_run or result.failed():
                announcement.clear()
        return result

    def load(self, dataset: tablib.Dataset) -> None:
        self.items = {item.sku.lower(): item for item in Item.objects.all()}
        if not self.dry_run:
            # Each count locks its item. All are locked at once and in order here, or two who
            # count at the same time could wait for each other in a circle.
            named = {folded(cell) for cell in cells(dataset, "sku")}
            inventory.lock_items(item.pk for sku, item in self.items.items() if sku in named)
        self.facilities = ByName(
            "facility", "Facilities", Facility.objects.all(), "name", "license_number"
        )
        self.lots = by_name_within("lot", "Lots", Lot.objects.all(), "item_id", "number")
        stock = Stock.objects.select_related("item", "facility", "lot")
        self.stock = {(row.item_id, row.facility_id, row.lot_id): row for row in stock}

    def find(self, row: dict[str, Any]) -> tuple[Any, Stock]:
        problems: dict[str, str] = {}
        item = self.items.get(folded(row["sku"]))
        if item is None:
            sku = as_text(row["sku"])
            problems["sku"] = (
                f"There is no item with the SKU “{sku}”. Add it under Items first."
                if sku
                else "Give the SKU of what was counted."
            )
        name, facility = as_text(row["facility"]), None
        try:
            facility = self.facilities.find(name)
        except ValueError as error:
            problems["facility"] = str(error) if name else "Give the facility that was counted."
        number, lot = as_text(row.get("lot")), None
        if number and item is not None:
            lots = self.lots.get(item.pk)
            lot = lots.get(number) if lots else None
            if lot is None:
                problems["lot"] = (
                    f"Lot “{number}” of {item.sku} is not known. Add it under Lots first."
                )
        if item is None or facility is None or problems:
            raise ValidationError(problems)
        place = (item.pk, facility.pk, lot.pk if lot else None)
        return place, self.stock.get(place) or Stock(item=item, facility=facility, lot=lot)

    def skip_row(
        self, instance: Stock, original: Stock, row: Any, import_validation_errors: Any = None
    ) -> bool:
        """A count that agrees is no event, whatever its reason says."""
        return instance.on_hand == original.on_hand and not import_validation_errors

    def validate_instance(
        self, instance: Any, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        errors = dict(import_validation_errors or {})
        most = Movement._meta.get_field("reason").max_length
        if len(getattr(instance, "reason", "")) > (most or 0):
            errors["reason"] = ValidationError(f"Too long: {most} characters are the most.")
        super().validate_instance(instance, errors, validate_unique)

    def save_instance(self, instance: Any, is_create: bool, row: Any, **kwargs: Any) -> None:
        """Count, which writes the ledger."""
        if kwargs["dry_run"]:
            return
        try:
            saved = inventory.count(
                instance.item,
                instance.facility,
                instance.on_hand,
                instance.lot,
                reason=getattr(instance, "reason", ""),
                by=kwargs.get("user"),
            )
        except inventory.InventoryError as error:
            raise ValidationError(str(error)) from error
        instance.pk = saved.pk
