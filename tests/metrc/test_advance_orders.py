"""A matched order moved on, as the account's rules say, and what is said when it can't be."""

from decimal import Decimal

import pytest
from django.utils import timezone

from catalog import inventory
from integrations.leaflink.mapping.status_rules import PRESETS
from integrations.metrc import advance_orders, match_transfers
from integrations.metrc.models import Match
from integrations.metrc.pull_transfers import pull_transfers
from integrations.runs import Recorder
from orders import services
from orders.models import SalesOrder
from tests.leaflink.conftest import Bench
from tests.metrc.conftest import RECIPIENT, MetrcBench
from tests.metrc.shipments import assign, packed, shipment


def matched(metrc, **options):
    """An order, and the match that a look has made."""
    order, labels = packed(metrc, **options)
    delivery = shipment(metrc, labels)
    look(metrc)
    return order, Match.objects.get(order=order), delivery


def look(metrc):
    found = match_transfers.look(metrc.facility)
    assert found.failed == {}
    return found


def status(order):
    return SalesOrder.objects.get(pk=order.pk).status


def receive(delivery):
    delivery.received_at = timezone.now()
    delivery.save()


def rules(metrc, on_match, on_receipt):
    metrc.account.on_match, metrc.account.on_receipt = on_match, on_receipt
    metrc.account.save()


@pytest.mark.parametrize(
    ("on_match", "on_receipt", "expected", "once_received"),
    [
        ("completed", "completed", "completed", "completed"),
        ("shipped", "completed", "shipped", "completed"),
        ("shipped", "", "shipped", "shipped"),
        ("", "completed", "allocated", "completed"),
        ("", "", "allocated", "allocated"),
    ],
)
def test_the_accounts_rules_say_how_far(metrc, on_match, on_receipt, expected, once_received):
    rules(metrc, on_match, on_receipt)
    order, match, delivery = matched(metrc)
    assert status(order) == expected
    receive(delivery)
    look(metrc)
    assert status(order) == once_received
    match.refresh_from_db()
    assert match.waits_for == ""


def test_stock_leaves_once_however_often_we_look(metrc):
    order, match, _ = matched(metrc)
    item = order.lines.get().item
    for _ in range(2):
        look(metrc)
        assert advance_orders.advance(match)
    assert inventory.levels([item.pk])[item.pk].on_hand == 990
    steps = [change.new for change in order.status_changes.all() if change.old != change.new]
    assert steps == ["completed", "shipped", "allocated", "created"]


def test_what_is_not_set_aside_yet_is_set_aside(metrc):
    order, match, _ = matched(metrc, allocate=False)
    assert status(order) == "completed"
    assert match.waits_for == ""


def test_what_is_missing_is_said_and_tried_again(metrc):
    item = metrc.item("JAR", on_hand=20)
    packages = [metrc.ours(item, 5), metrc.ours(item, 5)]
    metrc.order((item, 10))
    order = metrc.order((item, 10), allocate=False)
    assign(order, *packages)
    inventory.adjust(item, metrc.shop, Decimal(-6), reason="recount")
    shipment(metrc, [package.label for package in packages])
    for _ in range(2):
        look(metrc)
        match = Match.objects.get()
        assert status(order) == "partially_allocated"
        assert match.waits_for == (
            "Item JAR: 4 of 10 units are set aside. Receive the rest at Harborlight, or deallocate "
            "another order. It goes on by itself then."
        )
    inventory.receive(item, metrc.shop, Decimal(6))
    assert look(metrc).advanced == 1
    match.refresh_from_db()
    assert (status(order), match.waits_for) == ("completed", "")


def test_who_did_it_by_hand_is_in_the_history(metrc):
    order, labels = packed(metrc)
    delivery = shipment(metrc, [labels[0]])
    match_transfers.match(order.pk, delivery.pk, how="hand", by=metrc.user)
    assert status(order) == "completed"
    latest = order.status_changes.first()
    assert (latest.by, latest.reason) == (metrc.user, str(delivery.transfer))


def test_an_order_that_is_there_already_is_fine(metrc):
    order, labels = packed(metrc)
    order = services.complete(services.ship(order))
    shipment(metrc, labels)
    look(metrc)
    match = Match.objects.get()
    assert (match.waits_for, status(order)) == ("", "completed")
    assert advance_orders.advance(match)


def test_an_ended_match_moves_nothing(metrc):
    rules(metrc, "", "")
    order, match, _ = matched(metrc)
    match_transfers.unmatch(match.pk, reason="Not ours", by=metrc.user)
    rules(metrc, "completed", "completed")
    advance_orders.advance(match)
    look(metrc)
    assert status(order) == "allocated"


def test_one_that_fails_unexpectedly_stops_no_other(metrc, monkeypatch):
    rules(metrc, "", "")
    bad, _, _ = matched(metrc, sku="BAD")
    good, _, _ = matched(metrc, sku="GOOD")
    rules(metrc, "completed", "completed")
    ship = services.ship

    def failing(order, **options):
        if order.pk == bad.pk:
            raise RuntimeError("broken")
        return ship(order, **options)

    monkeypatch.setattr(services, "ship", failing)
    metrc.facility.refresh_from_db()
    looked = match_transfers.look(metrc.facility)
    assert looked.failed == {bad.number: "RuntimeError: broken"}
    assert (status(bad), status(good)) == ("allocated", "completed")


def test_a_matched_order_ends_up_complete_in_leaflink(db, monkeypatch):
    leaflink = Bench(monkeypatch)
    metrc = MetrcBench(monkeypatch)
    leaflink.account.status_map = PRESETS["distru"]
    leaflink.account.save()
    goods = leaflink.goods(on_hand=0)
    inventory.receive(goods.item, metrc.shop, Decimal(100))
    leaflink.rep.default_facility = metrc.shop
    leaflink.rep.save()
    leaflink.world.customers[leaflink.buyer.id].license_number = RECIPIENT
    leaflink.ready()
    remote = leaflink.order(leaflink.line(goods, 30))
    leaflink.sync("orders")
    order = leaflink.local(remote)
    packages = [metrc.ours(goods.item, 10), metrc.ours(goods.item, 20)]
    assign(order, *packages)
    metrc.shipped(order, *[package.label for package in packages])
    pull_transfers(metrc.facility, metrc.client(), Recorder())
    look(metrc)
    assert status(order) == "completed"
    leaflink.sync("statuses")
    assert leaflink.world.orders[remote.number].status == "Complete"
