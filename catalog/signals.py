"""The catalog's one signal. It is a hint to look again, never the record of what happened."""

from django.db import transaction
from django.dispatch import Signal

# Sent after commit, with `item_ids: frozenset[int]`: what can be sold of these may have changed.
stock_changed = Signal()


def announce_stock_change(item_ids: set[int]) -> None:
    """Send `stock_changed` for these items once the present transaction has committed."""
    if item_ids:
        frozen = frozenset(item_ids)
        transaction.on_commit(
            lambda: stock_changed.send_robust(sender="catalog", item_ids=frozen), robust=True
        )
