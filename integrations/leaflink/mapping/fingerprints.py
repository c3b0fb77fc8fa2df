"""Fingerprints: has anything changed, and has anything changed that a sales order shows? Pure."""

import hashlib
import json
from decimal import Decimal
from typing import Any

from integrations.leaflink.mapping.statuses import Meaning, remote_state
from integrations.leaflink.wire import payloads


def of_body(body: Any) -> str:
    """The fingerprint of an answer as it came."""
    text = json.dumps(body, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def of_content(order: payloads.Order) -> str:
    """The fingerprint of what a sales order takes over whole: not the status, nor the terms that
    are agreed about one by one (payment, delivery).

    The order in which lines come and how numbers are written ("10", "10.0") make no difference.
    """
    address = order.delivery_address
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
            line.batch or 0,
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
    return of_body(
        [
            lines,
            [_plain(amount) for amount in money],
            order.discount_type,
            [order.notes, order.internal_notes, order.classification],
            [address.address, address.unit_number, address.city, address.state, address.zipcode],
        ]
    )


def of_unsynced(order: payloads.Order) -> str:
    """The fingerprint of all that somebody may edit of an order: when it changes, one whose sales
    order was deleted here comes in anew."""
    term = order.selected_payment_option.payment_term
    terms = [order.payment_term, term.code, term.days, term.term, order.shipping_details]
    days = [order.payment_due_date, order.ship_date]
    return of_body([of_content(order), terms, days])


def of_choice(order: payloads.Order) -> str:
    """The fingerprint of what a person sees when choosing about an order: what it contains, its
    total, whose it is, and whether it was called off."""
    over = order.status if remote_state(order.status).meaning is Meaning.OVER else ""
    total = None if order.total is None else _plain(order.total)
    whose = order.customer.id if order.customer else None
    return of_body([of_content(order), total, whose, over])


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
