"""Which LeafLink status follows from ours, and the way there. Tables and pure functions.

LeafLink: transitions go one step at a time; each answer carries `available_transitions`, in words
that are past participles ("fulfilled", "completed"), while the URLs take verbs ("fulfill").
"""

from enum import StrEnum

from integrations.leaflink.mapping.statuses import Meaning, RemoteStatus, remote_state
from orders.status import Status


class StatusRule(StrEnum):
    OFF = "off"
    FLOURISH = "flourish"
    DISTRU = "distru"


_FLOURISH = {
    Status.PARTIALLY_ALLOCATED: RemoteStatus.ACCEPTED,
    Status.ALLOCATED: RemoteStatus.FULFILLED,
    Status.SHIPPED: RemoteStatus.SHIPPED,
    # Nothing of ours makes a LeafLink order Complete in this style, but it was shipped.
    Status.COMPLETED: RemoteStatus.SHIPPED,
    Status.CANCELED: RemoteStatus.REJECTED,
}
TARGETS: dict[str, dict[Status, RemoteStatus]] = {
    StatusRule.OFF: {},
    StatusRule.FLOURISH: _FLOURISH,
    StatusRule.DISTRU: {
        **_FLOURISH,
        Status.CREATED: RemoteStatus.ACCEPTED,
        Status.COMPLETED: RemoteStatus.COMPLETE,
    },
}

# The way of an order that goes well: each step's verb, and the words LeafLink may list it by.
WAY = (
    RemoteStatus.SUBMITTED,
    RemoteStatus.ACCEPTED,
    RemoteStatus.FULFILLED,
    RemoteStatus.SHIPPED,
    RemoteStatus.COMPLETE,
)
ACTIONS: dict[RemoteStatus, tuple[str, frozenset[str]]] = {
    RemoteStatus.ACCEPTED: ("accept", frozenset({"accepted", "accept"})),
    RemoteStatus.FULFILLED: ("fulfill", frozenset({"fulfilled", "fulfill"})),
    RemoteStatus.SHIPPED: ("ship", frozenset({"shipped", "ship"})),
    RemoteStatus.COMPLETE: ("complete", frozenset({"completed", "complete"})),
    RemoteStatus.REJECTED: ("reject", frozenset({"rejected", "reject"})),
}


def target(rule: str, local: str) -> RemoteStatus | None:
    """The status LeafLink's order should have when ours is `local`; None: any."""
    return TARGETS[rule].get(Status(local))


def next_step(remote: str, wanted: RemoteStatus) -> RemoteStatus | None:
    """The next status on the way from `remote` to `wanted`; None when LeafLink is there already,
    is further, or has ended the order."""
    if remote_state(remote).meaning in (Meaning.OVER, Meaning.NOT_YET):
        return None
    if wanted is RemoteStatus.REJECTED:
        return wanted
    # A backorder is accepted like a submitted order, once there is stock.
    place = WAY.index(RemoteStatus(remote)) if remote in WAY else 0
    return WAY[place + 1] if place < WAY.index(wanted) else None


def is_behind(rule: str, local: str, remote: str) -> bool:
    """Whether LeafLink's order has to move for a sales order that is `local`."""
    wanted = target(rule, local)
    return wanted is not None and next_step(remote, wanted) is not None
