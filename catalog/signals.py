"""The catalog's one signal. It is a hint to look again, never the record of what happened."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.dispatch import Signal

# Sent after commit, with `item_ids: frozenset[int]`: what can be sold of these may have changed.
stock_changed = Signal()


class _Gathered(threading.local):
    """What is to be announced together in this thread; None when each is announced by itself."""

    item_ids: set[int] | None = None


_gathered = _Gathered()


def announce_stock_change(item_ids: set[int]) -> None:
    """Send `stock_changed` for these items once the present transaction has committed."""
    if _gathered.item_ids is not None:
        _gathered.item_ids |= item_ids
    elif item_ids:
        frozen = frozenset(item_ids)
        transaction.on_commit(
            lambda: stock_changed.send_robust(sender="catalog", item_ids=frozen), robust=True
        )


@contextmanager
def announced_once() -> Iterator[set[int]]:
    """Announce what changes inside once, at the end: for a file of thousands of counts.

    Gives the set of item ids, to be cleared when the changes were rolled back. What listens would
    otherwise do its work for each row.
    """
    if _gathered.item_ids is not None:
        yield _gathered.item_ids
        return
    item_ids: set[int] = set()
    _gathered.item_ids = item_ids
    try:
        yield item_ids
    finally:
        _gathered.item_ids = None
    announce_stock_change(item_ids)
