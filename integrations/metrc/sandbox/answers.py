"""What the API's lists share: the lastModified window, pages, and the envelope around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask import Response, jsonify, request

from integrations.metrc.sandbox.access import world
from integrations.metrc.sandbox.errors import BadRequest, TooMany

Row = TypeVar("Row")
MOST_OBJECTS = 10


def request_rows() -> list[Any]:
    """The array of objects that was sent. Raises BadRequest, or TooMany."""
    body = request.get_json(silent=True)
    if not isinstance(body, list) or not body:
        raise BadRequest("The request body must be an array of objects.")
    if len(body) > MOST_OBJECTS:
        raise TooMany
    return body


def page(rows: Iterable[Row], show: Callable[[Row], Any]) -> Response:
    """Rows in Metrc's envelope: all of them, or the page that was asked for."""
    found = list(rows)
    number, size = _page_number(), _page_size()
    shown = found if size is None else found[(number - 1) * size : number * size]
    width = size or max(len(found), 1)
    return jsonify(
        {
            "Data": [show(row) for row in shown],
            "Total": len(found),
            "TotalRecords": len(found),
            "PageSize": width,
            "RecordsOnPage": len(shown),
            "Page": number,
            "CurrentPage": number,
            "TotalPages": -(-len(found) // width),
        }
    )


def windowed(rows: Iterable[Row], modified: Callable[[Row], datetime]) -> list[Row]:
    """The rows last modified in the window that was asked for, oldest first.

    Without a window, what is recent: Metrc never lists everything. Raises BadRequest for a window
    that is wider than the state answers, or a time that can't be read.
    """
    widest = world().rules.window
    start, end = _time("lastModifiedStart"), _time("lastModifiedEnd")
    now = world().clock()
    if start is None and end is None:
        start = now - world().rules.recent
    end = end or now
    start = start or end - widest
    if end < start:
        raise BadRequest("lastModifiedEnd must not be before lastModifiedStart.")
    if end - start > widest:
        hours = widest.total_seconds() / 3600
        raise BadRequest(f"The lastModified window must not be wider than {hours:g} hours.")
    return sorted((row for row in rows if start <= modified(row) <= end), key=modified)


def _time(name: str) -> datetime | None:
    value = request.args.get(name)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        # A + that wasn't encoded arrives as a space, and ends here.
        raise BadRequest(f"The value '{value}' is not valid for {name}.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _page_number() -> int:
    value = request.args.get("pageNumber", "1")
    if not value.isdecimal() or int(value) < 1:
        raise BadRequest("pageNumber must be a positive number.")
    return int(value)


def _page_size() -> int | None:
    value = request.args.get("pageSize")
    most = world().rules.page_size
    if value is None:
        return None
    if not value.isdecimal() or not 1 <= int(value) <= most:
        raise BadRequest(f"pageSize must be a positive number between 1 and {most}.")
    return int(value)
