"""Deleting a sales order that came from LeafLink: rejected there, or left there."""

import pytest

from catalog.models import Commitment
from integrations.leaflink import cycle, unsync_orders
from integrations.leaflink.models import Account
from orders import payments, services
from orders.models import SalesOrder
from orders.status import IllegalMove


@pytest.fixture
def order(bench):
    bench.account.external_id_key = "leafbridge"
    bench.account.save()
    goods = bench.goods(on_hand=100)
    bench.ready()
    placed = bench.order(bench.line(goods, 10))
    bench.sync("orders", "statuses")
    assert bench.world.order(placed.number).external_ids == {
        "leafbridge": bench.local(placed).number
    }
    return placed


def delete(bench, order, *, reject, reason="Entered twice"):
    return unsync_orders.delete(bench.mirror(order).pk, reject=reject, reason=reason)


def status(bench, order):
    return bench.world.order(order.number).status


def test_left_in_leaflink_it_stays_there_and_away_from_here(bench, order):
    services.allocate(bench.local(order))
    assert delete(bench, order, reject=False).startswith("SO-")
    assert not SalesOrder.objects.exists()
    assert not Commitment.objects.exists()
    for _ in range(2):
        bench.settle()
        bench.sync("orders", "statuses")
    mirror = bench.mirror(order)
    assert status(bench, order) == "Submitted"
    assert (mirror.state, mirror.sales_order) == ("ignored", None)
    assert "comes in as a new order" in mirror.state_reason
    # Our number is no longer noted there, and a rule that is saved brings nothing back.
    assert bench.world.order(order.number).external_ids == {}
    Account.objects.get().save()
    bench.settle()
    assert not SalesOrder.objects.exists()


@pytest.mark.parametrize("edit", ["notes", "lines", "terms"])
def test_a_later_edit_in_leaflink_brings_it_in_as_a_new_order(bench, order, edit):
    old = bench.local(order).number
    delete(bench, order, reject=False)
    bench.sync("orders", "statuses")
    if edit == "notes":
        bench.world.edit_order(order.number, notes="Ring twice")
    elif edit == "terms":
        bench.world.edit_order(order.number, payment_term="Net 30")
    else:
        line = {"product_id": order.lines[0].product_id, "quantity": 4}
        bench.world.edit_order(order.number, [line])
    bench.sync("orders", "statuses")
    fresh = bench.local(order)
    assert fresh.number != old
    assert bench.mirror(order).state == "imported"
    assert bench.world.order(order.number).external_ids == {"leafbridge": fresh.number}
    services.cancel(fresh, reason="x")
    bench.sync("statuses")
    assert status(bench, order) == "Rejected"


@pytest.mark.parametrize("at", ["Submitted", "Fulfilled"])
def test_rejected_in_leaflink(bench, order, at):
    if at == "Fulfilled":
        services.allocate(bench.local(order))
        bench.sync("statuses")
    delete(bench, order, reject=True)
    bench.sync("statuses")
    bench.settle()
    bench.sync("orders", "statuses")
    mirror = bench.mirror(order)
    assert status(bench, order) == "Rejected"
    assert (mirror.state, mirror.sales_order, mirror.reject_asked) == ("ignored", None, False)
    assert "rejected in LeafLink" in mirror.state_reason
    assert bench.world.order(order.number).external_ids == {}


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "500"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_with_the_answer_lost(bench, order, fault, method):
    delete(bench, order, reject=True)
    bench.faults.next(fault, method=method, times=2)
    cycle.run_cycle(bench.account, ["statuses"])
    bench.faults._planned.clear()
    bench.sync("statuses")
    bench.sync("statuses")
    assert status(bench, order) == "Rejected"
    assert bench.world.order(order.number).external_ids == {}
    rejections = [e for e in bench.world.events.values() if e.event_type == "rejected"]
    assert len(rejections) == 1


def test_a_rule_that_follows_nothing_still_does_what_was_said(bench, order):
    Account.objects.update(status_map={})
    bench.account.refresh_from_db()
    delete(bench, order, reject=True)
    bench.sync("statuses")
    assert status(bench, order) == "Rejected"


def test_the_buyer_edits_it_while_it_is_being_rejected(bench, order):
    delete(bench, order, reject=True)
    bench.world.edit_order(order.number, notes="Wait!")
    bench.sync("orders", "statuses")
    bench.sync("orders", "statuses")
    assert (status(bench, order), SalesOrder.objects.count()) == ("Rejected", 0)


def test_what_has_left_or_was_paid_stays_on_record(bench, order):
    payments.record(bench.local(order), 5, "cash", bench.mirror(order).placed_at.date())
    with pytest.raises(IllegalMove, match="has payments"):
        delete(bench, order, reject=True)
    bench.local(order).payments.all().delete()
    services.ship(services.allocate(bench.local(order)))
    with pytest.raises(IllegalMove, match="goods have left"):
        delete(bench, order, reject=True)
    with pytest.raises(IllegalMove, match="Say why"):
        delete(bench, order, reject=False, reason=" ")
    assert SalesOrder.objects.count() == 1
    assert bench.mirror(order).state == "imported"
    assert not bench.mirror(order).reject_asked


def test_the_timeline_keeps_who_and_why(bench, order, django_user_model):
    user = django_user_model.objects.create_user("demo")
    number = bench.local(order).number
    unsync_orders.delete(bench.mirror(order).pk, reject=False, reason="Entered twice", by=user)
    event = bench.mirror(order).events.filter(kind="person").first()
    assert (event.by, number in event.text, "Entered twice" in event.text) == (user, True, True)
