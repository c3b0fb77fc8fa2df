"""Deleting a sales order that came from LeafLink: what becomes of LeafLink's is said, not guessed.

Rejected there, or left there. An order that was left comes in as a new one when it is changed in
LeafLink; until then it stays away.
"""

from django.db import transaction

from catalog.inventory import By
from integrations import work
from integrations.leaflink.mapping import fingerprints
from integrations.leaflink.mapping.statuses import Meaning, remote_state
from integrations.leaflink.models import Order, OrderEvent
from integrations.leaflink.models.orders import QUIET
from integrations.leaflink.wire import payloads
from integrations.leaflink.work_kinds import STATUS_WORK
from integrations.models import WorkItem
from integrations.wire.errors import BadPayload
from orders import services
from orders.status import IllegalMove

OVER = "over"
REJECTING = "It is being rejected in LeafLink."
LEFT = "It was left in LeafLink; when it is changed there, it comes in as a new order."


@transaction.atomic
def delete(order_id: int, *, reject: bool, reason: str, by: By = None) -> str:
    """Delete the sales order of a LeafLink order; returns what was done, in words.

    `reject`: LeafLink's is to be rejected; else it stays as it is there. Raises IllegalMove when
    the sales order has to stay on record; then nothing was changed.
    """
    order = (
        Order.objects.select_for_update(of=("self",))
        .select_related("sales_order", "account")
        .get(pk=order_id)
    )
    if order.sales_order is None:
        raise IllegalMove(f"{order} has no sales order (any more).")
    number = order.sales_order.number
    told = services.delete(order.sales_order, reason=reason, by=by)
    is_open = remote_state(order.status).meaning is not Meaning.OVER
    order.sales_order = None
    order.unsynced_number = number
    order.unsynced_fingerprint = _fingerprint(order)
    order.reject_asked = reject and is_open
    order.applied_fingerprint = order.kept_fingerprint = ""
    order.agreed, order.there, order.agreed_status, order.disputed = {}, {}, "", []
    order.refuse({})
    then = REJECTING if order.reject_asked else LEFT
    if not is_open:
        then = f"It is {order.status.lower()} in LeafLink."
    order.tell(OrderEvent.Kind.PERSON, f"{told} Why: {reason.strip()}", by=by)
    order.set_state(Order.State.IGNORED, f"{number} was deleted here. {then}")
    work.ask(order.account_id, STATUS_WORK, [str(order.number)], WorkItem.Priority.ORDERS)
    return f"{told} {then}"


def _fingerprint(order: Order) -> str:
    """What LeafLink says of the order now; of one that can't be read, that."""
    try:
        # What we have just sent and not yet read again is no edit of LeafLink's.
        return fingerprints.of_unsynced(payloads.parse(payloads.Order, order.raw), order.sent)
    except BadPayload:
        return order.fingerprint


def stays_away(order: Order, payload: payloads.Order) -> str:
    """Why an order whose sales order was deleted here stays away, in words; "" when LeafLink has
    changed it since, which lets it come in as a new one. In memory only."""
    number = order.unsynced_number
    if remote_state(payload.status).meaning is Meaning.OVER:
        order.reject_asked = False
        order.unsynced_fingerprint = OVER  # when it is opened again, it has changed
        order.refuse({what: said for what, said in order.refusals.items() if what in QUIET})
        return f"{number} was deleted here. It is {payload.status.lower()} in LeafLink."
    if order.reject_asked:
        return f"{number} was deleted here. {REJECTING}"
    if order.unsynced_fingerprint == fingerprints.of_unsynced(payload, order.sent):
        return f"{number} was deleted here. {LEFT}"
    order.unsynced_fingerprint = order.unsynced_number = ""
    order.sent = {}
    order.tell(
        OrderEvent.Kind.DECIDED,
        "It was changed in LeafLink since its sales order was deleted: it comes in as a new one.",
    )
    return ""
