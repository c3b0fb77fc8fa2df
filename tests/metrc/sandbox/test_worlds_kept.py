"""Practice worlds: made of what is asked for, the same each time, and there after a restart."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from integrations.metrc.management.commands import metrc_sandbox
from integrations.metrc.sandbox import seed
from integrations.metrc.sandbox.state_rules import CALIFORNIA
from integrations.metrc.sandbox.store import Store
from integrations.metrc.sandbox.world import World

SHIPPER, SHOP, OTHER_SHOP = "C11-1", "C10-1", "C10-2"
TABLES = (
    "facilities",
    "user_keys",
    "items",
    "packages",
    "drivers",
    "vehicles",
    "templates",
    "transfers",
)
NOW = datetime(2026, 7, 6, 12, tzinfo=UTC)


def built(**options):
    settings = {"state": "ca", "shippers": ["A", "B"], "recipients": {"S": "Shop"}}
    items = [("Jar", "Each"), ("Bulk", "Grams"), ("Cart", "Each")]
    return seed.build(**{**settings, "items": items, "clock": lambda: NOW, **options})


def tables(world):
    return {name: getattr(world, name) for name in TABLES}


def test_a_seed_is_repeatable_and_others_differ():
    assert tables(built()) == tables(built())
    assert tables(built())["packages"] != tables(built(seed=2))["packages"]


def test_every_shipper_has_good_packages_and_troubled_ones():
    world = built(packages_each=3)
    for license_number in ("A", "B"):
        rows = world.packages_of(license_number)
        good = [r for r in rows if r.lab_state == "TestPassed" and not r.is_on_hold]
        assert len(good) == 9
        assert {world.item_of(row).name for row in good} == {"Jar", "Bulk", "Cart"}
        assert len({row.quantity for row in good if world.item_of(row).name == "Jar"}) > 1
        troubled = [(r.is_on_hold, r.lab_state) for r in rows if r not in good]
        assert troubled == [
            (True, "TestPassed"),
            (False, "NotSubmitted"),
            (False, "TestFailed"),
        ]
    assert all(row.last_modified < NOW for row in world.packages.values())
    assert all(len(row.label) == 24 for row in world.packages.values())
    assert world.name_of("S") == "Shop"
    (key,) = world.user_keys.values()
    assert (key.value, key.licenses) == (seed.user_key("ca"), ["A", "B"])


def test_everything_survives_a_restart(tmp_path, make):
    path = tmp_path / "state" / "ca.sqlite3"
    first, second = Store(path), Store(path)
    place = make(store=first)
    (number,) = place.world.create_templates(SHIPPER, [place.template()], "Dana")
    transfer = place.world.register(number, add={place.label(1): "1.50"})
    place.world.receive(transfer.id, short={place.label(0): 98}, reject=[place.label(1)])
    again = World(CALIFORNIA, store=second, clock=place.clock)
    assert tables(again) == tables(place.world)
    new = again.make_transfer(SHIPPER, OTHER_SHOP, [place.label(2)])
    assert new.id > transfer.id
    assert new.deliveries[0].id > transfer.deliveries[0].id
    assert new.parcels[0].row_id > max(parcel.row_id for parcel in transfer.parcels)
    first.close()
    second.close()


def test_a_world_in_a_file_is_filled_once(tmp_path):
    store = Store(tmp_path / "ca.sqlite3")
    first = built(store=store)
    first.finish(first.packages_of("A")[0].label)
    again = built(store=store, shippers=["A", "B", "C"])
    assert len(again.packages_of("A")) == len(first.packages_of("A"))
    assert len(again.packages_of("C")) == len(again.packages_of("B"))
    (key,) = again.user_keys.values()
    assert key.licenses == ["A", "B", "C"]
    store.close()


def test_a_state_there_is_none_of():
    with pytest.raises(KeyError):
        built(state="zz")


def test_the_command_serves_both_states(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(metrc_sandbox, "wait_for_signal", lambda: None)
    said = io.StringIO()
    call_command(metrc_sandbox.Command(), port=0, stdout=said)
    assert "/ca  user key: demo-user-key-ca" in said.getvalue()
    assert "/mi  user key: demo-user-key-mi" in said.getvalue()
    with pytest.raises(CommandError, match="Unknown fault"):
        call_command(metrc_sandbox.Command(), port=0, faults="hook-drop=1")
