"""Admin pages of LeafLink customers and staff."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from catalog.return_to import ReturnsToCaller, where_from
from integrations.leaflink import map_reps
from integrations.leaflink.models import (
    Customer,
    Staff,
)


@admin.register(Customer)
class CustomerAdmin(ReturnsToCaller, ModelAdmin):
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
class StaffAdmin(ReturnsToCaller, ModelAdmin):
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
    change_form_outer_before_template = "admin/leaflink/staff_mapping.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Staff]:
        return super().get_queryset(request).defer("raw")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Staff, form: Any, change: bool) -> None:
        obj.save(update_fields=["sales_rep"])

    def get_urls(self) -> list[URLPattern]:
        create = path(
            "<int:staff_id>/create-rep/",
            self.admin_site.admin_view(require_POST(self.create_rep)),
            name="leaflink_staff_create_rep",
        )
        urls: list[URLPattern] = super().get_urls()
        return [create, *urls]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        staff = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if staff and not staff.sales_rep_id and self._may_create(request):
            context["unmapped"] = staff
            context["where_from"] = where_from(request)
        return super().change_view(request, object_id, form_url, context)

    def _may_create(self, request: HttpRequest) -> bool:
        return bool(
            request.user.has_perm("customers.add_salesrep") and self.has_change_permission(request)
        )

    def create_rep(self, request: HttpRequest, staff_id: int) -> HttpResponse:
        """Make a sales rep of LeafLink's name and e-mail (or take the one there is), and map."""
        if not self._may_create(request):
            raise PermissionDenied
        staff = get_object_or_404(Staff, pk=staff_id)
        try:
            rep = map_reps.map_to_own_rep(staff)
            messages.success(request, f"{staff} is mapped to the sales rep {rep}.")
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        page = reverse("admin:leaflink_staff_change", args=[staff_id])
        return HttpResponseRedirect(where_from(request) or page)

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
