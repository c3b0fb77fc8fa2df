"""Whether a link is sound: the product is still there, counted in the same unit, of our account;
and which product has taken the place of one that is not.
"""

from typing import Any

from integrations.leaflink.models import Account, Listing, Product
from integrations.leaflink.wanted import leaflink_unit

Trouble = Listing.Trouble
# The product is not on LeafLink's menu any more.
AWAY = (Trouble.GONE, Trouble.ARCHIVED)


def trouble_of(listing: Listing) -> str:
    """What is wrong with the link itself; "" when it is sound."""
    item, product = listing.item, listing.product
    if product.gone_at:
        return Trouble.GONE
    if product.listing_state == "Archived":
        return Trouble.ARCHIVED
    seller = getattr(item.brand, "leaflink", None)
    if seller is None or seller.account_id != product.account_id:
        return Trouble.ACCOUNT
    unit = leaflink_unit(item.unit_of_measure)
    if product.unit_of_measure and product.unit_of_measure != unit:
        return Trouble.UNITS
    return Trouble.NONE


def listings_away(account: Account) -> list[int]:
    """The ids of the listings whose product is archived or gone."""
    away = Listing.objects.filter(product__account=account, trouble__in=AWAY)
    return list(away.values_list("pk", flat=True))


def replacements(account: Account, listings: list[Listing]) -> dict[int, int]:
    """For listings whose product is archived or gone: the one unlinked product that has the same
    SKU, or else the same name and brand. Nothing where there are several."""
    away = [one for one in listings if trouble_of(one) in AWAY]
    if not away:
        return {}
    free: dict[tuple[Any, ...], list[int]] = {}
    rows = (
        Product.objects.filter(
            account=account, listing__isnull=True, gone_at__isnull=True, problem=""
        )
        .exclude(listing_state="Archived")
        .values_list("pk", "sku", "name", "remote_brand_id")
    )
    for pk, sku, name, brand in rows:
        if sku:
            free.setdefault(("sku", sku), []).append(pk)
        free.setdefault(("name", name, brand), []).append(pk)
    found = {}
    for one in away:
        product = one.product
        for key in (("sku", product.sku), ("name", product.name, product.remote_brand_id)):
            if len(free.get(key, ())) == 1:
                found[one.pk] = free[key][0]
                break
    return found
