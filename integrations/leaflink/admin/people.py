"""Admin pages of LeafLink customers and staff."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from integrations.leaflink import map_reps
from integrations.leaflink.models import (
    Customer,
    Staff,
)


@admin.register(Customer)
class CustomerAdmin(ModelAdmin):
    """Only the destination is ours to say; the rest is LeafLink's."""

    list_display = ["name", "license_number", "email", "destination", "account"]
    list_filter = [
        ("destination", admin.EmptyFieldListFilter),
        ("account", AutocompleteSelectFilter),
    ]
    list_select_related = ["destination", "account"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["name", "license_number", "email"]
    autocomplete_fields = ["destination"]
    fields = ["name", "license_number", "external_id", "email", "account", "destination", "problem"]
    readonly_fields = ["name", "license_number", "external_id", "email", "account", "problem"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        return super().get_queryset(request).defer("raw")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Customer, form: Any, change: bool) -> None:
        # The rest may have been pulled anew since the page was opened.
        obj.save(update_fields=["destination"])


@admin.register(Staff)
class StaffAdmin(ModelAdmin):
    """LeafLink's staff, mapped to our sales reps."""

    list_display = ["name", "email", "sales_rep", "mapped", "is_active", "account"]
    list_filter = [
        ("sales_rep", admin.EmptyFieldListFilter),
        "is_active",
        ("account", AutocompleteSelectFilter),
    ]
    list_select_related = ["sales_rep", "account"]
    list_per_page = 50
    search_fields = ["name", "email"]
    autocomplete_fields = ["sales_rep"]
    fields = ["name", "email", "account", "is_active", "sales_rep"]
    readonly_fields = ["name", "email", "account", "is_active"]
    actions = ["map_by_email"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Staff]:
        return super().get_queryset(request).defer("raw")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Staff, form: Any, change: bool) -> None:
        obj.save(update_fields=["sales_rep"])

    @display(description="Mapped", label={"yes": "success", "no": "warning"})
    def mapped(self, staff: Staff) -> tuple[str, str]:
        return ("yes", "Mapped") if staff.sales_rep_id else ("no", "Not mapped")

    @admin.action(description="Map by e-mail address", permissions=["change"])
    def map_by_email(self, request: HttpRequest, staff: QuerySet[Staff]) -> None:
        count = map_reps.map_by_email(staff)
        if count:
            messages.success(request, f"{count} were mapped to the rep with the same e-mail.")
        else:
            messages.warning(
                request,
                "No sales rep has the same e-mail address. Open a person and choose the rep.",
            )
