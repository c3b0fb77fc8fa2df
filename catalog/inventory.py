"""THE quantity computation, and every verb that changes a quantity.

Sellable = on hand − committed − safety stock, never below zero (base units). Stock of a lot that
is on hold or past its last day, or at a facility that does not sell, counts as nothing. Committed
is what open orders still have to ship.

Each verb is one transaction, locks the item rows first (in the order of their ids, so two verbs
never wait for each other in a circle), writes the ledger, and refuses what would go below zero.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone

from catalog.decimals import units, with_thousands
from catalog.models import Commitment, Facility, Item, Lot, Movement, Stock
from catalog.signals import announce_stock_change

ZERO = Decimal(0)
By = User | None


class InventoryError(Exception):
    """A change of stock that cannot be made; the text says why and what to do instead."""


@dataclass(frozen=True)
class Shortage:
    """Base units of an item that were asked for together, and how many are free there."""

    item: Item
    facility_id: int | None
    needed: Decimal
    free: Decimal


class OutOfStock(InventoryError):
    """More was asked for than is free; `shortages` says of what, where that is known."""

    def __init__(self, message: str, shortages: Sequence[Shortage] = ()) -> None:
        super().__init__(message)
        self.shortages = list(shortages)


@dataclass(frozen=True)
class Level:
    """One item's quantities in base units, over the facilities that were asked about."""

    on_hand: Decimal = ZERO
    committed: Decimal = ZERO
    safety_stock: Decimal = ZERO

    @property
    def free(self) -> Decimal:
        """On hand − committed; below zero when more is promised than there is."""
        return self.on_hand - self.committed

    @property
    def sellable(self) -> Decimal:
        """What buyers may be offered: free − safety stock, never below zero."""
        return max(ZERO, self.free - self.safety_stock)


def levels(
    item_ids: Collection[int], facility_ids: Collection[int] | None = None, on: date | None = None
) -> dict[int, Level]:
    """Return the Level of each of these items, in three queries however many there are.

    `facility_ids` None or empty: all facilities. `on`: the day by which lots expire (today).
    A commitment without a facility counts whatever facilities are asked for.
    """
    wanted = set(item_ids)
    on_hand = _totals(_stock_at(facility_ids, on), wanted, "on_hand")
    committed = _totals(_promises_at(facility_ids), wanted, "quantity")
    safety = dict(_only(Item.objects, "pk", wanted).values_list("pk", "safety_stock"))
    return {
        pk: Level(on_hand.get(pk, ZERO), committed.get(pk, ZERO), units(safety.get(pk)))
        for pk in wanted
    }


def _stock_at(facility_ids: Collection[int] | None, on: date | None = None) -> Any:
    """The sellable stock at these facilities; at all of them when none are named."""
    rows = sellable_stock(on)
    return rows.filter(facility__in=list(facility_ids)) if facility_ids else rows


def _promises_at(facility_ids: Collection[int] | None) -> Any:
    """The commitments that count at these facilities."""
    if not facility_ids:
        return Commitment.objects.all()
    here = models.Q(facility__in=list(facility_ids)) | models.Q(facility__isnull=True)
    return Commitment.objects.filter(here)


class LevelStream:
    """The same numbers as `levels` for any number of items, without holding them all.

    `items`: ids, or a query of them. Ask for one item after the other, ids rising. Promises are
    read before what is on hand: goods shipped in between then count as too few, never too many.
    """

    def __init__(self, items: Any, facility_ids: Collection[int] | None = None) -> None:
        self._committed = _Rising(_promises_at(facility_ids), items, "quantity")
        self._on_hand = _Rising(_stock_at(facility_ids), items, "on_hand")

    def of(self, item_id: int) -> tuple[Decimal, Decimal]:
        """What is on hand and what is committed of this item."""
        return self._on_hand.of(item_id), self._committed.of(item_id)


class _Rising:
    """Totals by item, read in the order of the ids as they are asked for."""

    def __init__(self, query: Any, items: Any, field: str) -> None:
        rows = query.filter(item__in=items).order_by("item").values_list("item")
        self._rows = rows.annotate(models.Sum(field)).iterator(chunk_size=500)
        self._next: tuple[int, Any] | None = next(self._rows, None)

    def of(self, item_id: int) -> Decimal:
        while self._next and self._next[0] < item_id:
            self._next = next(self._rows, None)
        return units(self._next[1]) if self._next and self._next[0] == item_id else ZERO


def free_by_facility(
    item_ids: Collection[int], facility_ids: Collection[int]
) -> dict[tuple[int, int], Decimal]:
    """By (item, facility) what is free there, in two queries however many there are.

    As in `levels`, a commitment without a facility counts at each of them.
    """
    at_hand = sellable_stock().filter(item__in=item_ids, facility__in=facility_ids)
    pairs = ("item", "facility")
    rows = at_hand.order_by().values_list(*pairs).annotate(models.Sum("on_hand"))
    on_hand = {(item, place): units(total) for item, place, total in rows}
    promised = Commitment.objects.filter(item__in=item_ids).order_by().values_list(*pairs)
    committed = {
        (item, place): units(total)
        for item, place, total in promised.annotate(models.Sum("quantity"))
    }
    return {
        (item, place): on_hand.get((item, place), ZERO)
        - committed.get((item, place), ZERO)
        - committed.get((item, None), ZERO)
        for item in item_ids
        for place in facility_ids
    }


def short_items() -> list[int]:
    """The ids of the items of which more is committed than is on hand, over all facilities."""
    promised = set(Commitment.objects.order_by().values_list("item", flat=True).distinct())
    return [pk for pk, level in levels(promised).items() if level.free < 0]


def today() -> date:
    """The day by which lots expire."""
    return timezone.localdate()


def sellable_stock(on: date | None = None) -> models.QuerySet[Stock]:
    """The stock rows whose units may be sold on that day (today)."""
    on = on or today()
    not_expired = models.Q(lot__expires_on__isnull=True) | models.Q(lot__expires_on__gte=on)
    sellable_lot = models.Q(lot__isnull=True) | models.Q(lot__on_hold=False) & not_expired
    return Stock.objects.filter(sellable_lot, facility__sells=True, facility__is_active=True)


# Databases limit the number of values in one statement; above this the filter is left out, and
# the rows that nobody asked for are dropped in Python.
MOST_VALUES_IN_A_FILTER = 900


def _only(query: Any, field: str, wanted: set[int]) -> Any:
    return (
        query.filter(**{f"{field}__in": wanted})
        if len(wanted) <= MOST_VALUES_IN_A_FILTER
        else query
    )


def _totals(query: Any, wanted: set[int], field: str) -> dict[int, Decimal]:
    rows = _only(query, "item", wanted).order_by().values_list("item").annotate(models.Sum(field))
    return {pk: units(total) for pk, total in rows if pk in wanted}


def lock_items(item_ids: Iterable[int]) -> dict[int, Item]:
    """Lock these items until the transaction ends. Raises InventoryError when one is gone."""
    wanted = sorted(set(item_ids))
    items: dict[int, Item] = {}
    for start in range(0, len(wanted), MOST_VALUES_IN_A_FILTER):
        some = wanted[start : start + MOST_VALUES_IN_A_FILTER]
        locked = Item.objects.select_for_update().filter(pk__in=some).order_by("pk")
        items |= {item.pk: item for item in locked}
    if len(items) < len(wanted):
        raise InventoryError("An item was deleted meanwhile. Reload the page and try again.")
    return items


def positive(quantity: Decimal, verb: str) -> Decimal:
    if quantity != quantity or quantity <= 0:  # NaN differs from itself
        raise InventoryError(f"The quantity to {verb} must be above zero.")
    return units(quantity)


def _stock_row(item: Item, facility: Facility, lot: Lot | None) -> Stock:
    if lot is not None and lot.item_id != item.pk:
        raise InventoryError(f"Lot {lot.number} is of another item. Choose a lot of {item.name}.")
    row, _ = Stock.objects.get_or_create(item=item, facility=facility, lot=lot)
    return row


def _change_on_hand(
    kind: Movement.Kind, stock: Stock, change: Decimal, *, reason: str, reference: str, by: By
) -> Stock:
    after = units(stock.on_hand) + change
    if after < 0:
        raise OutOfStock(
            f"Only {with_thousands(units(stock.on_hand))} of {stock.item.name} are on hand at "
            f"{stock.facility}; this would take {with_thousands(-change)}. Count the shelf and "
            "correct the stock first."
        )
    stock.on_hand = after
    stock.save(update_fields=["on_hand"])
    Movement.objects.create(
        kind=kind,
        item=stock.item,
        facility=stock.facility,
        lot=stock.lot,
        on_hand_change=change,
        reason=reason,
        reference=reference,
        by=by,
    )
    announce_stock_change({stock.item_id})
    return stock


@transaction.atomic
def receive(
    item: Item,
    facility: Facility,
    quantity: Decimal,
    lot: Lot | None = None,
    *,
    reason: str = "",
    reference: str = "",
    by: By = None,
) -> Stock:
    """Add `quantity` base units that arrived; returns the stock row as it is now."""
    quantity = positive(quantity, "receive")
    locked = lock_items([item.pk])[item.pk]
    row = _stock_row(locked, facility, lot)
    return _change_on_hand(
        Movement.Kind.RECEIVE, row, quantity, reason=reason, reference=reference, by=by
    )


@transaction.atomic
def adjust(
    item: Item,
    facility: Facility,
    change: Decimal,
    lot: Lot | None = None,
    *,
    reason: str,
    by: By = None,
) -> Stock:
    """Add (or, below zero, take away) `change` base units; a reason is required.

    Raises OutOfStock when less than that is on hand.
    """
    change = units(change)
    if not reason.strip():
        raise InventoryError("Say why the stock is adjusted.")
    if change == 0:
        raise InventoryError("An adjustment by zero changes nothing. Give the difference.")
    locked = lock_items([item.pk])[item.pk]
    row = _stock_row(locked, facility, lot)
    return _change_on_hand(Movement.Kind.ADJUST, row, change, reason=reason, reference="", by=by)


@transaction.atomic
def count(
    item: Item,
    facility: Facility,
    counted: Decimal,
    lot: Lot | None = None,
    *,
    reason: str = "",
    by: By = None,
) -> Stock:
    """Set what is on hand to the `counted` base units; a count that agrees is not ledgered."""
    counted = units(counted)
    if counted < 0:
        raise InventoryError("A count can't be below zero.")
    locked = lock_items([item.pk])[item.pk]
    row = _stock_row(locked, facility, lot)
    change = counted - units(row.on_hand)
    if change == 0:
        return row
    return _change_on_hand(Movement.Kind.COUNT, row, change, reason=reason, reference="", by=by)
