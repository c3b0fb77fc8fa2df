"""Hints that make things fast: when something changes here, packages follow at once.

Lost hints cost a few minutes at the most: reading packages reaches the same end state.
"""

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save, pre_delete

from catalog.models import Lot
from integrations.metrc.assign_packages import end_of_canceled
from integrations.metrc.map_items import meet_lots_of
from integrations.metrc.models import TransferTemplate
from orders.models import SalesOrder
from orders.signals import order_changed
from orders.status import IllegalMove


def listen() -> None:
    """Hear of orders and lots that change. Once, however often it is called."""
    order_changed.connect(_on_order_changed, dispatch_uid="metrc-order")
    pre_delete.connect(_on_order_deleted, sender=SalesOrder, dispatch_uid="metrc-delete")
    post_save.connect(_on_lot_saved, sender=Lot, dispatch_uid="metrc-lot")


def _on_order_changed(sender: Any, order_id: int, **kwargs: Any) -> None:
    end_of_canceled(order_id)


def _on_order_deleted(sender: Any, instance: SalesOrder, **kwargs: Any) -> None:
    State = TransferTemplate.State
    if instance.transfer_templates.filter(state__in=(State.ASKED, State.SENT)).exists():
        raise IllegalMove(
            f"The transfer template of order {instance.number} is in Metrc. Withdraw it first."
        )


def _on_lot_saved(sender: Any, instance: Lot, **kwargs: Any) -> None:
    # It may be new, or have another number now.
    transaction.on_commit(partial(meet_lots_of, [instance.item_id]), robust=True)
