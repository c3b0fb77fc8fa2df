"""Details and prices of linked products: what is sent, what is taken over, what waits."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from model_bakery import baker

from catalog.models import Strain
from integrations import work
from integrations.leaflink import compare_listings, link, push_details
from integrations.leaflink.models import Listing, Offer
from integrations.runs import Recorder

S = Listing.Standing


@pytest.fixture
def pair(bench):
    """A linked pair with the rules for details and prices on; both sides read and at rest."""
    bench.account.push_details = bench.account.sync_prices = True
    bench.account.save()
    goods = bench.goods(case=12, price="96.00", name="Gummies")
    goods.item.wholesale_price = Decimal(8)
    goods.item.save()
    bench.sync("products")
    rest(bench)
    return goods


def rest(bench):
    """Everything that hints asked for is done; LeafLink's log starts anew."""
    bench.settle()
    bench.sync("products")
    bench.calls()


def rules(bench, **values):
    for name, value in values.items():
        setattr(bench.account, name, value)
    bench.account.save()


def save(item, **values):
    """Save it, with the hints that follow once it is committed."""
    for name, value in values.items():
        setattr(item, name, value)
    with TestCase.captureOnCommitCallbacks(execute=True):
        item.save()


def patches(bench):
    """The bodies of all PATCHes since the last look, quantities left out."""
    bodies = [r.body for r in bench.world.requests if r.method == "PATCH"]
    bench.world.requests.clear()
    return [body for body in bodies if set(body) != {"quantity"}]


def test_linking_alone_sends_nothing(bench):
    rules(bench, push_details=True, sync_prices=True)
    goods = bench.goods(name="Theirs", price="99.00")
    save(goods.item, name="Ours", description="Of ours")
    bench.sync("products")
    bench.settle()
    bench.sync("products")
    assert patches(bench) == []
    listing = bench.listing(goods)
    assert listing.standing == S.DIFFERS
    assert {row["field"]: row["decision"] for row in listing.differences}["name"] == "differs"


def test_a_name_changed_here_is_sent_and_only_that(bench, pair):
    save(pair.item, name="Gummies, new recipe")
    work.drain()
    assert patches(bench) == [{"name": "Gummies, new recipe"}]
    assert pair.remote.name == "Gummies, new recipe"
    rest(bench)
    assert patches(bench) == []
    assert bench.listing(pair).standing == S.IN_STEP


def test_the_listing_state_is_never_touched(bench, pair):
    bench.world.edit_product(pair.remote.id, listing_state="Unavailable")
    rest(bench)
    Offer.objects.filter(item=pair.item).update(show_quantity=True)
    save(pair.item, name="Other", description="<b>Other</b>", wholesale_price=Decimal(9))
    work.drain()
    (body,) = patches(bench)
    assert "listing_state" not in body
    assert pair.remote.listing_state == "Unavailable"
    # HTML is sent as it was entered.
    assert body["description"] == "<b>Other</b>"


def test_with_the_rule_off_nothing_is_sent_nor_when_it_is_switched_on(bench, pair):
    rules(bench, push_details=False, sync_prices=False)
    save(pair.item, name="Renamed", wholesale_price=Decimal(5))
    work.drain()
    rules(bench, push_details=True, sync_prices=True)
    bench.sync("products")
    assert patches(bench) == []
    save(pair.item, name="Renamed again")
    work.drain()
    assert patches(bench) == [{"name": "Renamed again"}]


def test_a_price_per_unit_here_is_one_per_case_there_and_back(bench, pair):
    save(pair.item, wholesale_price=Decimal("8.125"))
    work.drain()
    assert pair.remote.wholesale_price == Decimal("97.50")
    bench.world.edit_product(pair.remote.id, wholesale_price=Decimal("100.00"))
    bench.settle()
    pair.item.refresh_from_db()
    assert pair.item.wholesale_price == Decimal("8.333333")
    rest(bench)
    assert patches(bench) == []
    assert pair.remote.wholesale_price == Decimal("100.00")


def test_a_sale_ended_in_leaflink_ends_here(bench, pair):
    save(pair.item, sale_price=Decimal(7))
    work.drain()
    assert pair.remote.sale_price == 84
    bench.world.edit_product(pair.remote.id, sale_price=Decimal(0))
    bench.settle()
    pair.item.refresh_from_db()
    assert pair.item.sale_price is None
    rest(bench)
    assert patches(bench) == []


def test_a_price_that_no_unit_price_can_hold_is_kept_per_case(bench):
    rules(bench, sync_prices=True)
    goods = bench.goods(case=30_000, price="1.00", unit_of_measure="Unit")
    bench.sync("products")
    rest(bench)
    bench.world.edit_product(goods.remote.id, wholesale_price=Decimal("10000.01"))
    bench.settle()
    assert Offer.objects.get().wholesale_price == Decimal("10000.01")
    rest(bench)
    assert patches(bench) == []


def test_a_new_case_size_goes_with_its_price(bench, pair):
    save(pair.item, case_size=24)
    work.drain()
    (body,) = patches(bench)
    assert (body["unit_multiplier"], body["sell_in_unit_of_measure"]) == (24, "Case")
    assert body["wholesale_price"]["amount"] == "192.00"
    assert (pair.remote.unit_multiplier, pair.remote.wholesale_price) == (24, 192)


def test_a_new_case_size_is_not_sent_without_prices(bench, pair):
    rules(bench, sync_prices=False)
    save(pair.item, case_size=24)
    work.drain()
    assert patches(bench) == []
    assert pair.remote.unit_multiplier == 12


def test_both_prices_changed_is_a_conflict_that_a_person_settles(bench, pair):
    rules(bench, sync_prices=True)
    bench.world.edit_product(pair.remote.id, wholesale_price=Decimal(120))
    save(pair.item, wholesale_price=Decimal(9))
    bench.settle()
    bench.sync("products")
    listing = bench.listing(pair)
    assert listing.standing == S.CONFLICT
    assert patches(bench) == []
    compare_listings.keep_theirs(bench.account, {listing.pk: ["wholesale_price"]})
    pair.item.refresh_from_db()
    assert pair.item.wholesale_price == 10
    assert bench.listing(pair).standing == S.IN_STEP

    bench.world.edit_product(pair.remote.id, wholesale_price=Decimal(240))
    save(pair.item, wholesale_price=Decimal(11))
    bench.settle()
    compare_listings.send_ours(bench.account, {listing.pk: ["wholesale_price"]})
    bench.sync("products")
    assert pair.remote.wholesale_price == 132
    assert bench.listing(pair).standing == S.IN_STEP


def test_a_name_changed_in_leaflink_waits_for_a_person(bench, pair):
    bench.world.edit_product(pair.remote.id, name="Typed there")
    rest(bench)
    listing = bench.listing(pair)
    assert listing.standing == S.OUT_OF_STEP
    assert pair.remote.name == "Typed there"
    compare_listings.keep_theirs(bench.account, {listing.pk: ["name", "description"]})
    rest(bench)
    assert bench.listing(pair).standing == S.DIFFERS
    assert pair.remote.name == "Typed there"
    compare_listings.send_ours(bench.account, {listing.pk: ["name"]})
    bench.sync("products")
    assert pair.remote.name == "Gummies"


def test_what_leaflink_refuses_is_told_at_its_field_and_stops_no_other(bench, pair):
    bench.goods("TAKEN")
    bench.sync("products")
    Offer.objects.filter(item=pair.item).update(sku="TAKEN", name="Fresh")
    run = Recorder()
    changes = push_details.plan(bench.account)
    push_details.push(bench.account, client(bench), changes, run)
    assert pair.remote.name == "Fresh"
    assert pair.remote.sku == "GUM"
    listing = bench.listing(pair)
    assert "exists already" in listing.refusals["sku"]
    assert listing.standing == S.REFUSED
    assert run.failed == 1
    bench.calls()
    bench.sync("products")
    assert patches(bench) == []  # not tried again as it is
    Offer.objects.filter(item=pair.item).update(sku="FREE")
    bench.sync("products")
    assert pair.remote.sku == "FREE"
    listing = bench.listing(pair)
    assert (listing.refusals, listing.standing) == ({}, S.IN_STEP)


def client(bench):
    from integrations.leaflink.connect import client_for

    return client_for(bench.account)


@pytest.mark.parametrize("fault", ["reset-before", "reset-after"])
def test_a_lost_answer_is_settled_by_reading(bench, pair, fault):
    save(pair.item, name="Lost and found")
    bench.faults.next(fault, method="PATCH", path="products")
    work.drain()
    bench.settle()
    bench.sync("products")
    assert pair.remote.name == "Lost and found"
    assert bench.listing(pair).standing == S.IN_STEP
    rest(bench)
    assert patches(bench) == []


def test_an_item_edited_while_its_details_are_on_the_way_is_sent_again(bench, pair, monkeypatch):
    from integrations.leaflink.wire.client import LeafLinkClient

    patch = LeafLinkClient.patch
    names = iter(["Second"])

    def slow(self, path, body):
        if "name" in body and (name := next(names, None)):
            save(pair.item, name=name)
        return patch(self, path, body)

    monkeypatch.setattr(LeafLinkClient, "patch", slow)
    save(pair.item, name="First")
    work.drain()
    assert pair.remote.name == "Second"


def test_a_product_unlinked_meanwhile_is_left_alone(bench, pair):
    save(pair.item, name="Too late")
    link.unlink(bench.listing(pair))
    work.drain()
    bench.sync("products", "details")
    # The rule links by SKU again, which sends nothing by itself.
    assert patches(bench) == []


def test_the_strain_and_line_of_an_item_are_found_by_name(bench, pair):
    world, seller = bench.world, bench.seller
    brand = world.add_brand(seller.id, "Alder")
    line = world.add_product_line(brand.id, "Edibles")
    strain = world.add_strain(seller.id, "Blue Mesa", "hybrid")
    world.edit_product(pair.remote.id, brand_id=brand.id)
    bench.sync("products", full=True)
    rest(bench)
    pair.item.strain = baker.make(Strain, name="blue mesa", classification="hybrid")
    pair.item.product_line = baker.make("catalog.ProductLine", brand=bench.brand, name="Edibles")
    save(pair.item)
    work.drain()
    (body,) = patches(bench)
    assert body["strains"] == [strain.id]
    assert body["product_line"] == line.id
    assert body["strain_classification"] == "hybrid"


def test_comparing_costs_the_same_for_many(bench, django_assert_max_num_queries):
    rules(bench, push_details=True)
    for n in range(2):
        bench.goods(f"A{n}", on_hand=0)
    bench.sync("products")
    with CaptureQueriesContext(connection) as few:
        compare_listings.settle(bench.account)
    for n in range(40):
        bench.goods(f"B{n}", on_hand=0)
    bench.sync("products")
    with django_assert_max_num_queries(len(few)):
        assert compare_listings.settle(bench.account) == 0
    assert len(few) <= 4


def test_a_dry_sync_says_what_would_be_sent_and_sends_nothing(bench, pair, capsys):
    from django.core.management import call_command

    save(pair.item, name="Dry")
    compare_listings.settle(bench.account)
    capsys.readouterr()
    call_command("sync", "--only", "products", "--dry-run")
    text = capsys.readouterr().out
    assert "Product details that would be sent" in text
    assert "Dry" in text
    assert patches(bench) == []


def test_unlimited_is_said_in_leaflink_and_its_stock_is_not_sent(bench, pair):
    offer = Offer.objects.get(item=pair.item)
    save(offer, mode=Offer.Mode.UNLIMITED)
    work.drain()
    bench.sync("inventory")
    assert pair.remote.inventory_management == 2
