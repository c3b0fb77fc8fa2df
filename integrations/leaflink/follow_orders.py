"""What LeafLink says later about an order that was imported: edits, endings, moves by hand.

Edits apply freely to what is not set aside, and to words and money. One that touches goods set
aside or gone waits for a person as a whole: the order is "in conflict", and says why.
"""

from dataclasses import replace

from catalog.inventory import By, OutOfStock
from integrations.leaflink import compare_orders
from integrations.leaflink.draft_orders import (
    TOTAL_DIFFERS,
    Book,
    draft,
    goods,
    line_name,
    matching_tax_rate,
    parity_warnings,
)
from integrations.leaflink.mapping import fingerprints
from integrations.leaflink.mapping.status_rules import is_behind
from integrations.leaflink.mapping.statuses import (
    REASON_OVER,
    Meaning,
    RemoteStatus,
    remote_state,
)
from integrations.leaflink.match_customers import destination_for
from integrations.leaflink.models import Account, Order, OrderEvent
from integrations.leaflink.wire import payloads
from orders import services
from orders.drafts import OrderDraft
from orders.models import OrderLine, SalesOrder
from orders.revise import SetAside, revise
from orders.status import OPEN, Status

State = Order.State
CANT_TAKE = "LeafLink's change can't be taken"
KEPT = "Ours was kept. LeafLink's version differs."

# Where our order must have got to, for LeafLink's being there not to be news.
CAUGHT_UP: dict[str, frozenset[Status]] = {
    RemoteStatus.FULFILLED: frozenset({Status.ALLOCATED, Status.SHIPPED, Status.COMPLETED}),
    RemoteStatus.SHIPPED: frozenset({Status.SHIPPED, Status.COMPLETED}),
    RemoteStatus.COMPLETE: frozenset({Status.SHIPPED, Status.COMPLETED}),
}


class CannotApply(Exception):
    """LeafLink's version of an order can't be taken; the text goes on after a colon."""


def is_kept(order: Order, payload: payloads.Order) -> bool:
    """Whether a person has said to keep ours against what LeafLink says now."""
    return bool(order.kept_fingerprint) and (
        order.kept_fingerprint == fingerprints.of_choice(payload)
    )


def follow(account: Account, order: Order, payload: payloads.Order, book: Book) -> bool:
    """Bring the sales order of an imported LeafLink order up to date, or say what is in the way.

    False when LeafLink has opened an order again that was canceled here because it ended there:
    the canceled sales order is let go, and the order is to be decided about as if it were new.
    """
    assert order.sales_order_id
    local = services.lock(order.sales_order_id)
    meaning = remote_state(payload.status).meaning
    kept = is_kept(order, payload)
    still_behind = is_behind(account.status_rule, local.status, payload.status)
    if not still_behind:
        order.refused = ""
    if meaning is Meaning.OVER:
        _end(order, local, RemoteStatus(payload.status), kept)
    elif local.status == Status.CANCELED:
        if meaning is Meaning.WANTED and _ended_in_leaflink(local):
            _let_go(order, local)
            return False
        if meaning is Meaning.AHEAD and not still_behind:
            order.set_state(
                State.CONFLICT,
                f"It is canceled here, but {payload.status.lower()} in LeafLink. Reject it there, "
                "or take the goods out of stock by hand.",
            )
        else:
            order.set_state(State.IMPORTED, "")
    elif meaning is Meaning.AHEAD and local.status not in CAUGHT_UP[payload.status]:
        order.set_state(
            State.CONFLICT,
            f"LeafLink says {payload.status}, here it is {local.get_status_display().lower()}: it "
            "was moved by hand in LeafLink, and no stock has moved here. Do the same here.",
        )
    else:
        local = _fill_destination(account, order, local, payload)
        others = order.applied_customer_id not in (None, order.customer_id)
        if kept:
            order.set_state(State.IMPORTED, KEPT)
        elif others:
            order.set_state(
                State.CONFLICT,
                f"LeafLink says that it is {order.buyer or 'nobody'}'s now. Choose the "
                "destination, or keep ours.",
            )
        elif order.applied_fingerprint == fingerprints.of_content(payload) and not (
            _tax_is_known_now(local, payload, book)
        ):
            # LeafLink's total may have changed by itself.
            rest = [one for one in order.warnings if not one.startswith(TOTAL_DIFFERS)]
            order.warnings = rest + parity_warnings(payload)
            order.set_state(State.IMPORTED, "")
        else:
            _try_edit(account, order, local, payload, book)
    return True


def _ended_in_leaflink(canceled: SalesOrder) -> bool:
    last = canceled.status_changes.first()
    return last is not None and last.reason in map(_reason, REASON_OVER)


def _let_go(order: Order, canceled: SalesOrder) -> None:
    order.tell(
        OrderEvent.Kind.DECIDED,
        f"LeafLink has it open again: {canceled} stays canceled, and it comes in as a new order.",
    )
    order.sales_order = None
    order.applied_fingerprint = order.kept_fingerprint = ""


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


def _reason(status: RemoteStatus) -> str:
    """Why a sales order is canceled when LeafLink's ended so, as its history says it."""
    why = REASON_OVER[status]
    return why[0].upper() + why[1:]


def _end(order: Order, local: SalesOrder, status: RemoteStatus, kept: bool) -> None:
    if local.status in OPEN:
        services.cancel(local, reason=_reason(status))
    if local.status in OPEN or local.status == Status.CANCELED:
        order.set_state(State.IMPORTED, "")
    elif kept:
        order.set_state(State.IMPORTED, KEPT)
    else:
        order.set_state(
            State.CONFLICT,
            f"It was {REASON_OVER[status]}, but is {local.get_status_display().lower()} here. "
            "Settle it with the buyer: goods that come back are received under Stock. Then keep "
            "ours.",
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
        order.set_state(State.CONFLICT, f"{CANT_TAKE}: {error}"[:500])


def apply_edit(
    account: Account,
    order: Order,
    local: SalesOrder,
    payload: payloads.Order,
    book: Book,
    *,
    at: str = "",
    by: By = None,
) -> None:
    """Make the sales order what LeafLink says now. Call it in a transaction.

    `at` is the status the order had when that was decided, if it has another one by now. Raises
    SetAside, OutOfStock or CannotApply; then nothing was changed.
    """
    wanted, warnings = later_draft(account, order, local, payload, book, at=at)
    changes = compare_orders.summary(local, wanted)
    revise(
        local,
        wanted,
        reason=f"Changed in LeafLink. {changes}"[:500],
        allow_short=account.shortage_rule == Account.ShortageRule.IMPORT,
        by=by,
    )
    order.warnings = warnings
    order.kept_fingerprint = ""
    order.applied_customer = order.customer
    order.applied_fingerprint = fingerprints.of_content(payload)
    order.set_state(State.IMPORTED, "", news=f"Took over what changed in LeafLink. {changes}")


def later_draft(
    account: Account,
    order: Order,
    local: SalesOrder,
    payload: payloads.Order,
    book: Book,
    *,
    at: str = "",
) -> tuple[OrderDraft, list[str]]:
    """What the sales order would be if LeafLink's version were taken, and what to know about it.

    What was ordered stays what it is: lines that are here keep their item, also when the product
    was linked to another one since. Raises CannotApply when LeafLink's version is not one that an
    order here can have.
    """
    ours: dict[str, list[OrderLine]] = {}
    for line in local.lines.select_related("item__brand"):
        ours.setdefault(line.channel_line, []).append(line)
    if payload.line_items is None:
        raise CannotApply("it came without lines. Read it again.")
    if below := [line_name(x, book) for x in payload.line_items if x.quantity < 0]:
        raise CannotApply(f"{', '.join(below)} has a quantity below zero.")
    new = [x for x in goods(payload) if str(x.id) not in ours and x.product not in book.items]
    if new:
        raise CannotApply(f"{', '.join(line_name(x, book) for x in new)} is not linked. Link it.")
    if local.tax_rate:
        # A rate that was retired since still holds for the orders that have it.
        book = replace(book, tax_rates=[*book.tax_rates, local.tax_rate])
    # What people may have chosen here stays chosen.
    wanted, warnings = draft(account, order, payload, book, local.destination, local.facility)
    wanted.sales_rep = local.sales_rep
    wanted.delivery_date = wanted.delivery_date or local.delivery_date
    status = at or local.status
    keeps_prices = _prices_are_settled(account, status)
    numbers = {line.channel_line for line in wanted.lines}
    renumbered: dict[int, list[OrderLine]] = {}
    for number in ours.keys() - numbers:
        for line in ours[number]:
            renumbered.setdefault(line.item_id or 0, []).append(line)
    kept = []
    for later in wanted.lines:
        mine = _same_line(ours.get(later.channel_line, []))
        if mine:
            later.item, later.sku = mine.item, mine.sku
        else:
            # LeafLink may number lines anew: the same item's price is what was agreed.
            mine = _same_line(renumbered.get(later.item.pk if later.item else 0, []))
        if mine is None:
            continue
        if keeps_prices and (mine.price, mine.case_size) != (later.price, later.case_size):
            later.price, later.case_size = mine.price, mine.case_size
            kept.append(later.name)
    if kept:
        warnings.append(
            f"LeafLink's new price for {', '.join(kept)} is ignored by rule, because the order is "
            f"{Status(status).label.lower()}."
        )
    return wanted, warnings


def _same_line(candidates: list[OrderLine]) -> OrderLine | None:
    """Lines that share a number are taken in order; the last one serves for any more."""
    if not candidates:
        return None
    return candidates.pop(0) if len(candidates) > 1 else candidates[0]


def _prices_are_settled(account: Account, status: str) -> bool:
    """Whether an order of this status has got so far that LeafLink's prices are ignored."""
    if not account.ignore_prices_from:
        return False
    way = list(Status)
    return way.index(Status(status)) >= way.index(Status(account.ignore_prices_from))
