"""What LeafLink says later about an order that was imported: edits, endings, moves by hand.

Edits apply freely to what is not set aside, and to words and money. One that touches goods set
aside or gone waits for a person as a whole: the order is "in conflict", and says why.
"""

from django.db import transaction
from django.db.models import F

from catalog.inventory import By, InventoryError, OutOfStock
from integrations.leaflink import agree_terms, compare_orders
from integrations.leaflink.draft_orders import (
    ASKS_FOR_BATCH,
    TOTAL_DIFFERS,
    Book,
    matching_tax_rate,
    parity_warnings,
)
from integrations.leaflink.edit_orders import (
    CANT_TAKE,
    OTHER_LOTS,
    CannotApply,
    apply_edit,
    later_draft,
    lot_warnings,
)
from integrations.leaflink.mapping import fingerprints, order_terms
from integrations.leaflink.mapping.status_rules import CAUGHT_UP, WAY, is_behind
from integrations.leaflink.mapping.statuses import (
    REASON_OVER,
    Meaning,
    RemoteStatus,
    remote_state,
)
from integrations.leaflink.match_customers import destination_for
from integrations.leaflink.models import STATUS, Account, Order, OrderEvent
from integrations.leaflink.wire import payloads
from orders import services
from orders.allocation import is_of_lot
from orders.models import SalesOrder
from orders.revise import SetAside
from orders.status import OPEN, IllegalMove, Status

State = Order.State
# More differences than this nobody reads in a list; the order's own page shows them all.
MOST_DISPUTED = 20
CANT_GO_BACK = "can't go back; stock was put back here. Set it aside anew, or cancel the order."
KEPT = "Ours was kept. LeafLink's version differs."


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
    still_behind = is_behind(account.status_map, local.status, payload.status)
    is_over = meaning is Meaning.OVER or local.status == Status.CANCELED
    order.refuse(
        {
            what: said
            for what, said in order.refusals.items()
            if (still_behind if what == STATUS else not is_over)
        }
    )
    if is_over:
        order.disputed, order.there = [], order_terms.theirs(payload)
    else:
        local = agree_terms.settle(account, order, local, payload)
    if meaning is Meaning.OVER:
        _end(order, local, RemoteStatus(payload.status), kept)
    elif local.status == Status.CANCELED:
        if meaning is Meaning.WANTED and _ended_in_leaflink(local):
            _let_go(order, local)
            return False
        if meaning is Meaning.AHEAD and not still_behind and kept:
            order.set_state(State.IMPORTED, KEPT)
        elif meaning is Meaning.AHEAD and not still_behind:
            _dispute_status(order, local, payload, "canceled")
            order.set_state(
                State.CONFLICT,
                f"It is canceled here, but {payload.status.lower()} in LeafLink. Reject it there, "
                "or take the goods out of stock by hand. Then keep ours.",
            )
        else:
            order.set_state(State.IMPORTED, "")
    elif meaning is Meaning.AHEAD and local.status not in CAUGHT_UP[payload.status]:
        _follow_ahead(account, order, local, payload, book, kept)
    else:
        order.agreed_status = payload.status[:30]
        _follow_content(account, order, local, payload, book, kept)
    return True


def _follow_content(
    account: Account,
    order: Order,
    local: SalesOrder,
    payload: payloads.Order,
    book: Book,
    kept: bool,
    standing: str = "",
) -> None:
    """Take over what LeafLink says of lines, words and money, or say what is in the way.
    `standing`: what the order says when nothing is."""
    local = _fill_destination(account, order, local, payload)
    others = order.applied_customer_id not in (None, order.customer_id)
    if kept:
        order.set_state(State.IMPORTED, KEPT)
    elif others:
        order.dispute("customer", "Customer", str(order.applied_customer), order.buyer or "nobody")
        order.set_state(
            State.CONFLICT,
            f"LeafLink says that it is {order.buyer or 'nobody'}'s now. Choose the "
            "destination, or keep ours.",
        )
    elif order.applied_fingerprint == fingerprints.of_content(payload) and not (
        _tax_is_known_now(local, payload, book) or _batches_are_known_now(local, payload, book)
    ):
        # LeafLink's total may have changed by itself, and lots may have been read or set aside.
        passing = (TOTAL_DIFFERS, ASKS_FOR_BATCH, OTHER_LOTS)
        rest = [one for one in order.warnings if not any(words in one for words in passing)]
        order.warnings = rest + parity_warnings(payload) + lot_warnings(local, payload, book)
        order.set_state(State.IMPORTED, standing)
    else:
        _try_edit(account, order, local, payload, book, standing)


def _follow_ahead(
    account: Account,
    order: Order,
    local: SalesOrder,
    payload: payloads.Order,
    book: Book,
    kept: bool,
) -> None:
    """LeafLink's order is further than ours: somebody moved it there by hand, or ours went back."""
    here = local.get_status_display().lower()
    if order.agreed_status in WAY and WAY.index(RemoteStatus(order.agreed_status)) >= WAY.index(
        RemoteStatus(payload.status)
    ):
        # We have been there: stock was put back since. LeafLink can't go back.
        standing = f"LeafLink says {payload.status}, and {CANT_GO_BACK}"
        _follow_content(account, order, local, payload, book, kept, standing)
        return
    if (
        not kept
        and local.status in OPEN
        and order.applied_fingerprint != fingerprints.of_content(payload)
    ):
        # What was edited there before comes in first: it is what was fulfilled.
        _follow_content(account, order, local, payload, book, kept)
        if order.state != State.IMPORTED:
            return
        local = services.lock(local.pk)
    why = ""
    if payload.status in account.lead_statuses:
        try:
            with transaction.atomic():
                local = catch_up(local, payload.status)
        except (IllegalMove, InventoryError) as error:
            why = f" Our order can't follow by itself: {error}"
        else:
            order.agreed_status = payload.status
            order.set_state(
                State.IMPORTED,
                "",
                news=f"Followed LeafLink, which says {payload.status}: {local} is "
                f"{local.get_status_display().lower()}.",
            )
            return
    _dispute_status(order, local, payload)
    order.set_state(
        State.CONFLICT,
        f"LeafLink says {payload.status}, here it is {here}: it was moved by hand in LeafLink, and "
        f"no stock has moved here. Do the same here.{why}",
    )


def catch_up(local: SalesOrder, remote: str, *, by: By = None) -> SalesOrder:
    """Bring a sales order to where LeafLink's is: allocated, shipped or completed. All the way or
    not at all, so call it in a transaction of its own. Raises IllegalMove, OutOfStock."""
    if local.status == Status.CANCELED:
        raise IllegalMove(f"{local} is canceled: it can't follow LeafLink any more.")
    if local.status in (Status.CREATED, Status.PARTIALLY_ALLOCATED):
        local = services.allocate(local, by=by)
        if local.status != Status.ALLOCATED:
            raise IllegalMove(f"Not all of {local} is on the shelf. Receive stock, then try again.")
    if remote in (RemoteStatus.SHIPPED, RemoteStatus.COMPLETE):
        if local.status == Status.ALLOCATED:
            local = services.ship(local, by=by)
        if remote == RemoteStatus.COMPLETE and local.status == Status.SHIPPED:
            local = services.complete(local, by=by, reason="Complete in LeafLink")
    return local


def _dispute_status(
    order: Order, local: SalesOrder, payload: payloads.Order, name: str = "status"
) -> None:
    here = local.get_status_display()
    order.dispute(name, "Status", here, payload.status, order.agreed_status)


def _ended_in_leaflink(canceled: SalesOrder) -> bool:
    last = canceled.status_changes.exclude(old=F("new")).first()
    return last is not None and last.by_id is None and last.reason in map(_reason, REASON_OVER)


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


def _batches_are_known_now(local: SalesOrder, payload: payloads.Order, book: Book) -> bool:
    """Whether a line could ask for its lot now that LeafLink's batch was read."""
    if local.status not in OPEN:
        return False
    named = [str(x.id) for x in payload.line_items or [] if book.batches.get(x.batch or 0)]
    if not named:
        return False
    unasked = local.lines.filter(lot_number="", waived_lot="", channel_line__in=named)
    lots = {str(x.id): book.batches.get(x.batch or 0, "") for x in payload.line_items or []}
    # Where units of another lot are set aside, the line stays as it is.
    return any(
        all(is_of_lot(a.stock, lots[line.channel_line]) for a in line.allocations.all())
        for line in unasked.prefetch_related("allocations__stock__lot")
    )


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
        order.dispute("over", "Status", local.get_status_display(), status, order.agreed_status)
        order.set_state(
            State.CONFLICT,
            f"It was {REASON_OVER[status]}, but is {local.get_status_display().lower()} here. "
            "Settle it with the buyer: goods that come back are received under Stock. Then keep "
            "ours.",
        )


def _try_edit(
    account: Account,
    order: Order,
    local: SalesOrder,
    payload: payloads.Order,
    book: Book,
    standing: str,
) -> None:
    try:
        apply_edit(account, order, local, payload, book, standing=standing)
    except SetAside as error:
        wanted, _ = later_draft(account, order, local, payload, book)
        found = compare_orders.compare(local, wanted)
        for one in (found.lines + found.others)[:MOST_DISPUTED]:
            order.dispute("version", one.label, one.ours, one.theirs, one.ours)
        order.set_state(
            State.CONFLICT,
            f"It was changed in LeafLink, but is {local.get_status_display().lower()} here: "
            f"{', '.join(error.lines)}. Compare both and choose."[:500],
        )
    except (CannotApply, OutOfStock) as error:
        order.set_state(State.CONFLICT, f"{CANT_TAKE}: {error}"[:500])
