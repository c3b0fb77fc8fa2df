"""Whose turn it is to send a listing's quantity: one process at a time.

A number is computed only once its listing is claimed, so of two processes that are at the same
product the later number is the one that stays.
"""

import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from integrations.leaflink.models import Account, Listing

# A claim outlives the longest batch: nothing is taken up after SENDING, the request budget is
# waited for up to a minute, and each request is over in 35 s.
SENDING = timedelta(seconds=60)
CLAIM = timedelta(minutes=4)


@dataclass(frozen=True)
class Claim:
    """The items whose listings are ours to send, and those that another process is sending. (What
    was unlinked meanwhile is neither.)"""

    item_ids: set[int]
    busy: set[int]


@contextmanager
def claimed(account: Account, item_ids: Collection[int]) -> Iterator[Claim]:
    """Claim the listings of these items that nobody else is sending, for the block."""
    token = uuid.uuid4()
    mine = _listings(account, item_ids)
    # Whoever's UPDATE comes first has the row.
    free = mine.exclude(sending__isnull=False, sending_until__gte=timezone.now())
    free.update(sending=token, sending_until=timezone.now() + CLAIM)
    senders = dict(mine.values_list("item", "sending"))
    ours = {pk for pk, sender in senders.items() if sender == token}
    try:
        yield Claim(ours, set(senders) - ours)
    finally:
        Listing.objects.filter(sending=token).update(sending=None, sending_until=None)


def being_sent(account: Account, item_ids: Collection[int]) -> set[int]:
    """Those of the items whose listings another process is sending now."""
    rows = _listings(account, item_ids)
    rows = rows.filter(sending__isnull=False, sending_until__gte=timezone.now())
    return set(rows.values_list("item", flat=True))


def _listings(account: Account, item_ids: Collection[int]) -> QuerySet[Listing]:
    return Listing.objects.filter(product__account=account, item__in=list(item_ids))
