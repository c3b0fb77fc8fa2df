"""What the worker does for LeafLink: the scheduled jobs, and the handlers of queued work."""

import logging
from contextlib import suppress
from datetime import time, timedelta

from django.db.models import F
from django.utils import timezone

from integrations import work
from integrations.leaflink import (
    check_key,
    create_product,
    drift,
    hints,
    mark_listings,
    pull_lists,
    push_details,
)
from integrations.leaflink.check_links import listings_away
from integrations.leaflink.compare_listings import settle
from integrations.leaflink.connect import client_for
from integrations.leaflink.cycle import READ_IN_SETUP, run_cycle
from integrations.leaflink.link import link_exact_skus
from integrations.leaflink.mirror_orders import name_lines
from integrations.leaflink.mirror_orders import note_gone as note_order_gone
from integrations.leaflink.models import Account, Listing, Offer, Product
from integrations.leaflink.pull_catalog import note_gone, read_product
from integrations.leaflink.pull_orders import read_order, settle_numbers
from integrations.leaflink.push_listings import AT_A_TIME, push_marked
from integrations.leaflink.push_orders import push_order
from integrations.leaflink.push_payments import push_order_payments
from integrations.leaflink.work_kinds import (
    BATCH_WORK,
    CATALOG_WORK,
    CREATE_WORK,
    DETAILS_WORK,
    INVENTORY_WORK,
    LISTING_WORK,
    ORDER_WORK,
    PAYMENT_WORK,
    PRODUCT_WORK,
    RECONSIDER_WORK,
    STATUS_WORK,
)
from integrations.leases import Busy
from integrations.models import Connection, WorkItem
from integrations.outcomes import outcomes
from integrations.runs import Recorder
from integrations.wire.errors import Gone, Refused

logger = logging.getLogger(__name__)
# Until then each minute's job looks at what has just expired.
AFTER_MIDNIGHT = time(0, 5)


def poll_orders() -> None:
    """Each minute: what webhooks may have missed, and what LeafLink should hear of our orders."""
    if timezone.localtime().time() < AFTER_MIDNIGHT:
        mark_listings.lots_expired()
    _for_each_account(("orders", "statuses", "payments"))


def push_inventory() -> None:
    """Every ten minutes: read orders, then have every quantity that differs sent."""
    _for_each_account(("inventory",), hand_over=True)


def pull_catalog() -> None:
    """Every ten minutes: products, customers and staff that changed."""
    _for_each_account(("staff", "customers", "products"))


def audit() -> None:
    """Hourly: read all products and customers, whether LeafLink says that they changed or not, then
    the orders, and compare what LeafLink reserves with what they add up to."""
    _for_each_account(("customers", "products", "orders"), full=True)


def _for_each_account(
    steps: tuple[str, ...], *, full: bool = False, hand_over: bool = False
) -> None:
    accounts = Account.objects.filter(is_active=True).exclude(app_key="")
    if not READ_IN_SETUP.intersection(steps):
        accounts = accounts.filter(in_setup=False)
    for account_id in accounts.values_list("pk", flat=True):
        try:
            account = Account.objects.get(pk=account_id)
            tested = check_key.stored(account)
            if account.in_setup and not (tested and tested.is_good):
                continue  # perhaps another account's company
            run_cycle(account, steps, full=full, hand_over=hand_over)
        except Busy:
            logger.info("account is busy", extra={"account": account_id, "steps": steps})
        except Exception:
            # One account's trouble must not keep the others waiting; the Run has the reason.
            logger.exception("cycle failed", extra={"account": account_id, "steps": steps})


def register_work() -> None:
    """Tell the work queue who does LeafLink's kinds of work."""
    work.register(ORDER_WORK, "Read order", _once_live(_read_order), about="order")
    work.register(PRODUCT_WORK, "Read product", _read_product, about="product")
    work.register(
        RECONSIDER_WORK, "Look at held order again", _once_live(_reconsider), about="order"
    )
    work.register(
        STATUS_WORK, "Bring LeafLink's order up to date", _once_live(_push_order), about="order"
    )
    work.register(PAYMENT_WORK, "Send payments", _once_live(_push_payments), about="order")
    work.register(BATCH_WORK, "Read batches", _once_live(_read_batches))
    work.register(INVENTORY_WORK, "Look at every quantity", _once_live(_sweep))
    work.register_many(LISTING_WORK, "Send quantity", push_marked, AT_A_TIME)
    work.register(DETAILS_WORK, "Send product details", _once_live(_push_details), about="item")
    work.register(
        CREATE_WORK, "Create product in LeafLink", _once_live(_create_product), about="item"
    )
    work.register(CATALOG_WORK, "Read LeafLink's lists", _read_catalog)


class _InSetup(Exception):
    """The account is in set-up: this kind of work is not done yet."""


def _once_live(handler: work.Handler) -> work.Handler:
    """The handler for accounts that are live; for others the work is dropped: going live looks at
    everything anew."""

    def run(connection: Connection, key: str) -> None:
        with suppress(_InSetup):
            handler(connection, key)

    return run


def _account(connection: Connection) -> Account:
    account = Account.objects.get(pk=connection.pk)
    if account.in_setup:
        raise _InSetup
    return account


def _read_order(connection: Connection, number: str) -> None:
    account = _account(connection)
    with outcomes():
        try:
            read_order(account, client_for(account, WorkItem.Priority.ORDERS, share=1), number)
        except Gone:
            note_order_gone(account, number)


def _read_product(connection: Connection, remote_id: str) -> None:
    account = Account.objects.get(pk=connection.pk)
    is_new = not Product.objects.filter(account=account, remote_id=remote_id).exists()
    with outcomes():
        try:
            read_product(account, client_for(account, share=1), remote_id)
        except Gone:
            note_gone(account, remote_id)
    if account.in_setup:
        return
    if is_new:
        name_lines(account, int(remote_id))
        if account.link_exact_skus:
            link_exact_skus(account)
        hints.product_read(account, int(remote_id))
    listing = Listing.objects.filter(product__account=account, product__remote_id=remote_id)
    touched = list(listing.values_list("pk", flat=True))
    for item_id in listing.values_list("item", flat=True):
        drift.product_read(account, item_id)
    # A product that is nobody's may have taken the place of one that was archived.
    settle(account, touched or listings_away(account))
    changed_by_hand = listing.exclude(
        item__offer__mode__in=(Offer.Mode.INHERITED, Offer.Mode.UNLIMITED)
    ).exclude(last_sent=F("product__quantity"))
    if account.push_inventory:
        items = map(str, changed_by_hand.values_list("item", flat=True))
        work.ask(account.pk, LISTING_WORK, items, WorkItem.Priority.STOCK)


def _push_details(connection: Connection, item_id: str) -> None:
    account = _account(connection)
    listings = Listing.objects.filter(product__account=account, item=int(item_id))
    ids = list(listings.values_list("pk", flat=True))
    settle(account, ids)
    changes = push_details.plan(account, ids)
    if changes:
        with outcomes():
            push_details.push(account, client_for(account, share=1), changes, Recorder())


def _create_product(connection: Connection, item_id: str) -> None:
    account = _account(connection)
    with outcomes():
        create_product.create(account, client_for(account, share=1), int(item_id))


def _reconsider(connection: Connection, number: str) -> None:
    settle_numbers(_account(connection), [number])


def _push_order(connection: Connection, number: str) -> None:
    account = _account(connection)
    with outcomes():
        try:
            push_order(account, client_for(account, WorkItem.Priority.ORDERS, share=1), number)
        except Refused:
            return  # the order shows it, and what can be done
        except Gone:
            note_order_gone(account, number)


def _push_payments(connection: Connection, number: str) -> None:
    account = _account(connection)
    with outcomes():
        try:
            push_order_payments(account, client_for(account, share=1), number)
        except Refused:
            return  # the payment shows it, and what can be done


def _read_batches(connection: Connection, key: str) -> None:
    account = _account(connection)
    with outcomes():
        read = pull_lists.read_batches(account, client_for(account, share=1))
    hints.batches_read(account, read)


def _read_catalog(connection: Connection, key: str) -> None:
    account = Account.objects.get(pk=connection.pk)
    with outcomes():
        for step in run_cycle(account, READ_IN_SETUP, full=True):
            if step.error:
                raise work.Later(step.error, timedelta(seconds=10))


def _sweep(connection: Connection, key: str) -> None:
    account = _account(connection)
    with outcomes():
        for step in run_cycle(account, ["inventory"], hand_over=True):
            if step.error:
                raise work.Later(step.error, timedelta(seconds=10))
