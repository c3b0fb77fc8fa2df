"""Admin pages of sales orders: looked at, and worked by buttons, never typed over."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from catalog.pasted_numbers import FindsPastedNumbers
from catalog.read_only_admin import ReadOnlyAdmin
from customers.models import license_sought
from customers.own import OwnRows
from orders.admin.bulk import BULK, BulkVerbs
from orders.admin.inlines import DiscountInline, LineInline, StatusChangeInline
from orders.models import SalesOrder
from orders.status import STATES
from orders.terms import LABELS


@admin.register(SalesOrder)
class SalesOrderAdmin(OwnRows, BulkVerbs, FindsPastedNumbers, ReadOnlyAdmin):
    list_display = [
        "number",
        "shown_status",
        "destination",
        "channel_number",
        "facility",
        "sales_rep",
        "placed_at",
        "shown_total",
    ]
    list_filter = [
        "status",
        ("facility", AutocompleteSelectFilter),
        ("sales_rep", AutocompleteSelectFilter),
        ("brand", AutocompleteSelectFilter),
        ("placed_at", RangeDateTimeFilter),
    ]
    list_filter_submit = True
    list_select_related = ["destination", "facility", "sales_rep"]
    search_fields = ["number", "channel_number", "destination__name", "destination__license_key"]
    actions = BULK
    inlines = [LineInline, DiscountInline, StatusChangeInline]
    change_form_outer_before_template = "admin/orders/order_top.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("status", "shown_total"),
                    ("destination", "ship_to"),
                    ("facility", "sales_rep", "brand"),
                    ("placed_at", "delivery_date"),
                    "shipping_details",
                    ("payment_term", "payment_due_on"),
                ]
            },
        ),
        (
            "Money",
            {
                "fields": [
                    ("lines_total", "shown_shipping"),
                    ("tax_rate", "shown_tax"),
                    "shown_total_again",
                ]
            },
        ),
        ("Notes", {"fields": ["notes_for_buyer", "internal_notes", "classification"]}),
        ("Where it came from", {"fields": [("channel", "channel_number"), "created_at"]}),
    ]
    readonly_fields = [
        "shown_total",
        "lines_total",
        "shown_shipping",
        "shown_tax",
        "shown_total_again",
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the terms where the page has them in a form."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or not self.shows_terms_form(request, obj):
            return fieldsets
        (title, options), *rest = fieldsets
        rows = [row for row in options["fields"] if not set(LABELS) & {*_names(row)}]
        return [(title, {**options, "fields": [*rows, "placed_at"]}), *rest]

    @display(
        description="Status",
        ordering="status",
        label={status.value: state.color for status, state in STATES.items()},
    )
    def shown_status(self, order: SalesOrder) -> tuple[str, str]:
        return order.status, order.get_status_display()

    @display(description="Total", ordering="total")
    def shown_total(self, order: SalesOrder) -> str:
        return f"${order.total:,.2f}"

    @display(description="Total")
    def shown_total_again(self, order: SalesOrder) -> str:
        return self.shown_total(order)

    @display(description="Shipping charge")
    def shown_shipping(self, order: SalesOrder) -> str:
        return f"${order.shipping:,.2f}"

    @display(description="Tax")
    def shown_tax(self, order: SalesOrder) -> str:
        return f"${order.tax:,.2f}"

    @display(description="Lines")
    def lines_total(self, order: SalesOrder) -> str:
        return f"${sum(line.total for line in order.lines.all()):,.2f}"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        key = license_sought(search_term)
        if key:
            return found | queryset.filter(destination__license_key=key), True
        return found, may_repeat


def _names(row: str | tuple[str, ...]) -> tuple[str, ...]:
    """The fields of a row of a fieldset."""
    return (row,) if isinstance(row, str) else row
