"""Making items of LeafLink's products: for a business whose catalog is only there so far.

Each unlinked product becomes an item with its SKU, name, brand, unit, case size, prices, product
line and strain, and is linked to it. What can't become one says why, and stops no other.

Prices per selling unit there become prices per base unit here. LeafLink's quantity is what lies on
the shelf, with what its open orders reserve: taken over as opening stock it changes nothing there.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower

from catalog import inventory
from catalog.models import Brand, Facility, Item, ProductLine, Strain, UnitOfMeasure
from integrations.leaflink import link
from integrations.leaflink.mapping.prices import per_base_unit
from integrations.leaflink.models import Account, AccountBrand, ListEntry, Product
from integrations.leaflink.quantities import MANAGED_IN_LEAFLINK

List = ListEntry.List
OPENING_STOCK = "Opening stock, as LeafLink showed it"


class MakeError(Exception):
    """No item was made; the text says why and what to do."""


@dataclass
class Candidate:
    """A product and the item it would become; `problem` says why it can't, with the cure."""

    product: Product
    item: Item | None = None
    line: str = ""
    strain: str = ""
    strain_classification: str = ""
    problem: str = ""
    # Base units that would be received here, where stock is taken over.
    on_hand: Decimal = Decimal(0)


@dataclass
class Made:
    items: int = 0
    with_stock: int = 0
    passed: list[Candidate] = field(default_factory=list)


class _Names:
    """LeafLink's lists and our brands, looked up once for all products."""

    def __init__(self, account: Account) -> None:
        rows = ListEntry.objects.filter(
            account=account, list__in=(List.BRAND, List.PRODUCT_LINE, List.STRAIN)
        )
        self.names = {(row.list, row.remote_id): row.name for row in rows}
        self.brands: dict[int, Brand] = {}
        by_name: dict[str, Brand] = {}
        sold = AccountBrand.objects.filter(account=account)
        for one in sold.select_related("brand", "leaflink_brand"):
            if one.leaflink_brand:
                self.brands[one.leaflink_brand.remote_id] = one.brand
            else:
                by_name[one.brand.name.strip().casefold()] = one.brand
        for (kind, remote_id), name in self.names.items():
            found = by_name.get(name.strip().casefold()) if kind == List.BRAND else None
            if found:
                self.brands.setdefault(remote_id, found)

    def of(self, kind: str, remote_id: Any) -> str:
        return self.names.get((kind, remote_id), "") if isinstance(remote_id, int) else ""


def candidates(account: Account) -> list[Candidate]:
    """All unlinked products LeafLink still has (archived ones left out) as items, by SKU. Changes
    nothing; a constant number of queries."""
    products = (
        Product.objects.filter(account=account, listing__isnull=True, gone_at__isnull=True)
        .exclude(listing_state="Archived")
        .select_related("account")
        .defer("raw")
        .order_by("sku", "remote_id")
    )
    rows = list(products)
    times = Counter(row.sku.strip().lower() for row in rows)
    taken = set(Item.objects.annotate(low=Lower("sku")).values_list("low", flat=True))
    names = _Names(account)
    return [_candidate(row, names, times, taken) for row in rows]


def _candidate(
    product: Product, names: _Names, times: Counter[str], taken: Collection[str]
) -> Candidate:
    found = Candidate(product)
    shown = product.shown
    brand = names.brands.get(product.remote_brand_id or 0)
    found.problem = _problem(product, brand, names, times, taken)
    if found.problem or brand is None:
        return found
    case = max(product.unit_multiplier, 1)
    wholesale = per_base_unit(product.wholesale_price, case)
    sale_there = _amount(shown.get("sale_price"))
    sale = per_base_unit(sale_there, case) if sale_there > 0 else None
    if wholesale is None or (sale_there > 0 and sale is None):
        found.problem = (
            f"Its price for a case of {case} can't be kept per unit to the cent. Make the item by "
            "hand and link it."
        )
        return found
    strains = shown.get("strains")
    found.strain = (
        names.of(List.STRAIN, strains[0]) if isinstance(strains, list) and strains else ""
    )
    found.strain_classification = str(shown.get("strain_classification") or "")
    found.line = names.of(List.PRODUCT_LINE, shown.get("product_line"))[:200]
    if product.inventory_management in MANAGED_IN_LEAFLINK:
        found.on_hand = max(product.quantity, Decimal(0))
    description = str(shown.get("description") or "")
    found.item = Item(
        sku=product.sku.strip(),
        name=product.name.strip()[:300],
        description="" if description == product.name else description,
        brand=brand,
        unit_of_measure=product.unit_of_measure or UnitOfMeasure.UNIT,
        case_size=case,
        wholesale_price=wholesale,
        sale_price=sale,
        retail_price=_amount(shown.get("retail_price")),
        is_sample=product.listing_state == "Sample",
    )
    return found


def _problem(
    product: Product,
    brand: Brand | None,
    names: _Names,
    times: Counter[str],
    taken: Collection[str],
) -> str:
    sku = product.sku.strip()
    if product.problem:
        return f"It can't be read: {product.problem}"
    if not sku:
        return "It has no SKU. Give it one in LeafLink."
    if "," in sku:
        return "Its SKU has a comma in it. Use a dash in LeafLink."
    if times[sku.lower()] > 1:
        return (
            f"{times[sku.lower()]} unlinked products have this SKU. Keep one of them in LeafLink."
        )
    if sku.lower() in taken:
        return "An item has this SKU already. Link the two under Link products."
    if not product.name.strip():
        return "It has no name. Give it one in LeafLink."
    if product.unit_of_measure and product.unit_of_measure not in UnitOfMeasure.values:
        return f"Items can't be counted in “{product.unit_of_measure}”. Make the item by hand."
    if product.wholesale_price < 0:
        return "Its price is negative. Put it right in LeafLink."
    if brand is None:
        there = names.of(List.BRAND, product.remote_brand_id)
        if not there:
            return "It has no brand in LeafLink. Choose one there."
        return f"Its brand {there} is not sold by this account. Tick it under Brands."
    return ""


def _amount(text: Any) -> Decimal:
    try:
        return max(Decimal(str(text or 0)), Decimal(0))
    except InvalidOperation:
        return Decimal(0)


def make(
    account: Account,
    product_ids: Collection[int],
    *,
    stock_at: Facility | None = None,
    by: AbstractBaseUser | None = None,
) -> Made:
    """Make items of these products and link them. `stock_at`: take over LeafLink's quantities as
    stock there. What is linked or taken meanwhile is passed over, so asking twice makes nothing
    twice. Raises MakeError when somebody made the same items by another way at the same time.
    """
    wanted = set(product_ids)
    try:
        with transaction.atomic():
            # Of two people at once the second finds everything made.
            Account.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
            rows = [row for row in candidates(account) if row.product.pk in wanted]
            good = [row for row in rows if row.item]
            _name_lines_and_strains(good)
            items = Item.objects.bulk_create([row.item for row in good if row.item], batch_size=500)
            pairs = [(item, row.product) for item, row in zip(items, good, strict=True)]
            link.link_many(account, pairs)
            made = Made(items=len(items), passed=[row for row in rows if not row.item])
            if stock_at:
                made.with_stock = _receive(good, stock_at, by)
    except IntegrityError:
        raise MakeError(
            "Somebody made items with the same SKUs at the same moment, so none was made here. "
            "Look at the list again."
        ) from None
    return made


def _name_lines_and_strains(rows: list[Candidate]) -> None:
    """Give the items their product lines and strains, made where there are none of the name."""
    lines = {(line.brand_id, line.name.casefold()): line for line in ProductLine.objects.all()}
    strains = {strain.name.casefold(): strain for strain in Strain.objects.all()}
    for row in rows:
        assert row.item
        if row.line:
            key = (row.item.brand_id, row.line.casefold())
            if key not in lines:
                lines[key] = ProductLine.objects.create(brand=row.item.brand, name=row.line)
            row.item.product_line = lines[key]
        if row.strain:
            name = row.strain.casefold()
            if name not in strains:
                known = row.strain_classification in Strain.Classification.values
                kind = row.strain_classification if known else Strain.Classification.NOT_APPLICABLE
                strains[name] = Strain.objects.create(name=row.strain[:200], classification=kind)
            row.item.strain = strains[name]


def _receive(rows: list[Candidate], facility: Facility, by: Any) -> int:
    """Take over what LeafLink counts as stock of these items; returns of how many."""
    count = 0
    for row in rows:
        if row.item and row.on_hand > 0:
            inventory.receive(row.item, facility, row.on_hand, reason=OPENING_STOCK, by=by)
            count += 1
    return count
