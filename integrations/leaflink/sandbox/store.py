"""Which records the stand-in's file holds, and how they come back from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from integrations.leaflink.sandbox import records
from integrations.leaflink.sandbox.records import Order, OrderLine
from integrations.sandbox import store

RECORD_TYPES: dict[str, type[Any]] = {
    cls.kind: cls
    for cls in (
        records.Company,
        records.AppKey,
        records.Staff,
        records.Brand,
        records.ProductLine,
        records.Batch,
        records.Strain,
        records.Product,
        records.Customer,
        records.Order,
        records.Payment,
        records.OrderEvent,
        records.Webhook,
    )
}


def decode(kind: str, text: str) -> Any:
    """The inverse of ``store.encode``; an unknown ``kind`` gives the plain value."""
    value = store.plain_value(text)
    record_type = RECORD_TYPES.get(kind)
    if record_type is None:
        return value
    if record_type is Order:
        value["lines"] = [OrderLine(**line) for line in value["lines"]]
    return record_type(**value)


class Store(store.Store):
    """A file that holds a whole world of this stand-in."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, decode)
