"""Payment terms and methods by their ids, and the option objects LeafLink makes from them."""

from __future__ import annotations

from typing import Any

METHODS: dict[int, str] = {1: "Cash", 2: "Check", 3: "Wire", 4: "ACH"}

# id: (name shown, days to pay or None, code)
TERMS: dict[int, tuple[str, int | None, str]] = {
    2: ("Net 7", 7, "net7"),
    3: ("Net 15", 15, "net15"),
    4: ("Net 30", 30, "net30"),
    5: ("Net 10", 10, "net10"),
    6: ("Net 20", 20, "net20"),
    7: ("Net 60", 60, "net60"),
    8: ("Net 3", 3, "net3"),
    9: ("Net 14", 14, "net14"),
    10: ("Pre-Payment", None, "prepay"),
    12: ("Consignment", None, "consign"),
    14: ("Net 90", 90, "net90"),
    20: ("COD", None, "cod"),
}

_IDS_BY_NAME = {name: term_id for term_id, (name, _days, _code) in TERMS.items()}


def term_id(name: str) -> int | None:
    """The id of a term by the name shown ("Net 15"), or None for a name not in the list."""
    return _IDS_BY_NAME.get(name)


def option(term: int, method: int, *, is_default: bool = True) -> dict[str, Any]:
    """A payment option as orders and customers show it; ``term`` and ``method`` are ids."""
    name, days, code = TERMS[term]
    return {
        "id": 880_000 + term * 100 + method,
        "is_default": is_default,
        "payment_program": None,
        "payment_strategy": None,
        "payment_method": {"id": method, "method": METHODS[method]},
        "payment_term": {"id": term, "term": name, "days": days, "code": code},
    }


def standard_options() -> list[dict[str, Any]]:
    """What a customer may choose from when nothing else was agreed."""
    return [option(3, 4), option(20, 1, is_default=False)]
