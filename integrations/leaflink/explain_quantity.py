"""Why LeafLink shows what it shows for a listing: every part of the number, and its source."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from catalog.decimals import plain, units, with_thousands
from catalog.inventory import today
from catalog.models import Commitment, Facility, Stock
from integrations.leaflink.due_quantities import CURES, SENT, Why, standstill, why
from integrations.leaflink.mapping.stock_rules import Target
from integrations.leaflink.models import Account, LineItem, Listing, Order
from integrations.leaflink.quantities import Wanted, wanted
from integrations.leaflink.work_kinds import LISTING_WORK
from integrations.models import WorkItem

WHERE = ("the item's rule", "the brand's rule", "the account's rule")


@dataclass
class Shelf:
    """Stock at a facility, by lot. `not_counted` says why it counts as none; "" when it counts."""

    stock: Stock
    not_counted: str


@dataclass
class Promise:
    """Units promised to an order here. `counted`: it takes from what these facilities have."""

    commitment: Commitment
    order: Any
    leaflink_order: Any
    counted: bool


@dataclass
class HeldThere:
    """A LeafLink order that still reserves the product there, and what of it is committed here."""

    order: Any
    reserved: Decimal
    held: Decimal


@dataclass
class Explanation:
    listing: Listing
    one: Wanted
    reason: Why
    shelves: list[Shelf] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    held: list[HeldThere] = field(default_factory=list)
    queued: WorkItem | None = None
    # Why nothing at all is sent for the account; "" when it is at work.
    standstill: str = ""

    @property
    def target(self) -> Target:
        return self.one.target

    @property
    def will_be_sent(self) -> bool:
        return self.reason in SENT and not self.standstill

    @property
    def may_be_asked_for(self) -> bool:
        """Whether it is sent when a person asks for it."""
        return self.reason not in CURES and not self.standstill

    @property
    def kept_back_by(self) -> str:
        """Which rule keeps units back, in words."""
        target = self.target
        at = target.safety_at
        rule = target.rules[at] if at is not None else None
        if rule is None or target.least_safety >= target.kept_back:
            return "the item's safety stock" if target.least_safety else "nothing is kept back"
        if rule.safety_percent is not None:
            return f"{plain(rule.safety_percent)} % of what is on hand, by {WHERE[at or 0]}"
        return WHERE[at or 0]

    @property
    def capped_by(self) -> str:
        """Which rule limits what is shown; "" where none does."""
        at = self.target.cap_at
        return WHERE[at] if at is not None and self.target.shown < self.target.sellable else ""

    @property
    def answered_at(self) -> datetime | None:
        return parse_datetime(self.listing.last_answer.get("at", "")) if self.answer else None

    @property
    def answer(self) -> dict[str, str]:
        """What LeafLink said to the last quantity."""
        said: dict[str, str] = self.listing.last_answer
        return said

    @property
    def next_step(self) -> str:
        """What happens next, in words."""
        if self.standstill:
            return f"Nothing is sent. {self.standstill}"
        if self.queued and self.queued.stuck_at:
            return f"It is stuck: {self.queued.error}"
        if self.queued and self.queued.leased_until:
            return "It is being sent."
        if self.queued and self.will_be_sent:
            later = self.queued.not_before > timezone.now()
            at = f"{timezone.localtime(self.queued.not_before):%H:%M:%S}"
            return (
                f"It is sent at {at}: {self.queued.error}" if later else "It is about to be sent."
            )
        if self.will_be_sent:
            number = with_thousands(units(self.one.quantity))
            return f"{number} will be sent within ten minutes. {self.reason}"
        return f"{self.reason} {CURES.get(self.reason, '')}".strip()


def explain(listing: Listing) -> Explanation | None:
    """All parts of a listing's number; None when LeafLink has no such product any more."""
    account = listing.product.account
    one = next(iter(list(wanted(account, [listing.item_id]))), None)
    if one is None:
        return None
    found = Explanation(listing, one, why(account, one), standstill=standstill(account))
    places = set(account.facilities.values_list("pk", flat=True))
    found.shelves = _shelves(listing.item_id, places)
    found.promises = _promises(listing.item_id, places)
    found.held = _held(account, listing)
    found.queued = WorkItem.objects.filter(
        connection=account, kind=LISTING_WORK, key=str(listing.item_id)
    ).first()
    return found


def _shelves(item_id: int, places: set[int]) -> list[Shelf]:
    rows = Stock.objects.filter(item=item_id).exclude(on_hand=0)
    rows = rows.select_related("facility", "lot").order_by("facility__name", "lot__number")
    return [Shelf(row, _not_counted(row, places)) for row in rows]


def _not_counted(row: Stock, places: set[int]) -> str:
    """Why these units can't be sold; "" when they can."""
    place: Facility = row.facility
    if places and place.pk not in places:
        return "this facility does not count for the account"
    if not place.is_active:
        return "the facility is not active"
    if not place.sells:
        return "stock of this facility is not sold"
    if row.lot and row.lot.on_hold:
        return f"the lot is on hold: {row.lot.hold_reason}" if row.lot.hold_reason else "on hold"
    if row.lot and row.lot.expires_on and row.lot.expires_on < today():
        return f"the lot expired on {row.lot.expires_on:%b %-d, %Y}"
    return ""


def _promises(item_id: int, places: set[int]) -> list[Promise]:
    rows = Commitment.objects.filter(item=item_id).select_related(
        "facility", "order_line__order__leaflink_order"
    )
    found = []
    for row in rows.defer("order_line__order__leaflink_order__raw"):
        line = getattr(row, "order_line", None)
        order = line.order if line else None
        there = getattr(order, "leaflink_order", None) if order else None
        counted = not places or row.facility_id is None or row.facility_id in places
        found.append(Promise(row, order, there, counted))
    return found


def _held(account: Account, listing: Listing) -> list[HeldThere]:
    lines = LineItem.objects.filter(
        Order.reserving("order__"),
        order__account=account,
        product_remote_id=listing.product.remote_id,
    )
    reserved: dict[int, HeldThere] = {}
    rows = lines.select_related("order__sales_order").defer("order__raw").order_by("order")
    for line in rows:
        row = reserved.setdefault(line.order_id, HeldThere(line.order, Decimal(0), Decimal(0)))
        row.reserved += units(line.quantity)
    here = Commitment.objects.filter(
        item=listing.item_id, order_line__order__leaflink_order__in=reserved
    ).values_list("order_line__order__leaflink_order", "quantity")
    for order_id, quantity in here:
        reserved[order_id].held += units(quantity)
    for row in reserved.values():
        row.held = min(row.held, row.reserved)
    return list(reserved.values())


def _number(quantity: Decimal) -> str:
    return with_thousands(units(quantity))


def sum_in_words(one: Wanted) -> str:
    """How the number comes about, in a line."""
    target = one.target
    if one.counts_differently:
        return "0, since the two sides count it in different units"
    parts = [f"{_number(target.on_hand)} on hand"]
    if target.committed:
        parts.append(f"− {_number(target.committed)} committed")
    if target.kept_back:
        parts.append(f"− {_number(target.kept_back)} kept back")
    if target.free - target.kept_back < 0:
        parts.append("(below zero counts as none)")
    if target.shown < target.sellable:
        parts.append(f"(at the most {_number(target.shown)} shown)")
    if one.row.pause == "at_zero":
        parts = ["0, since it is paused at zero"]
    if target.held_for_leaflink:
        parts.append(f"+ {_number(target.held_for_leaflink)} held for LeafLink orders")
    return " ".join(parts)


def quantity_row(account: Account, one: Wanted, *, is_stopped: bool = False) -> dict[str, str]:
    """A row of a dry run: what both sides offer, the quantity that would be sent, and why (base
    units). `is_stopped`: the brake would stop it."""
    row, reason = one.row, Why.BRAKED if is_stopped else why(account, one)
    return {
        "sku": row.item_sku,
        "product": row.product_name,
        "ours": plain(units(one.available)),
        "theirs": plain(units(one.offered_now)),
        "would_send": plain(units(one.quantity)) if reason in SENT else "",
        "why": f"{reason} {sum_in_words(one)}.",
    }
