"""What could complete an order wrongly, book goods twice, or lose what a person must decide."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from model_bakery import baker

from customers.models import SalesRep
from integrations.metrc import (
    advance_orders,
    cycle,
    match_transfers,
    possible_matches,
    reconcile,
)
from integrations.metrc import problems_of_transfers as problems
from integrations.metrc.match_transfers import CannotMatch
from integrations.metrc.models import (
    Delivery,
    DeliveryPackage,
    Discrepancy,
    Match,
    MetrcFacility,
    PossibleMatch,
    Transfer,
)
from integrations.metrc.settle_discrepancies import settle
from integrations.wire.errors import Refused, Wait
from orders import services
from tests.leaflink.pages import url
from tests.metrc.hands import matched, on_hand, read
from tests.metrc.shipments import alter, packed, shipment
from tests.metrc.test_match_transfers import at_once


class Clock:
    back = timedelta(hours=1)

    def __call__(self):
        return datetime.now(UTC) - self.back


def test_a_rejection_read_just_before_a_failure_is_still_asked_about(metrc, filled, monkeypatch):
    metrc.world.clock = Clock()
    _found, remote = matched(metrc, filled)
    # The worker stood still for an hour: this was received 40 minutes ago.
    MetrcFacility.objects.update(transfers_until=timezone.now() - timedelta(hours=1))
    metrc.world.clock.back = timedelta(minutes=40)
    metrc.world.receive(remote.id, reject=[filled.packages[2].label])
    real = match_transfers.look
    monkeypatch.setattr(
        match_transfers, "look", lambda f: 1 / 0
    )  # killed, deadlock, lost database…
    (step,) = cycle.run_cycle(metrc.account, ["transfers"])
    assert step.error
    monkeypatch.setattr(match_transfers, "look", real)
    for _ in range(3):
        (step,) = cycle.run_cycle(metrc.account, ["transfers"])
        assert not step.error
    assert DeliveryPackage.objects.filter(state="Rejected").count() == 1
    assert Discrepancy.objects.count() == 1


def test_a_rejection_read_before_metrc_fails_in_a_later_window(metrc, filled, monkeypatch):
    metrc.world.clock = Clock()
    metrc.world.clock.back = timedelta(days=3)
    MetrcFacility.objects.update(transfers_until=timezone.now() - timedelta(days=4))
    _found, remote = matched(metrc, filled)
    metrc.world.clock.back = timedelta(days=1, hours=12)
    metrc.world.receive(remote.id, reject=[filled.packages[2].label])
    MetrcFacility.objects.update(transfers_until=timezone.now() - timedelta(days=2))
    from integrations.metrc.wire.client import MetrcClient

    real, lists = MetrcClient.rows, []

    def rows(self, path, number, **params):
        if path == "transfers/v2/outgoing":
            lists.append(params)
            if len(lists) == 2:
                raise Wait("Metrc has a problem of its own (503).", 1)
        return real(self, path, number, **params)

    metrc.account.window_hours = Decimal("23.5")
    metrc.account.save()
    monkeypatch.setattr(MetrcClient, "rows", rows)
    (step,) = cycle.run_cycle(metrc.account, ["transfers"])
    assert "503" in step.error
    (step,) = cycle.run_cycle(metrc.account, ["transfers"])
    assert not step.error
    assert DeliveryPackage.objects.filter(state="Rejected").count() == 1
    assert Discrepancy.objects.count() == 1


def test_short_then_rejected_comes_back_once(metrc, filled):
    found, _remote = matched(metrc, filled)
    label = filled.packages[0].label
    row = DeliveryPackage.objects.get(label=label)
    row.state, row.received_quantity, row.received_unit = "Accepted", Decimal(60), row.shipped_unit
    row.save()
    reconcile.note_discrepancies(found)
    settle(Discrepancy.objects.get().pk, "returned", by=metrc.user)
    before = on_hand(filled.jars)
    assert before == 850 + 40
    # The receiver corrects the receipt: all of it is rejected.
    row.state, row.received_quantity = "Rejected", Decimal(0)
    row.save()
    reconcile.note_discrepancies(found)
    settle(Discrepancy.objects.get(decision="").pk, "returned", by=metrc.user)
    assert on_hand(filled.jars) == 850 + 100


def test_an_empty_delivery_completes_nothing_by_its_invoice(metrc):
    order = metrc.order((metrc.item("JAR"), 10))
    shipment(metrc, [], invoice=order.number)
    match_transfers.look(metrc.facility)
    order.refresh_from_db()
    assert order.status == "allocated"


def test_all_rejected_is_not_received(metrc):
    metrc.account.on_match = "shipped"
    metrc.account.save()
    metrc.facility.refresh_from_db()
    order, labels = packed(metrc)
    one = shipment(metrc, labels)
    match_transfers.look(metrc.facility)
    order.refresh_from_db()
    assert order.status == "shipped"
    one.packages.update(state="Rejected")
    Delivery.objects.update(received_at=timezone.now())
    match_transfers.look(metrc.facility)
    order.refresh_from_db()
    assert order.status == "shipped"


def test_what_came_back_whole_completes_no_order_by_itself(metrc):
    order, labels = packed(metrc)
    one = shipment(metrc, labels)
    one.packages.update(state="Returned")
    match_transfers.look(metrc.facility)
    order.refresh_from_db()
    assert order.status == "allocated"


def test_one_license_stops_no_other(metrc, monkeypatch):
    from model_bakery import baker

    from catalog.models import Facility

    other = baker.make(Facility, name="Z", license_number="C11-9", state="CA")
    MetrcFacility.objects.create(
        account=metrc.account, license_number="C11-9", name="Zulu", facility=other
    )
    seen = []

    def pull(facility, client, run):
        seen.append(facility.name)
        if facility.name.startswith("Harbor"):
            raise Refused(["License is not active"], vendor="Metrc")

    monkeypatch.setattr(cycle, "pull_transfers", pull)
    cycle.run_cycle(metrc.account, ["transfers"])
    assert "Zulu" in seen


def test_a_recipient_that_metrc_does_not_say_this_time_ends_no_match(metrc):
    metrc.account.on_match = metrc.account.on_receipt = ""
    metrc.account.save()
    metrc.facility.refresh_from_db()
    order, labels = packed(metrc)
    one = shipment(metrc, labels)
    match_transfers.match(order.pk, one.pk, how="hand", by=metrc.user)
    Delivery.objects.update(recipient_license="", recipient_key="", recipient_name="")
    now = timezone.now()
    Transfer.objects.update(modified_at=now, expanded_at=now)
    match_transfers.look(metrc.facility)
    assert Match.objects.get().ended_at is None


def test_a_question_about_goods_that_came_back_can_be_answered(metrc, filled):
    found, remote = matched(metrc, filled)
    metrc.world.receive(remote.id, reject=[filled.packages[2].label])
    read(metrc)
    reconcile.note_discrepancies(found)
    settle(Discrepancy.objects.get().pk, "returned", by=metrc.user)
    Delivery.objects.update(is_listed=False)
    match_transfers.look(metrc.facility)
    row = PossibleMatch.objects.get()
    assert list(problems.possible())
    tries = [
        lambda: match_transfers.match(row.order_id, row.delivery_id, how="hand", by=metrc.user),
        lambda: match_transfers.dismiss(row.pk, by=metrc.user),
        lambda: match_transfers.unmatch(found.pk, reason="x", by=metrc.user),
    ]
    refused = []
    for one in tries:
        try:
            one()
        except CannotMatch as error:
            refused.append(str(error))
    match_transfers.look(metrc.facility)
    assert len(refused) < 3 or not list(problems.possible()), refused


def test_a_delivery_that_comes_twice_breaks_nothing(metrc, monkeypatch):
    from integrations.metrc.pull_transfers import pull_transfers
    from integrations.metrc.wire import reads
    from integrations.runs import Recorder

    order, labels = packed(metrc)
    metrc.shipped(order, *labels)
    real = reads.deliveries
    monkeypatch.setattr(reads, "deliveries", lambda *a: real(*a) * 2)
    pull_transfers(metrc.facility, metrc.client(), Recorder())
    assert Delivery.objects.count() == 1


def test_a_certain_match_that_is_not_made_is_asked_about(metrc):
    from model_bakery import baker

    from catalog.models import Facility

    old = baker.make(Facility, name="Old", license_number="C11-9", state="CA")
    there = MetrcFacility.objects.create(
        account=metrc.account, license_number="C11-9", facility=old
    )
    order, labels = packed(metrc)
    # One of its packages is the former license's.
    one = order.lines.get().package_assignments.first()
    one.package.facility = there
    one.package.save()
    shipment(metrc, [label for label in labels if label != one.package.label])
    for _ in range(2):
        match_transfers.look(metrc.facility)
    assert Match.objects.exists() or PossibleMatch.objects.exists()


@pytest.mark.parametrize("how", ["void", "gone"])
def test_a_match_by_hand_of_a_waiting_order_is_not_lost_unseen(metrc, how):
    item = metrc.item("JAR", on_hand=5)
    from orders.drafts import LineDraft, OrderDraft

    order = services.create(
        OrderDraft(
            destination=metrc.buyer,
            facility=metrc.shop,
            placed_at=timezone.now(),
            lines=[
                LineDraft(
                    item=item,
                    sku="JAR",
                    name="J",
                    quantity=Decimal(10),
                    case_size=1,
                    price=Decimal(1),
                )
            ],
        ),
        allow_short=True,
    )
    one = shipment(metrc, ["X1"])
    match_transfers.match(order.pk, one.pk, how="hand", by=metrc.user)
    assert Match.objects.get().waits_for
    if how == "void":
        alter(one, void=True)
    else:
        Delivery.objects.update(is_listed=False)
    match_transfers.look(metrc.facility)
    assert Match.objects.get().ended_at
    assert list(problems.possible()) or list(problems.voided()) or list(problems.waiting())


def test_a_rejected_package_without_a_shipped_quantity_is_asked_about(metrc, filled):
    found, _remote = matched(metrc, filled)
    DeliveryPackage.objects.filter(label=filled.packages[2].label).update(
        state="Rejected", shipped_quantity=None
    )
    reconcile.note_discrepancies(found)
    assert Discrepancy.objects.count() == 1


def test_a_rep_is_not_told_of_another_reps_order(client, metrc):
    mine, one = packed(metrc, sku="A")
    theirs, two = packed(metrc, sku="B")
    delivery = shipment(metrc, one + two)
    for order in (mine, theirs):
        match_transfers.match(order.pk, delivery.pk, how="hand", by=metrc.user)
    user = baker.make(User, is_staff=True)
    user.groups.add(Group.objects.get(name="Sales rep"))
    rep = baker.make(SalesRep, user=user)
    mine.sales_rep = rep
    mine.save()
    client.force_login(user)
    page = client.get(url("metrc_order_received", mine.pk))
    assert page.status_code == 200
    assert theirs.number not in page.text
    # The manifest is of both.
    assert client.get(url("metrc_order_manifest", mine.pk)).status_code == 403


@pytest.mark.postgres
def test_a_look_and_a_person_do_not_wait_for_each_other_forever(
    transactional_db, make_metrc, monkeypatch
):
    metrc = make_metrc()
    metrc.account.match_by_itself = False
    metrc.account.save()
    metrc.facility.refresh_from_db()
    order, labels = packed(metrc)
    first = shipment(metrc, [labels[0], "X1"])
    match_transfers.look(metrc.facility)
    assert PossibleMatch.objects.count() == 1
    shipment(metrc, [labels[0], "X2"])  # a second one that may be it
    rows_locked, person_has_order = threading.Event(), threading.Event()
    real_locked, real_orders = match_transfers.locked_delivery, possible_matches.SalesOrder

    def locked(pk):
        found = real_locked(pk)  # the order is locked already
        person_has_order.set()
        return found

    class Slow:
        class objects:
            @staticmethod
            def filter(*args, **kwargs):
                if args:
                    return real_orders.objects.filter(*args, **kwargs)  # the patch's locking
                rows_locked.set()  # the look has locked its rows, and is about to add some
                person_has_order.wait(5)
                return real_orders.objects.filter(**kwargs)

    def person():
        rows_locked.wait(10)
        return match_transfers.match(order.pk, first.pk, how="hand", by=metrc.user)

    monkeypatch.setattr(match_transfers, "locked_delivery", locked)
    monkeypatch.setattr(possible_matches, "SalesOrder", Slow)
    results = at_once(lambda: match_transfers.look(metrc.facility), person)
    assert [one for one in results if isinstance(one, Exception)] == []


@pytest.mark.postgres
def test_an_order_unmatched_in_this_moment_is_not_completed(
    transactional_db, make_metrc, monkeypatch
):
    metrc = make_metrc()
    metrc.account.on_match = metrc.account.on_receipt = ""
    metrc.account.save()
    order, labels = packed(metrc)
    found = match_transfers.match(order.pk, shipment(metrc, labels).pk, how="hand", by=metrc.user)
    metrc.account.on_match = "completed"
    metrc.account.save()
    decided, unmatched = threading.Event(), threading.Event()
    real = advance_orders.target_of

    def target_of(match):
        target = real(match)
        decided.set()
        unmatched.wait(1)
        return target

    monkeypatch.setattr(advance_orders, "target_of", target_of)

    def person():
        decided.wait(5)
        match_transfers.unmatch(found.pk, reason="Wrong one", by=metrc.user)
        unmatched.set()

    at_once(lambda: advance_orders.advance(found), person)
    order.refresh_from_db()
    found.refresh_from_db()
    log = [(c.new, c.reason) for c in order.status_changes.order_by("pk")]
    texts = [reason for _, reason in log]
    gone = next(i for i, t in enumerate(texts) if t.startswith("Unmatched"))
    assert "completed" not in [new for new, _ in log[gone + 1 :]], log
