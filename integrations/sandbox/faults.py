"""Trouble on demand: by chance, as a specification says, or exactly once, as a test says."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass

API_FAULTS = ("429", "500", "reset-before", "reset-after", "slow")
HOOK_FAULTS = ("hook-duplicate", "hook-reorder", "hook-drop")


class ConnectionCut(ConnectionError):
    """The connection is to be cut without an answer. (Servers take it for a client that left.)"""


@dataclass
class _Planned:
    fault: str
    method: str
    path: str
    times: int


class Faults:
    """Which trouble hits which request.

    `spec`: comma-separated `name=chance`, for example "429=0.02,slow=0.1@250ms". Raises ValueError
    that names what is wrong. `known`: the kinds of trouble that the stand-in can make.
    """

    def __init__(
        self, spec: str = "", seed: int = 0, known: tuple[str, ...] = API_FAULTS + HOOK_FAULTS
    ) -> None:
        self.known = known
        self.chances: dict[str, float] = {}
        self.delay = 0.25
        self._random = random.Random(seed)
        self._planned: list[_Planned] = []
        self._lock = threading.Lock()
        for part in filter(None, (piece.strip() for piece in spec.split(","))):
            self._read(part)

    def _read(self, part: str) -> None:
        name, _, value = part.partition("=")
        if name not in self.known:
            raise ValueError(
                f"Unknown fault {name!r} in {part!r}. There are: {', '.join(self.known)}."
            )
        chance, _, delay = value.partition("@")
        try:
            self.chances[name] = float(chance)
            if delay:
                self.delay = float(delay.removesuffix("ms")) / 1000
        except ValueError:
            raise ValueError(
                f"{part!r} is not a chance between 0 and 1 (slow takes a time: slow=0.1@250ms)."
            ) from None
        if not 0 <= self.chances[name] <= 1:
            raise ValueError(f"The chance in {part!r} must be between 0 and 1.")

    def next(self, fault: str, *, method: str = "", path: str = "", times: int = 1) -> None:
        """Let the next requests of this method whose path contains `path` meet `fault`."""
        kinds = self._of_requests()
        if fault not in kinds:
            raise ValueError(f"Unknown fault {fault!r}. There are: {', '.join(kinds)}.")
        with self._lock:
            self._planned.append(_Planned(fault, method, path, times))

    def for_request(self, method: str, path: str) -> str:
        """The fault that this request meets; "" for none."""
        with self._lock:
            for planned in self._planned:
                if planned.method in ("", method) and planned.path in path:
                    planned.times -= 1
                    if planned.times <= 0:
                        self._planned.remove(planned)
                    return planned.fault
            return next((name for name in self._of_requests() if self._happens(name)), "")

    def for_hook(self, fault: str) -> bool:
        """Whether this webhook meets this fault."""
        with self._lock:
            return self._happens(fault)

    def _of_requests(self) -> list[str]:
        return [name for name in self.known if name not in HOOK_FAULTS]

    def _happens(self, name: str) -> bool:
        chance = self.chances.get(name, 0)
        return bool(chance) and self._random.random() < chance
