"""Keeping a history of calls to vendors, in few statements however many there are.

Calls gather in memory while a run or a piece of work is done, and are written at its end, also when
it fails, and now and then in between. Of a process that is killed the last few are lost: they are
history, and nothing is decided by them.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.db import DatabaseError, transaction

from integrations import call_counts, push_delays
from integrations.models import Call, Run
from integrations.secret_free import may_name_secrets, without_secrets

logger = logging.getLogger(__name__)

# Written when so many have gathered, or when the first of them is so many seconds old.
MOST_GATHERED = 100
LONGEST_GATHERED = 10.0
# Characters kept of what was sent, and of what was answered.
MOST_KEPT = 8000
# Of what is longer than this not even the beginning is made readable.
MOST_READ = 2_000_000


class CallLog:
    """Calls that wait to be written."""

    def __init__(self, run: Run | None = None) -> None:
        self.run = run
        self._calls: list[Call] = []
        self._delays: list[push_delays.Delay] = []
        self._since = time.monotonic()

    def add(self, call: Call) -> None:
        """Take a call, unsaved. It is counted as one of the run's."""
        call.run = self.run
        self._calls.append(call)
        self._flush_when_due()

    def add_delay(self, delay: push_delays.Delay) -> None:
        """Take how long a push took, from being asked for to its answer."""
        self._delays.append(delay)
        self._flush_when_due()

    def _flush_when_due(self) -> None:
        gathered = len(self._calls) + len(self._delays)
        if gathered == 1:
            self._since = time.monotonic()
        if gathered >= MOST_GATHERED or time.monotonic() - self._since > LONGEST_GATHERED:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered. What can't be written is logged and lost: work goes on."""
        calls, delays = self._calls, self._delays
        self._calls, self._delays = [], []
        if not (calls or delays):
            return
        try:
            with transaction.atomic():
                Call.objects.bulk_create(calls, batch_size=200)
                call_counts.count(calls)
                push_delays.count(delays)
        except DatabaseError:
            logger.exception("calls could not be written", extra={"calls": len(calls)})


_open: ContextVar[CallLog | None] = ContextVar("call_log", default=None)


@contextmanager
def kept(run: Run | None = None) -> Iterator[None]:
    """Keep the calls made in the block, as calls of `run` where there is one.

    Within another such block and without a run of its own it adds to that one.
    """
    if run is None and _open.get() is not None:
        yield
        return
    log = CallLog(run)
    before = _open.set(log)
    try:
        yield
    finally:
        _open.reset(before)
        log.flush()


def add(call: Call) -> None:
    """Keep a call; outside of any `kept` block it is written at once."""
    with kept():
        log = _open.get()
        assert log
        log.add(call)


def add_delay(connection_id: int, what: str, asked_at: datetime, answered_at: datetime) -> None:
    """Keep how long a push took, like a call."""
    with kept():
        log = _open.get()
        assert log
        log.add_delay(push_delays.Delay(connection_id, what, asked_at, answered_at))


def as_kept(body: Any, cut: Callable[[str], str]) -> str:
    """What is kept of a body (bytes as they came, or JSON): without secrets, cut to MOST_KEPT."""
    if body is None or body == b"":
        return ""
    if isinstance(body, bytes):
        if len(body) > MOST_READ:
            return f"({len(body):,} bytes)"
        text = body.decode("utf-8", "replace")
        if not may_name_secrets(text):
            return _shortened(cut(text))
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            # A proxy's page, or JSON that was broken on the way.
            return _shortened(cut(text))
    try:
        return _shortened(json.dumps(without_secrets(body, cut), ensure_ascii=False))
    except RecursionError:
        return "(nested too deeply)"


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_KEPT else text[:MOST_KEPT] + " …"
