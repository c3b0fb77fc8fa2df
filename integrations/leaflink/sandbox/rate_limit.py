"""LeafLink's request budget: so many a minute, counted per owner of the keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from integrations.leaflink.sandbox.errors import Throttled
from integrations.sandbox.rate_limit import SlidingWindow

WINDOW = timedelta(minutes=1)


class RateLimit:
    """A sliding window of a minute. `per_minute` None: no limit."""

    def __init__(self, per_minute: int | None, clock: Callable[[], datetime]) -> None:
        self.budget = SlidingWindow(per_minute, WINDOW, clock)

    def take(self, owner: str) -> None:
        """Count a request of `owner`. Raises Throttled when there were too many."""
        seconds = self.budget.take(owner)
        if seconds:
            raise Throttled(seconds)
