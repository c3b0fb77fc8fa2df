"""The catalog's pages of items and brands, with what LeafLink adds to them.

The catalog knows nothing of LeafLink, so its pages are extended here, from the outer ring.
"""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from catalog.admin import BrandAdmin, ItemAdmin
from catalog.item_files import ItemResource
from catalog.models import Brand, Item
from catalog.page_context import PageContext
from catalog.return_to import ReturnsToCaller
from integrations.leaflink.admin import item_preview
from integrations.leaflink.admin.listing_pages import NEEDS_A_LOOK
from integrations.leaflink.admin.listing_panel import panel
from integrations.leaflink.admin.offer_tab import OFFER_TAB, PRICES, OfferInline
from integrations.leaflink.admin.products import product_link
from integrations.leaflink.hints import gathered
from integrations.leaflink.models import Listing, Offer
from integrations.leaflink.wanted import leaflink_unit


class OfferedFilter(admin.SimpleListFilter):
    """Items by their link to LeafLink."""

    title = "LeafLink"
    parameter_name = "leaflink"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("linked", "Linked"),
            ("unlinked", "Not linked"),
            ("look", "Out of step"),
            ("wished", "To be created"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Item]) -> QuerySet[Item]:
        if self.value() in ("linked", "unlinked"):
            return queryset.filter(listing__isnull=self.value() == "unlinked")
        if self.value() == "look":
            return queryset.filter(listing__in=Listing.objects.filter(NEEDS_A_LOOK))
        if self.value() == "wished":
            return queryset.filter(listing__isnull=True, offer__enabled=True)
        return queryset


class LinkedItemResource(ItemResource):
    """Items as files, of which a linked one keeps its unit."""

    def load(self, dataset: Any) -> None:
        super().load(dataset)
        rows = Listing.objects.values_list("item", "item__unit_of_measure")
        self.linked_units = dict(rows)

    def validate_instance(
        self, instance: Any, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        errors = dict(import_validation_errors or {})
        before = self.linked_units.get(instance.pk)
        if before and leaflink_unit(instance.unit_of_measure) != leaflink_unit(before):
            errors["unit_of_measure"] = forms.ValidationError(keeps_its_unit(before))
        super().validate_instance(instance, errors, validate_unique)


def as_price(price: Decimal) -> str:
    """A price per base unit as a person writes it: cents, and more places where it has them."""
    text = f"{price:f}".rstrip("0") if "." in f"{price:f}" else f"{price:f}."
    return text + "0" * max(0, 2 - len(text.partition(".")[2]))


def keeps_its_unit(unit: str) -> str:
    """Why a linked item's unit can't be changed, and what to do."""
    return (
        f"This item is linked to a LeafLink product counted in {leaflink_unit(unit).lower()}s. "
        "Unlink it before you change the unit."
    )


admin.site.unregister(Item)
admin.site.unregister(Brand)


@admin.register(Item)
class LeafLinkItemAdmin(PageContext, ReturnsToCaller, ItemAdmin):
    """Items with the LeafLink product of each, and a tab for what LeafLink shows."""

    list_display = [*ItemAdmin.list_display[:3], "leaflink_product", *ItemAdmin.list_display[3:]]
    list_filter = [
        OfferedFilter,
        ("brand__leaflink__account", AutocompleteSelectFilter),
        *ItemAdmin.list_filter,
    ]
    list_select_related = ["brand", "listing__product__account"]
    inlines = [*ItemAdmin.inlines, OfferInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Item]:
        query = super().get_queryset(request)
        page = (request.resolver_match.url_name if request.resolver_match else "") or ""
        if page.endswith("_changelist"):
            return query.defer(
                "description",
                "listing__product__raw",
                "listing__product__shown",
                "listing__agreed",
                "listing__differences",
            )
        return query

    def get_inlines(self, request: HttpRequest, obj: Item | None) -> list[Any]:
        # What LeafLink shows follows from the item, so the item comes first.
        return [one for one in self.inlines if obj is not None or one is not OfferInline]

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        if obj is None:
            return form

        class Guarded(form):  # type: ignore[misc, valid-type]
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                for name in PRICES:
                    if self.initial.get(name) is not None:
                        self.initial[name] = as_price(self.initial[name])

            def clean_unit_of_measure(self) -> str:
                """A linked item keeps its unit: every quantity in LeafLink is counted in it."""
                unit: str = self.cleaned_data["unit_of_measure"]
                before = Item.objects.values_list("unit_of_measure", flat=True).get(pk=obj.pk)
                is_linked = Listing.objects.filter(item=obj.pk).exists()
                if is_linked and leaflink_unit(unit) != leaflink_unit(before):
                    raise forms.ValidationError(keeps_its_unit(before))
                return unit

        for name in PRICES:
            if name in Guarded.base_fields:  # somebody who may only look has none
                Guarded.base_fields[name].show_hidden_initial = True
        return Guarded

    def save_model(self, request: HttpRequest, obj: Item, form: Any, change: bool) -> None:
        """Write what was changed on the page, and that only: a price may have been taken over from
        LeafLink since it was opened."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        changed = [name for name in form.changed_data if name in form.fields]
        obj.save(update_fields=[*changed, "updated_at"])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        changed = form.has_changed() or any(one.has_changed() for one in formsets)
        listing = Listing.objects.filter(item=form.instance).select_related("product__account")
        for one in listing.defer("product__raw") if changed else ():
            account = one.product.account
            if not (account.push_details or account.sync_prices):
                text = f"{account}'s rules send neither details nor prices to LeafLink."
                messages.info(request, f"Saved here. {text}")
        # The item may be what LeafLink objected to.
        Offer.objects.filter(item=form.instance).exclude(refusals={}).update(refusals={})

    def get_import_resource_classes(self, request: HttpRequest) -> list[Any]:
        return [LinkedItemResource]

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        with gathered():
            answer: HttpResponse = super().process_import(request, **kwargs)
        return answer

    def get_urls(self) -> list[URLPattern]:
        preview = path(
            "<id:item_id>/leaflink-preview/",
            self.admin_site.admin_view(require_POST(self.preview)),
            name="catalog_item_leaflink_preview",
        )
        urls: list[URLPattern] = super().get_urls()
        return [preview, *urls]

    def preview(self, request: HttpRequest, item_id: int) -> HttpResponse:
        """What would be sent if the form were saved as it stands; saves nothing."""
        item = get_object_or_404(Item, pk=item_id)
        if not self.has_change_permission(request, item):
            raise PermissionDenied
        form = self.get_form(request, item, change=True)(request.POST, instance=item)
        formsets, _ = self._create_formsets(request, item, change=True)
        shown = item_preview.preview(form, formsets)
        return TemplateResponse(request, "admin/leaflink/item_preview.html", {"preview": shown})

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        item = self.get_object(request, object_id)
        if item and request.method == "GET":
            # Back to this tab, which the browser alone knows of.
            here = f"{request.get_full_path()}#{OFFER_TAB}"
            context["panel"] = {**panel(request, item), "in_form": True, "here": here}
        return context

    @display(description="LeafLink product", ordering="listing__product__name")
    def leaflink_product(self, item: Item) -> str:
        listing = getattr(item, "listing", None)
        return product_link(listing.product) if listing else ""


@admin.register(Brand)
class LeafLinkBrandAdmin(BrandAdmin):
    """Brands with the account that sells each, its LeafLink brand, and how much of it is linked."""

    list_display = ["name", "sold_by", "leaflink_brand", "linked", "unlinked", "is_active"]
    list_filter: list[Any] = [
        *BrandAdmin.list_filter,
        ("leaflink__account", AutocompleteSelectFilter),
    ]
    list_select_related = ["leaflink__account", "leaflink__leaflink_brand"]
    ordering = ["name"]  # said here, or counting the items drops it in pickers

    def get_queryset(self, request: HttpRequest) -> QuerySet[Brand]:
        active = Q(items__is_active=True)
        return (
            super()
            .get_queryset(request)
            .annotate(
                linked=Count("items", filter=Q(items__listing__isnull=False)),
                unlinked=Count("items", filter=active & Q(items__listing__isnull=True)),
            )
        )

    @display(description="LeafLink account", ordering="leaflink__account__name")
    def sold_by(self, brand: Brand) -> str:
        seller = getattr(brand, "leaflink", None)
        return str(seller.account) if seller else ""

    @display(description="LeafLink brand")
    def leaflink_brand(self, brand: Brand) -> str:
        seller = getattr(brand, "leaflink", None)
        if seller is None:
            return ""
        return str(seller.leaflink_brand or "The one of the same name")

    @display(description="Items linked", ordering="linked")
    def linked(self, brand: Brand) -> int:
        return int(brand.linked)  # type: ignore[attr-defined]

    @display(description="Not linked", ordering="unlinked")
    def unlinked(self, brand: Brand) -> int:
        return int(brand.unlinked)  # type: ignore[attr-defined]
