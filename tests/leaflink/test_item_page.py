"""The item's LeafLink tab: what is typed, what blank means, what would be sent."""

import html
import re

import pytest
from django.contrib.auth.models import Permission
from django.test import TestCase
from django.urls import reverse
from model_bakery import baker

from catalog.models import Item
from integrations import work
from integrations.leaflink.models import ListEntry, Listing, Offer
from tests.leaflink.pages import change_on_rules_page


@pytest.fixture
def shop(bench, admin_client):
    brand = bench.world.add_brand(bench.seller.id, "Alder")
    bench.world.companies[bench.seller.id].license_id = 5001
    bench.world.companies[bench.seller.id].license_number = "404R-1"
    bench.account.push_details = bench.account.sync_prices = True
    bench.account.save()
    bench.goods_ = bench.goods(case=12, price="120.00", name="Gummies", brand_id=brand.id)
    bench.sync("products")
    bench.entries = {entry.name: entry for entry in ListEntry.objects.all()}
    bench.item = bench.goods_.item
    return admin_client


def page(item):
    return reverse("admin:catalog_item_change", args=[item.pk])


def form(item, **offer):
    """The item's form as the page posts it, the offer's fields as given."""
    pk = Offer.objects.filter(item=item).values_list("pk", flat=True).first()
    fields = {
        "name": item.name,
        "sku": item.sku,
        "brand": item.brand_id,
        "unit_of_measure": item.unit_of_measure,
        "case_size": item.case_size,
        "wholesale_price": item.wholesale_price,
        "retail_price": item.retail_price,
        "safety_stock": item.safety_stock,
        "is_active": "on",
        "stock-TOTAL_FORMS": 0,
        "stock-INITIAL_FORMS": 0,
        "offer-TOTAL_FORMS": 1,
        "offer-INITIAL_FORMS": 1 if pk else 0,
        "offer-0-id": pk or "",
        "offer-0-item": item.pk,
        "offer-0-enabled": "on",
        "offer-0-mode": "managed",
        "offer-0-show_quantity": "unknown",
        "offer-0-sell_in_cases": "unknown",
    }
    names = {"name_": "name", "sku_": "sku", "case_size_": "case_size", "unit_": "unit_of_measure"}
    for key, value in offer.items():
        fields[names.get(key, f"offer-0-{key}")] = value
    return fields


def save(client, item, **offer):
    with TestCase.captureOnCommitCallbacks(execute=True):
        return client.post(page(item), form(item, **offer))


def text_of(answer):
    return re.sub(r"\s+", " ", html.unescape(answer.content.decode()))


def test_blank_fields_say_what_they_are_then(bench, shop):
    text = text_of(shop.get(page(bench.item)))
    assert "Empty: Gummies" in text
    assert "Empty: 404R-1" in text
    assert "Empty: Alder" in text
    assert "Linked to" in text


def test_what_is_typed_is_kept_and_sent(bench, shop):
    answer = save(
        shop,
        bench.item,
        name="In LeafLink",
        category=bench.entries["Edibles"].pk,
        subcategory=bench.entries["Gummies"].pk,
        minimum_order="12",
        maximum_order="240",
        show_quantity="true",
    )
    assert answer.status_code == 302
    work.drain()
    remote = bench.goods_.remote
    assert remote.name == "In LeafLink"
    assert bench.item.name == "Gummies"
    assert remote.details["category"] == bench.entries["Edibles"].remote_id
    assert remote.details["show_quantity"] is True
    # Linked with another price, which is left so: the item has none.
    assert [r["field"] for r in Listing.objects.get().differences] == ["wholesale_price"]


@pytest.mark.parametrize(
    ("bad", "field", "words"),
    [
        ({"sku": "A,B"}, "sku", "no comma"),
        ({"sku": "x" * 256}, "sku", "at most 255"),
        ({"minimum_order": "5", "maximum_order": "4"}, "maximum_order", "must not be below"),
        ({"units_per_case": "0"}, "units_per_case", "greater than or equal to 1"),
        ({"units_per_case": "1.5"}, "units_per_case", "whole number"),
        ({"wholesale_price": "-1"}, "wholesale_price", "greater than or equal to 0"),
        ({"retail_price": "abc"}, "retail_price", "number"),
        ({"category": "Edibles", "subcategory": "Rosin"}, "subcategory", "does not belong to"),
        ({"subcategory": "Rosin"}, "subcategory", "Choose the category as well"),
    ],
)
def test_bad_input_is_told_at_its_field_and_nothing_is_saved(bench, shop, bad, field, words):
    bad = {k: bench.entries[v].pk if v in bench.entries else v for k, v in bad.items()}
    before = Offer.objects.values().get()
    answer = save(shop, bench.item, name="Half saved", **bad)
    assert answer.status_code == 200
    (formset,) = [
        one.formset
        for one in answer.context["inline_admin_formsets"]
        if one.formset.prefix == "offer"
    ]
    assert words in " ".join(formset.forms[0].errors[field])
    assert Offer.objects.values().get() == before
    work.drain()
    assert bench.goods_.remote.name == "Gummies"


def test_another_accounts_entries_are_refused_and_not_offered(bench, shop):
    other = baker.make("leaflink.Account", name="Other")
    foreign = baker.make(ListEntry, account=other, list="category", remote_id=7, name="Foreign")
    answer = save(shop, bench.item, category=foreign.pk)
    assert "is of another LeafLink account" in text_of(answer)
    url = reverse("admin:autocomplete")
    query = {
        "app_label": "leaflink",
        "model_name": "offer",
        "field_name": "category",
        "account": bench.account.pk,
        "term": "",
    }
    names = {row["text"] for row in shop.get(url, query).json()["results"]}
    assert "Edibles" in names
    assert "Foreign" not in names
    assert "404R-1" not in names


def test_the_preview_says_what_saving_would_send_and_saves_nothing(bench, shop):
    url = reverse("admin:catalog_item_leaflink_preview", args=[bench.item.pk])
    data = form(bench.item, name="<i>New</i>", wholesale_price="130")
    text = shop.post(url, data).content.decode()
    assert "Wholesale price" in text
    assert "$120.00" in text
    assert "$130.00" in text
    assert "&lt;i&gt;New&lt;/i&gt;" in text
    assert Offer.objects.get().name == ""
    told = shop.post(url, form(bench.item, sku="A,B")).content.decode()
    assert "First put right" in told
    assert "would send nothing" in shop.post(url, form(bench.item)).content.decode()


def test_the_preview_of_an_unlinked_item_shows_the_whole_product(bench, shop):
    item = baker.make(Item, sku="NEW", name="New", brand=bench.brand)
    url = reverse("admin:catalog_item_leaflink_preview", args=[item.pk])
    text = shop.post(url, form(item)).content.decode()
    assert "Choose a category." in text
    assert "The new product" in text
    assert not Offer.objects.filter(item=item).exists()


def test_the_preview_is_for_those_who_may_change_the_item(bench, shop, client, django_user_model):
    url = reverse("admin:catalog_item_leaflink_preview", args=[bench.item.pk])
    assert shop.get(url).status_code == 405
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(clerk)
    assert client.post(url, form(bench.item)).status_code == 403


def test_a_linked_item_keeps_its_unit(bench, shop):
    answer = save(shop, bench.item, unit_="Gram")
    assert "Unlink it before you change the unit" in text_of(answer)
    bench.item.refresh_from_db()
    assert bench.item.unit_of_measure == "Unit"
    # Both are sold as units in LeafLink.
    assert save(shop, bench.item, unit_="Fluid ounce").status_code == 302


def test_somebody_who_may_only_look_sees_the_tab_and_no_buttons(
    bench, shop, client, django_user_model
):
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.set(
        Permission.objects.filter(codename__in=["view_item", "view_offer", "view_listing"])
    )
    client.force_login(clerk)
    text = text_of(client.get(page(bench.item)))
    assert "Linked to" in text
    assert "Unlink…" not in text
    assert client.post(page(bench.item), form(bench.item)).status_code == 403


def test_the_items_list_shows_the_product_and_finds_what_is_out_of_step(bench, shop):
    url = reverse("admin:catalog_item_changelist")
    text = text_of(shop.get(url))
    assert f"/products/{bench.goods_.remote.id}/" in text
    found = shop.get(url, {"leaflink": "look"}).context["cl"].result_list
    assert found == []
    bench.world.edit_product(bench.goods_.remote.id, name="Typed there")
    bench.settle()
    found = shop.get(url, {"leaflink": "look"}).context["cl"].result_list
    assert [item.sku for item in found] == ["GUM"]
    for value in ("linked", "unlinked", "wished", "nonsense"):
        assert shop.get(url, {"leaflink": value}).status_code == 200


def test_the_brands_list_shows_account_and_links(bench, shop):
    text = text_of(shop.get(reverse("admin:catalog_brand_changelist")))
    assert "Alder Peak" in text
    assert "The one of the same name" in text


def test_switching_a_rule_on_sends_nothing_by_itself(bench, shop):
    bench.account.push_details = False
    bench.account.save()
    bench.sync("products")
    Item.objects.filter(pk=bench.item.pk).update(name="Renamed while it was off")
    account = bench.account
    answer = change_on_rules_page(shop, account, push_details="on", sync_prices="on")
    assert answer.status_code == 302
    account.refresh_from_db()
    assert account.push_details
    bench.sync("products")
    assert bench.goods_.remote.name == "Gummies"
