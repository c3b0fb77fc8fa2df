"""LeafLink's own lists, to look at and to choose from."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, RelatedFieldWidgetWrapper
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from catalog.natural import natural
from catalog.read_only_admin import ReadOnlyAdmin
from integrations.leaflink.models import ListEntry


class EntryWidget(AutocompleteSelect):
    """A searchable choice from one account's lists: each LeafLink company has ids of its own."""

    def __init__(self, field: Any, site: admin.AdminSite, account_id: int) -> None:
        super().__init__(field, site)
        self.account_id = account_id

    def get_url(self) -> str:
        return f"{super().get_url()}?account={self.account_id}"


def offer_own_entries(
    field: Any, model: type[Model], name: str, site: admin.AdminSite, account_id: int
) -> None:
    """Make a form's field offer the entries of this account only, and no way to change them:
    LeafLink's lists are LeafLink's."""
    related = model._meta.get_field(name)
    widget = EntryWidget(related, site, account_id)
    widget.choices = field.widget.choices
    field.widget = RelatedFieldWidgetWrapper(
        widget,
        related.remote_field,  # type: ignore[arg-type]
        site,
        can_add_related=False,
        can_change_related=False,
        can_view_related=False,
    )


@admin.register(ListEntry)
class ListEntryAdmin(ReadOnlyAdmin):
    list_display = ["name", "list", "account", "gone_at"]
    list_display_links = None
    list_filter = ["list", ("account", AutocompleteSelectFilter)]
    list_select_related = ["account"]
    search_fields = ["name"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ListEntry], search_term: str
    ) -> tuple[QuerySet[ListEntry], bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if "account" in request.GET:  # choosing one, for something of that account
            found = found.filter(account=natural(request.GET["account"]), gone_at__isnull=True)
        return found, duplicates
