"""Orders as nobody would write them: each is stored, has a reason, and stops no other."""

import uuid

import pytest

from integrations import work
from integrations.leaflink import import_orders
from integrations.leaflink.models import Order
from integrations.leaflink.work_kinds import ORDER_WORK
from integrations.models import Notice, WorkItem
from orders.models import SalesOrder


@pytest.mark.parametrize(
    ("change", "states"),
    [
        ({"line_items": [{"id": 1, "quantity": "x"}]}, {"held"}),
        ({"line_items": None}, {"held"}),
        ({"line": {"quantity": "-2"}}, {"held"}),
        ({"line": {"quantity": "0"}}, {"imported"}),
        ({"line": {"quantity": "1.5"}}, {"imported"}),
        ({"line": {"product": None, "frozen_data": None}}, {"held"}),
        ({"line": {"product": 99999999}}, {"held"}),
        ({"line": {"unit_multiplier": 7}}, {"imported"}),
        ({"line": {"notes": "🌿" * 500}}, {"imported"}),
        ({"customer": None}, {"held"}),
        ({"customer": {"id": 424242, "display_name": "New"}}, {"imported"}),
        ({"total": None}, {"imported"}),
        ({"status": None}, {"waiting"}),
        ({"status": "Teleported"}, {"waiting"}),
        ({"created_on": "2026-07-06T10:00:00"}, {"imported"}),
        ({"modified": None}, {"imported"}),
        ({"sales_reps": [{"id": 5, "user": "Nobody"}]}, {"held"}),
        ({"selected_payment_option": {"payment_term": None}}, {"imported"}),
        ({"discount": "x"}, {"held"}),
        ({"delivery_address": None}, {"imported"}),
        ({"notes": "a\x00b"}, {"imported"}),
    ],
)
def test_whatever_an_order_contains_it_is_stored_and_has_a_reason(bench, change, states):
    goods = bench.goods()
    bench.ready()
    sent = bench.body(goods, **change)
    good = bench.body(goods)
    _, failed = bench.take_in(sent, good)
    assert failed == {}
    order = Order.objects.get(number=sent["number"])
    assert order.state in states
    if order.state == "held":
        assert order.blockers.exists()
    assert Order.objects.get(number=good["number"]).state == "imported"


def test_an_order_without_number_is_a_notice_and_stops_no_other(bench):
    goods = bench.goods()
    bench.ready()
    good = bench.body(goods)
    run, _ = bench.take_in({"status": "Submitted"}, None, "x", good)
    assert Order.objects.get().state == "imported"
    assert run.failed == 3
    assert Notice.objects.get().category == "unreadable"


def test_an_unreadable_order_comes_in_once_leaflink_sends_it_right(bench):
    goods = bench.goods()
    bench.ready()
    wrong = bench.body(goods)
    right = {**wrong}
    wrong["line_items"] = [{"id": 1, "quantity": []}]
    bench.take_in(wrong)
    assert bench.account.orders.get().blockers.get().code == "unreadable"
    bench.take_in(right)
    assert bench.account.orders.get().state == "imported"


def test_an_imported_order_that_becomes_unreadable_keeps_its_sales_order(bench):
    goods = bench.goods()
    bench.ready()
    sent = bench.body(goods)
    bench.take_in(sent)
    bench.take_in({**sent, "line_items": "garbage"})
    order = Order.objects.get()
    assert (order.state, order.sales_order.status) == ("conflict", "created")


def test_an_older_answer_is_left_aside(bench):
    goods = bench.goods()
    bench.ready()
    new = bench.body(goods)
    old = {**new, "status": "Cancelled", "modified": "2020-01-01T00:00:00Z"}
    bench.take_in(new)
    bench.take_in(old)
    assert Order.objects.get().status == "Submitted"
    assert SalesOrder.objects.get().status == "created"


def test_a_failure_while_importing_one_order_is_noted_and_asked_for_again(bench, monkeypatch):
    goods = bench.goods()
    bench.ready()
    bad, good = bench.order(bench.line(goods, 1)), bench.order(bench.line(goods, 2))
    real = import_orders.settle

    def settle(account, order_id, book):
        if Order.objects.get(pk=order_id).number == uuid.UUID(bad.number):
            raise RuntimeError("boom")
        return real(account, order_id, book)

    monkeypatch.setattr(import_orders, "settle", settle)
    step = bench.sync("orders")["orders"]
    assert "RuntimeError: boom" in step.problems[0]["reason"]
    assert bench.mirror(good).state == "imported"
    assert WorkItem.objects.get(kind=ORDER_WORK).key == bad.number
    monkeypatch.setattr(import_orders, "settle", real)
    work.drain()
    assert bench.mirror(bad).state == "imported"
