"""What did not arrive whole: noted once, corrected with Metrc, decided about once."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from model_bakery import baker

from catalog import inventory
from catalog.models import Lot, Movement
from integrations.metrc import assign_packages, match_transfers, reconcile
from integrations.metrc.match_transfers import CannotMatch
from integrations.metrc.models import Delivery, Discrepancy, PackageAssignment
from integrations.metrc.problems_of_transfers import differences as problems
from integrations.metrc.settle_discrepancies import CannotSettle, choices_of, settle
from orders import services
from tests.leaflink.pages import text_of, url
from tests.metrc.hands import (
    assign,
    differences,
    history,
    matched,
    may,
    on_hand,
    read,
    received,
)

Decision = Discrepancy.Decision


@pytest.fixture
def shipped(metrc, filled):
    """The filled order on its way: 1000 of each item were there, 850 jars and 976 gummies are."""
    filled.match, filled.remote = matched(metrc, filled)
    filled.labels = [one.label for one in filled.packages]
    return filled


def only(match):
    return Discrepancy.objects.get(match=match)


def test_each_line_adds_up_from_order_to_receipt(metrc, shipped):
    first, _, third = shipped.labels
    before = reconcile.of(shipped.order)
    assert [(one.figures.ordered, one.figures.ours.on_the_way) for one in before.lines] == [
        (150, 150),
        (24, 24),
    ]
    found = received(metrc, shipped.match, shipped.remote, short={first: 98}, reject=[third])
    assert found == {(first, "short"): 2, (third, "rejected"): 24}
    jars, gummies = (one.figures for one in reconcile.of(shipped.order).lines)
    assert (jars.allocated, jars.assigned, jars.ours.shipped) == (150, 150, 150)
    assert (jars.ours.received, jars.ours.short) == (148, 2)
    assert (gummies.ours.received, gummies.ours.rejected, gummies.ours.returned) == (0, 24, 0)


def test_noting_twice_changes_nothing_and_a_corrected_receipt_corrects(metrc, shipped):
    first, second, _ = shipped.labels
    received(metrc, shipped.match, shipped.remote, short={first: 98, second: 40})
    kept = set(Discrepancy.objects.values_list("pk", flat=True))
    assert reconcile.note_discrepancies(shipped.match) == 2
    assert set(Discrepancy.objects.values_list("pk", flat=True)) == kept
    packages = shipped.match.delivery.packages
    packages.filter(label=first).update(received_quantity=97)
    packages.filter(label=second).update(received_quantity=50)
    assert reconcile.note_discrepancies(shipped.match) == 1
    assert differences(shipped.match) == {(first, "short"): 3}
    settle(only(shipped.match).pk, Decision.ACCEPTED, by=metrc.user)
    packages.filter(label=first).update(received_quantity=100)
    assert reconcile.note_discrepancies(shipped.match) == 0
    assert only(shipped.match).decision == Decision.ACCEPTED


def test_after_a_reading_only_what_was_read_is_noted_and_it_is_a_problem(metrc, shipped):
    metrc.world.receive(shipped.remote.id, reject=[shipped.labels[2]])
    read(metrc)
    assert list(problems()) == []
    assert reconcile.note_due(metrc.facility) == 1
    (problem,) = problems()
    assert "24 rejected" in problem.text
    assert problem.url == url("metrc_order_received", shipped.order.pk)
    settle(only(shipped.match).pk, Decision.WRITTEN_OFF, by=metrc.user)
    assert list(problems()) == []
    assert reconcile.note_due(metrc.facility) == 0


def test_more_than_was_shipped_is_noted(metrc, shipped):
    first = shipped.labels[0]
    found = received(metrc, shipped.match, shipped.remote, short={first: 101})
    assert found == {(first, "over"): 1}
    assert choices_of(only(shipped.match)) == [Decision.ACCEPTED]
    assert reconcile.of(shipped.order).lines[0].figures.ours.over == 1


def test_what_came_back_goes_into_stock_once(metrc, shipped):
    third = shipped.labels[2]
    received(metrc, shipped.match, shipped.remote, reject=[third])
    metrc.world.return_rejected(shipped.remote.id)
    read(metrc)
    reconcile.note_discrepancies(shipped.match)
    row = only(shipped.match)
    assert row.is_back
    assert choices_of(row)[0] == Decision.RETURNED
    assert on_hand(shipped.gummies) == 976
    assert settle(row.pk, Decision.RETURNED, note="Wrong flavour.", by=metrc.user)
    assert not settle(row.pk, Decision.RETURNED, note="Again", by=metrc.user)
    with pytest.raises(CannotSettle, match="decided about already"):
        settle(row.pk, Decision.WRITTEN_OFF, by=metrc.user)
    assert on_hand(shipped.gummies) == 1000
    (movement,) = Movement.objects.filter(kind="receive", reference=shipped.order.number)
    assert third in movement.reason
    assert movement.on_hand_change == 24
    noted = [text for text in history(shipped.order) if third in text and "rejected" in text]
    assert len(noted) == 1
    assert "24 at Harborlight. Wrong flavour." in noted[0]
    row.refresh_from_db()
    assert (row.decided_by, row.note) == (metrc.user, "Wrong flavour.")
    # The package is free for another order, and still shown under its line here.
    assert not PackageAssignment.objects.filter(
        package__label=third, ended_at__isnull=True
    ).exists()
    gummies = reconcile.of(shipped.order).lines[1].figures
    assert [one.label for one in gummies.packages] == [third]
    assert gummies.ours.returned == 24
    with pytest.raises(CannotMatch, match="come back"):
        match_transfers.unmatch(shipped.match.pk, reason="Wrong one", by=metrc.user)


@pytest.mark.parametrize("decision", [Decision.WRITTEN_OFF, Decision.ACCEPTED])
def test_what_is_lost_or_stands_is_only_noted(metrc, shipped, decision):
    first = shipped.labels[0]
    received(metrc, shipped.match, shipped.remote, short={first: 98})
    movements = Movement.objects.count()
    assert settle(only(shipped.match).pk, decision, by=metrc.user)
    assert Movement.objects.count() == movements
    assert [text for text in history(shipped.order) if f"{first}: 2 units received short" in text]
    assert shipped.order.status == "completed"


def test_what_is_short_may_turn_up_here(metrc, shipped):
    received(metrc, shipped.match, shipped.remote, short={shipped.labels[0]: 98})
    settle(only(shipped.match).pk, Decision.RETURNED, by=metrc.user)
    assert on_hand(shipped.jars) == 852
    # The package itself is with the customer.
    assert PackageAssignment.objects.filter(ended_at__isnull=True).count() == 3


def test_it_goes_back_into_the_lots_that_it_left_from(metrc):
    item = metrc.item("LOT", on_hand=0)
    old = baker.make(Lot, item=item, number="OLD", expires_on="2030-01-01")
    new = baker.make(Lot, item=item, number="NEW", expires_on="2031-01-01")
    inventory.receive(item, metrc.shop, Decimal(10), old)
    inventory.receive(item, metrc.shop, Decimal(90), new)
    package = metrc.ours(item, 25)
    package.lot = new
    package.save(update_fields=["lot"])
    order = metrc.order((item, 25))
    found, remote = matched_with(metrc, order, package)
    received(metrc, found, remote, reject=[package.label])
    settle(only(found).pk, Decision.RETURNED, by=metrc.user)
    stock = {row.lot.number: row.on_hand for row in item.stock.all()}
    assert stock == {"OLD": 10, "NEW": 90}


def matched_with(metrc, order, *packages):
    ids = [one.pk for one in packages]
    assign_packages.assign(order, order.lines.get().pk, ids, by=None)
    remote = metrc.shipped(order, *(one.label for one in packages))
    read(metrc)
    delivery = Delivery.objects.get(transfer__remote_id=remote.id)
    return match_transfers.match(order.pk, delivery.pk, how="labels", by=None), remote


def test_units_of_another_name_are_counted_and_unknown_ones_are_not(metrc):
    item = metrc.item("FLW", unit="Gram", on_hand=2000)
    one, two = metrc.ours(item, 1, unit="Pounds"), metrc.ours(item, 453, unit="Grams")
    order = metrc.order((item, Decimal("906.5924")))
    found, remote = matched_with(metrc, order, one, two)
    metrc.world.receive(remote.id)
    read(metrc)
    rows = found.delivery.packages
    rows.filter(label=one.label).update(received_quantity="453.59", received_unit="Grams")
    rows.filter(label=two.label).update(received_quantity=3, received_unit="Handfuls")
    assert reconcile.note_discrepancies(found) == 0
    (line,) = reconcile.of(order).lines
    assert line.figures.ours.received == Decimal("453.5924")
    assert line.figures.ours.unclear == 453
    rows.filter(label=one.label).update(received_quantity="15", received_unit="Ounces")
    assert reconcile.note_discrepancies(found) == 1
    assert only(found).quantity == Decimal("28.3496")
    assert only(found).unit == "Gram"


def test_nothing_comes_back_of_what_has_not_left(metrc, filled):
    metrc.account.on_match = metrc.account.on_receipt = ""
    metrc.account.save()
    found, remote = matched(metrc, filled)
    received(metrc, found, remote, reject=[filled.packages[2].label])
    assert filled.order.status == "allocated"
    with pytest.raises(CannotSettle, match="Ship the order first"):
        settle(only(found).pk, Decision.RETURNED, by=metrc.user)
    assert not only(found).decision
    services.ship(filled.order)
    assert settle(only(found).pk, Decision.RETURNED, by=metrc.user)
    assert on_hand(filled.gummies) == 1000


def test_a_package_on_no_line_is_noted_in_metrcs_unit_and_not_put_back_blindly(metrc, filled):
    remote = metrc.shipped(filled.order, *(one.label for one in filled.packages))
    read(metrc)
    delivery = Delivery.objects.get()
    found = match_transfers.match(filled.order.pk, delivery.pk, how="hand", by=metrc.user)
    label = filled.packages[2].label
    assert received(metrc, found, remote, reject=[label]) == {(label, "rejected"): 24}
    assert only(found).unit == "Each"
    with pytest.raises(CannotSettle, match="on no line"):
        settle(only(found).pk, Decision.RETURNED, by=metrc.user)
    assert settle(only(found).pk, Decision.WRITTEN_OFF, by=metrc.user)


def test_two_orders_on_one_delivery_each_see_their_own(metrc, filled):
    assign(filled)
    other_package = metrc.ours(filled.jars, 10)
    other = metrc.order((filled.jars, 10))
    assign_packages.assign(other, other.lines.get().pk, [other_package.pk], by=None)
    labels = [one.label for one in filled.packages]
    remote = metrc.shipped(filled.order, *labels, other_package.label)
    read(metrc)
    delivery = Delivery.objects.get()
    mine = match_transfers.match(filled.order.pk, delivery.pk, how="labels", by=None)
    theirs = match_transfers.match(other.pk, delivery.pk, how="labels", by=None)
    assert reconcile.of(filled.order).elsewhere == {other.number: [other_package.label]}
    assert received(metrc, mine, remote, reject=[other_package.label]) == {}
    assert reconcile.note_discrepancies(theirs) == 1


def test_figures_cost_the_same_however_many_packages(metrc, shipped):
    with CaptureQueriesContext(
        connection,
    ) as few:
        reconcile.of(shipped.order)
    delivery = shipped.match.delivery
    for number in range(5):
        delivery.packages.create(label=f"MORE{number}", state="Shipped", shipped_quantity=1)
    with CaptureQueriesContext(connection) as many:
        assert len(reconcile.of(shipped.order).unplaced) == 5
    assert len(many) <= len(few) + 1


def decide(client, row, decision, note=""):
    address = url("metrc_order_received_decide", row.match.order_id, row.pk)
    return client.post(address, {"decision": decision, "note": note}, follow=True)


def test_the_page_tells_each_difference_and_takes_the_decision(client, metrc, shipped):
    first, _, third = shipped.labels
    received(metrc, shipped.match, shipped.remote, short={first: 98}, reject=[third])
    client.force_login(metrc.user)
    page = url("metrc_order_received", shipped.order.pk)
    text = text_of(client.get(page))
    assert "2 differences to be decided about" in text
    assert "2 short" in text
    assert "Metrc does not say yet that it is back" in text
    row = Discrepancy.objects.get(label=third)
    for _ in range(2):
        answer = decide(client, row, Decision.RETURNED)
    assert "Nothing was done again" in text_of(answer)
    assert on_hand(shipped.gummies) == 1000
    assert "1 difference to be decided about" in text_of(client.get(page))


def test_looking_and_deciding_are_two_permissions(client, metrc, shipped, django_user_model):
    received(metrc, shipped.match, shipped.remote, short={shipped.labels[0]: 98})
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    page = url("metrc_order_received", shipped.order.pk)
    assert client.get(page).status_code == 403
    may(clerk, "metrc.view_match")
    assert "Waits for a decision" in text_of(client.get(page))
    assert decide(client, only(shipped.match), Decision.ACCEPTED).status_code == 403
    assert client.get(
        url("metrc_order_received_decide", shipped.order.pk, only(shipped.match).pk)
    ).status_code in (403, 405)
    may(clerk, "metrc.settle_discrepancy")
    assert "It is noted" in text_of(decide(client, only(shipped.match), Decision.ACCEPTED))


def test_a_decision_needs_a_choice_and_a_difference_that_is_still_there(client, metrc, shipped):
    received(metrc, shipped.match, shipped.remote, short={shipped.labels[0]: 98})
    client.force_login(metrc.user)
    row = only(shipped.match)
    assert "choose what becomes of it" in text_of(decide(client, row, ""))
    shipped.match.delivery.packages.update(received_quantity=None, state="Shipped")
    reconcile.note_discrepancies(shipped.match)
    assert "no longer there" in text_of(decide(client, row, Decision.ACCEPTED))
