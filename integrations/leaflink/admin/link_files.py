"""Links as a file: out for managers, in as pairs of item SKU and LeafLink product number.

Importing only makes links. A pair that is linked already is skipped; one whose item or product has
another partner is an error that says so, since changing a link means unlinking it first.
"""

# mypy: allow-subclassing-any

from typing import Any

import tablib  # type: ignore[import-untyped]
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from catalog.file_columns import Column, NumberCell, TextCell, as_text, exported, folded
from catalog.import_admin import PermittedImport
from catalog.import_rows import CheckedResource, cells
from catalog.models import Item
from integrations.leaflink import link as links
from integrations.leaflink.mapping.product_fields import LABELS
from integrations.leaflink.models import Listing, Product
from integrations.leaflink.wanted import offer_of, wanted_prices


class LinkResource(CheckedResource):
    """Linked products: which item is which LeafLink product, and where both stand."""

    item_sku = Column(
        "item__sku", TextCell(), column_name="item sku", key=True, sets=False, hint="Of ours."
    )
    item_name = exported("item__name", "item name")
    brand = exported("item__brand__name", "brand")
    product_id = Column(
        "product__remote_id",
        TextCell(),
        column_name="product id",
        key=True,
        sets=False,
        hint="LeafLink's number of the product: the one in the address of its page.",
    )
    product_sku = exported("product__sku", "product sku")
    product_name = exported("product__name", "product name")
    listing_state = exported("product__listing_state", "listing state")
    item_price = exported("item__wholesale_price", "item price per unit", NumberCell())
    our_price = exported("pk", "our price in LeafLink")
    case_size = exported("product__unit_multiplier", "units per case in LeafLink", NumberCell())
    their_price = exported("product__wholesale_price", "price in LeafLink", NumberCell())
    our_quantity = exported("last_sent", "quantity sent", NumberCell())
    their_quantity = exported("product__quantity", "quantity in LeafLink", NumberCell())
    reserved = exported("product__reserved", "reserved in LeafLink", NumberCell())
    standing = exported("get_standing_display", "details")
    differs = exported("differences", "differs in")
    sent = exported("last_sent_at", "last synced")
    account = exported("product__account__name", "account")

    class Meta(CheckedResource.Meta):
        model = Listing
        name = "Linked products"
        fields = (
            "item_sku",
            "item_name",
            "brand",
            "product_id",
            "product_sku",
            "product_name",
            "listing_state",
            "item_price",
            "our_price",
            "case_size",
            "their_price",
            "our_quantity",
            "their_quantity",
            "reserved",
            "standing",
            "differs",
            "sent",
            "account",
        )

    def filter_export(self, queryset: QuerySet[Listing], **kwargs: Any) -> QuerySet[Listing]:
        return queryset.select_related("item__brand", "item__offer", "product__account").defer(
            "product__raw", "product__shown", "item__description"
        )

    def dehydrate_our_price(self, listing: Listing) -> str:
        """Per selling unit of LeafLink's, as it is or would be sent."""
        item, size = listing.item, listing.product.unit_multiplier
        return str(wanted_prices(item, offer_of(item), size)["wholesale_price"])

    def dehydrate_differs(self, listing: Listing) -> str:
        return ", ".join(LABELS[row["field"]].lower() for row in listing.differences)

    def dehydrate_sent(self, listing: Listing) -> str:
        return f"{listing.last_sent_at:%Y-%m-%d %H:%M} UTC" if listing.last_sent_at else ""

    def load(self, dataset: tablib.Dataset) -> None:
        skus = {folded(cell) for cell in cells(dataset, "item sku")}
        items = Item.objects.select_related("brand__leaflink__account").defer("description")
        self.items = {item.sku.lower(): item for item in items if item.sku.lower() in skus}
        numbers = {as_text(cell) for cell in cells(dataset, "product id")}
        products: dict[str, list[Product]] = {}
        for product in Product.objects.select_related("account").defer("raw", "shown"):
            if str(product.remote_id) in numbers:
                products.setdefault(str(product.remote_id), []).append(product)
        self.products = products
        listings = Listing.objects.select_related("item", "product").defer("product__raw")
        self.by_item = {one.item_id: one for one in listings}
        self.by_product = {one.product_id: one for one in self.by_item.values()}
        self.used: dict[Any, int] = {}

    def find(self, row: dict[str, Any]) -> tuple[Any, Listing]:
        sku, number = as_text(row["item sku"]), as_text(row["product id"])
        item = self.items.get(sku.lower())
        problems: dict[str, str] = {}
        if item is None:
            problems["item__sku"] = (
                f"There is no item with the SKU “{sku}”." if sku else "Give the item's SKU."
            )
        product, problem = self._product(number, item)
        if problem:
            problems["product__remote_id"] = problem
        if item is None or product is None:
            raise ValidationError(problems)
        known = self.by_item.get(item.pk)
        if known and known.product_id == product.pk:
            return (item.pk, product.pk), known
        if reason := self._why_not(item, product):
            raise ValidationError({"product__remote_id": reason})
        return (item.pk, product.pk), Listing(item=item, product=product)

    def _product(self, number: str, item: Item | None) -> tuple[Product | None, str]:
        if not number:
            return None, "Give LeafLink's number of the product."
        found = self.products.get(number, [])
        seller = getattr(item.brand, "leaflink", None) if item else None
        # The same number may be another product in another account's environment.
        mine = [one for one in found if seller and one.account_id == seller.account_id] or found
        if not mine:
            return None, f"LeafLink product {number} is not known here. Sync the products first."
        return mine[0], ""

    def _why_not(self, item: Item, product: Product) -> str:
        if known := self.by_item.get(item.pk):
            return f"{item.sku} is linked to {known.product} already. Unlink it first."
        if known := self.by_product.get(product.pk):
            return f"{product} is linked to {known.item.sku} already. Unlink it first."
        for key, what in ((("item", item.pk), item.sku), (("product", product.pk), str(product))):
            if key in self.used:
                return f"{what} is linked by an earlier row of this file."
            self.used[key] = 1
        return links.why_not(item, product)

    def validate_instance(self, *args: Any, **kwargs: Any) -> None:
        """`find` has said all there is to say; the rest of a link is never typed."""
        errors = kwargs.get("import_validation_errors") or (args[1] if len(args) > 1 else None)
        if errors:
            raise ValidationError(errors)

    def skip_row(
        self, instance: Listing, original: Listing, row: Any, import_validation_errors: Any = None
    ) -> bool:
        return instance.pk is not None and not import_validation_errors

    def save_instance(self, instance: Any, is_create: bool, row: Any, **kwargs: Any) -> None:
        """Link the pair; what was linked since the file was read is told."""
        try:
            instance.pk = links.link(instance.item, instance.product).pk
        except links.LinkError as error:
            raise ValidationError(str(error)) from error


class LinkFiles(PermittedImport):
    """Export and import of links, each by its own permission; importing links, so it needs that."""

    resource_classes = [LinkResource]
    import_needs = ("add",)
