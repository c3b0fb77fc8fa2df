"""Suggestions for linking: for a page of products the likeliest items, and the other way round.

Everything is loaded set-wise: a page costs the same number of queries however many there are.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from catalog.models import Item
from integrations.leaflink.mapping.suggestions import Suggestion, Thing, suggest
from integrations.leaflink.models import ListEntry, Product
from integrations.leaflink.wanted import leaflink_unit

ITEM_COLUMNS = (
    "pk",
    "sku",
    "name",
    "brand__name",
    "strain__name",
    "unit_of_measure",
    "case_size",
    "brand__leaflink__account",
)
PRODUCT_COLUMNS = (
    "pk",
    "sku",
    "name",
    "account",
    "remote_brand_id",
    "unit_of_measure",
    "unit_multiplier",
)


def unlinked_items() -> Any:
    """The items that could be linked: active, sold by an account, without a product."""
    return Item.objects.filter(
        listing__isnull=True, is_active=True, brand__leaflink__account__isnull=False
    )


def unlinked_products() -> Any:
    """The products that could be linked: still there and readable, without an item."""
    return Product.objects.filter(listing__isnull=True, gone_at__isnull=True, problem="")


def for_products(products: Sequence[Product]) -> dict[int, list[Suggestion]]:
    """By product id the likeliest unlinked items of the account's brands, best first."""
    accounts = {product.account_id for product in products}
    pools: dict[int, list[Thing]] = {}
    rows = unlinked_items().filter(brand__leaflink__account__in=accounts)
    for row in rows.order_by().values_list(*ITEM_COLUMNS):
        pools.setdefault(row[-1], []).append(_item(row))
    brands = _brand_names(accounts)
    things = {
        p.pk: Thing(
            p.pk,
            p.sku,
            p.name,
            brands.get((p.account_id, p.remote_brand_id), ""),
            unit=p.unit_of_measure,
            case_size=p.unit_multiplier,
        )
        for p in products
    }
    return _by_account([(p.pk, p.account_id) for p in products], things, pools)


def for_items(items: Sequence[Item]) -> dict[int, list[Suggestion]]:
    """By item id the likeliest unlinked products of the account that sells its brand.

    The items must come with brand (and its account) and strain.
    """
    sellers = {item.pk: item.brand.leaflink.account_id for item in items}
    accounts = set(sellers.values())
    brands = _brand_names(accounts)
    pools: dict[int, list[Thing]] = {}
    rows = unlinked_products().filter(account__in=accounts).exclude(listing_state="Archived")
    for pk, sku, name, account, brand, unit, size in rows.order_by().values_list(*PRODUCT_COLUMNS):
        thing = Thing(pk, sku, name, brands.get((account, brand), ""), unit=unit, case_size=size)
        pools.setdefault(account, []).append(thing)
    things = {
        item.pk: Thing(
            item.pk,
            item.sku,
            item.name,
            item.brand.name,
            item.strain.name if item.strain else "",
            leaflink_unit(item.unit_of_measure),
            item.case_size,
        )
        for item in items
    }
    return _by_account(list(sellers.items()), things, pools)


def _by_account(
    rows: Sequence[tuple[int, int]], things: dict[int, Thing], pools: dict[int, list[Thing]]
) -> dict[int, list[Suggestion]]:
    found: dict[int, list[Suggestion]] = {}
    for account_id in {account for _, account in rows}:
        mine = [pk for pk, account in rows if account == account_id]
        suggestions = suggest([things[pk] for pk in mine], pools.get(account_id, []))
        found.update(zip(mine, suggestions, strict=True))
    return found


def _item(row: tuple[Any, ...]) -> Thing:
    pk, sku, name, brand, strain, unit, case_size, _ = row
    return Thing(pk, sku, name, brand, strain or "", leaflink_unit(unit), case_size)


def _brand_names(account_ids: Iterable[int]) -> dict[tuple[int, int | None], str]:
    rows = ListEntry.objects.filter(account__in=list(account_ids), list=ListEntry.List.BRAND)
    return {
        (account, remote_id): name
        for account, remote_id, name in rows.values_list("account", "remote_id", "name")
    }
