"""The drift report: all that differs between us and LeafLink; fixed, ignored, or taken along."""

# mypy: allow-subclassing-any

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from import_export.resources import ModelResource
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSingleDateWidget

from catalog.export_admin import PermittedExport
from catalog.file_columns import exported
from catalog.permissions import require
from catalog.read_only_admin import ReadOnlyAdmin
from integrations.leaflink import drift as report
from integrations.leaflink.admin import listing_pages
from integrations.leaflink.admin.fix_drift import BY_HAND, DETAILS, fields_of, fix
from integrations.leaflink.models import Account, Drift

Kind = Drift.Kind
FIXES = ["leaflink.change_listing", "leaflink.sync_account"]
COLORS = {
    Kind.QUANTITY.value: "danger",
    Kind.UNIT.value: "danger",
    Kind.LISTING_STATE.value: "danger",
    Kind.STATUS.value: "warning",
    Kind.TERMS.value: "warning",
    Kind.PRICE.value: "warning",
}


class IgnoreForm(forms.Form):
    """Until when to ignore differences."""

    until = forms.DateField(
        label="Until",
        widget=UnfoldAdminSingleDateWidget(attrs={"type": "date"}),
        error_messages={
            "required": "Choose the day on which they come back.",
            "invalid": "That is no day. Write it like 2026-01-31.",
        },
    )

    def clean_until(self) -> date:
        day: date = self.cleaned_data["until"]
        if day <= timezone.localdate():
            raise forms.ValidationError("Choose a day that is still to come.")
        return day


class IgnoredFilter(admin.SimpleListFilter):
    """Those that nobody ignores, unless told."""

    title = "ignored"
    parameter_name = "ignored"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Ignored"), ("any", "All")]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            if choice["query_string"] == changelist.get_query_string(remove=["ignored"]):
                choice["display"] = "Not ignored"
            yield choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Drift]) -> QuerySet[Drift]:
        now = timezone.now()
        if self.value() == "yes":
            return queryset.filter(ignored_until__gte=now)
        if self.value() == "any":
            return queryset
        return queryset.filter(Q(ignored_until__isnull=True) | Q(ignored_until__lt=now))


class DriftResource(ModelResource):
    """The report as a file."""

    account = exported("account__name", "account")
    sku = exported("listing__item__sku", "item sku")
    item = exported("listing__item__name", "item")
    order = exported("order__number", "LeafLink order")
    what = exported("label", "what")
    ours = exported("ours", "ours")
    theirs = exported("theirs", "LeafLink's")
    found_at = exported("found_at", "since")
    ignored_until = exported("ignored_until", "ignored until")

    class Meta:
        model = Drift
        name = "Differences"
        fields = (
            "account",
            "sku",
            "item",
            "order",
            "what",
            "ours",
            "theirs",
            "found_at",
            "ignored_until",
        )

    def get_queryset(self) -> QuerySet[Drift]:
        rows = super().get_queryset()
        return rows.select_related("account", "listing__item", "order").defer("order__raw")


@admin.register(Drift)
class DriftAdmin(PermittedExport, ReadOnlyAdmin):
    resource_classes = [DriftResource]
    list_display = [
        "about",
        "what",
        "shown_ours",
        "shown_theirs",
        "account",
        "found_at",
        "ignored",
        "fix",
    ]
    list_display_links = None
    list_filter = ["kind", IgnoredFilter, ("account", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_per_page = 50
    show_full_result_count = False
    search_fields = [
        "listing__item__sku",
        "listing__item__name",
        "order__number",
        "order__short_id",
        "label",
    ]
    actions = ["fix_selected", "keep_selected", "ignore_selected", "stop_ignoring"]
    list_before_template = "admin/leaflink/drift_before.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Drift]:
        # Of an account that is not active nothing is read or sent: what differed then is no news.
        rows = super().get_queryset(request).filter(account__is_active=True)
        rows = rows.select_related("account", "listing__item", "listing__product", "order")
        return rows.defer(
            "order__raw", "listing__product__raw", "listing__product__shown", "listing__agreed"
        )

    def has_fix_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perms(FIXES))

    @display(description="Of", ordering="listing__item__name")
    def about(self, drift: Drift) -> str:
        if drift.listing:
            url = reverse("admin:leaflink_listing_change", args=[drift.listing_id])
            if drift.kind in (Kind.QUANTITY, Kind.RESERVED):
                url = reverse("admin:leaflink_listing_why", args=[drift.listing_id])
            return format_html('<a class="lb-link" href="{}">{}</a>', url, drift.listing.item)
        url = reverse("admin:leaflink_order_change", args=[drift.order_id])
        return format_html('<a class="lb-link" href="{}">LeafLink order {}</a>', url, drift.order)

    @display(description="What", ordering="kind", label=COLORS)
    def what(self, drift: Drift) -> tuple[str, str]:
        return drift.kind, drift.label

    @display(description="Ours")
    def shown_ours(self, drift: Drift) -> str:
        return _cut(drift.ours)

    @display(description="LeafLink's")
    def shown_theirs(self, drift: Drift) -> str:
        return _cut(drift.theirs)

    @display(description="Ignored until")
    def ignored(self, drift: Drift) -> str:
        until = drift.ignored_until
        if until is None or until < timezone.now():
            return ""
        by = f" by {drift.ignored_by}" if drift.ignored_by_id else ""
        return f"{timezone.localtime(until):%b %-d}{by}"

    @display(description="Fix")
    def fix(self, drift: Drift) -> str:
        """A button that fixes this one. It stands in the list's own form, which is posted."""
        if drift.kind in BY_HAND:
            return "By hand"
        url = reverse("admin:leaflink_drift_fix", args=[drift.pk])
        does, label = "Send ours", f"Send our {drift.get_kind_display().lower()} of"
        if drift.kind == Kind.RESERVED:
            does, label = "Read again", "Read the product and its orders again:"
        return format_html(
            '<button class="lb-button" formaction="{}" formmethod="post" formnovalidate '
            'aria-label="{} {}">{}</button>',
            url,
            label,
            drift.listing or drift.order,
            does,
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {**(extra_context or {}), "may_fix": self.has_fix_permission(request)}
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns: list[Any] = list(super().get_list_display(request))
        return columns if self.has_fix_permission(request) else columns[:-1]

    def get_urls(self) -> list[URLPattern]:
        def closed(view: Any) -> Any:
            return self.admin_site.admin_view(require_POST(view))

        urls: list[URLPattern] = super().get_urls()
        return [
            path("compare/", closed(self.compare_now), name="leaflink_drift_compare"),
            path("<id:drift_id>/fix/", closed(self.fix_one), name="leaflink_drift_fix"),
            *urls,
        ]

    def compare_now(self, request: HttpRequest) -> HttpResponse:
        """Compare again what is known of both sides; LeafLink is not asked."""
        require(request, *FIXES)
        count = sum(report.record(account) for account in Account.objects.filter(is_active=True))
        messages.success(
            request, f"Compared: {count} differences. LeafLink itself is read every ten minutes."
        )
        return HttpResponseRedirect(reverse("admin:leaflink_drift_changelist"))

    def fix_one(self, request: HttpRequest, drift_id: int) -> HttpResponse:
        """Make LeafLink show ours in one thing."""
        require(request, *FIXES)
        drifts = self.get_queryset(request).filter(pk=drift_id)
        if drifts.exists():
            fix(request, drifts)
        else:
            messages.info(request, "This no longer differs.")
        return HttpResponseRedirect(reverse("admin:leaflink_drift_changelist"))

    @admin.action(description="Fix: send ours (reservations: read again)", permissions=["fix"])
    def fix_selected(self, request: HttpRequest, drifts: QuerySet[Drift]) -> None:
        fix(request, drifts)

    @admin.action(description="Keep LeafLink's (prices and details)", permissions=["fix"])
    def keep_selected(self, request: HttpRequest, drifts: QuerySet[Drift]) -> None:
        rows = drifts.filter(kind__in=DETAILS)
        listing_pages.decide_fields(request, fields_of(rows), "keep")
        _recorded(drifts)

    @admin.action(description="Ignore until…", permissions=["fix"])
    def ignore_selected(self, request: HttpRequest, drifts: QuerySet[Drift]) -> HttpResponse | None:
        form = IgnoreForm(
            request.POST if "confirmed" in request.POST else None,
            initial={"until": timezone.localdate() + timedelta(days=7)},
        )
        if form.is_bound and form.is_valid():
            day = form.cleaned_data["until"]
            until = timezone.make_aware(datetime.combine(day, time.min))
            count = report.ignore(drifts, until, by=request.user)  # type: ignore[arg-type]
            messages.success(request, f"{count} differences are ignored until {day:%b %-d, %Y}.")
            return None
        context = {
            **admin.site.each_context(request),
            "title": "Ignore differences",
            "opts": Drift._meta,
            "drifts": list(drifts),
            "form": form,
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/leaflink/ignore_drift.html", context)

    @admin.action(description="Stop ignoring", permissions=["fix"])
    def stop_ignoring(self, request: HttpRequest, drifts: QuerySet[Drift]) -> None:
        count = drifts.update(ignored_until=None, ignored_by=None)
        messages.success(request, f"{count} differences are in the report again.")


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}…"


def _recorded(drifts: QuerySet[Drift]) -> None:
    """Compare the accounts of these anew: what was settled is gone from the report at once."""
    for account in Account.objects.filter(pk__in=set(drifts.values_list("account", flat=True))):
        report.record(account)
