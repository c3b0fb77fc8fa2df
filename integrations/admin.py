"""Admin pages of what runs behind the scenes: runs, waiting work, notices."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from catalog.read_only_admin import ReadOnlyAdmin
from integrations import attention_acts, notice_wishes, work
from integrations.models import Notice, Run, WorkItem

RUN_COLORS = {
    Run.Outcome.RUNNING.value: "info",
    Run.Outcome.DONE.value: "success",
    Run.Outcome.PARTLY.value: "warning",
    Run.Outcome.FAILED.value: "danger",
}


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = [
        "started_at",
        "connection",
        "what",
        "shown_outcome",
        "seen",
        "changed",
        "failed",
        "calls",
        "took",
    ]
    list_filter = ["outcome", "kind", "connection", ("started_at", RangeDateTimeFilter)]
    list_filter_submit = True
    list_select_related = ["connection"]
    fields = [
        "connection",
        "what",
        "outcome",
        ("started_at", "took"),
        ("seen", "changed", "failed", "calls"),
        "error",
        "shown_problems",
    ]
    readonly_fields = ["what", "took", "shown_problems"]

    @display(description="What", ordering="kind")
    def what(self, run: Run) -> str:
        return run.kind.capitalize()

    @display(description="Outcome", ordering="outcome", label=RUN_COLORS)
    def shown_outcome(self, run: Run) -> tuple[str, str]:
        return run.outcome, run.get_outcome_display()

    @display(description="Took")
    def took(self, run: Run) -> str:
        return "–" if run.seconds is None else f"{run.seconds:.1f} s"

    @display(description="What went wrong")
    def shown_problems(self, run: Run) -> str:
        rows = ((problem["key"], problem["reason"]) for problem in run.problems)
        return format_html_join("", "<p><strong>{}</strong>: {}</p>", rows) or "Nothing."


@admin.register(WorkItem)
class WorkItemAdmin(ReadOnlyAdmin):
    list_display = ["what", "key", "connection", "standing", "attempts", "requested_at", "error"]
    list_display_links = None
    list_filter = ["kind", "connection", ("stuck_at", admin.EmptyFieldListFilter)]
    list_select_related = ["connection"]
    search_fields = ["key", "error"]
    actions = ["retry_selected"]

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
    list_display = ["text", "connection", "category", "times", "first_seen_at", "resolved_at"]
    list_display_links = None
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

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("integrations.change_notice"))

    @admin.action(description="Mark as resolved", permissions=["resolve"])
    def resolve_selected(self, request: HttpRequest, notices: QuerySet[Notice]) -> None:
        count = notices.filter(resolved_at__isnull=True).update(resolved_at=timezone.now())
        messages.success(request, f"{count} notices are marked as resolved.")
