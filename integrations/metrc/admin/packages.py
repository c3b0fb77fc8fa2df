"""Packages as Metrc has them, to look at; and the order that each is assigned to."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from catalog.decimals import units, with_thousands
from catalog.read_only_admin import ReadOnlyAdmin
from customers.own import if_own
from integrations.metrc.admin import assignment_page
from integrations.metrc.mapping.lab_states import in_words
from integrations.metrc.models import Package, PackageAssignment
from orders.models import SalesOrder

LIVE = Prefetch(
    "assignments",
    PackageAssignment.objects.filter(ended_at__isnull=True).select_related("line__order"),
    to_attr="live",
)
COLORS = {"passed": "success", "waits": "warning", "failed": "danger", "": "info"}


class AssignedFilter(admin.SimpleListFilter):
    """Packages by whether an order has them."""

    title = "assigned"
    parameter_name = "assigned"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "To an order"), ("no", "To no order")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Package]) -> QuerySet[Package]:
        assigned = PackageAssignment.objects.filter(ended_at__isnull=True).values("package")
        if self.value() == "yes":
            return queryset.filter(pk__in=assigned)
        return queryset.exclude(pk__in=assigned) if self.value() == "no" else queryset


class LabStateFilter(admin.SimpleListFilter):
    """Packages by lab state, in words; only the states that there are."""

    title = "lab state"
    parameter_name = "lab"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = Package.objects.order_by("lab_state").values_list("lab_state", flat=True)
        return [(state or "-", in_words(state)) for state in states.distinct()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Package]) -> QuerySet[Package]:
        value = self.value()
        return queryset if value is None else queryset.filter(lab_state=value.replace("-", ""))


@admin.register(Package)
class PackageAdmin(ReadOnlyAdmin):
    list_display = [
        "label",
        "item_name",
        "shown_quantity",
        "shown_lab_state",
        "hold",
        "place",
        "shown_order",
        "packaged_on",
        "lot",
        "facility",
    ]
    list_filter = [
        ("facility", admin.RelatedOnlyFieldListFilter),
        "place",
        LabStateFilter,
        "on_hold",
        ("metrc_item__item", AutocompleteSelectFilter),
        AssignedFilter,
    ]
    list_filter_submit = True
    list_select_related = ["facility", "metrc_item__item", "lot"]
    search_fields = [
        "label",
        "metrc_item__name",
        "metrc_item__item__name",
        "metrc_item__item__sku",
        "batch_number",
        "lot__number",
    ]
    search_help_text = "Tag, item, SKU, lot or production batch"
    ordering = ["-packaged_on", "label"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("label", "place"),
                    ("item_name", "shown_quantity"),
                    ("shown_lab_state", "hold"),
                    "shown_orders",
                ]
            },
        ),
        (
            "Where it is and where it comes from",
            {
                "fields": [
                    ("facility", "location"),
                    ("lot", "batch_number"),
                    ("packaged_on", "expires_on"),
                ]
            },
        ),
        ("Record", {"fields": [("modified_at", "read_at")]}),
    ]
    readonly_fields = ["item_name", "shown_quantity", "shown_lab_state", "hold", "shown_orders"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Package]:
        query = super().get_queryset(request).defer("raw")
        return query.prefetch_related(LIVE)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(if_own(SalesOrder, assignment_page.page))
        acts = {
            "assign": assignment_page.assign_ticked,
            "suggestions": assignment_page.take_suggestions,
            "remove": assignment_page.remove,
            "prices": assignment_page.save_prices,
        }
        urls = [path("order/<id:order_id>/", page, name="metrc_order_packages")]
        for name, act in acts.items():
            view = self.admin_site.admin_view(require_POST(if_own(SalesOrder, act)))
            urls.append(
                path(f"order/<id:order_id>/{name}/", view, name=f"metrc_order_packages_{name}")
            )
        return [*urls, *super().get_urls()]

    @display(description="Item", ordering="metrc_item__name")
    def item_name(self, package: Package) -> str:
        name = package.metrc_item.name
        item = package.metrc_item.item
        if item is None:
            return format_html('{} <span class="lb-hint">not mapped</span>', name)
        return name if item.name.casefold() == name.casefold() else f"{name} = {item.name}"

    @display(description="Quantity", ordering="quantity")
    def shown_quantity(self, package: Package) -> str:
        return f"{with_thousands(units(package.quantity))} {package.unit.lower()}"

    @display(description="Lab state", ordering="lab_state", label=COLORS)
    def shown_lab_state(self, package: Package) -> tuple[str, str]:
        return lab_color(package.lab_state), in_words(package.lab_state)

    @display(description="Hold", label={"yes": "danger"})
    def hold(self, package: Package) -> Any:
        told = [
            word
            for is_so, word in ((package.on_hold, "On hold"), (package.on_recall, "Recalled"))
            if is_so
        ]
        return ("yes", ", ".join(told)) if told else "No"

    @display(description="Order")
    def shown_order(self, package: Package) -> str:
        return _orders(package.live)  # type: ignore[attr-defined]

    @display(description="Assigned to")
    def shown_orders(self, package: Package) -> str:
        return _orders(package.live) or "No order"  # type: ignore[attr-defined]


def lab_color(state: str) -> str:
    """The kind of a lab state, for its colour: passed, failed, or it waits."""
    if state in ("TestPassed", "RetestPassed", "NotRequired", "ProcessValidated"):
        return "passed"
    return "failed" if "Failed" in state else "waits"


def _orders(assignments: list[PackageAssignment]) -> str:
    return format_html_join(
        ", ",
        '<a class="lb-link" href="{}">{}</a>',
        (
            (reverse("admin:metrc_order_packages", args=[one.line.order_id]), one.line.order)
            for one in assignments
        ),
    )
