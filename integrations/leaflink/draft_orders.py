"""From a LeafLink order to the sales order it should become.

Lines stay as LeafLink has them (duplicates apart, cases as cases); negative lines become discounts,
credits locked discounts. What can't be carried over is said in `warnings`, never dropped silently.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils import timezone

from catalog.decimals import plain
from catalog.models import Facility, Item
from customers.models import Destination, SalesRep
from integrations.leaflink import routing
from integrations.leaflink.mapping import money, order_terms
from integrations.leaflink.mapping.payment_terms import is_other, other_text
from integrations.leaflink.models import (
    Account,
    ListEntry,
    Listing,
    Order,
    Product,
    RoutingRule,
    Staff,
)
from integrations.leaflink.routing import Facts, Route
from integrations.leaflink.wire import payloads
from orders.drafts import DiscountDraft, LineDraft, OrderDraft
from orders.models import OrderDiscount, TaxRate

TOTAL_DIFFERS = "The total differs from LeafLink's"
ASKS_FOR_BATCH = "asks for a batch that"
NO_RATE = "no tax rate has this percentage here"


@dataclass
class Book:
    """What is looked up for a page of orders, loaded in a constant number of queries."""

    staff: dict[int, Staff] = field(default_factory=dict)
    items: dict[int, Item] = field(default_factory=dict)
    products: dict[int, Product] = field(default_factory=dict)
    tax_rates: list[TaxRate] = field(default_factory=list)
    rules: list[RoutingRule] = field(default_factory=list)
    # LeafLink's batches: their numbers, which are the numbers of our lots.
    batches: dict[int, str] = field(default_factory=dict)

    @classmethod
    def load(
        cls, account: Account, product_ids: set[int], batch_ids: Collection[int] = ()
    ) -> "Book":
        """Look up the account's staff, rules and tax rates, the items of these products, and the
        numbers of these batches."""
        products = Product.objects.filter(account=account, remote_id__in=product_ids).defer("raw")
        listings = Listing.objects.filter(product__in=products).select_related(
            "item__brand", "product"
        )
        staff = Staff.objects.filter(account=account).select_related("sales_rep__default_facility")
        return cls(
            staff={row.remote_id: row for row in staff.defer("raw")},
            items={row.product.remote_id: row.item for row in listings.defer("product__raw")},
            products={row.remote_id: row for row in products},
            tax_rates=list(TaxRate.objects.filter(is_active=True)),
            rules=routing.rules_of(account),
            batches=batch_numbers(account, batch_ids),
        )


def batch_numbers(account: Account, batch_ids: Collection[int]) -> dict[int, str]:
    """By LeafLink's id the numbers of those of these batches that were read."""
    if not batch_ids:
        return {}
    rows = ListEntry.objects.filter(
        account=account, list=ListEntry.List.BATCH, remote_id__in=list(batch_ids)
    )
    return dict(rows.values_list("remote_id", "name"))


def sales_rep(account: Account, order: payloads.Order, book: Book) -> SalesRep | None:
    """The owner of the order: the first rep LeafLink lists who is mapped, or the fallback rep.

    (Distru picks one of several at random; we are deterministic, so that a re-read agrees.)
    """
    for rep in order.sales_reps:
        staff = book.staff.get(rep.id)
        if staff and staff.sales_rep:
            return staff.sales_rep
    return account.fallback_rep


def route(
    account: Account,
    mirror: Order,
    order: payloads.Order,
    book: Book,
    destination: Destination | None,
) -> Route:
    """Where the order ships from, by what a person chose or the account's rules say."""
    items = [book.items.get(line.product or 0) for line in goods(order)]
    facts = Facts(
        rep=sales_rep(account, order, book),
        destination=destination,
        brands=frozenset(item.brand for item in items if item),
        classification=order.classification,
        chosen=mirror.chosen_facility,
    )
    return routing.route(account, book.rules, facts)


def draft(
    account: Account,
    mirror: Order,
    order: payloads.Order,
    book: Book,
    destination: Destination | None,
    facility: Facility | None,
) -> tuple[OrderDraft, list[str]]:
    """Return the sales order to be, and the warnings a person should see."""
    warnings: list[str] = []
    lines = _lines(order, book, warnings)
    brands = {line.item.brand for line in lines if line.item}
    parts = money.parts(order)
    tax_rate = _tax_rate(order, book, parts.tax, warnings)
    warnings += parity_warnings(order)
    terms = order_terms.theirs(order)
    if is_other(terms["payment_term"]):
        warnings.append(
            f"The payment term “{other_text(terms['payment_term'])}” has no counterpart here; none "
            "was set."
        )
    return OrderDraft(
        placed_at=order.created_on or mirror.placed_at or timezone.now(),
        lines=lines,
        discounts=_discounts(order, parts),
        destination=destination,
        facility=facility,
        sales_rep=sales_rep(account, order, book),
        brand=brands.pop() if len(brands) == 1 else None,
        **{name: order_terms.local_value(name, text) for name, text in terms.items()},
        classification=order.classification[:100],
        notes_for_buyer=order.notes,
        internal_notes=order.internal_notes,
        channel=f"LeafLink · {account.name}"[:200],
        channel_number=mirror.short_id,
        ship_to=_ship_to(order),
        shipping=parts.shipping,
        tax_rate=tax_rate,
        tax=parts.tax if tax_rate else Decimal(0),
    ), warnings


def parity_warnings(order: payloads.Order) -> list[str]:
    """Says that our sum of an order's parts is not LeafLink's total, where it is not."""
    parts = money.parts(order)
    return [f"{TOTAL_DIFFERS}: {parts.explanation}."] if parts.difference else []


def goods(order: payloads.Order) -> list[payloads.LineItem]:
    """The lines that are goods: not discounts in disguise, and not of nothing."""
    return [x for x in order.line_items or [] if not money.is_discount(x) and x.quantity > 0]


def _lines(order: payloads.Order, book: Book, warnings: list[str]) -> list[LineDraft]:
    drafts = []
    for line in order.line_items or []:
        if line.quantity == 0 and not money.is_discount(line):
            warnings.append(f"{line_name(line, book)} was ordered with quantity 0 and left out.")
    for line in goods(order):
        item = book.items.get(line.product or 0)
        product = book.products.get(line.product or 0)
        sku = str(line.frozen_product.get("sku") or (product.sku if product else ""))
        if line.quantity % line.unit_multiplier:
            warnings.append(
                f"{line_name(line, book)}: {plain(line.quantity)} units are not whole cases of "
                f"{line.unit_multiplier}."
            )
        if line.batch and not book.batches.get(line.batch):
            warnings.append(unknown_batch(line, book))
        drafts.append(
            LineDraft(
                item=item,
                name=line_name(line, book)[:400],
                sku=(item.sku if item else sku)[:255],
                quantity=line.quantity,
                case_size=line.unit_multiplier,
                price=line.price,
                is_sample=line.is_sample,
                is_medical=line.is_medical_line_item,
                notes=line.notes[:2000],
                lot_number=book.batches.get(line.batch or 0, "")[:100],
                channel_line=str(line.id),
            )
        )
    return drafts


def unknown_batch(line: payloads.LineItem, book: Book) -> str:
    """Says that the number of the batch a line asks for is not known."""
    why = "LeafLink does not show" if line.batch in book.batches else "was not read yet"
    return (
        f"{line_name(line, book)} {ASKS_FOR_BATCH} {why}: look in LeafLink before you set stock "
        "aside."
    )


def line_name(line: payloads.LineItem, book: Book) -> str:
    """What people call the product of a line: as ordered, else as it is called now."""
    product = book.products.get(line.product or 0)
    frozen = line.frozen_product.get("name")
    return str(frozen or (product.name if product else "") or f"Product {line.product or '?'}")


def _discounts(order: payloads.Order, parts: money.Parts) -> list[DiscountDraft]:
    found = [
        DiscountDraft(
            OrderDiscount.Kind.LINE,
            str(line.frozen_product.get("name") or line.notes or "Discount")[:400],
            -money.amount(line),
        )
        for line in order.line_items or []
        if money.is_discount(line)
    ]
    if parts.discount:
        percent = order.discount if order.discount_type == "%" else None
        label = f"Discount {plain(percent)} %" if percent else "Discount"
        found.append(DiscountDraft(OrderDiscount.Kind.ORDER, label, parts.discount, percent))
    if parts.credits:
        found.append(DiscountDraft(OrderDiscount.Kind.CREDIT, "LeafLink credit", parts.credits))
    return found


def matching_tax_rate(order: payloads.Order, book: Book) -> TaxRate | None:
    """Our tax rate with the percentage of the order's tax; None without tax or without rate."""
    percent = money.tax_percent(order)
    if not money.parts(order).tax or percent is None:
        return None
    return next((rate for rate in book.tax_rates if rate.percent == percent), None)


def _tax_rate(
    order: payloads.Order, book: Book, tax: Decimal, warnings: list[str]
) -> TaxRate | None:
    rate = matching_tax_rate(order, book)
    percent = money.tax_percent(order)
    if rate or not tax or percent is None:
        return rate
    warnings.append(
        f"LeafLink charges {plain(percent.normalize())} % tax (${tax:,.2f}), but {NO_RATE}: "
        "the order has no tax. Add the rate under Tax rates: until it is shipped, the order then "
        "takes it by itself."
    )
    return None


def _ship_to(order: payloads.Order) -> str:
    address = order.delivery_address
    if not (address.address or address.city):
        return ""
    street = " ".join(filter(None, (address.address, address.unit_number)))
    town = " ".join(filter(None, (address.city, address.state, address.zipcode)))
    return "\n".join(filter(None, (street, town)))
