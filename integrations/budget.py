"""The request budget of an owner of keys: a token bucket in the database, shared by all processes.

A small bucket that refills steadily, so that no minute ever sees more than the limit and next to
nothing of the limit is left unused. The more urgent the caller, the deeper it may dip: while a long
push takes the tokens as they come, an order or a changed quantity still finds some at once.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

from integrations.models import Budget, WorkItem

BURST = 10
# Tokens that must remain for more urgent callers.
KEPT_BACK = {
    WorkItem.Priority.ORDERS: 0,
    WorkItem.Priority.STOCK: 2,
    WorkItem.Priority.SWEEP: 4,
    WorkItem.Priority.REST: 5,
}
# Taken at a time, so that a thousand calls don't cost a thousand updates. What a client doesn't
# spend is lost, so one that makes a single call takes a single token.
SHARE = 5
MINUTE = timedelta(minutes=1)


class BudgetExhausted(Exception):
    """No token will be there in time."""

    def __init__(self, owner: str, wait: timedelta) -> None:
        super().__init__(
            f"The request budget of {owner} is used up; more in {wait.total_seconds():.0f} s."
        )
        self.wait = wait


class SharedBudget:
    """A process's view of the budget of one owner. Used by one thread."""

    def __init__(
        self,
        owner: str,
        per_minute: int,
        priority: WorkItem.Priority,
        *,
        share: int = SHARE,
        longest_wait: timedelta = timedelta(seconds=60),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.owner = owner
        # A full bucket and a minute's refill together are the limit.
        self.burst = max(1, min(per_minute // 30, per_minute - 1))
        self.per_second = max(per_minute - self.burst, 1) / 60
        self.share = share
        # Of the smallest bucket nothing can be kept back: it would never do for anybody else.
        self.kept_back = min(KEPT_BACK[priority] * self.burst / BURST, self.burst - 1)
        self.longest_wait = longest_wait
        self.sleep = sleep
        self._mine = 0

    def take(self) -> None:
        """Spend one token, waiting for it; raises BudgetExhausted when that takes too long."""
        give_up_at = timezone.now() + self.longest_wait
        while self._mine < 1:
            wait = self._take_share()
            if wait <= 0:
                break
            if timezone.now() + timedelta(seconds=wait) > give_up_at:
                raise BudgetExhausted(self.owner, timedelta(seconds=wait))
            self.sleep(wait)
        self._mine -= 1

    def pause(self, seconds: float) -> None:
        """The vendor said 429: nobody of this owner asks again before that many seconds."""
        self._mine = 0
        now = timezone.now()
        until = now + timedelta(seconds=seconds)
        mine = Budget.objects.filter(owner=self.owner)
        mine.update(tokens=0, counted_at=now, throttled_at=now, version=models.F("version") + 1)
        # Of several calls that were told so at once, the longest pause counts.
        shorter = models.Q(paused_until__isnull=True) | models.Q(paused_until__lt=until)
        mine.filter(shorter).update(paused_until=until)

    def _take_share(self) -> float:
        """Move a share of tokens to this process; returns the seconds to wait if there is none."""
        now = timezone.now()
        row = Budget.objects.filter(owner=self.owner).first()
        if row is None:
            row, _ = Budget.objects.get_or_create(
                owner=self.owner, defaults={"tokens": self.burst, "counted_at": now}
            )
        if row.paused_until and row.paused_until > now:
            return (row.paused_until - now).total_seconds()
        tokens = self._refilled(row, now)
        available = tokens - self.kept_back
        # A hair's breadth is forgiven: waiting for exactly one token may end just short of it.
        if available < 1 - 1e-6:
            return (1 - available) / self.per_second
        share = max(1, min(self.share, int(available)))
        minute = now.replace(second=0, microsecond=0)
        used, before = _used(row, minute)
        # Compare and swap: whoever read the same version first has the tokens.
        if Budget.objects.filter(pk=row.pk, version=row.version).update(
            tokens=tokens - share,
            counted_at=now,
            version=row.version + 1,
            minute=minute,
            used=used + share,
            used_before=before,
        ):
            self._mine += share
            return 0
        return 0.01

    def _refilled(self, row: Budget, now: datetime) -> float:
        since = max(row.counted_at, row.paused_until or row.counted_at)
        gained = max(0.0, (now - since).total_seconds()) * self.per_second
        return min(float(self.burst), row.tokens + gained)


def _used(row: Budget, minute: datetime) -> tuple[int, int]:
    """How many tokens were used in that minute so far, and in the one before."""
    if row.minute == minute:
        return row.used, row.used_before
    return 0, row.used if row.minute == minute - MINUTE else 0


@dataclass(frozen=True)
class Use:
    """How much of an owner's budget is used, for people."""

    last_minute: int
    paused_until: datetime | None
    throttled_at: datetime | None


def uses_of(owners: Collection[str]) -> dict[str, Use]:
    """What each of these owners used of its budget in the last whole minute, or so far in this one
    if that is more; and whether it is paused now. One query."""
    now = timezone.now()
    found = dict.fromkeys(owners, Use(0, None, None))
    for row in Budget.objects.filter(owner__in=list(owners)):
        used, before = _used(row, now.replace(second=0, microsecond=0))
        paused = row.paused_until if row.paused_until and row.paused_until > now else None
        found[row.owner] = Use(max(used, before), paused, row.throttled_at)
    return found


def use_of(owner: str) -> Use:
    """The same for one of them."""
    return uses_of([owner])[owner]
