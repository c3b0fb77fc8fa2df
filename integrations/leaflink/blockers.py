"""Why a LeafLink order can't be imported: all reasons at once, each with its cure in words.

A rep, every rep mapped, every product linked, enough stock; and by the account's
rules a known customer and a total that adds up.
"""

from catalog import commitments, inventory
from catalog.decimals import with_thousands
from catalog.models import Facility
from integrations.leaflink.draft_orders import Book, goods, line_name, route
from integrations.leaflink.mapping import fingerprints, money
from integrations.leaflink.match_customers import matching_destination
from integrations.leaflink.models import Account, Blocker, Order
from integrations.leaflink.wire import payloads

Code = Blocker.Code
# What a person with the permission may wave through; the others need their cure.
WAIVABLE = (Code.SHORT_OF_STOCK, Code.TOTAL_MISMATCH)


def find_blockers(
    account: Account, order: Order, payload: payloads.Order, book: Book
) -> list[Blocker]:
    """Every reason for which the order can't be imported now; call it in a transaction."""
    found: list[Blocker] = []
    if payload.line_items is None:
        found.append(Blocker(code=Code.UNREADABLE, text="LeafLink sent the order without lines."))
    found += [
        Blocker(
            code=Code.UNREADABLE,
            text=f"{line_name(line, book)} has the quantity {line.quantity}: below zero.",
        )
        for line in payload.line_items or []
        if line.quantity < 0
    ]
    found += _rep_blockers(account, payload, book)
    found += _product_blockers(payload, book)
    found += _customer_blockers(account, order, payload)
    parts = money.parts(payload)
    if (
        account.hold_on_total_mismatch
        and parts.difference
        and (not is_waived(order, payload, Code.TOTAL_MISMATCH))
    ):
        found.append(
            Blocker(code=Code.TOTAL_MISMATCH, text=f"The totals differ: {parts.explanation}.")
        )
    holds = account.shortage_rule == Account.ShortageRule.HOLD
    if found and holds and not is_waived(order, payload, Code.SHORT_OF_STOCK):
        # When nothing else is wrong, the import itself checks, in one go with the commitment.
        found += _shortage_blockers(account, order, payload, book)
    return found


def _rep_blockers(account: Account, payload: payloads.Order, book: Book) -> list[Blocker]:
    if not payload.sales_reps:
        if account.fallback_rep_id:
            return []
        cure = "Add a rep to the order in LeafLink, or choose a rep for such orders on the account."
        return [Blocker(code=Code.NO_REP, text=f"The order has no sales rep. {cure}")]
    found = []
    for rep in payload.sales_reps:
        staff = book.staff.get(rep.id)
        if staff and staff.sales_rep_id:
            continue
        name = (staff.name if staff else "") or rep.user or rep.email or f"Staff {rep.id}"
        text = f"Rep {name} is not mapped. Map {name} to a sales rep."
        found.append(Blocker(code=Code.REP_UNMAPPED, text=text, staff=staff))
    return found


def _product_blockers(payload: payloads.Order, book: Book) -> list[Blocker]:
    found: dict[object, Blocker] = {}
    for line in goods(payload):
        if line.product in book.items:
            continue
        name = line_name(line, book)
        sku = str(line.frozen_product.get("sku") or "")
        found[line.product or line.id] = Blocker(
            code=Code.PRODUCT_UNLINKED,
            text=f"{name}{f' ({sku})' if sku else ''} is not linked to an item. Link it."[:600],
            product=book.products.get(line.product or 0),
        )
    return list(found.values())


def _customer_blockers(account: Account, order: Order, payload: payloads.Order) -> list[Blocker]:
    if account.customer_rule == Account.CustomerRule.BLANK:
        return []
    if payload.customer is None or order.customer is None:
        text = (
            "LeafLink does not say who the customer is. Set the customer on the order in LeafLink, "
            "then read it again."
        )
        return [Blocker(code=Code.CUSTOMER_UNKNOWN, text=text)]
    if account.customer_rule == Account.CustomerRule.CREATE:
        return []
    if matching_destination(order.customer):
        return []
    text = f"{order.customer} is not known here. Choose or create a destination."
    return [Blocker(code=Code.CUSTOMER_UNKNOWN, text=text)]


def _shortage_blockers(
    account: Account, order: Order, payload: payloads.Order, book: Book
) -> list[Blocker]:
    known = matching_destination(order.customer) if order.customer else None
    place = route(account, order, payload, book, known).facility
    needs = [
        commitments.Need(
            book.items[line.product].pk, place.pk if place else None, line.quantity, ""
        )
        for line in goods(payload)
        if line.product in book.items
    ]
    return [short_of_stock(s, place) for s in commitments.shortages(needs)]


def short_of_stock(shortage: inventory.Shortage, place: Facility | None) -> Blocker:
    """The reason that says how many units of an item are needed and how many are free."""
    where = str(place or "all facilities")
    return Blocker(
        code=Code.SHORT_OF_STOCK,
        text=(
            f"{shortage.item.name}: {with_thousands(shortage.needed)} needed, "
            f"{with_thousands(max(shortage.free, inventory.ZERO))} free at {where}. Receive stock."
        )[:600],
        item=shortage.item,
        facility_id=shortage.facility_id,
        missing=shortage.needed - max(shortage.free, inventory.ZERO),
    )


def is_waived(order: Order, payload: payloads.Order, code: Blocker.Code) -> bool:
    """Whether a person said to import the order, as it is now, although it had this reason."""
    return code in order.waived_codes and (
        order.waived_fingerprint == fingerprints.of_choice(payload)
    )
