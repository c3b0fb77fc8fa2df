"""How long records of work are kept."""

from datetime import timedelta

from django.apps import apps
from django.utils import timezone
from django_q.models import Failure, Success

from integrations.models import Notice, Run

KEEP = timedelta(days=30)
# A poll each minute that found nothing is of no interest for long.
KEEP_QUIET_RUNS = timedelta(days=2)


def prune() -> None:
    """Delete old runs, resolved notices, webhooks and the task queue's own results."""
    now = timezone.now()
    Run.objects.filter(started_at__lt=now - KEEP).delete()
    Run.objects.filter(
        started_at__lt=now - KEEP_QUIET_RUNS, outcome=Run.Outcome.DONE, changed=0
    ).delete()
    Notice.objects.filter(resolved_at__lt=now - KEEP).delete()
    Success.objects.filter(stopped__lt=now - KEEP_QUIET_RUNS).delete()
    Failure.objects.filter(stopped__lt=now - KEEP).delete()
    for model in apps.get_models():
        keep = getattr(model, "pruned_by", None)
        if keep:
            model._default_manager.filter(**{f"{keep}__lt": now - KEEP}).delete()
