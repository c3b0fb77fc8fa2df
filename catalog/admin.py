"""Admin pages of the catalog."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms.models import construct_instance
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin, StackedInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from catalog import inventory
from catalog.decimals import units, with_thousands
from catalog.import_admin import PermittedImport
from catalog.item_files import ItemResource
from catalog.models import Brand, Facility, Item, Lot, Movement, ProductLine, Stock, Strain
from catalog.read_only_admin import ReadOnlyAdmin, ReadOnlyInline
from catalog.return_to import where_from
from catalog.stock_files import StockCountResource


@admin.register(Facility)
class FacilityAdmin(ModelAdmin):
    list_display = ["name", "license_number", "city", "state", "sells", "is_active"]
    list_filter = ["sells", "is_active", "state"]
    search_fields = ["name", "license_number", "city"]


class ProductLineInline(StackedInline):
    model = ProductLine
    extra = 0


@admin.register(Brand)
class BrandAdmin(ModelAdmin):
    list_display = ["name", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    inlines = [ProductLineInline]


@admin.register(ProductLine)
class ProductLineAdmin(ModelAdmin):
    list_display = ["name", "brand"]
    list_select_related = ["brand"]
    search_fields = ["name", "brand__name"]
    autocomplete_fields = ["brand"]


@admin.register(Strain)
class StrainAdmin(ModelAdmin):
    list_display = ["name", "classification"]
    list_filter = ["classification"]
    search_fields = ["name"]


class StockInline(ReadOnlyInline):
    model = Stock
    fields = ["facility", "lot", "shown_on_hand"]
    readonly_fields = ["shown_on_hand"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stock]:
        return super().get_queryset(request).select_related("facility", "lot")

    @display(description="On hand")
    def shown_on_hand(self, stock: Stock) -> str:
        return with_thousands(units(stock.on_hand))


class PromisedFilter(admin.SimpleListFilter):
    """Items of which more is promised to open orders than there is."""

    title = "promised"
    parameter_name = "promised"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("short", "More than there is")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Item]) -> QuerySet[Item]:
        return queryset.filter(pk__in=inventory.short_items()) if self.value() else queryset


@admin.register(Item)
class ItemAdmin(PermittedImport, ModelAdmin):
    resource_classes = [ItemResource]
    list_display = ["name", "sku", "brand", "sold_by", "wholesale", "sellable", "is_active"]
    list_filter = [
        ("brand", AutocompleteSelectFilter),
        "unit_of_measure",
        "is_sample",
        "is_active",
        PromisedFilter,
    ]
    list_filter_submit = True
    list_select_related = ["brand"]
    list_per_page = 50
    search_fields = ["sku", "name", "brand__name"]
    autocomplete_fields = ["brand", "product_line", "strain"]
    readonly_fields = ["quantities", "created_at", "updated_at"]
    inlines = [StockInline]
    fieldsets = [
        (None, {"fields": ["name", "sku", "brand", "product_line", "strain", "description"]}),
        (
            "How it is sold",
            {
                "fields": [
                    ("unit_of_measure", "case_size"),
                    ("wholesale_price", "sale_price", "retail_price"),
                    ("is_sample", "is_active"),
                ]
            },
        ),
        ("What can be sold", {"fields": ["quantities", "safety_stock"]}),
        ("Record", {"classes": ["collapse"], "fields": [("created_at", "updated_at")]}),
    ]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        # One computation for the whole page, not one per row.
        shown = list(changelist.result_list)
        changelist.result_list = shown
        levels = inventory.levels([item.pk for item in shown])
        for item in shown:
            item.level = levels[item.pk]
        return changelist

    @display(description="Sold by")
    def sold_by(self, item: Item) -> str:
        unit = item.get_unit_of_measure_display().lower()
        return f"case of {item.case_size}" if item.case_size > 1 else unit

    @display(description="Wholesale per unit", ordering="wholesale_price")
    def wholesale(self, item: Item) -> str:
        return f"${item.wholesale_price:,.2f}"

    @display(description="Sellable")
    def sellable(self, item: Item) -> str:
        return with_thousands(item.level.sellable)  # type: ignore[attr-defined]

    @display(description="Now")
    def quantities(self, item: Item) -> str:
        if not item.pk:
            return "Save the item, then receive stock."
        level = inventory.levels([item.pk])[item.pk]
        return (
            f"{with_thousands(level.on_hand)} on hand − {with_thousands(level.committed)} committed"
            f" − {with_thousands(level.safety_stock)} safety stock"
            f" = {with_thousands(level.sellable)} sellable"
            + (f", {with_thousands(-level.free)} short" if level.free < 0 else "")
        )


@admin.register(Lot)
class LotAdmin(ModelAdmin):
    list_display = ["number", "item", "produced_on", "expires_on", "on_hold", "hold_reason"]
    list_filter = ["on_hold", "expires_on"]
    list_select_related = ["item"]
    search_fields = ["number", "item__sku", "item__name"]
    autocomplete_fields = ["item"]


class StockMoveForm(forms.ModelForm):  # type: ignore[type-arg]
    """Receive, adjust or count: the three ways in which a person changes stock."""

    verb = forms.ChoiceField(
        label="What happened",
        choices=[
            ("receive", "Stock arrived: add this quantity"),
            ("adjust", "Found, lost or broken: add the difference (− takes away)"),
            ("count", "Counted: this is what lies there now"),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    quantity = forms.DecimalField(
        max_digits=14,
        decimal_places=4,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="In base units, not cases.",
    )
    reason = forms.CharField(
        max_length=300,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Needed for an adjustment.",
    )

    class Meta:
        model = Stock
        fields = ["item", "facility", "lot"]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        lot, item = data.get("lot"), data.get("item")
        if lot and item and lot.item_id != item.pk:
            self.add_error("lot", f"This lot is of another item. Choose a lot of {item.name}.")
        quantity = data.get("quantity")
        if quantity is not None:
            if data.get("verb") == "receive" and quantity <= 0:
                self.add_error("quantity", "Give how many arrived: above zero.")
            if data.get("verb") == "count" and quantity < 0:
                self.add_error("quantity", "A count can't be below zero.")
            if data.get("verb") == "adjust" and not data.get("reason", "").strip():
                self.add_error("reason", "Say why the stock is adjusted.")
        return data

    def _post_clean(self) -> None:
        """The row may exist already, which is no error here: `inventory` finds or makes it."""
        if not self.errors:
            construct_instance(self, self.instance)


@admin.register(Stock)
class StockAdmin(PermittedImport, ReadOnlyAdmin):
    """Stock is looked at here, and changed only by receiving, adjusting or counting."""

    resource_classes = [StockCountResource]
    import_needs = ("add",)
    skip_admin_log = True  # the ledger has it, with who, when and why
    list_display = ["item", "sku", "facility", "lot", "shown_on_hand", "usable"]
    list_display_links = None
    list_filter = [
        ("facility", AutocompleteSelectFilter),
        ("item__brand", AutocompleteSelectFilter),
    ]
    list_filter_submit = True
    list_select_related = ["item", "facility", "lot"]
    search_fields = ["item__sku", "item__name", "lot__number"]
    autocomplete_fields = ["item", "facility", "lot"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("catalog.add_stock"))

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        return super().get_form(request, obj, **kwargs, form=StockMoveForm)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        # Nobody who counts a shelf means to delete the item.
        field.widget.can_delete_related = field.widget.can_change_related = False
        return field

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["verb", "item", "facility", "lot", "quantity", "reason"]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {
            "title": "Receive, adjust or count stock",
            "show_save_and_continue": False,
            **(extra_context or {}),
        }
        try:
            return super().add_view(request, form_url, context)
        except inventory.InventoryError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Stock, form: Any, change: bool) -> None:
        data = form.cleaned_data
        verbs: dict[str, Callable[..., Stock]] = {
            "receive": inventory.receive,
            "adjust": inventory.adjust,
            "count": inventory.count,
        }
        saved = verbs[data["verb"]](
            data["item"],
            data["facility"],
            data["quantity"],
            data["lot"],
            reason=data["reason"],
            by=request.user,
        )
        obj.pk, obj.on_hand = saved.pk, saved.on_hand

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The ledger has it, with who, when and why."""

    def response_add(
        self, request: HttpRequest, obj: Stock, post_url_continue: Any = None
    ) -> HttpResponse:
        lot = f"lot {obj.lot}" if obj.lot else "without a lot"
        on_hand = with_thousands(units(obj.on_hand))
        messages.success(request, f"{obj.item} at {obj.facility}, {lot}: {on_hand} on hand now.")
        level = inventory.levels([obj.item_id])[obj.item_id]
        if level.free < 0:
            messages.warning(
                request,
                f"{with_thousands(level.committed)} of {obj.item} are promised to open orders, "
                f"{with_thousands(-level.free)} more than there are.",
            )
        again = "_addanother" in request.POST
        if where_from(request) and not again:
            return HttpResponseRedirect(where_from(request))
        page = "admin:catalog_stock_add" if again else "admin:catalog_stock_changelist"
        return HttpResponseRedirect(reverse(page))

    @display(description="SKU", ordering="item__sku")
    def sku(self, stock: Stock) -> str:
        return stock.item.sku

    @display(description="On hand", ordering="on_hand")
    def shown_on_hand(self, stock: Stock) -> str:
        return with_thousands(units(stock.on_hand))

    @display(description="Can be sold", label={"Yes": "success", "No": "warning"})
    def usable(self, stock: Stock) -> tuple[str, str]:
        lot = stock.lot
        if not (stock.facility.sells and stock.facility.is_active):
            return "No", "No: facility does not sell"
        if lot and lot.on_hold:
            return "No", f"No: lot on hold ({lot.hold_reason})"
        if lot and lot.expires_on and lot.expires_on < inventory.today():
            return "No", "No: expired"
        return "Yes", "Yes"


@admin.register(Movement)
class MovementAdmin(ReadOnlyAdmin):
    list_display = [
        "at",
        "kind",
        "item",
        "facility",
        "lot",
        "on_hand",
        "committed",
        "reference",
        "reason",
        "by",
    ]
    list_display_links = None
    list_filter = ["kind", ("facility", AutocompleteSelectFilter), ("at", RangeDateTimeFilter)]
    list_filter_submit = True
    list_select_related = ["item", "facility", "lot", "by"]
    search_fields = ["item__sku", "item__name", "reference", "reason"]

    @display(description="On hand")
    def on_hand(self, movement: Movement) -> str:
        return _signed(movement.on_hand_change)

    @display(description="Committed")
    def committed(self, movement: Movement) -> str:
        return _signed(movement.committed_change)


def _signed(change: Any) -> str:
    value = units(change)
    if not value:
        return ""
    return ("+" if value > 0 else "−") + with_thousands(abs(value))
