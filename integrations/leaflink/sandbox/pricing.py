"""What an order costs. Everything is Decimal dollars, rounded half up to cents."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from integrations.leaflink.sandbox.records import ZERO, Order, OrderLine

CENT = Decimal("0.01")


def to_cents(amount: Decimal) -> Decimal:
    """``amount`` rounded to cents."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def effective_price(line: OrderLine) -> Decimal:
    """Price per selling unit: the sale price when there is one (0 means none)."""
    return line.sale_price if line.sale_price > 0 else line.price


def line_total(line: OrderLine) -> Decimal:
    """Money for the line: units / units per selling unit x price per selling unit."""
    return to_cents(line.quantity / line.unit_multiplier * effective_price(line))


@dataclass(frozen=True)
class Totals:
    """The parts of an order's total, in dollars."""

    lines: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal


def totals(order: Order) -> Totals:
    """Sum up an order.

    LeafLink doesn't say how a total is put together; taken here: each line is rounded to cents
    and uses the sale price; the discount is on the sum of the lines; tax is worked out after
    the discount and not on shipping; shipping is added; credits are subtracted inside ``total``.
    """
    lines = sum((line_total(line) for line in order.lines), ZERO)
    discount = order.discount if order.discount_type == "$" else lines * order.discount / 100
    discount = to_cents(discount)
    tax = to_cents((lines - discount) * order.tax_rate / 100)
    total = lines - discount + tax + order.shipping - order.credits
    return Totals(lines, discount, tax, to_cents(total))
