"""One cycle of an account, in the right order, one at a time: read who and what, link, take in
orders, then send quantities and product details. Commands, scheduled jobs and buttons all come
through here.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone
from structlog.contextvars import bound_contextvars

from integrations import call_log, runs, work
from integrations.budget import BudgetExhausted
from integrations.encryption import WrongEncryptionKey
from integrations.leaflink import (
    brake,
    compare_listings,
    create_product,
    drift,
    link,
    mark_listings,
    pull_catalog,
    pull_lists,
    push_details,
    push_inventory,
)
from integrations.leaflink.connect import client_for
from integrations.leaflink.due_quantities import SKIPPED, Why, plan, skip_unsent
from integrations.leaflink.explain_quantity import quantity_row
from integrations.leaflink.key_works import THE_KEY, revive
from integrations.leaflink.mapping import product_fields
from integrations.leaflink.models import Account
from integrations.leaflink.pull_orders import backfill_orders, pull_orders
from integrations.leaflink.push_orders import push_orders
from integrations.leaflink.push_payments import push_payments
from integrations.leaflink.wanted import Lists, in_words
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.work_kinds import LISTING_WORK
from integrations.leases import lease
from integrations.models import Notice, Run, WorkItem
from integrations.notices import notify, resolve
from integrations.runs import Recorder
from integrations.wire.errors import BadCredentials, Forbidden, VendorError

logger = logging.getLogger(__name__)

IN_SETUP = "The account is in set-up: nothing is sent or taken in before somebody says “go live”."
# With what comes before it, well below the task queue's limit of 300 seconds, which kills.
PUSH_SECONDS = 150


@dataclass
class Step:
    """What a step did. `error` is set when it could not be finished."""

    name: str
    seen: int = 0
    changed: int = 0
    failed: int = 0
    skipped: int = 0
    calls: int = 0
    problems: list[dict[str, str]] = field(default_factory=list)
    error: str = ""
    # Rows of a dry run: see `explain_quantity.quantity_row`.
    plan: list[dict[str, str]] = field(default_factory=list)
    # The same for product details ("sku", "field", "ours", "theirs").
    details: list[dict[str, str]] = field(default_factory=list)


@dataclass
class _Context:
    account: Account
    full: bool
    dry: bool
    # Have the worker send quantities, in place of doing it here and now.
    hand_over: bool
    deadline: float
    step: Step
    since: datetime | None = None


Action = Callable[[_Context, LeafLinkClient, Recorder], None]


def _staff(context: _Context, client: LeafLinkClient, run: Recorder) -> None:
    pull_catalog.pull_staff(context.account, client, run, dry=context.dry)


def _customers(context: _Context, client: LeafLinkClient, run: Recorder) -> None:
    pull_catalog.pull_customers(context.account, client, run, full=context.full, dry=context.dry)


def _products(context: _Context, client: LeafLinkClient, run: Recorder) -> None:
    account, started = context.account, timezone.now()
    pull_lists.pull_lists(account, client, run, full=context.full, dry=context.dry)
    pull_catalog.pull_products(account, client, run, full=context.full, dry=context.dry)
    if account.in_setup:
        return  # reading is all that is done before it goes live
    if account.link_exact_skus:
        run.changed += link.link_exact_skus(account, dry=context.dry)
    if not context.dry:
        compare_listings.settle(account)
        mark_listings.products_read(account, started)
        drift.record(account)
        if account.create_products:
            create_product.ask_for_all_ready(account)


def _details(context: _Context, client: LeafLinkClient, run: Recorder) -> None:
    account = context.account
    changes = push_details.plan(account, run=run)
    if context.dry:
        lists = Lists.of(account)
        context.step.details = [row for found in changes for row in _detail_rows(found, lists)]
        run.changed = len(changes)
        return
    left = push_details.push(account, client, changes, run, deadline=context.deadline)
    if left:
        run.problem("time", f"The details of {left} products are sent with the next run.")


def _detail_rows(found: compare_listings.Comparison, lists: Lists) -> list[dict[str, str]]:
    return [
        {
            "sku": found.listing.item.sku,
            "field": product_fields.LABELS[name],
            "ours": in_words(name, value, lists),
            "theirs": in_words(name, found.theirs.get(name), lists),
        }
        for name, value in found.to_send().items()
    ]


def _orders(context: _Context, client: LeafLinkClient, run: Recorder) -> None:
    account, since = context.account, context.since
    if since:
        backfill_orders(account, client, run, placed_since=since, dry=context.dry)
    else:
        pull_orders(account, client, run, dry=context.dry)


def _statuses(context: _Context, client: LeafLinkClient, run: Recorder) -> None:
    push_orders(context.account, client, run, dry=context.dry)


def _payments(context: _Context, client: LeafLinkClient, run: Recorder) -> None:
    push_payments(context.account, client, run, dry=context.dry)


def _inventory(context: _Context, client: LeafLinkClient, run: Recorder) -> None:
    account = context.account
    found = plan(account)
    if context.dry:
        stopped = brake.would_stop(account, found)
        context.step.plan = [
            quantity_row(account, one, is_stopped=one.row.item_id in stopped)
            for one in (*found.changes, *found.braked)
        ]
        run.changed = sum(1 for row in context.step.plan if row["would_send"]) + len(
            set(found.more) - stopped
        )
        return
    skip_unsent(run, found)
    item_ids = [one.row.item_id for one in brake.hold(account, found)]
    braked = len(found.changes) - len(item_ids)
    run.seen += braked
    run.skip(SKIPPED[Why.BRAKED], braked)
    brake.tell(account)
    held = set(brake.held_back(account).values_list("item", flat=True))
    more = [pk for pk in found.more if pk not in held]
    if context.hand_over:
        run.seen += len(item_ids) + len(more)
        run.changed = len(item_ids) + len(more)
        work.ask(account.pk, LISTING_WORK, map(str, item_ids + more), WorkItem.Priority.SWEEP)
        return
    result = push_inventory.push(account, client, item_ids, run, deadline=context.deadline)
    if again := result.left | result.busy | result.lost | set(more):
        work.ask(account.pk, LISTING_WORK, map(str, again), WorkItem.Priority.SWEEP)
    if left := len(result.left) + len(more):
        run.problem("time", f"{left} quantities are sent by the worker, or with the next run.")


STEPS: dict[str, Action] = {
    "staff": _staff,
    "customers": _customers,
    "products": _products,
    "orders": _orders,
    # Before quantities: LeafLink takes fulfilled goods out of them by itself.
    "statuses": _statuses,
    "payments": _payments,
    "inventory": _inventory,
    "details": _details,
}
# Orders are always read right before quantities are sent.
NEEDS = {
    "inventory": ("orders", "statuses", "inventory"),
    "statuses": ("orders", "statuses"),
    "products": ("products", "details"),
    "details": ("products", "details"),
}
# All that is done for an account that is in set-up.
READ_IN_SETUP = frozenset({"staff", "customers", "products"})
# What must not go out when the orders could not be read first.
AFTER_ORDERS = ("statuses", "inventory")
PRIORITIES = {
    "orders": WorkItem.Priority.ORDERS,
    "statuses": WorkItem.Priority.ORDERS,
    "payments": WorkItem.Priority.ORDERS,
    "inventory": WorkItem.Priority.SWEEP,
}


def run_cycle(
    account: Account,
    only: Collection[str] = (),
    *,
    full: bool = False,
    dry: bool = False,
    hand_over: bool = False,
    since: datetime | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
) -> list[Step]:
    """Run the steps (all, or `only` some) for one account, and return what each did.

    A step that fails is reported and the next is tried, unless the key is bad. Raises Busy when
    another process is at it. `dry` changes nothing on either side. `full`: all products are read,
    whether LeafLink says that they changed or not, and reservations compared. `on_step` hears of
    each step when it is done. `hand_over`: quantities are not sent here but by the worker. `since`:
    the orders placed since then are brought in, cut-off or not.
    """
    wanted = {step for name in only for step in NEEDS.get(name, (name,))} or set(STEPS)
    steps = []
    with lease(f"leaflink account {account.pk}"):
        for name, action in STEPS.items():
            if name not in wanted or (not dry and name in _left_out(account, only)):
                continue
            step = Step(name)
            steps.append(step)
            deadline = time.monotonic() + PUSH_SECONDS
            context = _Context(account, full, dry, hand_over, deadline, step, since)
            if account.in_setup and not dry and name not in READ_IN_SETUP:
                step.error = IN_SETUP
                go_on = True
            elif name in AFTER_ORDERS and any(s.name == "orders" and s.error for s in steps):
                # What LeafLink holds reserved is not known: a number sent now could oversell.
                step.error = "Nothing was sent, because the orders could not be read first."
                go_on = True
            else:
                go_on = _run_step(context, action)
            on_step(step)
            if not go_on:
                break
        done = {step.name for step in steps if not step.error}
        if full and not dry and {"products", "orders"} <= done:
            # Reservations move without a product's `modified`, so only a full reading shows them
            # all; and which there should be is known once the orders were read as well.
            drift.record(account, reserved=True)
    return steps


def _left_out(account: Account, only: Collection[str]) -> set[str]:
    """Steps that are passed over for now; those that were asked for by name say why themselves."""
    return set(STEPS) - READ_IN_SETUP - set(only) if account.in_setup else set()


def _run_step(context: _Context, action: Action) -> bool:
    """Run one step; False when the following ones make no sense."""
    account, step = context.account, context.step
    client: LeafLinkClient | None = None
    try:
        with bound_contextvars(account=account.pk, step=step.name), _recorded(context) as run:
            try:
                client = client_for(account, PRIORITIES.get(step.name, WorkItem.Priority.REST))
                action(context, client, run)
            finally:
                run.calls = client.calls if client else 0
    except BadCredentials as error:
        step.error = str(error)
        is_key = not isinstance(error, Forbidden)
        if not context.dry:
            key = THE_KEY if is_key else step.name
            notify(account, Notice.Category.CREDENTIALS, key, str(error))
        return not is_key
    except WrongEncryptionKey as error:
        step.error = str(error)
        if not context.dry:
            notify(account, Notice.Category.CREDENTIALS, THE_KEY, f"The App key: {error}")
        return False
    except (VendorError, BudgetExhausted) as error:
        step.error = str(error)
    except Exception as error:
        logger.exception("step failed", extra={"account": account.pk, "step": step.name})
        step.error = f"{type(error).__name__}: {error}"
    else:
        if not context.dry:
            had_bad_key = resolve(account, Notice.Category.CREDENTIALS, [step.name, THE_KEY])
            if had_bad_key or _had_failed(account, step.name):
                revive(account)
    return True


def _had_failed(account: Account, name: str) -> bool:
    """Whether the run of this step before the one that has just ended well had failed."""
    runs_of_it = Run.objects.filter(connection=account, kind=name, finished_at__isnull=False)
    outcomes = runs_of_it.order_by("-started_at", "-pk").values_list("outcome", flat=True)
    return list(outcomes[1:2]) == [Run.Outcome.FAILED]


@contextmanager
def _recorded(context: _Context) -> Iterator[Recorder]:
    """Count what the step does; on record as a Run, unless it is a dry run."""
    step = context.step
    run = Recorder()
    try:
        if context.dry:
            with call_log.kept():
                yield run
        else:
            with runs.record(context.account, step.name) as run:
                yield run
    finally:
        step.seen, step.changed = run.seen, run.changed
        step.failed, step.calls, step.problems = run.failed, run.calls, run.problems
        step.skipped = run.skipped
