"""What the pages of runs and calls show besides their fields, and trying again from there."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from catalog.permissions import require
from catalog.return_to import where_from
from integrations import records, work
from integrations.models import Call, Run, WorkItem
from integrations.readable_json import readable

RETRY = "integrations.retry_workitem"
CALLS_A_PAGE = 25


def run_details(request: HttpRequest, run: Run) -> dict[str, Any]:
    """A run's failures, each with its record's page and whether it can be tried again, and a page
    of its calls (`?calls=2`): a handful of queries, however many there are."""
    may_retry = request.user.has_perm(RETRY)
    named = [(one.get("record_kind", ""), one.get("record_key", "")) for one in run.problems]
    found = records.pages(run.connection_id, named, request.user.has_perm)
    problems = [
        {
            **one,
            "page": found.get(record),
            "may_retry": may_retry and records.can_try_again(run, one),
        }
        for one, record in zip(run.problems, named, strict=True)
    ]
    return {
        "run": run,
        "problems": problems,
        "untold": run.failed - len(problems),
        "may_retry": any(one["may_retry"] for one in problems),
        "calls": _calls(request, run) if request.user.has_perm("integrations.view_call") else None,
    }


def _calls(request: HttpRequest, run: Run) -> dict[str, Any]:
    """A page of the run's calls, each with the page of the record it was about."""
    made = Call.objects.filter(run=run).defer("request", "answer").order_by("at", "pk")
    page = Paginator(made, CALLS_A_PAGE).get_page(request.GET.get("calls"))
    rows = list(page)
    find_records(rows, request.user.has_perm)
    return {"page": page, "rows": rows}


def find_records(calls: Iterable[Call], may: Callable[[str], bool]) -> None:
    """Give each call `record_page`, the page of the record it was about, where there is one: a
    query for each kind of record and connection."""
    by_connection: dict[int, list[Call]] = {}
    for call in calls:
        by_connection.setdefault(call.connection_id, []).append(call)
    for connection_id, some in by_connection.items():
        found = records.pages(connection_id, [(c.record_kind, c.record_key) for c in some], may)
        for call in some:
            call.record_page = found.get((call.record_kind, call.record_key))  # type: ignore[attr-defined]


@require_POST
def try_again(request: HttpRequest, run_id: int) -> HttpResponse:
    """Ask for failures of a run to be tried again: those ticked (`problem`: their positions), the
    one whose button was pressed (`only`), or all of them (`all`)."""
    require(request, RETRY)
    run = get_object_or_404(Run, pk=run_id)
    back = HttpResponseRedirect(reverse("admin:integrations_run_change", args=[run.pk]))
    if "all" in request.POST:
        chosen = list(run.problems)
    else:
        only = request.POST.getlist("only") or request.POST.getlist("problem")
        at = {int(one) for one in only if one.isascii() and one.isdigit() and len(one) < 9}
        chosen = [one for place, one in enumerate(run.problems) if place in at]
    if not chosen:
        messages.warning(request, "Nothing is tried again: tick what failed first.")
        return back
    count = records.try_again(run, chosen)
    if not count:
        text = "None of it can be tried again by itself: the next run looks at it anyway."
        messages.warning(request, text)
    else:
        messages.success(request, f"{_records(count)} tried again now.")
    return back


def _records(count: int) -> str:
    return "1 record is" if count == 1 else f"{count} records are"


@require_POST
def retry_work(request: HttpRequest) -> HttpResponse:
    """Try this work now (`work`: ids), whether it is stuck or only waits; back to `?next=`."""
    require(request, RETRY)
    ids = [int(one) for one in request.POST.getlist("work") if one.isdigit() and len(one) < 19]
    count = work.retry_now(WorkItem.objects.filter(pk__in=ids))
    if count:
        messages.success(request, "It is tried again now.")
    else:
        messages.info(request, "There is nothing to try again: it is done, or being done now.")
    return HttpResponseRedirect(
        where_from(request) or reverse("admin:integrations_workitem_changelist")
    )


def bodies_of(call: Call) -> dict[str, Any]:
    """A call with what was sent and answered, for reading."""
    return {
        "call": call,
        "request": readable(call.request),
        "answer": readable(call.answer),
    }


@require_GET
def call_bodies(request: HttpRequest, call_id: int) -> HttpResponse:
    """What was sent and answered in one call, as a piece of a page."""
    require(request, "integrations.view_call")
    call = get_object_or_404(Call, pk=call_id)
    return TemplateResponse(
        request, "admin/integrations/call_bodies.html", {"call": bodies_of(call)}
    )
