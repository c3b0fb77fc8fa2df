"""What LeafLink says later about an order that was imported: edits, endings, moves by hand.

Edits apply freely while nothing is allocated. What touches goods that were set aside or shipped
waits for a person: the order is "in conflict", and says why.
"""

from catalog.inventory import OutOfStock
from integrations.leaflink.draft_orders import (
    Book,
    draft,
    goods,
    line_name,
    matching_tax_rate,
)
from integrations.leaflink.mapping import fingerprints
from integrations.leaflink.mapping.statuses import (
    REASON_OVER,
    Meaning,
    RemoteStatus,
    remote_state,
)
from integrations.leaflink.match_customers import destination_for
from integrations.leaflink.models import Account, Order
from integrations.leaflink.wire import payloads
from orders import services
from orders.models import SalesOrder
from orders.status import OPEN, Status

State = Order.State

# Where our order must have got to, for LeafLink's being there not to be news.
CAUGHT_UP: dict[str, frozenset[Status]] = {
    RemoteStatus.FULFILLED: frozenset({Status.ALLOCATED, Status.SHIPPED, Status.COMPLETED}),
    RemoteStatus.SHIPPED: frozenset({Status.SHIPPED, Status.COMPLETED}),
    RemoteStatus.COMPLETE: frozenset({Status.SHIPPED, Status.COMPLETED}),
}


def follow(account: Account, order: Order, payload: payloads.Order, book: Book) -> None:
    """Bring the sales order of an imported LeafLink order up to date, or say what is in the way."""
    assert order.sales_order_id
    local = services.lock(order.sales_order_id)
    meaning = remote_state(payload.status).meaning
    if meaning is Meaning.OVER:
        _end(order, local, REASON_OVER[RemoteStatus(payload.status)])
    elif local.status == Status.CANCELED:
        order.set_state(State.IMPORTED, "")
    elif meaning is Meaning.AHEAD and local.status not in CAUGHT_UP[payload.status]:
        order.set_state(
            State.CONFLICT,
            f"LeafLink says {payload.status}, here it is {local.get_status_display().lower()}: it "
            "was moved by hand in LeafLink, and no stock has moved here. Do the same here.",
        )
    elif fingerprints.of_content(payload) == order.applied_fingerprint and not (
        local.status == Status.CREATED and _tax_is_known_now(local, payload, book)
    ):
        order.set_state(State.IMPORTED, "")
    else:
        _apply_edit(account, order, local, payload, book)


def _tax_is_known_now(local: SalesOrder, payload: payloads.Order, book: Book) -> bool:
    """Whether the tax that was left out for want of a rate could be added now."""
    return local.tax_rate_id is None and matching_tax_rate(payload, book) is not None


def _end(order: Order, local: SalesOrder, why: str) -> None:
    if local.status in OPEN:
        services.cancel(local, reason=why[0].upper() + why[1:])
    if local.status in OPEN or local.status == Status.CANCELED:
        order.set_state(State.IMPORTED, "")
        return
    order.set_state(
        State.CONFLICT,
        f"It was {why}, but is {local.get_status_display().lower()} here. Take the goods back, "
        "or settle it with the buyer.",
    )


def _apply_edit(
    account: Account, order: Order, local: SalesOrder, payload: payloads.Order, book: Book
) -> None:
    if local.status != Status.CREATED:
        order.set_state(
            State.CONFLICT,
            f"It was changed in LeafLink after it became {local.get_status_display().lower()} "
            "here. Deallocate it to take LeafLink's changes, or leave it as it is.",
        )
        return
    unlinked = [line_name(x, book) for x in goods(payload) if x.product not in book.items]
    if unlinked or payload.line_items is None or any(x.quantity < 0 for x in payload.line_items):
        what = f"{', '.join(unlinked)} is not linked. Link it" if unlinked else "lines are missing"
        order.set_state(State.CONFLICT, f"LeafLink's change can't be taken: {what}."[:500])
        return
    destination = local.destination
    if destination is None and order.customer and payload.customer:
        destination = destination_for(account, order.customer, payload.customer)
    wanted, warnings = draft(account, order, payload, book, destination)
    # What people may have chosen here stays chosen.
    wanted.facility = local.facility
    wanted.sales_rep = local.sales_rep
    try:
        services.revise(
            local,
            wanted,
            reason="Changed in LeafLink",
            allow_short=account.shortage_rule == Account.ShortageRule.IMPORT,
        )
    except OutOfStock as error:
        order.set_state(State.CONFLICT, f"LeafLink's change can't be taken: {error}"[:500])
        return
    order.warnings = warnings
    order.applied_fingerprint = fingerprints.of_content(payload)
    order.set_state(State.IMPORTED, "")
