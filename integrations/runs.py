"""Recording runs: who did what when, with counts, and the failures in words."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import timezone

from integrations.models import Connection, Run, cut_problem

logger = logging.getLogger(__name__)
MOST_PROBLEMS = 50


class Recorder:
    """Counts of a run in progress."""

    def __init__(self) -> None:
        self.seen = self.changed = self.failed = self.calls = 0
        self.problems: list[dict[str, str]] = []

    def problem(self, key: object, reason: str) -> None:
        """One record could not be dealt with; the run goes on."""
        self.failed += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(cut_problem(key, reason))


@contextmanager
def record(connection: Connection, kind: str) -> Iterator[Recorder]:
    """Record the block as a Run. An exception is noted on the run and raised on."""
    run = Run.objects.create(connection=connection, kind=kind)
    recorder = Recorder()
    error = ""
    try:
        yield recorder
    except BaseException as raised:
        error = f"{raised}" or type(raised).__name__
        raise
    finally:
        outcome = Run.Outcome.PARTLY if recorder.failed else Run.Outcome.DONE
        Run.objects.filter(pk=run.pk).update(
            outcome=Run.Outcome.FAILED if error else outcome,
            finished_at=timezone.now(),
            seen=recorder.seen,
            changed=recorder.changed,
            failed=recorder.failed,
            calls=recorder.calls,
            problems=recorder.problems,
            error=error[:2000],
        )
