"""What LeafLink should show for each listing, computed for all of them at once.

Quantity to send = sellable + what we hold committed for LeafLink orders that LeafLink itself still
counts as reserved (Submitted or Accepted), order by order the smaller of the two. LeafLink then
offers quantity − its own reserved, so an order that we have not taken in yet lowers what is offered
by itself. All in base units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from catalog import inventory
from catalog.decimals import units
from integrations.leaflink.mapping.statuses import RESERVING
from integrations.leaflink.models import Account, LineItem, Listing
from orders.models import OrderLine


@dataclass(frozen=True)
class Target:
    """The parts of the quantity to send, and how much LeafLink should say is reserved."""

    level: inventory.Level
    held_for_leaflink: Decimal
    expected_reserved: Decimal

    @property
    def quantity(self) -> Decimal:
        return self.level.sellable + self.held_for_leaflink


def targets(account: Account, listings: Sequence[Listing]) -> dict[int, Target]:
    """The Target of each listing, by its id, in a constant number of queries.

    The listings must come with their product.
    """
    facility_ids = list(account.facilities.values_list("pk", flat=True))
    level = inventory.levels([listing.item_id for listing in listings], facility_ids)
    reserved = _reserved_there(account)
    committed = _committed_here(account)
    held: dict[int, Decimal] = {}
    expected: dict[int, Decimal] = {}
    remote_ids = {listing.item_id: listing.product.remote_id for listing in listings}
    for (_, remote_id), quantity in reserved.items():
        expected[remote_id] = expected.get(remote_id, inventory.ZERO) + quantity
    for (order_id, item_id), quantity in committed.items():
        # An order that was edited there and not yet here counts with the smaller of the two.
        there = reserved.get((order_id, remote_ids.get(item_id, 0)), inventory.ZERO)
        held[item_id] = held.get(item_id, inventory.ZERO) + min(quantity, there)
    return {
        listing.pk: Target(
            level[listing.item_id],
            held.get(listing.item_id, inventory.ZERO),
            expected.get(listing.product.remote_id, inventory.ZERO),
        )
        for listing in listings
    }


def _committed_here(account: Account) -> dict[tuple[int, int], Decimal]:
    """Units by LeafLink order and item, committed here to orders LeafLink still reserves for."""
    rows = (
        OrderLine.objects.filter(
            order__leaflink_order__account=account,
            order__leaflink_order__status__in=RESERVING,
            commitment__isnull=False,
        )
        .order_by()
        .values_list("order__leaflink_order", "commitment__item")
        .annotate(Sum("commitment__quantity"))
    )
    return {(order_id, item_id): units(total) for order_id, item_id, total in rows}


def _reserved_there(account: Account) -> dict[tuple[int, int], Decimal]:
    """Units by LeafLink order and product that LeafLink reserves for the orders we know of."""
    rows = (
        LineItem.objects.filter(order__account=account, order__status__in=RESERVING)
        .order_by()
        .values_list("order", "product_remote_id")
        .annotate(Sum("quantity"))
    )
    return {(order_id, remote_id or 0): units(total) for order_id, remote_id, total in rows}
