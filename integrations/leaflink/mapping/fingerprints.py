"""Fingerprints: has anything changed, and has anything changed that a sales order shows? Pure."""

import hashlib
import json
from typing import Any

from integrations.leaflink.wire import payloads


def of_body(body: Any) -> str:
    """The fingerprint of an answer as it came."""
    text = json.dumps(body, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def of_content(order: payloads.Order) -> str:
    """The fingerprint of what a sales order takes from LeafLink's: not the status, not payments."""
    content = order.model_dump(
        mode="json",
        include={
            "discount",
            "discount_type",
            "tax_amount",
            "final_tax",
            "shipping_charge",
            "credits",
            "payment_term",
            "selected_payment_option",
            "payment_due_date",
            "ship_date",
            "notes",
            "internal_notes",
            "classification",
            "delivery_address",
            "line_items",
        },
    )
    return of_body(content)
