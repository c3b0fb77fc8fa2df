"""Packages in: read window by window, stored as they changed, and never blindly taken away."""

import functools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import requests
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from model_bakery import baker

from catalog.models import Facility, Item, Lot
from integrations.metrc import store_packages
from integrations.metrc.models import MetrcFacility, MetrcItem, Package
from integrations.metrc.pull_packages import pull_packages, read_package
from integrations.metrc.sandbox.app import KNOWN_FAULTS, create_app, show_worlds
from integrations.metrc.sandbox.state_rules import CALIFORNIA
from integrations.metrc.sandbox.world import World
from integrations.metrc.wire.client import MetrcClient
from integrations.metrc.wire.payloads import Package as Row
from integrations.metrc.wire.payloads import parsed
from integrations.runs import Recorder
from integrations.sandbox.faults import Faults
from integrations.sandbox.transport import SandboxAdapter
from integrations.wire.errors import BadCredentials, Wait
from tests.metrc.goods import account

LICENSE, SHOP = "C11-1", "C10-1"
NOON = datetime(2026, 7, 6, 12, tzinfo=UTC)
Place = Package.Place


@functools.cache
def _app():
    """Built once for all tests: each shows it another world."""
    return create_app([])


class NoBudget:
    def take(self):
        pass

    def pause(self, seconds):
        pass


class License:
    """A license of ours in a Metrc of its own, and its packages here. Its clock is moved by hand,
    and is that of both sides."""

    def __init__(self, traveller):
        self.traveller = traveller
        self.faults = Faults(known=KNOWN_FAULTS)
        self.world = World(CALIFORNIA, vendor_key="vendor")
        self.world.add_facility(LICENSE, "Pine Distribution")
        self.world.add_facility(SHOP, "Corner Shop", "Retailer")
        self.world.add_user_key("user", [LICENSE])
        app = show_worlds(_app(), self.world, faults=self.faults)
        session = requests.Session()
        session.mount("http://metrc.test", SandboxAdapter(app))
        self.client = MetrcClient(
            "http://metrc.test/ca",
            "vendor",
            "user",
            budget=NoBudget(),
            session=session,
            read_attempts=1,
            page_size=2,
        )
        self.shop = baker.make(Facility, name="Pine", time_zone="UTC")
        self.facility = MetrcFacility.objects.create(
            account=account(read_since=date(2026, 7, 5)),
            license_number=LICENSE,
            name="Pine",
            facility=self.shop,
        )

    def later(self, **by):
        self.traveller.shift(timedelta(**by))

    def add(self, item="Jar", quantity=10, **more):
        return self.world.add_package(LICENSE, item, quantity, **more).label

    def pull(self):
        run = Recorder()
        self.facility.refresh_from_db()
        pull_packages(self.facility, self.client, run)
        return run

    def asked(self):
        """The windows that were asked for, of the list that is read last."""
        found = []
        for request in self.world.requests:
            if request.path.endswith("/packages/v2/active") and "pageNumber=1" in request.query:
                parts = dict(part.split("=") for part in request.query.split("&"))
                found.append(parts["lastModifiedStart"].replace("%3A", ":"))
        return found


@pytest.fixture
def here(db):
    with time_machine.travel(NOON, tick=False) as traveller:
        yield License(traveller)


def package(label):
    return Package.objects.get(label=label)


def test_packages_come_in_with_what_they_are(here):
    item = baker.make(Item, name="Jar", sku="J")
    label = here.add("jar", 24, packaged_on="2026-06-01", is_on_hold=True)
    plain = here.add("Bulk", "453.59", unit="Grams", lab_state="NotSubmitted")
    run = here.pull()
    held, bulk = package(label), package(plain)
    assert (held.quantity, held.unit, held.lab_state) == (24, "Each", "TestPassed")
    assert (held.place, held.on_hold) == (Place.ACTIVE, True)
    assert held.packaged_on == date(2026, 6, 1)
    assert held.modified_at == NOON
    assert held.metrc_item.item == item
    assert (bulk.quantity, bulk.unit, bulk.on_hold) == (Decimal("453.59"), "Grams", False)
    assert bulk.lab_state == "NotSubmitted"
    assert bulk.metrc_item.item is None
    assert (run.failed, run.changed) == (0, 2)
    here.facility.refresh_from_db()
    assert here.facility.packages_until == NOON


def test_what_did_not_change_is_not_written_again(here):
    label = here.add()
    here.pull()
    here.later(minutes=1)
    run = here.pull()
    assert run.changed == 0
    assert run.skipped_why == {"unchanged": 1}
    assert package(label).read_at == NOON + timedelta(minutes=1)


def test_all_pages_of_many(here):
    labels = {here.add(quantity=number + 1) for number in range(7)}
    here.pull()
    assert set(Package.objects.values_list("label", flat=True)) == labels


def test_a_package_moves_through_its_places(here):
    label = here.add()
    here.pull()
    transfer = here.world.make_transfer(LICENSE, SHOP, [label])
    here.later(minutes=10)
    here.world.touch(here.world.package(label))
    here.pull()
    assert package(label).place == Place.IN_TRANSIT
    here.later(minutes=10)
    here.world.void(transfer.id)
    here.pull()
    assert package(label).place == Place.ACTIVE
    here.later(minutes=10)
    here.world.set_hold(label)
    here.pull()
    assert (package(label).place, package(label).on_hold) == (Place.ACTIVE, True)
    here.later(minutes=10)
    here.world.set_hold(label, False)
    here.pull()
    assert package(label).on_hold is False
    here.later(minutes=10)
    here.world.finish(label)
    here.pull()
    assert package(label).place == Place.INACTIVE


def test_what_was_received_elsewhere_is_asked_for_and_gone(here):
    label = here.add()
    transfer = here.world.make_transfer(LICENSE, SHOP, [label])
    here.pull()
    here.later(hours=7)
    here.pull()
    assert package(label).place == Place.IN_TRANSIT
    here.world.receive(transfer.id)
    here.later(hours=7)
    here.pull()
    assert package(label).place == Place.GONE


def test_a_short_or_empty_answer_takes_nothing_away(here):
    label = here.add()
    here.pull()
    here.world.packages.clear()
    here.later(hours=2)
    here.pull()
    assert package(label).place == Place.ACTIVE


def test_only_a_tag_that_was_asked_for_is_gone(here):
    label, other = here.add(), here.add()
    here.pull()
    assert read_package(here.facility, here.client, label) is True
    here.world.package(label).license_number = SHOP  # 401: not in this license
    del here.world.packages[here.world.package(other).id]  # 404
    assert read_package(here.facility, here.client, label) is False
    assert read_package(here.facility, here.client, other) is False
    assert {package(label).place, package(other).place} == {Place.GONE}


def test_keys_that_are_refused_make_nothing_gone(here):
    label = here.add()
    here.pull()
    here.world.revoke_user_key("user")
    with pytest.raises(BadCredentials):
        read_package(here.facility, here.client, label)
    assert package(label).place == Place.ACTIVE


def test_a_package_that_is_gone_and_comes_back_is_there_again(here):
    label = here.add()
    here.pull()
    Package.objects.update(place=Place.GONE)
    assert read_package(here.facility, here.client, label) is True
    assert package(label).place == Place.ACTIVE


def test_a_killed_worker_goes_on_where_it_was(here):
    here.facility.account.read_since = date(2026, 7, 2)
    here.facility.account.save(update_fields=["read_since"])
    label = here.add()
    calls = []
    real = here.client.changed

    def killed(path, *args):
        calls.append(path)
        if len(calls) > 9:  # in the third window
            raise Wait("The network is gone.", 5)
        return real(path, *args)

    here.client.changed = killed
    with pytest.raises(Wait):
        here.pull()
    here.facility.refresh_from_db()
    reached = here.facility.packages_until
    assert datetime(2026, 7, 3, tzinfo=UTC) < reached < NOON
    here.client.changed = real
    here.world.requests.clear()
    here.pull()
    overlap = timedelta(minutes=15 + 5)  # the account's, and the client's
    assert here.asked()[0] == f"{reached - overlap:%Y-%m-%dT%H:%M:%SZ}"
    assert package(label).place == Place.ACTIVE
    assert MetrcFacility.objects.get().packages_until == NOON


def row(label="TAG1", **more):
    return {
        "Id": 5,
        "Label": label,
        "Quantity": 10,
        "UnitOfMeasureName": "Each",
        "LabTestingState": "TestPassed",
        "LastModified": "2026-07-06T10:00:00+00:00",
        "Item": {"Id": 1, "Name": "Jar"},
        **more,
    }


def take(here, kind, *bodies, seen=None):
    run = Recorder()
    store_packages.store(
        here.facility, kind, parsed(Row, list(bodies)), run, {} if seen is None else seen
    )
    return run


def test_older_never_overwrites_newer(here):
    take(here, "active", row(Quantity=10))
    run = take(here, "intransit", row(Quantity=8, LastModified="2026-07-06T09:59:59+00:00"))
    assert (package("TAG1").quantity, package("TAG1").place) == (10, Place.ACTIVE)
    assert run.skipped_why == {"older than what is known": 1}


@pytest.mark.parametrize("kinds", [("onhold", "active"), ("active", "onhold")])
def test_what_is_listed_on_hold_and_active_is_here_and_on_hold(here, kinds):
    seen = {}
    for kind in kinds:
        take(here, kind, row(IsOnHold=kind == "onhold"), seen=seen)
    assert (package("TAG1").place, package("TAG1").on_hold) == (Place.ACTIVE, True)


def test_what_is_listed_on_a_transfer_and_active_is_on_the_transfer(here):
    seen = {}
    for kind in ("intransit", "onhold", "active"):
        take(here, kind, row(), seen=seen)
    assert (package("TAG1").place, package("TAG1").on_hold) == (Place.IN_TRANSIT, True)
    take(here, "active", row(LastModified="2026-07-06T11:00:00+00:00"), seen=seen)
    assert (package("TAG1").place, package("TAG1").on_hold) == (Place.ACTIVE, False)


def test_what_can_not_be_read_is_told_and_stops_nobody(here):
    run = take(
        here,
        "active",
        row("GOOD1"),
        row("NOQUANTITY", Quantity="lots"),
        {"Id": 7},
        "nonsense",
        row("NEGATIVE", Quantity=-1),
        row("NOITEM", Item=None),
        row("L" * 60),
        row("GOOD2", Item={"Name": "x" * 500}),
    )
    assert set(Package.objects.values_list("label", flat=True)) == {"GOOD1", "GOOD2"}
    assert run.failed == 6
    told = {problem["key"]: problem["reason"] for problem in run.problems}
    assert "quantity" in told["Package NOQUANTITY"].lower()
    assert "no item" in told["Package NOITEM"]
    assert "makes no sense" in told["Package NEGATIVE"]


def test_what_the_database_refuses_stops_nobody(here, monkeypatch):
    real = store_packages._upsert

    def refuse(packages):
        if any(one.label == "BAD" for one in packages):
            raise ValueError("no place for it")
        real(packages)

    monkeypatch.setattr(store_packages, "_upsert", refuse)
    run = take(here, "active", row("BAD"), row("GOOD"))
    assert Package.objects.get().label == "GOOD"
    assert run.problems[0]["key"] == "Package BAD"
    assert "no place for it" in run.problems[0]["reason"]


def test_a_page_costs_the_same_however_many_there_are(here):
    baker.make(Item, name="Jar", sku="J")
    take(here, "active", row("FIRST"))
    MetrcItem.objects.update(item=Item.objects.get())
    counts = []
    for number in (1, 8):
        bodies = [row(f"T{number}-{at}", Item={"Name": "Jar"}) for at in range(number)]
        for again in range(2):  # new, then changed
            with CaptureQueriesContext(
                connection,
            ) as queries:
                take(here, "active", *[{**body, "Quantity": again + 1} for body in bodies])
            counts.append(len(queries))
    assert len(set(counts)) == 1
    assert counts[0] <= 6


def test_packages_meet_their_lots(here):
    item = baker.make(Item, name="Jar", sku="J")
    MetrcItem.objects.create(account=here.facility.account, name="Jar", item=item)
    lot = Lot.objects.create(item=item, number="tag1")
    batch = Lot.objects.create(item=item, number="B-7")
    take(here, "active", row("TAG1"), row("TAG2", ProductionBatchNumber="b-7"), row("TAG3"))
    assert (package("TAG1").lot, package("TAG2").lot, package("TAG3").lot) == (lot, batch, None)
