"""Admin pages of products and of their links to items."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display

from catalog.decimals import units, with_thousands
from catalog.page_context import PageContext
from catalog.read_only_admin import ReadOnlyAdmin
from integrations.leaflink import timeline
from integrations.leaflink.admin import (
    link_files,
    listing_pages,
    quantity_pages,
    workbench,
    workbench_acts,
)
from integrations.leaflink.admin.listing_panel import panel
from integrations.leaflink.brake import waiting_for_yes
from integrations.leaflink.models import Listing, Product
from integrations.leaflink.wanted import offer_of

STANDING_COLORS = {
    Listing.Standing.IN_STEP.value: "success",
    Listing.Standing.DIFFERS.value: "default",
    Listing.Standing.TO_SEND.value: "info",
    Listing.Standing.OUT_OF_STEP.value: "warning",
    Listing.Standing.CONFLICT.value: "danger",
    Listing.Standing.REFUSED.value: "danger",
}
TROUBLE_COLORS = {
    "sound": "success",
    **dict.fromkeys([value for value in Listing.Trouble.values if value], "danger"),
}


def product_link(product: Product) -> str:
    """The product's name, leading to its page in LeafLink."""
    return format_html(
        '<a class="lb-link" href="{}" target="_blank" rel="noopener">{}</a>', product.url, product
    )


class LinkedFilter(admin.SimpleListFilter):
    """Products by whether they are linked."""

    title = "link"
    parameter_name = "linked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Linked"), ("no", "Not linked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        if self.value() in ("yes", "no"):
            return queryset.filter(listing__isnull=self.value() == "no")
        return queryset


@admin.register(Product)
class ProductAdmin(PageContext, ReadOnlyAdmin):
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
    list_filter = [LinkedFilter, "listing_state", ("account", AutocompleteSelectFilter)]
    list_select_related = ["account", "listing__item"]
    search_fields = ["name", "sku", "remote_id"]
    actions_list = ["open_workbench"]
    fields = [
        ("name", "sku"),
        ("linked_item", "account"),
        ("listing_state", "unit_of_measure", "unit_multiplier", "wholesale_price"),
        ("shown_quantity", "shown_reserved", "shown_available"),
        ("modified", "read_at"),
        "in_leaflink",
        "condition",
    ]
    readonly_fields = [
        "linked_item",
        "shown_quantity",
        "shown_reserved",
        "shown_available",
        "in_leaflink",
        "condition",
    ]

    change_form_outer_after_template = "admin/leaflink/product_timeline.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return super().get_queryset(request).defer("raw", "shown")

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        product = self.get_object(request, object_id)
        return {**context, "timeline": timeline.of_product(product)} if product else context

    @action(description="Link products", icon="link", url_path="to-workbench")
    def open_workbench(self, request: HttpRequest) -> HttpResponse:
        return workbench.to_workbench()

    @display(description="Our item", ordering="listing__item__name")
    def linked_item(self, product: Product) -> str:
        listing = getattr(product, "listing", None)
        if listing is None:
            return "Not linked"
        url = reverse("admin:catalog_item_change", args=[listing.item_id])
        return format_html('<a href="{}">{}</a>', url, listing.item.name)

    @display(description="Page in LeafLink")
    def in_leaflink(self, product: Product) -> str:
        return product_link(product)

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


class HealthFilter(admin.SimpleListFilter):
    """Links by whether a person should look at them."""

    title = "health"
    parameter_name = "health"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("look", "Needs a look"), ("refused", "Refused by LeafLink"), ("sound", "Sound")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Listing]) -> QuerySet[Listing]:
        if self.value() == "look":
            return queryset.filter(listing_pages.NEEDS_A_LOOK)
        if self.value() == "refused":
            return queryset.filter(listing_pages.REFUSED)
        if self.value() == "sound":
            return queryset.exclude(Q(listing_pages.NEEDS_A_LOOK))
        return queryset


class PausedFilter(admin.SimpleListFilter):
    """Links by whether their quantity is paused, or waits for a person's yes."""

    title = "quantity"
    parameter_name = "quantity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("paused", "Paused"), ("braked", "Waits for a yes"), ("doubt", "In doubt")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Listing]) -> QuerySet[Listing]:
        if self.value() == "paused":
            return queryset.filter(item__offer__pause__gt="")
        if self.value() == "braked":
            return queryset.filter(pk__in=waiting_for_yes().values("pk"))
        if self.value() == "doubt":
            return queryset.filter(last_sent__isnull=True, last_sent_at__isnull=False)
        return queryset


@admin.register(Listing)
class ListingAdmin(PageContext, link_files.LinkFiles, ModelAdmin):
    """Links are made and ended on the workbench; here they are looked at, and taken along."""

    list_display = [
        "item",
        "in_leaflink",
        "account",
        "mode",
        "shown_standing",
        "shown_trouble",
        "shown_sent",
        "sent_at",
        "leaflink_shows",
        "why",
    ]
    list_filter = [
        HealthFilter,
        PausedFilter,
        "standing",
        "trouble",
        ("item__offer__mode", admin.AllValuesFieldListFilter),
        ("product__account", AutocompleteSelectFilter),
        ("item__brand", AutocompleteSelectFilter),
    ]
    list_filter_submit = True
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["item__sku", "item__name", "product__sku", "product__name"]
    actions = ["send_ours", "keep_theirs", "send_again", "pause_selected", "resume_selected"]
    actions_list = ["open_workbench"]
    change_form_before_template = "admin/leaflink/listing_panel.html"
    change_form_outer_after_template = "admin/leaflink/product_timeline.html"
    fields = [
        ("our_item", "in_leaflink"),
        ("mode", "linked_at"),
        ("shown_sent", "last_sent_at"),
        "leaflink_shows",
    ]
    readonly_fields = [
        "our_item",
        "in_leaflink",
        "mode",
        "shown_sent",
        "last_sent_at",
        "leaflink_shows",
        "linked_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Listing]:
        query = (
            super()
            .get_queryset(request)
            .select_related("item__brand", "item__offer", "product__account")
        )
        return query.defer("product__raw", "product__shown", "item__description")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # the workbench is the place

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # unlinking asks first, and says what it means

    def has_sync_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("leaflink.sync_account"))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("leaflink.change_listing"))

    def get_urls(self) -> list[URLPattern]:
        def closed(view: Any) -> Any:
            return self.admin_site.admin_view(view)

        own = [
            *(
                path(f"workbench/{where}", closed(view), name=f"leaflink_listing_{name}")
                for where, view, name in workbench_acts.PAGES
            ),
            *(
                path(f"<id:listing_id>/{where}/", closed(view), name=f"leaflink_listing_{where}")
                for where, view in listing_pages.PAGES
            ),
            *(
                path(where, closed(view), name=f"leaflink_listing_{name}")
                for where, view, name in quantity_pages.PAGES
            ),
        ]
        urls: list[URLPattern] = super().get_urls()
        return [*own, *urls]

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        listing = self.get_object(request, object_id)
        if listing:
            context["panel"] = panel(request, listing.item)
            context["timeline"] = timeline.of_product(listing.product)
        # Nothing is typed here, so there is nothing to save.
        return {**context, "show_save": False, "show_save_and_continue": False}

    @action(description="Link products", icon="link", url_path="to-workbench")
    def open_workbench(self, request: HttpRequest) -> HttpResponse:
        return workbench.to_workbench()

    @admin.action(description="Send ours where they differ", permissions=["decide"])
    def send_ours(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        listing_pages.decide_many(request, listings, "send")

    @admin.action(description="Keep LeafLink's where they differ", permissions=["decide"])
    def keep_theirs(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        listing_pages.decide_many(request, listings, "keep")

    @admin.action(description="Send the quantity again", permissions=["sync"])
    def send_again(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        quantity_pages.ask_and_tell(request, listings)

    @admin.action(description="Pause the quantity…", permissions=["decide"])
    def pause_selected(
        self, request: HttpRequest, listings: QuerySet[Listing]
    ) -> HttpResponse | None:
        return quantity_pages.pause_many(request, listings)

    @admin.action(description="Resume the quantity", permissions=["decide"])
    def resume_selected(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        items = list(listings.values_list("item", flat=True))
        count = quantity_pages.resume_items(items)
        messages.success(request, f"{count} quantities are sent again.")

    @display(description="Item")
    def our_item(self, listing: Listing) -> str:
        url = reverse("admin:catalog_item_change", args=[listing.item_id])
        return format_html('<a class="lb-link" href="{}">{}</a>', url, listing.item)

    @display(description="LeafLink product", ordering="product__name")
    def in_leaflink(self, listing: Listing) -> str:
        return product_link(listing.product)

    @display(description="Account", ordering="product__account__name")
    def account(self, listing: Listing) -> str:
        return str(listing.product.account)

    @display(description="Inventory", ordering="item__offer__mode")
    def mode(self, listing: Listing) -> str:
        return offer_of(listing.item).get_mode_display().split(":")[0]

    @display(description="Details", ordering="standing", label=STANDING_COLORS)
    def shown_standing(self, listing: Listing) -> tuple[str, str]:
        return listing.standing, listing.get_standing_display()

    @display(description="Link", ordering="trouble", label=TROUBLE_COLORS)
    def shown_trouble(self, listing: Listing) -> tuple[str, str]:
        if not listing.trouble:
            return "sound", "Sound"
        return listing.trouble, listing.get_trouble_display()

    @display(description="Sent", ordering="last_sent")
    def shown_sent(self, listing: Listing) -> str:
        if listing.refusal:
            return f"Refused: {listing.refusal}"
        if offer_of(listing.item).pause:
            return "Paused"
        if listing.braked_at and listing.product.account.is_active:
            return "Waits for a yes"
        return "Not yet" if listing.last_sent is None else with_thousands(units(listing.last_sent))

    @display(description="Why this number")
    def why(self, listing: Listing) -> str:
        url = reverse("admin:leaflink_listing_why", args=[listing.pk])
        text = '<a class="lb-link" href="{}" aria-label="Why this number: {}">Why</a>'
        return format_html(text, url, listing.item.name)

    @display(description="When", ordering="last_sent_at")
    def sent_at(self, listing: Listing) -> str:
        return naturaltime(listing.last_sent_at) if listing.last_sent_at else "–"

    @display(description="LeafLink shows")
    def leaflink_shows(self, listing: Listing) -> str:
        product = listing.product
        return (
            f"{with_thousands(units(product.available))} available "
            f"({with_thousands(units(product.quantity))} − "
            f"{with_thousands(units(product.reserved))} reserved)"
        )
