"""What the stand-in holds of one state, and how it is changed: under a lock, written to the store.

Nothing is answered that could be lost: a change is in the store, if there is one, before the method
that made it returns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from integrations.metrc.sandbox.records import (
    Driver,
    Facility,
    Item,
    LoggedRequest,
    Package,
    Record,
    Template,
    Transfer,
    UserKey,
    Vehicle,
)
from integrations.metrc.sandbox.state_rules import StateRules
from integrations.sandbox.store import Store

FIRST_ID = 1000
FIRST_IDS = {
    "facility": 4020,
    "item": 55200,
    "package": 7001000,
    "template": 88400,
    "transfer": 2450000,
    "delivery": 3391800,
    "destination": 191500,
    "parcel": 9100200,
}


class State:
    """The tables of one state."""

    def __init__(
        self,
        rules: StateRules,
        *,
        vendor_key: str = "vendor-key",
        store: Store | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.rules = rules
        self.vendor_key = vendor_key
        self.clock = clock or (lambda: datetime.now(UTC))
        self.store = store
        self.lock = threading.RLock()
        self.facilities: dict[int, Facility] = {}
        self.user_keys: dict[int, UserKey] = {}
        self.items: dict[int, Item] = {}
        self.packages: dict[int, Package] = {}
        self.drivers: dict[int, Driver] = {}
        self.vehicles: dict[int, Vehicle] = {}
        self.templates: dict[int, Template] = {}
        self.transfers: dict[int, Transfer] = {}
        self.requests: list[LoggedRequest] = []
        self._tables: dict[str, dict[int, Any]] = {
            "facility": self.facilities,
            "user_key": self.user_keys,
            "item": self.items,
            "package": self.packages,
            "driver": self.drivers,
            "vehicle": self.vehicles,
            "template": self.templates,
            "transfer": self.transfers,
        }
        self._last_ids: dict[str, int] = {}
        self._dirty: dict[tuple[str, str], Record] = {}
        self._depth = 0
        if store:
            self._load(store)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Make a change: written whole when the outermost block ends."""
        with self.lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    rows = [(kind, key, record) for (kind, key), record in self._dirty.items()]
                    self._dirty = {}
                    if self.store and rows:
                        self.store.write(rows)

    def save(self, record: Record) -> None:
        """Remember a record that was made or changed in the present change."""
        self._tables[record.kind][record.id] = record
        self._dirty[(record.kind, record.key)] = record

    def touch(self, record: Any) -> None:
        """Save a record that was changed just now."""
        record.last_modified = self.now()
        self.save(record)

    def now(self) -> datetime:
        """The time, in the whole seconds that Metrc shows."""
        return self.clock().astimezone(UTC).replace(microsecond=0)

    def next_id(self, kind: str) -> int:
        """A number nothing of this kind has had."""
        self._last_ids[kind] = self._last_ids.get(kind, FIRST_IDS.get(kind, FIRST_ID)) + 1
        return self._last_ids[kind]

    def _load(self, store: Store) -> None:
        for kind, _key, record in sorted(store.read_all(), key=lambda row: (row[0], row[2].id)):
            self._tables[kind][record.id] = record
            self._seen(kind, record.id)
            for delivery in getattr(record, "deliveries", []):
                self._seen("delivery" if kind == "transfer" else "destination", delivery.id)
                for parcel in delivery.parcels:
                    self._seen("parcel", parcel.row_id)

    def _seen(self, kind: str, number: int) -> None:
        first = FIRST_IDS.get(kind, FIRST_ID)
        self._last_ids[kind] = max(self._last_ids.get(kind, first), number)
