"""The states of a sales order: one table of labels, colours, groups and allowed moves."""

from dataclasses import dataclass

from django.db import models


class Status(models.TextChoices):
    CREATED = "created", "Created"
    PARTIALLY_ALLOCATED = "partially_allocated", "Partially allocated"
    ALLOCATED = "allocated", "Allocated"
    SHIPPED = "shipped", "Shipped"
    COMPLETED = "completed", "Completed"
    CANCELED = "canceled", "Canceled"


class Group(models.TextChoices):
    OPEN = "open", "To be shipped"
    UNDERWAY = "underway", "On the way"
    DONE = "done", "Done"


@dataclass(frozen=True)
class State:
    """`color` is one of the admin's label colours; `next` are the states it may move to."""

    color: str
    group: Group
    next: frozenset[Status]


STATES: dict[Status, State] = {
    Status.CREATED: State(
        "info",
        Group.OPEN,
        frozenset({Status.PARTIALLY_ALLOCATED, Status.ALLOCATED, Status.CANCELED}),
    ),
    Status.PARTIALLY_ALLOCATED: State(
        "warning",
        Group.OPEN,
        frozenset({Status.CREATED, Status.ALLOCATED, Status.CANCELED}),
    ),
    Status.ALLOCATED: State(
        "primary",
        Group.OPEN,
        frozenset({Status.CREATED, Status.PARTIALLY_ALLOCATED, Status.SHIPPED, Status.CANCELED}),
    ),
    Status.SHIPPED: State("primary", Group.UNDERWAY, frozenset({Status.COMPLETED})),
    Status.COMPLETED: State("success", Group.DONE, frozenset()),
    Status.CANCELED: State("danger", Group.DONE, frozenset()),
}

OPEN = frozenset(status for status, state in STATES.items() if state.group is Group.OPEN)


class IllegalMove(Exception):
    """The order can't go to that state from where it is; the text says what is possible."""


def check_move(number: str, old: Status, new: Status) -> None:
    """Raise IllegalMove unless an order may go from `old` to `new`."""
    if new in STATES[old].next:
        return
    possible = ", ".join(sorted(status.label.lower() for status in STATES[old].next))
    raise IllegalMove(
        f"Order {number} is {old.label.lower()} and can't become {new.label.lower()}. "
        + (f"From here it can become {possible}." if possible else "Nothing can follow.")
    )
