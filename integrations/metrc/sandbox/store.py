"""Which records a world's file holds, and how they come back from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from integrations.metrc.sandbox import records
from integrations.metrc.sandbox.records import Delivery, Parcel
from integrations.sandbox import store

RECORD_TYPES: dict[str, type[Any]] = {
    cls.kind: cls
    for cls in (
        records.Facility,
        records.UserKey,
        records.Item,
        records.Package,
        records.Driver,
        records.Vehicle,
        records.Template,
        records.Transfer,
    )
}


def decode(kind: str, text: str) -> Any:
    """The inverse of ``store.encode``."""
    value = store.plain_value(text)
    if "deliveries" in value:
        value["deliveries"] = [
            Delivery(**{**one, "parcels": [Parcel(**parcel) for parcel in one["parcels"]]})
            for one in value["deliveries"]
        ]
    return RECORD_TYPES[kind](**value)


class Store(store.Store):
    """A file that holds a whole world of this stand-in."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, decode)
