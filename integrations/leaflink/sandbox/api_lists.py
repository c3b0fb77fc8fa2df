"""The API's smaller resources: single records, single lines, and LeafLink's reference lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, g, jsonify

from integrations.leaflink.sandbox import bodies, representations
from integrations.leaflink.sandbox.api import page, request_body, world
from integrations.leaflink.sandbox.errors import NotFound
from integrations.leaflink.sandbox.records import Order, OrderLine

blueprint = Blueprint("api_lists", __name__)

CATEGORIES = {1: "Flower", 2: "Pre-Rolls", 3: "Cartridges", 4: "Concentrates", 7: "Edibles"}
SUBCATEGORIES = {
    10: ("Packaged Flower", 1),
    11: ("Single Pre-Rolls", 2),
    12: ("Vape Cartridges", 3),
    13: ("Rosin", 4),
    14: ("Gummies", 7),
    15: ("Chocolates", 7),
}


def _own(rows: Iterable[Any], column: str, pk: int) -> Any:
    for row in rows:
        if row.id == pk and getattr(row, column) == g.company_id:
            return row
    raise NotFound


@blueprint.get("/companies/<int:pk>/")
def company(pk: int) -> Response:
    """The key's own company, or one of its customers'."""
    partners = {c.partner_id for c in world().customers.values() if c.owner_id == g.company_id}
    if pk != g.company_id and pk not in partners:
        raise NotFound
    return jsonify(representations.company(world().companies[pk]))


@blueprint.get("/brands/<int:pk>/")
def brand(pk: int) -> Response:
    return jsonify(representations.brand(_own(world().brands.values(), "company_id", pk)))


@blueprint.get("/company-staff/<int:pk>/")
def staff_member(pk: int) -> Response:
    return jsonify(representations.staff(_own(world().staff.values(), "company_id", pk)))


@blueprint.get("/licenses/")
def licenses() -> Response:
    found = representations.license_of(world().companies[g.company_id])
    return page([found] if found else [], lambda row: row)


@blueprint.get("/product-categories/")
def categories() -> Response:
    return page(list(CATEGORIES.items()), lambda row: _named(*row))


@blueprint.get("/product-subcategories/")
def subcategories() -> Response:
    return page(
        list(SUBCATEGORIES.items()),
        lambda row: {**_named(row[0], row[1][0]), "category": row[1][1]},
    )


def _named(pk: int, name: str) -> dict[str, Any]:
    slug = name.lower().replace(" ", "-")
    return {"id": pk, "name": name, "slug": slug, "description": ""}


def _line(pk: int) -> tuple[OrderLine, Order]:
    for order in world().orders.values():
        if order.seller_id == g.company_id and (line := order.line(pk)):
            return line, order
    raise NotFound


@blueprint.get("/line-items/<int:pk>/")
def line(pk: int) -> Response:
    with world().lock:
        return jsonify(representations.line(*_line(pk)))


@blueprint.patch("/line-items/<int:pk>/")
def update_line(pk: int) -> Response:
    """Change a line; the whole order is checked against the stock again."""
    with world().change():
        found, order = _line(pk)
        row = bodies.line_changes(request_body(), found)
        rows = [row if one is found else {"id": one.id} for one in order.lines]
        world().edit_order(order.number, rows)
        return jsonify(representations.line(*_line(pk)))


@blueprint.get("/order-payments/<int:pk>/")
def payment(pk: int) -> Response:
    found = world().payments.get(pk)
    if found is None or world().order(found.order_number).seller_id != g.company_id:
        raise NotFound
    return jsonify(representations.payment(world(), found))


@blueprint.get("/product-lines/")
def product_lines() -> Response:
    """Empty, as strains are: sellers here keep none, and asking is no error."""
    return page([], dict)


@blueprint.get("/strains/")
def strains() -> Response:
    return page([], dict)
