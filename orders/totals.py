"""The arithmetic of an order: lines, discounts, tax, the total. Pure functions on Decimals."""

from collections.abc import Iterable
from decimal import Decimal

from catalog.decimals import money


def line_total(quantity: Decimal, case_size: int, price: Decimal) -> Decimal:
    """Money for a line: `quantity` base units at `price` per selling unit of `case_size` units."""
    return money(quantity / case_size * price)


def discount_amount(subtotal: Decimal, percent: Decimal) -> Decimal:
    """Money taken off `subtotal` by a discount of `percent` (10 = ten percent)."""
    return money(subtotal * percent / 100)


def order_total(
    lines: Iterable[Decimal], discounts: Iterable[Decimal], tax: Decimal, shipping: Decimal
) -> Decimal:
    """Line totals − discounts and credits + tax + shipping, in money."""
    return money(sum(lines, Decimal(0)) - sum(discounts, Decimal(0)) + tax + shipping)
