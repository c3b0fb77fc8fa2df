"""Admin pages of LeafLink orders: every one of them, with the reasons that hold it."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Func, Q, QuerySet, Value
from django.db.models.functions import Replace, Upper
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    RangeDateTimeFilter,
    RangeNumericFilter,
)
from unfold.decorators import display

from catalog.decimals import in_cases
from catalog.page_context import PageContext
from catalog.pasted_numbers import FindsPastedNumbers
from catalog.read_only_admin import ReadOnlyAdmin, ReadOnlyInline
from customers.models import license_sought
from customers.own import OwnRows, own
from integrations import work
from integrations.leaflink.admin import conflicts, order_acts
from integrations.leaflink.admin.order_standing import standing
from integrations.leaflink.mapping.statuses import REMOTE_STATES
from integrations.leaflink.models import Customer, LineItem, Order
from integrations.leaflink.work_kinds import ORDER_WORK
from integrations.models import WorkItem
from orders.terms import LABELS

STATE_COLORS = {
    Order.State.WAITING.value: "info",
    Order.State.HELD.value: "warning",
    Order.State.IMPORTED.value: "success",
    Order.State.CONFLICT.value: "danger",
    Order.State.IGNORED.value: "default",
}


class LineItemInline(ReadOnlyInline):
    model = LineItem
    verbose_name_plural = "Lines in LeafLink"
    fields = ["position", "name", "sku", "ordered", "shown_price", "marks"]
    readonly_fields = ["ordered", "shown_price", "marks"]

    @display(description="Ordered")
    def ordered(self, line: LineItem) -> str:
        return in_cases(line.quantity, line.unit_multiplier)

    @display(description="Price")
    def shown_price(self, line: LineItem) -> str:
        return f"${line.price:,.2f}" + (" per case" if line.unit_multiplier > 1 else "")

    @display(description="Marks")
    def marks(self, line: LineItem) -> str:
        return "Sample" if line.is_sample else "–"


class ReasonFilter(admin.ChoicesFieldListFilter):
    """Orders by a reason that holds them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "what holds it"


class NeedsYouFilter(admin.SimpleListFilter):
    """Orders that wait for a person."""

    title = "needs you"
    parameter_name = "needs_you"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Yes")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        return queryset.filter(Order.needs_you()) if self.value() == "1" else queryset


class AgeFilter(admin.SimpleListFilter):
    """Orders by how long ago they were placed."""

    title = "age"
    parameter_name = "age"
    AGES = (("1h", "More than an hour", 1), ("1d", "More than a day", 24), ("7d", "A week", 168))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, label) for key, label, _ in self.AGES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        for key, _, hours in self.AGES:
            if self.value() == key:
                return queryset.filter(placed_at__lte=timezone.now() - timedelta(hours=hours))
        return queryset


def short_age(age: timedelta) -> str:
    """An age as people say it in a column: "8 min", "5 h", "3 d", "4 mo"."""
    minutes = int(age.total_seconds() // 60)
    for size, unit in ((60 * 24 * 60, "mo"), (60 * 24, "d"), (60, "h")):
        if minutes >= size:
            return f"{minutes // (size if unit != 'mo' else 60 * 24 * 30)} {unit}"
    return f"{max(minutes, 0)} min"


def _disputed(order: Order) -> str:
    """What both sides have changed, in a few words."""
    labels = list(dict.fromkeys(row["label"] for row in order.disputed))
    return f"Changed on both sides: {', '.join(labels).lower()}" if labels else ""


@admin.register(Order)
class OrderAdmin(OwnRows, PageContext, FindsPastedNumbers, ReadOnlyAdmin):
    list_display = [
        "short_id",
        "shown_state",
        "reasons",
        "buyer",
        "shown_status",
        "shown_total",
        "age",
        "sales_order_link",
        "account",
    ]
    list_filter = [
        NeedsYouFilter,
        "state",
        ("blockers__code", ReasonFilter),
        "status",
        AgeFilter,
        ("customer", AutocompleteSelectFilter),
        ("customer__destination", AutocompleteSelectFilter),
        ("account", AutocompleteSelectFilter),
        ("total", RangeNumericFilter),
        ("placed_at", RangeDateTimeFilter),
    ]
    list_before_template = "admin/leaflink/order_states.html"
    list_filter_submit = True
    list_select_related = ["account", "sales_order"]
    search_fields = [
        "short_id",
        "number",
        "buyer",
        "sales_order__number",
        "sales_order__destination__name",
        "customer__destination__name",
        "customer__license_number",
        "customer__destination__license_key",
    ]
    actions = ["read_selected_again"]
    inlines = [LineItemInline]
    change_form_outer_before_template = "admin/leaflink/order_standing.html"
    change_form_outer_after_template = "admin/leaflink/order_timeline.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("state", "status"),
                    ("buyer", "customer"),
                    ("sales_order", "shown_total"),
                    ("chosen_facility", "routed_by"),
                    ("placed_at", "modified", "read_at"),
                    ("account", "number"),
                ]
            },
        ),
    ]
    readonly_fields = ["shown_total"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        query = super().get_queryset(request).prefetch_related("blockers")
        page = request.resolver_match.url_name if request.resolver_match else ""
        return query.defer("raw") if page == "leaflink_order_changelist" else query

    @display(description="State", ordering="state", label=STATE_COLORS)
    def shown_state(self, order: Order) -> tuple[str, str]:
        return order.state, order.get_state_display()

    @display(
        description="LeafLink says",
        ordering="status",
        label={status: state.color for status, state in REMOTE_STATES.items()},
    )
    def shown_status(self, order: Order) -> tuple[str, str]:
        return order.status, order.status or "Not read yet"

    @display(description="Why")
    def reasons(self, order: Order) -> str:
        counted: dict[str, int] = {}
        for blocker in order.blockers.all():
            label = blocker.get_code_display()
            counted[label] = counted.get(label, 0) + 1
        chips = [f"{label} ×{n}" if n > 1 else label for label, n in counted.items()]
        if chips:
            return format_html("".join(['<span class="lb-chip">{}</span>'] * len(chips)), *chips)
        return (
            order.state_reason
            or order.refused
            or _disputed(order)
            or ("Imported with a warning" if order.warnings else "")
        )

    @display(description="Age", ordering="-placed_at")
    def age(self, order: Order) -> str:
        if order.placed_at is None:
            return "–"
        placed = timezone.localtime(order.placed_at)
        return format_html(
            '<span title="Placed {}">{}</span>',
            f"{placed:%b %-d, %Y, %H:%M}",
            short_age(timezone.now() - placed),
        )

    @display(description="Sales order", ordering="sales_order__number")
    def sales_order_link(self, order: Order) -> str:
        if order.sales_order is None:
            return "–"
        url = reverse("admin:orders_salesorder_change", args=[order.sales_order_id])
        return format_html('<a class="lb-link" href="{}">{}</a>', url, order.sales_order)

    @display(description="Total", ordering="total")
    def shown_total(self, order: Order) -> str:
        return "–" if order.total is None else f"${order.total:,.2f}"

    def get_urls(self) -> list[URLPattern]:
        own: list[URLPattern] = super().get_urls()
        pages = [
            path(address, self.admin_site.admin_view(view), name=f"leaflink_order_{name}")
            for address, view, name in conflicts.VIEWS
        ]
        return [*pages, *order_acts.urls(self.admin_site), *own]

    def has_sync_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("leaflink.sync_account"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        key = license_sought(search_term)
        if key:
            # A license, however it is spelled: on the destination, or only in LeafLink yet.
            spelled: Func = Upper("license_number")
            for sign in (" ", "-", "–"):
                spelled = Replace(spelled, Value(sign), Value(""))
            customers = Customer.objects.annotate(spelled=spelled).filter(
                Q(spelled=key) | Q(destination__license_key=key)
            )
            same = queryset.filter(customer__in=customers.values("pk"))
            return found | same, True
        return found, may_repeat

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        orders = own(Order.objects.all(), request.user)
        counts = dict(orders.order_by().values_list("state").annotate(Count("pk")))
        chosen = request.GET.get("state__exact", "")
        context = {
            "states": [
                (value, label, counts.get(value, 0), value == chosen)
                for value, label in Order.State.choices
            ],
            "all_states": sum(counts.values()),
            "state_chosen": chosen,
            "needs_you": orders.filter(Order.needs_you()).count(),
            "needs_you_chosen": NeedsYouFilter.parameter_name in request.GET,
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        order = self.get_object(request, object_id)
        if order:
            context["standing"] = standing(request, order)
            terms = [one for one in conflicts.choices_of(order) if one.rows[0]["name"] in LABELS]
            context["standing"]["terms"] = terms
        return context

    @admin.action(description="Read again from LeafLink", permissions=["sync"])
    def read_selected_again(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        numbers = orders.values_list("account", "number")
        work.ask_each(ORDER_WORK, numbers, WorkItem.Priority.ORDERS)
        messages.info(request, "The orders are being read from LeafLink.")
