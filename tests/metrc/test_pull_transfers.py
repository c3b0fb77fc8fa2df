"""Outgoing transfers read from Metrc: only what changed, whole, and nothing newer overwritten."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from model_bakery import baker

from integrations.metrc import pull_transfers, store_transfers
from integrations.metrc.models import Delivery, DeliveryPackage, PossibleMatch, Transfer
from integrations.metrc.wire import payloads
from integrations.runs import Recorder
from integrations.wire.errors import Wait
from tests.metrc.conftest import OTHER, RECIPIENT, SHIPPER


@pytest.fixture
def clock(metrc):
    """Metrc's clock, an hour behind ours unless said otherwise: nothing changed just now."""

    class Clock:
        back = timedelta(hours=1)

        def __call__(self):
            return datetime.now(UTC) - self.back

        def on(self, minutes):
            self.back -= timedelta(minutes=minutes)

    metrc.world.clock = Clock()
    return metrc.world.clock


def pull(metrc):
    """Pull as jobs do; returns the run and how many of each call Metrc saw."""
    metrc.facility.refresh_from_db()
    metrc.calls()
    run = Recorder()
    pull_transfers.pull_transfers(metrc.facility, metrc.client(), run)
    calls = metrc.calls()
    kinds = [
        "packages"
        if call.split("?")[0].endswith("/packages")
        else "deliveries"
        if call.split("?")[0].endswith("/deliveries")
        else "list"
        for call in calls
    ]
    return run, {kind: kinds.count(kind) for kind in ("list", "deliveries", "packages")}


def labels(delivery):
    return {p.label for p in delivery.packages.filter(is_listed=True)}


def test_a_transfer_is_kept_with_its_deliveries_and_packages(metrc, clock):
    jars = metrc.item("JAR")
    one, two, three = (metrc.package(jars, 10) for _ in range(3))
    remote = metrc.world.make_transfer(
        SHIPPER,
        RECIPIENT,
        [one.label, two.label],
        also=[(OTHER, [three.label])],
        invoice_number="SO-000007",
    )
    run, calls = pull(metrc)
    assert (run.seen, run.changed, run.failed) == (1, 1, 0)
    assert calls["deliveries"] == 1
    assert calls["packages"] == 2
    transfer = Transfer.objects.get()
    assert transfer.manifest_number == remote.manifest_number
    assert (transfer.delivery_count, transfer.package_count, transfer.is_voided) == (2, 3, False)
    assert transfer.created_at == remote.created_at
    assert transfer.expanded_at == transfer.modified_at == remote.last_modified
    first, second = transfer.deliveries.all()
    assert (first.recipient_key, first.recipient_name) == ("C100000311LIC", "Copper Lantern")
    assert labels(first) == {one.label, two.label}
    assert labels(second) == {three.label}
    assert first.invoice_number == "SO-000007"
    package = first.packages.get(label=one.label)
    assert (package.state, package.item_name, package.shipped_quantity) == (
        "Shipped",
        "Item JAR",
        10,
    )
    assert package.received_quantity is None
    assert first.received_at is None


def test_planned_times_are_the_facilitys(metrc, clock):
    jars = metrc.item("JAR")
    remote = metrc.world.make_transfer(SHIPPER, RECIPIENT, [metrc.package(jars, 10).label])
    remote.deliveries[0].departs = "2026-07-01T08:30:00.000"
    remote.deliveries[0].arrives = "0001-01-01T00:00:00.000"
    pull(metrc)
    delivery = Delivery.objects.get()
    assert delivery.departs_at == datetime(2026, 7, 1, 15, 30, tzinfo=UTC)
    assert delivery.arrives_at is None


def test_it_costs_a_call_a_page_and_then_what_changed(metrc, clock):
    jars = metrc.item("JAR")
    for _ in range(3):
        metrc.world.make_transfer(SHIPPER, RECIPIENT, [metrc.package(jars, 10).label])
    pull(metrc)
    # Nothing changed: one page of one window.
    run, calls = pull(metrc)
    assert calls == {"list": 1, "deliveries": 0, "packages": 0}
    clock.on(58)
    metrc.world.receive(next(iter(metrc.world.transfers)))
    run, calls = pull(metrc)
    assert calls == {"list": 1, "deliveries": 1, "packages": 1}
    assert (run.changed, run.failed) == (1, 0)
    assert Delivery.objects.filter(received_at__isnull=False).count() == 1
    assert pull(metrc)[1] == {"list": 1, "deliveries": 0, "packages": 0}


def test_a_voided_transfer_costs_nothing_more(metrc, clock):
    jars = metrc.item("JAR")
    remote = metrc.world.make_transfer(SHIPPER, RECIPIENT, [metrc.package(jars, 10).label])
    pull(metrc)
    clock.on(58)
    metrc.world.void(remote.id)
    run, calls = pull(metrc)
    assert calls == {"list": 1, "deliveries": 0, "packages": 0}
    assert run.changed == 1
    assert Transfer.objects.get().is_voided
    assert pull(metrc)[0].changed == 0


def test_windows_are_walked_from_the_oldest_and_each_is_remembered(metrc, clock, monkeypatch):
    metrc.facility.transfers_until = timezone.now() - timedelta(days=3)
    metrc.facility.save()
    jars = metrc.item("JAR")
    ends = []
    rows = store_transfers.store_rows

    def store(facility, found):
        facility.refresh_from_db(fields=["transfers_until"])
        ends.append(facility.transfers_until)
        if len(ends) == 3:
            raise Wait("not now", 60)
        return rows(facility, found)

    monkeypatch.setattr(store_transfers, "store_rows", store)
    metrc.world.make_transfer(SHIPPER, RECIPIENT, [metrc.package(jars, 10).label])
    with pytest.raises(Wait):
        pull(metrc)
    assert ends == sorted(ends)
    assert len(set(ends)) == 3
    monkeypatch.setattr(store_transfers, "store_rows", rows)
    pull(metrc)
    assert Transfer.objects.count() == 1
    metrc.facility.refresh_from_db()
    assert timezone.now() - metrc.facility.transfers_until < timedelta(minutes=1)


def test_the_first_reading_begins_before_the_oldest_open_order(metrc, clock):
    assert _days_back(metrc) == 30
    order = metrc.order((metrc.item("JAR"), 5), allocate=False)
    type(order).objects.update(created_at=timezone.now() - timedelta(days=50))
    assert _days_back(metrc) == 64
    type(order).objects.update(created_at=timezone.now() - timedelta(days=900))
    assert _days_back(metrc) == 180


def _days_back(metrc):
    return round((timezone.now() - pull_transfers._start(metrc.facility)) / timedelta(days=1))


def test_what_was_edited_away_in_metrc_is_no_longer_listed(metrc, clock):
    jars = metrc.item("JAR")
    one, two, new = (metrc.package(jars, 10) for _ in range(3))
    remote = metrc.world.make_transfer(SHIPPER, RECIPIENT, [one.label, two.label])
    pull(metrc)
    clock.on(58)
    metrc.world.edit_transfer(remote.id, drop=[two.label], add=[new.label], recipient=OTHER)
    pull(metrc)
    delivery = Delivery.objects.get()
    assert labels(delivery) == {one.label, new.label}
    assert delivery.packages.count() == 3
    assert delivery.recipient_name == "Salt & Sage"
    # A stop that is taken off stays as well.
    remote.deliveries[0].id += 500
    clock.on(1)
    metrc.world.touch(remote)
    pull(metrc)
    assert list(Delivery.objects.order_by("pk").values_list("is_listed", flat=True)) == [
        False,
        True,
    ]


def test_what_may_have_changed_in_the_same_second_is_read_again(metrc):
    jars = metrc.item("JAR")
    one, two = metrc.package(jars, 10), metrc.package(jars, 10)
    at = datetime.now(UTC)
    metrc.world.clock = lambda: at
    remote = metrc.world.make_transfer(SHIPPER, RECIPIENT, [one.label])
    pull(metrc)
    metrc.world.edit_transfer(remote.id, recipient=OTHER, drop=[one.label], add=[two.label])
    pull(metrc)
    assert labels(Delivery.objects.get()) == {two.label}
    assert Delivery.objects.get().recipient_name == "Salt & Sage"


def test_older_never_overwrites_newer(metrc, clock):
    jars = metrc.item("JAR")
    remote = metrc.world.make_transfer(SHIPPER, RECIPIENT, [metrc.package(jars, 10).label])
    pull(metrc)
    transfer = Transfer.objects.get()

    def row(at, **more):
        body = {**transfer.raw, "LastModified": at.isoformat(), **more}
        return payloads.parse(payloads.Transfer, body)

    newer = remote.last_modified + timedelta(minutes=5)
    store_transfers.store_rows(metrc.facility, [row(newer, IsVoided=True)])
    store_transfers.store_rows(metrc.facility, [row(remote.last_modified)])
    transfer.refresh_from_db()
    assert (transfer.is_voided, transfer.modified_at) == (True, newer)
    # In one answer too, whichever comes first.
    newest = newer + timedelta(minutes=5)
    store_transfers.store_rows(
        metrc.facility, [row(newest, InvoiceNumber="B"), row(newer, InvoiceNumber="A")]
    )
    transfer.refresh_from_db()
    assert transfer.invoice_number == "B"


def test_deliveries_read_for_an_older_state_are_not_stored(metrc, clock):
    jars = metrc.item("JAR")
    metrc.world.make_transfer(SHIPPER, RECIPIENT, [metrc.package(jars, 10).label])
    pull(metrc)
    stale = Transfer.objects.select_related("facility").get()
    newer = stale.modified_at + timedelta(minutes=1)
    Transfer.objects.update(modified_at=newer)
    store_transfers.store_deliveries(stale, [], timezone.now())
    assert Delivery.objects.get().is_listed
    assert Transfer.objects.get().expanded_at == stale.expanded_at != newer


def test_one_that_cannot_be_read_stops_no_other_and_is_tried_again(metrc, clock, monkeypatch):
    jars = metrc.item("JAR")
    bad, good = (
        metrc.world.make_transfer(SHIPPER, RECIPIENT, [metrc.package(jars, 10).label])
        for _ in range(2)
    )
    spoiled = bad.deliveries[0].parcels[0].label
    bad.deliveries[0].parcels[0].label = ""
    run, _ = pull(metrc)
    assert run.failed == 1
    assert bad.manifest_number in run.problems[0]["key"]
    assert list(Delivery.objects.values_list("transfer__remote_id", flat=True)) == [good.id]
    bad.deliveries[0].parcels[0].label = spoiled
    # LastModified hasn't moved, and it may be out of the window: still it is read.
    run, calls = pull(metrc)
    assert (run.failed, calls["deliveries"]) == (0, 1)
    assert Delivery.objects.count() == 2


def test_what_is_in_question_is_read_again_though_nothing_moved(metrc, clock):
    jars = metrc.item("JAR")
    metrc.world.make_transfer(SHIPPER, RECIPIENT, [metrc.package(jars, 10).label])
    pull(metrc)
    order = metrc.order((jars, 5))
    row = baker.make(PossibleMatch, order=order, delivery=Delivery.objects.get())
    assert pull(metrc)[1]["deliveries"] == 1
    row.dismissed_at = timezone.now()
    row.save()
    assert pull(metrc)[1]["deliveries"] == 0


def test_what_was_received_short_rejected_and_returned(metrc, clock):
    jars = metrc.item("JAR")
    whole, short, refused = (metrc.package(jars, 10) for _ in range(3))
    remote = metrc.world.make_transfer(
        SHIPPER, RECIPIENT, [whole.label, short.label, refused.label]
    )
    metrc.world.receive(remote.id, short={short.label: 8}, reject=[refused.label])
    pull(metrc)
    states = {p.label: (p.state, p.received_quantity) for p in DeliveryPackage.objects.all()}
    assert states == {
        whole.label: ("Accepted", 10),
        short.label: ("Accepted", 8),
        refused.label: ("Rejected", None),
    }
    delivery = Delivery.objects.get()
    assert delivery.received_at is not None
    assert not delivery.rejected_returned
    clock.on(58)
    metrc.world.return_rejected(remote.id)
    pull(metrc)
    delivery.refresh_from_db()
    assert delivery.rejected_returned
    assert DeliveryPackage.objects.get(label=refused.label).state == "Returned"


def test_nothing_is_asked_within_a_transaction(metrc, clock, monkeypatch):
    from django.db import connection

    jars = metrc.item("JAR")
    metrc.world.make_transfer(SHIPPER, RECIPIENT, [metrc.package(jars, 10).label])
    depths = set()
    client = metrc.client()
    send = client.session.send

    def seen(*args, **kwargs):
        depths.add(len(connection.savepoint_ids))
        return send(*args, **kwargs)

    monkeypatch.setattr(client.session, "send", seen)
    before = len(connection.savepoint_ids)
    pull_transfers.pull_transfers(metrc.facility, client, Recorder())
    assert depths == {before}


def test_a_state_that_does_not_tell_the_template(michigan):
    jars = michigan.item("JAR")
    michigan.world.make_transfer(SHIPPER, RECIPIENT, [michigan.package(jars, 10).label])
    pull(michigan)
    assert Transfer.objects.get().template_remote_id is None
