"""The API's lists of facilities, units, items, packages, drivers and vehicles."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from integrations.metrc.sandbox import representations, transfer_rows
from integrations.metrc.sandbox.access import (
    PACKAGES,
    TRANSFERS,
    TRANSPORTERS,
    license_number,
    own,
    route,
    user,
    world,
)
from integrations.metrc.sandbox.answers import page, windowed
from integrations.metrc.sandbox.errors import NotFound
from integrations.metrc.sandbox.records import (
    ACTIVE,
    IN_TRANSIT,
    INACTIVE,
    SHIPPED,
    Delivery,
    Item,
    Package,
    Parcel,
    Transfer,
)
from integrations.metrc.sandbox.state_rules import UNITS

blueprint = Blueprint("api", __name__)


@route(blueprint, "/facilities/v2/", scoped=False)
def facilities() -> ResponseReturnValue:
    """The user's own facilities only: there is no search for other licensees."""
    mine = [row for row in world().facilities.values() if row.license_number in user().licenses]
    return jsonify([representations.facility(row) for row in mine])


@route(blueprint, "/unitsofmeasure/v2/active", scoped=False)
def units() -> ResponseReturnValue:
    return jsonify([representations.unit_of_measure(name) for name in UNITS])


@route(blueprint, "/items/v2/active", needs=PACKAGES)
def items() -> ResponseReturnValue:
    mine: list[Item] = [r for r in world().items.values() if r.license_number == license_number()]
    return page(windowed(mine, lambda row: row.last_modified), representations.item)


@route(blueprint, "/transporters/v2/drivers", needs=TRANSPORTERS)
def drivers() -> ResponseReturnValue:
    mine = [row for row in world().drivers.values() if row.license_number == license_number()]
    return page(mine, lambda row: representations.driver(world(), row))


@route(blueprint, "/transporters/v2/vehicles", needs=TRANSPORTERS)
def vehicles() -> ResponseReturnValue:
    mine = [row for row in world().vehicles.values() if row.license_number == license_number()]
    return page(mine, lambda row: representations.vehicle(world(), row))


# -- packages ------------------------------------------------------------------------------


@route(blueprint, "/packages/v2/active", needs=PACKAGES)
def active() -> ResponseReturnValue:
    return _packages(world().packages_of(license_number(), ACTIVE))


@route(blueprint, "/packages/v2/inactive", needs=PACKAGES)
def inactive() -> ResponseReturnValue:
    return _packages(world().packages_of(license_number(), INACTIVE))


@route(blueprint, "/packages/v2/onhold", needs=PACKAGES)
def on_hold() -> ResponseReturnValue:
    rows = world().packages_of(license_number(), ACTIVE)
    return _packages(row for row in rows if row.is_on_hold)


@route(blueprint, "/packages/v2/intransit", needs=PACKAGES)
def in_transit() -> ResponseReturnValue:
    return _packages(world().packages_of(license_number(), IN_TRANSIT))


@route(blueprint, "/packages/v2/transferred", needs=(*PACKAGES, *TRANSFERS))
def transferred() -> ResponseReturnValue:
    """What left, with the manifest it left on: whether before it is received, the state says."""
    rows: list[tuple[Transfer, Delivery, Parcel]] = [
        (transfer, delivery, parcel)
        for transfer in world().transfers_of(license_number())
        if not transfer.is_voided
        for delivery in transfer.deliveries
        for parcel in delivery.parcels
        if parcel.state != SHIPPED or world().rules.transferred_shows_shipped
    ]
    return page(
        windowed(rows, lambda row: row[0].last_modified),
        lambda row: transfer_rows.transferred(world(), *row),
    )


@route(blueprint, "/packages/v2/<which>", needs=PACKAGES)
def package(which: str) -> ResponseReturnValue:
    """One package by its id or its label. Metrc: 401 for one of another license."""
    rows = world().packages.values()
    found = next((row for row in rows if which in (row.label, str(row.id))), None)
    if found is None:
        raise NotFound
    own(found.license_number)
    return jsonify(representations.package(world(), found))


def _packages(rows: Iterable[Package]) -> ResponseReturnValue:
    return page(
        windowed(rows, lambda row: row.last_modified),
        lambda row: representations.package(world(), row),
    )
