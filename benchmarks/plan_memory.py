"""The memory that looking at every quantity takes, for few listings and for many."""

import tracemalloc
from decimal import Decimal

from benchmarks.figures import Figures, count_queries
from catalog.models import Brand, Facility, Item, Stock
from integrations.leaflink.due_quantities import plan
from integrations.leaflink.models import Account, AccountBrand, Listing, Product


def run(quick: bool) -> Figures:
    """1,000 and 50,000 listings, none changed (quick: 1,000 and 5,000)."""
    few, many = (1000, 5000 if quick else 50_000)
    account = Account.objects.create(
        name="Memory", host=Account.Host.STAND_IN, stand_in_url="http://127.0.0.1:1", app_key="x"
    )
    brand = Brand.objects.create(name="Memory")
    AccountBrand.objects.create(account=account, brand=brand)
    shop = Facility.objects.create(name="Memory", license_number="M")
    _list(account, brand, shop, 0, few)
    plan(account)  # what is loaded once counts for neither
    small, queries = _peak(account)
    _list(account, brand, shop, few, many)
    large, more_queries = _peak(account)
    return Figures(
        "plan_memory",
        ratios={f"peak for {many:,} listings to that for {few:,}": large / small},
        queries={f"plan of {few:,}": queries, f"plan of {many:,}": more_queries},
        sizes={"kilobytes for few": small // 1024, "kilobytes for many": large // 1024},
    )


def _peak(account: Account) -> tuple[int, int]:
    """The bytes that a plan allocates at its peak, and its queries."""
    tracemalloc.start()
    try:
        with count_queries() as counter:
            found = plan(account)
        assert found.changes == []
        return tracemalloc.get_traced_memory()[1], counter.count
    finally:
        tracemalloc.stop()


def _list(account: Account, brand: Brand, shop: Facility, start: int, stop: int) -> None:
    """Make items with 10 units each, linked and sent."""
    numbers = range(start, stop)
    items = Item.objects.bulk_create(
        [Item(sku=f"M-{n}", name=f"Item {n}", brand=brand) for n in numbers], batch_size=500
    )
    ten = Decimal(10)
    Stock.objects.bulk_create(
        [Stock(item=item, facility=shop, on_hand=ten) for item in items], batch_size=500
    )
    products = Product.objects.bulk_create(
        [
            Product(account=account, remote_id=n + 1, name=f"Item {n}", quantity=ten)
            for n in numbers
        ],
        batch_size=500,
    )
    Listing.objects.bulk_create(
        [
            Listing(item=item, product=product, last_sent=ten)
            for item, product in zip(items, products, strict=True)
        ],
        batch_size=500,
    )
