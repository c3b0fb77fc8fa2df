"""Admin list of transfer templates, to look at; each leads to the page of its order."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_GET
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from catalog.pasted_numbers import FindsPastedNumbers
from catalog.read_only_admin import ReadOnlyAdmin
from customers.own import if_own
from integrations.metrc.admin import template_acts, template_page
from integrations.metrc.models import TransferTemplate
from orders.models import SalesOrder

STATE_COLORS = {
    TransferTemplate.State.DRAFT.value: "default",
    TransferTemplate.State.ASKED.value: "info",
    TransferTemplate.State.SENT.value: "success",
    TransferTemplate.State.REFUSED.value: "danger",
    TransferTemplate.State.WITHDRAWN.value: "default",
}
VIEWS = (
    ("order/<id:order_id>/", require_GET(template_page.page), "template"),
    ("order/<id:order_id>/save/", template_acts.save, "template_save"),
    ("order/<id:order_id>/settle/", template_acts.settle, "template_settle"),
    ("order/<id:order_id>/withdraw/", template_acts.withdraw, "template_withdraw"),
    ("order/<id:order_id>/look/", template_acts.look, "template_look"),
)


@admin.register(TransferTemplate)
class TransferTemplateAdmin(FindsPastedNumbers, ReadOnlyAdmin):
    list_display = [
        "name",
        "order_link",
        "shown_state",
        "customer",
        "transfer_type",
        "remote_id",
        "sent_at",
        "sent_by",
        "facility",
    ]
    list_filter = [
        "state",
        "facility",
        "transfer_type",
        ("order__destination", AutocompleteSelectFilter),
        ("sent_at", RangeDateTimeFilter),
    ]
    list_filter_submit = True
    list_select_related = ["order__destination", "facility", "sent_by"]
    search_fields = ["name", "remote_id", "recipient_license", "order__destination__name"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("order_link", "state"),
                    ("facility", "remote_id"),
                    ("recipient_license", "transfer_type"),
                    ("departs_at", "arrives_at"),
                    "planned_route",
                    ("driver_name", "driver_license", "driver_employee_id"),
                    ("vehicle_make", "vehicle_model", "vehicle_plate"),
                    ("transporter_license", "phone"),
                    ("sent_at", "sent_by"),
                    "tags",
                    "problem",
                ]
            },
        ),
    ]
    readonly_fields = ["order_link", "tags"]

    @display(description="Order", ordering="order__number")
    def order_link(self, template: TransferTemplate) -> str:
        url = reverse("admin:metrc_order_template", args=[template.order_id])
        return format_html('<a class="lb-link" href="{}">{}</a>', url, template.order)

    @display(description="State", ordering="state", label=STATE_COLORS)
    def shown_state(self, template: TransferTemplate) -> tuple[str, str]:
        return template.state, template.get_state_display()

    @display(description="Customer", ordering="order__destination__name")
    def customer(self, template: TransferTemplate) -> str:
        return str(template.order.destination or "–")

    @display(description="Packages that were sent")
    def tags(self, template: TransferTemplate) -> str:
        return ", ".join(template.labels) or "–"

    def get_urls(self) -> list[URLPattern]:
        own: list[URLPattern] = super().get_urls()
        pages = [
            path(
                address,
                self.admin_site.admin_view(if_own(SalesOrder, view)),
                name=f"metrc_order_{name}",
            )
            for address, view, name in VIEWS
        ]
        return [*pages, *own]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("body")
