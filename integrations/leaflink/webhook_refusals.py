"""Counting refused webhooks, so that a wrong key is seen, and a flood costs next to nothing.

The counts are rows per hour. A process writes the same reason of the same account once a second at
the most; what comes in between is added with the next write, so the last few of a flood may be
missing from the count until then. Only requests to addresses of real accounts are counted.
"""

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from integrations.leaflink.models import Account, WebhookRefusal

logger = logging.getLogger(__name__)
# Between two writes of one process about the same thing.
PAUSE = timedelta(seconds=1)


@dataclass
class _Waiting:
    """What is counted and not yet written."""

    count: int = 0
    # Of those, how many came after the webhook that was the last valid one.
    streak: int = 0
    after: datetime | None = None
    written_at: datetime | None = None

    def add(self, after: datetime | None) -> None:
        if after != self.after:
            self.streak, self.after = 0, after
        self.count += 1
        self.streak += 1


_waiting: dict[tuple[int, str], _Waiting] = {}
_lock = threading.Lock()


def count(account: Account, why: WebhookRefusal.Why) -> None:
    """Count one refused request. Never raises for the database's sake: the refusal must be sent."""
    key, now = (account.pk, why.value), timezone.now()
    with _lock:
        mine = _waiting.setdefault(key, _Waiting())
        mine.add(account.last_webhook_at)
        # (Either way: clocks are set back now and then.)
        if mine.written_at and abs(now - mine.written_at) < PAUSE:
            return
        mine.written_at = now
        taken, streak = mine.count, mine.streak
        mine.count = mine.streak = 0
    try:
        _write(account, why, taken, streak)
    except DatabaseError:
        logger.exception("refused webhooks not counted", extra={"account": account.pk})
        with _lock:
            mine.count += taken
            mine.streak += streak


def forget() -> None:
    """Drop what is not written yet, for tests."""
    with _lock:
        _waiting.clear()


def _write(account: Account, why: WebhookRefusal.Why, taken: int, streak: int) -> None:
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    row = WebhookRefusal.objects.filter(account_id=account.pk, hour=hour, why=why)
    last_valid = account.last_webhook_at
    # Whether the row's own streak is from before the last valid webhook, and so is over.
    is_over = Q(last_at__lte=last_valid) if last_valid else Q(pk__isnull=True)
    changes = {
        "count": F("count") + taken,
        "last_at": now,
        "streak": Case(When(is_over, then=Value(streak)), default=F("streak") + streak),
        "streak_from": Case(When(is_over, then=Value(now)), default=F("streak_from")),
    }
    if row.update(**changes):
        return
    first = WebhookRefusal(
        account_id=account.pk, hour=hour, why=why, first_at=now, last_at=now, streak_from=now
    )
    # Another process may have made it meanwhile; the numbers are added either way.
    WebhookRefusal.objects.bulk_create([first], ignore_conflicts=True)
    row.update(**changes)
