"""What both sides say about an order's payment and delivery, and whose move it is. Pure.

Each term is a text that both sides can be written as, "" for none. To agree is to compare three:
ours, theirs, and what was last agreed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from enum import StrEnum
from typing import Any

from integrations.leaflink.mapping.payment_terms import is_other, remote_term
from integrations.leaflink.wire import payloads

TERMS = ("delivery_date", "shipping_details", "payment_term", "payment_due_on")
LONGEST = 2000  # what our column holds
DAYS = ("delivery_date", "payment_due_on")
# LeafLink: a time without an offset is UTC, so a day alone would be the evening before in Denver.
NOON = time(12)


class Move(StrEnum):
    """What is to be done about one term."""

    NONE = "none"  # both say the same, or nothing can or may be done
    TAKE = "take"  # only LeafLink's moved
    SEND = "send"  # only ours moved
    CHOOSE = "choose"  # both moved, to different values
    CANNOT = "cannot"  # ours moved to what LeafLink can't have


@dataclass(frozen=True)
class Standing:
    """One term: ours, theirs, what was last agreed, and whose move it is."""

    name: str
    ours: str
    theirs: str
    agreed: str
    move: Move

    @property
    def is_settled(self) -> bool:
        """Whether what both sides say now is agreed."""
        return self.move is Move.NONE and _unmoved(self.ours, self.theirs)


def _unmoved(here: str, agreed: str) -> bool:
    """Whether ours is what was agreed; none is, where LeafLink has a term of its own."""
    return here == agreed or (not here and is_other(agreed))


def theirs(order: payloads.Order) -> dict[str, str]:
    """LeafLink's terms of an order. Days are as LeafLink wrote them, in the seller's offset."""
    return {
        "delivery_date": day_text(order.ship_date.date() if order.ship_date else None),
        "shipping_details": plain_text(order.shipping_details[:LONGEST]),
        "payment_term": remote_term(order),
        "payment_due_on": day_text(
            order.payment_due_date.date() if order.payment_due_date else None
        ),
    }


def local_value(name: str, text: str) -> Any:
    """What a sales order's field is to be when LeafLink's term is `text`."""
    if name in DAYS:
        return date.fromisoformat(text) if text else None
    return "" if name == "payment_term" and is_other(text) else text


def compare(
    here: Mapping[str, str], there: Mapping[str, str], agreed: Mapping[str, str]
) -> list[Standing]:
    """Where each term stands. One that was never agreed about follows LeafLink."""
    return [
        _standing(name, here[name], there[name], agreed.get(name, here[name])) for name in TERMS
    ]


def _standing(name: str, here: str, there: str, agreed: str) -> Standing:
    return Standing(name, here, there, agreed, _move(name, here, there, agreed))


def _move(name: str, here: str, there: str, agreed: str) -> Move:
    if here == there:
        return Move.NONE
    if name == "payment_term" and is_other(there):
        # LeafLink's own terms are never overwritten: ours gives way, or stays beside it.
        return Move.TAKE if here and here == agreed else Move.NONE
    if there == agreed:
        return Move.CANNOT if name == "payment_term" and not here else Move.SEND
    return Move.TAKE if _unmoved(here, agreed) else Move.CHOOSE


def body(name: str, text: str, zone: tzinfo = UTC) -> dict[str, Any]:
    """The part of a PATCH that makes LeafLink's term `text`; not for payment terms. Days are noon
    in `zone`."""
    field = {
        "delivery_date": "ship_date",
        "payment_due_on": "payment_due_date",
        "shipping_details": "shipping_details",
    }[name]
    if name in DAYS:
        return {field: at_noon(date.fromisoformat(text), zone) if text else None}
    return {field: text}


def at_noon(day: date, zone: tzinfo) -> str:
    """A day as LeafLink takes it: noon in `zone`, the same day wherever it is read."""
    return datetime.combine(day, NOON, zone).isoformat()


def day_text(day: date | None) -> str:
    """A day as a term: "2026-11-25"; "" for none."""
    return day.isoformat() if day else ""


def plain_text(text: str) -> str:
    """Blanks at the ends and kinds of line break make no difference."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
