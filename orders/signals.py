"""The orders' one signal. It is a hint to look again, never the record of what happened."""

from django.db import transaction
from django.dispatch import Signal

# Sent after commit, with `order_id: int`: the order was created or changed.
order_changed = Signal()


def announce_order_change(order_id: int) -> None:
    """Send `order_changed` once the present transaction has committed."""
    transaction.on_commit(
        lambda: order_changed.send_robust(sender="orders", order_id=order_id), robust=True
    )
