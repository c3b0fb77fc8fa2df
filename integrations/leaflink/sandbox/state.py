"""What the stand-in holds, and how it is changed: under a lock, written through to the store.

Nothing is answered that could be lost: a change is in the store, if there is one, before the method
that made it returns.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from integrations.leaflink.sandbox.records import (
    AppKey,
    Batch,
    Brand,
    Company,
    Customer,
    LoggedRequest,
    Order,
    OrderEvent,
    Payment,
    Product,
    ProductLine,
    Record,
    Staff,
    Strain,
    Webhook,
)
from integrations.leaflink.sandbox.store import Store

# LeafLink shows times with the seller's offset; all sellers here are in the mountains.
SELLER_ZONE = timezone(timedelta(hours=-7))
FIRST_ID = 900_000
FIRST_IDS = {
    "company": 1200,
    "staff": 780,
    "product": 40200,
    "customer": 55000,
    "brand": 60,
    "product_line": 310,
    "strain": 2400,
    "batch": 5100,
}


class State:
    """Tables of records; changes that are written whole, and only then told to listeners."""

    def __init__(
        self, store: Store | None = None, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.clock = clock or (lambda: datetime.now(UTC))
        self.store = store
        self.lock = threading.RLock()
        self.companies: dict[int, Company] = {}
        self.app_keys: dict[str, AppKey] = {}
        self.staff: dict[int, Staff] = {}
        self.brands: dict[int, Brand] = {}
        self.product_lines: dict[int, ProductLine] = {}
        self.strains: dict[int, Strain] = {}
        self.batches: dict[int, Batch] = {}
        self.products: dict[int, Product] = {}
        self.children: dict[int, list[int]] = defaultdict(list)
        self.customers: dict[int, Customer] = {}
        self.orders: dict[str, Order] = {}
        self.payments: dict[int, Payment] = {}
        self.events: dict[int, OrderEvent] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.requests: list[LoggedRequest] = []
        # Called with ("order" | "product", "create" | "edit", record) when a change is complete.
        self.listeners: list[Callable[[str, str, Any], None]] = []
        self._dirty: dict[tuple[str, str], Record] = {}
        self._news: list[tuple[str, str, Any]] = []
        self._depth = 0
        self._last_time = datetime.min.replace(tzinfo=UTC)
        self._last_ids: dict[str, int] = {}
        if store:
            self._load(store)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Make a change: written whole when the outermost block ends, and only then told."""
        with self.lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                news: list[tuple[str, str, Any]] = []
                if self._depth == 0:
                    rows = [(kind, key, record) for (kind, key), record in self._dirty.items()]
                    self._dirty = {}
                    news, self._news = self._news, []
                    if self.store and rows:
                        self.store.write(rows)
            for item in news:
                for listener in self.listeners:
                    listener(*item)

    def save(self, record: Record) -> None:
        """Remember a record that was made or changed in the present change."""
        self._dirty[(record.kind, record.key)] = record

    def tell(self, kind: str, action: str, record: Any) -> None:
        """Tell the listeners, once the present change is complete."""
        self._news.append((kind, action, record))

    def now(self) -> datetime:
        """The time, in the seller's offset; no two calls give the same."""
        moment = max(self.clock(), self._last_time + timedelta(microseconds=1))
        self._last_time = moment
        return moment.astimezone(SELLER_ZONE)

    def next_id(self, kind: str) -> int:
        """A number no record of this kind has had."""
        self._last_ids[kind] = self._last_ids.get(kind, FIRST_IDS.get(kind, FIRST_ID)) + 1
        return self._last_ids[kind]

    def _load(self, store: Store) -> None:
        tables: dict[str, dict[Any, Any]] = {
            "company": self.companies,
            "app_key": self.app_keys,
            "staff": self.staff,
            "brand": self.brands,
            "product_line": self.product_lines,
            "batch": self.batches,
            "strain": self.strains,
            "product": self.products,
            "customer": self.customers,
            "order": self.orders,
            "payment": self.payments,
            "event": self.events,
            "webhook": self.webhooks,
        }
        for kind, key, record in store.read_all():
            if kind not in tables:
                continue
            number = getattr(record, "id", None)
            tables[kind][key if kind in ("app_key", "order") else number] = record
            if number is not None:
                self._last_ids[kind] = max(self._last_ids.get(kind, 0), number)
            for name in ("modified", "created_on"):
                self._last_time = max(self._last_time, getattr(record, name, self._last_time))
            if kind == "order":
                lines = max((line.id for line in record.lines), default=0)
                self._last_ids["line"] = max(self._last_ids.get("line", 0), lines)
            for name in ("user", "license"):
                other = getattr(record, f"{name}_id", None) or 0
                self._last_ids[name] = max(self._last_ids.get(name, FIRST_ID), other)
        for table in tables.values():
            ordered = sorted(table.items(), key=lambda row: str(getattr(row[1], "id", 0)).zfill(12))
            table.clear()
            table.update(ordered)
        for product in self.products.values():
            if product.parent_id:
                self.children[product.parent_id].append(product.id)
