"""Practice worlds: a state's Metrc with the facilities, people and packages that are asked for.

Everything follows from the seed. What is there already stays: a world in a file is filled once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from integrations.metrc.sandbox.state_rules import CALIFORNIA, MICHIGAN, STATES, StateRules
from integrations.metrc.sandbox.store import Store
from integrations.metrc.sandbox.world import World

VENDOR_KEY = "demo-vendor-key"
USER_NAME = "Dana Osei"
# A state's user key is this and the state's code.
USER_KEY = "demo-user-key-"
DRIVERS = (
    ("Rosa Whitfield", "D4410093", "OCC-20417"),
    ("Ken Abiodun", "D7720145", "OCC-20533"),
)
VEHICLES = (("Ford", "Transit", "8KLM204"), ("Ram", "ProMaster", "7JTR118"))
# What a package of each unit may hold.
SIZES: Mapping[str, tuple[str, ...]] = {
    "Each": ("24", "48", "50", "64", "96", "100", "120"),
    "Grams": ("113.4", "226.8", "453.59", "907.18", "2267.96"),
    "Pounds": ("1", "2.5", "5", "10"),
}
TROUBLES = ("hold", "NotSubmitted", "TestFailed")
OLDEST_CHANGE_DAYS = 18


@dataclass(frozen=True)
class PracticeState:
    """What `manage.py metrc_sandbox` shows of a state when it stands alone."""

    rules: StateRules
    shippers: Mapping[str, str]
    recipients: Mapping[str, str]


PRACTICE = (
    PracticeState(
        CALIFORNIA,
        {"C11-0000871-LIC": "Cinder Peak Distribution"},
        {"C10-0000311-LIC": "Juniper & Sage", "C10-0000427-LIC": "High Plains Collective"},
    ),
    PracticeState(
        MICHIGAN,
        {"PR-000112": "Mesa Bloom Processing"},
        {"PC-000731": "Great Lakes Provisions", "PC-000815": "Harbor Light Provisioning"},
    ),
)
PRACTICE_ITEMS = (
    ("Juniper Fog 3.5g Jar", "Each"),
    ("Tidepool Preroll 1g", "Each"),
    ("Copper Sunset Gummies 100mg", "Each"),
    ("Juniper Fog Bulk Flower", "Grams"),
)


def user_key(state: str) -> str:
    """The user key of a practice world."""
    return f"{USER_KEY}{state}"


def build(
    state: str | StateRules,
    shippers: Iterable[str] | Mapping[str, str],
    recipients: Iterable[str] | Mapping[str, str],
    items: Iterable[tuple[str, str]],
    *,
    packages_each: int = 4,
    seed: int = 1,
    store: Store | None = None,
    clock: Callable[[], datetime] | None = None,
) -> World:
    """A world of a state in which `shippers` hold packages of every item.

    `state` is a code ("ca", "mi"), or rules of one's own.
    `shippers` and `recipients` are license numbers, or map them to names. `items` are (name, unit)
    as Metrc shall call them. Each shipper gets `packages_each` good packages of each item, and one
    on hold, one that wasn't tested and one that failed; drivers and vehicles; and the user key
    `user_key(state)` opens all shippers. Raises KeyError for a state there is none of.
    """
    rules = STATES[state] if isinstance(state, str) else state
    state = rules.code
    world = World(rules, vendor_key=VENDOR_KEY, store=store, clock=clock)
    chance = random.Random(f"{seed}-{state}")
    wanted = list(items)
    with world.change():
        for license_number, name in _named(recipients, "Retailer").items():
            if not world.facility(license_number):
                world.add_facility(license_number, name, "Retailer")
        for license_number, name in _named(shippers, "Distributor").items():
            if not world.facility(license_number):
                world.add_facility(license_number, name, "Distributor")
                _fill(world, chance, license_number, wanted, packages_each)
        if not world.user_keys:
            world.add_user_key(user_key(state), list(shippers), name=USER_NAME)
        elif set(shippers) - set(_licenses(world, state)):
            world.set_licenses(user_key(state), sorted({*_licenses(world, state), *shippers}))
    return world


def practice(
    seed: int = 1, store_of: Callable[[str], Store | None] = lambda state: None
) -> list[World]:
    """The worlds of `manage.py metrc_sandbox`. `store_of`: the file of a state's world."""
    return [
        build(
            place.rules.code,
            place.shippers,
            place.recipients,
            PRACTICE_ITEMS,
            seed=seed,
            store=store_of(place.rules.code),
        )
        for place in PRACTICE
    ]


def _licenses(world: World, state: str) -> list[str]:
    return next(k.licenses for k in world.user_keys.values() if k.value == user_key(state))


def _named(licenses: Iterable[str] | Mapping[str, str], kind: str) -> dict[str, str]:
    if isinstance(licenses, Mapping):
        return dict(licenses)
    return {number: f"{kind} {number}" for number in licenses}


def _fill(
    world: World,
    chance: random.Random,
    license_number: str,
    items: list[tuple[str, str]],
    packages_each: int,
) -> None:
    for name, drivers_license, employee in DRIVERS:
        world.add_driver(license_number, name, drivers_license, employee)
    for make, model, plate in VEHICLES:
        world.add_vehicle(license_number, make, model, plate)
    for name, unit in items:
        item = world.add_item(license_number, name, unit)
        sizes = list(SIZES.get(unit, SIZES["Each"]))
        chance.shuffle(sizes)
        for place in range(packages_each):
            size = sizes[place % len(sizes)]
            _package(world, chance, license_number, item.name, size)
    for place, trouble in enumerate(TROUBLES if items else ()):
        name, unit = items[place % len(items)]
        size = SIZES.get(unit, SIZES["Each"])[0]
        _package(world, chance, license_number, name, size, trouble)


def _package(
    world: World,
    chance: random.Random,
    license_number: str,
    item: str,
    size: str,
    trouble: str = "",
) -> None:
    now = world.now()
    changed = now - timedelta(minutes=chance.randrange(60, OLDEST_CHANGE_DAYS * 24 * 60))
    packaged = changed - timedelta(days=chance.randrange(2, 60))
    package = world.add_package(
        license_number,
        item,
        Decimal(size),
        lab_state=trouble if trouble and trouble != "hold" else "TestPassed",
        packaged_on=packaged.date().isoformat(),
        is_on_hold=trouble == "hold",
    )
    package.last_modified = changed
