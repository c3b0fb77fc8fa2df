"""Promises of stock: commit units to open orders, release them, ship them.

The rules of `catalog.inventory` hold here too: one transaction a verb, items locked first, every
change ledgered, nothing below zero.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from catalog.decimals import units, with_thousands
from catalog.inventory import ZERO, By, OutOfStock, Shortage, levels, lock_items, positive
from catalog.models import Commitment, Movement, Stock
from catalog.signals import announce_stock_change


@dataclass(frozen=True)
class Need:
    """Base units of an item to promise, at a facility (None: wherever there are some)."""

    item_id: int
    facility_id: int | None
    quantity: Decimal
    reference: str


def shortages(needs: Sequence[Need]) -> list[Shortage]:
    """Return what of `needs`, taken together, is not free; empty when all can be promised.

    Safety stock is no obstacle: it limits what is offered, not what was already sold. Locks the
    items, so call it in the transaction that commits.
    """
    items = lock_items(need.item_id for need in needs)
    wanted: dict[tuple[int, int | None], Decimal] = {}
    for need in needs:
        key = (need.item_id, need.facility_id)
        wanted[key] = wanted.get(key, ZERO) + need.quantity
    short: list[Shortage] = []
    for facility_id in sorted({facility for _, facility in wanted}, key=lambda pk: pk or 0):
        mine = {pk: q for (pk, facility), q in wanted.items() if facility == facility_id}
        level = levels(mine, [facility_id] if facility_id else None)
        short += [
            Shortage(items[pk], facility_id, quantity, level[pk].free)
            for pk, quantity in mine.items()
            if quantity > level[pk].free
        ]
    return short


def _listed(short: Sequence[Shortage]) -> str:
    return "; ".join(
        f"{s.item.name} needs {with_thousands(s.needed)}, {with_thousands(s.free)} free"
        for s in short
    )


@transaction.atomic
def commit(needs: Sequence[Need], *, allow_short: bool = False, by: By = None) -> list[Commitment]:
    """Promise all of `needs` or none of them; returns a Commitment for each, in order.

    Raises OutOfStock, naming every item that lacks units, unless `allow_short`.
    """
    needs = [
        Need(n.item_id, n.facility_id, positive(n.quantity, "commit"), n.reference) for n in needs
    ]
    if not needs:
        return []
    if allow_short:
        lock_items(need.item_id for need in needs)
    elif short := shortages(needs):
        cure = "Receive stock, choose another facility or order less."
        raise OutOfStock(f"Not enough stock: {_listed(short)}. {cure}", short)
    made = Commitment.objects.bulk_create(
        Commitment(
            item_id=need.item_id,
            facility_id=need.facility_id,
            quantity=need.quantity,
            reference=need.reference,
        )
        for need in needs
    )
    _ledger_commitments(Movement.Kind.COMMIT, [(row, row.quantity) for row in made], by)
    return made


@transaction.atomic
def release(commitment_ids: Collection[int], *, reason: str = "", by: By = None) -> None:
    """Give up these promises: their units are free again. Those already gone are passed over."""
    item_ids = Commitment.objects.filter(pk__in=commitment_ids).values_list("item", flat=True)
    lock_items(item_ids)
    rows = list(Commitment.objects.filter(pk__in=commitment_ids))
    Commitment.objects.filter(pk__in=[row.pk for row in rows]).delete()
    _ledger_commitments(
        Movement.Kind.RELEASE, [(row, -units(row.quantity)) for row in rows], by, reason
    )


@transaction.atomic
def move_commitments(commitment_ids: Collection[int], facility_id: int | None) -> None:
    """Promise the same units from another facility. Raises OutOfStock when it has too few free."""
    rows = list(Commitment.objects.filter(pk__in=commitment_ids))
    rows = [row for row in rows if row.facility_id != facility_id]
    short = shortages([Need(row.item_id, facility_id, row.quantity, "") for row in rows])
    if short:
        raise OutOfStock(f"The facility has too little: {_listed(short)}.", short)
    Commitment.objects.filter(pk__in=[row.pk for row in rows]).update(facility=facility_id)
    announce_stock_change({row.item_id for row in rows})


def _ledger_commitments(
    kind: Movement.Kind, changes: list[tuple[Commitment, Decimal]], by: By, reason: str = ""
) -> None:
    Movement.objects.bulk_create(
        Movement(
            kind=kind,
            item_id=row.item_id,
            facility_id=row.facility_id,
            committed_change=change,
            reference=row.reference,
            reason=reason,
            by=by,
        )
        for row, change in changes
    )
    announce_stock_change({row.item_id for row, _ in changes})


@dataclass(frozen=True)
class Pick:
    """Base units that leave from one stock row to keep a promise."""

    stock_id: int
    commitment_id: int | None
    quantity: Decimal


@transaction.atomic
def ship(picks: Sequence[Pick], *, reference: str, by: By = None) -> None:
    """Take all picks out of stock, and off their commitments, or none of them.

    Raises OutOfStock when a stock row holds less than is picked from it.
    """
    stock_items = Stock.objects.filter(pk__in=[p.stock_id for p in picks])
    lock_items(stock_items.values_list("item", flat=True))
    rows = {
        row.pk: row
        for row in Stock.objects.select_for_update(of=("self",))
        .select_related("item", "facility", "lot")
        .filter(pk__in=[p.stock_id for p in picks])
    }
    promises = {
        row.pk: row for row in Commitment.objects.filter(pk__in=[p.commitment_id for p in picks])
    }
    movements: list[Movement] = []
    for pick in picks:
        quantity = positive(pick.quantity, "ship")
        stock = rows[pick.stock_id]
        promise = promises.get(pick.commitment_id) if pick.commitment_id else None
        kept = min(quantity, units(promise.quantity)) if promise else ZERO
        stock.on_hand = units(stock.on_hand) - quantity
        if stock.on_hand < 0:
            raise OutOfStock(
                f"{stock.facility} has too little of {stock.item.name}"
                + (f", lot {stock.lot.number}" if stock.lot else "")
                + f" to ship {with_thousands(quantity)}. Allocate from another lot."
            )
        if promise:
            promise.quantity = units(promise.quantity) - kept
        movements.append(
            Movement(
                kind=Movement.Kind.SHIP,
                item_id=stock.item_id,
                facility_id=stock.facility_id,
                lot_id=stock.lot_id,
                on_hand_change=-quantity,
                committed_change=-kept,
                reference=reference,
                by=by,
            )
        )
    Stock.objects.bulk_update(rows.values(), ["on_hand"])
    done = [row.pk for row in promises.values() if row.quantity <= 0]
    Commitment.objects.bulk_update(
        [row for row in promises.values() if row.quantity > 0], ["quantity"]
    )
    Commitment.objects.filter(pk__in=done).delete()
    Movement.objects.bulk_create(movements)
    announce_stock_change({row.item_id for row in rows.values()})
