"""Recording runs: who did what when, with counts, and the failures in words."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import timezone

from integrations import call_log
from integrations.models import Connection, Run, cut_problem

logger = logging.getLogger(__name__)
MOST_PROBLEMS = 50


class Recorder:
    """Counts of a run in progress."""

    def __init__(self) -> None:
        self.seen = self.changed = self.failed = self.calls = 0
        self.problems: list[dict[str, str]] = []
        self.skipped_why: dict[str, int] = {}

    @property
    def skipped(self) -> int:
        """How many were looked at and left as they are."""
        return sum(self.skipped_why.values())

    def problem(
        self, key: object, reason: str, record_kind: str = "", record_key: object = ""
    ) -> None:
        """One record could not be dealt with; the run goes on.

        `key` names it for people. `record_kind` and `record_key` (see `integrations.records`) lead
        to its page, and to trying it again.
        """
        self.failed += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(cut_problem(key, reason, record_kind, record_key))

    def skip(self, why: str, count: int = 1) -> None:
        """So many were left as they are; `why` in words that follow a number ("unchanged")."""
        if count > 0:
            self.skipped_why[why] = self.skipped_why.get(why, 0) + count


@contextmanager
def record(connection: Connection, kind: str) -> Iterator[Recorder]:
    """Record the block as a Run, with the calls made in it. An exception is noted on the run and
    raised on."""
    run = Run.objects.create(connection=connection, kind=kind)
    recorder = Recorder()
    error = ""
    try:
        with call_log.kept(run):
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
            skipped=recorder.skipped,
            skipped_why=recorder.skipped_why,
            calls=recorder.calls,
            problems=recorder.problems,
            error=error[:2000],
        )
