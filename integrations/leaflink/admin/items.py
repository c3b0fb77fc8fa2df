"""The catalog's pages of items and brands, with what LeafLink adds to them.

The catalog knows nothing of LeafLink, so its pages are extended here, from the outer ring.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.admin import StackedInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from catalog.admin import BrandAdmin, ItemAdmin
from catalog.item_files import ItemResource
from catalog.models import Brand, Item
from catalog.return_to import ReturnsToCaller
from integrations.leaflink.admin import item_preview
from integrations.leaflink.admin.listing_pages import NEEDS_A_LOOK
from integrations.leaflink.admin.listing_panel import panel
from integrations.leaflink.admin.lists import offer_own_entries
from integrations.leaflink.admin.products import product_link
from integrations.leaflink.hints import gathered
from integrations.leaflink.models import Listing, Offer
from integrations.leaflink.models.offers import ENTRY_FIELDS
from integrations.leaflink.wanted import (
    Lists,
    case_size,
    from_item,
    in_words,
    leaflink_unit,
    wanted_prices,
)

# What it means to say neither yes nor no.
UNSAID = {
    "show_quantity": "As LeafLink has it",
    "sell_in_cases": "If a case holds more than one unit",
}
# What both sides may change.
PRICES = ("wholesale_price", "sale_price", "retail_price")
# What Unfold calls the tab in the page's address.
OFFER_TAB = "offer"
# Where the form's field has another name than LeafLink's.
LEAFLINK_NAMES = {
    "subcategory": "sub_category",
    "strain": "strains",
    "units_per_case": "unit_multiplier",
}


class OfferForm(forms.ModelForm):  # type: ignore[type-arg]
    """The offer, each blank field saying what it is then."""

    class Meta:
        model = Offer
        fields = (
            "enabled",
            "mode",
            "name",
            "sku",
            "description",
            *ENTRY_FIELDS,
            "strain_classification",
            "show_quantity",
            "sell_in_cases",
            "units_per_case",
            "wholesale_price",
            "sale_price",
            "retail_price",
            "minimum_order",
            "maximum_order",
        )

    def __init__(self, *args: Any, item: Item, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer: Offer = self.instance
        if not item.pk or getattr(item.brand, "leaflink", None) is None:
            return
        lists = Lists.of(item.brand.leaflink.account)
        values = {
            **from_item(item, lists),
            **wanted_prices(item, Offer(item=item), case_size(item, offer)),
        }
        listing = Listing.objects.filter(item=item).select_related("product").first()
        refusals = {**offer.refusals, **(listing.refusals if listing else {})}
        for name, field in self.fields.items():
            leaflink_name = LEAFLINK_NAMES.get(name, name)
            if leaflink_name in values and name != "enabled":
                blank = in_words(leaflink_name, values[leaflink_name], lists)
                short = blank if len(blank) < 60 else blank[:57] + "…"
                # Help texts are shown as HTML, and these words are anybody's.
                field.help_text = format_html("{} Empty: {}", field.help_text, short)
            elif listing and listing.product.shown.get(leaflink_name) not in (None, "", []):
                theirs = in_words(leaflink_name, listing.product.shown[leaflink_name], lists)
                field.help_text = format_html(
                    "{} Empty: as LeafLink has it, {}", field.help_text, theirs
                )
            if refusal := refusals.get(leaflink_name):
                text = "LeafLink refused: {} {}"
                field.help_text = format_html(text, refusal, field.help_text)
            if name in PRICES:
                field.show_hidden_initial = True
        for name, unsaid in UNSAID.items():
            self.fields[name].widget.choices = [
                ("unknown", unsaid),
                ("true", "Yes"),
                ("false", "No"),
            ]
        if listing:
            self.fields["enabled"].disabled = True
            self.fields["enabled"].initial = True
            self.fields["enabled"].help_text = "It is linked. Unlink it to end that."

    def save(self, commit: bool = True) -> Any:
        """Write what was changed on the page, and that only: prices may have been taken over from
        LeafLink, and work been done, since it was opened."""
        # What LeafLink refused may be right now; it is tried anew.
        self.instance.refusals = {}
        if not (commit and self.instance.pk):
            return super().save(commit)
        changed = [name for name in self.changed_data if name in self.Meta.fields]
        self.instance.save(update_fields=[*changed, "refusals"])
        return self.instance


class OfferFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """The one offer of an item."""

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "item": self.instance}


class OfferInline(StackedInline):
    model = Offer
    form = OfferForm
    tab = True
    hide_title = True
    can_delete = False
    max_num = extra = 1
    formset = OfferFormSet
    verbose_name = verbose_name_plural = "LeafLink"
    autocomplete_fields = list(ENTRY_FIELDS)
    template_before = "admin/leaflink/listing_panel.html"
    readonly_fields = ["unit_type"]
    fieldsets = [
        ("In LeafLink", {"fields": ["enabled", "mode"]}),
        (
            "What buyers read",
            {
                "fields": [
                    ("name", "sku"),
                    "description",
                    ("brand", "product_line"),
                    ("category", "subcategory"),
                    ("strain", "strain_classification"),
                    ("license", "show_quantity"),
                ]
            },
        ),
        (
            "How it is sold",
            {
                "fields": [
                    ("unit_type", "sell_in_cases", "units_per_case"),
                    ("wholesale_price", "sale_price", "retail_price"),
                    ("minimum_order", "maximum_order"),
                ]
            },
        ),
    ]

    @display(description="Unit")
    def unit_type(self, offer: Offer) -> str:
        """LeafLink's unit, which follows the item's."""
        ours = offer.item.get_unit_of_measure_display()
        there = leaflink_unit(offer.item.unit_of_measure)
        same = f"{there}, as the item's"
        return same if there == ours else f"{there}: LeafLink doesn't know {ours.lower()}s"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        seller = getattr(obj.brand, "leaflink", None) if obj else None
        if seller:
            for name in ENTRY_FIELDS:
                field = formset.form.base_fields.get(name)
                if field:  # somebody who may only look has none
                    offer_own_entries(field, Offer, name, self.admin_site, seller.account_id)
        return formset


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


def keeps_its_unit(unit: str) -> str:
    """Why a linked item's unit can't be changed, and what to do."""
    return (
        f"This item is linked to a LeafLink product counted in {leaflink_unit(unit).lower()}s. "
        "Unlink it before you change the unit."
    )


admin.site.unregister(Item)
admin.site.unregister(Brand)


@admin.register(Item)
class LeafLinkItemAdmin(ReturnsToCaller, ItemAdmin):
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
            "<int:item_id>/leaflink-preview/",
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

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = dict(extra_context or {})
        item = self.get_object(request, object_id)
        if item and request.method == "GET":
            # Back to this tab, which the browser alone knows of.
            here = f"{request.get_full_path()}#{OFFER_TAB}"
            context["panel"] = {**panel(request, item), "in_form": True, "here": here}
        return super().change_view(request, object_id, form_url, context)

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
