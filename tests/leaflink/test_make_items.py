"""Items made of LeafLink's products: what they get, what can't become one, and twice is once."""

from decimal import Decimal

import pytest

from catalog import inventory
from catalog.models import Brand, Facility, Item, Strain
from integrations.leaflink import make_items
from integrations.leaflink.models import Account, AccountBrand, Listing, Product


@pytest.fixture
def there(bench):
    """A catalog that is only in LeafLink; the account is in set-up."""
    Account.objects.filter(pk=bench.account.pk).update(in_setup=True)
    bench.account.in_setup = True
    world, seller = bench.world, bench.seller.id
    brand = world.add_brand(seller, "ALDER")
    line = world.add_product_line(brand.id, "Gummies")
    strain = world.add_strain(seller, "Blue Dream", "sativa-hybrid")

    def product(sku="GUM", **more):
        return world.add_product(
            seller,
            **{
                "name": f"Product {sku}",
                "sku": sku,
                "brand_id": brand.id,
                "quantity": "48",
                "unit_multiplier": 12,
                "wholesale_price": "96.00",
                "retail_price": "18.00",
                "product_line": line.id,
                "strains": [strain.id],
                "strain_classification": "sativa-hybrid",
                **more,
            },
        )

    product.brand = brand
    return product


def read(bench):
    bench.sync("products", full=True)
    return {row.product.sku: row for row in make_items.candidates(bench.account)}


def ids():
    return list(Product.objects.values_list("pk", flat=True))


def test_an_item_gets_all_that_leaflink_says(bench, there):
    there(sale_price="84.00", description="Soft and sweet")
    read(bench)
    made = make_items.make(bench.account, ids(), stock_at=bench.shop)
    item = Item.objects.get(sku="GUM")
    assert (made.items, made.with_stock, made.passed) == (1, 1, [])
    assert (item.name, item.brand, item.case_size) == ("Product GUM", bench.brand, 12)
    assert (item.wholesale_price, item.sale_price, item.retail_price) == (8, 7, 18)
    assert (item.description, item.unit_of_measure) == ("Soft and sweet", "Unit")
    assert (str(item.product_line), str(item.strain)) == ("Gummies", "Blue Dream")
    assert item.strain.classification == Strain.Classification.SATIVA_HYBRID
    assert inventory.levels([item.pk])[item.pk].on_hand == 48
    assert Listing.objects.get().product.sku == "GUM"


def test_no_stock_is_taken_over_unasked(bench, there):
    there()
    read(bench)
    make_items.make(bench.account, ids())
    assert not inventory.levels([Item.objects.get().pk])[Item.objects.get().pk].on_hand


def test_what_can_not_become_an_item_says_why_and_stops_no_other(bench, there):
    foreign = bench.world.add_brand(bench.seller.id, "Somebody Else's")
    Item.objects.create(sku="Taken", name="Ours", brand=bench.brand)
    there("GOOD")
    there("")
    there("A,B")
    there("TWICE")
    there("twice")
    there("TAKEN")
    there("FOREIGN", brand_id=foreign.id)
    there("NONE", brand_id=None)
    there("OLD", listing_state="Archived")
    rows = read(bench)
    assert {sku: row.problem[:30] for sku, row in rows.items()} == {
        "GOOD": "",
        "": "It has no SKU. Give it one in ",
        "A,B": "Its SKU has a comma in it. Use",
        "TWICE": "2 unlinked products have this ",
        "twice": "2 unlinked products have this ",
        "TAKEN": "An item has this SKU already. ",
        "FOREIGN": "Its brand Somebody Else's is n",
        "NONE": "It has no brand in LeafLink. C",
    }
    made = make_items.make(bench.account, ids())
    assert (made.items, len(made.passed)) == (1, 7)
    assert set(Item.objects.values_list("sku", flat=True)) == {"Taken", "GOOD"}


def test_a_chosen_leaflink_brand_counts_more_than_the_name(bench, there):
    there()
    read(bench)
    own = Brand.objects.create(name="Called otherwise here")
    entry = bench.account.list_entries.get(list="brand", name="ALDER")
    AccountBrand.objects.all().delete()
    AccountBrand.objects.create(account=bench.account, brand=own, leaflink_brand=entry)
    make_items.make(bench.account, ids())
    assert Item.objects.get().brand == own


def test_asking_twice_makes_nothing_twice(bench, there):
    there("A")
    there("B")
    read(bench)
    first = make_items.make(bench.account, ids(), stock_at=bench.shop)
    second = make_items.make(bench.account, ids(), stock_at=bench.shop)
    assert (first.items, second.items, second.with_stock) == (2, 0, 0)
    assert Item.objects.count() == Listing.objects.count() == 2
    items = Item.objects.values_list("pk", flat=True)
    assert sum(level.on_hand for level in inventory.levels(items).values()) == 96


def test_only_those_chosen_are_made(bench, there):
    there("A")
    there("B")
    read(bench)
    make_items.make(bench.account, [Product.objects.get(sku="B").pk])
    assert [item.sku for item in Item.objects.all()] == ["B"]


def test_somebody_who_made_the_same_item_meanwhile_is_not_overwritten(bench, there, monkeypatch):
    there()
    rows = read(bench)
    Item.objects.create(sku="GUM", name="Made by hand", brand=bench.brand)
    monkeypatch.setattr(make_items, "candidates", lambda account: list(rows.values()))
    with pytest.raises(make_items.MakeError, match="at the same moment"):
        make_items.make(bench.account, ids(), stock_at=bench.shop)
    assert Item.objects.get().name == "Made by hand"
    assert not Listing.objects.exists()


def test_samples_are_samples_and_unlimited_ones_bring_no_stock(bench, there):
    there("S", listing_state="Sample")
    there("U", inventory_management=2)
    read(bench)
    made = make_items.make(bench.account, ids(), stock_at=Facility.objects.get())
    assert Item.objects.get(sku="S").is_sample
    assert (made.items, made.with_stock) == (2, 1)


def test_a_price_that_can_not_be_kept_per_unit_is_left_to_a_person(bench, there):
    there(unit_multiplier=30_001, wholesale_price="10000.01")
    row = read(bench)["GUM"]
    assert row.item is None
    assert "can't be kept per unit to the cent" in row.problem


def test_the_first_push_after_taking_over_stock_changes_nothing(bench, there):
    there("A")
    there("B", quantity="7.5", unit_multiplier=1, wholesale_price=Decimal("3.10"))
    read(bench)
    make_items.make(bench.account, ids(), stock_at=bench.shop)
    before = {p.sku: p.quantity for p in bench.world.products.values()}
    Account.objects.filter(pk=bench.account.pk).update(in_setup=False)
    bench.account.refresh_from_db()
    bench.sync("inventory")
    assert {p.sku: p.quantity for p in bench.world.products.values()} == before


def test_the_cost_does_not_grow_with_the_catalog(bench, there, django_assert_max_num_queries):
    for n in range(30):
        there(f"S{n}")
    read(bench)
    with django_assert_max_num_queries(5):
        make_items.candidates(bench.account)
