"""Which LeafLink status follows from ours, and the way there. Tables and pure functions.

An account's status map says for each of our statuses what LeafLink's order becomes; what it leaves
out changes nothing there. LeafLink: transitions go one step at a time; each answer carries
`available_transitions`, in words that are past participles ("fulfilled", "completed"), while the
URLs take verbs ("fulfill").
"""

from collections.abc import Mapping
from enum import StrEnum

from integrations.leaflink.mapping.statuses import Meaning, RemoteStatus, remote_state
from orders.status import Status

StatusMap = Mapping[str, str]


class Preset(StrEnum):
    OFF = "off"
    FLOURISH = "flourish"
    DISTRU = "distru"


_FLOURISH = {
    Status.PARTIALLY_ALLOCATED.value: RemoteStatus.ACCEPTED.value,
    Status.ALLOCATED.value: RemoteStatus.FULFILLED.value,
    Status.SHIPPED.value: RemoteStatus.SHIPPED.value,
    Status.CANCELED.value: RemoteStatus.REJECTED.value,
}
PRESETS: dict[str, dict[str, str]] = {
    Preset.OFF: {},
    Preset.FLOURISH: _FLOURISH,
    Preset.DISTRU: {
        Status.CREATED.value: RemoteStatus.ACCEPTED.value,
        **_FLOURISH,
        Status.COMPLETED.value: RemoteStatus.COMPLETE.value,
    },
}

# Where our order must have got to, for LeafLink's being there not to be news: no stock has moved
# here before.
CAUGHT_UP: dict[str, frozenset[Status]] = {
    RemoteStatus.FULFILLED: frozenset({Status.ALLOCATED, Status.SHIPPED, Status.COMPLETED}),
    RemoteStatus.SHIPPED: frozenset({Status.SHIPPED, Status.COMPLETED}),
    RemoteStatus.COMPLETE: frozenset({Status.SHIPPED, Status.COMPLETED}),
}

# The way of an order that goes well: LeafLink's statuses, and ours.
WAY = (
    RemoteStatus.SUBMITTED,
    RemoteStatus.ACCEPTED,
    RemoteStatus.FULFILLED,
    RemoteStatus.SHIPPED,
    RemoteStatus.COMPLETE,
)
OUR_WAY = (
    Status.CREATED,
    Status.PARTIALLY_ALLOCATED,
    Status.ALLOCATED,
    Status.SHIPPED,
    Status.COMPLETED,
)
# Each step's verb, and the words LeafLink may list it by.
ACTIONS: dict[RemoteStatus, tuple[str, frozenset[str]]] = {
    RemoteStatus.ACCEPTED: ("accept", frozenset({"accepted", "accept"})),
    RemoteStatus.FULFILLED: ("fulfill", frozenset({"fulfilled", "fulfill"})),
    RemoteStatus.SHIPPED: ("ship", frozenset({"shipped", "ship"})),
    RemoteStatus.COMPLETE: ("complete", frozenset({"completed", "complete"})),
    RemoteStatus.REJECTED: ("reject", frozenset({"rejected", "reject"})),
}


def possible_targets(local: Status) -> list[RemoteStatus]:
    """What LeafLink's order may become when ours is `local`: nothing that goods here have not
    done yet, and for a canceled order only Rejected (LeafLink: a seller can't cancel)."""
    if local is Status.CANCELED:
        return [RemoteStatus.REJECTED]
    return [remote for remote in WAY[1:] if remote not in CAUGHT_UP or local in CAUGHT_UP[remote]]


def problems(status_map: StatusMap) -> dict[str, str]:
    """What is impossible in a status map, by our status; nothing when it can be followed."""
    found: dict[str, str] = {}
    highest: tuple[int, Status] | None = None
    for local in OUR_WAY:
        wanted = status_map.get(local)
        if not wanted:
            continue
        if wanted not in possible_targets(local):
            found[local] = (
                f"LeafLink's order can't become {wanted} when ours is only "
                f"{local.label.lower()}: the goods have not got that far."
            )
            continue
        place = WAY.index(RemoteStatus(wanted))
        if highest and place < highest[0]:
            found[local] = (
                f"LeafLink does not go back: {highest[1].label} leads to "
                f"{WAY[highest[0]].value} already. Choose that or a later one."
            )
        else:
            highest = place, local
    if status_map.get(Status.CANCELED) not in (None, "", RemoteStatus.REJECTED):
        found[Status.CANCELED] = "A seller can only reject an order in LeafLink."
    return found


def preset_of(status_map: StatusMap) -> str:
    """The preset that a map is, or "" when somebody made it their own."""
    given = {local: remote for local, remote in status_map.items() if remote}
    return next((name for name, table in PRESETS.items() if table == given), "")


def target(status_map: StatusMap, local: str) -> RemoteStatus | None:
    """The status LeafLink's order should have when ours is `local`; None: any.

    A status that the map leaves out changes nothing, so what an earlier one asked for still holds.
    """
    status = Status(local)
    if status not in OUR_WAY:
        return RemoteStatus(status_map[status]) if status_map.get(status) else None
    so_far = OUR_WAY[: OUR_WAY.index(status) + 1]
    wanted = [status_map[one] for one in so_far if status_map.get(one)]
    return RemoteStatus(wanted[-1]) if wanted else None


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


def is_behind(status_map: StatusMap, local: str, remote: str) -> bool:
    """Whether LeafLink's order has to move for a sales order that is `local`."""
    wanted = target(status_map, local)
    return wanted is not None and next_step(remote, wanted) is not None
