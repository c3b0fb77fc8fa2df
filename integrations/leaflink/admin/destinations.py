"""The page of destinations, with the LeafLink customers that each stands for."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

from catalog.return_to import ReturnsToCaller
from customers.admin import DestinationAdmin
from customers.models import Destination
from integrations.leaflink.models import Customer


class LinkFilter(admin.SimpleListFilter):
    """Destinations by whether a LeafLink customer stands behind them."""

    title = "LeafLink"
    parameter_name = "leaflink"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "With a LeafLink customer"), ("no", "Without one")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Destination]
    ) -> QuerySet[Destination]:
        if self.value() in ("yes", "no"):
            return queryset.filter(leaflink_customers__isnull=self.value() == "no").distinct()
        return queryset


admin.site.unregister(Destination)


@admin.register(Destination)
class LeafLinkDestinationAdmin(ReturnsToCaller, DestinationAdmin):
    """Which LeafLink customers' next orders are shipped to a destination is said here as well."""

    list_display = [
        *DestinationAdmin.list_display[:2],
        "leaflink_customer",
        "leaflink_brand",
        *DestinationAdmin.list_display[2:],
    ]
    list_filter: list[Any] = [LinkFilter, *DestinationAdmin.list_filter]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Destination]:
        return (
            super()
            .get_queryset(request)
            .prefetch_related("leaflink_customers__account__brands__brand")
        )

    def get_urls(self) -> list[URLPattern]:
        choices = path(
            "leaflink-customers/",
            self.admin_site.admin_view(CustomerChoices.as_view(admin_site=self.admin_site)),
            name="customers_destination_leaflink_customers",
        )
        urls: list[URLPattern] = super().get_urls()
        return [choices, *urls]

    def _may_link(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("leaflink.change_customer"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ["customers"] if self._may_link(request) else ["leaflink_customer"]
        return [*super().get_fieldsets(request, obj), ("LeafLink", {"fields": fields})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "leaflink_customer"]

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        if not self._may_link(request) or not self.has_change_permission(request, obj):
            return super().get_form(request, obj, **kwargs)
        related = Customer._meta.get_field("destination")
        chosen = list(obj.leaflink_customers.values_list("pk", flat=True)) if obj else []

        class WithCustomers(forms.ModelForm):  # type: ignore[type-arg]
            customers = forms.ModelMultipleChoiceField(
                queryset=Customer.objects.defer("raw"),
                required=False,
                initial=chosen,
                # Imports link customers too: only what was changed on the page is.
                show_hidden_initial=True,
                label="LeafLink customers",
                help_text=(
                    "Their next orders are shipped here. Orders that are here already stay as they "
                    "are. A customer that was somebody else's is taken from there."
                ),
                widget=CustomerWidget(related, self.admin_site),
            )

        return super().get_form(request, obj, **{**kwargs, "form": WithCustomers})

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "customers" not in form.changed_data:
            return
        destination = form.instance
        wanted = {str(customer.pk): customer for customer in form.cleaned_data["customers"]}
        shown = set(form.data.getlist(form.add_initial_prefix("customers")))
        present = {str(one.pk): one for one in destination.leaflink_customers.defer("raw")}
        for pk in wanted.keys() - shown - present.keys():
            before = wanted[pk].destination
            if before:
                messages.warning(request, f"{wanted[pk]} was {before}'s before.")
            _point(wanted[pk], destination)
        for pk in (shown - wanted.keys()) & present.keys():
            _point(present[pk], None)

    @display(description="LeafLink customer")
    def leaflink_customer(self, destination: Destination) -> str:
        if not destination.pk:
            return ""
        names = [str(customer) for customer in destination.leaflink_customers.all()]
        return ", ".join(names)

    @display(description="LeafLink brand")
    def leaflink_brand(self, destination: Destination) -> str:
        """The brands whose LeafLink company has this customer."""
        customers = destination.leaflink_customers.all() if destination.pk else []
        names = {str(sold.brand) for one in customers for sold in one.account.brands.all()}
        return ", ".join(sorted(names))


def _told_apart(customer: Customer) -> str:
    """A customer by what tells it from others of the same name."""
    told = [customer.name or str(customer), customer.license_number, str(customer.account)]
    return ", ".join(filter(None, told))


class CustomerChoices(AutocompleteJsonView):
    """LeafLink's customers for a search, told apart. It asks for the permission to view them."""

    def get_queryset(self) -> QuerySet[Customer]:
        found: QuerySet[Customer] = super().get_queryset()
        return found.select_related("account").defer("raw")

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        return {"id": str(obj.pk), "text": _told_apart(obj)}


class CustomerWidget(AutocompleteSelectMultiple):
    """Searches LeafLink's customers."""

    def get_url(self) -> str:
        return reverse("admin:customers_destination_leaflink_customers")

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        attrs = super().build_attrs(base_attrs, extra_attrs)
        # Any field that names customers will do: an order's has no limits of its own.
        attrs["data-app-label"], attrs["data-model-name"] = "leaflink", "order"
        attrs["data-field-name"] = "customer"
        return attrs

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        """The chosen ones only; the others come by searching."""
        chosen = [str(one) for one in value if str(one).isdecimal()]
        rows = Customer.objects.filter(pk__in=chosen).select_related("account").defer("raw")
        options = [
            self.create_option(name, row.pk, _told_apart(row), True, index)
            for index, row in enumerate(rows)
        ]
        return [(None, options, 0)]


def _point(customer: Customer, destination: Destination | None) -> None:
    customer.destination = destination
    customer.save(update_fields=["destination"])
