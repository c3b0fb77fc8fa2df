"""Fingerprints: has anything changed, and has anything changed that a sales order shows? Pure."""

import hashlib
import json
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from integrations.leaflink.mapping.order_terms import theirs
from integrations.leaflink.mapping.statuses import Meaning, remote_state
from integrations.leaflink.wire import payloads


def of_body(body: Any) -> str:
    """The fingerprint of an answer as it came."""
    text = json.dumps(body, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def of_content(order: payloads.Order) -> str:
    """The fingerprint of what a sales order takes from LeafLink's: not the status, not payments.

    The order in which lines come and how numbers are written ("10", "10.0") make no difference.
    """
    term = order.selected_payment_option.payment_term
    return of_body(
        [
            *_goods_and_money(order),
            [order.payment_term, term.code, term.days, term.term],
            [order.payment_due_date, order.ship_date],
            *_words(order),
        ]
    )


def of_unsynced(order: payloads.Order, without: Collection[str] = ()) -> str:
    """The fingerprint of all that somebody may edit of an order: when it changes, one whose sales
    order was deleted here comes in anew. `without`: terms that don't count."""
    terms = {name: text for name, text in theirs(order).items() if name not in without}
    return of_body([*_goods_and_money(order), terms, *_words(order)])


def _goods_and_money(order: payloads.Order) -> list[Any]:
    lines = sorted(
        (
            line.id,
            line.product or 0,
            _plain(line.quantity),
            line.unit_multiplier,
            _plain(line.price),
            line.is_sample,
            line.is_medical_line_item,
            line.notes,
            *([line.batch] if line.batch else []),
        )
        for line in order.line_items or []
    )
    money = (
        order.discount,
        order.tax_amount,
        order.final_tax,
        order.shipping_charge,
        order.credits,
    )
    return [lines, [_plain(amount) for amount in money], order.discount_type]


def _words(order: payloads.Order) -> list[Any]:
    address = order.delivery_address
    return [
        [order.notes, order.internal_notes, order.classification],
        [address.address, address.unit_number, address.city, address.state, address.zipcode],
    ]


def of_choice(order: payloads.Order) -> str:
    """The fingerprint of what a person sees when choosing about an order: what it contains, its
    total, whose it is, and whether it was called off."""
    over = order.status if remote_state(order.status).meaning is Meaning.OVER else ""
    total = None if order.total is None else _plain(order.total)
    whose = order.customer.id if order.customer else None
    return of_body([of_content(order), total, whose, over])


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
