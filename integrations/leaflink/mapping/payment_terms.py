"""LeafLink's payment terms ↔ ours: the twelve we know; every other stays LeafLink's own text."""

from integrations.leaflink.wire import payloads

# LeafLink's codes, as its customers' and orders' payment options carry them, are also ours.
CODES = frozenset(
    {
        "cod",
        "consign",
        "net3",
        "net7",
        "net10",
        "net14",
        "net15",
        "net20",
        "net30",
        "net60",
        "net90",
        "prepay",
    }
)
BY_NAME = {
    "cod": "cod",
    "cash": "cod",
    "cash on delivery": "cod",
    "consignment": "consign",
    "pre-payment": "prepay",
    "prepayment": "prepay",
    "pre-paid": "prepay",
}


def local_term(order: payloads.Order) -> str:
    """Our code for the order's payment term; "" when LeafLink's has no counterpart here.

    By code first, then by days, then by name (LeafLink: the older `payment_term` is a name).
    """
    term = order.selected_payment_option.payment_term
    if term.code:
        return term.code if term.code in CODES else ""
    if term.days and f"net{term.days}" in CODES:
        return f"net{term.days}"
    name = (term.term or order.payment_term).strip().lower()
    by_days = name.replace(" ", "")
    return BY_NAME.get(name) or (by_days if by_days in CODES else "")


def remote_text(order: payloads.Order) -> str:
    """LeafLink's own words for the term."""
    return order.selected_payment_option.payment_term.term or order.payment_term
