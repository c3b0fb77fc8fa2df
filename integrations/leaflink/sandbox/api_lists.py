"""LeafLink's V2 API: companies and their people, and single lines and payments."""

from __future__ import annotations

from flask import Blueprint, Response, g, jsonify, request

from integrations.leaflink.sandbox import bodies, representations
from integrations.leaflink.sandbox.answers import own, page, request_body, words, world
from integrations.leaflink.sandbox.errors import NotFound
from integrations.leaflink.sandbox.records import Order, OrderLine

blueprint = Blueprint("api_lists", __name__)


@blueprint.get("/companies/")
def companies() -> Response:
    return page([world().companies[g.company_id]], representations.company)


@blueprint.get("/companies/<int:pk>/")
def company(pk: int) -> Response:
    """The key's own company, or one of its customers'."""
    partners = {c.partner_id for c in world().customers.values() if c.owner_id == g.company_id}
    if pk != g.company_id and pk not in partners:
        raise NotFound
    return jsonify(representations.company(world().companies[pk]))


@blueprint.get("/company-staff/")
def staff() -> Response:
    mine = [s for s in world().staff.values() if s.company_id == g.company_id]
    if active := request.args.get("is_active"):
        mine = [s for s in mine if s.is_active == (active.lower() == "true")]
    return page(mine, representations.staff)


@blueprint.get("/company-staff/<int:pk>/")
def staff_member(pk: int) -> Response:
    return jsonify(representations.staff(own(world().staff.values(), "company_id", pk)))


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


@blueprint.get("/batches/")
def batches() -> Response:
    mine = [b for b in world().batches.values() if b.company_id == g.company_id]
    if ids := words("id"):
        mine = [b for b in mine if str(b.id) in ids]
    if numbers := words("production_batch_number"):
        mine = [b for b in mine if b.number in numbers]
    return page(mine, representations.batch)


@blueprint.get("/batches/<int:pk>/")
def batch(pk: int) -> Response:
    return jsonify(representations.batch(own(world().batches.values(), "company_id", pk)))


@blueprint.get("/order-payments/<int:pk>/")
def payment(pk: int) -> Response:
    found = world().payments.get(pk)
    if found is None or world().order(found.order_number).seller_id != g.company_id:
        raise NotFound
    return jsonify(representations.payment(world(), found))


@blueprint.get("/inventory/facilities/")
def facilities() -> Response:
    """The one facility of the key's company, where it keeps its stock."""
    company = world().companies[g.company_id]
    return page([company], representations.facility)
