"""LeafLink's request budget: so many a minute, counted per owner of the keys."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from integrations.leaflink.sandbox.errors import Throttled

WINDOW = timedelta(minutes=1)


class RateLimit:
    """A sliding window of a minute. `per_minute` None: no limit."""

    def __init__(self, per_minute: int | None, clock: Callable[[], datetime]) -> None:
        self.per_minute = per_minute
        self.clock = clock
        self._lock = threading.Lock()
        self._taken: dict[str, deque[datetime]] = {}

    def take(self, owner: str) -> None:
        """Count a request of `owner`. Raises Throttled when there were too many."""
        if self.per_minute is None:
            return
        with self._lock:
            now = self.clock()
            taken = self._taken.setdefault(owner, deque())
            while taken and taken[0] <= now - WINDOW:
                taken.popleft()
            if len(taken) >= self.per_minute:
                raise Throttled(math.ceil((taken[0] + WINDOW - now).total_seconds()))
            taken.append(now)
