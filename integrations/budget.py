"""The request budget of an owner of keys: a token bucket in the database, shared by all processes.

A bucket of BURST tokens that refills so slowly that no minute ever sees more than the limit. The
more urgent the caller, the deeper it may dip: the last tokens are kept for orders.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from integrations.models import Budget, WorkItem

BURST = 60
# Tokens that must remain for more urgent callers.
KEPT_BACK = {WorkItem.Priority.ORDERS: 0, WorkItem.Priority.STOCK: 10, WorkItem.Priority.REST: 20}
# Taken at a time, so that a thousand calls don't cost a thousand updates. What a client doesn't
# spend is lost, so one that makes a single call takes a single token.
SHARE = 5


class BudgetExhausted(Exception):
    """No token will be there in time."""

    def __init__(self, owner: str, wait: timedelta) -> None:
        super().__init__(
            f"The request budget of {owner} is used up; more in {wait.total_seconds():.0f} s."
        )
        self.wait = wait


class SharedBudget:
    """A process's view of the budget of one owner."""

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
        self.burst = min(BURST, max(1, per_minute // 5))
        self.per_second = max(per_minute - self.burst, 1) / 60
        self.share = share
        self.kept_back = KEPT_BACK[priority] * self.burst / BURST
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
        """LeafLink said 429: nobody of this owner asks again before that many seconds."""
        self._mine = 0
        until = timezone.now() + timedelta(seconds=seconds)
        Budget.objects.filter(owner=self.owner).update(paused_until=until, tokens=0)

    def _take_share(self) -> float:
        """Move a share of tokens to this process; returns the seconds to wait if there is none."""
        now = timezone.now()
        row, _ = Budget.objects.get_or_create(
            owner=self.owner, defaults={"tokens": self.burst, "counted_at": now}
        )
        if row.paused_until and row.paused_until > now:
            return (row.paused_until - now).total_seconds()
        tokens = self._refilled(row, now)
        available = tokens - self.kept_back
        if available < 1:
            return (1 - available) / self.per_second
        share = min(self.share, int(available))
        # Compare and swap: whoever read the same version first has the tokens.
        if Budget.objects.filter(pk=row.pk, version=row.version).update(
            tokens=tokens - share, counted_at=now, version=row.version + 1
        ):
            self._mine += share
            return 0
        return 0.01

    def _refilled(self, row: Budget, now: datetime) -> float:
        gained = max(0.0, (now - row.counted_at).total_seconds()) * self.per_second
        return min(float(self.burst), row.tokens + gained)
