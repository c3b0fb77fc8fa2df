"""Links as files: out, and in again with each wrong row told."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from model_bakery import baker

from catalog.models import Item
from integrations.leaflink.models import Listing
from tests.catalog.files import confirm, csv_file, export, totals, upload, wrong

NAME = "leaflink_listing"


@pytest.fixture
def shop(bench, admin_client):
    bench.account.link_exact_skus = False
    bench.account.save()
    bench.a, bench.b = bench.goods("A"), bench.goods("B")
    bench.grams = bench.world.add_product(
        bench.seller.id, name="Grams", sku="G", unit_of_measure="Gram"
    )
    bench.sync("products")
    return admin_client


def rows(*pairs):
    return csv_file("item sku,product id", *(f"{sku},{number}" for sku, number in pairs))


def test_pairs_are_shown_first_and_linked_on_confirmation(bench, shop):
    answer = upload(shop, NAME, rows(("a", bench.a.remote.id), ("B", bench.b.remote.id)))
    assert totals(answer)["new"] == 2
    assert not Listing.objects.exists()
    confirm(shop, NAME, answer)
    pairs = {(one.item.sku, one.product.remote_id) for one in Listing.objects.all()}
    assert pairs == {("A", bench.a.remote.id), ("B", bench.b.remote.id)}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_exported_file_taken_back_in_changes_nothing(bench, shop, form):
    confirm(shop, NAME, upload(shop, NAME, rows(("A", bench.a.remote.id))))
    file = export(shop, NAME, form)
    assert totals(upload(shop, NAME, file)) == {"skip": 1}


@pytest.mark.parametrize(
    ("sku", "number", "words"),
    [
        ("X", "{a}", "There is no item with the SKU “X”"),
        ("A", "999", "LeafLink product 999 is not known here"),
        ("A", "abc", "LeafLink product abc is not known here"),
        ("A", "", "Give LeafLink's number"),
        ("", "{a}", "Give the item's SKU"),
        ("A", "{grams}", "counted in units here and in grams"),
        ("A", "{b}", "is linked by an earlier row"),
    ],
)
def test_each_wrong_row_says_why_and_nothing_is_linked(bench, shop, sku, number, words):
    number = number.format(a=bench.a.remote.id, b=bench.b.remote.id, grams=bench.grams.id)
    answer = upload(shop, NAME, rows(("B", bench.b.remote.id), (sku, number)))
    assert words in str(wrong(answer))
    assert not Listing.objects.exists()


def test_a_link_is_never_changed_by_a_file(bench, shop):
    confirm(shop, NAME, upload(shop, NAME, rows(("A", bench.a.remote.id))))
    answer = upload(shop, NAME, rows(("A", bench.b.remote.id)))
    assert "A is linked to Product A already. Unlink it first." in str(wrong(answer))
    answer = upload(shop, NAME, rows(("B", bench.a.remote.id)))
    assert "Product A is linked to A already. Unlink it first." in str(wrong(answer))


def test_what_changed_after_the_preview_is_told_and_nothing_is_linked(bench, shop):
    answer = upload(shop, NAME, rows(("A", bench.a.remote.id), ("B", bench.b.remote.id)))
    baker.make(Listing, item=bench.b.item, product=bench.product(bench.a))
    confirm(shop, NAME, answer)
    assert Listing.objects.count() == 1


def test_importing_takes_its_own_permission_and_that_of_linking(
    bench, shop, client, django_user_model
):
    url = reverse(f"admin:{NAME}_import")
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(clerk)
    for codenames, status in (
        (["view_listing"], 403),
        (["view_listing", "import_listing"], 403),
        (["view_listing", "add_listing"], 403),
        (["view_listing", "import_listing", "add_listing"], 200),
    ):
        clerk.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client.force_login(django_user_model.objects.get(pk=clerk.pk))
        assert client.get(url).status_code == status, codenames
    assert Item.objects.count() == 2
