"""Agreeing about an order's terms: payment, due date, delivery. Whose move it is, on each reading.

What only LeafLink moved is taken over; what only we moved waits to be sent; where both moved, a
person chooses. What both say is agreed, which is what makes echoes harmless.
"""

from datetime import date
from typing import Any

from integrations.leaflink.mapping import order_terms
from integrations.leaflink.mapping.order_terms import (
    DAYS,
    Move,
    day_text,
    local_value,
    plain_text,
)
from integrations.leaflink.mapping.payment_terms import is_other, other_text
from integrations.leaflink.mapping.statuses import ENDED
from integrations.leaflink.models import NUMBER, Account, Order
from integrations.leaflink.wire import payloads
from orders.models import SalesOrder
from orders.terms import LABELS, change_terms, said

NO_EMPTY_TERM = "LeafLink has no empty payment term: choose one for the sales order."


def ours(order: SalesOrder) -> dict[str, str]:
    """Our terms of an order, as `order_terms` compares them."""
    return {
        "delivery_date": day_text(order.delivery_date),
        "shipping_details": plain_text(order.shipping_details),
        "payment_term": order.payment_term,
        "payment_due_on": day_text(order.payment_due_on),
    }


def in_words(name: str, text: str) -> str:
    """A term as people say it, "" for none; LeafLink's own payment terms in its words."""
    if name == "payment_term" and is_other(text):
        return f"{other_text(text)} (LeafLink's own)"
    if name in DAYS:
        return said(name, date.fromisoformat(text)) if text else ""
    return said(name, text)


def settle(
    account: Account, order: Order, local: SalesOrder, payload: payloads.Order
) -> SalesOrder:
    """Agree about each term, in memory on `order`, and take over what only LeafLink moved.

    Call it in the transaction that holds both; `set_state` writes what is agreed.
    """
    taken: dict[str, Any] = {}
    there = order.there = order_terms.theirs(payload)
    arrived = {name: value for name, value in order.sent.items() if there[name] == value}
    agreed = {**order.agreed, **arrived}
    order.sent = {name: value for name, value in order.sent.items() if name not in arrived}
    refusals = {what: said for what, said in order.refusals.items() if what not in LABELS}
    order.disputed = []
    for one in order_terms.compare(ours(local), there, agreed):
        if one.is_settled:
            agreed[one.name] = one.theirs
        elif one.move is Move.TAKE:
            taken[one.name] = local_value(one.name, one.theirs)
            agreed[one.name] = one.theirs
        elif one.move is Move.CHOOSE:
            words = (in_words(one.name, text) for text in (one.ours, one.theirs, one.agreed))
            order.dispute(one.name, LABELS[one.name], *words)
        elif one.move is Move.CANNOT and account.push_order_terms:
            refusals[one.name] = [one.ours, NO_EMPTY_TERM]
        elif order.was_refused(one.name, one.ours):
            refusals[one.name] = order.refusals[one.name]
    order.agreed = agreed
    order.refuse(refusals)
    note_number(account, order, payload)
    return change_terms(local, taken, why="Changed in LeafLink.") if taken else local


def note_number(account: Account, order: Order, payload: payloads.Order) -> None:
    """Remember, in memory, which number of ours LeafLink has noted."""
    key = account.external_id_key
    order.noted_number = str(payload.external_ids.get(key) or "")[:40] if key else ""


def begin(account: Account, order: Order, payload: payloads.Order) -> None:
    """A sales order was just made of LeafLink's: all its terms are agreed, in memory."""
    order.agreed = order.there = order_terms.theirs(payload)
    order.sent = {}
    order.disputed = []
    order.refuse({})
    note_number(account, order, payload)


def to_send(account: Account, order: Order, local: SalesOrder) -> dict[str, str]:
    """The terms (and our number) that wait to be sent, by name; as far as the last reading tells.

    Left out: orders that are over there, what both sides moved, LeafLink's own payment terms, what
    LeafLink refused as it is, and shipping details of an order without delivery date (LeafLink
    shows them together).
    """
    if order.status in ENDED:
        return {}
    found = {}
    if account.push_order_terms:
        # What is not known of the last reading is as it was agreed.
        here = ours(local)
        there = {**here, **order.agreed, **order.there}
        found = {
            one.name: one.ours
            for one in order_terms.compare(here, there, order.agreed)
            if one.move in (Move.SEND, Move.CANNOT)
        }
    if found.get("shipping_details") and not local.delivery_date:
        del found["shipping_details"]
    if account.external_id_key and order.noted_number != local.number:
        found[NUMBER] = local.number
    return {name: value for name, value in found.items() if not order.was_refused(name, value)}
