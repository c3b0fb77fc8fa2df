"""What can happen to an order: placed, edited, moved from status to status, combined.

LeafLink: units are reserved while an order is Submitted or Accepted; fulfilling takes them out of
the physical stock; rejecting a fulfilled order puts them back. A seller rejects, a buyer cancels.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from integrations.leaflink.sandbox import stock
from integrations.leaflink.sandbox.errors import IllegalTransition, Invalid
from integrations.leaflink.sandbox.payment_terms import option, term_id
from integrations.leaflink.sandbox.records import Order, OrderEvent, OrderLine
from integrations.leaflink.sandbox.stock import RESERVING_STATUSES

if TYPE_CHECKING:
    from integrations.leaflink.sandbox.world import World

# action: (statuses it is possible from, status it leads to, word for it, who may)
ACTIONS: dict[str, tuple[frozenset[str], str, str, str]] = {
    "submit": (frozenset({"Draft"}), "Submitted", "submitted", "both"),
    "accept": (frozenset({"Submitted", "Backorder"}), "Accepted", "accepted", "seller"),
    "fulfill": (frozenset({"Accepted"}), "Fulfilled", "fulfilled", "seller"),
    "ship": (frozenset({"Fulfilled"}), "Shipped", "shipped", "seller"),
    "complete": (frozenset({"Shipped"}), "Complete", "completed", "seller"),
    "reject": (
        frozenset({"Submitted", "Accepted", "Backorder", "Fulfilled", "Shipped"}),
        "Rejected",
        "rejected",
        "seller",
    ),
    "cancel": (frozenset({"Draft", "Submitted"}), "Cancelled", "cancelled", "buyer"),
}
OUT_OF_STOCK_ROOM = frozenset({"Fulfilled", "Shipped"})
EDITABLE = frozenset({"Draft", "Submitted", "Accepted", "Backorder"})
EDITABLE_FIELDS = frozenset(
    {
        "discount",
        "discount_type",
        "tax_rate",
        "shipping",
        "credits",
        "payment_term",
        "payment_methods",
        "selected_payment_option",
        "payment_due_date",
        "paid",
        "paid_date",
        "ship_date",
        "shipping_details",
        "notes",
        "internal_notes",
        "delivery_preferences",
        "delivery_provider",
        "delivery_info",
        "classification",
        "external_ids",
        "sales_rep_ids",
    }
)


def available_transitions(order: Order, by: str = "seller") -> list[str]:
    """The state words an order can move to next, as LeafLink lists them to the seller."""
    return [
        word
        for start, _, word, who in ACTIONS.values()
        if order.status in start and who in (by, "both")
    ]


def place(
    world: World,
    seller_id: int,
    customer_id: int,
    lines: Sequence[dict[str, Any]],
    *,
    sales_rep_ids: Sequence[int] = (),
    discount: str = "0",
    discount_type: str = "$",
    tax_rate: str = "0",
    shipping: str = "0",
    credits: str = "0",
    payment_term: str = "Net 15",
    notes: str | None = None,
    manual: bool = False,
    brand_id: int | None = None,
    status: str = "Submitted",
    classification: str = "Adult Use",
    ship_date: Any = None,
    check_stock: bool = True,
    number: str | None = None,
) -> Order:
    """Place an order. Lines: {product_id, quantity (base units), price, sale_price, is_sample, …}.

    A price is per selling unit and defaults to the product's. Raises OutOfStock when the lines
    together need more than is available; `check_stock` False skips that, for worlds gone wrong.
    """
    with world.change():
        customer = world.customers[customer_id]
        now = world.now()
        term = term_id(payment_term)
        buyer = world.companies.get(customer.partner_id or 0)
        address = _address(customer.details, buyer.address if buyer else {})
        order = Order(
            id=world.next_id("order"),
            number=number or _new_number(world),
            seller_id=seller_id,
            buyer_id=customer.partner_id,
            customer_id=customer_id,
            brand_id=brand_id,
            status=status,
            manual=manual,
            user="seller" if manual else "buyer",
            created_on=now,
            modified=now,
            classification=classification,
            sales_rep_ids=list(sales_rep_ids),
            discount=Decimal(discount),
            discount_type=discount_type,
            tax_rate=Decimal(tax_rate),
            shipping=Decimal(shipping),
            credits=Decimal(credits),
            payment_term=payment_term,
            payment_methods=["ACH"],
            selected_payment_option=option(term, 4) if term else None,
            corporate_address=address,
            delivery_address=dict(address),
            notes=notes,
            ship_date=ship_date,
        )
        order.lines = [_line(world, seller_id, row, n) for n, row in enumerate(lines)]
        if status in RESERVING_STATUSES:
            if check_stock:
                stock.check(world, order.lines)
            stock.reserve(world, order.lines)
        world.orders[order.number] = order
        _log(world, order, "created", {})
        _tell(world, order, "create")
        return order


def edit(
    world: World, number: str, lines: Sequence[dict[str, Any]] | None = None, **fields: Any
) -> Order:
    """Change an order. `lines` replaces all lines; one with an `id` keeps that line's price.

    Raises IllegalTransition once goods have left, OutOfStock when the new lines need too much,
    Invalid for a field that isn't writable.
    """
    unknown = sorted(set(fields) - EDITABLE_FIELDS)
    if unknown:
        raise Invalid({name: ["This field is not writable."] for name in unknown})
    with world.change():
        order = world.order(number)
        if lines is not None:
            if order.status not in EDITABLE:
                raise IllegalTransition({"detail": f"A {order.status} order can't be edited."})
            fresh = [_edited_line(world, order, row, n) for n, row in enumerate(lines)]
            if order.status in RESERVING_STATUSES:
                stock.check(world, fresh, already_held=order.lines)
                stock.release(world, order.lines)
                stock.reserve(world, fresh)
            order.lines = fresh
        for name, value in fields.items():
            is_amount = name in ("discount", "tax_rate", "shipping", "credits")
            setattr(order, name, Decimal(str(value)) if is_amount else value)
        if "payment_term" in fields and "selected_payment_option" not in fields:
            term = term_id(order.payment_term)
            order.selected_payment_option = option(term, 4) if term else None
        touch(world, order, "edited", dict.fromkeys(fields, "changed"))
        return order


def transition(world: World, number: str, action: str, *, by: str = "seller") -> Order:
    """Move an order by an action word ("accept"). Raises IllegalTransition."""
    with world.change():
        order = world.order(number)
        if action not in ACTIONS:
            raise IllegalTransition({"detail": f"Unknown action: {action}."})
        start, status, word, who = ACTIONS[action]
        if order.status not in start or who not in (by, "both"):
            raise IllegalTransition({"detail": f"Can't {action} an order that is {order.status}."})
        if action == "accept" and _lacks_term(world, order):
            raise IllegalTransition({"payment_term": ["A payment term is required."]})
        held, gone = order.status in RESERVING_STATUSES, order.status in OUT_OF_STOCK_ROOM
        if status in RESERVING_STATUSES and not held:
            stock.check(world, order.lines)
            stock.reserve(world, order.lines)
        elif status == "Fulfilled":
            stock.move_out(world, order.lines)
        elif status in ("Rejected", "Cancelled"):
            if held:
                stock.release(world, order.lines)
            elif gone:
                stock.take_back(world, order.lines)
        order.status = status
        touch(world, order, word, {"status": status})
        return order


def _lacks_term(world: World, order: Order) -> bool:
    """Whether the seller's setting wants a payment term first. (That it refuses is known, how it
    says so is not.)"""
    has_term = bool(order.payment_term or order.selected_payment_option)
    return world.companies[order.seller_id].needs_payment_term and not has_term


def combine(world: World, numbers: Sequence[str]) -> Order:
    """Merge Submitted or Accepted orders of one customer into a new Submitted one.

    LeafLink does this in its pages only; no field of either side names the other.
    """
    with world.change():
        parents = [world.order(number) for number in dict.fromkeys(numbers)]
        first = parents[0]
        if len(parents) < 2 or any(p.status not in RESERVING_STATUSES for p in parents):
            raise IllegalTransition({"detail": "Choose two or more orders that are still open."})
        if {(p.seller_id, p.customer_id) for p in parents} != {
            (first.seller_id, first.customer_id)
        }:
            raise IllegalTransition({"detail": "Only orders of one customer can be combined."})
        rows = [
            {
                "product_id": line.product_id,
                "quantity": line.quantity,
                "price": line.price,
                "sale_price": line.sale_price,
                "is_sample": line.is_sample,
                "is_medical": line.is_medical,
                "notes": line.notes,
                "batch": line.batch,
            }
            for parent in parents
            for line in parent.lines
        ]
        for parent in parents:
            stock.release(world, parent.lines)
            parent.status = "Combined"
            touch(world, parent, "combined", {"status": "Combined"})
        merged = place(
            world,
            first.seller_id,
            first.customer_id,
            rows,
            sales_rep_ids=first.sales_rep_ids,
            payment_term=first.payment_term,
            classification=first.classification,
            check_stock=False,  # it takes what the parents held, also where that is too much
        )
        merged.is_combination = True
        world.save(merged)
        return merged


def touch(world: World, order: Order, event: str, changed: dict[str, Any]) -> None:
    """Note that an order was changed, and tell those who listen."""
    note(world, order, event, changed)
    _tell(world, order, "edit")


def note(world: World, order: Order, event: str, changed: dict[str, Any]) -> None:
    """Note that an order was changed, without a hook: LeafLink sends none for payments."""
    order.modified = world.now()
    _log(world, order, event, changed)


def _log(world: World, order: Order, event: str, changed: dict[str, Any]) -> None:
    entry = OrderEvent(
        id=world.next_id("event"),
        order_number=order.number,
        event_type=event,
        by=order.user,
        author_name=order.user,
        source="app",
        changed_fields=changed,
        created_on=world.now(),
    )
    world.events[entry.id] = entry
    world.save(entry)
    world.save(order)


def _tell(world: World, order: Order, action: str) -> None:
    world.tell("order", action, order)
    # LeafLink: one order event sets off a product hook for each line as well.
    for line in order.lines:
        world.tell("product", "edit", world.products[line.product_id])


def _new_number(world: World) -> str:
    # Derived from a counter: the same world seeded again has the same numbers. The counter isn't
    # stored, so a world read from a file skips the numbers that it has given out before.
    while True:
        chance = random.Random(world.next_id("order number"))
        number = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        if number not in world.orders:
            return number


def _address(details: dict[str, Any], company: dict[str, str]) -> dict[str, str]:
    source = {**company, **{k: v for k, v in details.items() if isinstance(v, str) and v}}
    names = ("address", "unit_number", "city", "state", "zipcode")
    return {name: source.get(name, "") for name in names}


def _line(world: World, seller_id: int, row: dict[str, Any], position: int) -> OrderLine:
    product = world.product(int(row["product_id"]))
    if product.seller_id != seller_id:
        raise _refused_line(position, "product_id", "This product is another seller's.")
    _check_quantity(position, row["quantity"])
    price = row.get("price")
    sale = row.get("sale_price")
    return OrderLine(
        id=world.next_id("line"),
        product_id=product.id,
        quantity=Decimal(str(row["quantity"])),
        unit_multiplier=product.unit_multiplier,
        price=product.wholesale_price if price is None else Decimal(str(price)),
        sale_price=product.sale_price if sale is None else Decimal(str(sale)),
        wholesale_price=product.wholesale_price,
        unit_of_measure=product.unit_of_measure,
        product_name=product.name,
        product_sku=product.sku,
        position=position,
        is_sample=bool(row.get("is_sample", product.listing_state == "Sample")),
        is_medical=bool(row.get("is_medical", False)),
        notes=row.get("notes"),
        batch=row.get("batch"),
    )


def _check_quantity(position: int, quantity: Any) -> None:
    if Decimal(str(quantity)) <= 0:
        raise _refused_line(position, "quantity", "Ensure this value is greater than 0.")


def _refused_line(position: int, field: str, message: str) -> Invalid:
    return Invalid({"line_items": [*([{}] * position), {field: [message]}]})


def _edited_line(world: World, order: Order, row: dict[str, Any], position: int) -> OrderLine:
    old = order.line(int(row["id"])) if row.get("id") else None
    if old is None:
        return _line(world, order.seller_id, row, position)
    _check_quantity(position, row.get("quantity", old.quantity))
    fields = {**vars(old), "position": position}
    for name in ("price", "sale_price", "quantity"):
        if row.get(name) is not None:
            fields[name] = Decimal(str(row[name]))
    for name in ("notes", "is_sample", "batch"):
        if name in row:
            fields[name] = row[name]
    return OrderLine(**fields)
