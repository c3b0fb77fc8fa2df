"""What LeafLink says later about an order that was imported: edits, endings, moves by hand.

Edits apply freely to what is not set aside, and to words and money. One that touches goods set
aside or gone waits for a person as a whole: the order is "in conflict", and says why.
"""

from catalog.inventory import By, OutOfStock
from integrations.leaflink import compare_orders
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
from orders.drafts import OrderDraft
from orders.models import OrderLine, SalesOrder
from orders.revise import SetAside, revise
from orders.status import OPEN, Status

State = Order.State
KEPT = "Ours was kept. LeafLink's version differs."

# Where our order must have got to, for LeafLink's being there not to be news.
CAUGHT_UP: dict[str, frozenset[Status]] = {
    RemoteStatus.FULFILLED: frozenset({Status.ALLOCATED, Status.SHIPPED, Status.COMPLETED}),
    RemoteStatus.SHIPPED: frozenset({Status.SHIPPED, Status.COMPLETED}),
    RemoteStatus.COMPLETE: frozenset({Status.SHIPPED, Status.COMPLETED}),
}


class CannotApply(Exception):
    """LeafLink's version of an order can't be taken; the text goes on after a colon."""


def follow(account: Account, order: Order, payload: payloads.Order, book: Book) -> None:
    """Bring the sales order of an imported LeafLink order up to date, or say what is in the way."""
    assert order.sales_order_id
    local = services.lock(order.sales_order_id)
    meaning = remote_state(payload.status).meaning
    content = fingerprints.of_content(payload)
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
    else:
        local = _fill_destination(account, order, local, payload)
        if order.kept_fingerprint == content:
            order.set_state(State.IMPORTED, KEPT)
        elif order.applied_fingerprint == content and not (
            local.status == Status.CREATED and _tax_is_known_now(local, payload, book)
        ):
            order.set_state(State.IMPORTED, "")
        else:
            _try_edit(account, order, local, payload, book)


def _fill_destination(
    account: Account, order: Order, local: SalesOrder, payload: payloads.Order
) -> SalesOrder:
    """An order that came without destination gets it as soon as somebody has said who it is."""
    if local.destination_id or local.status not in OPEN:
        return local
    if not (order.customer and payload.customer):
        return local
    destination = destination_for(account, order.customer, payload.customer)
    return services.set_destination(local, destination) if destination else local


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


def _try_edit(
    account: Account, order: Order, local: SalesOrder, payload: payloads.Order, book: Book
) -> None:
    try:
        apply_edit(account, order, local, payload, book)
    except SetAside as error:
        order.set_state(
            State.CONFLICT,
            f"It was changed in LeafLink, but is {local.get_status_display().lower()} here: "
            f"{', '.join(error.lines)}. Compare both and choose."[:500],
        )
    except (CannotApply, OutOfStock) as error:
        order.set_state(State.CONFLICT, f"LeafLink's change can't be taken: {error}"[:500])


def apply_edit(
    account: Account,
    order: Order,
    local: SalesOrder,
    payload: payloads.Order,
    book: Book,
    *,
    allow_short: bool = False,
    by: By = None,
) -> None:
    """Make the sales order what LeafLink says now. Call it in a transaction.

    Raises SetAside, OutOfStock or CannotApply; then nothing was changed.
    """
    wanted, warnings = later_draft(account, order, local, payload, book)
    changes = compare_orders.summary(local, wanted)
    revise(
        local,
        wanted,
        reason=f"Changed in LeafLink. {changes}"[:500],
        allow_short=allow_short or account.shortage_rule == Account.ShortageRule.IMPORT,
        by=by,
    )
    order.warnings = warnings
    order.applied_fingerprint = fingerprints.of_content(payload)
    order.set_state(State.IMPORTED, "", news=f"Took over what changed in LeafLink. {changes}")


def later_draft(
    account: Account, order: Order, local: SalesOrder, payload: payloads.Order, book: Book
) -> tuple[OrderDraft, list[str]]:
    """What the sales order would be if LeafLink's version were taken, and what to know about it.

    Raises CannotApply when LeafLink's version is not one that an order here can have.
    """
    if payload.line_items is None:
        raise CannotApply("it came without lines. Read it again.")
    if below := [line_name(x, book) for x in payload.line_items if x.quantity < 0]:
        raise CannotApply(f"{', '.join(below)} has a quantity below zero.")
    if unlinked := [line_name(x, book) for x in goods(payload) if x.product not in book.items]:
        raise CannotApply(f"{', '.join(unlinked)} is not linked. Link it.")
    # What people may have chosen here stays chosen.
    wanted, warnings = draft(account, order, payload, book, local.destination, local.facility)
    wanted.sales_rep = local.sales_rep
    wanted.delivery_date = wanted.delivery_date or local.delivery_date
    if _prices_are_settled(account, local):
        kept = _keep_prices(local, wanted)
        if kept:
            warnings.append(
                f"LeafLink's new price for {', '.join(kept)} is ignored by rule, because the order "
                f"is {local.get_status_display().lower()}."
            )
    return wanted, warnings


def _prices_are_settled(account: Account, local: SalesOrder) -> bool:
    """Whether the order has got so far that the account's rule ignores LeafLink's prices."""
    if not account.ignore_prices_from:
        return False
    way = list(Status)
    return way.index(Status(local.status)) >= way.index(Status(account.ignore_prices_from))


def _keep_prices(local: SalesOrder, wanted: OrderDraft) -> list[str]:
    """Give the lines that are here already our prices; returns the names whose price differed."""
    ours: dict[tuple[str, int | None], list[OrderLine]] = {}
    for line in local.lines.all():
        ours.setdefault((line.channel_line, line.item_id), []).append(line)
    kept = []
    for new in wanted.lines:
        mine = ours.get((new.channel_line, new.item.pk if new.item else None))
        if not mine:
            continue
        # Lines that share a number are taken in order; the last one serves for any more.
        line = mine.pop(0) if len(mine) > 1 else mine[0]
        if (line.price, line.case_size) != (new.price, new.case_size):
            new.price, new.case_size = line.price, line.case_size
            kept.append(new.name)
    return kept
