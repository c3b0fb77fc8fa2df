"""The catalog's lists of stock and lots, with the tags of the packages each is in Metrc.

The catalog knows nothing of Metrc, so its pages are extended here, from the outer ring.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from catalog.admin import LotAdmin, StockAdmin
from catalog.models import Lot, Stock
from integrations.metrc.models import Package

# More tags than this are counted.
MOST_TAGS = 3
# By lot and facility of ours the ids and tags of its packages on the shelf.
Tags = dict[int, list[tuple[int | None, int, str]]]

admin.site.unregister(Stock)
admin.site.unregister(Lot)


def tags_of(lots: Iterable[int]) -> Tags:
    """By lot its packages on the shelf, as (facility of ours, id, tag): one query."""
    rows = Package.objects.filter(lot__in=set(lots), place=Package.Place.ACTIVE)
    found: Tags = {}
    for lot, facility, pk, label in rows.order_by("label").values_list(
        "lot", "facility__facility", "pk", "label"
    ):
        found.setdefault(lot, []).append((facility, pk, label))
    return found


class PackageTags:
    """For admins (before ModelAdmin): a column of tags, read once for a page of the list."""

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = list(super().get_list_display(request))  # type: ignore[misc]
        return (
            [*columns, "package_tags"] if request.user.has_perm("metrc.view_package") else columns
        )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)  # type: ignore[misc]
        if "package_tags" in changelist.list_display:
            shown = list(changelist.result_list)
            changelist.result_list = shown
            tags = tags_of(filter(None, map(self.lot_of, shown)))
            for row in shown:
                row.tags = self.of_row(row, tags.get(self.lot_of(row) or 0, []))
        return changelist

    def lot_of(self, row: Any) -> int | None:
        """The lot that a row of the list is about."""
        raise NotImplementedError

    def of_row(self, row: Any, tags: list[tuple[int | None, int, str]]) -> list[tuple[int, str]]:
        """The packages of the row, of all those of its lot."""
        return [(pk, label) for _, pk, label in tags]

    @display(description="Package tags")
    def package_tags(self, row: Any) -> str:
        tags: list[tuple[int, str]] = row.tags
        links = format_html_join(
            ", ",
            '<a class="lb-link" href="{}">{}</a>',
            (
                (reverse("admin:metrc_package_change", args=[pk]), tag)
                for pk, tag in tags[:MOST_TAGS]
            ),
        )
        more = len(tags) - MOST_TAGS
        return format_html("{} and {} more", links, more) if more > 0 else links


@admin.register(Stock)
class MetrcStockAdmin(PackageTags, StockAdmin):
    """Stock with the tags of its lot's packages at the same facility."""

    def lot_of(self, row: Stock) -> int | None:
        return row.lot_id

    def of_row(self, row: Stock, tags: list[tuple[int | None, int, str]]) -> list[tuple[int, str]]:
        return [(pk, label) for facility, pk, label in tags if facility == row.facility_id]


@admin.register(Lot)
class MetrcLotAdmin(PackageTags, LotAdmin):
    """Lots with the tags of their packages, wherever they are."""

    def lot_of(self, row: Lot) -> int | None:
        return row.pk
