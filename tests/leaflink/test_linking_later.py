"""Links and details when things happen late: refused, broken, stale pages, second clicks."""

from decimal import Decimal

import pytest
from django.urls import reverse
from model_bakery import baker

from customers.models import Destination
from integrations import work
from integrations.leaflink import compare_listings, link
from integrations.leaflink.admin.listing_pages import NEEDS_A_LOOK
from integrations.leaflink.models import Account, AccountBrand, Customer, Listing, Offer
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.work_kinds import DETAILS_WORK
from integrations.models import WorkItem
from integrations.wire.errors import Refused
from tests.leaflink.test_details_out import pair, rest, rules, save
from tests.leaflink.test_linking_mishaps import form_of, item_page

S = Listing.Standing


def refuse(monkeypatch, field):
    """LeafLink refuses this field until the list that is returned is emptied."""
    patch, refusing = LeafLinkClient.patch, [field]

    def patched(self, path, body):
        if refusing and field in body:
            raise Refused(["No."], {field: "No."}, vendor="LeafLink")
        return patch(self, path, body)

    monkeypatch.setattr(LeafLinkClient, "patch", patched)
    return refusing


@pytest.mark.parametrize("mode", ["inherited", "managed"])
def test_after_unlimited_the_right_quantity_is_sent(bench, pair, mode):
    bench.ready()
    offer = Offer.objects.get(item=pair.item)
    save(offer, mode="unlimited")
    bench.settle()
    save(offer, mode=mode)
    bench.settle()
    bench.sync("inventory")
    assert bench.available(pair) == 100


def test_what_is_sent_once_is_sent_when_the_units_agree_again(bench, pair):
    bench.ready()
    save(Offer.objects.get(item=pair.item), mode="inherited")
    bench.world.edit_product(pair.remote.id, unit_of_measure="Gram")
    bench.settle()
    Listing.objects.update(last_sent=None, last_sent_at=None)
    bench.sync("inventory")
    assert bench.available(pair) == 0
    bench.world.edit_product(pair.remote.id, unit_of_measure="Unit")
    bench.settle()
    bench.sync("inventory")
    assert bench.available(pair) == 100


@pytest.mark.parametrize("field", ["unit_multiplier", "wholesale_price"])
@pytest.mark.parametrize("pressed", ["unit_multiplier", "wholesale_price"])
def test_once_leaflink_takes_it_sending_again_sends_case_and_price(
    bench, pair, monkeypatch, admin_client, field, pressed
):
    refusing = refuse(monkeypatch, field)
    save(pair.item, case_size=24)
    work.drain()
    bench.sync("products")
    assert bench.listing(pair).standing == S.REFUSED
    refusing.clear()
    url = reverse("admin:leaflink_listing_send", args=[bench.listing(pair).pk])
    admin_client.post(url, {"field": pressed})
    work.drain()
    assert (pair.remote.unit_multiplier, pair.remote.wholesale_price) == (24, 192)


def test_a_case_size_held_back_by_a_refused_price_is_not_lost_from_sight(bench, pair, monkeypatch):
    refuse(monkeypatch, "wholesale_price")
    save(Offer.objects.get(item=pair.item), wholesale_price=Decimal(150))
    work.drain()
    save(pair.item, case_size=24)
    work.drain()
    rest(bench)
    assert bench.listing(pair).standing == S.REFUSED
    assert pair.remote.unit_multiplier == 12


@pytest.mark.parametrize("trouble", ["units", "archived", "account"])
def test_no_price_is_taken_over_a_broken_link(bench, pair, trouble):
    changes = {"wholesale_price": Decimal(12)}
    if trouble == "units":
        changes["unit_of_measure"] = "Gram"
    elif trouble == "archived":
        changes["listing_state"] = "Archived"
    else:
        other = baker.make(Account, name="Other")
        AccountBrand.objects.update(account=other)
    bench.world.edit_product(pair.remote.id, **changes)
    bench.settle()
    bench.sync("products", full=True)
    pair.item.refresh_from_db()
    assert bench.listing(pair).trouble == trouble
    assert pair.item.wholesale_price == 8


def test_a_price_for_a_case_nobody_agreed_to_waits_with_it(bench, pair):
    save(Offer.objects.get(item=pair.item), wholesale_price=Decimal(96))
    rest(bench)
    bench.world.edit_product(pair.remote.id, unit_multiplier=30, wholesale_price=Decimal(250))
    bench.settle()
    bench.sync("products", full=True)
    listing = bench.listing(pair)
    assert Offer.objects.get().wholesale_price == 96
    compare_listings.send_ours(bench.account, {listing.pk: ["unit_multiplier"]})
    work.ask(bench.account.pk, DETAILS_WORK, [str(pair.item.pk)], WorkItem.Priority.REST)
    work.drain()
    assert (pair.remote.unit_multiplier, pair.remote.wholesale_price) == (12, 96)


def test_sending_what_the_rules_do_not_send_says_so_and_settles_nothing(bench, admin_client):
    goods = bench.goods()
    bench.ready()
    bench.world.edit_product(goods.remote.id, name="Other thing")
    bench.settle()
    listing = bench.listing(goods)
    url = reverse("admin:leaflink_listing_send", args=[listing.pk])
    told = admin_client.post(url, follow=True).content.decode()
    assert "rules don&#x27;t send that to LeafLink" in told
    data = {"action": "send_ours", "_selected_action": [listing.pk]}
    admin_client.post(reverse("admin:leaflink_listing_changelist"), data)
    assert Listing.objects.filter(NEEDS_A_LOOK).exists()


def test_an_offer_made_while_the_page_was_open_is_the_one_that_is_saved(bench, admin_client):
    rules(bench, link_exact_skus=False)
    goods = bench.goods()
    bench.sync("products")
    data = form_of(admin_client, item_page(goods.item))
    data["offer-0-name"] = "Own name"
    link.link(goods.item, bench.product(goods))
    assert admin_client.post(item_page(goods.item), data).status_code == 302
    offer = Offer.objects.get()
    assert (offer.name, offer.enabled) == ("Own name", True)


def test_the_preview_of_a_page_left_open_agrees_with_saving(bench, pair, admin_client):
    data = form_of(admin_client, item_page(pair.item), name="New")
    bench.world.edit_product(pair.remote.id, wholesale_price=Decimal(120))
    bench.settle()
    url = reverse("admin:catalog_item_leaflink_preview", args=[pair.item.pk])
    rows = admin_client.post(url, data).context["preview"]["rows"]
    assert [label for label, _, _ in rows] == ["Name"]


def test_a_second_click_on_undo_undoes_nothing_else(bench, admin_client):
    rules(bench, link_exact_skus=False)
    first, second = bench.goods("A"), bench.goods("B")
    bench.sync("products")
    for goods in (first, second):
        data = {"item": goods.item.pk, "product": bench.product(goods).pk}
        admin_client.post(reverse("admin:leaflink_listing_link"), data)
    act = admin_client.get(reverse("admin:leaflink_listing_workbench")).context["act"]
    for _ in range(2):
        admin_client.post(reverse("admin:leaflink_listing_undo"), {"act": act})
    assert Listing.objects.get().item == first.item


def test_a_destination_page_left_open_takes_no_customer_off(bench, admin_client):
    bench.sync("customers")
    destination = baker.make(Destination, name="Juniper")
    url = reverse("admin:customers_destination_change", args=[destination.pk])
    data = form_of(admin_client, url, name="Juniper 2")
    data = {k: v for k, v in data.items() if v or k != "customers"}
    Customer.objects.update(destination=destination)
    assert admin_client.post(url, data).status_code == 302
    assert Customer.objects.get().destination == destination


@pytest.mark.parametrize("address", ["http://[", "javascript:alert(1)", "http://x//evil.example/"])
def test_a_forged_address_of_the_page_breaks_nothing(bench, admin_client, address):
    rules(bench, link_exact_skus=False)
    goods = bench.goods()
    bench.sync("products")
    data = {"item": goods.item.pk, "product": bench.product(goods).pk}
    headers = {"HX-Request": "true", "HX-Current-URL": address}
    url = reverse("admin:leaflink_listing_link")
    assert admin_client.post(url, data, headers=headers).status_code == 200
    away = reverse("admin:leaflink_listing_undo") + "?next=//evil.example/"
    assert "evil" not in admin_client.post(away).headers["Location"]
