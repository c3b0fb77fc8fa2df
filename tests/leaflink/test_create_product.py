"""Making LeafLink products of items: once, and with every obstacle told."""

from decimal import Decimal

import pytest
from django.test import TestCase
from model_bakery import baker

from catalog import inventory
from catalog.models import Item
from integrations import work
from integrations.leaflink import create_product, link
from integrations.leaflink.models import ListEntry, Listing, Offer
from integrations.models import Notice, WorkItem

L = ListEntry.List


@pytest.fixture
def ready(bench):
    """An item that lacks nothing to be created."""
    brand = bench.world.add_brand(bench.seller.id, "Alder")
    bench.world.companies[bench.seller.id].license_id = 5001
    bench.world.companies[bench.seller.id].license_number = "404R-1"
    bench.sync("products")
    item = baker.make(
        Item,
        sku="NEW-1",
        name="New Gummies",
        brand=bench.brand,
        case_size=12,
        wholesale_price=Decimal("8.25"),
        retail_price=Decimal("18"),
    )
    inventory.receive(item, bench.shop, Decimal(240))
    entries = {e.name: e for e in ListEntry.objects.all()}
    Offer.objects.create(
        item=item, enabled=True, category=entries["Edibles"], subcategory=entries["Gummies"]
    )
    bench.calls()
    item.leaflink_brand_id = brand.id
    return item


def made(bench):
    return [p for p in bench.world.products.values() if p.sku == "NEW-1"]


def test_a_product_is_made_linked_and_stocked(bench, ready):
    create_product.ask_for(ready)
    work.drain()
    (product,) = made(bench)
    assert (product.name, product.unit_multiplier) == ("New Gummies", 12)
    assert (product.wholesale_price, product.retail_price) == (99, 18)
    assert product.listing_state == "Available"
    assert product.brand_id == ready.leaflink_brand_id
    assert product.details["seller_internal_id"] == str(ready.offer.reference)
    listing = Listing.objects.get(item=ready)
    assert listing.standing == Listing.Standing.IN_STEP
    bench.sync("inventory")
    assert bench.world.available(product.id) == 240
    assert not WorkItem.objects.filter(kind="leaflink.create").exists()


def test_the_state_of_new_products_is_a_rule(bench, ready):
    bench.account.new_product_state = "Internal"
    bench.account.save()
    create_product.ask_for(ready)
    work.drain()
    assert made(bench)[0].listing_state == "Internal"


def test_what_was_sent_is_no_news_afterwards(bench, ready):
    bench.account.push_details = bench.account.sync_prices = True
    bench.account.save()
    create_product.ask_for(ready)
    work.drain()
    bench.settle()
    bench.calls()
    bench.sync("products")
    assert bench.calls("PATCH") == []
    with TestCase.captureOnCommitCallbacks(execute=True):
        ready.name = "Newer Gummies"
        ready.save()
    work.drain()
    assert made(bench)[0].name == "Newer Gummies"


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "500"])
def test_a_lost_answer_never_makes_two(bench, ready, fault):
    bench.faults.next(fault, method="POST", path="products")
    create_product.ask_for(ready)
    work.drain()
    assert len(made(bench)) == (1 if fault == "reset-after" else 0)
    WorkItem.objects.update(not_before="2020-01-01T00:00:00Z")
    work.drain()
    assert len(made(bench)) == 1
    assert Listing.objects.get(item=ready).product.remote_id == made(bench)[0].id


def test_a_product_of_somebody_else_with_the_sku_is_not_taken(bench, ready):
    bench.world.add_product(bench.seller.id, name="By hand", sku="NEW-1")
    create_product.ask_for(ready)
    work.drain()
    assert len(made(bench)) == 1
    assert "By hand. Link it instead" in Offer.objects.get().refusals["sku"]
    assert WorkItem.objects.get().stuck_at
    # Linking it, as it says, ends the matter.
    from integrations.leaflink.models import Product

    link.link(ready, Product.objects.get(sku="NEW-1"))
    assert not WorkItem.objects.filter(kind="leaflink.create").exists()
    assert Offer.objects.get().refusals == {}


def test_leaflinks_refusals_are_kept_by_field(bench, ready, monkeypatch):
    from integrations.leaflink.sandbox.errors import Invalid

    def refuse(*args, **kwargs):
        raise Invalid({"name": ["Too plain."], "category": ["Not sold here."]})

    monkeypatch.setattr("integrations.leaflink.sandbox.product_bodies.new_product", refuse)
    create_product.ask_for(ready)
    work.drain()
    assert Offer.objects.get().refusals == {"name": "Too plain.", "category": "Not sold here."}
    assert made(bench) == []


def test_an_unknown_external_id_key_does_not_block(bench, ready):
    bench.world.companies[bench.seller.id].external_id_keys = ["other"]
    bench.account.external_id_key = "ours"
    bench.account.save()
    create_product.ask_for(ready)
    work.drain()
    assert len(made(bench)) == 1
    assert "Ask its support" in Notice.objects.get().text


def test_our_id_is_noted_under_the_key(bench, ready):
    bench.account.external_id_key = "ours"
    bench.account.save()
    create_product.ask_for(ready)
    work.drain()
    assert made(bench)[0].details["external_ids"] == {"ours": str(ready.offer.reference)}


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        ({"category": None}, "Choose a category"),
        ({"subcategory": None}, "Choose a subcategory"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_asked(bench, ready, change, cure):
    Offer.objects.update(**change)
    with pytest.raises(create_product.CannotCreate, match=cure):
        create_product.ask_for(ready)
    assert not WorkItem.objects.exists()


def test_without_license_or_brand_there_the_cure_is_told(bench, ready):
    ListEntry.objects.filter(list__in=(L.LICENSE, L.BRAND)).delete()
    with pytest.raises(create_product.CannotCreate, match=r"LeafLink brand.*license"):
        create_product.ask_for(ready)


def test_a_brand_nobody_sells_is_told(bench, ready):
    bench.account.brands.all().delete()
    with pytest.raises(create_product.CannotCreate, match="No account sells Alder"):
        create_product.ask_for(Item.objects.get(pk=ready.pk))


def test_by_rule_ready_items_are_created_by_themselves_and_others_wait(bench, ready):
    waiting = baker.make(Item, sku="W", name="Not ready", brand=bench.brand)
    Offer.objects.create(item=waiting, enabled=True)
    off = baker.make(Item, sku="O", name="Not offered", brand=bench.brand)
    bench.sync("products")
    work.drain()
    assert made(bench) == []  # the rule is off
    bench.account.create_products = True
    bench.account.save()
    bench.sync("products")
    work.drain()
    assert len(made(bench)) == 1
    assert not Listing.objects.filter(item__in=[waiting, off]).exists()


def test_an_unlinked_item_is_not_created_anew(bench, ready):
    bench.account.create_products = True
    bench.account.link_exact_skus = False
    bench.account.save()
    bench.sync("products")
    work.drain()
    link.unlink(Listing.objects.get(item=ready))
    bench.sync("products")
    work.drain()
    assert len(made(bench)) == 1
    assert not Listing.objects.filter(item=ready).exists()


def test_switched_off_while_it_waits_it_is_not_created(bench, ready):
    create_product.ask_for(ready)
    Offer.objects.update(enabled=False)
    work.drain()
    assert made(bench) == []
    assert not WorkItem.objects.exists()
