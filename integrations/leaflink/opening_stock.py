"""Opening stock LeafLink has sold from since: brought down to its number before the first push.

Opening stock is what LeafLink showed when the items were made. Until the account is live LeafLink
goes on shipping, and to send the old number would offer again what is gone. Only items of which
nothing else was moved here and nothing sent are brought down; of the others a person decides.
"""

from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from catalog import inventory
from catalog.models import Movement
from catalog.signals import announced_once
from integrations.leaflink.connect import client_for_page
from integrations.leaflink.make_items import OPENING_STOCK
from integrations.leaflink.models import Account, Listing
from integrations.leaflink.pull_catalog import pull_products
from integrations.leaflink.quantities import MANAGED_IN_LEAFLINK
from integrations.runs import Recorder

WHEN_LIVE = "LeafLink's quantity when going live"
BIG = ("product__raw", "product__shown")


class NotReread(Exception):
    """A product could not be read again; the text says which, and what to do."""


def with_opening_stock(account: Account) -> QuerySet[Listing]:
    """The listings whose item got opening stock; `opening` is the key of that movement."""
    opening = Movement.objects.filter(
        item=OuterRef("item"), kind=Movement.Kind.RECEIVE, reason=OPENING_STOCK
    ).order_by("pk")
    there = Listing.objects.filter(product__account=account, product__gone_at__isnull=True)
    first = there.annotate(
        opening=Subquery(opening.values("pk")[:1]),
        opened_with=Subquery(opening.values("on_hand_change")[:1]),
    )
    return first.filter(opening__isnull=False)


def outdated(account: Account) -> QuerySet[Listing]:
    """Those of them of which LeafLink, as last read, has less now; nothing else was moved here, and
    nothing was sent."""
    others = Movement.objects.filter(item=OuterRef("item")).exclude(pk=OuterRef("opening"))
    rows = with_opening_stock(account).filter(
        ~Exists(others),
        last_sent_at__isnull=True,
        product__inventory_management__in=MANAGED_IN_LEAFLINK,
        product__quantity__lt=F("opened_with"),
    )
    return rows.select_related("item", "product").defer(*BIG)


def reread(account: Account) -> None:
    """Read LeafLink's products again, where any has opening stock, with a page's short timeouts.
    Not within a transaction. Raises NotReread, and as the client does."""
    if not with_opening_stock(account).exists():
        return
    began = timezone.now()
    pull_products(account, client_for_page(account), Recorder(), full=True)
    for row in with_opening_stock(account).select_related("product").defer(*BIG):
        if row.product.problem:
            raise NotReread(
                f"{row.product.sku} can't be read from LeafLink: {row.product.problem} Put it "
                "right there, or unlink it."
            )
        if row.product.read_at is None or row.product.read_at < began:
            raise NotReread(
                f"LeafLink did not list {row.product.sku} just now, so how much it has is not "
                "known. Try again in a moment."
            )


@transaction.atomic
def take_again(account: Account, by: Any = None) -> int:
    """Count what is outdated down to LeafLink's quantity; returns of how many items."""
    # What is moved before the lock is held is seen by the second look.
    inventory.lock_items(outdated(account).values_list("item", flat=True))
    rows: list[Any] = list(outdated(account))
    keys = [row.opening for row in rows]
    openings = Movement.objects.select_related("facility").in_bulk(keys)
    with announced_once():
        for row in rows:
            facility = openings[row.opening].facility
            assert facility  # goods are received somewhere
            quantity = max(row.product.quantity, inventory.ZERO)
            inventory.count(row.item, facility, quantity, reason=WHEN_LIVE, by=by)
    return len(rows)
