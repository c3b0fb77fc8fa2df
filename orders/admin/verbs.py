"""The verbs that people do to orders by a button, one order or many: what each is called."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from catalog.inventory import InventoryError
from orders import services
from orders.models import SalesOrder
from orders.status import STATES, IllegalMove, Status

WORK = "orders.work_salesorder"


@dataclass(frozen=True)
class Verb:
    """`target`: the status it leads to; `done`: said of many orders ("12 orders shipped")."""

    name: str
    label: str
    target: Status
    done: str
    needs_reason: bool = False


VERBS = {
    verb.name: verb
    for verb in (
        Verb("allocate", "Allocate stock", Status.ALLOCATED, "allocated"),
        Verb("ship", "Mark as shipped", Status.SHIPPED, "shipped"),
        Verb("complete", "Mark as completed", Status.COMPLETED, "completed"),
        Verb("deallocate", "Put stock back", Status.CREATED, "put back"),
        Verb("cancel", "Cancel order", Status.CANCELED, "canceled", needs_reason=True),
    )
}


class Obstacle(Exception):
    """Something outside of the order keeps a verb from being done; `url`: where it is settled."""

    def __init__(self, text: str, url: str) -> None:
        super().__init__(text)
        self.url = url


REFUSALS = (IllegalMove, InventoryError)


def allowed(order: SalesOrder) -> list[Verb]:
    """The verbs that the order's status allows, the likeliest first."""
    possible = STATES[Status(order.status)].next
    return [verb for verb in VERBS.values() if verb.target in possible]


def do(verb: Verb, order: SalesOrder, request: HttpRequest) -> SalesOrder:
    """Do a verb as the person who asks. Raises one of REFUSALS, in words for people."""
    options: dict[str, Any] = {"by": request.user}
    if verb.needs_reason:
        options["reason"] = request.POST.get("reason", "")[:500]
    done: SalesOrder = getattr(services, verb.name)(order, **options)
    return done
