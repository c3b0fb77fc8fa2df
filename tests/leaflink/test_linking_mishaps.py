"""What a reviewer broke once: money, locks and strange data around links, details and creation."""

import re
import threading
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from model_bakery import baker

from catalog import inventory
from catalog.models import Brand, Item
from integrations import work
from integrations.leaflink import compare_listings, create_product, link, push_details
from integrations.leaflink.admin.listing_pages import NEEDS_A_LOOK
from integrations.leaflink.connect import client_for
from integrations.leaflink.models import Account, AccountBrand, ListEntry, Listing, Offer, Product
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.models import WorkItem
from integrations.runs import Recorder
from integrations.wire.errors import BadCredentials, Refused
from tests.catalog.files import csv_file, upload, wrong
from tests.leaflink.test_create_product import made, ready
from tests.leaflink.test_details_out import pair, patches, rest, rules, save
from tests.leaflink.test_two_workers import at_once, failures

S = Listing.Standing
BENCH = "admin:leaflink_listing_workbench"


def item_page(item):
    return reverse("admin:catalog_item_change", args=[item.pk])


class Form(HTMLParser):
    """The fields of a page's form as a browser would post them untouched."""

    def __init__(self, answer):
        super().__init__()
        self.fields, self.inside = {}, ""
        self.feed(answer.content.decode())

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        name = given.get("name")
        if tag == "input" and name and given.get("type") not in ("submit", "file", "button"):
            if given.get("type") in ("checkbox", "radio") and "checked" not in given:
                return
            is_box = given.get("type") == "checkbox"
            self.fields[name] = given.get("value", "") or ("on" if is_box else "")
        elif tag in ("select", "textarea") and name:
            self.inside = name
            self.fields.setdefault(name, "")
        elif tag == "option" and self.inside and "selected" in given:
            self.fields[self.inside] = given.get("value", "")

    def handle_data(self, data):
        if self.lasttag == "textarea" and self.inside:
            self.fields[self.inside] += data

    def handle_endtag(self, tag):
        if tag in ("select", "textarea"):
            self.inside = ""


def form_of(client, url, **changed):
    fields = {k: v for k, v in Form(client.get(url)).fields.items() if not k.startswith("_")}
    for name in ("action", "field", "item", "language"):
        fields.pop(name, None)
    return {**fields, **changed, "_save": "1"}


@pytest.mark.parametrize("refused", ["unit_multiplier", "wholesale_price"])
def test_a_case_size_and_its_price_are_sent_both_or_neither(bench, pair, monkeypatch, refused):
    patch = LeafLinkClient.patch

    def refusing(self, path, body):
        if refused in body:
            raise Refused(["No."], {refused: "No."}, vendor="LeafLink")
        return patch(self, path, body)

    monkeypatch.setattr(LeafLinkClient, "patch", refusing)
    save(pair.item, case_size=24, name="Still sent")
    work.drain()
    for _ in range(2):
        bench.sync("products")
    assert (pair.remote.unit_multiplier, pair.remote.wholesale_price) == (12, 96)
    assert pair.remote.name == "Still sent"
    assert bench.listing(pair).standing == S.REFUSED


def test_a_product_whose_sku_changed_between_two_tries_is_made_once(bench, ready):
    create_product.ask_for(ready)
    bench.faults.next("reset-after", method="POST", path="products")
    work.drain()
    Item.objects.filter(pk=ready.pk).update(sku="NEW-2")
    WorkItem.objects.update(not_before="2020-01-01T00:00:00Z")
    work.drain()
    assert len(made(bench)) == 1
    assert not [p for p in bench.world.products.values() if p.sku == "NEW-2"]
    assert Listing.objects.get(item=ready).product.remote_id == made(bench)[0].id


@pytest.mark.parametrize("where", ["name", "refusal", "list"])
def test_no_text_of_anybodys_becomes_a_tag(bench, pair, admin_client, where):
    evil = "<img src=x onerror=alert(1)>"
    if where == "name":
        Item.objects.update(name=evil)
    elif where == "refusal":
        Offer.objects.update(refusals={"name": evil})
    else:
        entry = baker.make(ListEntry, account=bench.account, list="brand", remote_id=77, name=evil)
        AccountBrand.objects.update(leaflink_brand=entry)
    assert evil not in admin_client.get(item_page(pair.item)).content.decode()


def test_a_file_cannot_change_the_unit_of_a_linked_item(bench, pair, admin_client):
    free = baker.make(Item, sku="FREE", name="Free", brand=bench.brand)
    file = csv_file("sku,unit of measure", "GUM,Gram", f"{free.sku},Gram")
    problems = str(wrong(upload(admin_client, "catalog_item", file)))
    assert "Unlink it before you change the unit" in problems
    assert "FREE" not in problems


@pytest.mark.parametrize("names", [["wholesale_price"], ["wholesale_price", "unit_multiplier"]])
def test_keeping_leaflinks_price_keeps_its_case_size_too(bench, pair, names):
    bench.world.edit_product(pair.remote.id, wholesale_price=Decimal(120))
    save(pair.item, case_size=24)
    bench.settle()
    bench.sync("products")
    listing = bench.listing(pair)
    assert listing.standing == S.CONFLICT
    compare_listings.keep_theirs(bench.account, {listing.pk: names})
    assert bench.listing(pair).standing == S.DIFFERS  # in the case size
    pair.item.refresh_from_db()
    assert pair.item.wholesale_price == 10
    assert "taken over from LeafLink" in bench.listing(pair).lately[0]["text"]
    rest(bench)
    assert (pair.remote.unit_multiplier, pair.remote.wholesale_price) == (12, 120)


def test_what_a_person_unlinked_is_not_linked_again_by_itself(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    link.unlink(bench.listing(goods))
    bench.sync()
    assert not Listing.objects.exists()
    # A person may, singly or with all exact matches.
    assert len(link.exact_sku_pairs(bench.account)) == 1
    link.link(goods.item, bench.product(goods))
    bench.sync()
    assert Listing.objects.count() == 1


def test_a_case_size_changed_there_moves_no_price_of_ours(bench):
    rules(bench, sync_prices=True, push_details=True)
    goods = bench.goods(case=1, price="12.00")
    save(goods.item, wholesale_price=Decimal(10))
    bench.sync("products")
    rest(bench)
    bench.world.edit_product(goods.remote.id, unit_multiplier=10)
    bench.settle()
    bench.sync("products")
    assert goods.remote.wholesale_price == 12
    assert bench.listing(goods).standing == S.OUT_OF_STEP


def test_managed_again_never_offers_the_old_number(bench, pair):
    bench.ready()
    offer = Offer.objects.get(item=pair.item)
    save(offer, mode="unlimited")
    bench.settle()
    inventory.adjust(pair.item, bench.shop, Decimal(-95), reason="lost")
    save(offer, mode="managed")
    bench.calls()
    bench.settle()
    first = next(r.body for r in bench.world.requests if "inventory_management" in (r.body or {}))
    assert first["quantity"] == "0"
    assert bench.available(pair) == 5


def test_a_page_left_open_takes_no_price_back(bench, pair, admin_client):
    url = item_page(pair.item)
    data = form_of(admin_client, url, description="Typed meanwhile")
    bench.world.edit_product(pair.remote.id, wholesale_price=Decimal(120))
    bench.settle()
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert admin_client.post(url, data).status_code == 302
    bench.settle()
    pair.item.refresh_from_db()
    assert (pair.item.wholesale_price, pair.item.description) == (10, "Typed meanwhile")
    assert pair.remote.wholesale_price == 120


def test_a_choice_that_is_gone_from_leaflinks_lists_blocks_no_saving(bench, ready, admin_client):
    url = item_page(ready)
    data = form_of(admin_client, url, name="Renamed")
    ListEntry.objects.update(gone_at="2026-01-01T00:00:00Z")
    assert admin_client.post(url, data).status_code == 302
    ready.refresh_from_db()
    assert ready.name == "Renamed"


def test_a_linked_item_cannot_be_switched_off_only_unlinked(bench, pair, admin_client):
    url = item_page(pair.item)
    data = form_of(admin_client, url)
    data.pop("offer-0-enabled", None)
    assert admin_client.post(url, data).status_code == 302
    assert Offer.objects.get().enabled
    assert "It is linked. Unlink it to end that." in admin_client.get(url).content.decode()


@pytest.mark.parametrize(
    "error", [BadCredentials("No permission (403)"), Refused(["No."], vendor="LeafLink")]
)
def test_a_creation_that_failed_says_why_and_can_be_tried_again(
    bench,
    ready,
    admin_client,
    monkeypatch,
    error,
):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(LeafLinkClient, "post", fail)
    create_product.ask_for(ready)
    work.drain()
    text = admin_client.get(item_page(ready)).content.decode()
    assert "It is being created" not in text
    assert "No" in text
    assert "Create in LeafLink" in text
    bench.account.create_products = True
    bench.account.save()
    bench.sync("products")
    assert WorkItem.objects.get(kind="leaflink.create").stuck_at  # not for ever by itself
    monkeypatch.undo()


def test_nothing_is_asked_of_an_account_that_is_off(bench, ready):
    Account.objects.update(is_active=False)
    with pytest.raises(create_product.CannotCreate, match="Alder Peak is not active"):
        create_product.ask_for(ready)


def test_a_product_for_nothing_is_not_created(bench, ready):
    Item.objects.update(wholesale_price=0)
    with pytest.raises(create_product.CannotCreate, match="Give it a wholesale price"):
        create_product.ask_for(ready)


def pages_with(monkeypatch, resource, change):
    pages = LeafLinkClient.pages

    def changed(self, asked, **params):
        for page in pages(self, asked, **params):
            yield change(page) if asked == resource else page

    monkeypatch.setattr(LeafLinkClient, "pages", changed)


def test_lists_that_may_not_be_read_stop_no_products(bench, monkeypatch):
    def denied(page):
        raise BadCredentials("LeafLink refused the key (403)")

    bench.goods()
    for resource in ("companies", "strains"):
        pages_with(monkeypatch, resource, denied)
    bench.sync("products")
    assert Product.objects.count() == 1
    assert ListEntry.objects.filter(list="category").exists()


def test_an_unreadable_row_makes_no_entry_gone(bench, monkeypatch):
    bench.sync("products")
    before = ListEntry.objects.filter(list="category", gone_at=None).count()
    pages_with(monkeypatch, "product-categories", lambda page: [{"id": "x"}, *page[1:]])
    bench.sync("products", full=True)
    assert ListEntry.objects.filter(list="category", gone_at=None).count() == before


def test_what_left_a_list_is_gone_from_the_choices(bench, monkeypatch):
    bench.sync("products")
    pages_with(monkeypatch, "product-categories", lambda page: page[1:])
    bench.sync("products", full=True)
    assert ListEntry.objects.filter(list="category", gone_at__isnull=False).count() == 1


def test_nothing_is_sent_for_what_was_unlinked_since_it_was_planned(bench, pair):
    Item.objects.filter(pk=pair.item.pk).update(name="Too late")
    changes = push_details.plan(bench.account)
    link.unlink(bench.listing(pair))
    push_details.push(bench.account, client_for(bench.account), changes, Recorder())
    assert patches(bench) == []


def test_an_sku_that_stands_twice_is_no_exact_match_though_one_is_linked(bench):
    rules(bench, link_exact_skus=False)
    bench.goods("GUM")
    twin = bench.world.add_product(bench.seller.id, name="Twin", sku="GUM")
    other = bench.goods("OTHER")
    bench.sync("products")
    link.link(other.item, Product.objects.get(remote_id=twin.id))
    assert link.exact_sku_pairs(bench.account) == []


def test_a_product_renamed_there_is_told_under_every_rule(bench):
    goods = bench.goods()
    bench.ready()
    bench.world.edit_product(goods.remote.id, name="Other thing", sku="OTHER")
    bench.settle()
    bench.sync("products", full=True)
    assert Listing.objects.filter(NEEDS_A_LOOK).exists()
    compare_listings.keep_theirs(bench.account, {bench.listing(goods).pk: ["name", "sku"]})
    assert not Listing.objects.filter(NEEDS_A_LOOK).exists()


def test_the_preview_of_exact_matches_is_narrowed_as_the_workbench_is(bench, admin_client):
    rules(bench, link_exact_skus=False)
    brand = baker.make(Brand, name="B2")
    AccountBrand.objects.create(account=bench.account, brand=brand)
    there = bench.world.add_brand(bench.seller.id, "B2")
    bench.goods("A1")
    goods = bench.goods("B1", brand_id=there.id)
    Item.objects.filter(pk=goods.item.pk).update(brand=brand)
    bench.sync("products", full=True)
    query = {"brand": brand.pk, "account": bench.account.pk}
    assert "exact SKU matches (1)" in admin_client.get(reverse(BENCH), query).content.decode()
    shown = admin_client.get(reverse("admin:leaflink_listing_exact_skus"), query)
    assert [item.sku for _, item, _, _ in shown.context["pairs"]] == ["B1"]


HUGE = "9" * 23


@pytest.mark.parametrize(
    "path",
    [
        f"leaflink/listing/workbench/?account={HUGE}&brand={HUGE}&page={HUGE}",
        "leaflink/listing/workbench/?q=%00",
        f"leaflink/listing/workbench/exact-skus/?account={HUGE}",
        f"autocomplete/?app_label=leaflink&model_name=offer&field_name=brand&account={HUGE}",
        "leaflink/listing/workbench/?account=²",
    ],
)
def test_an_address_with_nonsense_is_no_crash(bench, admin_client, path):
    bench.sync("products")
    assert admin_client.get(reverse("admin:index") + path).status_code in (200, 400, 404)


def test_items_are_shown_to_nobody_who_may_not_see_them(bench, client, django_user_model):
    rules(bench, link_exact_skus=False)
    bench.goods()
    bench.sync("products")
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    names = ["add_listing", "view_product", "view_listing"]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(clerk)
    query = {"words": "item", "product": Product.objects.get().pk}
    assert client.get(reverse("admin:leaflink_listing_find"), query).status_code == 403
    assert client.get(reverse(BENCH)).status_code == 403


def test_many_decisions_cost_a_few_queries_and_pass_over_what_is_gone(bench, admin_client):
    rules(bench, push_details=True)
    for n in range(20):
        bench.goods(f"A{n}", on_hand=0)
    bench.sync("products")
    for product in list(bench.world.products.values()):
        bench.world.edit_product(product.id, name=f"{product.name}!")
    bench.sync("products", full=True)
    pks = list(Listing.objects.filter(standing=S.OUT_OF_STEP).values_list("pk", flat=True))
    assert len(pks) == 20
    data = {"action": "keep_theirs", "_selected_action": pks}
    with CaptureQueriesContext(connection) as made_:
        admin_client.post(reverse("admin:leaflink_listing_changelist"), data)
    assert len(made_) <= 50
    assert not Listing.objects.filter(standing=S.OUT_OF_STEP).exists()
    gone = pks[0]
    link.unlink(Listing.objects.get(pk=gone))
    compare_listings.keep_theirs(bench.account, {gone: ["name"], pks[1]: ["name"]})


def test_an_sku_with_signs_leads_to_its_item(bench, admin_client):
    item = baker.make(Item, sku="A&B +1", name="x", brand=bench.brand)
    text = admin_client.get(item_page(item)).content.decode()
    assert re.search(r"tab=items&amp;q=A%26B\+%2B1", text)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    """Deciding, unlinking and settling the same link at the same time: no deadlock."""

    @pytest.fixture
    def goods(self, transactional_db, make_bench):
        bench = make_bench()
        rules(bench, sync_prices=True, push_details=True)
        goods = bench.goods()
        bench.sync("products")
        goods.bench = bench
        return goods

    def test_deciding_against_settling(self, goods, monkeypatch):
        bench = goods.bench
        bench.world.edit_product(goods.remote.id, wholesale_price=Decimal(99), name="There")
        from integrations.leaflink import pull_catalog

        pull_catalog.read_product(bench.account, client_for(bench.account), str(goods.remote.id))
        pk = bench.listing(goods).pk
        slowly(monkeypatch, compare_listings, "compare")
        results = at_once(
            lambda: compare_listings.keep_theirs(bench.account, {pk: ["name"]}),
            lambda: compare_listings.settle(bench.account),
        )
        assert failures(results) == []

    def test_unlinking_against_taking_a_price(self, goods, monkeypatch):
        bench = goods.bench
        Offer.objects.update(wholesale_price=Decimal(5))
        compare_listings.settle(bench.account)
        listing = bench.listing(goods)
        agreed = {**listing.agreed, "wholesale_price": ["5", "3.00"]}
        Listing.objects.update(agreed=agreed)
        slowly(monkeypatch, compare_listings, "_take")
        results = at_once(
            lambda: link.unlink(listing), lambda: compare_listings.settle(bench.account)
        )
        assert failures(results) == []
        assert not Listing.objects.exists()


def slowly(monkeypatch, module, name):
    real = getattr(module, name)

    def slow(*args, **kwargs):
        if connection.in_atomic_block:
            threading.Event().wait(0.5)
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, slow)
