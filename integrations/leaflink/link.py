"""Linking items and products: one item ↔ one product, both unique in the database."""

from collections import Counter

from django.db import IntegrityError, transaction

from catalog.models import Item, UnitOfMeasure
from integrations.leaflink.models import Account, Listing, Product


class LinkError(Exception):
    """These two can't be linked; the text says why and what to do."""


def leaflink_unit(unit_of_measure: str) -> str:
    """LeafLink's unit for one of ours: those it doesn't know are sold as "Unit"."""
    return "Unit" if unit_of_measure == UnitOfMeasure.FLUID_OUNCE else unit_of_measure


def why_not(item: Item, product: Product) -> str:
    """Why these two must not be linked; "" when they may."""
    if product.gone_at:
        return f"{product} is gone from LeafLink. Choose a product that is still there."
    if product.problem:
        return f"{product} can't be read: {product.problem}"
    unit = leaflink_unit(item.unit_of_measure)
    if product.unit_of_measure and product.unit_of_measure != unit:
        return (
            f"{item.sku} is counted in {unit.lower()}s here and in "
            f"{product.unit_of_measure.lower()}s in LeafLink. Make the units agree first."
        )
    sold_by = getattr(item.brand, "leaflink", None)
    if sold_by is None:
        return f"No account sells {item.brand}. Add the brand to an account first."
    if sold_by.account_id != product.account_id:
        return f"{item.brand} is sold by {sold_by.account}, not by {product.account}."
    return ""


@transaction.atomic
def link(item: Item, product: Product) -> Listing:
    """Pair them. Raises LinkError when either has a partner or they don't fit."""
    reason = why_not(item, product)
    if reason:
        raise LinkError(reason)
    try:
        with transaction.atomic():
            return Listing.objects.create(item=item, product=product)
    except IntegrityError:
        raise LinkError(f"{item.sku} or {product} is linked already. Unlink it first.") from None


def link_exact_skus(account: Account, *, dry: bool = False) -> int:
    """Pair what has exactly the same SKU on both sides, once on each; returns how many pairs.

    Anything ambiguous is left for a person: an SKU that stands twice in LeafLink, archived or
    unreadable products, different units, brands this account doesn't sell.
    """
    products = list(
        Product.objects.filter(
            account=account, listing__isnull=True, gone_at__isnull=True, problem=""
        )
        .exclude(sku="")
        .exclude(listing_state="Archived")
        .defer("raw")
    )
    times = Counter(product.sku for product in products)
    candidates = {product.sku: product for product in products if times[product.sku] == 1}
    items = Item.objects.filter(
        listing__isnull=True, is_active=True, brand__leaflink__account=account
    ).select_related("brand__leaflink__account")
    pairs = []
    for item in items.iterator(chunk_size=2000):
        product = candidates.get(item.sku)
        if product and not why_not(item, product):
            pairs.append(Listing(item=item, product=product))
    if not dry:
        # A person may link one of them at this very moment: the database decides.
        Listing.objects.bulk_create(pairs, ignore_conflicts=True, batch_size=500)
    return len(pairs)


def unlink(listing: Listing) -> None:
    """End the pairing. LeafLink is left as it is; quantities are no longer sent."""
    listing.delete()
