"""Reading a Metrc list page by page, however it comes."""

from collections.abc import Callable
from typing import Any

from integrations.wire.errors import BadPayload

MOST_PAGES = 2000
# How often a list that changes while it is read is read again from its first page.
REREADS = 2


def all_rows(read: Callable[[int], Any], path: str, page_size: int) -> list[Any]:
    """All rows of a list; `read(page)` asks for a page, counting from 1.

    Metrc: a page is {"Data": [...], "TotalRecords": n, "TotalPages": n, ...}; some lists come as a
    bare array, whole. A row that leaves the list while it is read would move one that was not read
    yet to a page that was: when the total changes, all is read again, and what only an earlier
    reading has seen is kept, before the rest. Raises BadPayload.
    """
    earlier: list[Any] = []
    for _ in range(REREADS):
        rows, is_whole = _one_reading(read, path, page_size)
        if is_whole:
            return _joined(earlier, rows)
        earlier = _joined(earlier, rows)
    rows, _ = _one_reading(read, path, page_size)
    return _joined(earlier, rows)


def _one_reading(read: Callable[[int], Any], path: str, page_size: int) -> tuple[list[Any], bool]:
    """All rows of one walk, and whether the list stayed as long as it was."""
    rows: list[Any] = []
    totals = set()
    for number in range(1, MOST_PAGES + 1):
        body = read(number)
        found = rows_of(body, path)
        if isinstance(body, list):
            return found, True
        pages, shown = _whole(body.get("TotalPages")), _whole(body.get("CurrentPage"))
        totals.add(_whole(body.get("TotalRecords")))
        if found and shown is not None and shown < number:
            raise BadPayload(f"Metrc was asked for page {number} of {path} and sent page {shown}.")
        rows += found
        is_last = len(found) < page_size if pages is None else number >= pages
        if is_last or not found:
            return rows, len(totals) == 1
    raise BadPayload(f"Metrc's list {path} has no end: over {MOST_PAGES} pages.")


def rows_of(body: Any, path: str) -> list[Any]:
    """The rows of an envelope or a bare array. Raises BadPayload for anything else."""
    rows = body.get("Data") if isinstance(body, dict) else body
    if not isinstance(rows, list):
        raise BadPayload(f"Metrc's list {path} came without rows.")
    return rows


def _joined(earlier: list[Any], rows: list[Any]) -> list[Any]:
    seen = {_key(row) for row in rows}
    return [row for row in earlier if _key(row) not in seen] + rows


def _key(row: Any) -> str:
    """What tells a row from others of its list: its id, else all of it."""
    if isinstance(row, dict):
        for name in ("Id", "PackageId"):
            if row.get(name):
                return f"{name} {row[name]}"
    return repr(row)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
