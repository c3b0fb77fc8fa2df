"""How long records of work are kept: by the KEEP_…_DAYS settings (see .env.example).

Old rows go some hundred at a time, each lot in a transaction of its own, so that a big table is
never locked for long and a clean-up that is cut off has done what it has done.
"""

from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django_q.models import Failure, Success

from integrations.models import Call, CallCount, Notice, PushDelay, Run

AT_A_TIME = 500
# What charts are drawn from: a year and a month, to compare with the year before.
KEEP_COUNTS = timedelta(days=400)


def prune() -> None:
    """Delete old runs, calls, resolved notices, the task queue's own results, and the old rows of
    each model that says so: `pruned_by` names its time's column, `pruned_after` the setting."""
    runs, quiet = _before("KEEP_RUNS_DAYS"), _before("KEEP_QUIET_RUNS_DAYS")
    _delete(Run.objects.filter(started_at__lt=runs))
    # A poll each minute that found nothing is of no interest for long.
    nothing = Run.objects.filter(outcome=Run.Outcome.DONE, changed=0)
    _delete(nothing.filter(started_at__lt=quiet))
    _delete(Call.objects.filter(at__lt=_before("KEEP_CALLS_DAYS")))
    pages = Call.objects.filter(is_page=True, outcome=Call.Outcome.OK)
    _delete(pages.filter(at__lt=quiet))
    counts = timezone.now() - KEEP_COUNTS
    _delete(CallCount.objects.filter(hour__lt=counts))
    _delete(PushDelay.objects.filter(hour__lt=counts))
    _delete(Notice.objects.filter(resolved_at__lt=_before("KEEP_NOTICES_DAYS")))
    _delete(Success.objects.filter(stopped__lt=quiet))
    _delete(Failure.objects.filter(stopped__lt=runs))
    for model in apps.get_models():
        column = getattr(model, "pruned_by", None)
        if column:
            before = _before(model.pruned_after)  # type: ignore[attr-defined]
            _delete(model._default_manager.filter(**{f"{column}__lt": before}))


def _before(setting: str) -> datetime:
    days: int = getattr(settings, setting)
    return timezone.now() - timedelta(days=days)


def _delete(rows: QuerySet[Any]) -> None:
    """Delete all these, the oldest first."""
    oldest = rows.order_by("pk").values_list("pk", flat=True)
    while some := list(oldest[:AT_A_TIME]):
        rows.model._default_manager.filter(pk__in=some).delete()
