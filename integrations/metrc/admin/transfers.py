"""Transfers as Metrc has them: the list, one's page, and the pages about an order's transfer."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from catalog.natural import natural
from catalog.page_context import PageContext
from catalog.pasted_numbers import FindsPastedNumbers
from catalog.read_only_admin import ReadOnlyAdmin
from customers.models import license_sought
from customers.own import if_own
from integrations.metrc.admin import manifest_page, match_page, received_page
from integrations.metrc.mapping import transfer_states
from integrations.metrc.mapping.transfer_states import Shown
from integrations.metrc.models import Delivery, DeliveryPackage, Match, PossibleMatch, Transfer
from orders.models import SalesOrder

MOST_RECIPIENTS = 3
COLORS = {
    one.name: one.color
    for one in (
        transfer_states.VOIDED,
        transfer_states.ON_THE_WAY,
        transfer_states.IN_PART,
        transfer_states.RECEIVED,
        transfer_states.NOT_WHOLE,
    )
}


def state_of(transfer: Transfer) -> Shown:
    """How far a transfer is, in words."""
    return transfer_states.of_counts(
        voided=transfer.is_voided,
        units=transfer.delivery_count,
        received=transfer.received_delivery_count,
        packages_received=transfer.received_package_count,
    )


class StateFilter(admin.SimpleListFilter):
    """Transfers by how far they are."""

    title = "state"
    parameter_name = "state"
    WHOLE = Q(delivery_count__gt=0, received_delivery_count__gte=F("delivery_count"))
    BEGUN = Q(received_delivery_count__gt=0) | Q(received_package_count__gt=0)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = (
            transfer_states.ON_THE_WAY,
            transfer_states.IN_PART,
            transfer_states.RECEIVED,
            transfer_states.VOIDED,
        )
        return [(one.name, one.words) for one in states]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Transfer]) -> QuerySet[Transfer]:
        wanted = {
            "voided": Q(is_voided=True),
            "received": Q(is_voided=False) & self.WHOLE,
            "in_part": Q(is_voided=False) & ~self.WHOLE & self.BEGUN,
            "on_the_way": Q(is_voided=False) & ~self.WHOLE & ~self.BEGUN,
        }
        chosen = wanted.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


class MatchedFilter(admin.SimpleListFilter):
    """Transfers by whether they are known to be an order's."""

    title = "sales order"
    parameter_name = "matched"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Matched with one"), ("no", "Not matched"), ("maybe", "To be decided")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Transfer]) -> QuerySet[Transfer]:
        chosen = self.value()
        if chosen == "maybe":
            open_ones = PossibleMatch.objects.filter(
                delivery__transfer=OuterRef("pk"), dismissed_at__isnull=True
            )
            return queryset.filter(Exists(open_ones))
        if chosen not in ("yes", "no"):
            return queryset
        matches = Match.objects.filter(delivery__transfer=OuterRef("pk"), ended_at__isnull=True)
        return queryset.filter(Exists(matches) if chosen == "yes" else ~Exists(matches))


@admin.register(Transfer)
class TransferAdmin(PageContext, FindsPastedNumbers, ReadOnlyAdmin):
    list_display = [
        "shown_manifest",
        "shown_state",
        "recipients",
        "created_at",
        "shown_packages",
        "orders",
        "facility",
    ]
    list_display_links = ["shown_manifest"]
    list_filter = [
        StateFilter,
        MatchedFilter,
        "facility",
        ("created_at", RangeDateTimeFilter),
    ]
    list_filter_submit = True
    list_select_related = ["facility"]
    # What is searched is said in `get_search_results`; this makes the field appear.
    search_fields = ["manifest_number"]
    search_help_text = "Manifest, tag of a package, recipient or its license, order or invoice"
    change_form_outer_after_template = "admin/metrc/transfer_deliveries.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("shown_manifest", "state_in_words"),
                    ("created_at", "created_by"),
                    ("shown_packages", "facility"),
                    ("modified_at", "read_at"),
                ]
            },
        ),
    ]
    readonly_fields = ["shown_manifest", "state_in_words", "shown_packages"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transfer]:
        matches = Match.objects.filter(ended_at__isnull=True).select_related("order")
        deliveries = Delivery.objects.filter(is_listed=True).defer("raw")
        deliveries = deliveries.prefetch_related(
            Prefetch("matches", matches, to_attr="standing"),
        )
        rows: QuerySet[Transfer] = super().get_queryset(request).defer("raw")
        return rows.prefetch_related(Prefetch("deliveries", deliveries, to_attr="listed"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.strip().lstrip("#")
        return (queryset.filter(sought(words)) if words else queryset), False

    def get_urls(self) -> list[URLPattern]:
        own: list[URLPattern] = super().get_urls()
        pages = [
            path(
                f"order/<id:order_id>/{address}",
                self.admin_site.admin_view(if_own(SalesOrder, view)),
                name=f"metrc_order_{name}",
            )
            for module in (match_page, received_page, manifest_page)
            for address, view, name in module.VIEWS
        ]
        return [*pages, *own]

    @display(description="Manifest", ordering="manifest_number")
    def shown_manifest(self, transfer: Transfer) -> str:
        return transfer.manifest_number or f"no number yet ({transfer.remote_id})"

    @display(description="State", label=COLORS)
    def shown_state(self, transfer: Transfer) -> tuple[str, str]:
        state = state_of(transfer)
        return state.name, state.words

    @display(description="State")
    def state_in_words(self, transfer: Transfer) -> str:
        return state_of(transfer).words

    @display(description="Recipient")
    def recipients(self, transfer: Transfer) -> str:
        names = [one.recipient_name or one.recipient_license for one in _listed(transfer)]
        more = f" and {len(names) - MOST_RECIPIENTS} more" if len(names) > MOST_RECIPIENTS else ""
        return ", ".join(names[:MOST_RECIPIENTS]) + more or "–"

    @display(description="Packages", ordering="package_count")
    def shown_packages(self, transfer: Transfer) -> str:
        received = transfer.received_package_count
        return f"{transfer.package_count}" + (f", {received} received" if received else "")

    @display(description="Sales order")
    def orders(self, transfer: Transfer) -> str:
        found = [match.order for one in _listed(transfer) for match in _standing(one)]
        return (
            format_html_join(
                ", ",
                '<a class="lb-link" href="{}">{}</a>',
                (
                    (reverse("admin:orders_salesorder_change", args=[order.pk]), order.number)
                    for order in found
                ),
            )
            or "–"
        )

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        context["deliveries"] = deliveries_of(natural(object_id))
        context["may_match"] = request.user.has_perm("metrc.view_match")
        return context


def _listed(transfer: Transfer) -> list[Delivery]:
    found: list[Delivery] = getattr(transfer, "listed", [])
    return found


def _standing(delivery: Delivery) -> list[Match]:
    found: list[Match] = getattr(delivery, "standing", [])
    return found


def sought(words: str) -> Q:
    """What a search for transfers finds: each part by a subquery, so that no row comes twice."""
    deliveries = Q(recipient_name__icontains=words) | Q(invoice_number__iexact=words)
    key = license_sought(words)
    if key:
        deliveries |= Q(recipient_key__startswith=key)
    found = Q(pk__in=Delivery.objects.filter(deliveries).order_by().values("transfer"))
    packages = DeliveryPackage.objects.filter(label__istartswith=words)
    if len(words) >= 4:
        packages = packages | DeliveryPackage.objects.filter(label__iendswith=words)
    found |= Q(pk__in=packages.order_by().values("delivery__transfer"))
    matches = Match.objects.filter(order__number__iexact=words, ended_at__isnull=True)
    found |= Q(pk__in=matches.order_by().values("delivery__transfer"))
    return found | Q(manifest_number__icontains=words) | Q(invoice_number__iexact=words)


def deliveries_of(transfer_id: int) -> list[dict[str, Any]]:
    """The deliveries of a transfer with their packages, states and orders, in three queries."""
    matches = Match.objects.filter(ended_at__isnull=True).select_related("order")
    rows = Delivery.objects.filter(transfer=transfer_id, is_listed=True).defer("raw")
    rows = rows.select_related("transfer").prefetch_related(
        Prefetch("packages", DeliveryPackage.objects.filter(is_listed=True), to_attr="rows"),
        Prefetch("matches", matches, to_attr="standing"),
    )
    return [
        {
            "delivery": one,
            "state": transfer_states.of_delivery(
                voided=one.transfer.is_voided,
                received=one.received_at is not None,
                states=[package.state for package in one.rows],
            ),
            "packages": [(row, transfer_states.of_package(row.state)) for row in one.rows],
            "orders": [match.order for match in _standing(one)],
        }
        for one in rows
    ]
