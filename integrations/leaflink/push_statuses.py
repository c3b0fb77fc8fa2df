"""LeafLink follows: moving its orders to where ours are, one step at a time.

Each step is decided on a fresh reading, so that nothing is repeated blindly: somebody may have
moved the order meanwhile, or an answer may have been lost. "There already" is success.
"""

from django.db import transaction

from integrations.leaflink.mapping.status_rules import ACTIONS, next_step, target
from integrations.leaflink.mapping.statuses import RemoteStatus
from integrations.leaflink.models import STATUS, Account, Order, OrderEvent
from integrations.leaflink.order_reading import read_fresh, stored
from integrations.leaflink.out_of_step import is_status_behind, standing_of, was_refused
from integrations.leaflink.pull_orders import RESOURCE
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.wire.errors import VENDOR
from integrations.wire.errors import Gone, Refused, UnknownOutcome

# A step more than the longest way, for a step whose answer was lost.
MOST_STEPS = 6
# After more lost answers than this the order is left for later.
MOST_LOST = 1


def push_status(account: Account, client: LeafLinkClient, number: str) -> bool:
    """Walk one order to where ours is; returns whether it was moved. Raises as the client does,
    and Refused in LeafLink's words when it does not let the order go there."""
    order = stored(account, number)
    if was_refused(order):
        return False
    if order.state == Order.State.IMPORTED and not is_status_behind(account, order):
        return False
    moved = False
    lost = 0
    done: RemoteStatus | None = None
    for _ in range(MOST_STEPS):
        payload = read_fresh(account, client, number)
        step = _next(account, number, payload)
        if step is None:
            return moved
        action, words = ACTIONS[step]
        if step is done:
            raise _refusal(
                account,
                number,
                f"it said that {action} was done, but still calls this order {payload.status}. "
                "Move it by hand in LeafLink",
            )
        offered = {word.lower() for word in payload.available_transitions}
        if offered and not offered & words:
            raise _refusal(
                account,
                number,
                f"it does not offer to {action} this order, which it calls {payload.status}. Move "
                "it by hand in LeafLink",
            )
        try:
            client.post(f"{RESOURCE}/{number}/transition/{action}")
            moved, done = True, step
            _tell(account, number, f"Asked to {action} it: done.")
        except UnknownOutcome:
            lost += 1
            if lost > MOST_LOST:
                raise
            _tell(account, number, f"Asked to {action} it: the answer was lost; reading it again.")
            continue  # the next reading tells whether it happened
        except (Refused, Gone) as error:
            # Somebody may have been faster: only a fresh reading tells.
            if _next(account, number, read_fresh(account, client, number)) is step:
                _flag(account, number, str(error))
                if isinstance(error, Gone):
                    raise Refused([str(error)], vendor=VENDOR) from error
                raise
    return moved


def _next(account: Account, number: str, payload: payloads.Order) -> RemoteStatus | None:
    order = stored(account, number)
    if order.reject_asked:
        return next_step(payload.status, RemoteStatus.REJECTED)
    # Taking it in may have changed ours (an order canceled there), or found a conflict.
    if order.sales_order is None or order.state != Order.State.IMPORTED:
        return None
    wanted = target(account.status_map, order.sales_order.status)
    return next_step(payload.status, wanted) if wanted else None


def _refusal(account: Account, number: str, words: str) -> Refused:
    """What to raise when LeafLink does not let the order go on, shown on the order as well."""
    error = Refused([words], vendor=VENDOR)
    _flag(account, number, str(error))
    return error


def _tell(account: Account, number: str, text: str) -> None:
    order = Order.objects.only("pk").get(account=account, number=number)
    last = order.events.filter(kind=OrderEvent.Kind.SENT).first()
    if last is None or last.text != text:
        order.tell(OrderEvent.Kind.SENT, text)


@transaction.atomic
def _flag(account: Account, number: str, text: str) -> None:
    """Show LeafLink's refusal on the order; told once, however often it is tried."""
    order = (
        Order.objects.select_for_update(of=("self",))
        .select_related("sales_order")
        .defer("raw")
        .get(account=account, number=number)
    )
    refusal = [standing_of(order), text]
    if order.refusals.get(STATUS) == refusal:
        return
    order.refuse({**order.refusals, STATUS: refusal})
    order.save(update_fields=["refusals", "refused"])
    order.tell(OrderEvent.Kind.SENT, text)
