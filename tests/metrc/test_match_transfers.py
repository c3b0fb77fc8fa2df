"""Orders matched with deliveries: by itself, by hand, ended by itself; what people are asked."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.metrc import match_transfers
from integrations.metrc.match_transfers import CannotMatch
from integrations.metrc.models import (
    Discrepancy,
    Match,
    PackageAssignment,
    PossibleMatch,
    Transfer,
    TransferTemplate,
)
from orders import services
from orders.models import SalesOrder
from tests.metrc.shipments import alter, packed, shipment, stop, template


@pytest.fixture
def calm(metrc):
    """A licensee whose orders stay as they are when they are matched."""
    metrc.account.on_match = metrc.account.on_receipt = ""
    metrc.account.save()
    return metrc


def look(metrc):
    metrc.facility.refresh_from_db()
    found = match_transfers.look(metrc.facility)
    assert found.failed == {}
    return found


def live(order):
    return Match.objects.filter(order=order, ended_at__isnull=True).first()


def asked(order=None):
    rows = PossibleMatch.objects.filter(dismissed_at__isnull=True)
    return list(rows.filter(order=order) if order else rows)


def history(order):
    return [change.reason for change in order.status_changes.all()]


def test_what_is_certain_is_matched_once(calm):
    order, labels = packed(calm)
    template(calm, order, 7, labels)
    delivery = shipment(calm, labels, template_id=7)
    assert look(calm).matched == 1
    found = live(order)
    assert (found.delivery, found.how, found.matched_by) == (delivery, "template", None)
    assert any(delivery.transfer.manifest_number in reason for reason in history(order))
    told = history(order)
    again = look(calm)
    assert (again.matched, again.possible, again.ended) == (0, 0, 0)
    assert live(order) == found
    assert history(order) == told


def test_by_the_packages_where_metrc_does_not_name_the_template(calm):
    order, labels = packed(calm)
    shipment(calm, labels)
    look(calm)
    assert live(order).how == "labels"


def test_licenses_are_compared_without_their_dashes(calm):
    order, labels = packed(calm)
    calm.buyer.license_number = " c10-0000311 lic"
    calm.buyer.save()
    delivery = shipment(calm, labels)
    assert delivery.recipient_key == "C100000311LIC"
    look(calm)
    assert live(order).delivery == delivery


def test_by_the_invoice_number_when_the_account_allows(calm):
    order = calm.order((calm.item("JAR"), 10))
    delivery = shipment(calm, ["OURS-NOT-READ"], invoice=order.number.lower())
    calm.account.match_by_invoice = False
    calm.account.save()
    look(calm)
    assert live(order) is None
    assert len(asked(order)) == 1
    calm.account.match_by_invoice = True
    calm.account.save()
    look(calm)
    assert (live(order).how, live(order).delivery) == ("invoice", delivery)
    assert asked() == []


def test_a_merged_transfer_is_each_orders(calm):
    one, first = packed(calm)
    two, second = packed(calm, sku="GUM")
    delivery = shipment(calm, [*first, *second])
    look(calm)
    assert live(one).delivery == live(two).delivery == delivery


def test_several_stops_are_matched_stop_by_stop(calm):
    one, first = packed(calm)
    two, second = packed(calm, sku="GUM", to=calm.other)
    near = shipment(calm, first)
    far = stop(near.transfer, second, to=calm.other)
    look(calm)
    assert (live(one).delivery, live(two).delivery) == (near, far)


def test_what_is_possible_waits_for_a_person(calm):
    order, labels = packed(calm)
    delivery = shipment(calm, [labels[0], "FOREIGN"])
    assert look(calm).possible == 1
    row = PossibleMatch.objects.get()
    assert (row.order, row.delivery) == (order, delivery)
    assert row.reasons == [
        "Same customer",
        "1 of the order's 2 packages",
        f"But: Without the order's packages {labels[1]}",
        "But: Also packages that aren't the order's: FOREIGN",
    ]
    found_at = row.found_at
    look(calm)
    row.refresh_from_db()
    assert row.found_at == found_at
    alter(delivery, drop=[labels[0]])
    look(calm)
    assert asked() == []


def test_the_account_may_want_to_be_asked_always(calm):
    calm.account.match_by_itself = False
    calm.account.save()
    order, labels = packed(calm)
    shipment(calm, labels)
    look(calm)
    assert live(order) is None
    (row,) = asked(order)
    assert row.reasons == ["Same customer", "2 of the order's 2 packages"]


def test_what_was_dismissed_stays_so_until_it_changes(calm):
    order, labels = packed(calm)
    delivery = shipment(calm, [labels[0]])
    look(calm)
    match_transfers.dismiss(PossibleMatch.objects.get().pk, by=calm.user)
    look(calm)
    assert asked() == []
    # That it was received is no reason to ask again.
    Transfer.objects.update(modified_at=timezone.now())
    look(calm)
    assert asked() == []
    alter(delivery, add=["FOREIGN"])
    look(calm)
    assert len(asked(order)) == 1
    assert PossibleMatch.objects.count() == 1


def test_it_is_not_matched_by_itself_once_dismissed(calm):
    calm.account.match_by_itself = False
    calm.account.save()
    order, labels = packed(calm)
    shipment(calm, labels)
    look(calm)
    match_transfers.dismiss(PossibleMatch.objects.get().pk, by=calm.user)
    calm.account.match_by_itself = True
    calm.account.save()
    look(calm)
    assert live(order) is None
    assert asked() == []


# By hand


def test_by_hand_it_need_not_fit(calm):
    order, labels = packed(calm)
    delivery = shipment(calm, [labels[0], "FOREIGN"], to=calm.other)
    look(calm)
    found = match_transfers.match(order.pk, delivery.pk, how="hand", by=calm.user)
    assert (found.how, found.matched_by) == ("hand", calm.user)
    assert asked() == []
    # It was known then, so it is no alteration.
    assert look(calm).ended == 0
    assert live(order) == found
    # Pressed twice it is the same match.
    again = match_transfers.match(order.pk, delivery.pk, how="hand", by=calm.user)
    assert again == found
    assert Match.objects.count() == 1


def test_what_cannot_be_matched_says_why(calm):
    order, labels = packed(calm)
    delivery = shipment(calm, labels)
    voided = shipment(calm, labels)
    alter(voided, void=True)
    other = calm.order((calm.item("GUM"), 5))

    def refusal(order, delivery):
        with pytest.raises(CannotMatch) as error:
            match_transfers.match(order.pk, delivery.pk, how="hand", by=calm.user)
        return str(error.value)

    assert "was voided in Metrc" in refusal(order, voided)
    match_transfers.match(order.pk, delivery.pk, how="hand", by=calm.user)
    assert "already. Unmatch it first" in refusal(order, shipment(calm, labels))
    assert f"is matched with order {order.number} already" in refusal(other, delivery)
    services.cancel(other, reason="called off")
    assert "is canceled" in refusal(other, shipment(calm, labels))
    elsewhere = calm.order((calm.item("BAR"), 5))
    SalesOrder.objects.filter(pk=elsewhere.pk).update(facility=None)
    assert "Move the order to that facility first" in refusal(elsewhere, shipment(calm, labels))
    assert Match.objects.count() == 1


def test_unmatching_asks_why_keeps_the_packages_and_is_final(calm):
    order, labels = packed(calm)
    delivery = shipment(calm, labels)
    look(calm)
    with pytest.raises(CannotMatch, match="Say why"):
        match_transfers.unmatch(live(order).pk, reason=" ", by=calm.user)
    ended = match_transfers.unmatch(live(order).pk, reason="Not ours", by=calm.user)
    assert (ended.end_reason, ended.ended_by) == ("Not ours", calm.user)
    assert live(order) is None
    assert PackageAssignment.objects.filter(ended_at__isnull=True).count() == 2
    assert "Not ours" in history(order)[0]
    with pytest.raises(CannotMatch, match="meanwhile"):
        match_transfers.unmatch(ended.pk, reason="Again", by=calm.user)
    # Never by itself again, whatever happens to it; but by hand.
    alter(delivery, add=["FOREIGN"])
    look(calm)
    assert live(order) is None
    assert asked() == []
    match_transfers.match(order.pk, delivery.pk, how="hand", by=calm.user)
    assert live(order).delivery == delivery


@pytest.mark.parametrize("how", ["returned", "flag", "decided"])
def test_once_goods_came_back_a_match_stays(calm, how):
    order, labels = packed(calm)
    delivery = shipment(calm, labels)
    look(calm)
    if how == "decided":
        Discrepancy.objects.create(
            match=live(order), label=labels[0], kind="short", quantity=1, decision="returned"
        )
    else:
        state = "Returned" if how == "returned" else "Rejected"
        delivery.packages.filter(label=labels[0]).update(state=state)
        delivery.rejected_returned = how == "flag"
        delivery.save()
    with pytest.raises(CannotMatch, match="have come back"):
        match_transfers.unmatch(live(order).pk, reason="Not ours", by=calm.user)
    alter(delivery, drop=[labels[0]])
    assert look(calm).ended == 0
    assert "But: Goods have come back, so it stays matched" in asked(order)[0].reasons


# Altered in Metrc after it was matched


def test_a_voided_transfer_is_unmatched_and_the_new_one_is_found(calm):
    order, labels = packed(calm)
    first = shipment(calm, labels)
    look(calm)
    alter(first, void=True)
    assert look(calm).ended == 1
    assert live(order) is None
    assert asked() == []
    ended = Match.objects.get()
    assert ended.end_reason == f"{first.transfer} was voided in Metrc"
    assert ended.end_reason in history(order)[0]
    second = shipment(calm, labels)
    assert look(calm).matched == 1
    assert live(order).delivery == second


def test_an_order_that_was_completed_stays_so_and_a_person_is_told(metrc):
    order, labels = packed(metrc)
    first = shipment(metrc, labels)
    look(metrc)
    order.refresh_from_db()
    assert order.status == "completed"
    alter(first, void=True)
    look(metrc)
    order.refresh_from_db()
    assert order.status == "completed"
    assert "was voided in Metrc" in history(order)[0]
    (row,) = asked(order)
    assert row.reasons == [f"But: the order is completed, and {_lower(first)} was voided in Metrc"]
    look(metrc)
    assert asked(order) == [row]
    # Until there is a new one, or somebody has seen to it.
    second = shipment(metrc, labels)
    look(metrc)
    assert live(order).delivery == second
    assert asked() == []


def _lower(delivery):
    return f"m{str(delivery.transfer)[1:]}"


def test_who_was_told_can_say_that_it_is_seen_to(metrc):
    order, labels = packed(metrc)
    first = shipment(metrc, labels)
    look(metrc)
    alter(first, void=True)
    look(metrc)
    match_transfers.dismiss(asked(order)[0].pk, by=metrc.user)
    look(metrc)
    assert asked() == []


@pytest.mark.parametrize("change", ["package", "customer", "stop", "canceled"])
def test_what_is_no_longer_the_orders_is_unmatched(calm, change):
    order, labels = packed(calm)
    delivery = shipment(calm, labels)
    look(calm)
    if change == "package":
        alter(delivery, drop=labels[:1])
    elif change == "customer":
        alter(delivery, to=calm.other)
    elif change == "stop":
        delivery.is_listed = False
        delivery.save()
    else:
        services.cancel(order, reason="called off")
    assert look(calm).ended == 1
    assert live(order) is None
    said = {
        "package": f"packages were taken off {delivery.transfer}: {labels[0]}",
        "customer": "now goes to Salt & Sage",
        "stop": "no longer has this stop",
        "canceled": "was canceled",
    }[change]
    assert said in Match.objects.get().end_reason
    # What is left of it may still be the order's: a person is asked.
    assert len(asked(order)) == (change in ("package", "customer"))
    assert look(calm).ended == 0


def test_packages_added_in_metrc_are_told_and_the_match_stays(calm):
    order, labels = packed(calm)
    delivery = shipment(calm, labels)
    look(calm)
    alter(delivery, add=["FOREIGN"])
    look(calm)
    assert live(order) is not None
    (row,) = asked(order)
    assert row.reasons == [
        "It is matched with it",
        "But: In Metrc packages were added: FOREIGN",
    ]
    look(calm)
    assert asked(order) == [row]
    with pytest.raises(CannotMatch, match="match it again to keep it"):
        match_transfers.dismiss(row.pk, by=calm.user)
    match_transfers.match(order.pk, delivery.pk, how="hand", by=calm.user)
    look(calm)
    assert asked() == []
    assert live(order).how == "labels"


def test_a_second_order_added_to_a_matched_transfer_is_matched_too(calm):
    one, first = packed(calm)
    delivery = shipment(calm, first)
    look(calm)
    two, second = packed(calm, sku="GUM")
    alter(delivery, add=second)
    look(calm)
    assert live(one).delivery == live(two).delivery == delivery
    assert asked() == []


def test_received_is_no_alteration(calm):
    order, labels = packed(calm)
    delivery = shipment(calm, labels)
    look(calm)
    delivery.packages.update(state="Accepted", received_quantity=4)
    alter(delivery)
    looked = look(calm)
    assert (looked.ended, looked.possible) == (0, 0)
    assert live(order) is not None


# Ranking


def test_likely_ones_come_first_with_reasons(calm):
    order, labels = packed(calm)
    order.delivery_date = timezone.localdate()
    order.save()
    noon = timezone.now().replace(hour=20, minute=0)
    weak = shipment(calm, ["X"], ago=5, arrives_at=noon + timedelta(days=9))
    same = shipment(calm, ["Y", "Z"], ago=4, arrives_at=noon)
    part = shipment(calm, [labels[0], "Q"], ago=50, invoice=order.number)
    taken, _ = packed(calm, sku="GUM")
    gone = shipment(calm, ["T"], ago=1)
    match_transfers.match(taken.pk, gone.pk, how="hand", by=None)
    voided = shipment(calm, labels)
    alter(voided, void=True)
    ranked = match_transfers.rank(order)
    assert [one.delivery for one in ranked] == [part, same, weak, gone]
    best = ranked[0]
    assert best.is_likely
    assert best.reasons == (
        "Same customer",
        "1 of the order's 2 packages",
        "The invoice number is the order's number",
        "As many packages: 2",
    )
    assert f"Without the order's packages {labels[1]}" in best.doubts
    assert "Arrives on the delivery date" in ranked[1].reasons
    assert "It is matched with another order already" in ranked[3].doubts
    assert not ranked[3].is_likely


def test_the_list_is_bounded_and_costs_the_same_whatever_its_length(calm):
    order, labels = packed(calm)
    shipment(calm, labels)
    with CaptureQueriesContext(connection) as few:
        match_transfers.rank(order)
    for n in range(60):
        shipment(calm, [f"L{n}"])
    with CaptureQueriesContext(connection) as many:
        assert len(match_transfers.rank(order)) == 50
    assert len(many) == len(few) <= 12


def test_a_facility_without_a_license_has_nothing_to_choose_from(calm):
    order = calm.order((calm.item("JAR"), 1))
    SalesOrder.objects.filter(pk=order.pk).update(facility=None)
    order.refresh_from_db()
    assert match_transfers.rank(order) == []


# What it costs


def test_a_look_at_nothing_new_costs_the_same_whatever_there_is(calm):
    def one_more(n):
        _, labels = packed(calm, sku=f"S{n}")
        shipment(calm, [labels[0], f"X{n}"])
        _, done = packed(calm, sku=f"D{n}")
        shipment(calm, done)

    one_more(0)
    look(calm)
    with CaptureQueriesContext(connection) as few:
        look(calm)
    for n in range(1, 6):
        one_more(n)
    look(calm)
    with CaptureQueriesContext(connection) as many:
        looked = look(calm)
    assert (looked.matched, looked.possible) == (0, 6)
    # What is in question of a live match is compared one by one; nothing here is.
    assert len(many) == len(few) <= 30, [q["sql"] for q in many]


def test_what_has_nothing_to_do_with_any_order_is_not_even_loaded(calm):
    from integrations.metrc import known_facts

    order, labels = packed(calm)
    template(calm, order, 7)
    wanted = [shipment(calm, labels), shipment(calm, ["Q"], template_id=7)]
    numbered = calm.order((calm.item("BAR"), 1))
    wanted.append(shipment(calm, ["R"], invoice=numbered.number))
    calm.order((calm.item("GUM"), 1))
    shipment(calm, ["STRANGER"], template_id=8)
    shipment(calm, labels, ago=60 * 24 * 5)
    known = known_facts.of_license(calm.facility)
    assert set(known.deliveries) == {one.pk for one in wanted}
    assert set(known.orders) == {order.pk, numbered.pk}


def test_a_withdrawn_templates_transfer_is_still_the_orders(calm):
    order, labels = packed(calm)
    old = template(calm, order, 7, labels)
    TransferTemplate.objects.filter(pk=old.pk).update(state="withdrawn")
    template(calm, order, 8, labels)
    shipment(calm, labels, template_id=7)
    look(calm)
    assert live(order).how == "template"


# Two workers


def at_once(*acts):
    """Run the acts in threads that start together; returns what each raised or returned."""
    start = threading.Barrier(len(acts))
    results = [None] * len(acts)

    def run(index, act):
        try:
            start.wait()
            results[index] = act()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_that_look_at_once_match_each_order_once(transactional_db, make_metrc):
    metrc = make_metrc()
    orders = []
    for n in range(6):
        order, labels = packed(metrc, sku=f"S{n}")
        shipment(metrc, labels if n % 2 else [labels[0], f"X{n}"])
        orders.append(order)

    def one_look():
        return match_transfers.look(metrc.facility)

    def person():
        order = orders[1]
        delivery = Transfer.objects.order_by("pk")[1].deliveries.get()
        return match_transfers.match(order.pk, delivery.pk, how="hand", by=metrc.user)

    results = at_once(one_look, one_look, person)
    assert [one for one in results if isinstance(one, Exception)] == []
    assert all(one.failed == {} for one in results[:2])
    match_transfers.look(metrc.facility)
    assert Match.objects.count() == 3
    assert PossibleMatch.objects.count() == 3
    statuses = list(SalesOrder.objects.order_by("pk").values_list("status", flat=True))
    assert statuses == ["allocated", "completed"] * 3
