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
    if term.code or term.days or term.term:
        return code_of(term)
    return _by_name(order.payment_term)


def remote_text(order: payloads.Order) -> str:
    """LeafLink's own words for the term."""
    return order.selected_payment_option.payment_term.term or order.payment_term


# Marks a term that has no counterpart here, before LeafLink's own words for it.
OTHER = "other:"
# By our codes, the names that LeafLink's older `payment_term` takes.
NAMES = {
    "cod": "COD",
    "consign": "Consignment",
    "prepay": "Pre-Payment",
    **{code: f"Net {code.removeprefix('net')}" for code in sorted(CODES) if code[:3] == "net"},
}


def remote_term(order: payloads.Order) -> str:
    """LeafLink's payment term: our code for it, or its own words behind `OTHER`; "" for none."""
    code = local_term(order)
    text = remote_text(order)
    return code or (f"{OTHER}{text}" if text else "")


def is_other(term: str) -> bool:
    """Whether a term is LeafLink's own, with no counterpart here."""
    return term.startswith(OTHER)


def other_text(term: str) -> str:
    """LeafLink's own words of such a term."""
    return term.removeprefix(OTHER)


def code_of(term: payloads.Term) -> str:
    """Our code for a term of LeafLink's list; "" when there is none."""
    if term.code:
        return term.code if term.code in CODES else ""
    if term.days and f"net{term.days}" in CODES:
        return f"net{term.days}"
    return _by_name(term.term)


def _by_name(text: str) -> str:
    name = text.strip().lower()
    by_days = name.replace(" ", "")
    return BY_NAME.get(name) or (by_days if by_days in CODES else "")
