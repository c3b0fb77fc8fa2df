"""The linking workbench: what it shows, links, undoes, and to whom."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from model_bakery import baker

from catalog.models import Brand, Item
from integrations import work
from integrations.leaflink.models import AccountBrand, Listing, Offer, Product
from integrations.models import WorkItem

BENCH = reverse("admin:leaflink_listing_workbench")


def url(name, *args):
    return reverse(f"admin:leaflink_listing_{name}", args=args)


@pytest.fixture
def bench(bench):
    bench.account.link_exact_skus = False
    bench.account.save()
    return bench


@pytest.fixture
def shop(bench, admin_client):
    """Three products: one with its item's SKU, one spelled otherwise, one like no item."""
    brand = bench.world.add_brand(bench.seller.id, "Alder")
    same = bench.goods("GUM-1", name="Blue Mesa Gummies 100mg", brand_id=brand.id)
    other = bench.goods("PRE-5", name="Alpine Haze Pre-roll 5 pack", brand_id=brand.id)
    bench.world.edit_product(other.remote.id, sku="X9", name="Alder Pre-roll Alpine Haze 5 Pack")
    alone = bench.world.add_product(bench.seller.id, name="Gift Box", sku="GIFT")
    bench.sync("products")
    bench.same, bench.other = same, other
    bench.alone = Product.objects.get(remote_id=alone.id)
    return admin_client


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def test_each_unlinked_product_shows_its_best_item_with_reasons(bench, shop):
    text = text_of(shop.get(BENCH))
    assert 'id="count-unlinked">3<' in text
    assert "same SKU" in text
    assert "Blue Mesa Gummies 100mg" in text
    assert "same brand" in text
    assert "same size 5pk" in text
    assert "No item is like it." in text


def test_linking_swaps_the_row_and_the_counts(bench, shop):
    data = {"item": bench.same.item.pk, "product": bench.product(bench.same).pk}
    answer = shop.post(url("link"), data, headers={"HX-Request": "true"})
    text = text_of(answer)
    assert "Linked" in text
    assert 'id="count-linked" hx-swap-oob="true">1<' in text
    assert 'id="count-unlinked" hx-swap-oob="true">2<' in text
    assert "Linked last: GUM-1" in text
    assert Offer.objects.get().enabled


def test_linking_works_without_scripts_and_leads_back(bench, shop):
    data = {"item": bench.same.item.pk, "product": bench.product(bench.same).pk}
    answer = shop.post(f"{url('link')}?next={BENCH}?q=x", data)
    assert answer.headers["Location"] == f"{BENCH}?q=x"
    assert Listing.objects.count() == 1


def test_a_pair_that_does_not_fit_is_told_why_and_not_linked(bench, shop):
    Product.objects.filter(pk=bench.alone.pk).update(unit_of_measure="Gram")
    data = {"item": bench.same.item.pk, "product": bench.alone.pk}
    answer = shop.post(url("link"), data, headers={"HX-Request": "true"})
    assert "counted in units here and in grams in LeafLink" in text_of(answer)
    assert not Listing.objects.exists()


def test_what_somebody_else_linked_meanwhile_is_told(bench, shop):
    pk = bench.product(bench.same).pk
    shop.post(url("link"), {"item": bench.same.item.pk, "product": pk})
    answer = shop.post(
        url("link"),
        {"item": bench.same.item.pk, "product": bench.alone.pk},
        headers={"HX-Request": "true"},
    )
    assert "GUM-1 is linked to Blue Mesa Gummies 100mg already. Unlink it first." in text_of(answer)
    assert Listing.objects.count() == 1


def test_an_archived_product_warns(bench, shop):
    Product.objects.filter(pk=bench.alone.pk).update(listing_state="Archived")
    assert "Gift Box" not in text_of(shop.get(BENCH))
    assert "Archived: buyers don't see it" in text_of(shop.get(BENCH, {"archived": "true"}))
    data = {"item": bench.same.item.pk, "product": bench.alone.pk}
    answer = shop.post(url("link"), data, headers={"HX-Request": "true"})
    assert "is archived in LeafLink" in text_of(answer)


def test_the_last_link_can_be_undone_once(bench, shop):
    shop.post(url("link"), {"item": bench.same.item.pk, "product": bench.product(bench.same).pk})
    told = text_of(shop.post(url("undo"), follow=True))
    assert "Unlinked again: GUM-1 and Blue Mesa Gummies 100mg" in told
    assert not Listing.objects.exists()
    assert "nothing to undo" in text_of(shop.post(url("undo"), follow=True))


def test_acts_are_undone_one_after_the_other(bench, shop):
    for goods in (bench.same, bench.other):
        shop.post(url("link"), {"item": goods.item.pk, "product": bench.product(goods).pk})
    assert "PRE-5" in text_of(shop.post(url("undo"), follow=True))
    assert "Unlinked again: GUM-1" in text_of(shop.post(url("undo"), follow=True))
    assert not Listing.objects.exists()


def test_many_are_undone_only_after_a_look(bench, shop):
    bench.goods("CHO-2", name="Chocolate")
    bench.sync("products")
    pairs = shop.get(url("exact_skus")).context["pairs"]
    shop.post(url("exact_skus"), {"pair": [f"{i.pk}-{p.pk}" for _, i, p, _ in pairs]})
    text = text_of(shop.get(BENCH))
    assert "Linked last: 2 products" in text
    assert "data-undo" not in text  # no key undoes them
    assert "Unlink 2 products again?" in text_of(shop.get(url("undo")))
    assert Listing.objects.count() == 2
    assert "Unlinked again: 2 products" in text_of(shop.post(url("undo"), follow=True))
    assert not Listing.objects.exists()


def test_a_linked_row_keeps_what_the_page_was_narrowed_to(bench, shop):
    data = {"item": bench.same.item.pk, "product": bench.product(bench.same).pk}
    page = f"http://testserver{BENCH}?q=gummies"
    headers = {"HX-Request": "true", "HX-Current-URL": page}
    text = text_of(shop.post(url("link"), data, headers=headers))
    assert 'id="count-unlinked" hx-swap-oob="true">0<' in text
    assert f"?next={BENCH.replace('/', '/')}%3Fq%3Dgummies" in text
    assert 'id="exact" hx-swap-oob="true"' in text


def test_all_exact_matches_are_shown_before_any_is_linked(bench, shop):
    more = bench.goods("CHO-2", name="Chocolate", case=24)
    bench.world.edit_product(more.remote.id, name="Choc. bar", unit_multiplier=12)
    bench.sync("products")
    text = text_of(shop.get(url("exact_skus")))
    assert "These 2 products" in text
    assert "Names differ" in text
    assert "Case of 12 there, 24 here" in text
    assert not Listing.objects.exists()
    pair = f"{bench.same.item.pk}-{bench.product(bench.same).pk}"
    told = text_of(shop.post(url("exact_skus"), {"pair": [pair]}, follow=True))
    assert "1 products are linked" in told
    assert Listing.objects.get().item == bench.same.item


def test_a_pair_that_was_not_shown_is_never_linked(bench, shop):
    forged = f"{bench.same.item.pk}-{bench.alone.pk}"
    told = text_of(shop.post(url("exact_skus"), {"pair": [forged, "x", "1-2-3"]}, follow=True))
    assert not Listing.objects.exists()
    assert "passed over" in told


def test_items_without_a_product_are_listed_with_what_can_be_done(bench, shop):
    text = text_of(shop.get(BENCH, {"tab": "items"}))
    assert "Create in LeafLink" in text
    assert "GUM-1" in text
    told = text_of(shop.post(url("create"), {"item": bench.same.item.pk}, follow=True))
    assert "be created yet" in told
    assert "Choose a category" in told
    assert not WorkItem.objects.filter(kind="leaflink.create").exists()


def test_another_item_is_found_by_its_words(bench, shop):
    query = {"product": bench.alone.pk, "words": "gummies mesa", "row": "x"}
    assert "Blue Mesa Gummies 100mg" in text_of(shop.get(url("find"), query))
    nothing = shop.get(url("find"), {**query, "words": "zzz"})
    assert "Nothing unlinked has “zzz”" in text_of(nothing)
    other = {"item": bench.same.item.pk, "words": "gift"}
    assert "Gift Box" in text_of(shop.get(url("find"), other))


@pytest.mark.parametrize("query", [{"product": "x"}, {"item": "9" * 30}, {}, {"product": "-1"}])
def test_a_bad_address_is_no_page(bench, shop, query):
    assert shop.get(url("find"), {**query, "words": "a"}).status_code == 404


def test_narrowing_by_brand_account_and_words(bench, shop):
    assert 'id="count-unlinked">2<' in text_of(shop.get(BENCH, {"brand": bench.brand.pk}))
    assert 'id="count-unlinked">1<' in text_of(shop.get(BENCH, {"q": "gift box"}))
    other = baker.make("leaflink.Account", name="Mesa", host="https://app.leaflink.com")
    assert 'id="count-unlinked">0<' in text_of(shop.get(BENCH, {"account": other.pk}))
    assert "Nothing here fits" in text_of(shop.get(BENCH, {"q": "nothing like it"}))
    assert (
        shop.get(BENCH, {"account": "x", "brand": "y", "page": "z", "tab": "?"}).status_code == 200
    )


def test_unlinking_asks_and_says_what_stops(bench, shop):
    shop.post(url("link"), {"item": bench.same.item.pk, "product": bench.product(bench.same).pk})
    listing = Listing.objects.get()
    asked = text_of(shop.get(url("unlink", listing.pk)))
    assert "Quantities are no longer sent" in asked
    assert Listing.objects.exists()
    told = text_of(shop.post(url("unlink", listing.pk), follow=True))
    assert "LeafLink was left as it is" in told
    assert not Listing.objects.exists()
    assert not Offer.objects.get().enabled


def test_what_needs_a_look_says_what_and_is_settled_there(bench, shop):
    bench.account.push_details = True
    bench.account.save()
    shop.post(url("link"), {"item": bench.same.item.pk, "product": bench.product(bench.same).pk})
    bench.world.edit_product(bench.same.remote.id, name="<b>Typed</b> there")
    bench.settle()
    text = text_of(shop.get(BENCH, {"tab": "look"}))
    assert "Changed in LeafLink" in text
    assert "Blue Mesa Gummies 100mg here, &lt;b&gt;Typed&lt;/b&gt; there in LeafLink" in text
    listing = Listing.objects.get()
    told = text_of(shop.post(url("send", listing.pk), {"field": "name"}, follow=True))
    assert "is being sent to LeafLink" in told
    work.drain()
    assert bench.same.remote.name == "Blue Mesa Gummies 100mg"


def test_a_product_made_anew_is_relinked_by_one_click(bench, shop):
    shop.post(url("link"), {"item": bench.same.item.pk, "product": bench.product(bench.same).pk})
    fresh = bench.world.recreate_product(bench.same.remote.id)
    bench.sync("products")
    assert "Link to the new" in text_of(shop.get(BENCH, {"tab": "look"}))
    assert "GUM-1 is linked to its predecessor" in text_of(shop.get(BENCH))
    told = text_of(shop.post(url("relink", Listing.objects.get().pk), follow=True))
    assert "GUM-1 is linked to Blue Mesa Gummies 100mg now" in told
    assert Listing.objects.get().product.remote_id == fresh.id
    assert "replacement" not in told


@pytest.mark.parametrize("tab", ["unlinked", "linked", "items", "look"])
def test_a_tab_costs_the_same_however_much_there_is(
    bench, shop, tab, django_assert_max_num_queries
):
    def more(numbers):
        for n in numbers:
            goods = bench.goods(f"N{n}", name=f"Number {n}", on_hand=0)
            if tab in ("linked", "look"):
                bench.sync("products")
                baker.make(Listing, item=goods.item, product=bench.product(goods))
        bench.sync("products")
        if tab == "look":
            Listing.objects.update(trouble="archived")

    more(range(3))
    shop.get(BENCH, {"tab": tab})
    with CaptureQueriesContext(connection) as few:
        shop.get(BENCH, {"tab": tab})
    more(range(10, 22))
    with django_assert_max_num_queries(len(few)):
        shop.get(BENCH, {"tab": tab})
    assert len(few) <= 24


VIEWS = ("workbench", "exact_skus", "find")
ACTS = ("link", "undo", "exact_skus", "create")


@pytest.mark.parametrize("name", VIEWS)
def test_nobody_looks_without_permission(bench, shop, client, django_user_model, name):
    assert client.get(url(name)).status_code == 302
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(clerk)
    assert client.get(url(name), {"product": 1}).status_code == 403


@pytest.mark.parametrize("name", ACTS)
def test_nobody_acts_without_permission_nor_by_get(bench, shop, client, django_user_model, name):
    reader = django_user_model.objects.create_user("reader", password="x", is_staff=True)
    names = ("view_listing", "view_product", "view_item")
    reader.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(reader)
    data = {"item": bench.same.item.pk, "product": bench.product(bench.same).pk}
    assert client.post(url(name), data).status_code == 403
    if name in ("link", "create"):
        assert client.get(url(name)).status_code == 405
    assert client.get(url("undo")).status_code == 403
    assert (
        "<button" not in re.findall(r'<ul class="lb-bench".*?</ul>', text_of(client.get(BENCH)))[0]
    )
    assert not Listing.objects.exists()


@pytest.mark.parametrize("name", ["unlink", "relink", "send", "keep"])
def test_nobody_changes_a_link_without_permission(bench, shop, client, django_user_model, name):
    shop.post(url("link"), {"item": bench.same.item.pk, "product": bench.product(bench.same).pk})
    listing = Listing.objects.get()
    reader = django_user_model.objects.create_user("reader", password="x", is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename="view_listing"))
    client.force_login(reader)
    assert client.post(url(name, listing.pk)).status_code == 403
    if name != "unlink":
        assert client.get(url(name, listing.pk)).status_code == 405
    assert Listing.objects.exists()


def test_acts_need_a_token_of_our_own_pages(bench, shop, admin_user):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    data = {"item": bench.same.item.pk, "product": bench.product(bench.same).pk}
    assert strict.post(url("link"), data).status_code == 403
    assert not Listing.objects.exists()


def test_an_item_of_a_brand_nobody_sells_is_offered_nowhere(bench, shop):
    foreign = baker.make(Brand, name="Foreign")
    baker.make(Item, sku="F", name="Gift Box", brand=foreign)
    assert "No item is like it." in text_of(shop.get(BENCH, {"q": "gift"}))
    AccountBrand.objects.create(account=baker.make("leaflink.Account", name="M"), brand=foreign)
    # Nor to another account's product.
    assert "No item is like it." in text_of(shop.get(BENCH, {"q": "gift"}))


def test_a_held_order_leads_to_its_product_and_back(bench, shop):
    bench.sync("staff", "customers")
    bench.world.set_quantity(bench.same.remote.id, "50")
    order = bench.order(bench.line(bench.same, 2))
    bench.map_dana()
    bench.sync("orders")
    page = reverse("admin:leaflink_order_change", args=[bench.mirror(order).pk])
    text = text_of(shop.get(page))
    assert f"{BENCH}?q=GUM-1&amp;next=" in text
    assert "Back to where you came from" in text_of(shop.get(BENCH, {"q": "GUM-1", "next": page}))


def test_linking_many_sends_their_stock_and_frees_held_orders_at_once(
    bench, shop, django_capture_on_commit_callbacks
):
    bench.sync("staff", "customers")
    bench.map_dana()
    bench.world.set_quantity(bench.same.remote.id, "50")
    order = bench.order(bench.line(bench.same, 2))
    bench.sync("orders")
    assert bench.reasons(order) == ["product_unlinked"]
    pair = f"{bench.same.item.pk}-{bench.product(bench.same).pk}"
    with django_capture_on_commit_callbacks(execute=True):
        shop.post(url("exact_skus"), {"pair": [pair]})
    work.drain()
    assert bench.mirror(order).state == "imported"
    assert bench.available(bench.same) == 98


def test_a_held_order_offers_the_likeliest_item_to_link_there(
    bench, shop, django_capture_on_commit_callbacks
):
    bench.sync("staff", "customers")
    bench.map_dana()
    bench.world.set_quantity(bench.other.remote.id, "50")
    order = bench.order(bench.line(bench.other, 2))
    bench.sync("orders")
    page = reverse("admin:leaflink_order_change", args=[bench.mirror(order).pk])
    text = text_of(shop.get(page))
    assert "Likeliest: Alpine Haze Pre-roll 5 pack (PRE-5)" in text
    assert "same brand" in text
    data = {"item": bench.other.item.pk, "product": bench.product(bench.other).pk}
    with django_capture_on_commit_callbacks(execute=True):
        assert shop.post(f"{url('link')}?next={page}", data).headers["Location"] == page
    work.drain()
    assert bench.mirror(order).state == "imported"
