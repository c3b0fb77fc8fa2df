"""Mishaps in the life of an order that a review found: each was wrong once."""

from datetime import date
from decimal import Decimal
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from catalog import inventory
from catalog.models import Lot
from integrations import work
from integrations.leaflink import (
    cycle,
    decide_orders,
    import_orders,
    push_orders,
    unsync_orders,
)
from integrations.leaflink.connect import client_for
from integrations.leaflink.decide_orders import CannotDecide
from integrations.leaflink.models import Order, OrderEvent
from integrations.leaflink.sandbox import api, bodies, order_rules, representations
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.models import WorkItem
from integrations.wire.errors import Gone, UnknownOutcome
from orders import payments, services
from orders.status import IllegalMove

DAY = date(2026, 7, 6)
LATER = date(2026, 12, 1)


@pytest.fixture
def order(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    placed = bench.order(bench.line(goods, 10), payment_term="Net 15")
    bench.sync("orders")
    return placed


def change(bench, order, **values):
    return services.change_terms(bench.local(order), values)


def pay(bench, order, amount="40.00", **more):
    return payments.record(bench.local(order), Decimal(amount), "check", DAY, **more)


def reopen(bench, order):
    """LeafLink has it open again, as its support may do."""
    found = bench.world.order(order.number)
    found.status = "Submitted"
    order_rules.touch(bench.world, found, "edited", {})


def book_of(bench, order):
    return import_orders.book_for(bench.account, [bench.mirror(order).pk])


def two_lots(bench, each=50):
    goods = bench.goods(on_hand=0)
    for number in ("B-1", "B-2"):
        lot = Lot.objects.create(item=goods.item, number=number)
        inventory.receive(goods.item, bench.shop, Decimal(each), lot)
    return goods


# -- terms ----------------------------------------------------------------------------------


def test_leaflinks_own_term_is_not_overwritten_when_both_moved(bench, order):
    change(bench, order, payment_term="net7")
    bench.world.edit_order(order.number, payment_term="LLF", selected_payment_option=None)
    bench.sync("orders", "statuses")
    assert bench.world.order(order.number).payment_term == "LLF"


def test_orders_from_before_terms_were_agreed_can_be_changed_here(bench, order):
    services.allocate(bench.local(order))
    Order.objects.update(agreed={}, agreed_status="", there={})
    migration = import_module("integrations.leaflink.migrations.0010_terms_agreed_so_far")
    migration.agree(apps, SimpleNamespace(connection=connection))
    assert bench.mirror(order).agreed_status == "Submitted"
    change(bench, order, delivery_date=LATER)
    bench.sync("statuses")
    assert bench.world.order(order.number).ship_date.date() == LATER


@pytest.mark.parametrize("term", ["", "net7"])
def test_an_order_that_is_over_there_is_told_nothing(bench, order, term):
    services.ship(services.allocate(bench.local(order)))
    bench.world.transition(order.number, "reject")
    bench.sync("orders")
    change(bench, order, payment_term=term)
    bench.calls()
    push_orders.push_order(bench.account, client_for(bench.account), order.number)
    assert bench.calls("PATCH") == []


@pytest.mark.parametrize("ignored", ["ship_date", "external_ids"])
def test_what_leaflink_takes_and_ignores_is_not_sent_for_ever(bench, order, monkeypatch, ignored):
    take = bodies.order_changes

    def ignore(world, body, found):
        return {k: v for k, v in take(world, body, found).items() if k != ignored}

    monkeypatch.setattr(api.bodies, "order_changes", ignore)
    if ignored == "ship_date":
        change(bench, order, delivery_date=LATER)
    else:
        bench.account.external_id_key = "leafbridge"
        bench.account.save()
    bench.calls()
    for _ in range(4):
        cycle.run_cycle(bench.account, ["orders", "statuses"])
    assert len([call for call in bench.calls() if call.startswith("PATCH")]) == 1
    assert ("still shows" in bench.mirror(order).refused) == (ignored == "ship_date")


def test_a_step_that_leaflink_takes_and_ignores_is_not_asked_for_ever(bench, order, monkeypatch):
    asked = []

    def post(self, path, body=None):
        asked.append(path)
        return {}

    monkeypatch.setattr(LeafLinkClient, "post", post)
    services.allocate(bench.local(order))
    for _ in range(4):
        cycle.run_cycle(bench.account, ["orders", "statuses"])
    assert len(asked) == 1
    assert "said that accept was done" in bench.mirror(order).refused


def test_ours_can_be_kept_only_when_it_can_be_sent(bench, order):
    change(bench, order, payment_term="net7")
    bench.world.edit_order(order.number, payment_term="Net 30", selected_payment_option=None)
    bench.account.push_order_terms = False
    bench.account.save()
    bench.sync("orders")
    mirror = bench.mirror(order)
    seen = decide_orders.seen_of(mirror.disputed[0])
    with pytest.raises(CannotDecide, match="does not send terms"):
        decide_orders.keep_our_term(mirror.pk, "payment_term", by=None, seen=seen)
    assert bench.mirror(order).is_disputed


def test_a_day_and_its_details_can_be_taken_away(bench, order):
    change(bench, order, delivery_date=LATER, shipping_details="Dock 1")
    bench.sync("statuses")
    change(bench, order, delivery_date=None, shipping_details="")
    bench.sync("orders", "statuses")
    remote = bench.world.order(order.number)
    assert (remote.ship_date, remote.shipping_details) == (None, "")


def test_refusals_go_when_the_order_is_over(bench, order):
    change(bench, order, payment_term="")
    bench.sync("orders", "statuses")
    assert bench.mirror(order).refused
    services.cancel(bench.local(order), reason="x")
    bench.sync("statuses", "orders")
    assert bench.mirror(order).refused == ""


# -- statuses -------------------------------------------------------------------------------


def test_a_note_after_the_end_does_not_hide_that_leaflink_ended_it(bench, order):
    made = pay(bench, order)
    bench.world.cancel_order(order.number)
    bench.sync("orders")
    payments.void(made, "Refunded")
    reopen(bench, order)
    bench.sync("orders", "statuses")
    assert (bench.world.order(order.number).status, bench.local(order).status) == (
        "Submitted",
        "created",
    )


def test_an_edit_made_while_stock_was_put_back_comes_in(bench, order):
    services.allocate(bench.local(order))
    bench.sync("statuses", "orders")
    services.deallocate(bench.local(order))
    bench.sync("orders", "statuses")
    bench.world.edit_order(order.number, notes="Ring twice")
    bench.sync("orders")
    assert bench.local(order).notes_for_buyer == "Ring twice"
    services.allocate(bench.local(order))
    bench.sync("orders", "statuses")
    mirror = bench.mirror(order)
    assert (mirror.state, mirror.state_reason) == ("imported", "")


def test_a_canceled_order_cannot_follow_and_ours_can_be_kept(bench, order):
    bench.account.status_map = {}
    bench.account.save()
    services.cancel(bench.local(order), reason="x")
    for action in ("accept", "fulfill"):
        bench.world.transition(order.number, action)
    bench.sync("orders")
    mirror = bench.mirror(order)
    assert (mirror.state, mirror.disputed[0]["name"]) == ("conflict", "canceled")
    with pytest.raises(CannotDecide, match="can't follow"):
        decide_orders.do_the_same(mirror.pk, by=None)
    decide_orders.keep_ours(mirror.pk, by=None)
    assert bench.mirror(order).state == "imported"


def test_one_unreadable_answer_stops_no_other_order(bench, order, monkeypatch):
    other = bench.order({"product_id": order.lines[0].product_id, "quantity": 1})
    bench.sync("orders")
    change(bench, order, delivery_date=LATER)
    change(bench, other, delivery_date=LATER)
    read = LeafLinkClient.get

    def spoilt(self, path, **params):
        answer = read(self, path, **params)
        return {**answer, "line_items": "nonsense"} if order.number in path else answer

    monkeypatch.setattr(LeafLinkClient, "get", spoilt)
    cycle.run_cycle(bench.account, ["statuses"])
    assert bench.world.order(other.number).ship_date is not None


def test_an_order_that_is_gone_is_not_asked_for_ever(bench, order):
    services.allocate(bench.local(order))
    del bench.world.orders[order.number]
    cycle.run_cycle(bench.account, ["statuses"])
    assert bench.mirror(order).gone_at
    bench.calls()
    cycle.run_cycle(bench.account, ["statuses", "payments"])
    assert [call for call in bench.calls() if order.number in call] == []


# -- deleted here ---------------------------------------------------------------------------


def test_a_rejected_one_that_leaflink_opens_again_comes_in(bench, order):
    unsync_orders.delete(bench.mirror(order).pk, reject=True, reason="x")
    bench.sync("statuses", "orders")
    reopen(bench, order)
    bench.sync("orders")
    assert bench.mirror(order).state == "imported"


def test_deleting_while_something_is_being_sent_is_no_edit_of_leaflinks(bench, order, monkeypatch):
    change(bench, order, delivery_date=LATER)
    send = LeafLinkClient.patch

    def sent(self, path, body):
        answer = send(self, path, body)
        unsync_orders.delete(bench.mirror(order).pk, reject=False, reason="x")
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(LeafLinkClient, "patch", sent)
        bench.sync("statuses")
    bench.sync("orders")
    assert bench.mirror(order).state == "ignored"
    bench.world.edit_order(order.number, notes="Ring twice")
    bench.sync("orders")
    assert bench.mirror(order).state == "imported"


def test_a_refused_rejection_is_over_when_somebody_rejects_it(bench, order, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(
            representations, "available_transitions", lambda order, by="seller": ["accepted"]
        )
        unsync_orders.delete(bench.mirror(order).pk, reject=True, reason="x")
        cycle.run_cycle(bench.account, ["statuses"])
        assert "does not offer to reject" in bench.mirror(order).refused
    bench.world.transition(order.number, "reject")
    bench.sync("orders")
    mirror = bench.mirror(order)
    assert (mirror.reject_asked, mirror.refused) == (False, "")


def test_a_second_verb_on_a_deleted_order_says_so(bench, order):
    local = bench.local(order)
    unsync_orders.delete(bench.mirror(order).pk, reject=False, reason="x")
    with pytest.raises(IllegalMove, match="deleted meanwhile"):
        services.allocate(local)


# -- lots -----------------------------------------------------------------------------------


def test_a_batch_that_is_read_after_stock_was_set_aside_is_no_conflict(bench):
    goods = two_lots(bench)
    bench.ready()
    batch = bench.world.add_batch(bench.seller.id, "B-2")
    order = bench.order(bench.line(goods, 10, batch=batch.id))
    bench.sync("orders")
    services.allocate(bench.local(order))
    work.drain()
    mirror = bench.mirror(order)
    assert mirror.state == "imported"
    assert "asks for lot B-2, but units of other lots" in mirror.warnings[0]
    services.deallocate(bench.local(order))
    import_orders.settle(bench.account, bench.mirror(order).pk, book_of(bench, order))
    assert bench.local(order).lines.get().lot_number == "B-2"


def test_any_lot_stays_when_the_quantity_is_changed(bench):
    goods = two_lots(bench)
    batch = bench.world.add_batch(bench.seller.id, "B-1")
    bench.ready()
    bench.world.set_quantity(goods.remote.id, "1000")
    order = bench.order(bench.line(goods, 60, batch=batch.id))
    bench.sync("orders")
    services.ask_for_any_lot(bench.local(order), bench.local(order).lines.get().pk)
    row = {"id": order.lines[0].id, "product_id": goods.remote.id, "batch": batch.id}
    bench.world.edit_order(order.number, [{**row, "quantity": "70"}])
    bench.sync("orders")
    line = bench.local(order).lines.get()
    assert (line.quantity, line.lot_number) == (70, "")
    services.allocate(bench.local(order))
    bench.world.edit_order(order.number, notes="x")
    bench.sync("orders")
    assert bench.mirror(order).state == "imported"


def test_a_line_that_asks_for_a_lot_gets_it_before_one_that_takes_any(bench):
    goods = two_lots(bench, each=10)
    batch = bench.world.add_batch(bench.seller.id, "B-1")
    bench.ready()
    order = bench.order(bench.line(goods, 10), bench.line(goods, 10, batch=batch.id))
    bench.sync("orders")
    assert services.allocate(bench.local(order)).status == "allocated"


def test_batches_are_read_by_one_piece_of_work(bench, order):
    other = bench.world.add_seller("Other")
    for n in range(3):
        batch = bench.world.add_batch(other.id, f"X{n}")
        line = {"product_id": order.lines[0].product_id, "quantity": 1, "batch": batch.id}
        bench.order(line)
    bench.sync("orders")
    bench.calls()
    work.drain()
    assert len([call for call in bench.calls() if "/batches/" in call]) == 1
    assert not WorkItem.objects.exists()
    assert not OrderEvent.objects.filter(text__contains="Error").exists()


# -- a second review ------------------------------------------------------------------------


def steady(bench):
    """Nothing is written or told on each poll, however long things stay as they are."""
    for _ in range(2):
        cycle.run_cycle(bench.account, ["orders", "statuses", "payments"])
    bench.world.requests.clear()
    before = OrderEvent.objects.count()
    for _ in range(3):
        cycle.run_cycle(bench.account, ["orders", "statuses", "payments"])
    assert [r.path for r in bench.world.requests if r.method != "GET"] == []
    assert OrderEvent.objects.count() == before


def test_stock_that_was_put_back_is_told_once(bench, order, django_capture_on_commit_callbacks):
    services.allocate(bench.local(order))
    bench.sync("orders", "statuses")
    with django_capture_on_commit_callbacks(execute=True):
        services.deallocate(bench.local(order))
    work.drain()
    assert "stock was put back here" in bench.mirror(order).state_reason
    steady(bench)


def test_a_kept_version_that_is_moved_by_hand_is_steady(bench, order):
    bench.account.status_map = {}
    bench.account.save()
    services.allocate(bench.local(order))
    line = {"product_id": order.lines[0].product_id, "quantity": 12}
    bench.world.edit_order(order.number, [line])
    bench.sync("orders")
    decide_orders.keep_ours(bench.mirror(order).pk, by=None)
    services.deallocate(bench.local(order))
    for action in ("accept", "fulfill"):
        bench.world.transition(order.number, action)
    steady(bench)


def test_a_step_that_leaflink_does_not_know_is_no_missing_order(bench, order, monkeypatch):
    def unknown(self, path, body=None):
        raise Gone("LeafLink does not have this record (any more).")

    monkeypatch.setattr(LeafLinkClient, "post", unknown)
    services.allocate(bench.local(order))
    steady(bench)
    assert bench.mirror(order).gone_at is None
    assert "does not have this record" in bench.mirror(order).refused


@pytest.mark.parametrize("reject", [True, False])
def test_a_number_that_is_not_taken_off_is_asked_about_once(bench, order, monkeypatch, reject):
    bench.account.external_id_key = "leafbridge"
    bench.account.save()
    bench.sync("statuses")
    monkeypatch.setattr(LeafLinkClient, "patch", lambda self, path, body: {})
    unsync_orders.delete(bench.mirror(order).pk, reject=reject, reason="x")
    steady(bench)


def test_deleting_between_two_terms_is_no_edit_of_leaflinks(bench, order, monkeypatch):
    change(bench, order, delivery_date=LATER, shipping_details="Dock 1")
    send = LeafLinkClient.patch

    def sent(self, path, body):
        answer = send(self, path, body)
        if Order.objects.get().sales_order_id:
            unsync_orders.delete(bench.mirror(order).pk, reject=False, reason="x")
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(LeafLinkClient, "patch", sent)
        bench.sync("statuses")
    bench.sync("orders")
    assert bench.mirror(order).state == "ignored"


def test_answers_that_are_always_lost_are_few_and_on_record(bench, order, monkeypatch):
    asked = []

    def lost(self, path, body=None):
        asked.append(path)
        raise UnknownOutcome("lost")

    monkeypatch.setattr(LeafLinkClient, "post", lost)
    services.allocate(bench.local(order))
    for _ in range(3):
        (step,) = [s for s in cycle.run_cycle(bench.account, ["statuses"]) if s.name == "statuses"]
        assert step.failed == 1
    assert len(asked) == 6
    assert OrderEvent.objects.filter(text__contains="answer was lost").count() == 1


def test_what_was_refused_is_leaflinks_own_move_later(bench, order, monkeypatch):
    def refuse(value):
        raise ValueError("Not now.")

    with monkeypatch.context() as patch:
        for field in ("payment_term",):
            patch.setitem(bodies.ORDER_FIELDS, field, (field, refuse))
        change(bench, order, payment_term="net7")
        cycle.run_cycle(bench.account, ["statuses"])
    assert bench.mirror(order).sent == {}
    change(bench, order, payment_term="cod")
    bench.world.edit_order(order.number, payment_term="Net 7", selected_payment_option=None)
    bench.sync("orders", "statuses")
    assert bench.mirror(order).is_disputed


def test_a_person_may_give_leaflinks_reason(bench, order, django_user_model):
    user = django_user_model.objects.create_user("demo")
    services.cancel(bench.local(order), reason="Rejected in LeafLink", by=user)
    bench.sync("orders", "statuses", "orders")
    assert bench.world.order(order.number).status == "Rejected"


def test_an_empty_term_is_no_trouble_where_terms_are_not_sent(bench, order):
    bench.account.push_order_terms = False
    bench.account.save()
    change(bench, order, payment_term="")
    bench.sync("orders", "statuses")
    assert bench.mirror(order).refused == ""


def test_renumbered_lines_keep_their_own_prices(bench):
    goods = bench.goods(on_hand=500)
    bench.account.ignore_prices_from = "created"
    bench.account.save()
    bench.ready()
    sample = bench.line(goods, 1, price="0.00", is_sample=True)
    prices = ("10.00", "11.00", "12.00")
    rows = [bench.line(goods, 10 + n, price=price) for n, price in enumerate(prices)]
    order = bench.order(*rows, sample)
    bench.sync("orders")
    fresh = [bench.line(goods, 10 + n, price="99.00") for n in (2, 0, 1)]
    bench.world.edit_order(order.number, [sample, *fresh])
    bench.sync("orders")
    ours = bench.local(order).lines.values_list("quantity", "price", "is_sample")
    assert list(ours) == [(1, 0, True), (12, 12, False), (10, 10, False), (11, 11, False)]


def test_a_batch_that_is_shown_later_reaches_its_line(bench, monkeypatch):
    goods = two_lots(bench)
    bench.ready()
    batch = bench.world.add_batch(bench.seller.id, "B-2")
    order = bench.order(bench.line(goods, 10, batch=batch.id))
    hidden = bench.world.batches.pop(batch.id)
    bench.sync("orders")
    work.drain()
    assert "does not show" in bench.mirror(order).warnings[0]
    bench.world.batches[batch.id] = hidden
    bench.sync("products", full=True)
    work.drain()
    assert bench.local(order).lines.get().lot_number == "B-2"
    assert bench.mirror(order).warnings == []


def test_a_line_with_units_of_another_lot_does_not_settle_for_ever(
    bench, django_capture_on_commit_callbacks
):
    goods = two_lots(bench)
    bench.ready()
    batch = bench.world.add_batch(bench.seller.id, "B-2")
    order = bench.order(bench.line(goods, 10, batch=batch.id))
    bench.sync("orders")
    services.allocate(bench.local(order))
    work.drain()
    mirror = bench.mirror(order)
    mirror.refuse({"payment_term": ["x", "LeafLink refused: no"]})
    mirror.save()
    with django_capture_on_commit_callbacks(execute=True):
        bench.sync("orders")
        for _ in range(4):
            work.drain()
    assert not WorkItem.objects.filter(kind="leaflink.reconsider").exists()
    steady(bench)
