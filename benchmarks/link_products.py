"""Linking: the workbench's first page at full size, against a plain list of the same products."""

import random
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from benchmarks.figures import Figures, count_queries
from catalog.models import Brand, Item, Strain
from integrations.leaflink import compare_listings, link
from integrations.leaflink.models import Account, AccountBrand, ListEntry, Product
from integrations.leaflink.sandbox.practice_catalog import FORMS, STRAINS

HALF = 2  # of the products one in so many has the SKU of an item


def run(quick: bool) -> Figures:
    """5,000 products × 5,000 items, none linked (quick: 500 × 500)."""
    size = 500 if quick else 5_000
    account = _build(size)
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(get_user_model().objects.create_superuser("bench"))
    bench = reverse("admin:leaflink_listing_workbench")

    plain, _, _ = _page(client, reverse("admin:leaflink_product_changelist"), {})
    first, first_queries, answer = _page(client, bench, {})
    assert b"name 100 %" in answer.content or b"same SKU" in answer.content
    items, items_queries, _ = _page(client, bench, {"tab": "items"})
    found, found_queries, _ = _page(client, bench, {"q": "rosin"})

    linked, linked_queries = _timed(lambda: link.link_exact_skus(account))
    checked, checked_queries = _timed(lambda: compare_listings.settle(account))
    return Figures(
        "link_products",
        ratios={
            "workbench's first page to the plain list of products": first / plain,
            "its tab of unlinked items to the same": items / plain,
            "comparing all linked products to linking them": checked / linked,
        },
        queries={
            "workbench's first page": first_queries,
            "tab of unlinked items": items_queries,
            "searched": found_queries,
            "linking all exact SKUs": linked_queries,
            "comparing all linked products, nothing changed": checked_queries,
        },
        sizes={"products": size, "items": size, "linked": size // HALF},
        seconds={
            "workbench's first page": first,
            "tab of unlinked items": items,
            "searched": found,
            "linking all exact SKUs": linked,
            "comparing all linked products, nothing changed": checked,
        },
    )


def _page(client: Client, url: str, query: dict[str, str]) -> tuple[float, int, Any]:
    """Seconds (the best of three) and queries of a page."""
    best, answer = float("inf"), None
    for _ in range(3):
        start = time.perf_counter()
        with count_queries() as made:
            answer = client.get(url, query)
        best = min(best, time.perf_counter() - start)
    assert answer is not None
    assert answer.status_code == 200
    return best, made.count, answer


def _timed(act: Callable[[], Any]) -> tuple[float, int]:
    start = time.perf_counter()
    with count_queries() as made:
        act()
    return time.perf_counter() - start, made.count


def _build(size: int) -> Account:
    chance = random.Random(1)
    account = Account.objects.create(name="Bench", host=Account.Host.SANDBOX)
    brands = [Brand.objects.create(name=name) for name in ("Cinder Peak", "Trailhead")]
    for index, brand in enumerate(brands):
        AccountBrand.objects.create(account=account, brand=brand)
        ListEntry.objects.create(
            account=account, list="brand", remote_id=index + 1, name=brand.name
        )
    strains = [Strain.objects.create(name=name, classification=kind) for name, kind in STRAINS]
    items, products = [], []
    for n in range(size):
        which, strain, form = n % 2, chance.choice(strains), chance.choice(FORMS)
        name = f"{strain} {form.name} No. {n // 7}"
        items.append(
            Item(
                sku=f"{form.code}-{n:05d}",
                name=name,
                brand=brands[which],
                strain=strain,
                unit_of_measure=form.unit,
                case_size=form.case_size,
                wholesale_price=Decimal(form.cents) / 100,
            )
        )
        same = n % HALF == 0
        products.append(
            Product(
                account=account,
                remote_id=n + 1,
                sku=f"{form.code}-{n:05d}" if same else f"OLD{n}",
                name=name if same else f"{brands[which]} {form.name} {strain} {n // 7}",
                unit_of_measure=form.unit,
                unit_multiplier=form.case_size,
                remote_brand_id=which + 1,
                listing_state="Available",
                shown={
                    "name": name,
                    "sku": f"{form.code}-{n:05d}",
                    "unit_multiplier": form.case_size,
                    "wholesale_price": f"{form.cents * form.case_size / 100:.2f}",
                },
            )
        )
    Item.objects.bulk_create(items, batch_size=500)
    Product.objects.bulk_create(products, batch_size=500)
    return account
