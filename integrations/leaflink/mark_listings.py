"""Marking listings whose quantity may have to be sent: a worker looks at them within seconds.

Marks make it fast; the ten-minute sweep finds what was never marked.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from catalog.inventory import today
from catalog.models import Lot
from catalog.signals import announce_stock_change
from integrations import work
from integrations.leaflink.chunks import in_chunks
from integrations.leaflink.due_quantities import plan
from integrations.leaflink.models import Account, LineItem, Listing
from integrations.leaflink.work_kinds import INVENTORY_WORK, LISTING_WORK
from integrations.models import WorkItem

# More changed items than that are looked at all together.
MOST_MARKED = 500


def mark(item_ids: Collection[int]) -> None:
    """Mark the listings of these items."""
    if len(item_ids) > MOST_MARKED:
        sweep_soon(Account.objects.all())
        return
    listings = Listing.objects.filter(
        item__in=item_ids, product__account__is_active=True, product__account__push_inventory=True
    )
    rows = listings.values_list("product__account", "item")
    work.ask_each(LISTING_WORK, rows, WorkItem.Priority.STOCK)


def sweep_soon(accounts: QuerySet[Account]) -> None:
    """Have every quantity of these accounts looked at."""
    sending = accounts.filter(is_active=True, push_inventory=True).exclude(app_key="")
    for account_id in sending.values_list("pk", flat=True):
        work.ask(account_id, INVENTORY_WORK, ["all"], WorkItem.Priority.STOCK)


def lots_expired() -> None:
    """Mark what yesterday could be sold for the last time."""
    last_day = Q(expires_on__lt=today(), expires_on__gte=today() - timedelta(days=1))
    lots = Lot.objects.filter(last_day, stock__on_hand__gt=0)
    announce_stock_change(set(lots.values_list("item", flat=True)))


def orders_read(account: Account, order_ids: Collection[int]) -> None:
    """Orders have changed in LeafLink: what it reserves is part of the quantity to send."""
    for some in in_chunks(order_ids):
        remote_ids = LineItem.objects.filter(order__in=some).values("product_remote_id")
        named = Q(product__account=account.pk, product__remote_id__in=remote_ids)
        committed = Q(item__order_lines__order__leaflink_order__in=some)
        items = Listing.objects.filter(named | committed, product__account=account.pk)
        mark(set(items.values_list("item", flat=True)))


def products_read(account: Account, since: datetime) -> None:
    """Products were read since then: what LeafLink shows otherwise than sent is sent anew."""
    if not (account.is_active and account.push_inventory):
        return
    others = Listing.objects.filter(
        product__account=account, product__read_at__gte=since, last_sent__isnull=False
    ).exclude(last_sent=F("product__quantity"))
    items = list(others.values_list("item", flat=True))
    # Only what is really due: the rest (paused, refused, kept there) differs, and is reported.
    due = [pk for some in in_chunks(items) for pk in _due(account, some)]
    work.ask(account.pk, LISTING_WORK, map(str, due), WorkItem.Priority.STOCK)


def _due(account: Account, item_ids: Collection[int]) -> list[int]:
    return [one.row.item_id for one in plan(account, item_ids).changes]
