"""Write-through storage: one SQLite table of JSON documents, one transaction per change."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any


def encode(value: Any) -> str:
    """A record (or a plain value) as JSON text; decimals and times are tagged."""
    return json.dumps(value, default=_encode_special, ensure_ascii=False, separators=(",", ":"))


def _encode_special(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return vars(value)
    raise TypeError(f"cannot store a {type(value).__name__}")


def _decode_special(value: dict[str, Any]) -> Any:
    if len(value) == 1:
        if "$decimal" in value:
            return Decimal(value["$decimal"])
        if "$time" in value:
            return datetime.fromisoformat(value["$time"])
    return value


def plain_value(text: str) -> Any:
    """The inverse of :func:`encode`, but that a record comes back as a dict of its fields."""
    return json.loads(text, object_hook=_decode_special)


class Store:
    """A file that holds a whole world. ``path`` is created when missing.

    ``decode`` makes a record of its kind and of what :func:`encode` wrote.

    Not thread-safe by itself: the world calls it under its own lock.
    """

    def __init__(self, path: str | Path, decode: Callable[[str, str], Any]) -> None:
        self.decode = decode
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        # WAL + NORMAL: a killed process loses nothing that was committed. Only a power cut
        # could lose the last moments, which practice data can bear for the speed it gives.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS kv (kind TEXT NOT NULL, key TEXT NOT NULL,"
            " json TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID"
        )

    def write(self, rows: Iterable[tuple[str, str, Any]]) -> None:
        """Put ``(kind, key, value)`` rows in one transaction: all of them or none."""
        encoded = [(kind, key, encode(value)) for kind, key, value in rows]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(
                "INSERT INTO kv (kind, key, json) VALUES (?, ?, ?)"
                " ON CONFLICT (kind, key) DO UPDATE SET json = excluded.json",
                encoded,
            )
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def read_all(self) -> Iterator[tuple[str, str, Any]]:
        """Every ``(kind, key, record)`` in the file, in no particular order."""
        for kind, key, text in self._db.execute("SELECT kind, key, json FROM kv"):
            yield kind, key, self.decode(kind, text)

    def close(self) -> None:
        """Close the file; the store can't be used afterwards."""
        self._db.close()
