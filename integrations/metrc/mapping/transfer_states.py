"""The state of a transfer or a delivery in words, from what Metrc counts.

Metrc: no field says it. A delivery is received when it has a time of receipt; the actual arrival
may stay empty.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """`name` tells the states apart, `color` is one of the admin's label colours."""

    name: str
    words: str
    color: str


VOIDED = Shown("voided", "Voided in Metrc", "danger")
ON_THE_WAY = Shown("on_the_way", "On the way", "info")
IN_PART = Shown("in_part", "Received in part", "warning")
RECEIVED = Shown("received", "Received", "success")
NOT_WHOLE = Shown("not_whole", "Received, not all accepted", "warning")


# Metrc's words for the packages of a delivery.
_PACKAGES = {
    "Shipped": "On the way",
    "Accepted": "Accepted",
    "Rejected": "Rejected",
    "Returned": "Returned",
}


def of_package(state: str) -> str:
    """The state of a package in words; a word that is new to us as it is."""
    return _PACKAGES.get(state, state or "Not said")


def of_counts(*, voided: bool, units: int, received: int, packages_received: int) -> Shown:
    """The state of a transfer with so many deliveries, or of a delivery (one unit, which is
    received or not), of which so many packages were received."""
    if voided:
        return VOIDED
    if units and received >= units:
        return RECEIVED
    if received or packages_received:
        return IN_PART
    return ON_THE_WAY


def of_delivery(*, voided: bool, received: bool, states: list[str]) -> Shown:
    """The state of a delivery whose packages are in these states, as Metrc says them."""
    if voided:
        return VOIDED
    refused = any(state in ("Rejected", "Returned") for state in states)
    if received or (states and all(state != "Shipped" for state in states)):
        return NOT_WHOLE if refused else RECEIVED
    if refused or any(state == "Accepted" for state in states):
        return IN_PART
    return ON_THE_WAY
