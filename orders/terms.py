"""What an order says about delivery and payment, and can be changed for as long as it lives."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from catalog.inventory import By
from orders.models import PaymentTerm, SalesOrder
from orders.moves import note, verb
from orders.status import IllegalMove, Status

LABELS = {
    "delivery_date": "Delivery date",
    "shipping_details": "Shipping details",
    "payment_term": "Payment term",
    "payment_due_on": "Payment due",
}


@verb
def change_terms(
    order: SalesOrder, values: Mapping[str, Any], *, by: By = None, why: str = ""
) -> None:
    """Write these of the fields of `LABELS`, and what changed into the history; nothing when they
    are as they were. `why` goes before it. Raises IllegalMove for a canceled order."""
    if order.status == Status.CANCELED:
        raise IllegalMove(f"Order {order.number} is canceled: its terms can't be changed.")
    changed = {name: new for name, new in values.items() if getattr(order, name) != new}
    if not changed:
        return
    told = "; ".join(
        f"{LABELS[name]}: {said(name, old) or 'none'} → {said(name, new) or 'none'}"
        for name, new in changed.items()
        for old in [getattr(order, name)]
    )
    for name, new in changed.items():
        setattr(order, name, new)
    order.save(update_fields=list(changed))
    note(order, f"{why} {told}".strip(), by=by)


def said(name: str, value: Any) -> str:
    """A value of one of these fields as people say it; "" for none."""
    if name == "payment_term":
        return str(dict(PaymentTerm.choices).get(value, value))
    if isinstance(value, date):
        return f"{value:%b %-d, %Y}"
    return str(value or "")
