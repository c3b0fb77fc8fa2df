"""Licenses, transfer types, drivers and vehicles: read, mapped, kept."""

import pytest
from model_bakery import baker

from catalog.models import Facility
from integrations.metrc.connect import client_for
from integrations.metrc.map_facilities import Taken, choose
from integrations.metrc.models import Driver, MetrcAccount, MetrcFacility, TransferType, Vehicle
from integrations.metrc.read_lists import read_lists
from integrations.runs import Recorder
from integrations.wire.errors import BadCredentials, Wait
from tests.metrc.connected import NORTH, SOUTH, USER_KEY, Connected


@pytest.fixture
def here(db, monkeypatch):
    return Connected(monkeypatch)


def read(here):
    run = Recorder()
    read_lists(here.account, client_for(here.account), run)
    return run


def mapped():
    return dict(MetrcFacility.objects.values_list("license_number", "facility__name"))


def test_licenses_are_kept_and_mapped_by_their_number(here):
    here.world.add_driver(NORTH, "Rosa", "D1", "OCC-1")
    here.world.add_vehicle(NORTH, "Ford", "Transit", "8KLM204")
    run = read(here)
    assert mapped() == {NORTH: "North", SOUTH: None}
    assert here.license(SOUTH).license_type == "Manufacturer"
    assert run.problems == []
    names = set(TransferType.objects.values_list("name", "needs_invoice_number", "is_wholesale"))
    assert ("Wholesale Manifest", True, True) in names
    assert Driver.objects.values_list("name", "license_number", "employee_id").get() == (
        "Rosa",
        "D1",
        "OCC-1",
    )
    assert str(Vehicle.objects.get()) == "Ford Transit 8KLM204"
    assert here.license().lists_read_at
    # Nobody ships from a license that is no facility of ours.
    assert here.license(SOUTH).transfer_types.count() == 0


def test_reading_again_writes_nothing(here):
    here.world.add_driver(NORTH, "Rosa", "D1", "OCC-1")
    read(here)
    rows = list(Driver.objects.values())
    again = read(here)
    assert again.changed == 0
    assert list(Driver.objects.values()) == rows


def test_what_is_gone_is_unlisted_and_listed_again_when_it_is_back(here):
    driver = here.world.add_driver(NORTH, "Rosa", "D1", "OCC-1")
    read(here)
    del here.world.drivers[driver.id]
    here.world.set_licenses(USER_KEY, [NORTH])
    read(here)
    assert not Driver.objects.get().is_listed
    assert not here.license(SOUTH).is_listed
    here.world.set_licenses(USER_KEY, [NORTH, SOUTH])
    here.world.drivers[driver.id] = driver
    read(here)
    assert Driver.objects.get().is_listed
    assert here.license(SOUTH).is_listed


def test_a_license_that_vanished_keeps_its_facility_and_is_not_read(here):
    read(here)
    here.world.set_licenses(USER_KEY, [SOUTH])
    asked = here.asked("drivers")
    read(here)
    assert here.license().facility == here.north
    assert not here.license().is_listed
    assert here.asked("drivers") == asked


def test_a_number_that_two_facilities_have_is_left_to_a_person(here):
    baker.make(Facility, name="Twin", license_number="C110000001LIC")
    read(here)
    assert mapped()[NORTH] is None


def test_a_facility_of_another_state_is_not_mapped(here):
    Facility.objects.filter(pk=here.north.pk).update(state="MI")
    read(here)
    assert mapped()[NORTH] is None


def test_a_facility_that_another_account_has_stays_there(here):
    other = baker.make(MetrcAccount, name="Practice", state="CA", environment="sandbox")
    baker.make(MetrcFacility, account=other, license_number="X", facility=here.north)
    read(here)
    assert mapped() == {"X": "North", NORTH: None, SOUTH: None}


def test_a_persons_choice_stays(here):
    read(here)
    assert [row.pk for row in choose(here.account, {here.license().pk: None})]
    read(here)
    assert mapped()[NORTH] is None


def test_licenses_may_change_places(here):
    read(here)
    south = baker.make(Facility, name="South", license_number="other")
    north_row, south_row = here.license(), here.license(SOUTH)
    choose(here.account, {south_row.pk: south.pk})
    choose(here.account, {north_row.pk: south.pk, south_row.pk: here.north.pk})
    assert mapped() == {NORTH: "South", SOUTH: "North"}


def test_one_facility_is_one_license(here):
    read(here)
    rows = {here.license().pk: here.north.pk, here.license(SOUTH).pk: here.north.pk}
    with pytest.raises(Taken, match="North is chosen twice"):
        choose(here.account, rows)
    with pytest.raises(Taken, match=f"North is the license {NORTH} of California already"):
        choose(here.account, {here.license(SOUTH).pk: here.north.pk})
    assert mapped() == {NORTH: "North", SOUTH: None}


def test_a_list_that_may_not_be_read_stops_no_other(here):
    here.without("Transporters")
    run = read(here)
    assert [problem["key"] for problem in run.problems] == [
        f"drivers of {NORTH}",
        f"vehicles of {NORTH}",
    ]
    assert here.license().transfer_types.count() == 3
    assert here.license().lists_read_at


def test_a_row_that_cant_be_read_stops_no_other_and_lets_nothing_vanish(here):
    here.world.add_driver(NORTH, "Rosa", "D1", "OCC-1")
    gone = here.world.add_driver(NORTH, "Ken", "D2", "OCC-2")
    read(here)
    del here.world.drivers[gone.id]
    odd = here.world.add_driver(NORTH, "Odd", "D3", "OCC-3")
    odd.id = -1
    here.world.add_driver(NORTH, "Late", "D4", "OCC-4")
    run = read(here)
    assert run.failed == 1
    listed = Driver.objects.filter(is_listed=True).order_by("name")
    assert [driver.name for driver in listed] == ["Ken", "Late", "Rosa"]


def test_refused_keys_and_no_answer_change_nothing(here):
    read(here)
    here.faults.next("500", path="facilities", times=5)
    with pytest.raises(Wait):
        read(here)
    here.world.revoke_user_key(USER_KEY)
    with pytest.raises(BadCredentials):
        read(here)
    assert here.license().is_listed
