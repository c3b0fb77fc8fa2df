"""The list of packages, the page of one, and the tags in the lists of stock and lots."""

from datetime import date
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from model_bakery import baker

from catalog import inventory
from catalog.models import Lot
from integrations.metrc.assign_packages import assign
from integrations.metrc.models import MetrcFacility
from tests.leaflink.pages import text_of, url
from tests.metrc.goods import Goods


@pytest.fixture
def goods(db):
    return Goods()


def sees(client, *names):
    user = baker.make(User, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)


def listed(client, **query):
    answer = client.get(url("metrc_package_changelist"), query)
    assert answer.status_code == 200
    return {package.label for package in answer.context["cl"].result_list}


def test_the_list_says_in_words_what_each_is(goods, client):
    goods.package(24, "TAG-A", lab_state="NotSubmitted", on_hold=True)
    order = goods.order((goods.gummies, 10))
    assign(order, order.lines.get().pk, [goods.package(10, "TAG-B").pk], by=None)
    sees(client, "view_package")
    text = text_of(client.get(url("metrc_package_changelist")))
    for words in ("24 each", "Not submitted", "On hold", "Test passed", "Here", order.number):
        assert words in text


def test_packages_are_found_by_what_they_are(goods, client):
    far = MetrcFacility.objects.create(account=goods.account, license_number="L2", name="Pueblo")
    chocolate = goods.item("Chocolate")
    goods.package(10, "PLAIN")
    goods.package(10, "HELD", on_hold=True)
    goods.package(10, "FAILED", lab_state="TestFailed")
    goods.package(10, "SWEET", item=chocolate)
    goods.package(10, "AWAY", place="in_transit", facility=far)
    order = goods.order((goods.gummies, 10))
    mine = goods.package(10, "MINE")
    assign(order, order.lines.get().pk, [mine.pk], by=None)
    sees(client, "view_package")
    assert listed(client, on_hold__exact=1) == {"HELD"}
    assert listed(client, lab="TestFailed") == {"FAILED"}
    assert listed(client, metrc_item__item=chocolate.pk) == {"SWEET"}
    assert listed(client, place__exact="in_transit") == {"AWAY"}
    assert listed(client, facility__id__exact=far.pk) == {"AWAY"}
    assert listed(client, assigned="yes") == {"MINE"}
    assert "MINE" not in listed(client, assigned="no")
    assert listed(client, q="plai") == {"PLAIN"}
    assert listed(client, q="chocol") == {"SWEET"}


def test_the_page_of_a_package_leads_to_its_order(goods, client):
    order, package = goods.order((goods.gummies, 10)), goods.package(10, "TAG-A")
    sees(client, "view_package")
    address = url("metrc_package_change", package.pk)
    assert "No order" in text_of(client.get(address))
    assign(order, order.lines.get().pk, [package.pk], by=None)
    page = client.get(address)
    assert order.number in text_of(page)
    assert url("metrc_order_packages", order.pk) in page.content.decode()


def test_nobody_types_packages(goods, client):
    package = goods.package(10, "TAG-A")
    sees(client, "view_package", "add_package", "change_package", "delete_package")
    client.post(url("metrc_package_change", package.pk), {"label": "OTHER", "quantity": "99"})
    package.refresh_from_db()
    assert (package.label, package.quantity) == ("TAG-A", 10)
    assert client.post(url("metrc_package_delete", package.pk), {"post": "yes"}).status_code == 403
    assert client.get(url("metrc_package_add")).status_code == 403
    sees(client)
    assert client.get(url("metrc_package_changelist")).status_code == 403


def test_a_page_of_the_list_costs_the_same_however_many(goods, client):
    sees(client, "view_package")
    counts = []
    for _ in range(2):
        order = goods.order((goods.gummies, 30))
        packages = [goods.package(10).pk for _ in range(3)]
        assign(order, order.lines.get().pk, packages, by=None)
        client.get(url("metrc_package_changelist"))
        with CaptureQueriesContext(connection) as queries:
            client.get(url("metrc_package_changelist"))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def stocked(goods, number, count):
    lot = Lot.objects.create(item=goods.gummies, number=number, produced_on=date(2026, 1, 1))
    inventory.receive(goods.gummies, goods.shop, Decimal(10), lot)
    for at in range(count):
        goods.package(10, f"{number}-{at}", lot=lot)
    return lot


@pytest.mark.parametrize("name", ["stock", "lot"])
def test_stock_and_lots_show_the_tags_of_their_packages(goods, client, name):
    lot = stocked(goods, "L1", 5)
    goods.package(10, "FINISHED", lot=lot, place="inactive")
    far = MetrcFacility.objects.create(account=goods.account, license_number="L2", name="Pueblo")
    goods.package(10, "AFAR", lot=lot, facility=far)
    inventory.receive(goods.gummies, goods.shop, Decimal(5))
    sees(client, f"view_{name}", "view_package")
    address = url(f"catalog_{name}_changelist")
    text = text_of(client.get(address))
    assert "FINISHED" not in text
    # Stock is of one facility, a lot is anywhere.
    assert ("AFAR" in text) == (name == "lot")
    assert ("L1-0 , L1-1 , L1-2 and 2 more" in text) == (name == "stock")
    counts = []
    for again in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        counts.append(len(queries))
        stocked(goods, f"M{again}", 3)
    assert counts[0] == counts[1]
    sees(client, f"view_{name}")
    assert "L1-0" not in text_of(client.get(address))
