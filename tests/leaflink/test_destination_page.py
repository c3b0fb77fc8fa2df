"""Destinations and the LeafLink customers behind them."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from model_bakery import baker

from customers.models import Destination
from integrations import work
from integrations.leaflink.models import Account, Customer


@pytest.fixture
def shop(bench, admin_client):
    bench.account.customer_rule = Account.CustomerRule.HOLD
    bench.account.save()
    bench.gum = bench.goods(on_hand=100)
    bench.ready()
    bench.known = Customer.objects.get()
    bench.place = baker.make(Destination, name="Juniper, our name")
    return admin_client


def page(destination):
    return reverse("admin:customers_destination_change", args=[destination.pk])


def form(destination, **more):
    return {
        "name": destination.name,
        "license_number": destination.license_number,
        "is_active": "on",
        "addresses-TOTAL_FORMS": 0,
        "addresses-INITIAL_FORMS": 0,
        **more,
    }


def test_choosing_the_customer_lets_its_held_order_in(
    bench, shop, django_capture_on_commit_callbacks
):
    order = bench.order(bench.line(bench.gum, 1))
    bench.sync("orders")
    assert bench.reasons(order) == ["customer_unknown"]
    with django_capture_on_commit_callbacks(execute=True):
        answer = shop.post(page(bench.place), form(bench.place, customers=[bench.known.pk]))
    assert answer.status_code == 302
    work.drain()
    assert bench.local(order).destination == bench.place


def test_a_destination_with_the_license_lets_it_in_as_well(
    bench, shop, django_capture_on_commit_callbacks
):
    order = bench.order(bench.line(bench.gum, 1))
    bench.sync("orders")
    data = form(bench.place, license_number="402r 00981")
    with django_capture_on_commit_callbacks(execute=True):
        assert shop.post(page(bench.place), data).status_code == 302
    work.drain()
    assert bench.mirror(order).state == "imported"


def test_correcting_it_points_the_next_orders_elsewhere_and_leaves_the_old(bench, shop):
    Customer.objects.update(destination=bench.place)
    old = bench.order(bench.line(bench.gum, 1))
    bench.sync("orders")
    other = baker.make(Destination, name="The right one")
    told = shop.post(page(other), form(other, customers=[bench.known.pk]), follow=True)
    assert "Juniper Street was Juniper, our name&#x27;s before." in told.content.decode()
    new = bench.order(bench.line(bench.gum, 1))
    bench.sync("orders")
    assert bench.local(old).destination == bench.place
    assert bench.local(new).destination == other


def test_saving_without_a_change_changes_nothing_and_none_can_be_taken_off(bench, shop):
    Customer.objects.update(destination=bench.place)
    text = shop.get(page(bench.place)).content.decode()
    assert re.search(rf'<option value="{bench.known.pk}"[^>]*selected', text)
    shown = {"initial-customers": [bench.known.pk]}
    shop.post(page(bench.place), form(bench.place, customers=[bench.known.pk], **shown))
    assert Customer.objects.get().destination == bench.place
    shop.post(page(bench.place), form(bench.place))  # opened before it was linked
    assert Customer.objects.get().destination == bench.place
    shop.post(page(bench.place), form(bench.place, **shown))
    assert Customer.objects.get().destination is None


def test_the_list_shows_and_finds_who_is_linked(bench, shop):
    Customer.objects.update(destination=bench.place)
    url = reverse("admin:customers_destination_changelist")
    assert "Juniper Street" in shop.get(url).content.decode()
    assert list(shop.get(url, {"leaflink": "no"}).context["cl"].result_list) == []


def test_customers_are_searched_for_and_linked_only_by_permission(
    bench, shop, client, django_user_model
):
    query = {
        "app_label": "leaflink",
        "model_name": "order",
        "field_name": "customer",
        "term": "juniper",
    }
    url = reverse("admin:customers_destination_leaflink_customers")
    found = shop.get(url, query).json()["results"]
    assert [row["text"] for row in found] == ["Juniper Street, 402R-00981, Alder Peak"]
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    names = ["view_destination", "change_destination"]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(clerk)
    assert client.get(url, query).status_code == 403
    assert 'name="customers"' not in client.get(page(bench.place)).content.decode()
    client.post(page(bench.place), form(bench.place, customers=[bench.known.pk]))
    assert Customer.objects.get().destination is None
