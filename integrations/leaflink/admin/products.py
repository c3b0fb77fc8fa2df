"""Admin pages of products and of their links to items."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from import_export import fields, resources
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from catalog.decimals import units, with_thousands
from catalog.export_admin import PermittedExport
from catalog.read_only_admin import ReadOnlyAdmin
from catalog.return_to import ReturnsToCaller
from integrations.leaflink.link import LinkError, why_not
from integrations.leaflink.models import (
    Listing,
    Product,
)


@admin.register(Product)
class ProductAdmin(ReadOnlyAdmin):
    list_display = [
        "name",
        "sku",
        "linked_item",
        "listing_state",
        "shown_quantity",
        "shown_reserved",
        "shown_available",
        "account",
        "condition",
    ]
    list_filter = [
        ("listing", admin.EmptyFieldListFilter),
        "listing_state",
        ("account", AutocompleteSelectFilter),
    ]
    list_select_related = ["account", "listing__item"]
    search_fields = ["name", "sku", "remote_id"]
    fields = [
        ("name", "sku"),
        ("linked_item", "account"),
        ("listing_state", "unit_of_measure", "unit_multiplier", "wholesale_price"),
        ("shown_quantity", "shown_reserved", "shown_available"),
        ("modified", "read_at"),
        "condition",
    ]
    readonly_fields = [
        "linked_item",
        "shown_quantity",
        "shown_reserved",
        "shown_available",
        "condition",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return super().get_queryset(request).defer("raw")

    @display(description="Our item", ordering="listing__item__name")
    def linked_item(self, product: Product) -> str:
        listing = getattr(product, "listing", None)
        if listing is None:
            return "Not linked"
        url = reverse("admin:catalog_item_change", args=[listing.item_id])
        return format_html('<a href="{}">{}</a>', url, listing.item.name)

    @display(description="Quantity", ordering="quantity")
    def shown_quantity(self, product: Product) -> str:
        return with_thousands(units(product.quantity))

    @display(description="Reserved", ordering="reserved")
    def shown_reserved(self, product: Product) -> str:
        return with_thousands(units(product.reserved))

    @display(description="Available")
    def shown_available(self, product: Product) -> str:
        return with_thousands(units(product.available))

    @display(description="Problem")
    def condition(self, product: Product) -> str:
        return "Gone from LeafLink" if product.gone_at else product.problem or "–"


class ListingForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Listing
        fields = ["item", "product", "mode"]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        item, product = data.get("item"), data.get("product")
        if item and product and (reason := why_not(item, product)):
            raise forms.ValidationError(str(LinkError(reason)))
        return data


class ListingResource(resources.ModelResource):
    """Linked products as managers want them in a file."""

    item_sku = fields.Field("item__sku", "item sku")
    item_name = fields.Field("item__name", "item name")
    brand = fields.Field("item__brand__name", "brand")
    product_id = fields.Field("product__remote_id", "product id")
    product_sku = fields.Field("product__sku", "product sku")
    product_name = fields.Field("product__name", "product name")
    listing_state = fields.Field("product__listing_state", "listing state")
    our_quantity = fields.Field("last_sent", "quantity sent")
    their_quantity = fields.Field("product__quantity", "quantity in LeafLink")
    reserved = fields.Field("product__reserved", "reserved in LeafLink")
    sent = fields.Field("last_sent_at", "sent")
    account = fields.Field("product__account__name", "account")

    class Meta:
        model = Listing
        fields = (
            "item_sku",
            "item_name",
            "brand",
            "product_id",
            "product_sku",
            "product_name",
            "listing_state",
            "our_quantity",
            "their_quantity",
            "reserved",
            "sent",
            "account",
        )


@admin.register(Listing)
class ListingAdmin(ReturnsToCaller, PermittedExport, ModelAdmin):
    resource_classes = [ListingResource]
    form = ListingForm
    list_display = [
        "item",
        "product",
        "account",
        "mode",
        "shown_sent",
        "sent_at",
        "in_leaflink",
        "refusal",
    ]
    list_filter = [
        "mode",
        ("product__account", AutocompleteSelectFilter),
        ("item__brand", AutocompleteSelectFilter),
    ]
    list_filter_submit = True
    list_select_related = ["item__brand", "product__account"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["item__sku", "item__name", "product__sku", "product__name"]
    autocomplete_fields = ["item", "product"]
    readonly_fields = ["shown_sent", "last_sent_at", "in_leaflink", "refusal", "linked_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Listing]:
        query = super().get_queryset(request).select_related("item__brand", "product__account")
        return query.defer("product__raw", "item__description")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        # A link is locked: to change it, unlink and link anew.
        return [*self.readonly_fields, "item", "product"] if obj else self.readonly_fields

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        link: list[Any] = ["item", "product", "mode"]
        if obj is None:
            return link
        return [*link, ("shown_sent", "last_sent_at"), "in_leaflink", "refusal", "linked_at"]

    @display(description="Account", ordering="product__account__name")
    def account(self, listing: Listing) -> str:
        return str(listing.product.account)

    @display(description="Sent", ordering="last_sent")
    def shown_sent(self, listing: Listing) -> str:
        return "Not yet" if listing.last_sent is None else with_thousands(units(listing.last_sent))

    @display(description="When", ordering="last_sent_at")
    def sent_at(self, listing: Listing) -> str:
        return naturaltime(listing.last_sent_at) if listing.last_sent_at else "–"

    @display(description="LeafLink shows")
    def in_leaflink(self, listing: Listing) -> str:
        product = listing.product
        return (
            f"{with_thousands(units(product.available))} available "
            f"({with_thousands(units(product.quantity))} − "
            f"{with_thousands(units(product.reserved))} reserved)"
        )
