"""What a sales order is to be: header, lines and discounts, before any of it is written."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from catalog.models import Brand, Facility, Item
from customers.models import Destination, SalesRep
from orders.models import OrderDiscount, TaxRate
from orders.totals import line_total, order_total


@dataclass
class LineDraft:
    """A line to be: `quantity` in base units, `price` per case of `case_size` units."""

    item: Item | None
    name: str
    sku: str
    quantity: Decimal
    case_size: int
    price: Decimal
    is_sample: bool = False
    is_medical: bool = False
    notes: str = ""
    lot_number: str = ""
    waived_lot: str = ""
    channel_line: str = ""


@dataclass
class DiscountDraft:
    kind: OrderDiscount.Kind
    label: str
    amount: Decimal
    percent: Decimal | None = None


@dataclass
class OrderDraft:
    """Everything that is needed to create an order. Money as in `orders.models`."""

    placed_at: datetime
    lines: list[LineDraft]
    discounts: list[DiscountDraft] = field(default_factory=list)
    destination: Destination | None = None
    facility: Facility | None = None
    sales_rep: SalesRep | None = None
    brand: Brand | None = None
    delivery_date: date | None = None
    shipping_details: str = ""
    payment_term: str = ""
    payment_due_on: date | None = None
    classification: str = ""
    notes_for_buyer: str = ""
    internal_notes: str = ""
    channel: str = ""
    channel_number: str = ""
    ship_to: str = ""
    shipping: Decimal = Decimal(0)
    tax_rate: TaxRate | None = None
    tax: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        return order_total(
            (line_total(line.quantity, line.case_size, line.price) for line in self.lines),
            (discount.amount for discount in self.discounts),
            self.tax,
            self.shipping,
        )


# The fields that a draft sets on an order; lines and discounts are rows of their own.
HEADER_FIELDS = [
    name for name in OrderDraft.__dataclass_fields__ if name not in ("lines", "discounts")
] + ["total"]
