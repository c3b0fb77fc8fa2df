"""Reading orders from LeafLink, those that changed or a single one: both end in one intake."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from integrations import work
from integrations.leaflink import cursors, hints, import_orders, mark_listings, mirror_orders
from integrations.leaflink.models import Account, Order
from integrations.leaflink.record_kinds import ORDER
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.work_kinds import ORDER_WORK
from integrations.models import WorkItem
from integrations.runs import Recorder

# LeafLink: without these an order comes without lines, and with little of its customer.
CHILDREN = "line_items,customer,sales_reps"
RESOURCE = "orders-received"
# Imported orders that say something (kept ours, put back here), which may be over without a hint.
SAYS_SOMETHING = Q(state=Order.State.IMPORTED) & ~Q(state_reason="")


def pull_orders(
    account: Account,
    client: LeafLinkClient,
    run: Recorder,
    *,
    since: datetime | None = None,
    dry: bool = False,
) -> None:
    """Read all orders changed since the last pull (or `since`), store and settle each.

    Then every held order gets another look, in case its reason has gone without a hint.
    """
    settled: set[int] = set()
    pull_changed(account, client, run, since=since, dry=dry, settled=settled)
    if dry:
        return
    # What waits for a reason to go, and what a crash has kept from being settled.
    undecided = Order.objects.filter(
        Order.needs_you() | SAYS_SOMETHING | Q(needs_settling=True) | hints.BLANK | hints.UNTAXED,
        account=account,
        read_at__isnull=False,
    )
    settle(account, set(undecided.values_list("pk", flat=True)) - settled, run)


def pull_changed(
    account: Account,
    client: LeafLinkClient,
    run: Recorder,
    *,
    since: datetime | None = None,
    dry: bool = False,
    settled: set[int] | None = None,
) -> set[str]:
    """Read the orders changed since the last pull (or `since`), store and settle each; returns
    their numbers. The ids of those that were settled are added to `settled`."""
    started = timezone.now()
    start = since or cursors.start_of(account, RESOURCE)
    params = {"modified__gte": start.isoformat()} if start else {}
    newest: datetime | None = None
    numbers: set[str] = set()
    for bodies in client.pages(RESOURCE, include_children=CHILDREN, **params):
        page = mirror_orders.store_page(account, bodies, run, dry=dry)
        newest = max(filter(None, (newest, page.newest)), default=None)
        read = [str(n) for n in page.numbers]
        numbers.update(read)
        if dry:
            continue
        settle(account, page.changed, run)
        mark_listings.orders_read(account, page.changed)
        if settled is not None:
            settled.update(page.changed)
        work.forget(account.pk, ORDER_WORK, read, asked_before=started)
    if not dry:
        cursors.advance(account, RESOURCE, newest, started)
    return numbers


def backfill_orders(
    account: Account,
    client: LeafLinkClient,
    run: Recorder,
    *,
    placed_since: datetime,
    dry: bool = False,
) -> None:
    """Read all orders placed since then, and import them although the account's cut-off day keeps
    older ones out. The other rules hold: what LeafLink has ended or moved on stays ignored."""
    params = {"created_on__gte": placed_since.isoformat()}
    for bodies in client.pages(RESOURCE, include_children=CHILDREN, **params):
        page = mirror_orders.store_page(account, bodies, run, dry=dry)
        if dry:
            continue
        wanted = Order.objects.filter(
            account=account, number__in=page.numbers, placed_at__gte=placed_since
        )
        wanted.filter(backfilled=False).update(backfilled=True)
        settle(account, {*page.changed, *wanted.values_list("pk", flat=True)}, run)


def read_order(account: Account, client: LeafLinkClient, number: str) -> None:
    """Read one order again and settle it. Raises as the client does, or what settling raised."""
    take_in(account, client.get(f"{RESOURCE}/{number}", include_children=CHILDREN), number)


def take_in(account: Account, body: Any, number: str) -> None:
    """Store and settle the answer to reading the order `number`."""
    page = mirror_orders.store_page(account, [body], Recorder())
    settle_numbers(account, [number, *map(str, page.numbers)])
    mark_listings.orders_read(account, page.changed)


def settle_numbers(account: Account, numbers: Iterable[str]) -> None:
    """Settle stored orders by number; raises the first thing that went wrong."""
    ids = Order.objects.filter(account=account, number__in=list(numbers))
    for error in import_orders.settle_all(account, ids.values_list("pk", flat=True)).values():
        raise error


def settle(account: Account, order_ids: Iterable[int], run: Recorder) -> None:
    """Settle stored orders; what fails is noted on the run, and asked for as work of its own."""
    failed = import_orders.settle_all(account, order_ids)
    if not failed:
        return
    numbers = dict(Order.objects.filter(pk__in=failed).values_list("pk", "number"))
    for order_id, error in failed.items():
        number = numbers[order_id]
        run.problem(f"order {number}", f"{type(error).__name__}: {error}", ORDER, number)
    work.ask(
        account.pk,
        ORDER_WORK,
        [str(n) for n in numbers.values()],
        WorkItem.Priority.ORDERS,
        revive=False,
    )
