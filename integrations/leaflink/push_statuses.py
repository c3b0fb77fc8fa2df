"""LeafLink follows: moving its orders to where ours are, one step at a time.

Each step is decided on a fresh reading, so that nothing is repeated blindly: somebody may have
moved the order meanwhile, or an answer may have been lost. "There already" is success.
"""

from typing import Any

from django.db.models import QuerySet

from integrations.leaflink.mapping.status_rules import (
    ACTIONS,
    TARGETS,
    is_behind,
    next_step,
    target,
)
from integrations.leaflink.models import Account, Order, OrderEvent
from integrations.leaflink.pull_orders import CHILDREN, RESOURCE, take_in
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.wire.errors import Refused, UnknownOutcome
from integrations.runs import Recorder

# A step more than the longest way, for a step whose answer was lost.
MOST_STEPS = 6


def behind(account: Account) -> list[Order]:
    """The imported orders that LeafLink shows in an earlier status than ours calls for."""
    rows = (
        Order.objects.filter(
            account=account,
            state=Order.State.IMPORTED,
            sales_order__status__in=list(TARGETS[account.status_rule]),
            gone_at__isnull=True,
        )
        .exclude(status__in=("Complete", "Rejected", "Cancelled", "Combined", "Draft"))
        .select_related("sales_order")
        .defer("raw")
    )
    return [
        row
        for row in rows
        if row.sales_order and is_behind(account.status_rule, row.sales_order.status, row.status)
    ]


def push_statuses(
    account: Account, client: LeafLinkClient, run: Recorder, *, dry: bool = False
) -> None:
    """Move every order that is behind. One that LeafLink refuses says so and stops no other."""
    for order in behind(account):
        run.seen += 1
        if dry:
            run.changed += 1
            continue
        try:
            run.changed += push_status(account, client, str(order.number))
        except Refused as error:
            run.problem(f"order {order}", str(error))


def push_status(account: Account, client: LeafLinkClient, number: str) -> bool:
    """Walk one order to where ours is; returns whether it was moved. Raises as the client does,
    and Refused in LeafLink's words when it does not let the order go there."""
    moved = False
    for _ in range(MOST_STEPS):
        payload = _read(account, client, number)
        step = _next(account, number, payload)
        if step is None:
            return moved
        action, words = ACTIONS[step]
        offered = {word.lower() for word in payload.available_transitions}
        if offered and not offered & words:
            raise _not_offered(account, number, payload, action)
        try:
            client.post(f"{RESOURCE}/{number}/transition/{action}")
            moved = True
            _mirror(account, number).update(refused="")
            _tell(account, number, f"Asked to {action} it: done.")
        except UnknownOutcome:
            _tell(account, number, f"Asked to {action} it: the answer was lost; reading it again.")
            continue  # the next reading tells whether it happened
        except Refused as error:
            # Somebody may have been faster: only a fresh reading tells.
            if _next(account, number, _read(account, client, number)) is step:
                _flag(account, number, str(error))
                raise
    return moved


def _read(account: Account, client: LeafLinkClient, number: str) -> payloads.Order:
    """Read the order, take it in as any reading, and return what it says."""
    body: Any = client.get(f"{RESOURCE}/{number}", include_children=CHILDREN)
    take_in(account, body, number)
    return payloads.parse(payloads.Order, body)


def _next(account: Account, number: str, payload: payloads.Order) -> Any:
    order = (
        Order.objects.select_related("sales_order").defer("raw").get(account=account, number=number)
    )
    # Taking it in may have changed ours (an order canceled there), or found a conflict.
    if order.sales_order is None or order.state != Order.State.IMPORTED:
        return None
    wanted = target(account.status_rule, order.sales_order.status)
    return next_step(payload.status, wanted) if wanted else None


def _not_offered(account: Account, number: str, payload: payloads.Order, action: str) -> Refused:
    error = Refused(
        [
            f"it does not offer to {action} this order, which it calls {payload.status}. "
            "Move it by hand in LeafLink"
        ]
    )
    _flag(account, number, str(error))
    return error


def _mirror(account: Account, number: str) -> QuerySet[Order]:
    return Order.objects.filter(account=account, number=number)


def _tell(account: Account, number: str, text: str) -> None:
    _mirror(account, number).only("pk").get().tell(OrderEvent.Kind.SENT, text)


def _flag(account: Account, number: str, text: str) -> None:
    """Show LeafLink's refusal on the order; told once, however often it is tried."""
    if _mirror(account, number).exclude(refused=text[:500]).update(refused=text[:500]):
        _tell(account, number, text)
