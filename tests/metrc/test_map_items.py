"""Which item of ours a Metrc item is, and which lot a package is."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from model_bakery import baker

from catalog.models import Item, Lot
from integrations.metrc import hints
from integrations.metrc.map_items import map_item, match_items, meet_lots_of
from integrations.metrc.mapping.same_item import Ours, same_item
from integrations.metrc.models import MetrcItem, Package
from tests.leaflink.pages import text_of
from tests.metrc.goods import Goods

OURS = [
    Ours(1, "Juniper Fog 3.5g Jar", "JF-35"),
    Ours(2, "Gummies", "GUM"),
    Ours(3, "Gummies 10 pack", "GUM-10"),
    Ours(4, "Twins", "TW1"),
    Ours(5, "twins ", "TW2"),
    Ours(6, "Short", "X"),
]


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "pk"),
    [
        ("juniper fog  3.5G JAR", 1),
        ("Gummies", 2),
        ("M00123: GUM (sour)", None),
        ("Sour GUM-10 box", 3),
        ("GUM-100", None),
        ("BUBBLEGUM", None),
        ("JF-35 and GUM-10", None),
        ("Twins", None),
        ("X marks it", None),
        ("Something else", None),
        ("", None),
    ],
)
def test_only_what_is_certain_is_mapped(name, pk):
    assert same_item([name], OURS) == ({name: pk} if pk else {})


@pytest.mark.once
@settings(max_examples=30)
@given(st.lists(st.text(max_size=12), max_size=4), st.text(max_size=20))
def test_a_mapped_name_leads_to_an_item_whose_name_or_sku_is_in_it(skus, name):
    ours = [Ours(pk, f"item {pk}", sku) for pk, sku in enumerate(skus)]
    for pk in same_item([name], ours).values():
        assert " ".join(skus[pk].split()).casefold() in " ".join(name.split()).casefold()


@pytest.fixture
def goods(db):
    return Goods()


@pytest.fixture
def jar(goods):
    """A Metrc item that nobody has mapped, with 3 packages; 2 of them are on the shelf."""
    jar = MetrcItem.objects.create(account=goods.account, name="Jar", unit="Each")
    for label, place in (("T1", "active"), ("T2", "active"), ("T3", "gone")):
        goods.package(10, label, metrc_item=jar, place=place, batch_number="B1")
    return jar


def sees(client, *names):
    user = baker.make(User, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)


def lots():
    return dict(Package.objects.order_by("label").values_list("label", "lot__number"))


def test_the_item_of_the_same_name_and_its_lots(goods, jar):
    item = baker.make(Item, name="JAR", sku="J-1")
    Lot.objects.create(item=item, number="t1")
    Lot.objects.create(item=item, number="B1")
    Lot.objects.create(item=goods.gummies, number="T3")
    assert match_items(goods.account) == 1
    assert lots() == {"T1": "t1", "T2": "B1", "T3": "B1"}
    assert match_items(goods.account) == 0


def test_a_persons_choice_stays(goods, jar):
    baker.make(Item, name="Jar", sku="J-1")
    chosen = baker.make(Item, name="Other jar", sku="J-2")
    Lot.objects.create(item=chosen, number="T2")
    map_item(jar, chosen)
    assert match_items(goods.account) == 0
    assert MetrcItem.objects.get(pk=jar.pk).item == chosen
    assert lots() == {"T1": None, "T2": "T2", "T3": None}
    map_item(jar, None)
    assert lots() == {"T1": None, "T2": None, "T3": None}


def test_a_new_lot_meets_its_package_at_once(goods, jar, django_capture_on_commit_callbacks):
    hints.listen()
    item = baker.make(Item, name="Jar", sku="J-1")
    match_items(goods.account)
    with django_capture_on_commit_callbacks(execute=True):
        lot = Lot.objects.create(item=item, number="T1")
    assert lots()["T1"] == "T1"
    with django_capture_on_commit_callbacks(execute=True):
        lot.number = "T2"
        lot.save()
    assert lots() == {"T1": None, "T2": "T2", "T3": None}
    lot.delete()
    assert lots()["T2"] is None


def test_lots_that_nobody_told_of_are_met_by_the_sweep(goods, jar):
    item = baker.make(Item, name="Jar", sku="J-1")
    match_items(goods.account)
    Lot.objects.bulk_create([Lot(item=item, number="B1"), Lot(item=item, number="b1")])
    assert meet_lots_of([item.pk]) == 3
    assert lots() == {"T1": "B1", "T2": "B1", "T3": "B1"}
    assert meet_lots_of([item.pk]) == 0


def test_the_list_shows_what_waits_unmapped_first(goods, jar, client):
    sees(client, "view_metrcitem", "change_metrcitem")
    page = text_of(client.get(reverse("admin:metrc_metrcitem_changelist")))
    assert page.index("Jar") < page.index("Gummies")
    assert "2 packages" in page
    assert "20 each" in page
    assert "1 Metrc item is not mapped" in page


def test_mapping_by_hand_needs_the_permission(goods, jar, client):
    address = reverse("admin:metrc_metrcitem_change", args=[jar.pk])
    sees(client, "view_metrcitem")
    client.post(address, {"item": goods.gummies.pk})
    assert MetrcItem.objects.get(pk=jar.pk).item is None
    sees(client, "view_metrcitem", "change_metrcitem", "view_item")
    client.post(address, {"item": goods.gummies.pk})
    assert MetrcItem.objects.get(pk=jar.pk).item == goods.gummies


def test_many_are_mapped_on_one_page(goods, jar, client):
    address = reverse("admin:metrc_metrcitem_map")
    sees(client, "view_metrcitem")
    assert client.get(address).status_code == 403
    assert client.post(address, {f"item-{jar.pk}": goods.gummies.pk}).status_code == 403
    sees(client, "view_metrcitem", "change_metrcitem", "view_item")
    likely = baker.make(Item, name="Jar, large", sku="J-9")
    page = client.get(address)
    assert [one.item for one in page.context["rows"][0].likely] == [likely]
    assert page.context["rows"][0].metrc_item == jar
    answer = client.post(address, {f"item-{jar.pk}": likely.pk}, follow=True)
    assert "1 Metrc item is mapped" in text_of(answer)
    assert MetrcItem.objects.get(pk=jar.pk).item == likely


def test_a_page_of_items_costs_the_same_however_many(goods, jar, client):
    sees(client, "view_metrcitem", "change_metrcitem")
    client.get(reverse("admin:metrc_metrcitem_changelist"))
    counts = []
    for turn in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("admin:metrc_metrcitem_changelist"))
        counts.append(len(queries))
        for number in range(5):
            goods.item(f"More {turn} {number}")
    assert counts[0] == counts[1]
