"""Bringing a sales order up to date with what its channel says later.

Lines that stay the same goods keep what was promised and set aside for them; only lines that
change are released and committed anew. What was set aside or has left is never changed silently.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction
from django.db.models import F

from catalog import commitments, inventory
from catalog.decimals import units
from catalog.inventory import By
from orders import services
from orders.allocation import is_of_lot, set_aside
from orders.drafts import HEADER_FIELDS, LineDraft, OrderDraft
from orders.models import OrderLine, SalesOrder
from orders.signals import announce_order_change
from orders.status import OPEN, IllegalMove, Status

# What of a line may change without touching goods: the name it goes by, its price, its marks.
WORDS = (
    "channel_line",
    "sku",
    "name",
    "case_size",
    "price",
    "is_sample",
    "is_medical",
    "notes",
    "lot_number",
    "waived_lot",
)
# Beyond any position, so that lines can change places without meeting.
AWAY = 1_000_000


class SetAside(IllegalMove):
    """Goods that were set aside or have left would change; `lines` says which lines."""

    def __init__(self, text: str, lines: list[str]) -> None:
        super().__init__(text)
        self.lines = lines


@dataclass
class Match:
    """Which lines of an order stay, go and come, when it is to become what a draft says."""

    kept: list[tuple[OrderLine, int, LineDraft]] = field(default_factory=list)
    gone: list[OrderLine] = field(default_factory=list)
    added: list[tuple[int, LineDraft]] = field(default_factory=list)


def match_lines(order: SalesOrder, draft: OrderDraft) -> Match:
    """Match by the channel's line id, item and base units (else by item and base units alone);
    duplicates one by one, in order."""
    pool: dict[object, list[OrderLine]] = defaultdict(list)
    lines = list(order.lines.prefetch_related("allocations__stock__lot"))
    same_place = order.facility_id == (draft.facility.pk if draft.facility else None)
    for line in lines:
        pool[line.channel_line, line.item_id, units(line.quantity)].append(line)
    found = Match()
    strangers: list[tuple[int, LineDraft]] = []
    for position, wanted in enumerate(draft.lines, start=1):
        item_id = wanted.item.pk if wanted.item else None
        waiting = pool[wanted.channel_line, item_id, units(wanted.quantity)]
        if same_place and (same := _first_fitting(waiting, wanted)):
            found.kept.append((same, position, wanted))
        else:
            strangers.append((position, wanted))
    # The same goods under another number: the channel may number its lines anew.
    left: dict[object, list[OrderLine]] = defaultdict(list)
    for waiting in pool.values():
        for line in waiting:
            left[line.item_id, units(line.quantity)].append(line)
    for position, wanted in strangers:
        alike = left[wanted.item.pk if wanted.item else None, units(wanted.quantity)]
        if same_place and wanted.item and (same := _first_fitting(alike, wanted)):
            found.kept.append((same, position, wanted))
        else:
            found.added.append((position, wanted))
    kept = {line.pk for line, _, _ in found.kept}
    found.gone = [line for line in lines if line.pk not in kept]
    return found


def _first_fitting(lines: list[OrderLine], wanted: LineDraft) -> OrderLine | None:
    """Take the first of these lines off the list whose goods set aside are of the lot asked for."""
    for line in lines:
        if all(is_of_lot(a.stock, wanted.lot_number) for a in line.allocations.all()):
            lines.remove(line)
            return line
    return None


@transaction.atomic
def revise(
    order: SalesOrder, draft: OrderDraft, *, reason: str, allow_short: bool = False, by: By = None
) -> SalesOrder:
    """Make an order what `draft` says, goods, words and money; `reason` goes into its history,
    unless it is empty. Nothing changes when it raises:

    SetAside when lines would change that have stock set aside or have left (or lines would be
    added to an order that is wholly set aside), IllegalMove when the order is canceled, OutOfStock
    when the new lines need more than is free, unless `allow_short`.
    """
    order = services.lock(order.pk)
    if order.status == Status.CANCELED:
        raise IllegalMove(f"Order {order.number} is canceled and can't be changed.")
    match = match_lines(order, draft)
    _check_set_aside(order, match)
    # Old and new together, so that two crossing revisions don't wait for each other.
    touched = [line.item_id for line in match.gone]
    touched += [line.item.pk for _, line in match.added if line.item]
    inventory.lock_items(pk for pk in touched if pk)
    promises = [line.commitment_id for line in match.gone if line.commitment_id]
    if promises:
        commitments.release(promises, reason=reason, by=by)
    order.lines.filter(pk__in=[line.pk for line in match.gone]).delete()
    _rewrite(order, match)
    for name in HEADER_FIELDS:
        setattr(order, name, getattr(draft, name))
    order.save(update_fields=HEADER_FIELDS)
    order.discounts.all().delete()
    services.write_discounts(order, draft.discounts)
    # Needing less is never refused, however short the stock was before.
    services.write_lines(order, match.added, allow_short=allow_short or _lessens(match), by=by)
    if reason:
        services.note(order, reason, by=by)
    if order.status == Status.PARTIALLY_ALLOCATED and _is_all_set_aside(order):
        services.move(order, Status.ALLOCATED, by=by, reason=reason)
    announce_order_change(order.pk)
    return order


def _check_set_aside(order: SalesOrder, match: Match) -> None:
    blocked = [line.name for line in match.gone if line.allocations.all()]
    if order.status not in OPEN:
        blocked = [line.name for line in match.gone]
    if order.status not in (Status.CREATED, Status.PARTIALLY_ALLOCATED):
        blocked += [line.name for _, line in match.added if line.name not in blocked]
    if blocked:
        raise SetAside(
            f"Order {order.number} is {order.get_status_display().lower()}, and "
            f"{', '.join(blocked)} would change.",
            blocked,
        )


def _lessens(match: Match) -> bool:
    """Whether of each item no more is needed after than before."""
    change: dict[int, Decimal] = defaultdict(Decimal)
    for line in match.gone:
        if line.item_id and line.commitment_id:
            change[line.item_id] -= units(line.quantity)
    for _, wanted in match.added:
        if wanted.item:
            change[wanted.item.pk] += units(wanted.quantity)
    return all(more <= 0 for more in change.values())


def _rewrite(order: SalesOrder, match: Match) -> None:
    """Write what changed on the lines that stay."""
    moved = any(line.position != position for line, position, _ in match.kept)
    if moved:
        order.lines.update(position=F("position") + AWAY)
    changed = []
    for line, position, wanted in match.kept:
        new = {name: getattr(wanted, name) for name in WORDS} | {"position": position}
        if moved or any(getattr(line, name) != value for name, value in new.items()):
            for name, value in new.items():
                setattr(line, name, value)
            changed.append(line)
    OrderLine.objects.bulk_update(changed, [*WORDS, "position"])


def _is_all_set_aside(order: SalesOrder) -> bool:
    lines = list(order.lines.prefetch_related("allocations"))
    return bool(lines) and all(set_aside(line) >= line.quantity for line in lines)
