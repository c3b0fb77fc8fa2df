"""The page of sales orders, with the LeafLink order that each came from."""

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from catalog.natural import natural
from integrations.leaflink import timeline
from integrations.leaflink.admin.order_standing import read
from integrations.leaflink.mapping.money import Parts, parts
from integrations.leaflink.mapping.statuses import Meaning, remote_state
from integrations.leaflink.models import Order
from orders.admin import SalesOrderAdmin
from orders.models import SalesOrder

# Where a part's own name would say too little on its own.
LABELS = {"discount": "Order discount", "shipping": "Shipping charge"}

admin.site.unregister(SalesOrder)


@admin.register(SalesOrder)
class LeafLinkSalesOrderAdmin(SalesOrderAdmin):
    """Each order links to LeafLink's; its money is checked against LeafLink's own total."""

    list_display = [
        *[name for name in SalesOrderAdmin.list_display if name != "channel_number"],
        "leaflink_order_link",
    ]
    list_select_related = [*SalesOrderAdmin.list_select_related, "leaflink_order"]
    search_fields = [*SalesOrderAdmin.search_fields, "leaflink_order__number"]
    change_form_outer_before_template = "admin/leaflink/sales_order_panel.html"
    change_form_outer_after_template = "admin/leaflink/sales_order_timeline.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SalesOrder]:
        return super().get_queryset(request).defer("leaflink_order__raw")

    def do(self, request: HttpRequest, order_id: int, verb: str) -> HttpResponse:
        """As for any order; but what LeafLink has changed since is chosen about before it ships."""
        mirror = None
        if verb == "ship":
            waiting = Order.objects.filter(sales_order=order_id, state=Order.State.CONFLICT)
            mirror = waiting.select_related("sales_order").defer("raw").first()
        if mirror and remote_state(mirror.status).meaning is Meaning.WANTED:
            messages.error(
                request,
                f"{mirror.sales_order} is not shipped: it was changed in LeafLink. Compare both "
                "and choose first.",
            )
            return HttpResponseRedirect(reverse("admin:leaflink_order_change", args=[mirror.pk]))
        return super().do(request, order_id, verb)

    @display(description="LeafLink order", ordering="channel_number")
    def leaflink_order_link(self, order: SalesOrder) -> str:
        mirror = getattr(order, "leaflink_order", None)
        if mirror is None:
            return order.channel_number or "–"
        url = reverse("admin:leaflink_order_change", args=[mirror.pk])
        return format_html('<a class="lb-link" href="{}">{}</a>', url, mirror)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = dict(extra_context or {})
        mirrors = Order.objects.filter(sales_order=natural(object_id))
        mirror = mirrors.select_related("sales_order").first()
        if mirror and mirror.sales_order and request.user.has_perm("leaflink.view_order"):
            payload = read(mirror)
            context["leaflink"] = {
                "order": mirror,
                "money": money_rows(parts(payload)) if payload else [],
                "ours": mirror.sales_order.total,
                "differs": mirror.total is not None and mirror.total != mirror.sales_order.total,
                "difference": abs((mirror.total or Decimal(0)) - mirror.sales_order.total),
                "is_less": (mirror.total or Decimal(0)) < mirror.sales_order.total,
                "timeline": timeline.of(mirror),
            }
        return super().change_view(request, object_id, form_url, context)


def money_rows(found: Parts) -> list[tuple[str, str]]:
    """The parts of LeafLink's total with a label each, without those that are zero."""
    return [(LABELS.get(name, name.capitalize()), _money(amount)) for name, amount in found.named]


def _money(amount: Decimal) -> str:
    return f"−${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"
