"""The demo and sync commands: from nothing to a working back office, twice the same."""

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.urls import reverse

from catalog.decimals import money
from catalog.models import Facility, Item, Movement
from config import demo
from config.management.commands.demo import summary
from customers.own import own
from integrations.leaflink.models import Account, Listing, Order
from integrations.leaflink.sandbox import practice_catalog, seed
from orders.models import OrderDiscount, OrderLine, SalesOrder

SUMMARY = (
    "40 items linked · 40 quantities sent · 25 orders seen · 17 imported · 4 ignored by rule · "
    "4 held: 2 rep not mapped, 1 product not linked, 1 short of stock"
)


@pytest.fixture
def once(transactional_db, settings, tmp_path, capsys):
    settings.DATA_DIR = tmp_path

    def run(**options):
        call_command("demo", once=True, **options)
        return capsys.readouterr().out

    return run


def state():
    """Everything a second run must leave as it is."""
    return {
        model: list(model.objects.order_by("pk").values())
        for model in (Item, Movement, SalesOrder, OrderLine, OrderDiscount, Listing)
    } | {Order: list(Order.objects.order_by("pk").values("number", "state", "sales_order"))}


def test_the_demo_links_sends_and_imports_and_a_second_run_changes_nothing(once, client):
    assert SUMMARY in once()
    before = state()
    assert SUMMARY in once()
    assert state() == before

    assert Account.objects.count() == 2
    assert Facility.objects.count() == 5
    assert OrderLine.objects.filter(case_size=12).exists()
    assert OrderLine.objects.filter(is_sample=True).exists()
    kinds = set(OrderDiscount.objects.values_list("kind", flat=True))
    assert kinds == {"order", "line", "credit"}
    assert SalesOrder.objects.exclude(tax=0).count() == 1
    assert Order.objects.filter(status="Combined").count() == 2
    for order in SalesOrder.objects.select_related("leaflink_order"):
        assert order.total == order.leaflink_order.total
        assert order.leaflink_order.warnings == []
    for name, password, shown in (
        (demo.LOGIN, demo.PASSWORD, "Needs attention"),
        ("manager", "manager", "Needs attention"),
        ("rep", "rep", "Your held orders"),
    ):
        login = {"username": name, "password": password}
        assert client.post(reverse("admin:login"), login).status_code == 302
        assert shown in client.get(reverse("admin:index")).content.decode()
    mine = own(SalesOrder.objects.all(), get_user_model().objects.get(username="rep"))
    assert 0 < mine.count() < SalesOrder.objects.count()


def test_sizes_can_be_chosen(once):
    text = once(items=12, orders=0)
    assert "12 items linked · 12 quantities sent · 0 orders seen · 0 imported · 0 held" in text


def test_the_demo_refuses_production_and_impossible_sizes(settings, db):
    with pytest.raises(CommandError, match="at least 10 items"):
        call_command("demo", once=True, items=3)
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="does not run in production"):
        call_command("demo", once=True)
    assert not get_user_model().objects.exists()


def test_the_summary_of_nothing(db):
    assert summary() == "0 items linked · 0 quantities sent · 0 orders seen · 0 imported · 0 held"


def test_the_catalog_is_the_same_every_time():
    assert practice_catalog.catalog(40, 1) == seed.catalog(40, 1)
    assert practice_catalog.catalog(10, 1) == seed.catalog(40, 1)[:10]
    assert len({item.sku for item in practice_catalog.catalog(2000, 1)}) == 2000
    for item in practice_catalog.catalog(200, 1):
        per_case = item.wholesale_price * item.case_size
        assert per_case == money(per_case)
