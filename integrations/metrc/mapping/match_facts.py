"""What is compared to tell which delivery is which order's, and what is found: plain facts."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

# Metrc's clock and ours are not the same, and it keeps whole seconds.
CLOCKS_DIFFER = timedelta(minutes=2)
NONE: frozenset[int] = frozenset()


class How(StrEnum):
    """What a match rests on; the values are those of `Match.How`."""

    TEMPLATE = "template"
    LABELS = "labels"
    INVOICE = "invoice"


@dataclass(frozen=True)
class OrderFacts:
    """What is known of an order of ours. Licenses as compared (`normalized_license`).

    `template_ids`: Metrc's numbers of all its templates, those that were withdrawn as well.
    `labels`: of the packages assigned to it. `asked_at`: since when a transfer can be meant for
    it: its first template was sent, or its last package assigned. `matched_with`: the delivery
    that it is matched with. `never`: deliveries of which a person has said that they aren't it.
    `is_filled`: its packages fill all of its lines.
    """

    id: int
    number: str
    shipper: str
    recipient: str
    labels: frozenset[str]
    template_ids: frozenset[int]
    created_at: datetime
    asked_at: datetime
    is_canceled: bool = False
    matched_with: int | None = None
    never: frozenset[int] = NONE
    is_filled: bool = True


@dataclass(frozen=True)
class DeliveryFacts:
    """What Metrc says of one stop of a transfer. Licenses as compared.

    `labels`: of its listed packages. `template_id` is None when Metrc doesn't say; `template_order`
    is the number of the order of ours whose template that is, "" when none of ours is.
    `matched_orders`: the orders that it is matched with. `is_void`: its transfer was voided, or
    the stop was taken off. `is_back`: every package of it was rejected or returned.
    """

    id: int
    transfer_id: int
    shipper: str
    recipient: str
    labels: frozenset[str]
    template_id: int | None
    registered_at: datetime | None
    invoice: str = ""
    recipient_name: str = ""
    template_order: str = ""
    matched_orders: frozenset[int] = NONE
    is_void: bool = False
    is_back: bool = False


@dataclass(frozen=True)
class Verdict:
    """That a delivery is an order's, for certain or possibly; what speaks for and against it."""

    order_id: int
    delivery_id: int
    how: How
    is_certain: bool
    reasons: tuple[str, ...]
    doubts: tuple[str, ...] = ()

    def doubted(self, why: str) -> "Verdict":
        """The same, no longer certain."""
        return replace(self, is_certain=False, doubts=(*self.doubts, why))


def invoice_key(number: str) -> str:
    """An invoice number as compared: people type it in any case, with spaces around."""
    return number.strip().casefold()


def is_same_customer(order: OrderFacts, one: DeliveryFacts) -> bool:
    """Whether the order's customer gets it from the order's facility."""
    return one.shipper == order.shipper and order.recipient == one.recipient != ""


def is_own_template(order: OrderFacts, one: DeliveryFacts) -> bool:
    """Whether it was made from a template of the order's."""
    return one.template_id is not None and one.template_id in order.template_ids


def is_in_time(order: OrderFacts, one: DeliveryFacts) -> bool:
    """Whether it was registered after the order asked for it; not when Metrc doesn't say."""
    at = one.registered_at
    return at is not None and at >= order.asked_at - CLOCKS_DIFFER


def may_share(delivery_labels: Collection[str], orders: Iterable[Collection[str]]) -> bool:
    """Whether one delivery may be several orders': the packages of each are in it, none twice."""
    seen: set[str] = set()
    for labels in orders:
        mine = set(labels)
        if not mine or not mine <= set(delivery_labels) or mine & seen:
            return False
        seen |= mine
    return True
