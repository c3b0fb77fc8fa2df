"""Sending quantities because a person asks for it, whatever is believed to be in LeafLink."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.utils import timezone

from integrations import work
from integrations.leaflink.chunks import in_chunks
from integrations.leaflink.due_quantities import CURES, standstill, why
from integrations.leaflink.models import Account, Listing
from integrations.leaflink.quantities import wanted
from integrations.leaflink.work_kinds import LISTING_WORK
from integrations.models import WorkItem

GONE = "LeafLink no longer has the product. Unlink the item, or link it to another product."


@dataclass
class Asked:
    """What came of asking: the SKUs that are sent within seconds, and by reason (with its cure)
    those that are not."""

    sent: list[str] = field(default_factory=list)
    kept: dict[str, list[str]] = field(default_factory=dict)

    def keep(self, reason: str, skus: Iterable[str]) -> None:
        """Note that these are not sent."""
        if found := list(skus):
            self.kept.setdefault(reason, []).extend(found)


def send_again(listings: QuerySet[Listing]) -> Asked:
    """Have these quantities sent, also those that were refused or are believed to be there.

    What would not be sent all the same (paused, braked, not kept here) is left as it is, and told.
    """
    by_account: dict[int, dict[int, str]] = {}
    rows = listings.order_by("item__sku").values_list("product__account", "item", "item__sku")
    for account_id, item_id, sku in rows:
        by_account.setdefault(account_id, {})[item_id] = sku
    asked = Asked()
    for account in Account.objects.filter(pk__in=by_account):
        skus = by_account[account.pk]
        if reason := standstill(account):
            asked.keep(reason, skus.values())
        else:
            _send(account, skus, asked)
    return asked


def _send(account: Account, skus: dict[int, str], asked: Asked) -> None:
    """Send what of an account's items (SKUs by id) is to be sent at all."""
    ids: list[int] = []
    items: list[str] = []
    left = dict(skus)
    for chunk in in_chunks(skus):
        for one in list(wanted(account, chunk)):
            row, reason = one.row, why(account, one)
            sku = left.pop(row.item_id)
            if reason in CURES:
                asked.keep(f"{reason} {CURES[reason]}".strip(), [sku])
            else:
                ids.append(row.listing_id)
                items.append(str(row.item_id))
                asked.sent.append(sku)
    asked.keep(GONE, left.values())
    for chunk in in_chunks(ids):
        Listing.objects.filter(pk__in=chunk).update(
            last_sent=None, doubted_at=timezone.now(), refused_quantity=None
        )
    work.ask(account.pk, LISTING_WORK, items, WorkItem.Priority.STOCK)
