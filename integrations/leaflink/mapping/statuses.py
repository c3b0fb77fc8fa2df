"""LeafLink's order statuses: what each means here. One table, no I/O.

LeafLink: Draft, Submitted, Accepted, Backorder, Fulfilled, Shipped, Complete, Rejected, Combined,
Cancelled. A seller rejects, a buyer cancels (and only while Submitted). Quantities stay reserved
while an order is Submitted or Accepted.
"""

from dataclasses import dataclass
from enum import StrEnum


class RemoteStatus(StrEnum):
    DRAFT = "Draft"
    SUBMITTED = "Submitted"
    ACCEPTED = "Accepted"
    BACKORDER = "Backorder"
    FULFILLED = "Fulfilled"
    SHIPPED = "Shipped"
    COMPLETE = "Complete"
    REJECTED = "Rejected"
    COMBINED = "Combined"
    CANCELLED = "Cancelled"


class Meaning(StrEnum):
    """What a LeafLink status asks of us."""

    NOT_YET = "not yet"  # a draft: nothing to do before it is submitted
    WANTED = "wanted"  # an order to be filled; which of these import is a rule
    AHEAD = "ahead"  # LeafLink was moved on by hand; stock has not moved here
    OVER = "over"  # called off, on whichever side


@dataclass(frozen=True)
class RemoteState:
    meaning: Meaning
    color: str
    reserves: bool = False


REMOTE_STATES: dict[str, RemoteState] = {
    RemoteStatus.DRAFT: RemoteState(Meaning.NOT_YET, "default"),
    RemoteStatus.SUBMITTED: RemoteState(Meaning.WANTED, "info", reserves=True),
    RemoteStatus.ACCEPTED: RemoteState(Meaning.WANTED, "primary", reserves=True),
    RemoteStatus.BACKORDER: RemoteState(Meaning.WANTED, "warning"),
    RemoteStatus.FULFILLED: RemoteState(Meaning.AHEAD, "primary"),
    RemoteStatus.SHIPPED: RemoteState(Meaning.AHEAD, "primary"),
    RemoteStatus.COMPLETE: RemoteState(Meaning.AHEAD, "success"),
    RemoteStatus.REJECTED: RemoteState(Meaning.OVER, "danger"),
    RemoteStatus.COMBINED: RemoteState(Meaning.OVER, "danger"),
    RemoteStatus.CANCELLED: RemoteState(Meaning.OVER, "danger"),
}
UNKNOWN_STATE = RemoteState(Meaning.NOT_YET, "warning")

RESERVING = [status for status, state in REMOTE_STATES.items() if state.reserves]
IMPORTABLE = [s for s, state in REMOTE_STATES.items() if state.meaning is Meaning.WANTED]

# Nothing of an order that is called off can be changed any more.
ENDED = [s for s, state in REMOTE_STATES.items() if state.meaning is Meaning.OVER]

# LeafLink takes the goods of an order out of `quantity` when it is fulfilled.
TAKEN_OUT = (RemoteStatus.FULFILLED, RemoteStatus.SHIPPED, RemoteStatus.COMPLETE)


def moves_quantity(old: str, new: str) -> bool:
    """Whether LeafLink itself changed its products' quantities when an order went old → new.

    Fulfilling takes goods out, rejecting a fulfilled order puts them back. `old` "": not known.
    """
    is_out, was_out = new in TAKEN_OUT, old in TAKEN_OUT
    return is_out != was_out or (not old and new == RemoteStatus.REJECTED)


# Why a sales order is canceled when LeafLink's order ends in one of these.
REASON_OVER = {
    RemoteStatus.REJECTED: "rejected in LeafLink",
    RemoteStatus.CANCELLED: "cancelled by the buyer in LeafLink",
    RemoteStatus.COMBINED: "combined into another order in LeafLink",
}


def remote_state(status: str) -> RemoteState:
    """The row of the table for a status; an unknown one waits and is visible."""
    return REMOTE_STATES.get(status, UNKNOWN_STATE)
