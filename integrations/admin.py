"""Admin pages of what runs behind the scenes: runs, waiting work, notices."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from catalog.page_context import PageContext
from catalog.read_only_admin import ReadOnlyAdmin
from integrations import attention_acts, history_pages, notice_wishes, work
from integrations.models import Call, Notice, Run, WorkItem

RUN_COLORS = {
    Run.Outcome.RUNNING.value: "info",
    Run.Outcome.DONE.value: "success",
    Run.Outcome.PARTLY.value: "warning",
    Run.Outcome.FAILED.value: "danger",
}


CALL_COLORS = {
    Call.Outcome.OK.value: "success",
    Call.Outcome.WAIT.value: "warning",
    Call.Outcome.UNKNOWN.value: "warning",
    Call.Outcome.REFUSED.value: "danger",
    Call.Outcome.GONE.value: "danger",
    Call.Outcome.CREDENTIALS.value: "danger",
    Call.Outcome.BAD_PAYLOAD.value: "danger",
}


class DidSomethingFilter(admin.SimpleListFilter):
    """Runs without the many that found nothing to do."""

    title = "did something"
    parameter_name = "did"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("something", "Changed or failed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        if self.value() != "something":
            return queryset
        return queryset.filter(Q(changed__gt=0) | ~Q(outcome=Run.Outcome.DONE))


@admin.register(Run)
class RunAdmin(PageContext, ReadOnlyAdmin):
    list_display = [
        "started_at",
        "connection",
        "what",
        "shown_outcome",
        "seen",
        "changed",
        "skipped",
        "failed",
        "calls",
        "took",
    ]
    list_filter = [
        DidSomethingFilter,
        "outcome",
        ("kind", admin.AllValuesFieldListFilter),
        "connection",
        ("started_at", RangeDateTimeFilter),
    ]
    list_filter_submit = True
    list_select_related = ["connection"]
    fields = [
        "connection",
        "what",
        "outcome",
        ("started_at", "took"),
        ("seen", "changed", "skipped", "failed"),
        "why_skipped",
        "error",
    ]
    readonly_fields = ["what", "took", "why_skipped"]
    change_form_outer_after_template = "admin/integrations/run_details.html"

    def get_urls(self) -> list[URLPattern]:
        again = path(
            "<id:run_id>/try-again/",
            self.admin_site.admin_view(history_pages.try_again),
            name="integrations_run_try_again",
        )
        urls: list[URLPattern] = super().get_urls()
        return [again, *urls]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        blank = {"error"} if obj and not obj.error else set()
        if obj and not obj.skipped:
            blank.add("why_skipped")
        return [name for name in self.fields if name not in blank]

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        run = self.get_object(request, object_id)
        return {**context, "run": history_pages.run_details(request, run)} if run else context

    @display(description="What", ordering="kind")
    def what(self, run: Run) -> str:
        return run.kind.capitalize()

    @display(description="Outcome", ordering="outcome", label=RUN_COLORS)
    def shown_outcome(self, run: Run) -> tuple[str, str]:
        return run.outcome, run.get_outcome_display()

    @display(description="Took")
    def took(self, run: Run) -> str:
        return "–" if run.seconds is None else f"{run.seconds:.1f} s"

    @display(description="Why skipped")
    def why_skipped(self, run: Run) -> str:
        counted = sorted(run.skipped_why.items(), key=lambda pair: -pair[1])
        return ", ".join(f"{count:,} {why}" for why, count in counted) or "–"


@admin.register(Call)
class CallAdmin(PageContext, ReadOnlyAdmin):
    list_display = ["at", "connection", "what", "about", "shown_outcome", "in_short", "took"]
    list_filter = [
        ("outcome", admin.ChoicesFieldListFilter),
        "connection",
        ("what", admin.AllValuesFieldListFilter),
        "method",
        ("at", RangeDateTimeFilter),
    ]
    list_filter_submit = True
    list_select_related = ["connection"]
    search_fields = ["record_key"]
    fields = [
        ("what", "connection"),
        ("outcome", "status", "took"),
        "said",
        ("at", "run"),
        ("method", "path"),
        "about",
    ]
    readonly_fields = ["took", "about"]
    change_form_outer_after_template = "admin/integrations/call_page.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        return super().get_queryset(request).defer("request", "answer")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with the pages of the records that its calls were about looked up at once."""
        found = super().get_changelist_instance(request)
        history_pages.find_records(found.result_list, request.user.has_perm)
        return found

    def get_urls(self) -> list[URLPattern]:
        bodies = path(
            "<id:call_id>/bodies/",
            self.admin_site.admin_view(history_pages.call_bodies),
            name="integrations_call_bodies",
        )
        urls: list[URLPattern] = super().get_urls()
        return [bodies, *urls]

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        call = self.get_object(request, object_id)
        return {**context, "call": history_pages.bodies_of(call)} if call else context

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        call = super().get_object(request, *args, **kwargs)
        if call:
            history_pages.find_records([call], request.user.has_perm)
        return call

    @display(description="In words")
    def in_short(self, call: Call) -> str:
        return Truncator(call.said).chars(90) or "–"

    @display(description="Outcome", ordering="outcome", label=CALL_COLORS)
    def shown_outcome(self, call: Call) -> tuple[str, str]:
        return call.outcome, call.get_outcome_display()

    @display(description="Took", ordering="milliseconds")
    def took(self, call: Call) -> str:
        return f"{call.milliseconds:,} ms"

    @display(description="About")
    def about(self, call: Call) -> str:
        page = getattr(call, "record_page", None)
        if page is None:
            return " ".join(filter(None, (call.record_kind, call.record_key))) or "–"
        return format_html('<a class="lb-link" href="{}">{}</a>', page.address, page.name)


@admin.register(WorkItem)
class WorkItemAdmin(ReadOnlyAdmin):
    list_display = ["what", "key", "connection", "standing", "attempts", "requested_at", "error"]
    list_display_links = None
    list_filter = ["kind", "connection", ("stuck_at", admin.EmptyFieldListFilter)]
    list_select_related = ["connection"]
    search_fields = ["key", "error"]
    actions = ["retry_selected"]

    def get_urls(self) -> list[URLPattern]:
        again = path(
            "try-again/",
            self.admin_site.admin_view(history_pages.retry_work),
            name="integrations_workitem_try_again",
        )
        urls: list[URLPattern] = super().get_urls()
        return [again, *urls]

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("integrations.retry_workitem"))

    @display(description="What", ordering="kind")
    def what(self, item: WorkItem) -> str:
        return work.labels.get(item.kind, item.kind)

    @display(
        description="Standing",
        label={"stuck": "danger", "working": "info", "later": "warning", "waiting": "default"},
    )
    def standing(self, item: WorkItem) -> tuple[str, str]:
        now = timezone.now()
        if item.stuck_at:
            return "stuck", "Stuck"
        if item.leased_until and item.leased_until > now:
            return "working", "Being done"
        if item.not_before > now:
            return "later", f"Again at {timezone.localtime(item.not_before):%H:%M:%S}"
        return "waiting", "Waiting"

    @admin.action(description="Try again now", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, items: QuerySet[WorkItem]) -> None:
        messages.success(request, f"{work.retry(items)} stuck pieces of work are tried again.")


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ["text", "account", "category", "times", "first_seen_at", "resolved_at"]
    list_display_links = None
    list_before_template = "admin/notice_list_top.html"
    list_filter = ["category", "connection", ("resolved_at", admin.EmptyFieldListFilter)]
    list_select_related = ["connection"]
    search_fields = ["text"]
    actions = ["resolve_selected"]

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        wrap = self.admin_site.admin_view
        own = [
            path("mails/", wrap(notice_wishes.mails), name="integrations_notice_mails"),
            path(
                "mails/test/", wrap(notice_wishes.test_mail), name="integrations_notice_test_mail"
            ),
        ]
        return [*own, *attention_acts.urls(wrap), *urls]

    @display(description="Account", ordering="connection__name")
    def account(self, notice: Notice) -> str:
        return str(notice.connection or "–")

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("integrations.change_notice"))

    @admin.action(description="Mark as resolved", permissions=["resolve"])
    def resolve_selected(self, request: HttpRequest, notices: QuerySet[Notice]) -> None:
        count = notices.filter(resolved_at__isnull=True).update(resolved_at=timezone.now())
        messages.success(request, f"{count} notices are marked as resolved.")
