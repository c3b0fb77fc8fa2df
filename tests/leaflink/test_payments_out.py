"""Payments recorded here are in LeafLink exactly once, whatever answer is lost."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations import work
from integrations.leaflink import cycle, push_payments
from integrations.leaflink.models import OrderPayment, Staff
from integrations.leaflink.payments_due import waiting_for_somebody
from orders import payments, services
from orders.models import Payment

DAY = date(2026, 7, 6)


@pytest.fixture
def dana(bench):
    user = get_user_model().objects.create_user("dana")
    bench.rep.user = user
    bench.rep.save()
    return user


@pytest.fixture
def order(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    placed = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    bench.account.push_payments = True
    bench.account.save()
    return placed


def pay(bench, order, amount="40.00", method="check", by=None, reference="1042"):
    options = {"reference": reference, "may_exceed": True, "by": by}
    return payments.record(bench.local(order), Decimal(amount), method, DAY, **options)


def there(bench, order):
    return [p for p in bench.world.payments.values() if p.order_number == order.number]


def amounts(bench, order):
    return [p.total for p in there(bench, order)]


def later(monkeypatch, seconds=61):
    """As if that much time had passed since LeafLink was asked."""
    monkeypatch.setattr(push_payments, "SETTLING", timedelta(seconds=-seconds))


def test_a_payment_is_noted_with_its_type_its_day_and_who_recorded_it(bench, order, dana):
    pay(bench, order, by=dana)
    bench.sync("payments")
    (noted,) = there(bench, order)
    assert (noted.total, noted.payment_type, noted.recorded_by) == (
        Decimal("40.00"),
        "check",
        bench.dana.id,
    )
    assert noted.payment_date.date() == DAY
    assert noted.reason.endswith(" 1042")
    row = OrderPayment.objects.get()
    assert (row.state, row.remote_id) == ("sent", noted.id)
    bench.sync("payments")
    assert amounts(bench, order) == [Decimal("40.00")]


def test_sync_only_payments(bench, order, dana):
    pay(bench, order, by=dana)
    call_command("sync", only="payments")
    assert amounts(bench, order) == [40]


def test_a_voided_payment_is_taken_back_by_a_negative_one(bench, order, dana):
    made = pay(bench, order, by=dana)
    bench.sync("payments")
    payments.void(made, "Bounced", by=dana)
    bench.sync("payments")
    bench.sync("payments")
    assert amounts(bench, order) == [40, -40]
    assert "Voided: Bounced" in there(bench, order)[1].reason


def test_what_was_voided_before_it_was_sent_never_gets_there(bench, order, dana):
    payments.void(pay(bench, order, by=dana), "Typo", by=dana)
    bench.sync("payments")
    assert there(bench, order) == []


def test_payments_from_before_the_rule_are_not_sent_nor_taken_back(bench, order, dana):
    bench.account.push_payments = False
    bench.account.save()
    early = pay(bench, order, by=dana)
    bench.account.push_payments = True
    bench.account.save()
    late = pay(bench, order, "7.00", by=dana)
    payments.void(early, "Bounced")
    bench.sync("payments")
    assert amounts(bench, order) == [7]
    bench.account.push_payments = False
    bench.account.save()
    payments.void(late, "Bounced")
    pay(bench, order, "8.00", by=dana)
    bench.sync("payments")
    assert amounts(bench, order) == [7]
    bench.account.push_payments = True
    bench.account.save()
    bench.sync("payments")
    # What LeafLink has and is void here is taken back; what was recorded meanwhile is not sent.
    assert amounts(bench, order) == [7, -7]


def test_leaflinks_payments_never_come_here(bench, order):
    bench.world.add_payment(order.number, bench.dana.id, Decimal("5.00"))
    bench.settle()
    bench.sync()
    assert not Payment.objects.exists()


def test_without_anybody_to_record_it_a_payment_waits_and_says_so(bench, order):
    stranger = get_user_model().objects.create_user("acct")
    pay(bench, order, by=stranger)
    bench.calls()
    bench.sync("payments")
    assert bench.calls() == []
    assert (
        "recorded by acct, who is not among LeafLink's staff"
        in waiting_for_somebody().get().problem
    )
    bench.account.payment_recorder = Staff.objects.get()
    bench.account.save()
    bench.sync("payments")
    assert amounts(bench, order) == [40]
    assert not waiting_for_somebody().exists()


def test_what_leaflink_refuses_waits_for_a_person(bench, order, dana):
    Staff.objects.update(remote_id=1)
    pay(bench, order, by=dana)
    step = cycle.run_cycle(bench.account, ["payments"])[-1]
    assert "object does not exist" in step.problems[0]["reason"]
    assert "object does not exist" in waiting_for_somebody().get().problem
    bench.calls()
    bench.sync("payments")
    assert bench.calls() == []
    Staff.objects.update(remote_id=bench.dana.id)
    assert push_payments.try_again(OrderPayment.objects.all()) == 1
    bench.sync("payments")
    assert amounts(bench, order) == [40]


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "500"])
@pytest.mark.parametrize("void", [False, True])
def test_after_a_lost_answer_the_list_is_read_and_nothing_is_sent_twice(
    bench, order, dana, monkeypatch, fault, void
):
    made = pay(bench, order, by=dana)
    if void:
        bench.sync("payments")
        payments.void(made, "Bounced")
    bench.faults.next(fault, method="POST", path="order-payments")
    bench.sync("payments")
    bench.sync("payments")  # too early to ask again
    later(monkeypatch)
    bench.sync("payments")
    bench.sync("payments")
    assert amounts(bench, order) == ([40, -40] if void else [40])
    assert set(OrderPayment.objects.values_list("state", flat=True)) == {"sent"}


def test_what_was_asked_is_not_asked_again_before_leaflink_had_its_time(bench, order, dana):
    pay(bench, order, by=dana)
    bench.faults.next("reset-before", method="POST", path="order-payments")
    bench.sync("payments")
    bench.calls()
    bench.sync("payments")
    assert bench.calls("POST") == []
    assert OrderPayment.objects.get().state == "asked"


def test_a_worker_that_is_killed_after_asking_leaves_nothing_twice(bench, order, dana, monkeypatch):
    pay(bench, order, by=dana)

    def killed(row, state, *rest, **more):
        if state == OrderPayment.State.SENT:
            raise KeyboardInterrupt
        return note(row, state, *rest, **more)

    note = push_payments._note
    with monkeypatch.context() as patch:
        patch.setattr(push_payments, "_note", killed)
        with pytest.raises(KeyboardInterrupt):
            bench.sync("payments")
    bench.sync("payments")
    assert amounts(bench, order) == [40]
    assert OrderPayment.objects.get().state == "sent"


def test_a_voided_payment_whose_answer_was_lost_is_settled_first(bench, order, dana, monkeypatch):
    made = pay(bench, order, by=dana)
    bench.faults.next("reset-after", method="POST", path="order-payments")
    bench.sync("payments")
    payments.void(made, "Bounced")
    later(monkeypatch)
    bench.sync("payments")
    bench.sync("payments")
    assert amounts(bench, order) == [40, -40]


def test_a_voided_payment_that_never_got_there_stays_away(bench, order, dana, monkeypatch):
    made = pay(bench, order, by=dana)
    bench.faults.next("reset-before", method="POST", path="order-payments")
    bench.sync("payments")
    payments.void(made, "Bounced")
    later(monkeypatch)
    bench.sync("payments")
    bench.sync("payments")
    assert there(bench, order) == []


def test_slowing_down_is_no_lost_answer(bench, order, dana):
    pay(bench, order, by=dana)
    bench.faults.next("429", method="POST", path="order-payments")
    cycle.run_cycle(bench.account, ["payments"])
    assert OrderPayment.objects.get().state == "waiting"
    bench.sync("payments")
    assert amounts(bench, order) == [40]


def test_a_payment_is_in_leaflink_within_seconds(
    bench, order, dana, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        pay(bench, order, by=dana)
    work.drain()
    assert amounts(bench, order) == [40]


def test_one_that_fails_stops_no_other(bench, order, dana):
    other = bench.order({"product_id": order.lines[0].product_id, "quantity": 1})
    bench.sync("orders")
    pay(bench, order, by=dana)
    pay(bench, other, "9.00", by=dana)
    bench.faults.next("reset-before", method="POST", path="order-payments")
    bench.sync("payments")
    assert amounts(bench, other) == [9]


def test_a_shipped_and_a_completed_order_take_payments(bench, order, dana):
    local = services.complete(services.ship(services.allocate(bench.local(order))))
    pay(bench, order, by=dana)
    bench.sync("statuses", "payments")
    assert local.status == "completed"
    assert amounts(bench, order) == [40]


acts = st.lists(st.sampled_from(["pay", "void", "sync", "before", "after", "500", "on", "off"]))


@given(acts)
@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
def test_at_the_end_leaflink_has_each_payment_once_and_no_void_one(make_bench, monkeypatch, acts):
    from django.db import transaction

    faults = {"before": "reset-before", "after": "reset-after", "500": "500"}
    with transaction.atomic(), monkeypatch.context() as patch:
        bench = make_bench()
        goods = bench.goods(on_hand=100)
        bench.ready()
        order = bench.order(bench.line(goods, 10))
        bench.sync("orders")
        later(patch)
        bench.account.payment_recorder = Staff.objects.get()
        for act in ["on", *acts, "on"]:
            if act == "pay":
                pay(bench, order, reference=f"{Payment.objects.count()}")
            elif act == "void":
                if one := Payment.objects.filter(voided_at=None).first():
                    payments.void(one, "x")
            elif act in ("on", "off"):
                bench.account.push_payments = act == "on"
                bench.account.save()
            else:
                if act in faults:
                    bench.faults.next(faults[act], method="POST", path="order-payments")
                bench.sync("payments")
        bench.faults._planned.clear()
        bench.sync("payments")
        bench.sync("payments")
        references = [p.reason.split()[0] for p in there(bench, order)]
        assert len(references) == len(set(references))
        for one in Payment.objects.all():
            mine = [p.total for p in there(bench, order) if f"LB-{one.token.hex}" in p.reason]
            if one.voided_at:
                assert sum(mine) == 0
            else:
                assert len(mine) <= 1
        sent = OrderPayment.objects.filter(state="sent", is_void=False)
        assert sent.count() == len([r for r in references if not r.endswith("-void")])
        assert not OrderPayment.objects.filter(state="asked").exists()
        transaction.set_rollback(True)
