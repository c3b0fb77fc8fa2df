"""LeafLink's V2 API: customers, orders, payments. Unknown filters are ignored, as there.

A key sees its own company's records only; others' don't exist for it (404).
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from integrations.leaflink.sandbox import bodies, representations
from integrations.leaflink.sandbox.answers import (
    by_external_id,
    checked,
    chosen,
    in_time,
    page,
    request_body,
    words,
    world,
)
from integrations.leaflink.sandbox.errors import Invalid, NotFound
from integrations.leaflink.sandbox.records import Order

blueprint = Blueprint("api", __name__)
PAYMENT_TYPES = ("other", "cash", "check", "credit", "trade", "ach", "wire", "cashier")


# -- customers ------------------------------------------------------------------------------


@blueprint.get("/customers/")
def customers() -> Response:
    mine = [c for c in world().customers.values() if c.owner_id == g.company_id]
    mine = in_time(mine, "modified", "created_on")
    if numbers := words("license_number__in") | words("license_number"):
        mine = [c for c in mine if c.license_number in numbers]
    mine = by_external_id(mine, lambda c: c.details.get("external_ids", {}))
    return page(mine, representations.customer)


@blueprint.get("/customers/<int:pk>/")
def customer(pk: int) -> Response:
    found = world().customers.get(pk)
    if found is None or found.owner_id != g.company_id:
        raise NotFound
    return jsonify(chosen(representations.customer(found)))


# -- orders ---------------------------------------------------------------------------------


def _order(number: str) -> Order:
    found = world().order(number)
    if found.seller_id != g.company_id:
        raise NotFound
    return found


def _show_order(row: Order) -> Any:
    return representations.order(world(), row, frozenset(words("include_children")))


@blueprint.get("/orders-received/")
def orders() -> Response:
    with world().lock:
        mine = [o for o in world().orders.values() if o.seller_id == g.company_id]
        mine = in_time(mine, "modified", "created_on")
        if states := words("status"):
            mine = [o for o in mine if o.status.lower() in states]
        if states := words("status__not"):
            mine = [o for o in mine if o.status.lower() not in states]
        if number := request.args.get("number"):
            mine = [o for o in mine if o.number == number]
        if rep := request.args.get("sales_rep"):
            mine = [o for o in mine if rep in map(str, o.sales_rep_ids)]
        if name := request.args.get("customer"):
            named = {c.id for c in world().customers.values() if name in (c.name, c.display_name)}
            mine = [o for o in mine if o.customer_id in named]
        mine = by_external_id(mine, lambda o: o.external_ids)
        return page(mine, _show_order)


@blueprint.get("/orders-received/<number>/")
def order(number: str) -> Response:
    with world().lock:
        return jsonify(chosen(_show_order(_order(number))))


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
        if numbers := words("order"):
            mine = [o for o in mine if o.number in numbers]
        rows = [(line, o) for o in mine for line in o.lines]
        if products_ := words("product_id"):
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
            checked(lambda v: bodies.amount(v, negative=True), body["total"], "total"),
            payment_date=checked(bodies.moment, body["payment_date"], "payment_date"),
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
