"""What LeafLink should show for each listing, computed for all of them at once.

Quantity to send = shown + what we hold committed for LeafLink orders that LeafLink itself still
counts as reserved (Submitted or Accepted), order by order the smaller of the two. LeafLink then
offers quantity − its own reserved, so an order that we have not taken in yet lowers what is offered
by itself. All in base units. The formula is in `mapping.stock_rules`.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Sum

from catalog import inventory
from catalog.decimals import units
from catalog.models import UnitOfMeasure
from catalog.one_moment import one_moment
from integrations.leaflink.mapping.stock_rules import Rule, Target
from integrations.leaflink.models import Account, LineItem, Listing, Offer, Order
from integrations.leaflink.wanted import leaflink_unit
from orders.models import OrderLine

# LeafLink: "1" managed. "2" is unlimited and "3" has its parent's stock: both take no quantity.
MANAGED_IN_LEAFLINK = ("1", "")


class Row(NamedTuple):
    """A listing with what decides about its quantity. Named after where it comes from."""

    listing_id: int
    item_id: int
    item_sku: str
    item_name: str
    item_unit: str
    least_safety: Decimal
    brand_account_id: int | None
    product_id: int
    remote_id: int
    product_name: str
    product_unit: str
    product_modified: datetime | None
    # As LeafLink showed it when last read or answered.
    quantity: Decimal
    reserved: Decimal
    inventory_management: str
    last_sent: Decimal | None
    last_sent_at: datetime | None
    unsettled_at: datetime | None
    refusal: str
    refused_quantity: Decimal | None
    refused_modified: datetime | None
    braked_at: datetime | None
    zero_allowed_until: datetime | None
    mode: str | None
    pause: str | None
    item_units: Decimal | None
    item_percent: Decimal | None
    item_most: Decimal | None
    brand_units: Decimal | None
    brand_percent: Decimal | None
    brand_most: Decimal | None


COLUMNS = (
    "pk",
    "item",
    "item__sku",
    "item__name",
    "item__unit_of_measure",
    "item__safety_stock",
    "item__brand__leaflink__account",
    "product",
    "product__remote_id",
    "product__name",
    "product__unit_of_measure",
    "product__modified",
    "product__quantity",
    "product__reserved",
    "product__inventory_management",
    "last_sent",
    "last_sent_at",
    "unsettled_at",
    "refusal",
    "refused_quantity",
    "refused_modified",
    "braked_at",
    "zero_allowed_until",
    "item__offer__mode",
    "item__offer__pause",
    "item__offer__safety_units",
    "item__offer__safety_percent",
    "item__offer__most_shown",
    "item__brand__leaflink__safety_units",
    "item__brand__leaflink__safety_percent",
    "item__brand__leaflink__most_shown",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A listing and what LeafLink should show for it."""

    row: Row
    target: Target

    @property
    def counts_differently(self) -> bool:
        """Whether the two sides count in different units: then no number is right, and the last one
        sent may be far too high."""
        there = self.row.product_unit
        return bool(there) and there != leaflink_unit(self.row.item_unit)

    @property
    def quantity(self) -> Decimal:
        """Base units to be sent."""
        if self.counts_differently:
            return Decimal(0)
        if self.row.pause == Offer.Pause.AT_ZERO:
            return self.target.held_for_leaflink
        return self.target.quantity

    @property
    def available(self) -> Decimal:
        """What buyers can order then."""
        return self.quantity - self.target.expected_reserved

    @property
    def offered_now(self) -> Decimal:
        """What buyers can order now, as far as we know: orders that came since the product was read
        have taken what they reserve."""
        return self.row.quantity - max(self.row.reserved, self.target.expected_reserved)

    @property
    def sells_out(self) -> bool:
        """Whether LeafLink offers some now, and would offer none."""
        return self.available <= 0 < self.offered_now


def wanted(account: Account, item_ids: Collection[int] | None = None) -> Iterator[Wanted]:
    """All listings of the account (or of these items) that LeafLink still has, by item.

    A constant number of queries, streamed: memory grows with open orders, not with listings. All
    of it is read as it is at one moment, and nothing may be written while it is.
    """
    listings = Listing.objects.filter(product__account=account, product__gone_at__isnull=True)
    # No others than the account's: levels are read for the same items.
    if item_ids is not None:
        listings = listings.filter(item__in=list(item_ids))
    facility_ids = list(account.facilities.values_list("pk", flat=True))
    with one_moment():
        orders = _OrdersThere(account, item_ids)
        items: Any = listings.values("item") if item_ids is None else list(item_ids)
        levels = inventory.LevelStream(items, facility_ids)
        rows = listings.order_by("item").values_list(*COLUMNS).iterator(chunk_size=500)
        for values in rows:
            row = Row._make(values)
            on_hand, committed = levels.of(row.item_id)
            held, reserved = orders.of(row)
            target = Target(
                on_hand=on_hand,
                committed=committed,
                least_safety=units(row.least_safety),
                rules=_rules(row, account),
                held_for_leaflink=held,
                expected_reserved=reserved,
                is_counted=row.item_unit == UnitOfMeasure.UNIT,
            )
            yield Wanted(row, target)


def _rules(row: Row, account: Account) -> tuple[Rule, ...]:
    """The closest first. A brand that another account sells says nothing here."""
    item = Rule(row.item_units, row.item_percent, row.item_most)
    brand = Rule(row.brand_units, row.brand_percent, row.brand_most)
    is_ours = row.brand_account_id == account.pk
    return (item, brand if is_ours else Rule(), account.rule)


class _OrdersThere:
    """What LeafLink reserves for the orders we know of, and what is committed for the same here."""

    def __init__(self, account: Account, item_ids: Collection[int] | None) -> None:
        # Committed before reserved: what changes in between counts as too little.
        self.committed: dict[int, dict[int, Decimal]] = {}
        for item_id, order_id, total in _committed_here(account, item_ids):
            self.committed.setdefault(item_id, {})[order_id] = units(total)
        self.reserved: dict[int, dict[int, Decimal]] = {}
        for remote_id, order_id, total in _reserved_there(account, item_ids):
            self.reserved.setdefault(remote_id or 0, {})[order_id] = units(total)

    def of(self, row: Row) -> tuple[Decimal, Decimal]:
        """What is held here for LeafLink's orders of this listing, and what LeafLink should say
        that it reserves for them."""
        there = self.reserved.get(row.remote_id, {})
        here = self.committed.get(row.item_id, {})
        # An order that was edited there and not yet here counts with the smaller of the two.
        held = sum((min(here.get(pk, inventory.ZERO), q) for pk, q in there.items()), Decimal(0))
        return held, sum(there.values(), Decimal(0))


def _committed_here(account: Account, item_ids: Collection[int] | None) -> Any:
    """Units by item and LeafLink order, committed here to orders LeafLink still reserves for."""
    rows = OrderLine.objects.filter(
        Order.reserving("order__leaflink_order__"),
        order__leaflink_order__account=account,
        commitment__isnull=False,
    )
    if item_ids is not None:
        rows = rows.filter(commitment__item__in=list(item_ids))
    by = rows.order_by().values_list("commitment__item", "order__leaflink_order")
    return by.annotate(Sum("commitment__quantity"))


def _reserved_there(account: Account, item_ids: Collection[int] | None) -> Any:
    """Units by product and LeafLink order that LeafLink reserves for the orders we know of."""
    rows = LineItem.objects.filter(Order.reserving("order__"), order__account=account)
    if item_ids is not None:
        mine = Listing.objects.filter(product__account=account, item__in=list(item_ids))
        rows = rows.filter(product_remote_id__in=mine.values("product__remote_id"))
    by = rows.order_by().values_list("product_remote_id", "order")
    return by.annotate(Sum("quantity"))
