"""What keeps a package from being shipped, in Metrc's words."""

from __future__ import annotations

from integrations.metrc.sandbox.records import ACTIVE
from integrations.metrc.sandbox.stockroom import Stockroom


def parcel_problem(room: Stockroom, license_number: str, label: str) -> str:
    """Why this license can't ship this package now; "" when it can.

    Metrc: a package that failed its tests or has none is refused as "marked as …"; one that is
    elsewhere, on its way or finished does "not exist in the current Facility".
    """
    package = room.find_package(label)
    if package is None or (package.license_number, package.state) != (license_number, ACTIVE):
        return f"Package {label} does not exist in the current Facility."
    facility = room.facility(license_number)
    if package.is_on_hold and not (facility and facility.ships_on_hold):
        return f"Package {label} is on hold and cannot be transferred."
    if package.is_on_recall:
        return f"Package {label} is on recall and cannot be transferred."
    if package.lab_state not in room.rules.passing_lab_states:
        return f"Package {label} is marked as {package.lab_state} and cannot be transferred."
    return ""
