"""Products, customers and staff in; links by exact SKU."""

from decimal import Decimal

import pytest
from model_bakery import baker

from catalog.models import Brand, Item
from integrations.leaflink import link, pull_catalog
from integrations.leaflink.models import AccountBrand, Customer, Listing, Product, Staff
from integrations.models import Notice, Run
from integrations.runs import Recorder

PRODUCTS = pull_catalog.PRODUCTS


def test_a_pull_mirrors_products_customers_and_staff(bench):
    bench.goods(on_hand=0, case=12, price="96.00", quantity="600")
    steps = bench.sync("staff", "customers", "products")
    product = Product.objects.get()
    assert (product.sku, product.unit_multiplier, product.wholesale_price) == ("GUM", 12, 96)
    assert (product.quantity, product.available, product.listing_state) == (600, 600, "Available")
    assert product.raw["sku"] == "GUM"
    assert Customer.objects.get().license_number == "402R-00981"
    assert Staff.objects.get().email == "dana@peak.example"
    assert steps["products"].seen == 1
    assert Run.objects.filter(outcome="done").count() == 4


def test_pulling_again_changes_nothing(bench):
    bench.goods()
    bench.sync("staff", "customers", "products")
    steps = bench.sync("staff", "customers", "products")
    assert [step.changed for step in steps.values()] == [0, 0, 0, 0]


def test_only_what_changed_is_read_the_second_time(bench):
    old, new = bench.goods("OLD"), bench.goods("NEW")
    bench.sync("products")
    old.remote.modified = old.remote.created_on.replace(year=2020)
    bench.world.edit_product(new.remote.id, name="Renamed")
    step = bench.sync("products")["products"]
    assert (step.seen, step.changed) == (1, 1)
    assert bench.product(new).name == "Renamed"


def test_a_page_costs_the_same_however_full_it_is(bench, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    bodies = [{"id": n, "sku": f"S{n}", "name": f"N{n}"} for n in range(1, 101)]
    with CaptureQueriesContext(connection) as few:
        pull_catalog.store_page(PRODUCTS, bench.account, bodies[:2], Recorder())
    # SQLite takes 999 values in a statement, so a page of a hundred rows is two.
    with django_assert_max_num_queries(len(few) + 1):
        pull_catalog.store_page(PRODUCTS, bench.account, bodies, Recorder())
    assert len(few) <= 4


def test_an_older_answer_never_overwrites_a_newer_one(bench):
    def body(day, name):
        return {"id": 7, "name": name, "modified": f"2026-01-{day:02}T00:00:00Z"}

    for day, name in ((5, "new"), (2, "old"), (5, "newer")):
        pull_catalog.store_page(PRODUCTS, bench.account, [body(day, name)], Recorder())
    assert Product.objects.get().name == "newer"


def test_one_malformed_product_is_kept_with_its_reason_and_stops_no_other(bench):
    good = {"id": 1, "name": "Good", "sku": "A"}
    run = Recorder()
    pull_catalog.store_page(
        PRODUCTS, bench.account, [{"id": 2, "quantity": "lots"}, good, "nonsense", {"sku": 1}], run
    )
    assert Product.objects.get(remote_id=1).problem == ""
    assert "quantity" in Product.objects.get(remote_id=2).problem
    assert (run.seen, run.failed) == (4, 3)
    assert Notice.objects.get().times == 2


def test_a_product_that_became_unreadable_keeps_what_was_known(bench):
    pull_catalog.store_page(PRODUCTS, bench.account, [{"id": 1, "name": "Good"}], Recorder())
    pull_catalog.store_page(PRODUCTS, bench.account, [{"id": 1, "quantity": []}], Recorder())
    product = Product.objects.get()
    assert product.name == "Good"
    assert product.problem
    pull_catalog.store_page(PRODUCTS, bench.account, [{"id": 1, "name": "Better"}], Recorder())
    product.refresh_from_db()
    assert (product.name, product.problem) == ("Better", "")


def test_a_full_read_notes_what_is_gone_and_what_came_back(bench):
    gone = bench.goods("GONE")
    bench.sync("products")
    kept = bench.world.products.pop(gone.remote.id)
    bench.sync("products", full=True)
    assert bench.product(gone).gone_at is not None
    bench.world.products[kept.id] = kept
    bench.sync("products", full=True)
    assert bench.product(gone).gone_at is None


def test_a_mapping_survives_every_pull(bench):
    bench.sync("staff", "customers")
    bench.map_dana()
    bench.sync("staff", "customers", full=True)
    assert Staff.objects.get().sales_rep == bench.rep


def test_exact_and_unique_skus_are_linked_by_themselves(bench):
    pair = bench.goods("SAME")
    twice = bench.goods("TWICE")
    bench.world.add_product(bench.seller.id, name="Again", sku="TWICE")
    bench.goods("ARCHIVED", listing_state="Archived")
    bench.goods("GRAMS", unit_of_measure="Gram")
    bench.world.add_product(bench.seller.id, name="Stranger", sku="same")
    step = bench.sync("products")["products"]
    assert [x.item for x in Listing.objects.all()] == [pair.item]
    assert step.seen == 6
    assert not hasattr(twice.item, "listing")


def test_linking_costs_the_same_for_many(bench, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    bench.account.link_exact_skus = False
    for n in range(32):
        bench.goods(f"S{n}", on_hand=0)
        if n == 1:
            bench.sync("products")
            with CaptureQueriesContext(connection) as few:
                assert link.link_exact_skus(bench.account) == 2
    bench.sync("products")
    with django_assert_max_num_queries(len(few)):
        assert link.link_exact_skus(bench.account) == 30
    assert len(few) <= 24


def test_the_brand_decides_the_account(bench):
    foreign = baker.make(Brand, name="Foreign")
    goods = bench.goods()
    Item.objects.update(brand=foreign)
    bench.sync("products")
    assert not Listing.objects.exists()
    goods.item.refresh_from_db()
    with pytest.raises(link.LinkError, match="No account sells Foreign"):
        link.link(goods.item, bench.product(goods))
    other = baker.make("leaflink.Account", name="Mesa")
    AccountBrand.objects.create(account=other, brand=foreign)
    goods.item.refresh_from_db()
    with pytest.raises(link.LinkError, match="Foreign is sold by Mesa"):
        link.link(Item.objects.get(), bench.product(goods))


def test_one_item_has_one_product(bench):
    first, second = bench.goods("A"), bench.goods("B")
    bench.account.link_exact_skus = False
    bench.sync("products")
    link.link(first.item, bench.product(first))
    for item, product in ((first.item, second), (second.item, first)):
        with pytest.raises(link.LinkError, match="Unlink it first"):
            link.link(item, bench.product(product))
    link.unlink(Listing.objects.get())
    link.link(first.item, bench.product(second))


def test_units_must_agree(bench):
    goods = bench.goods(unit_of_measure="Gram")
    bench.sync("products")
    with pytest.raises(link.LinkError, match="counted in units here and in grams in LeafLink"):
        link.link(goods.item, bench.product(goods))


def test_a_dry_run_changes_nothing(bench):
    bench.goods()
    steps = bench.sync(dry=True)
    assert steps["products"].changed == 1
    assert not Product.objects.exists()
    assert not Run.objects.exists()
    bench.sync("products")
    Item.objects.update(wholesale_price=Decimal(1))
    assert bench.sync(dry=True)["inventory"].plan[0]["sku"] == "GUM"
    assert bench.calls("PATCH") == []
