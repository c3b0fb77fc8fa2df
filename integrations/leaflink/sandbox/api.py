"""The routes of LeafLink's V2 API that an integration uses. Unknown filters are ignored, as there.

A key sees its own company's records only; others' don't exist for it (404).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, g, jsonify, request

from integrations.leaflink.sandbox import bodies, representations
from integrations.leaflink.sandbox.errors import Invalid, NotFound
from integrations.leaflink.sandbox.records import Order, Product
from integrations.leaflink.sandbox.world import World

blueprint = Blueprint("api", __name__)
DEFAULT_PAGE, LARGEST_PAGE = 50, 100
PAYMENT_TYPES = ("other", "cash", "check", "credit", "trade", "ach", "wire", "cashier")
REQUIRED_OF_A_PRODUCT = (
    "name",
    "sku",
    "description",
    "retail_price",
    "wholesale_price",
    "sale_price",
    "minimum_order",
    "maximum_order",
    "listing_state",
    "inventory_management",
    "unit_of_measure",
    "unit_denomination",
    "category",
    "sub_category",
    "seller",
    "brand",
    "manufacturer",
    "strain_classification",
    "license",
)


def world() -> World:
    found: World = current_app.extensions["world"]
    return found


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
            "results": [_chosen(show(row)) for row in rows[offset : offset + limit]],
        }
    )


def _natural(name: str, default: int) -> int:
    value = request.args.get(name, "")
    return int(value) if value.isdecimal() else default


def _chosen(body: Any) -> Any:
    """Only the fields asked for by fields_include and fields_exclude."""
    included = _words("fields_include")
    excluded = _words("fields_exclude")
    if included:
        return {name: value for name, value in body.items() if name in included}
    return {name: value for name, value in body.items() if name not in excluded}


def _words(name: str) -> set[str]:
    return {word.strip() for word in request.args.get(name, "").split(",") if word.strip()}


def _in_time(rows: Iterable[Any], *names: str) -> list[Any]:
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
                moment = _checked(bodies.moment, value, f"{name}__{word}")
                kept = [row for row in kept if test(getattr(row, name), moment)]
    return kept


def _by_external_id(rows: list[Any], ids: Callable[[Any], dict[str, str]]) -> list[Any]:
    key, values = request.args.get("external_id_key"), _words("external_id_values")
    if not key or not values:
        return rows
    return [row for row in rows if ids(row).get(key) in values]


# -- who ------------------------------------------------------------------------------------


@blueprint.get("/companies/")
def companies() -> Response:
    return page([world().companies[g.company_id]], representations.company)


@blueprint.get("/brands/")
def brands() -> Response:
    mine = [b for b in world().brands.values() if b.company_id == g.company_id]
    return page(mine, representations.brand)


@blueprint.get("/company-staff/")
def staff() -> Response:
    mine = [s for s in world().staff.values() if s.company_id == g.company_id]
    if active := request.args.get("is_active"):
        mine = [s for s in mine if s.is_active == (active.lower() == "true")]
    return page(mine, representations.staff)


@blueprint.get("/customers/")
def customers() -> Response:
    mine = [c for c in world().customers.values() if c.owner_id == g.company_id]
    mine = _in_time(mine, "modified", "created_on")
    if numbers := _words("license_number__in") | _words("license_number"):
        mine = [c for c in mine if c.license_number in numbers]
    mine = _by_external_id(mine, lambda c: c.details.get("external_ids", {}))
    return page(mine, representations.customer)


@blueprint.get("/customers/<int:pk>/")
def customer(pk: int) -> Response:
    found = world().customers.get(pk)
    if found is None or found.owner_id != g.company_id:
        raise NotFound
    return jsonify(_chosen(representations.customer(found)))


# -- products -------------------------------------------------------------------------------


def _product(pk: int) -> Product:
    found = world().product(pk)
    if found.seller_id != g.company_id:
        raise NotFound
    return found


def _show_product(row: Product) -> Any:
    return representations.product(world(), row)


@blueprint.get("/products/")
def products() -> Response:
    with world().lock:
        mine = [p for p in world().products.values() if p.seller_id == g.company_id]
        mine = _in_time(mine, "modified", "last_edit", "created_on")
        args = request.args
        if skus := _words("sku"):
            mine = [p for p in mine if p.sku in skus]
        if states := _words("listing_state"):
            mine = [p for p in mine if p.listing_state in states]
        if ids := _words("id"):
            mine = [p for p in mine if str(p.id) in ids]
        if brand := args.get("brand"):
            mine = [p for p in mine if str(p.brand_id) == brand]
        if archived := args.get("archived"):
            mine = [p for p in mine if p.archived == (archived.lower() == "true")]
        if term := args.get("search", "").lower():
            mine = [p for p in mine if term in p.name.lower() or term in p.sku.lower()]
        if internal := args.get("seller_internal_id"):
            mine = [p for p in mine if p.details.get("seller_internal_id") == internal]
        mine = _by_external_id(mine, lambda p: p.details.get("external_ids", {}))
        return page(mine, _show_product)


@blueprint.get("/products/<int:pk>/")
def product(pk: int) -> Response:
    with world().lock:
        return jsonify(_chosen(_show_product(_product(pk))))


@blueprint.post("/products/")
def create_product() -> tuple[Response, int]:
    body = request_body()
    missing = [name for name in REQUIRED_OF_A_PRODUCT if body.get(name) in (None, "")]
    if missing:
        raise Invalid({name: ["This field is required."] for name in missing})
    with world().change():
        fields = bodies.product_changes(world(), body, g.company_id)
        columns = {k: fields.pop(k) for k in list(fields) if k in Product.__dataclass_fields__}
        columns.setdefault("quantity", Decimal(0))
        return jsonify(_show_product(world().add_product(g.company_id, **columns, **fields))), 201


@blueprint.patch("/products/<int:pk>/")
def update_product(pk: int) -> Response:
    """Change a product. An archived one may be changed too: LeafLink's pages allow it."""
    with world().change():
        found = _product(pk)
        changes = bodies.product_changes(world(), request_body(), g.company_id, found)
        changed = world().edit_product(pk, **changes) if changes else found
        return jsonify(_show_product(changed))


@blueprint.delete("/products/<int:pk>/")
def archive_product(pk: int) -> Response:
    _product(pk)
    return jsonify(_show_product(world().archive_product(pk)))


# -- orders ---------------------------------------------------------------------------------


def _order(number: str) -> Order:
    found = world().order(number)
    if found.seller_id != g.company_id:
        raise NotFound
    return found


def _show_order(row: Order) -> Any:
    return representations.order(world(), row, frozenset(_words("include_children")))


@blueprint.get("/orders-received/")
def orders() -> Response:
    with world().lock:
        mine = [o for o in world().orders.values() if o.seller_id == g.company_id]
        mine = _in_time(mine, "modified", "created_on")
        if states := _words("status"):
            mine = [o for o in mine if o.status.lower() in states]
        if states := _words("status__not"):
            mine = [o for o in mine if o.status.lower() not in states]
        if number := request.args.get("number"):
            mine = [o for o in mine if o.number == number]
        if rep := request.args.get("sales_rep"):
            mine = [o for o in mine if rep in map(str, o.sales_rep_ids)]
        if name := request.args.get("customer"):
            named = {c.id for c in world().customers.values() if name in (c.name, c.display_name)}
            mine = [o for o in mine if o.customer_id in named]
        mine = _by_external_id(mine, lambda o: o.external_ids)
        return page(mine, _show_order)


@blueprint.get("/orders-received/<number>/")
def order(number: str) -> Response:
    with world().lock:
        return jsonify(_chosen(_show_order(_order(number))))


@blueprint.patch("/orders-received/<number>/")
def update_order(number: str) -> Response:
    """Change an order's writable fields; others are ignored, as LeafLink's framework does."""
    with world().change():
        changes = bodies.order_changes(world(), request_body(), _order(number))
        return jsonify(_show_order(world().edit_order(number, **changes)))


@blueprint.post("/orders-received/<number>/transition/<action>/")
def transition(number: str, action: str) -> Response:
    with world().change():
        _order(number)
        return jsonify(_show_order(world().transition(number, action)))


@blueprint.get("/orders-received/<number>/line-items/")
def order_lines(number: str) -> Response:
    with world().lock:
        found = _order(number)
        return jsonify([representations.line(line, found) for line in found.lines])


@blueprint.get("/orders-received/<number>/payments/")
def order_payments(number: str) -> Response:
    with world().lock:
        _order(number)
        mine = [p for p in world().payments.values() if p.order_number == number]
        return jsonify([representations.payment(world(), payment) for payment in mine])


@blueprint.get("/orders-received/<number>/comments/")
def order_comments(number: str) -> Response:
    _order(number)
    return jsonify([])


@blueprint.get("/line-items/")
def lines() -> Response:
    with world().lock:
        mine = [o for o in world().orders.values() if o.seller_id == g.company_id]
        if numbers := _words("order"):
            mine = [o for o in mine if o.number in numbers]
        rows = [(line, o) for o in mine for line in o.lines]
        if products_ := _words("product_id"):
            rows = [(line, o) for line, o in rows if str(line.product_id) in products_]
        return page(rows, lambda row: representations.line(*row))


@blueprint.get("/order-payments/")
def payments() -> Response:
    with world().lock:
        numbers = {o.number for o in world().orders.values() if o.seller_id == g.company_id}
        mine = [p for p in world().payments.values() if p.order_number in numbers]
        return page(mine, lambda payment: representations.payment(world(), payment))


@blueprint.post("/order-payments/")
def create_payment() -> tuple[Response, int]:
    body = request_body()
    required = ("order", "recorded_by", "total", "payment_date")
    errors = {name: ["This field is required."] for name in required if not body.get(name)}
    if body.get("payment_type", "other") not in PAYMENT_TYPES:
        errors["payment_type"] = [f'"{body["payment_type"]}" is not a valid choice.']
    who = body.get("recorded_by")
    recorder = world().staff.get(who) if isinstance(who, int) else None
    if "recorded_by" not in errors and (recorder is None or recorder.company_id != g.company_id):
        errors["recorded_by"] = ["Invalid pk - object does not exist."]
    if errors:
        raise Invalid(errors)
    with world().change():
        _order(str(body["order"]))
        payment = world().add_payment(
            str(body["order"]),
            body["recorded_by"],
            _checked(lambda v: bodies.amount(v, negative=True), body["total"], "total"),
            payment_date=_checked(bodies.moment, body["payment_date"], "payment_date"),
            reason=body.get("reason", ""),
            payment_type=body.get("payment_type", "other"),
        )
        return jsonify(representations.payment(world(), payment)), 201


@blueprint.get("/order-event-logs/")
def events() -> Response:
    with world().lock:
        number = request.args.get("order")
        mine = {o.number for o in world().orders.values() if o.seller_id == g.company_id}
        wanted = mine & {number} if number else mine
        rows = [e for e in world().events.values() if e.order_number in wanted]
        return page(rows, representations.event)


def request_body() -> dict[str, Any]:
    """The request's JSON object. Raises Invalid for anything else."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Invalid({"detail": "JSON parse error."})
    return body


def _checked(check: Callable[[Any], Any], value: Any, field: str) -> Any:
    try:
        return check(value)
    except ValueError as error:
        raise Invalid({field: [str(error)]}) from None
