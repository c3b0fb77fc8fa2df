"""The roles: groups made by migration, and what a sales rep sees of all there is."""

import uuid
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility, Item
from config.roles import BY_NAME, ROLES, make_roles, unmake_roles
from customers.models import Destination, SalesRep
from customers.own import SALES_REP, WIDER, own
from integrations.leaflink.models import Account, Blocker, Customer, Order, Product, Staff
from orders import services
from orders.drafts import LineDraft, OrderDraft
from orders.models import SalesOrder

pytestmark = pytest.mark.django_db
EDITOR = SimpleNamespace(connection=connection)


def held_by(group):
    return {
        f"{one.content_type.app_label}.{one.codename}"
        for one in group.permissions.select_related("content_type")
    }


def page(name, *args):
    return reverse(f"admin:{name}", args=args)


def test_each_role_is_a_group_that_holds_just_what_its_table_says():
    assert {group.name for group in Group.objects.all()} == set(BY_NAME)
    for role in ROLES:
        assert held_by(Group.objects.get(name=role.name)) == role.permissions, role.name


def test_the_roles_that_see_more_than_a_rep_are_all_the_others():
    assert {SALES_REP, *WIDER} == set(BY_NAME)


def test_only_administrators_touch_keys_and_logins():
    guarded = {
        name
        for name in BY_NAME["Administrator"].permissions
        if name.split(".")[0] in ("auth", "config")
        or name.endswith(("add_account", "change_account"))
    }
    assert guarded
    for role in ROLES[1:]:
        assert not role.permissions & guarded, role.name


def test_making_the_roles_again_grants_only_what_is_new():
    mine = Group.objects.create(name="Drivers")
    manager = Group.objects.get(name="Manager")
    taken = Permission.objects.get(codename="void_payment")
    new = Permission.objects.get(codename="export_drift")
    manager.permissions.remove(taken, new)
    make_roles(apps, EDITOR, only={"leaflink.export_drift"})
    names = held_by(manager)
    assert "leaflink.export_drift" in names
    assert "orders.void_payment" not in names
    assert not mine.permissions.exists()


def test_backwards_takes_the_roles_away_that_nobody_has(django_user_model):
    Group.objects.create(name="Drivers")
    django_user_model.objects.create_user("m").groups.add(Group.objects.get(name="Manager"))
    unmake_roles(apps, EDITOR)
    assert {group.name for group in Group.objects.all()} == {"Drivers", "Manager"}
    make_roles(apps, EDITOR)
    assert {group.name for group in Group.objects.all()} == {"Drivers", *BY_NAME}


def test_users_and_roles_say_what_each_is_for(admin_client, django_user_model):
    person = django_user_model.objects.create_user("lee")
    shown = [
        admin_client.get(page("auth_user_change", person.pk)).content.decode(),
        admin_client.get(page("auth_user_add")).content.decode(),
        admin_client.get(page("auth_group_changelist")).content.decode(),
    ]
    for role in ROLES:
        group = Group.objects.get(name=role.name)
        own_page = admin_client.get(page("auth_group_change", group.pk)).content.decode()
        for text in [*shown, own_page]:
            assert role.what_for.split(":")[0].split(",")[0] in text


def test_a_role_keeps_its_name_and_is_not_deleted(admin_client):
    rep = Group.objects.get(name=SALES_REP)
    url = page("auth_group_change", rep.pk)
    admin_client.post(url, {"name": "Everybody", "permissions": []})
    rep.refresh_from_db()
    assert rep.name == SALES_REP
    assert admin_client.post(page("auth_group_delete", rep.pk), {"post": "yes"}).status_code == 403


@pytest.fixture
def two_reps(django_user_model):
    """Two reps with a login each, and of each: an imported order, one that waits, a destination."""
    made = SimpleNamespace()
    account = baker.make(Account, name="Peak", app_key="k", webhook_key="w")
    shop, item = baker.make(Facility, name="Denver"), baker.make(Item, sku="S1", name="Gum")
    inventory.receive(item, shop, Decimal(10))
    for number, name in enumerate(("dana", "kim"), start=1):
        user = django_user_model.objects.create_user(name, is_staff=True)
        user.groups.add(Group.objects.get(name=SALES_REP))
        rep = baker.make(SalesRep, name=name.title(), email=f"{name}@x.example", user=user)
        baker.make(Staff, account=account, remote_id=number, name=name, sales_rep=rep)
        stores = [baker.make(Destination, name=f"{name} store {one}") for one in (1, 2, 3)]
        line = LineDraft(item, item.name, item.sku, Decimal(1), 1, Decimal(10))
        sales_order = services.create(
            OrderDraft(
                placed_at=timezone.now(),
                lines=[line],
                destination=stores[0],
                facility=shop,
                sales_rep=rep,
                channel_number=f"{name}-1",
            )
        )
        buyers = [
            baker.make(
                Customer, account=account, remote_id=number * 10 + i, name=f"{name} buyer {i}",
                destination=stores[i],
            )
            for i in (0, 1)
        ]  # fmt: skip
        # The staff on an imported order may be anybody: its sales order says whose it is.
        other = [{"id": 3 - number, "user": "x"}]
        imported = _order(account, f"{name}in", sales_order, buyers[0], other)
        reps = [{"id": 77, "user": "nobody"}, {"id": number, "user": name}]
        waiting = _order(account, f"{name}held", None, buyers[1], reps)
        setattr(
            made,
            name,
            SimpleNamespace(
                user=user,
                rep=rep,
                order=sales_order,
                imported=imported,
                waiting=waiting,
                stores=stores,
            ),
        )
    _order(account, "norep", None, None, [])
    _order(account, "unread", None, None, None)
    return made


def _order(account, short_id, sales_order, customer, reps):
    raw = {} if reps is None else {"sales_reps": reps}
    return baker.make(
        Order,
        account=account,
        number=uuid.uuid4(),
        short_id=short_id,
        state="imported" if sales_order else "held",
        status="Submitted",
        buyer=f"Buyer of {short_id}",
        placed_at=timezone.now(),
        raw=raw,
        sales_order=sales_order,
        customer=customer,
        refused="" if sales_order else f"Refused {short_id}",
        total=Decimal(10),
    )


def test_a_rep_sees_own_orders_and_destinations(two_reps):
    dana, kim = two_reps.dana, two_reps.kim
    assert set(own(SalesOrder.objects.all(), dana.user)) == {dana.order}
    assert set(own(Order.objects.all(), dana.user)) == {dana.imported, dana.waiting}
    assert set(own(Destination.objects.all(), dana.user)) == set(dana.stores[:2])
    assert set(own(Order.objects.all(), kim.user)) == {kim.imported, kim.waiting}


def test_a_login_of_no_rep_sees_none_and_any_wider_role_sees_all(two_reps, django_user_model):
    lost = django_user_model.objects.create_user("lost", is_staff=True)
    lost.groups.add(Group.objects.get(name=SALES_REP))
    for model in (SalesOrder, Order, Destination):
        assert not own(model.objects.all(), lost).exists()
    for role in WIDER:
        person = django_user_model.objects.create_user(role)
        person.groups.add(*Group.objects.filter(name__in=(role, SALES_REP)))
        assert own(Order.objects.all(), person).count() == 6


def test_own_refuses_rows_of_which_nobody_said_whose_they_are(two_reps):
    with pytest.raises(KeyError):
        own(Product.objects.all(), two_reps.dana.user)


LISTS = ("orders_salesorder", "leaflink_order", "customers_destination")


def test_lists_searches_and_counts_show_own_rows_only(client, two_reps):
    dana = two_reps.dana
    client.force_login(dana.user)
    for name in LISTS:
        for query in ({}, {"q": "kim"}, {"q": two_reps.kim.order.number}):
            answer = client.get(page(f"{name}_changelist"), query)
            assert answer.status_code == 200
            shown = set(answer.context["cl"].result_list)
            assert shown <= {dana.order, dana.imported, dana.waiting, *dana.stores}
            assert bool(shown) == (not query)
            if not query:
                assert "kim" not in answer.content.decode()
    states = client.get(page("leaflink_order_changelist")).context["states"]
    assert {value: count for value, _, count, _ in states if count} == {"held": 1, "imported": 1}
    found = client.get(page("search"), {"s": "kim", "extended": "1"}).content.decode()
    assert "Buyer" not in found
    assert "kim" not in found.replace("s=kim", "")


@pytest.mark.parametrize(("whose", "shown"), [("dana", True), ("kim", False)])
def test_pages_and_histories_open_for_own_rows_only(client, two_reps, whose, shown):
    client.force_login(two_reps.dana.user)
    rows = getattr(two_reps, whose)
    for name, row in (
        ("orders_salesorder", rows.order),
        ("leaflink_order", rows.imported),
        ("leaflink_order", rows.waiting),
        ("customers_destination", rows.stores[0]),
        ("customers_destination", rows.stores[1]),
    ):
        for view in ("change", "history"):
            status = client.get(page(f"{name}_{view}", row.pk)).status_code
            assert status == (200 if shown else 302), (name, view)


def test_acts_are_for_own_orders_even_when_the_role_was_given_them(client, two_reps):
    given = ("work_salesorder", "decide_order", "sync_account", "export_destination")
    Group.objects.get(name=SALES_REP).permissions.add(
        *Permission.objects.filter(codename__in=given)
    )
    dana, kim = two_reps.dana, two_reps.kim
    client.force_login(dana.user)
    for rows, status in ((kim, 404), (dana, 302)):
        cancel = page("orders_salesorder_do", rows.order.pk, "cancel")
        assert client.post(cancel, {"reason": "x"}).status_code == status
        again = page("leaflink_order_read_again", rows.waiting.pk)
        assert client.post(again).status_code == status
    kim.order.refresh_from_db()
    dana.order.refresh_from_db()
    assert (kim.order.status, dana.order.status) == ("created", "canceled")
    assert client.get(page("leaflink_order_news", kim.waiting.pk)).status_code == 404

    many = {"action": "allocate_selected", "_selected_action": [kim.order.pk], "reason": "x"}
    client.post(page("orders_salesorder_changelist"), many)
    kim.order.refresh_from_db()
    assert kim.order.status == "created"

    choice = {"one": f"{kim.waiting.pk}:refused:|again"}
    told = client.post(page("leaflink_order_conflicts_choose"), choice, follow=True)
    assert "not there any more" in told.content.decode()
    kim.waiting.refresh_from_db()
    assert kim.waiting.refused

    form = {"format": "0", **{f"destinationresource_{one}": "on" for one in ("name", "email")}}
    told = client.post(page("customers_destination_export"), form).content.decode()
    assert "dana store 1" in told
    assert "kim" not in told


def test_conflicts_and_the_overview_are_of_own_orders(client, two_reps):
    client.force_login(two_reps.dana.user)
    for url in (page("leaflink_order_conflicts"), page("index")):
        text = client.get(url).content.decode()
        assert "danaheld" in text
        assert "kim" not in text
        assert "norep" not in text
    text = client.get(page("index")).content.decode()
    assert "LeafLink accounts" not in text
    assert "Differences" not in text


def test_a_rep_is_offered_no_cure_that_is_for_others(client, two_reps):
    order = two_reps.dana.waiting
    baker.make(Blocker, order=order, code="short_of_stock", text="Short", item=Item.objects.get())
    url = page("leaflink_order_change", order.pk)
    client.force_login(two_reps.dana.user)
    text = client.get(url).content.decode()
    assert "Held for 1 reason" in text
    assert "Receive stock" not in text
    two_reps.dana.user.groups.add(Group.objects.get(name="Back office"))
    assert "Receive stock" in client.get(url).content.decode()


def test_orders_that_were_combined_show_of_others_nothing(client, two_reps):
    dana, kim = two_reps.dana, two_reps.kim
    Order.objects.filter(pk=dana.waiting.pk).update(
        raw={**dana.waiting.raw, "is_combination": True}
    )
    Order.objects.filter(pk=kim.waiting.pk).update(
        customer=dana.waiting.customer, status="Combined", modified=timezone.now()
    )
    url = page("leaflink_order_change", dana.waiting.pk)
    client.force_login(dana.user)
    assert "Probably combined" not in client.get(url).content.decode()
    dana.user.groups.add(Group.objects.get(name="Read only"))
    assert "kimheld" in client.get(url).content.decode()
