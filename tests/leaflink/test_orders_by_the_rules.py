"""Smaller rules of the trade about orders, each on both sides."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility
from customers.models import Destination
from integrations import work
from integrations.leaflink.models import Account
from orders import services


def imported(bench, **options):
    goods = bench.goods(**options.pop("goods", {}))
    bench.ready()
    order = bench.order(bench.line(goods, options.pop("units", 10)), **options)
    bench.sync("orders")
    return goods, order


def test_customers_come_from_leaflink_and_are_never_sent_there(
    bench, django_capture_on_commit_callbacks
):
    _, order = imported(bench)
    bench.calls()
    destination = bench.local(order).destination
    with django_capture_on_commit_callbacks(execute=True):
        destination.name = "Renamed here"
        destination.save()
    work.drain()
    bench.sync()
    assert [call for call in bench.calls() if "customer" in call and "GET" not in call] == []
    assert bench.world.customers[bench.buyer.id].name == "Juniper Street"
    assert bench.local(order).destination.name == "Renamed here"


@pytest.mark.parametrize("status", ["Submitted", "Accepted", "Backorder"])
@pytest.mark.parametrize("chosen", [True, False])
def test_which_status_imports_is_a_rule(bench, status, chosen):
    others = {"Submitted", "Accepted", "Backorder"} - {status}
    bench.account.import_statuses = [status] if chosen else sorted(others)
    bench.account.save()
    _, order = imported(bench, status=status)
    assert bench.mirror(order).state == ("imported" if chosen else "waiting")
    if not chosen:
        assert f"Orders that are {status} are not imported by rule" in (
            bench.mirror(order).state_reason
        )


def test_cases_and_single_units_of_one_product_mix_in_an_order(bench):
    goods = bench.goods(case=12, price="96.00", on_hand=240)
    bench.ready()
    case = {"id": 1, "product": goods.remote.id, "quantity": "24", "unit_multiplier": 12}
    single = {"id": 2, "product": goods.remote.id, "quantity": "5", "unit_multiplier": 1}
    body = bench.body(
        goods,
        line_items=[
            {**case, "ordered_unit_price": {"amount": 96}},
            {**single, "ordered_unit_price": {"amount": 8.5}},
        ],
        total={"amount": 234.5},
    )
    bench.take_in(body)
    [mirror] = bench.account.orders.all()
    rows = mirror.sales_order.lines.values_list("quantity", "case_size", "price")
    assert list(rows) == [(24, 12, 96), (5, 1, Decimal("8.5"))]
    assert (mirror.sales_order.total, mirror.warnings) == (Decimal("234.50"), [])
    assert bench.free(goods) == 211


def test_an_order_made_by_a_rep_is_like_a_buyers(bench):
    _, order = imported(bench, manual=True, status="Accepted")
    assert (bench.mirror(order).state, bench.local(order).sales_rep) == ("imported", bench.rep)


def test_a_credit_given_later_flows_over_and_stays_locked(bench):
    _, order = imported(bench)
    services.allocate(bench.local(order))
    bench.world.edit_order(order.number, credits="7.50")
    bench.sync("orders")
    credit = bench.local(order).discounts.get()
    assert (credit.amount, credit.is_locked) == (Decimal("7.50"), True)
    assert bench.local(order).total == bench.mirror(order).total == Decimal("92.50")
    assert bench.local(order).status == "allocated"


def test_internal_and_external_notes_are_copied(bench):
    _, order = imported(bench)
    bench.world.edit_order(order.number, notes="For all", internal_notes="For us 🌿")
    bench.sync("orders")
    local = bench.local(order)
    assert (local.notes_for_buyer, local.internal_notes) == ("For all", "For us 🌿")


def test_medical_and_adult_use_orders_stay_two(bench):
    goods = bench.goods()
    bench.ready()
    lines = [bench.line(goods, 2, is_medical=True)]
    medical = bench.order(*lines, classification="Medical")
    adult = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    assert bench.local(medical).classification == "Medical"
    assert bench.local(medical).lines.get().is_medical
    assert bench.local(adult).classification == "Adult Use"
    assert not bench.local(adult).lines.get().is_medical


def test_the_source_of_one_order_can_be_changed_later(bench, admin_client):
    goods, order = imported(bench)
    pueblo = baker.make(Facility, name="Pueblo", license_number="L2")
    page = reverse("admin:orders_salesorder_move", args=[bench.local(order).pk])
    answer = admin_client.post(page, {"facility": pueblo.pk}, follow=True)
    assert "The facility has too little" in answer.content.decode()
    assert bench.local(order).facility == bench.shop
    inventory.receive(goods.item, pueblo, Decimal(20))
    admin_client.post(page, {"facility": pueblo.pk})
    local = bench.local(order)
    assert local.facility == pueblo
    assert local.status_changes.first().reason == "Ships from: Denver → Pueblo"
    for odd in ("x", "", "9" * 40, "²"):
        assert admin_client.post(page, {"facility": odd}).status_code == 404
    bench.world.edit_order(order.number, notes="Still from Pueblo?")
    bench.sync("orders")
    assert bench.local(order).facility == pueblo
    services.allocate(bench.local(order))
    answer = admin_client.post(page, {"facility": bench.shop.pk}, follow=True)
    assert "deallocate it before" in answer.content.decode()


def test_moving_an_order_needs_the_right_to(client, django_user_model, bench):
    _, order = imported(bench)
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_salesorder"))
    client.force_login(clerk)
    page = reverse("admin:orders_salesorder_move", args=[bench.local(order).pk])
    assert client.post(page, {"facility": bench.shop.pk}).status_code == 403


def test_a_blank_destination_is_not_made_up_of_leaflinks_details(bench):
    bench.account.customer_rule = Account.CustomerRule.BLANK
    bench.account.save()
    _, order = imported(bench)
    assert bench.local(order).destination is None
    assert not Destination.objects.exists()
    assert bench.local(order).ship_to == "410 Juniper St\nPueblo CO"
