"""Before an account goes live: what a first push and import would do, and one of each alone.

The first import is tried out for real and then undone: LeafLink's open orders are read, stored and
decided about by the same code as ever, in a transaction that is rolled back. So the reasons shown
are the reasons that would hold them.
"""

import uuid
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import transaction

from catalog.decimals import money, plain, units
from integrations.leaflink import brake, import_orders, mirror_orders, push_inventory
from integrations.leaflink.connect import client_for_page
from integrations.leaflink.due_quantities import plan
from integrations.leaflink.explain_quantity import quantity_row
from integrations.leaflink.models import Account, Blocker, Listing, Order
from integrations.leaflink.pull_orders import CHILDREN, RESOURCE, take_in
from integrations.leaflink.quantities import Wanted
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.runs import Recorder
from integrations.wire.errors import Gone

# As many orders as are tried out within one page's time.
MOST_TRIED = 200
SHOWN = 10


class NotDone(Exception):
    """It was not sent or taken in; the text says why and what to do."""


@dataclass
class PushPreview:
    """What a push would send now, in numbers of products; nothing is read from LeafLink."""

    linked: int = 0
    up: int = 0
    down: int = 0
    zero: int = 0
    # Listings that LeafLink would offer none of, where it offers some now.
    selling_out: list[int] = field(default_factory=list)
    # Of which LeafLink would show more than it does.
    raised: list[Wanted] = field(default_factory=list)
    # Whether the brake would stop those that sell out.
    is_braked: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def changes(self) -> int:
        return self.up + self.down + self.zero


def preview_push(account: Account) -> PushPreview:
    """Count what the first push would change."""
    found = plan(account, most=10**9)
    linked = Listing.objects.filter(product__account=account).count()
    result = PushPreview(linked=linked)
    stopped = brake.would_stop(account, found)
    result.is_braked = bool(stopped or found.braked)
    shown: list[Wanted] = []
    for one in (*found.changes, *found.braked):
        if one.sells_out:
            result.zero += 1
            result.selling_out.append(one.row.listing_id)
        elif units(one.quantity) > units(one.row.quantity):
            result.up += 1
            result.raised.append(one)
        elif units(one.quantity) < units(one.row.quantity):
            result.down += 1
        else:
            continue  # sent for the first time, but it is the number that is there
        shown.append(one)
    for one in shown[:SHOWN]:
        row = quantity_row(account, one, is_stopped=one.row.item_id in stopped)
        result.rows.append({**row, "item_id": one.row.item_id, "name": one.row.item_name})
    return result


@dataclass
class ImportPreview:
    """What would become of LeafLink's open orders."""

    # How many LeafLink has, and how many of them were tried out.
    there: int = 0
    tried: int = 0
    here_already: int = 0
    would_import: int = 0
    value: Decimal = Decimal(0)
    held: int = 0
    reasons: list[tuple[str, int]] = field(default_factory=list)
    others: list[tuple[str, int]] = field(default_factory=list)
    without_term: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def preview_import(account: Account) -> ImportPreview:
    """Read LeafLink's open orders, and find out what would become of each. Nothing is stored.

    Raises as the client does, with short timeouts. The network is done with before the transaction.
    """
    there, bodies = read_open_orders(account, client_for_page(account))
    result = ImportPreview(there=there, tried=len(bodies))
    if not bodies:
        return result
    run = Recorder()
    with transaction.atomic():
        page = mirror_orders.store_page(account, bodies, run)
        failed = import_orders.settle_all(account, page.changed)
        rows = Order.objects.filter(account=account, number__in=page.numbers).defer("raw")
        orders = list(rows.prefetch_related("blockers").order_by("placed_at", "pk"))
        _count(result, orders, set(page.changed), failed)
        transaction.set_rollback(True)
    result.without_term = sum(1 for body in bodies if not _has_term(body))
    result.problems = [row["reason"] for row in run.problems]
    return result


def read_open_orders(account: Account, client: LeafLinkClient) -> tuple[int, list[Any]]:
    """LeafLink's orders that our rules would import, as they come: how many, and the first of them.
    Raises as the client does."""
    params = {"status": ",".join(status.lower() for status in account.import_statuses)}
    if account.import_since:
        params["created_on__gte"] = account.import_since.isoformat()
    bodies: list[Any] = []
    for page in client.pages(RESOURCE, include_children=CHILDREN, **params):
        bodies += page
        if len(bodies) >= MOST_TRIED:
            break
    if len(bodies) < MOST_TRIED:
        return len(bodies), bodies
    counted = client.get(RESOURCE, limit=1, **params)
    count = counted.get("count") if isinstance(counted, dict) else None
    there = count if isinstance(count, int) else len(bodies)
    return max(there, len(bodies)), bodies[:MOST_TRIED]


def _count(
    result: ImportPreview, orders: list[Order], tried: set[int], failed: dict[int, Exception]
) -> None:
    reasons: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for order in orders:
        codes = {Blocker.Code(blocker.code) for blocker in order.blockers.all()}
        if order.pk in failed:
            others[f"It failed: {failed[order.pk]}"] += 1
        elif order.pk not in tried and order.state == Order.State.IMPORTED:
            result.here_already += 1
        elif order.state == Order.State.IMPORTED:
            result.would_import += 1
            result.value += money(order.total)
        elif codes:
            result.held += 1
            reasons.update(code.label for code in codes)
        else:
            others[order.state_reason or order.get_state_display()] += 1
        if len(result.rows) < SHOWN:
            result.rows.append(
                {
                    "number": str(order.number),
                    "short": str(order),
                    "buyer": order.buyer,
                    "total": order.total,
                    "state": "Would come in"
                    if order.state == Order.State.IMPORTED
                    else order.get_state_display(),
                    "why": "; ".join(sorted(code.label for code in codes)) or order.state_reason,
                    "is_here": order.pk not in tried,
                }
            )
    result.reasons, result.others = reasons.most_common(), others.most_common()


def _has_term(body: Any) -> bool:
    if not isinstance(body, dict):
        return False
    return bool(body.get("payment_term") or body.get("selected_payment_option"))


def send_one(account: Account, item_id: int) -> str:
    """Send the quantity of just this linked item; returns what was done, in words.

    Raises NotDone when nothing was sent, and as the client does. What LeafLink's orders reserve of
    it and we have not taken in lowers what is offered by itself.
    """
    listing = (
        Listing.objects.filter(item=item_id, product__account=account)
        .select_related("item", "product")
        .defer("product__raw", "product__shown")
        .first()
    )
    if listing is None:
        raise NotDone("That item is not linked to a product of this account. Link it first.")
    if not account.push_inventory:
        raise NotDone("The rules send no quantities. Switch that on under Rules.")
    run = Recorder()
    result = push_inventory.push(account, client_for_page(account), [item_id], run)
    if run.problems:
        raise NotDone(f"{listing.item.sku}: {run.problems[0]['reason']}")
    if result.busy:
        raise NotDone("It is being sent by another process just now. Look again in a moment.")
    listing.refresh_from_db(fields=["last_sent", "last_answer"])
    if not result.sent or listing.last_sent is None:
        return f"{listing.item.sku}: LeafLink shows what it should already, so nothing was sent."
    return f"{listing.item.sku}: {plain(units(listing.last_sent))} was sent, and LeafLink took it."


def take_in_one(account: Account, words: str) -> Order:
    """Take in just the order with this number (whole, or the 8 characters people see).

    Raises NotDone when LeafLink has no such order, and as the client does.
    """
    words = words.strip().lstrip("#").lower()
    if not words:
        raise NotDone("Give the order's number as LeafLink shows it.")
    client = client_for_page(account)
    try:
        number = str(uuid.UUID(words))
        body = client.get(f"{RESOURCE}/{number}", include_children=CHILDREN)
    except ValueError:
        number, body = _by_short_number(account, client, words)
    except Gone:
        raise NotDone(f"LeafLink has no order {words} of this company.") from None
    take_in(account, body, number)
    return Order.objects.defer("raw").get(account=account, number=number)


def _by_short_number(account: Account, client: LeafLinkClient, words: str) -> tuple[str, Any]:
    _, bodies = read_open_orders(account, client)
    for body in bodies:
        number = str(body.get("number", "")) if isinstance(body, dict) else ""
        if number and words in (number[-8:].lower(), str(body.get("short_id", "")).lower()):
            return number, body
    raise NotDone(
        f"No open order is called {words}. Copy the number from LeafLink's list of orders; orders "
        "that the rules do not import can't be tried."
    )
