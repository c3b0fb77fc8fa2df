"""Reservations and physical stock, all in base units.

``available = quantity - reserved``. Every product counts its own reservations, also when its
inventory is Unlimited or Inherited, so that changing the mode later never leaves a stray
reservation behind; the *holder* is the product whose quantity those reservations draw on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from integrations.leaflink.sandbox.errors import OutOfStock
from integrations.leaflink.sandbox.records import (
    INHERITED,
    UNLIMITED,
    ZERO,
    OrderLine,
    Product,
)

if TYPE_CHECKING:
    from integrations.leaflink.sandbox.world import World

RESERVING_STATUSES = frozenset({"Submitted", "Accepted"})


def holder(world: World, product: Product) -> Product:
    """The product that carries the stock: the parent for Inherited, otherwise itself."""
    seen = {product.id}
    while product.inventory_management == INHERITED and product.parent_id is not None:
        parent = world.products.get(product.parent_id)
        if parent is None or parent.id in seen:
            break
        seen.add(parent.id)
        product = parent
    return product


def reserved(world: World, product: Product) -> Decimal:
    """Units held by open orders for this product and for the children that draw on it."""
    total = product.reserved
    for child_id in world.children.get(product.id, ()):
        child = world.products[child_id]
        if child.inventory_management == INHERITED:
            total += reserved(world, child)
    return total


def available(world: World, product: Product) -> Decimal:
    """Units that can still be ordered; negative when a later count fell below the reservations."""
    stock = holder(world, product)
    return stock.quantity - reserved(world, stock)


def is_limited(world: World, product: Product) -> bool:
    """Whether orders for this product are checked against its stock."""
    return holder(world, product).inventory_management != UNLIMITED


def check(world: World, lines: Sequence[OrderLine], already_held: Sequence[OrderLine] = ()) -> None:
    """Raise :class:`OutOfStock` unless all lines fit together.

    ``already_held`` are the same order's present lines when they hold a reservation: what an
    order already holds is free for that order itself.
    """
    wanted = _by_holder(world, lines)
    held = _by_holder(world, already_held)
    rows: list[dict[str, list[str]]] = []
    for line in lines:
        product = world.products[line.product_id]
        stock = holder(world, product)
        free = available(world, stock) + held.get(stock.id, ZERO)
        if is_limited(world, product) and wanted[stock.id] > free:
            rows.append(
                {
                    "product_id": [str(product.id)],
                    "available_inventory": [f"{free:.4f}"],
                    "quantity": [
                        "The quantity ordered over all lines is above the available inventory."
                    ],
                }
            )
        else:
            rows.append({})
    if any(rows):
        raise OutOfStock({"line_items": rows})


def _by_holder(world: World, lines: Sequence[OrderLine]) -> dict[int, Decimal]:
    totals: dict[int, Decimal] = defaultdict(Decimal)
    for line in lines:
        totals[holder(world, world.products[line.product_id]).id] += line.quantity
    return totals


def reserve(world: World, lines: Sequence[OrderLine], *, sign: int = 1) -> None:
    """Add the lines to their products' reservations. ``product.modified`` doesn't move."""
    for line in lines:
        product = world.products[line.product_id]
        product.reserved += sign * line.quantity
        world.save(product)


def release(world: World, lines: Sequence[OrderLine]) -> None:
    """Undo :func:`reserve`."""
    reserve(world, lines, sign=-1)


def move_out(world: World, lines: Sequence[OrderLine]) -> None:
    """Fulfilment: the reservation ends and the goods leave the physical stock."""
    release(world, lines)
    _move(world, lines, -1)


def take_back(world: World, lines: Sequence[OrderLine]) -> None:
    """A fulfilled order was rejected: the goods return to the physical stock."""
    _move(world, lines, 1)


def _move(world: World, lines: Sequence[OrderLine], sign: int) -> None:
    for line in lines:
        stock = holder(world, world.products[line.product_id])
        if stock.inventory_management == UNLIMITED:
            continue
        stock.quantity += sign * line.quantity
        stock.modified = world.now()
        world.save(stock)
