"""What LeafLink has changed of an order: what the sales order would become, and taking it over.

An edit is taken over whole or not at all; terms (payment, delivery) are agreed about one by one
in `agree_terms`.
"""

from dataclasses import replace

from catalog.decimals import units
from catalog.inventory import By
from integrations.leaflink import compare_orders
from integrations.leaflink.draft_orders import Book, draft, goods, line_name, unknown_batch
from integrations.leaflink.mapping import fingerprints
from integrations.leaflink.models import Account, Order
from integrations.leaflink.wire import payloads
from orders.allocation import is_of_lot
from orders.drafts import LineDraft, OrderDraft
from orders.models import OrderLine, SalesOrder
from orders.revise import revise
from orders.status import Status
from orders.terms import LABELS

OTHER_LOTS = "but units of other lots"
CANT_TAKE = "LeafLink's change can't be taken"


class CannotApply(Exception):
    """LeafLink's version of an order can't be taken; the text goes on after a colon."""


def apply_edit(
    account: Account,
    order: Order,
    local: SalesOrder,
    payload: payloads.Order,
    book: Book,
    *,
    at: str = "",
    standing: str = "",
    by: By = None,
) -> None:
    """Make the sales order what LeafLink says now. Call it in a transaction.

    `at` is the status the order had when that was decided, if it has another one by now;
    `standing` what the order says afterwards. Raises
    SetAside, OutOfStock or CannotApply; then nothing was changed.
    """
    wanted, warnings = later_draft(account, order, local, payload, book, at=at)
    changes = compare_orders.summary(local, wanted)
    revise(
        local,
        wanted,
        # What a person can't see is no news: a line that LeafLink numbers anew, say.
        reason=f"Changed in LeafLink. {changes}"[:500] if changes else "",
        allow_short=account.shortage_rule == Account.ShortageRule.IMPORT,
        by=by,
    )
    order.warnings = warnings
    order.disputed = [row for row in order.disputed if row["name"] in LABELS]
    order.kept_fingerprint = ""
    order.applied_customer = order.customer
    order.applied_fingerprint = fingerprints.of_content(payload)
    news = f"Took over what changed in LeafLink. {changes}" if changes else ""
    order.set_state(Order.State.IMPORTED, standing, news=news)


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
    # Terms are agreed about one by one, whatever becomes of the rest.
    for name in LABELS:
        setattr(wanted, name, getattr(local, name))
    status = at or local.status
    keeps_prices = _prices_are_settled(account, status)
    numbers = {line.channel_line for line in wanted.lines}
    renumbered = [
        line for lines in ours.values() for line in lines if line.channel_line not in numbers
    ]
    kept = []
    for later in wanted.lines:
        mine = _same_line(ours.get(later.channel_line, []))
        if mine:
            later.item, later.sku = mine.item, mine.sku
        else:
            # LeafLink may number lines anew: the same item's price is what was agreed.
            mine = _likeliest(renumbered, later)
        if mine is None:
            continue
        if later.lot_number and later.lot_number == mine.waived_lot:
            later.lot_number, later.waived_lot = "", mine.waived_lot
        elif later.lot_number and not mine.lot_number and _is_of_other_lots(mine, later.lot_number):
            # The batch was read after stock was set aside: nobody has changed anything.
            warnings.append(_other_lots(later.name, later.lot_number))
            later.lot_number = ""
        if keeps_prices and (mine.price, mine.case_size) != (later.price, later.case_size):
            later.price, later.case_size = mine.price, mine.case_size
            kept.append(later.name)
    if kept:
        warnings.append(
            f"LeafLink's new price for {', '.join(kept)} is ignored by rule, because the order is "
            f"{Status(status).label.lower()}."
        )
    return wanted, warnings


def lot_warnings(local: SalesOrder, payload: payloads.Order, book: Book) -> list[str]:
    """What to know about the batches that LeafLink's lines ask for, as things are now."""
    asking = {str(x.id): x for x in goods(payload) if x.batch}
    if not asking:
        return []
    found = []
    for line in local.lines.filter(channel_line__in=list(asking), lot_number="", waived_lot=""):
        theirs = asking[line.channel_line]
        number = book.batches.get(theirs.batch or 0, "")
        if not number:
            found.append(unknown_batch(theirs, book))
        elif _is_of_other_lots(line, number):
            found.append(_other_lots(line.name, number))
    return found


def _other_lots(name: str, lot_number: str) -> str:
    return (
        f"{name} asks for lot {lot_number}, {OTHER_LOTS} are set aside for it or have left. Put "
        "them back, or agree with the buyer."
    )


def _is_of_other_lots(line: OrderLine, lot_number: str) -> bool:
    rows = line.allocations.select_related("stock__lot")
    return any(not is_of_lot(row.stock, lot_number) for row in rows)


def _likeliest(lines: list[OrderLine], later: LineDraft) -> OrderLine | None:
    """The line that a renumbered one was before: the same goods, the same amount if there is one.
    Taken off the list, unless it is the last of its kind."""
    item_id = later.item.pk if later.item else None
    alike = [x for x in lines if (x.item_id, x.is_sample) == (item_id, later.is_sample)]
    if not item_id or not alike:
        return None
    found = next((x for x in alike if units(x.quantity) == units(later.quantity)), alike[0])
    if len(alike) > 1:
        lines.remove(found)
    return found


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
