"""Hints that make things fast: when something changes here, ask for the work it may call for.

Lost hints cost a few minutes at the most: the scheduled jobs reach the same end state.
"""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.signals import post_save

from catalog.models import Facility, Item
from catalog.signals import stock_changed
from customers.models import Destination, SalesRep
from integrations import work
from integrations.leaflink import brake, create_product, out_of_step, payments_due
from integrations.leaflink.chunks import in_chunks
from integrations.leaflink.draft_orders import NO_RATE
from integrations.leaflink.edit_orders import CANT_TAKE
from integrations.leaflink.mapping.status_rules import CAUGHT_UP
from integrations.leaflink.mapping.statuses import IMPORTABLE
from integrations.leaflink.mark_listings import mark, sweep_soon
from integrations.leaflink.models import (
    Account,
    AccountBrand,
    Blocker,
    Customer,
    Listing,
    Offer,
    Order,
    RoutingRule,
    Staff,
)
from integrations.leaflink.signals import links_made
from integrations.leaflink.work_kinds import (
    DETAILS_WORK,
    PAYMENT_WORK,
    RECONSIDER_WORK,
    STATUS_WORK,
)
from integrations.models import WorkItem
from orders.models import TaxRate
from orders.signals import order_changed
from orders.status import OPEN

Code = Blocker.Code
# Orders that came in before anybody knew whose they are.
BLANK = Q(sales_order__destination__isnull=True, sales_order__status__in=OPEN)
# What LeafLink has moved on: whether ours has got as far decides what is to be said of it.
AHEAD = Q(status__in=list(CAUGHT_UP))
# Open orders whose tax was left out for want of a rate.
UNTAXED = Q(warnings__icontains=NO_RATE, sales_order__status__in=OPEN)
# Open orders whose later edit waits, for want of stock perhaps.
WAITING_EDIT = Q(
    state=Order.State.CONFLICT, state_reason__startswith=CANT_TAKE, sales_order__status__in=OPEN
)


def listen() -> None:
    """Connect to the signals of the apps below, and to what people map and link."""
    stock_changed.connect(_on_stock_changed, dispatch_uid="leaflink-stock")
    order_changed.connect(_on_order_changed, dispatch_uid="leaflink-order")
    post_save.connect(_on_staff_saved, sender=Staff, dispatch_uid="leaflink-staff")
    post_save.connect(_on_customer_saved, sender=Customer, dispatch_uid="leaflink-customer")
    post_save.connect(_on_destination_saved, sender=Destination, dispatch_uid="leaflink-dest")
    post_save.connect(_on_rep_saved, sender=SalesRep, dispatch_uid="leaflink-rep")
    post_save.connect(_on_tax_rate_saved, sender=TaxRate, dispatch_uid="leaflink-tax")
    post_save.connect(_on_rule_saved, sender=RoutingRule, dispatch_uid="leaflink-routing")
    links_made.connect(_on_links_made, dispatch_uid="leaflink-links")
    post_save.connect(_on_account_saved, sender=Account, dispatch_uid="leaflink-account")
    post_save.connect(_on_item_saved, sender=Item, dispatch_uid="leaflink-item")
    post_save.connect(_on_facility_saved, sender=Facility, dispatch_uid="leaflink-facility")
    post_save.connect(
        _on_brand_of_account_saved, sender=AccountBrand, dispatch_uid="leaflink-account-brand"
    )
    post_save.connect(_on_offer_saved, sender=Offer, dispatch_uid="leaflink-offer")


class _Gathered(threading.local):
    """What changed in this thread while hints are gathered; None when they are not."""

    item_ids: set[int] | None = None
    order_ids: set[int] | None = None
    saved_ids: set[int] | None = None


_gathered = _Gathered()


@contextmanager
def gathered() -> Iterator[None]:
    """Give the hints of many changes at once, at the end: for a page of orders, or a file."""
    if _gathered.item_ids is not None:
        yield
        return
    items: set[int] = set()
    orders: set[int] = set()
    saved: set[int] = set()
    _gathered.item_ids, _gathered.order_ids, _gathered.saved_ids = items, orders, saved
    try:
        yield
    finally:
        _gathered.item_ids = _gathered.order_ids = _gathered.saved_ids = None
        if items:
            _stock_changed(items)
        if orders:
            _orders_changed(orders)
        if saved:
            _items_saved(saved)


def _on_stock_changed(sender: Any, item_ids: frozenset[int], **kwargs: Any) -> None:
    if _gathered.item_ids is None:
        _stock_changed(item_ids)
    else:
        _gathered.item_ids |= item_ids


def _stock_changed(item_ids: Collection[int]) -> None:
    mark(item_ids)
    short = Q(blockers__code=Code.SHORT_OF_STOCK, blockers__item__in=item_ids)
    # A later edit may have waited for it as well.
    _reconsider(short | WAITING_EDIT)


def _on_facility_saved(sender: Any, instance: Facility, **kwargs: Any) -> None:
    # Whether its stock can be sold.
    transaction.on_commit(lambda: sweep_soon(Account.objects.all()))


def _on_brand_of_account_saved(sender: Any, instance: AccountBrand, **kwargs: Any) -> None:
    # Its stock rules.
    transaction.on_commit(lambda: sweep_soon(Account.objects.filter(pk=instance.account_id)))


def _on_order_changed(sender: Any, order_id: int, **kwargs: Any) -> None:
    if _gathered.order_ids is None:
        _orders_changed([order_id])
    else:
        _gathered.order_ids.add(order_id)


def _orders_changed(order_ids: Collection[int]) -> None:
    # Those that say something may have to say something else now.
    _reconsider(Q(sales_order__in=order_ids) & (Order.needs_you() | ~Q(state_reason="") | AHEAD))
    rows = Order.objects.filter(sales_order__in=order_ids, account__is_active=True)
    behind: dict[int, list[str]] = {}
    with_payments: dict[Account, list[str]] = {}
    for order in rows.select_related("account", "sales_order").defer("raw"):
        if out_of_step.is_behind(order.account, order):
            behind.setdefault(order.account_id, []).append(str(order.number))
        if order.account.push_payments:
            with_payments.setdefault(order.account, []).append(str(order.number))
    for account_id, numbers in behind.items():
        work.ask(account_id, STATUS_WORK, numbers, WorkItem.Priority.ORDERS)
    for account, numbers in with_payments.items():
        _payments_soon(account, Q(number__in=numbers))


def _on_staff_saved(sender: Any, instance: Staff, **kwargs: Any) -> None:
    if instance.sales_rep_id:
        blocked = Q(blockers__code=Code.REP_UNMAPPED, account=instance.account_id)
        transaction.on_commit(lambda: _reconsider(blocked))


def _on_customer_saved(sender: Any, instance: Customer, **kwargs: Any) -> None:
    if instance.destination_id:
        waiting = (Q(blockers__code=Code.CUSTOMER_UNKNOWN) | BLANK) & Q(customer=instance.pk)
        transaction.on_commit(lambda: _reconsider(waiting))


def _on_destination_saved(sender: Any, instance: Destination, **kwargs: Any) -> None:
    # It may have the license of a customer that nobody knew.
    waiting = Q(blockers__code=Code.CUSTOMER_UNKNOWN) | BLANK
    if instance.default_facility_id:
        # There may be enough there.
        whose = Q(customer__destination=instance.pk) | Q(customer__destination__isnull=True)
        waiting |= Q(blockers__code=Code.SHORT_OF_STOCK) & whose
    transaction.on_commit(lambda: _reconsider(waiting))


def _on_rep_saved(sender: Any, instance: SalesRep, **kwargs: Any) -> None:
    # The rep's default facility may be where there is enough.
    transaction.on_commit(lambda: _reconsider(Q(blockers__code=Code.SHORT_OF_STOCK)))


def _on_rule_saved(sender: Any, instance: RoutingRule, **kwargs: Any) -> None:
    short = Q(blockers__code=Code.SHORT_OF_STOCK, account=instance.account_id)
    transaction.on_commit(lambda: _reconsider(short))


def _on_tax_rate_saved(sender: Any, instance: TaxRate, **kwargs: Any) -> None:
    transaction.on_commit(lambda: _reconsider(UNTAXED))


def _on_links_made(sender: Any, account_id: int, item_ids: list[int], **kwargs: Any) -> None:
    mark(item_ids)
    _reconsider(Q(blockers__code=Code.PRODUCT_UNLINKED, account=account_id))


def product_read(account: Account, remote_id: int) -> None:
    """A product that orders named is known at last: their reasons can say what it is."""
    named = Q(line_items__product_remote_id=remote_id, state=Order.State.HELD)
    _reconsider(named & Q(account=account.pk))


def batches_read(account: Account, remote_ids: Collection[int]) -> None:
    """Batches that orders named are known at last: their lines can ask for their lots."""
    named = Q(line_items__batch_remote_id__in=remote_ids, sales_order__status__in=OPEN)
    _reconsider(named & Q(account=account.pk))


def _on_account_saved(sender: Any, instance: Account, **kwargs: Any) -> None:
    if instance.in_setup:
        return
    undecided = Q(state__in=(Order.State.HELD, Order.State.WAITING))
    # A rule that kept orders out may have been changed; those that ended there stay out.
    kept_out = Q(state=Order.State.IGNORED, status__in=IMPORTABLE)
    wanted = Q(account=instance.pk) & (undecided | kept_out)
    transaction.on_commit(lambda: _reconsider(wanted))
    # Facilities that count, safety stock; and with another key what was refused may be taken.
    transaction.on_commit(lambda: _quantities_anew(instance))
    # What waits for a yes does so only while the account is active.
    transaction.on_commit(lambda: brake.tell(instance))
    if instance.is_active and instance.push_payments:
        # They may have waited for the rule, or for somebody to record them.
        transaction.on_commit(lambda: _payments_soon(instance, Q()))


def _quantities_anew(account: Account) -> None:
    refused = Listing.objects.filter(product__account=account.pk).exclude(refusal="")
    refused.update(refused_quantity=None)
    sweep_soon(Account.objects.filter(pk=account.pk))


def _payments_soon(account: Account, which: Q) -> None:
    """Ask for the payments of these of the account's orders to be sent, where any wait."""
    due = payments_due.orders_with_payments(account).filter(which)
    numbers = map(str, due.values_list("number", flat=True))
    work.ask(account.pk, PAYMENT_WORK, numbers, WorkItem.Priority.ORDERS)


def _on_item_saved(sender: Any, instance: Item, **kwargs: Any) -> None:
    _item_changed(instance.pk)


def _on_offer_saved(sender: Any, instance: Offer, **kwargs: Any) -> None:
    _item_changed(instance.item_id)


def _item_changed(item_id: int) -> None:
    def hint() -> None:
        if _gathered.saved_ids is None:
            _items_saved([item_id])
        else:
            _gathered.saved_ids.add(item_id)

    transaction.on_commit(hint)


def _items_saved(item_ids: Collection[int]) -> None:
    # Safety stock may have changed; a push that finds nothing to send costs little.
    mark(item_ids)
    for some in in_chunks(item_ids):
        _details_soon(some)


def _details_soon(item_ids: Collection[int]) -> None:
    """Ask for a look at what LeafLink should show for these; by rule, for what it lacks."""
    linked = Listing.objects.filter(item__in=item_ids, product__account__is_active=True)
    work.ask_each(
        DETAILS_WORK, linked.values_list("product__account", "item"), WorkItem.Priority.REST
    )
    wished = Offer.objects.filter(
        item__in=item_ids,
        item__brand__leaflink__account__create_products=True,
        item__brand__leaflink__account__is_active=True,
    )
    for account_id in set(wished.values_list("item__brand__leaflink__account", flat=True)):
        create_product.ask_for_all_ready(Account.objects.get(pk=account_id), item_ids)


def _reconsider(which: Q) -> None:
    """Ask for another look at the orders that meet `which`."""
    rows = Order.objects.filter(which, account__is_active=True).order_by()
    numbers = rows.values_list("account", "number").distinct()
    work.ask_each(RECONSIDER_WORK, numbers, WorkItem.Priority.ORDERS)
