"""Mishaps with payments that reviews found: each was wrong once."""

from datetime import date
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model

from integrations import work
from integrations.leaflink import cycle, push_payments
from integrations.leaflink.models import OrderPayment, Staff
from integrations.leaflink.payments_due import waiting_for_somebody
from integrations.leaflink.sandbox import order_rules, representations
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.wire.errors import Gone, UnknownOutcome
from orders import payments

DAY = date(2026, 7, 6)


@pytest.fixture
def order(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    placed = bench.order(bench.line(goods, 10), payment_term="Net 15")
    bench.sync("orders")
    return placed


@pytest.fixture
def paying(bench, order):
    """An order whose payments are sent."""
    bench.account.push_payments = True
    bench.account.payment_recorder = Staff.objects.get()
    bench.account.save()
    return order


def pay(bench, order, amount="40.00", **more):
    return payments.record(bench.local(order), Decimal(amount), "check", DAY, **more)


def amounts(bench):
    return [p.total for p in bench.world.payments.values()]


def reopen(bench, order):
    """LeafLink has it open again, as its support may do."""
    found = bench.world.order(order.number)
    found.status = "Submitted"
    order_rules.touch(bench.world, found, "edited", {})


def test_a_payment_that_waited_is_not_sent_when_the_rule_is_on_again(bench, order):
    bench.account.push_payments = True
    bench.account.save()
    pay(bench, order, by=get_user_model().objects.create_user("acct"))
    bench.sync("payments")
    for rule in (False, True):
        bench.account.push_payments = rule
        bench.account.payment_recorder = Staff.objects.get() if rule else None
        bench.account.save()
        bench.sync("payments")
        assert not waiting_for_somebody().exists()
    assert amounts(bench) == []


def test_a_payment_of_an_order_that_was_let_go_is_taken_back(bench, paying):
    made = pay(bench, paying)
    bench.sync("payments")
    bench.world.cancel_order(paying.number)
    bench.sync("orders")
    old = bench.local(paying)
    reopen(bench, paying)
    bench.sync("orders")
    assert bench.local(paying) != old
    payments.void(made, "Bounced")
    bench.sync("payments")
    assert amounts(bench) == [40, -40]


def test_a_list_of_payments_in_pages_is_read_to_the_end(bench, paying, monkeypatch):
    from integrations.leaflink.sandbox.answers import page, world

    def in_pages(number):
        rows = [p for p in world().payments.values() if p.order_number == number]
        return page(rows, lambda row: representations.payment(world(), row))

    monkeypatch.setitem(bench.app.view_functions, "api.order_payments", in_pages)
    monkeypatch.setattr("integrations.leaflink.wire.client.PAGE_SIZE", 1)
    for amount in ("1.00", "2.00"):
        pay(bench, paying, amount)
        bench.sync("payments")
    # Killed after asking.
    OrderPayment.objects.filter(payment__amount=2).update(state="asked", asked_at="2020-01-01T00Z")
    bench.sync("payments")
    assert amounts(bench) == [1, 2]


def test_a_void_is_not_sent_while_the_rule_is_off(bench, paying, monkeypatch):
    made = pay(bench, paying, "5.00")
    bench.sync("payments")
    payments.void(made, "Bounced")

    def lost(self, path, body=None):
        raise UnknownOutcome("lost")

    with monkeypatch.context() as patch:
        patch.setattr(LeafLinkClient, "post", lost)
        bench.sync("payments")
    OrderPayment.objects.update(asked_at="2020-01-01T00Z")
    for rule, expected in ((False, [5]), (True, [5, -5])):
        bench.account.push_payments = rule
        bench.account.save()
        bench.sync("payments")
        assert amounts(bench) == expected


def test_a_payment_that_leaflink_has_no_order_for_is_the_payments_trouble(
    bench, paying, monkeypatch
):
    def unknown(self, path, body=None):
        raise Gone("LeafLink does not have this record (any more).")

    monkeypatch.setattr(LeafLinkClient, "post", unknown)
    pay(bench, paying)
    cycle.run_cycle(bench.account, ["payments"])
    assert bench.mirror(paying).gone_at is None
    assert "does not know the order" in waiting_for_somebody().get().problem


def test_an_order_without_a_list_of_payments_is_the_payments_trouble(bench, paying, monkeypatch):
    from integrations.leaflink.sandbox.errors import NotFound

    def missing(number):
        raise NotFound

    pay(bench, paying)
    with monkeypatch.context() as patch:
        patch.setitem(bench.app.view_functions, "api.order_payments", missing)
        cycle.run_cycle(bench.account, ["payments"])
        work.drain()
    assert "shows no payments of this order" in waiting_for_somebody().get().problem
    assert bench.mirror(paying).gone_at is None
    push_payments.try_again(OrderPayment.objects.all())
    bench.sync("payments")
    assert amounts(bench) == [40]


def test_amounts_are_shown_to_those_who_may_see_payments(bench, order, client, django_user_model):
    from tests.leaflink.pages import text_of, url
    from tests.orders.test_order_page import clerk_with

    bench.account.push_payments = True
    bench.account.save()
    pay(bench, order, "77.70")
    bench.sync("payments")
    clerk = clerk_with(django_user_model, ["leaflink.view_order"])
    client.force_login(clerk)
    assert "77.70" not in text_of(client.get(url("leaflink_order_conflicts")))


def test_a_payment_whose_answers_are_always_lost_waits_for_a_person(bench, paying, monkeypatch):
    def lost(self, path, body=None):
        raise UnknownOutcome("lost")

    made = pay(bench, paying)
    with monkeypatch.context() as patch:
        patch.setattr(LeafLinkClient, "post", lost)
        for _ in range(8):
            OrderPayment.objects.update(asked_at="2020-01-01T00Z")
            cycle.run_cycle(bench.account, ["payments"])
    row = waiting_for_somebody().get()
    assert (row.attempts, row.state) == (5, "refused")
    push_payments.try_again(OrderPayment.objects.all())
    bench.sync("payments")
    assert amounts(bench) == [made.amount]


def test_a_payment_that_was_asked_for_is_taken_back_although_the_list_was_missing(
    bench, paying, monkeypatch
):
    from integrations.leaflink.sandbox.errors import NotFound

    def missing(number):
        raise NotFound

    made = pay(bench, paying)
    bench.faults.next("reset-after", method="POST", path="order-payments")
    cycle.run_cycle(bench.account, ["payments"])
    with monkeypatch.context() as patch:
        patch.setitem(bench.app.view_functions, "api.order_payments", missing)
        cycle.run_cycle(bench.account, ["payments"])
    assert "shows no payments" in waiting_for_somebody().get().problem
    payments.void(made, "Bounced")
    bench.sync("payments")
    bench.sync("payments")
    assert amounts(bench) == [40, -40]


def test_what_was_asked_for_before_the_rule_was_on_again_is_not_asked_again(bench, paying):
    pay(bench, paying)
    bench.faults.next("reset-before", method="POST", path="order-payments")
    cycle.run_cycle(bench.account, ["payments"])
    for rule in (False, True):
        bench.account.push_payments = rule
        bench.account.save()
    OrderPayment.objects.update(asked_at="2020-01-01T00Z")
    bench.sync("payments")
    assert amounts(bench) == []
