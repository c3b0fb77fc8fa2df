"""Admin pages of LeafLink orders: every one of them, with the reasons that hold it."""

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from catalog.decimals import units, with_thousands
from catalog.models import Item
from catalog.pasted_numbers import FindsPastedNumbers
from catalog.read_only_admin import ReadOnlyAdmin, ReadOnlyInline
from integrations import work
from integrations.leaflink import suggest
from integrations.leaflink.cures import cure_for
from integrations.leaflink.link import why_not
from integrations.leaflink.mapping.statuses import REMOTE_STATES
from integrations.leaflink.mapping.suggestions import Suggestion
from integrations.leaflink.models import (
    LineItem,
    Order,
    Product,
)
from integrations.leaflink.work_kinds import ORDER_WORK
from integrations.models import WorkItem

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
    fields = ["position", "name", "sku", "ordered", "shown_price", "is_sample"]
    readonly_fields = ["ordered", "shown_price"]

    @display(description="Ordered")
    def ordered(self, line: LineItem) -> str:
        quantity = with_thousands(units(line.quantity))
        if line.unit_multiplier == 1:
            return quantity
        cases = with_thousands(units(line.quantity / line.unit_multiplier))
        return f"{cases} × {line.unit_multiplier} = {quantity} units"

    @display(description="Price")
    def shown_price(self, line: LineItem) -> str:
        return f"${line.price:,.2f}" + (" per case" if line.unit_multiplier > 1 else "")


def _best_items(products: list[Product]) -> dict[int, tuple[Suggestion, Item]]:
    """By product id the likeliest item, where there is one that may be linked."""
    found = {pk: rows[0] for pk, rows in suggest.for_products(products).items() if rows}
    items = Item.objects.select_related("brand__leaflink__account").in_bulk(
        [one.thing.pk for one in found.values()]
    )
    by_id = {product.pk: product for product in products}
    return {
        pk: (one, items[one.thing.pk])
        for pk, one in found.items()
        if one.thing.pk in items and not why_not(items[one.thing.pk], by_id[pk])
    }


@admin.register(Order)
class OrderAdmin(FindsPastedNumbers, ReadOnlyAdmin):
    list_display = [
        "short_id",
        "shown_state",
        "reasons",
        "buyer",
        "shown_status",
        "shown_total",
        "placed",
        "sales_order",
        "account",
    ]
    list_filter = [
        "state",
        "status",
        "blockers__code",
        ("account", AutocompleteSelectFilter),
        ("placed_at", RangeDateTimeFilter),
    ]
    list_filter_submit = True
    list_select_related = ["account", "sales_order"]
    search_fields = ["short_id", "number", "buyer", "sales_order__number"]
    actions = ["read_selected_again"]
    inlines = [LineItemInline]
    change_form_outer_before_template = "admin/leaflink/order_standing.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("state", "status"),
                    ("buyer", "customer"),
                    ("sales_order", "shown_total"),
                    ("placed_at", "modified", "read_at"),
                    ("account", "number"),
                ]
            },
        ),
        ("LeafLink's own words", {"classes": ["collapse"], "fields": ["payload"]}),
    ]
    readonly_fields = ["shown_total", "payload"]

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
        return order.state_reason or ("Imported with a warning" if order.warnings else "")

    @display(description="Placed", ordering="placed_at")
    def placed(self, order: Order) -> str:
        if order.placed_at is None:
            return "–"
        placed = timezone.localtime(order.placed_at)
        this_year = placed.year == timezone.localdate().year
        return f"{placed:%b %-d, %H:%M}" if this_year else f"{placed:%b %-d, %Y}"

    @display(description="Total", ordering="total")
    def shown_total(self, order: Order) -> str:
        return "–" if order.total is None else f"${order.total:,.2f}"

    @display(description="As it was read")
    def payload(self, order: Order) -> str:
        text = json.dumps(order.raw, indent=2, ensure_ascii=False)
        return format_html('<pre class="lb-payload">{}</pre>', text)

    def get_urls(self) -> list[URLPattern]:
        again = path(
            "<int:order_id>/read-again/",
            self.admin_site.admin_view(require_POST(self.read_again)),
            name="leaflink_order_read_again",
        )
        urls: list[URLPattern] = super().get_urls()
        return [again, *urls]

    def has_sync_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("leaflink.sync_account"))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = dict(extra_context or {})
        order = self.get_object(request, object_id)
        if order:
            blockers = list(order.blockers.select_related("staff", "product__account", "item"))
            best = _best_items([one.product for one in blockers if one.product])
            context["standing"] = {
                "order": order,
                "blockers": [
                    (one, cure_for(one), best.get(one.product_id or 0)) for one in blockers
                ],
                "may_read_again": self.has_sync_permission(request),
                "may_link": request.user.has_perms(["leaflink.add_listing", "catalog.view_item"]),
                "here": request.get_full_path(),
            }
        return super().change_view(request, object_id, form_url, context)

    def read_again(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """Ask for an order to be read from LeafLink again, now."""
        if not self.has_sync_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order, pk=order_id)
        work.ask(order.account_id, ORDER_WORK, [str(order.number)], WorkItem.Priority.ORDERS)
        messages.info(request, "The order is being read from LeafLink. Reload in a moment.")
        return HttpResponseRedirect(reverse("admin:leaflink_order_change", args=[order_id]))

    @admin.action(description="Read again from LeafLink", permissions=["sync"])
    def read_selected_again(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        by_account: dict[int, list[str]] = {}
        for account_id, number in orders.values_list("account", "number"):
            by_account.setdefault(account_id, []).append(str(number))
        for account_id, numbers in by_account.items():
            work.ask(account_id, ORDER_WORK, numbers, WorkItem.Priority.ORDERS)
        messages.info(request, "The orders are being read from LeafLink.")
