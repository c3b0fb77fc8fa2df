"""Admin pages of sales orders: looked at, and worked by buttons, never typed over."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from catalog.decimals import in_cases
from catalog.inventory import InventoryError
from catalog.models import Facility
from catalog.natural import natural
from catalog.pasted_numbers import FindsPastedNumbers
from catalog.read_only_admin import ReadOnlyAdmin, ReadOnlyInline
from customers.models import license_sought
from orders import services
from orders.models import OrderDiscount, OrderLine, SalesOrder, StatusChange, TaxRate
from orders.status import STATES, IllegalMove, Status

# The buttons of an order: verb, label, the state it leads to, whether it needs a reason.
BUTTONS = (
    ("allocate", "Allocate stock", Status.ALLOCATED, False),
    ("ship", "Mark as shipped", Status.SHIPPED, False),
    ("complete", "Mark as completed", Status.COMPLETED, False),
    ("deallocate", "Put stock back", Status.CREATED, False),
    ("cancel", "Cancel order", Status.CANCELED, True),
)


class LineInline(ReadOnlyInline):
    model = OrderLine
    fields = ["position", "name", "sku", "ordered", "shown_price", "amount", "marks"]
    readonly_fields = ["ordered", "shown_price", "amount", "marks"]
    verbose_name_plural = "Lines"

    @display(description="Ordered")
    def ordered(self, line: OrderLine) -> str:
        return in_cases(line.quantity, line.case_size)

    @display(description="Price")
    def shown_price(self, line: OrderLine) -> str:
        return f"${line.price:,.2f}" + (" per case" if line.case_size > 1 else "")

    @display(description="Total")
    def amount(self, line: OrderLine) -> str:
        return f"${line.total:,.2f}"

    @display(description="Marks")
    def marks(self, line: OrderLine) -> str:
        marks = ["Sample"] * line.is_sample + ["Medical"] * line.is_medical
        return ", ".join(marks) or "–"


class DiscountInline(ReadOnlyInline):
    model = OrderDiscount
    fields = ["label", "shown_kind", "shown_amount"]
    readonly_fields = ["shown_kind", "shown_amount"]
    verbose_name_plural = "Discounts and credits"

    @display(description="Kind")
    def shown_kind(self, discount: OrderDiscount) -> str:
        kind = discount.get_kind_display()
        return f"{kind} (locked)" if discount.is_locked else kind

    @display(description="Amount")
    def shown_amount(self, discount: OrderDiscount) -> str:
        return f"−${discount.amount:,.2f}"


class StatusChangeInline(ReadOnlyInline):
    model = StatusChange
    fields = ["at", "move", "by", "reason"]
    readonly_fields = ["at", "move"]
    verbose_name_plural = "History"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatusChange]:
        return super().get_queryset(request).select_related("by")

    @display(description="Status")
    def move(self, change: StatusChange) -> str:
        return "" if change.old == change.new else str(change)


@admin.register(SalesOrder)
class SalesOrderAdmin(FindsPastedNumbers, ReadOnlyAdmin):
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
    actions = ["allocate_selected"]
    inlines = [LineInline, DiscountInline, StatusChangeInline]
    change_form_outer_before_template = "admin/orders/buttons.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("status", "shown_total"),
                    ("destination", "ship_to"),
                    ("facility", "sales_rep", "brand"),
                    ("placed_at", "delivery_date"),
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

    def get_urls(self) -> list[URLPattern]:
        work = path(
            "<int:order_id>/do/<slug:verb>/",
            self.admin_site.admin_view(require_POST(self.do)),
            name="orders_salesorder_do",
        )
        move = path(
            "<int:order_id>/move/",
            self.admin_site.admin_view(require_POST(self.move)),
            name="orders_salesorder_move",
        )
        urls: list[URLPattern] = super().get_urls()
        return [work, move, *urls]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        key = license_sought(search_term)
        if key:
            return found | queryset.filter(destination__license_key=key), True
        return found, may_repeat

    def has_work_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("orders.work_salesorder"))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        order = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if order and self.has_work_permission(request):
            allowed = STATES[Status(order.status)].next
            context["order_buttons"] = [
                {
                    "label": label,
                    "url": reverse("admin:orders_salesorder_do", args=[order.pk, verb]),
                    "needs_reason": needs_reason,
                    "is_next": index == 0,
                }
                for index, (verb, label, target, needs_reason) in enumerate(
                    button for button in BUTTONS if button[2] in allowed
                )
            ]
            if order.status == Status.CREATED:
                context["other_facilities"] = Facility.objects.filter(
                    is_active=True, sells=True
                ).exclude(pk=order.facility_id or 0)
                context["order_to_move"] = order
        return super().change_view(request, object_id, form_url, context)

    def move(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """Ship a Created order from another facility, when that has enough of everything."""
        if not self.has_work_permission(request):
            raise PermissionDenied
        order = get_object_or_404(SalesOrder, pk=order_id)
        facility = get_object_or_404(Facility, pk=natural(request.POST.get("facility", "")))
        try:
            services.move_to_facility(order, facility, by=request.user)  # type: ignore[arg-type]
        except (IllegalMove, InventoryError) as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"Order {order.number} ships from {facility} now.")
        return HttpResponseRedirect(reverse("admin:orders_salesorder_change", args=[order_id]))

    def do(self, request: HttpRequest, order_id: int, verb: str) -> HttpResponse:
        """Do one of the verbs on an order, and say what came of it."""
        if not self.has_work_permission(request):
            raise PermissionDenied
        known = {name: needs_reason for name, _, _, needs_reason in BUTTONS}
        if verb not in known:
            raise Http404
        order = get_object_or_404(SalesOrder, pk=order_id)
        options: dict[str, Any] = {"by": request.user}
        if known[verb]:
            options["reason"] = request.POST.get("reason", "")[:500]
        try:
            changed = getattr(services, verb)(order, **options)
        except (IllegalMove, InventoryError) as error:
            messages.error(request, str(error))
        else:
            text = f"Order {changed.number} is {changed.get_status_display().lower()} now."
            messages.success(request, text)
        return HttpResponseRedirect(reverse("admin:orders_salesorder_change", args=[order_id]))

    @admin.action(description="Allocate stock", permissions=["work"])
    def allocate_selected(self, request: HttpRequest, orders: QuerySet[SalesOrder]) -> None:
        done = 0
        for order in orders:
            try:
                services.allocate(order, by=request.user)  # type: ignore[arg-type]
                done += 1
            except (IllegalMove, InventoryError) as error:
                messages.warning(request, str(error))
        if done:
            messages.success(request, f"Stock was allocated to {done} orders.")


@admin.register(TaxRate)
class TaxRateAdmin(ModelAdmin):
    list_display = ["name", "percent", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name"]
