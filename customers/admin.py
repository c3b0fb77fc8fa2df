"""Admin pages of destinations and sales reps."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from catalog.import_admin import PermittedImport
from customers.destination_files import DestinationResource
from customers.models import Address, Destination, SalesRep
from customers.own import OwnRows


class AddressInline(TabularInline):
    model = Address
    extra = 0


@admin.register(Destination)
class DestinationAdmin(OwnRows, PermittedImport, ModelAdmin):
    resource_classes = [DestinationResource]
    list_display = ["name", "license_number", "email", "phone", "default_facility", "is_active"]
    list_filter = ["is_active", ("default_facility", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["default_facility"]
    list_per_page = 50
    search_fields = ["name", "dba", "license_number", "license_key", "external_id", "email"]
    autocomplete_fields = ["default_facility"]
    inlines = [AddressInline]
    fieldsets = [
        (None, {"fields": ["name", "dba", "external_id", "is_active"]}),
        ("License", {"fields": [("license_number", "license_type", "license_expires_on")]}),
        ("Contact", {"fields": [("email", "phone"), "notes"]}),
        ("Shipping", {"fields": ["default_facility"]}),
    ]


@admin.register(SalesRep)
class SalesRepAdmin(ModelAdmin):
    list_display = ["name", "email", "phone", "default_facility", "is_active"]
    list_filter = ["is_active", ("default_facility", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["default_facility"]
    search_fields = ["name", "email"]
    autocomplete_fields = ["default_facility", "user"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whose login it is decides what somebody sees, so it is for those who manage logins."""
        may = request.user.has_perm("auth.change_user")
        fields = super().get_readonly_fields(request, obj)
        return fields if may else [*fields, "user"]
