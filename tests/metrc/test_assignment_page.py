"""The page on which packages are assigned to an order's lines."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from model_bakery import baker

from catalog.models import Facility
from customers.models import SalesRep
from integrations.metrc.assign_packages import assign, assignments_of
from integrations.metrc.models import (
    MetrcFacility,
    MetrcItem,
    Package,
    PackageAssignment,
    TransferTemplate,
)
from orders.models import SalesOrder
from tests.leaflink.pages import text_of, url
from tests.metrc.goods import Goods

LOOKS = ("view_package", "view_salesorder")
ASSIGNS = (*LOOKS, "assign_package")


@pytest.fixture
def goods(db):
    goods = Goods()
    MetrcFacility.objects.update(packages_until=timezone.now())
    return goods


@pytest.fixture
def order(goods):
    return goods.order((goods.gummies, 100))


def sees(client, *names):
    user = baker.make(User, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return user


def at(order, act=""):
    return url(f"metrc_order_packages{'_' + act if act else ''}", order.pk)


def labels(order):
    return [one.package.label for one in assignments_of(order)]


def ticked(page):
    return [
        c.package.label for line in page.context["lines"] for c in line.choices if c.is_suggested
    ]


def test_the_suggestion_is_ticked_and_taken_with_one_button(goods, order, client):
    for size, label in ((60, "A"), (40, "B"), (100, "C")):
        goods.package(size, label)
    sees(client, *ASSIGNS)
    page = client.get(at(order))
    assert ticked(page) == ["A", "B"]
    text = text_of(page)
    assert "2 whole packages that fill it exactly, the oldest first." in text
    assert "2 packages are suggested. With them every line is filled." in text
    answer = client.post(
        at(order, "suggestions"), {"suggested": page.context["suggested"]}, follow=True
    )
    assert "2 packages are assigned, as suggested." in text_of(answer)
    assert "100 of 100 assigned" in text_of(answer)
    assert labels(order) == ["A", "B"]


def test_what_was_ticked_is_assigned_and_removed(goods, order, client):
    package = goods.package(100, "C")
    sees(client, *ASSIGNS)
    line = order.lines.get().pk
    answer = client.post(at(order, "assign"), {"line": line, "package": [package.pk]}, follow=True)
    assert "1 package is assigned." in text_of(answer)
    mine = PackageAssignment.objects.get()
    answer = client.post(at(order, "remove"), {"assignment": mine.pk}, follow=True)
    assert "1 package is taken off the order." in text_of(answer)
    assert labels(order) == []
    answer = client.post(at(order, "remove"), {"assignment": mine.pk}, follow=True)
    assert "off already" in text_of(answer)


def test_it_says_why_a_package_can_not_be_chosen(goods, order, client):
    goods.package(120, "BIG")
    goods.package(20, "HELD", on_hold=True)
    sees(client, *ASSIGNS)
    page = client.get(at(order))
    assert ticked(page) == []
    text = text_of(page)
    assert "Is on hold. Have the hold lifted in Metrc" in text
    assert "Holds 120, and 100 are left on the line." in text
    assert "No whole package fits: repack 100 in Metrc" in text
    assert 'type="checkbox" name="package"' not in page.content.decode()


@pytest.mark.parametrize("package", ["", "0", "9" * 30, "x"])
def test_nonsense_is_answered_in_words(order, client, package):
    sees(client, *ASSIGNS)
    line = order.lines.get().pk
    answer = client.post(at(order, "assign"), {"line": line, "package": [package]}, follow=True)
    assert "not there any more" in text_of(answer)
    answer = client.post(at(order, "assign"), {"line": "x", "package": ["1"]}, follow=True)
    assert "was changed since the page was opened" in text_of(answer)
    answer = client.post(at(order, "suggestions"), {"suggested": [package]}, follow=True)
    assert "was changed since the page was opened" in text_of(answer)


def test_prices_are_entered_and_emptied(goods, order, client):
    one, other = assign(
        order,
        order.lines.get().pk,
        [goods.package(60, "A").pk, goods.package(40, "B").pk],
        by=None,
    )
    sees(client, *ASSIGNS)
    text = text_of(client.get(at(order)))
    assert "Together $500.00." in text
    entered = {f"price-{one.pk}": "$1,250.50", f"price-{other.pk}": ""}
    answer = client.post(at(order, "prices"), entered, follow=True)
    assert "1 price is changed." in text_of(answer)
    assert "Together $1,450.50, the line costs $500.00" in text_of(answer)
    one.refresh_from_db()
    assert one.price == Decimal("1250.50")
    for wrong in ("much", "NaN", "-1", "1e30"):
        answer = client.post(at(order, "prices"), {f"price-{one.pk}": wrong}, follow=True)
        assert [m.level_tag for m in answer.context["messages"]] == ["error"]
    one.refresh_from_db()
    assert one.price == Decimal("1250.50")
    client.post(at(order, "prices"), {f"price-{one.pk}": ""})
    one.refresh_from_db()
    assert one.price is None


def test_a_facility_that_is_not_connected_says_how_to(goods, order, client):
    far = baker.make(Facility, name="Pueblo")
    SalesOrder.objects.update(facility=far)
    sees(client, *ASSIGNS, "view_metrcaccount")
    page = client.get(at(order))
    assert "Pueblo is not connected with Metrc" in text_of(page)
    assert url("metrc_metrcaccount_changelist") in page.content.decode()
    SalesOrder.objects.update(facility=None)
    assert "has no facility yet" in text_of(client.get(at(order)))


def test_packages_that_were_never_read_and_items_that_are_not_mapped(goods, order, client):
    MetrcFacility.objects.update(packages_until=None)
    MetrcItem.objects.update(item=None)
    sees(client, *ASSIGNS, "view_metrcaccount", "change_metrcitem")
    page = client.get(at(order))
    text = text_of(page)
    assert "have not been read yet. Read them under Colorado" in text
    assert "No Metrc item is mapped to Gummies" in text
    assert url("metrc_metrcitem_map") in page.content.decode()
    sees(client, *ASSIGNS)
    assert url("metrc_metrcitem_map") not in client.get(at(order)).content.decode()


def test_a_line_that_is_no_item_of_ours(goods, order, client):
    order.lines.update(item=None)
    sees(client, *ASSIGNS)
    assert "Gummies (GUMMIES) is no item here" in text_of(client.get(at(order)))


def test_a_template_in_metrc_keeps_the_old_packages(goods, order, client):
    TransferTemplate.objects.create(
        order=order, facility=goods.facility, name="x", state="sent", remote_id=1
    )
    sees(client, *ASSIGNS)
    assert "withdraw it and send another" in text_of(client.get(at(order)))


def test_a_shipped_order_is_looked_at_only(goods, order, client):
    goods.package(100, "C")
    SalesOrder.objects.update(status="shipped")
    sees(client, *ASSIGNS)
    page = client.get(at(order))
    assert "can only be looked at here" in text_of(page)
    for button in ("Take all suggestions", "Assign those ticked", "Save prices"):
        assert button not in text_of(page)


def test_who_may_look_and_who_may_assign(goods, order, client):
    package = goods.package(100, "C")
    acts = ("assign", "suggestions", "remove", "prices")
    sees(client, "view_salesorder")
    assert client.get(at(order)).status_code == 403
    sees(client, *LOOKS)
    page = client.get(at(order))
    assert page.status_code == 200
    assert "Take all suggestions" not in text_of(page)
    line = order.lines.get().pk
    for act in acts:
        data = {"line": line, "package": package.pk, "suggested": f"{line}-{package.pk}"}
        assert client.post(at(order, act), data).status_code == 403
    assert labels(order) == []
    sees(client, *ASSIGNS)
    for act in acts:
        assert client.get(at(order, act)).status_code == 405
    missing = SalesOrder(pk=10**18)
    assert client.get(at(missing)).status_code == 404


def test_a_rep_sees_nobody_elses_order(goods, order, client):
    from django.contrib.auth.models import Group

    user = sees(client, *ASSIGNS)
    user.groups.add(Group.objects.get(name="Sales rep"))
    rep = baker.make(SalesRep, name="Dana", email="d@x.example", user=user)
    assert client.get(at(order)).status_code == 404
    SalesOrder.objects.update(sales_rep=rep)
    assert client.get(at(order)).status_code == 200


def test_the_page_costs_the_same_for_any_number_of_lines(goods, client):
    sees(client, *ASSIGNS)
    for _ in range(8):
        goods.package(10)
    counts = []
    for lines in (1, 5):
        order = goods.order(*[(goods.gummies, 20)] * lines)
        for line in order.lines.all():
            assign(order, line.pk, [goods.package(10).pk], by=None)
        client.get(at(order))
        with CaptureQueriesContext(connection) as queries:
            client.get(at(order))
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"quantity": 80}, "Holds 80 now, and 100 when it was assigned."),
        ({"on_hold": True}, "Is on hold."),
        ({"place": "in_transit"}, "Is not on the shelf: Metrc says “on a transfer”."),
    ],
)
def test_what_metrc_has_changed_since_is_told(goods, order, client, change, said):
    package = goods.package(100, "C")
    assign(order, order.lines.get().pk, [package.pk], by=None)
    sees(client, *ASSIGNS)
    assert said not in text_of(client.get(at(order)))
    Package.objects.update(**change)
    assert said in text_of(client.get(at(order)))
    SalesOrder.objects.update(status="shipped")
    assert said not in text_of(client.get(at(order)))


def test_weights_say_what_is_counted(goods, client):
    flower = goods.item("Flower", unit_of_measure="Pound")
    sees(client, *ASSIGNS)
    assert "Ordered: 5 pounds" in text_of(client.get(at(goods.order((flower, 5)))))
