"""Items as files: one row per item, found by its SKU. Prices are per base unit, as in the model."""

# mypy: allow-subclassing-any

from typing import Any

import tablib  # type: ignore[import-untyped]
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from catalog.by_name import ByName, by_name_within
from catalog.file_columns import (
    ChoiceCell,
    Column,
    NotNegativeCell,
    RecordCell,
    TextCell,
    WholeNumberCell,
    YesNoCell,
    folded,
)
from catalog.import_rows import CheckedResource
from catalog.models import Brand, Item, ProductLine, Strain, UnitOfMeasure


class ItemResource(CheckedResource):
    """Items; those that the file does not name stay as they are."""

    sku = Column("sku", TextCell(), key=True, hint="Finds the item; a new SKU adds one.")
    name = Column("name", TextCell())
    brand = Column("brand", RecordCell("find_brand"), hint="The name of a brand that is here.")
    product_line = Column(
        "product_line", RecordCell("find_line"), when_empty=None, hint="One of that brand."
    )
    strain = Column("strain", RecordCell("find_strain"), when_empty=None)
    unit_of_measure = Column(
        "unit_of_measure",
        ChoiceCell(UnitOfMeasure.choices, "unit"),
        hint=", ".join(UnitOfMeasure.labels) + ".",
    )
    case_size = Column(
        "case_size", WholeNumberCell("Case size"), hint="Base units in a case; 1 when sold singly."
    )
    wholesale_price = Column("wholesale_price", NotNegativeCell(), hint="Per base unit.")
    sale_price = Column("sale_price", NotNegativeCell(), when_empty=None, hint="Per base unit.")
    retail_price = Column("retail_price", NotNegativeCell(), hint="Per unit in the store.")
    safety_stock = Column("safety_stock", NotNegativeCell(), hint="Base units kept back.")
    description = Column("description", TextCell(), when_empty="")
    is_sample = Column("is_sample", YesNoCell(), hint="yes or no")
    is_active = Column("is_active", YesNoCell(), hint="yes or no")

    class Meta(CheckedResource.Meta):
        model = Item
        name = "Items"
        fields = (
            "sku",
            "name",
            "brand",
            "product_line",
            "strain",
            "unit_of_measure",
            "case_size",
            "wholesale_price",
            "sale_price",
            "retail_price",
            "safety_stock",
            "description",
            "is_sample",
            "is_active",
        )

    def filter_export(self, queryset: QuerySet[Item], **kwargs: Any) -> QuerySet[Item]:
        return queryset.select_related("brand", "product_line", "strain")

    def load(self, dataset: tablib.Dataset) -> None:
        items = Item.objects.select_related("brand", "product_line", "strain")
        self.items = {item.sku.lower(): item for item in items}
        self.brands = ByName("brand", "Brands", Brand.objects.all(), "name")
        self.strains = ByName("strain", "Strains", Strain.objects.all(), "name")
        self.product_lines = by_name_within(
            "product line", "Product lines", ProductLine.objects.all(), "brand_id", "name"
        )

    def find(self, row: dict[str, Any]) -> tuple[str, Item | None]:
        sku = folded(row["sku"])
        if not sku:
            raise ValidationError({"sku": "Give the SKU: it is how items are matched."})
        return sku, self.items.get(sku)

    def find_brand(self, name: str, item: Item) -> Brand:
        return self.brands.find(name)

    def find_strain(self, name: str, item: Item) -> Strain:
        return self.strains.find(name)

    def find_line(self, name: str, item: Item) -> ProductLine | None:
        if not hasattr(item, "brand"):
            return None  # the brand is missing or unknown, and that is told already
        lines = self.product_lines.get(item.brand_id)
        line = lines.get(name) if lines else None
        if line is None:
            raise ValueError(
                f"“{item.brand}” has no product line “{name}”. Add it under Product lines first."
            )
        return line
