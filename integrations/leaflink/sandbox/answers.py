"""What the API's routes share: the world, the body of a request, and pages and filters of lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Response, current_app, g, jsonify, request

from integrations.leaflink.sandbox import bodies
from integrations.leaflink.sandbox.errors import Invalid, NotFound
from integrations.leaflink.sandbox.world import World

DEFAULT_PAGE, LARGEST_PAGE = 50, 100


def world() -> World:
    found: World = current_app.extensions["world"]
    return found


def request_body() -> dict[str, Any]:
    """The request's JSON object. Raises Invalid for anything else."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Invalid({"detail": "JSON parse error."})
    return body


def checked(check: Callable[[Any], Any], value: Any, field: str) -> Any:
    """What `check` makes of a value; its refusal becomes a 400 that names the field."""
    try:
        return check(value)
    except ValueError as error:
        raise Invalid({field: [str(error)]}) from None


def own(rows: Iterable[Any], column: str, pk: int) -> Any:
    """The row with this id whose `column` is the key's company. Raises NotFound."""
    for row in rows:
        if row.id == pk and getattr(row, column) == g.company_id:
            return row
    raise NotFound


# -- lists ----------------------------------------------------------------------------------


def page(rows: list[Any], show: Callable[[Any], Any]) -> Response:
    """A page of a list: {"count", "next", "previous", "results"}, links absolute."""
    limit = min(_natural("limit", DEFAULT_PAGE) or DEFAULT_PAGE, LARGEST_PAGE)
    offset = _natural("offset", 0)

    def link(start: int) -> str:
        query = [(k, v) for k, v in request.args.items(multi=True) if k not in ("limit", "offset")]
        return f"{request.base_url}?{urlencode([*query, ('limit', limit), ('offset', start)])}"

    return jsonify(
        {
            "count": len(rows),
            "next": link(offset + limit) if offset + limit < len(rows) else None,
            "previous": link(max(0, offset - limit)) if offset else None,
            "results": [chosen(show(row)) for row in rows[offset : offset + limit]],
        }
    )


def _natural(name: str, default: int) -> int:
    value = request.args.get(name, "")
    return int(value) if value.isdecimal() else default


def chosen(body: Any) -> Any:
    """Only the fields asked for by fields_include and fields_exclude."""
    included = words("fields_include")
    excluded = words("fields_exclude")
    if included:
        return {name: value for name, value in body.items() if name in included}
    return {name: value for name, value in body.items() if name not in excluded}


def words(name: str) -> set[str]:
    """The values of a parameter that takes a list with commas."""
    return {word.strip() for word in request.args.get(name, "").split(",") if word.strip()}


def in_time(rows: Iterable[Any], *names: str) -> list[Any]:
    """Keep the rows that pass the filters modified__gte and so on. A bad time is a 400."""
    tests: dict[str, Callable[[datetime, datetime], bool]] = {
        "gte": lambda a, b: a >= b,
        "gt": lambda a, b: a > b,
        "lte": lambda a, b: a <= b,
        "lt": lambda a, b: a < b,
    }
    kept = list(rows)
    for name in names:
        for word, test in tests.items():
            value = request.args.get(f"{name}__{word}")
            if value:
                moment = checked(bodies.moment, value, f"{name}__{word}")
                kept = [row for row in kept if test(getattr(row, name), moment)]
    return kept


def by_external_id(rows: list[Any], ids: Callable[[Any], dict[str, str]]) -> list[Any]:
    """Keep the rows whose `ids` have what external_id_key and external_id_values ask for."""
    key, values = request.args.get("external_id_key"), words("external_id_values")
    if not key or not values:
        return rows
    return [row for row in rows if ids(row).get(key) in values]
