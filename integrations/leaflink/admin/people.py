"""Admin pages of LeafLink customers and staff."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from catalog.page_context import PageContext
from catalog.return_to import ReturnsToCaller, where_from
from customers.models import SalesRep
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


def _unmapped() -> QuerySet[Staff]:
    """LeafLink's active staff without a sales rep here."""
    return Staff.objects.filter(sales_rep__isnull=True, is_active=True).order_by("name", "pk")


@admin.register(Staff)
class StaffAdmin(PageContext, ReturnsToCaller, ModelAdmin):
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
    list_before_template = "admin/leaflink/staff_unmapped.html"
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
            "<id:staff_id>/create-rep/",
            self.admin_site.admin_view(require_POST(self.create_rep)),
            name="leaflink_staff_create_rep",
        )
        match = path("match/", self.admin_site.admin_view(self.match), name="leaflink_staff_match")
        urls: list[URLPattern] = super().get_urls()
        return [create, match, *urls]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        unmapped = _unmapped().count() if self.has_change_permission(request) else 0
        return super().changelist_view(request, {"unmapped": unmapped, **(extra_context or {})})

    def match(self, request: HttpRequest) -> HttpResponse:
        """Everybody who is not mapped, with the likeliest rep; those left ticked are mapped."""
        if not self.has_change_permission(request) or not self._may_see_reps(request):
            raise PermissionDenied
        people = list(_unmapped().select_related("account").defer("raw"))
        reps = map_reps.suggested(people)
        if request.method == "POST":
            return self._map_ticked(request, people)
        context = {
            **self.admin_site.each_context(request),
            "title": "Map LeafLink's staff to sales reps",
            "opts": self.model._meta,
            "people": [(person, reps.get(person.pk)) for person in people],
            "reps": SalesRep.objects.filter(is_active=True),
            "may_make_rep": self._may_create(request),
            "back": reverse("admin:leaflink_staff_changelist"),
        }
        return TemplateResponse(request, "admin/leaflink/staff_match.html", context)

    def _map_ticked(self, request: HttpRequest, people: list[Staff]) -> HttpResponse:
        reps = {str(rep.pk): rep for rep in SalesRep.objects.filter(is_active=True)}
        mapped, problems = 0, []
        for person in people:
            choice = request.POST.get(f"rep-{person.pk}", "")
            if choice == "new" and self._may_create(request):
                try:
                    map_reps.map_to_own_rep(person)
                    mapped += 1
                except ValidationError as error:
                    problems.append(f"{person}: {' '.join(error.messages)}")
            elif choice in reps:
                map_reps.map_to(person, reps[choice])
                mapped += 1
        for problem in problems:
            messages.error(request, problem)
        if mapped:
            people_are = "person is" if mapped == 1 else "people are"
            text = f"{mapped} {people_are} mapped. Orders that waited for them come in now."
            messages.success(request, text)
        elif not problems:
            messages.info(request, "No rep was chosen, so nobody was mapped.")
        listed = reverse("admin:leaflink_staff_changelist")
        return HttpResponseRedirect(where_from(request) or listed)

    def _may_see_reps(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("customers.view_salesrep"))

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        staff = self.get_object(request, object_id)
        context = super().page_context(request, object_id)
        if staff and not staff.sales_rep_id and self._may_create(request):
            context["unmapped"] = staff
            context["where_from"] = where_from(request)
        return context

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
