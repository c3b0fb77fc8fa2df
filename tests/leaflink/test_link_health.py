"""Links that went bad in LeafLink: found on every reading, told, and mended by one click."""

from decimal import Decimal

import pytest

from catalog import inventory
from integrations.leaflink import link
from integrations.leaflink.models import AccountBrand, Listing, Product

T = Listing.Trouble


@pytest.fixture
def pair(bench):
    goods = bench.goods()
    bench.ready()
    bench.calls()
    return goods


def test_a_product_made_anew_is_found_and_relinked(bench, pair):
    fresh = bench.world.recreate_product(pair.remote.id)
    bench.sync("products")
    listing = bench.listing(pair)
    assert listing.trouble == T.ARCHIVED
    assert listing.replacement.remote_id == fresh.id
    relinked = link.relink(listing, listing.replacement)
    assert (relinked.trouble, relinked.product.remote_id) == ("", fresh.id)
    bench.sync("inventory")
    assert bench.world.available(fresh.id) == 100


def test_hooks_alone_find_what_took_its_place(bench, pair):
    fresh = bench.world.recreate_product(pair.remote.id)
    bench.settle()
    assert bench.listing(pair).replacement.remote_id == fresh.id


def test_of_two_that_could_be_it_none_is_proposed(bench, pair):
    bench.world.recreate_product(pair.remote.id)
    bench.world.edit_product(pair.remote.id, sku="OLD")
    for _ in range(2):
        bench.world.add_product(bench.seller.id, name="Product GUM", sku="")
    bench.sync("products")
    assert bench.listing(pair).replacement is None


def test_a_product_that_is_gone_is_told(bench, pair):
    del bench.world.products[pair.remote.id]
    bench.sync("products", full=True)
    assert bench.listing(pair).trouble == T.GONE
    assert bench.listing(pair).replacement is None


def test_a_product_put_back_is_sound_again(bench, pair):
    bench.world.archive_product(pair.remote.id)
    bench.sync("products")
    assert bench.listing(pair).trouble == T.ARCHIVED
    bench.world.edit_product(pair.remote.id, listing_state="Available")
    bench.sync("products")
    assert bench.listing(pair).trouble == ""


def test_while_units_differ_nothing_is_offered(bench, pair):
    bench.world.edit_product(pair.remote.id, unit_of_measure="Gram")
    bench.sync("products")
    assert bench.listing(pair).trouble == T.UNITS
    bench.sync("inventory")
    assert bench.available(pair) == 0
    bench.world.edit_product(pair.remote.id, unit_of_measure="Unit")
    bench.sync("products")
    bench.sync("inventory")
    assert bench.available(pair) == 100


def test_a_brand_that_moved_to_another_account_is_told_and_never_oversold(bench, pair):
    from model_bakery import baker

    other = baker.make("leaflink.Account", name="Other")
    AccountBrand.objects.update(account=other)
    bench.sync("products")
    assert bench.listing(pair).trouble == T.ACCOUNT
    inventory.adjust(pair.item, bench.shop, Decimal(-95), reason="broken")
    bench.sync("inventory")
    assert bench.available(pair) == 5


def test_a_renamed_product_is_told_with_both_names(bench, pair):
    bench.account.push_details = True
    bench.account.save()
    bench.sync("products")
    bench.world.edit_product(pair.remote.id, name="Renamed", sku="GUM-2")
    bench.sync("products")
    listing = bench.listing(pair)
    assert listing.standing == Listing.Standing.OUT_OF_STEP
    moved = {r["field"]: r["theirs"] for r in listing.differences if r["decision"] == "moved_there"}
    assert (moved["name"], moved["sku"]) == ("Renamed", "GUM-2")


def test_relinking_to_what_does_not_fit_changes_nothing(bench, pair):
    grams = bench.world.add_product(bench.seller.id, name="Grams", sku="G", unit_of_measure="Gram")
    bench.sync("products")
    listing = bench.listing(pair)
    with pytest.raises(link.LinkError, match="counted in units here and in grams"):
        link.relink(listing, Product.objects.get(remote_id=grams.id))
    assert bench.listing(pair).product.remote_id == pair.remote.id
