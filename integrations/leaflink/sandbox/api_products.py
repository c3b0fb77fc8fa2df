"""LeafLink's V2 API: products, and the lists that they refer to."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from integrations.leaflink.sandbox import product_bodies
from integrations.leaflink.sandbox import product_representations as representations
from integrations.leaflink.sandbox.answers import (
    by_external_id,
    chosen,
    in_time,
    own,
    page,
    request_body,
    words,
    world,
)
from integrations.leaflink.sandbox.categories import CATEGORIES, SUBCATEGORIES
from integrations.leaflink.sandbox.errors import NotFound
from integrations.leaflink.sandbox.records import Product, ProductLine

blueprint = Blueprint("api_products", __name__)


# -- products -------------------------------------------------------------------------------


def _product(pk: int) -> Product:
    found = world().product(pk)
    if found.seller_id != g.company_id:
        raise NotFound
    return found


def _show_product(row: Product) -> Any:
    return representations.product(world(), row)


# Filter, and the value of a product that it looks for. Those in MANY take a list with commas.
FILTERS: dict[str, Callable[[Product], Any]] = {
    "id": lambda p: p.id,
    "sku": lambda p: p.sku,
    "name": lambda p: p.name,
    "brand": lambda p: p.brand_id,
    "listing_state": lambda p: p.listing_state,
    "category": lambda p: p.details.get("category"),
    "sub_category": lambda p: p.details.get("sub_category"),
    "product_line": lambda p: p.details.get("product_line"),
    "seller_internal_id": lambda p: p.details.get("seller_internal_id"),
    "license": lambda p: world().companies[p.seller_id].license_id,
}
MANY = ("id", "sku", "listing_state")


@blueprint.get("/products/")
def products() -> Response:
    with world().lock:
        mine = [p for p in world().products.values() if p.seller_id == g.company_id]
        mine = in_time(mine, "modified", "last_edit", "created_on")
        args = request.args
        for name, value in FILTERS.items():
            wanted = words(name) if name in MANY else {args[name]} if args.get(name) else set()
            if wanted:
                mine = [p for p in mine if str(value(p)) in wanted]
        if archived := args.get("archived"):
            mine = [p for p in mine if p.archived == (archived.lower() == "true")]
        if term := args.get("search", "").lower():
            mine = [p for p in mine if term in p.name.lower() or term in p.sku.lower()]
        mine = by_external_id(mine, lambda p: p.details.get("external_ids", {}))
        return page(mine, _show_product)


@blueprint.get("/products/<int:pk>/")
def product(pk: int) -> Response:
    with world().lock:
        return jsonify(chosen(_show_product(_product(pk))))


@blueprint.post("/products/")
def create_product() -> tuple[Response, int]:
    with world().change():
        fields = product_bodies.new_product(world(), request_body(), g.company_id)
        columns = {k: fields.pop(k) for k in list(fields) if k in Product.__dataclass_fields__}
        columns.setdefault("quantity", Decimal(0))
        return jsonify(_show_product(world().add_product(g.company_id, **columns, **fields))), 201


@blueprint.patch("/products/<int:pk>/")
def update_product(pk: int) -> Response:
    """Change a product. An archived one may be changed too: LeafLink's pages allow it."""
    with world().change():
        found = _product(pk)
        changes = product_bodies.product_changes(world(), request_body(), g.company_id, found)
        changed = world().edit_product(pk, **changes) if changes else found
        return jsonify(_show_product(changed))


@blueprint.delete("/products/<int:pk>/")
def archive_product(pk: int) -> Response:
    _product(pk)
    return jsonify(_show_product(world().archive_product(pk)))


# -- brands, product lines, strains, categories ---------------------------------------------


@blueprint.get("/brands/")
def brands() -> Response:
    mine = [b for b in world().brands.values() if b.company_id == g.company_id]
    if company := request.args.get("company"):
        mine = [b for b in mine if str(b.company_id) == company]
    return page(mine, representations.brand)


@blueprint.get("/brands/<int:pk>/")
def brand(pk: int) -> Response:
    return jsonify(representations.brand(own(world().brands.values(), "company_id", pk)))


def _own_lines() -> list[ProductLine]:
    mine = {b.id for b in world().brands.values() if b.company_id == g.company_id}
    return [line for line in world().product_lines.values() if line.brand_id in mine]


@blueprint.get("/product-lines/")
def product_lines() -> Response:
    mine = _own_lines()
    if ids := words("id"):
        mine = [line for line in mine if str(line.id) in ids]
    if brand_id := request.args.get("brand"):
        mine = [line for line in mine if str(line.brand_id) == brand_id]
    if request.args.get("company", str(g.company_id)) != str(g.company_id):
        mine = []
    return page(mine, representations.product_line)


@blueprint.get("/product-lines/<int:pk>/")
def product_line(pk: int) -> Response:
    for line in _own_lines():
        if line.id == pk:
            return jsonify(representations.product_line(line))
    raise NotFound


@blueprint.get("/strains/")
def strains() -> Response:
    mine = [s for s in world().strains.values() if s.company_id == g.company_id]
    if ids := words("id"):
        mine = [s for s in mine if str(s.id) in ids]
    args = request.args
    if company := args.get("company"):
        mine = [s for s in mine if str(s.company_id) == company]
    if name := args.get("name"):
        mine = [s for s in mine if s.name == name]
    if classification := args.get("strain_classification"):
        mine = [s for s in mine if s.classification == classification]
    return page(mine, representations.strain)


@blueprint.get("/strains/<int:pk>/")
def strain(pk: int) -> Response:
    return jsonify(representations.strain(own(world().strains.values(), "company_id", pk)))


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
