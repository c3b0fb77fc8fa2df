"""The demo's Metrc: a facility in California and one in Michigan, with packages and orders to ship.

The stand-in's side is filled from the orders that the demo has taken in, so that each finds
packages that fill it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from catalog import inventory
from catalog.models import Facility, Lot
from integrations.leaflink.models import Order
from integrations.metrc.cycle import run_cycle
from integrations.metrc.models import MetrcAccount
from integrations.metrc.sandbox import seed
from integrations.metrc.sandbox.state_rules import CALIFORNIA, MICHIGAN, StateRules
from integrations.metrc.sandbox.store import Store
from integrations.metrc.sandbox.world import World
from orders import services
from orders.models import OrderLine, SalesOrder
from orders.status import Status

ORDERS_EACH = 2
UNITS = {"Unit": "Each", "Gram": "Grams"}


@dataclass(frozen=True)
class Place:
    """A facility of the demo, and the state whose Metrc it is in."""

    rules: StateRules
    name: str
    license_number: str
    city: str
    state: str
    time_zone: str


PLACES = (
    Place(
        CALIFORNIA,
        "Oakland Distribution",
        "C11-0000871-LIC",
        "Oakland",
        "CA",
        "America/Los_Angeles",
    ),
    Place(MICHIGAN, "Lansing Distribution", "PR-000112", "Lansing", "MI", "America/Detroit"),
)


def open_worlds(store_of: Callable[[str], Store]) -> list[World]:
    """The states' Metrc, each kept in its own file, with our facility in it and people to drive."""
    return [
        seed.build(
            place.rules.code,
            {place.license_number: place.name},
            {},
            (),
            store=store_of(place.rules.code),
        )
        for place in PLACES
    ]


def make(worlds: list[World], url: str) -> list[MetrcAccount]:
    """Connect the demo with its Metrc, or point what is connected to where the stand-in is now.

    What is made at the first time: the facilities, their packages, and for each of them some of the
    orders taken in, moved there and allocated.
    """
    accounts = []
    for place, world in zip(PLACES, worlds, strict=True):
        base = f"{url}/{place.rules.code}"
        account = MetrcAccount.objects.filter(state=place.state).first()
        if account is None:
            account = _make_account(place, base)
            _make_goods(place, world)
            for step in run_cycle(account):
                if step.error:
                    raise RuntimeError(f"{account}: {step.error}")
        elif account.stand_in_url != base:
            account.stand_in_url = base
            account.save(update_fields=["stand_in_url"])
        accounts.append(account)
    return accounts


def _make_account(place: Place, base: str) -> MetrcAccount:
    Facility.objects.create(
        name=place.name,
        license_number=place.license_number,
        city=place.city,
        state=place.state,
        time_zone=place.time_zone,
    )
    return MetrcAccount.objects.create(
        name=f"Metrc {place.rules.name}",
        state=place.state,
        environment=MetrcAccount.Environment.STAND_IN,
        stand_in_url=base,
        vendor_key=seed.VENDOR_KEY,
        user_key=seed.user_key(place.rules.code),
        # Its packages are of today: reading a year, a day at a time, is for real ones.
        read_since=timezone.localdate() - timedelta(days=2),
    )


@transaction.atomic
def _make_goods(place: Place, world: World) -> None:
    """Move orders to the facility, with packages in Metrc and lots here that fill them."""
    facility = Facility.objects.get(license_number=place.license_number)
    for order in _orders_to_ship():
        to = order.destination
        assert to
        if not world.facility(to.license_number):
            world.add_facility(to.license_number, to.name, "Retailer")
        for line in order.lines.select_related("item"):
            _make_packages(place, world, facility, line)
        services.move_to_facility(order, facility)
        services.allocate(order)


def _orders_to_ship() -> list[SalesOrder]:
    """Orders of LeafLink's that are nowhere underway, whose customer has a license and whose items
    Metrc can count."""
    found = []
    orders = SalesOrder.objects.filter(
        status=Status.CREATED,
        leaflink_order__state=Order.State.IMPORTED,
        facility__metrc_facility__isnull=True,
    ).exclude(destination__license_number="")
    for order in orders.select_related("destination").order_by("pk"):
        lines = list(order.lines.select_related("item"))
        if lines and all(line.item and line.item.unit_of_measure in UNITS for line in lines):
            found.append(order)
        if len(found) == ORDERS_EACH:
            break
    return found


def _make_packages(place: Place, world: World, facility: Facility, line: OrderLine) -> None:
    """A line's units in two packages where they can be halved, else in one; and one that nobody
    may ship yet. A package and the lot here of the same tag are the same goods."""
    item = line.item
    assert item
    unit = UNITS[item.unit_of_measure]
    half = (line.quantity / 2).to_integral_value()
    sizes = [half, line.quantity - half] if line.quantity >= 2 else [line.quantity]
    for number, size in enumerate([*sizes, Decimal(24)]):
        package = world.add_package(
            place.license_number,
            item.name,
            size,
            unit=unit,
            lab_state="TestPassed" if number < len(sizes) else "TestingInProgress",
        )
        lot = Lot.objects.create(
            item=item,
            number=package.label,
            on_hold=number >= len(sizes),
            hold_reason="At the lab" if number >= len(sizes) else "",
        )
        inventory.receive(item, facility, size, lot, reason="Demo stock")
