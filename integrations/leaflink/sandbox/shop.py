"""The page on which a visitor shops as a retailer, and acts by hand as the seller would.

Plain pages without scripts. Forms are taken from this site's own pages only.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from integrations.leaflink.sandbox import order_rules, pricing, stock
from integrations.leaflink.sandbox.errors import OutOfStock, SandboxError
from integrations.leaflink.sandbox.payment_terms import TERMS, option, term_id
from integrations.leaflink.sandbox.records import Customer, Order, Product
from integrations.leaflink.sandbox.world import World
from integrations.sandbox.pages import STATIC, own_pages_only

blueprint = Blueprint(
    "shop", __name__, template_folder="templates", static_folder=STATIC, static_url_path="/shop"
)
ORDERABLE = ("Available", "Sample")
CASH = 1
SELLER_STEPS = ("accept", "fulfill", "ship", "complete", "reject")


def world() -> World:
    found: World = current_app.extensions["world"]
    return found


class Refused(Exception):
    """The visitor's input can't be used; the text says why."""


blueprint.before_request(own_pages_only)


@blueprint.app_template_filter("plain")
def plain(value: Decimal) -> str:
    """A quantity without trailing zeros, with thousands separators."""
    text = f"{value:,.4f}".rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


@blueprint.app_template_filter("dollars")
def dollars(value: Decimal) -> str:
    return f"${value:,.2f}"


@blueprint.get("/")
def menu() -> ResponseReturnValue:
    """Choose who you are and from whom you buy; see the menu; order."""
    customer = visiting_customer()
    if customer is None:
        return render_template("shop/empty.html")
    with world().lock:
        products = [shown(p) for p in _menu_of(customer)]
        orders = sorted(
            (o for o in world().orders.values() if o.customer_id == customer.id),
            key=lambda o: o.created_on,
            reverse=True,
        )
    return render_template(
        "shop/menu.html",
        customer=customer,
        sellers=world().sellers(),
        customers=[c for c in world().customers.values() if c.owner_id == customer.owner_id],
        reps=[s for s in world().staff.values() if s.company_id == customer.owner_id],
        products=products,
        orders=[(order, pricing.totals(order).total) for order in orders],
    )


@blueprint.post("/choose")
def choose() -> ResponseReturnValue:
    """Become another retailer, or buy from another seller."""
    seller = request.form.get("seller", "")
    customer = request.form.get("customer", "")
    mine = [c for c in world().customers.values() if str(c.owner_id) == seller]
    chosen = next((c for c in mine if str(c.id) == customer), mine[0] if mine else None)
    if chosen:
        session["customer"] = chosen.id
    return redirect(url_for("shop.menu"))


@blueprint.post("/order")
def place() -> ResponseReturnValue:
    """Place an order for what was filled in."""
    customer = visiting_customer()
    if customer is None:
        abort(404)
    try:
        rows = _rows("new", [str(p.id) for p in _menu_of(customer)])
        if not rows:
            raise Refused("Fill in a quantity for at least one product.")
        rep = request.form.get("rep", "")
        order = world().place_order(
            customer.owner_id,
            customer.id,
            rows,
            sales_rep_ids=[int(rep)] if rep.isdecimal() else [],
            notes=request.form.get("notes", "")[:2000] or None,
        )
    except (Refused, SandboxError) as error:
        flash(_words(error), "error")
        return redirect(url_for("shop.menu"))
    flash(f"Order {order.short_id} was placed.", "good")
    return redirect(url_for("shop.order", number=order.number))


@blueprint.get("/orders/<number>")
def order(number: str) -> ResponseReturnValue:
    """One order: edit it, cancel it, or move it on as the seller."""
    found = _order(number)
    customer = world().customers[found.customer_id]
    with world().lock:
        return render_template(
            "shop/order.html",
            order=found,
            customer=customer,
            totals=pricing.totals(found),
            lines=[(line, pricing.line_total(line)) for line in found.lines],
            products=[shown(p) for p in _menu_of(customer)],
            can_edit=found.status in order_rules.EDITABLE,
            can_cancel="cancelled" in order_rules.available_transitions(found, "buyer"),
            terms=[name for name, _days, _code in TERMS.values()],
            payments=[p for p in world().payments.values() if p.order_number == found.number],
            steps=[step for step in SELLER_STEPS if found.status in order_rules.ACTIONS[step][0]],
            others=[
                o
                for o in world().orders.values()
                if o.customer_id == found.customer_id
                and o.number != found.number
                and o.status in stock.RESERVING_STATUSES
            ],
        )


@blueprint.post("/orders/<number>/edit")
def edit(number: str) -> ResponseReturnValue:
    """Change the quantities of an order, drop lines (0), add one."""
    found = _order(number)
    try:
        kept = _rows("line", [str(line.id) for line in found.lines], by_line=found)
        added = _rows("new", [str(p.id) for p in _menu_of(world().customers[found.customer_id])])
        if not kept + added:
            raise Refused("An order needs at least one line. Cancel it instead.")
        world().edit_order(number, [*kept, *added])
        flash("The order was changed.", "good")
    except (Refused, SandboxError) as error:
        flash(_words(error), "error")
    return redirect(url_for("shop.order", number=number))


@blueprint.post("/orders/<number>/cancel")
def cancel(number: str) -> ResponseReturnValue:
    """The buyer withdraws the order."""
    return _act(number, lambda: world().cancel_order(number), "The order was cancelled.")


@blueprint.post("/orders/<number>/step/<action>")
def step(number: str, action: str) -> ResponseReturnValue:
    """The seller moves the order on by hand."""
    if action not in SELLER_STEPS:
        abort(404)
    return _act(number, lambda: world().transition(number, action), "The order was moved.")


@blueprint.post("/orders/<number>/terms")
def terms(number: str) -> ResponseReturnValue:
    """The seller changes the payment term by hand."""
    name = request.form.get("term", "")
    known = term_id(name)
    if known is None:
        abort(404)
    chosen = option(known, CASH)
    return _act(
        number,
        lambda: world().edit_order(number, payment_term=name, selected_payment_option=chosen),
        "The term was changed.",
    )


@blueprint.post("/orders/<number>/combine")
def combine(number: str) -> ResponseReturnValue:
    """The seller merges orders into a new one."""
    numbers = [_order(number).number, *request.form.getlist("other")]
    try:
        merged = world().combine_orders(numbers)
    except SandboxError as error:
        flash(_words(error), "error")
        return redirect(url_for("shop.order", number=number))
    flash(f"They were combined into order {merged.short_id}.", "good")
    return redirect(url_for("shop.order", number=merged.number))


def _act(number: str, do: Any, done: str) -> Response:
    _order(number)
    try:
        do()
        flash(done, "good")
    except SandboxError as error:
        flash(_words(error), "error")
    answer: Response = redirect(url_for("shop.order", number=number))  # type: ignore[assignment]
    return answer


def visiting_customer() -> Customer | None:
    """The customer the visitor is, or the first; None in an empty world."""
    chosen = world().customers.get(session.get("customer", 0))
    return chosen or next(iter(world().customers.values()), None)


def _order(number: str) -> Order:
    found = world().orders.get(number)
    if found is None:
        abort(404)
    return found


def _menu_of(customer: Customer) -> list[Product]:
    mine = (p for p in world().products.values() if p.seller_id == customer.owner_id)
    return sorted((p for p in mine if p.listing_state in ORDERABLE), key=lambda p: p.name)


def shown(product: Product) -> dict[str, Any]:
    """A product with what its row or page shows of its stock and price."""
    available = stock.available(world(), product)
    return {
        "product": product,
        "available": available,
        "reserved": stock.reserved(world(), product),
        "cases": available // product.unit_multiplier if product.unit_multiplier > 1 else None,
        "price": product.sale_price if product.sale_price > 0 else product.wholesale_price,
    }


def _rows(prefix: str, ids: list[str], by_line: Order | None = None) -> list[dict[str, Any]]:
    """The filled-in quantities as lines in base units; the visitor counts cases of case products.

    Raises Refused for what is no whole number.
    """
    rows: list[dict[str, Any]] = []
    for one in ids:
        value = request.form.get(f"{prefix}-{one}", "").strip()
        if not value:
            continue
        line = by_line.line(int(one)) if by_line else None
        product = world().product(line.product_id if line else int(one))
        try:
            amount = Decimal(value)
        except InvalidOperation:
            raise Refused(f"{product.name}: “{value[:20]}” is not a number.") from None
        if not amount.is_finite() or amount < 0 or amount != amount.to_integral_value():
            raise Refused(f"{product.name}: give a whole number that is not below zero.")
        if amount > 1_000_000:
            raise Refused(f"{product.name}: that is more than anybody can deliver.")
        multiplier = line.unit_multiplier if line else product.unit_multiplier
        if amount:
            row: dict[str, Any] = {"product_id": product.id, "quantity": amount * multiplier}
            rows.append({**row, "id": line.id} if line else row)
    return rows


def _words(error: Exception) -> str:
    if isinstance(error, OutOfStock):
        return "There is not enough of what you ordered: look at what is available."
    if isinstance(error, SandboxError) and isinstance(error.body, dict):
        return str(error.body.get("detail") or error.body)
    return str(error)
