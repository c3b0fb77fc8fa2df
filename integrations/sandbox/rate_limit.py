"""A budget of requests within a sliding window of time, counted per owner."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta


class SlidingWindow:
    """So many requests per `window`. `limit` None: any number."""

    def __init__(self, limit: int | None, window: timedelta, clock: Callable[[], datetime]) -> None:
        self.limit = limit
        self.window = window
        self.clock = clock
        self._lock = threading.Lock()
        self._taken: dict[str, deque[datetime]] = {}

    def take(self, owner: str) -> int:
        """Count a request of `owner`: 0, or when it is too many, the seconds to wait for."""
        if self.limit is None:
            return 0
        with self._lock:
            now = self.clock()
            taken = self._taken.setdefault(owner, deque())
            while taken and taken[0] <= now - self.window:
                taken.popleft()
            if len(taken) >= self.limit:
                return math.ceil((taken[0] + self.window - now).total_seconds())
            taken.append(now)
        return 0
