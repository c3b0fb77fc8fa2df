"""The money of a LeafLink order: lines, discounts, credits, tax, and whether it adds up. Pure.

LeafLink: line total = quantity ÷ unit multiplier × effective price, the price being per selling
unit. Whether credits are part of `total` is not documented, so the sum is compared, not trusted.
"""

from dataclasses import dataclass
from decimal import Decimal

from catalog.decimals import money
from integrations.leaflink.wire import payloads
from orders.totals import discount_amount, line_total, order_total


@dataclass(frozen=True)
class Parts:
    """The parts of an order's total as we understand LeafLink; `remote` is LeafLink's own total."""

    lines: Decimal
    line_discounts: Decimal
    discount: Decimal
    credits: Decimal
    tax: Decimal
    shipping: Decimal
    remote: Decimal | None

    @property
    def total(self) -> Decimal:
        """Our sum of the parts."""
        return order_total(
            [self.lines],
            [self.line_discounts, self.discount, self.credits],
            self.tax,
            self.shipping,
        )

    @property
    def difference(self) -> Decimal:
        """LeafLink's total − our sum; zero when they agree or LeafLink gave none."""
        return Decimal(0) if self.remote is None else money(self.remote) - self.total

    @property
    def named(self) -> list[tuple[str, Decimal]]:
        """The parts by name, what is taken off below zero; without those that are zero."""
        parts = (
            ("lines", self.lines),
            ("line discounts", -self.line_discounts),
            ("discount", -self.discount),
            ("credit", -self.credits),
            ("tax", self.tax),
            ("shipping", self.shipping),
        )
        return [(name, amount) for name, amount in parts if amount]

    @property
    def explanation(self) -> str:
        """The parts in one line, for the person who compares."""
        shown = " ".join(f"{name} {amount:+,.2f}" for name, amount in self.named)
        remote = "no total" if self.remote is None else f"{self.remote:,.2f}"
        return f"{shown or 'nothing'} = {self.total:,.2f}; LeafLink says {remote}"


def is_discount(line: payloads.LineItem) -> bool:
    """A line with a negative price is a discount in disguise."""
    return line.price < 0


def amount(line: payloads.LineItem) -> Decimal:
    """Money of a line (below zero for a discount line)."""
    return line_total(line.quantity, line.unit_multiplier, line.price)


def parts(order: payloads.Order) -> Parts:
    """Take an order's money apart."""
    lines = order.line_items or []
    goods = money(sum((amount(line) for line in lines if not is_discount(line)), Decimal(0)))
    off_lines = money(-sum((amount(line) for line in lines if is_discount(line)), Decimal(0)))
    if order.discount_type == "%":
        off = discount_amount(goods - off_lines, order.discount)
    else:
        off = money(order.discount)
    return Parts(
        lines=goods,
        line_discounts=off_lines,
        discount=max(off, Decimal(0)),
        credits=max(money(order.credits), Decimal(0)),
        tax=money(order.final_tax),
        shipping=money(order.shipping_charge),
        remote=order.total,
    )


def tax_percent(order: payloads.Order) -> Decimal | None:
    """The order's tax rate in percent; None when it has no tax.

    LeafLink: `tax_amount` is a rate when `tax_type` is "%"; `order_taxes` names single rates.
    """
    if order.tax_type == "%" and order.tax_amount > 0:
        return order.tax_amount
    rates = [tax.rate for tax in order.order_taxes if tax.rate]
    if rates:
        return sum(rates, Decimal(0))
    goods = parts(order)
    base = goods.lines - goods.line_discounts - goods.discount
    if goods.tax > 0 and base > 0:
        return (goods.tax / base * 100).quantize(Decimal("0.01"))
    return None
