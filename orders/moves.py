"""What every verb on a sales order is made of: lock it, move it, say who did what and why."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.db import transaction

from catalog.inventory import By
from orders.models import SalesOrder, StatusChange
from orders.signals import announce_order_change
from orders.status import IllegalMove, Status, check_move

P = ParamSpec("P")


def lock(order_id: int) -> SalesOrder:
    """Return the order as it is now, locked until the transaction ends. Raises IllegalMove when it
    was deleted meanwhile."""
    order = SalesOrder.objects.select_for_update().filter(pk=order_id).first()
    if order is None:
        raise IllegalMove("This order was deleted meanwhile.")
    return order


def verb(
    function: Callable[Concatenate[SalesOrder, P], None],
) -> Callable[Concatenate[SalesOrder, P], SalesOrder]:
    """Run a verb in a transaction on the freshly locked order, and announce the change."""

    @wraps(function)
    def run(order: SalesOrder, *args: P.args, **kwargs: P.kwargs) -> SalesOrder:
        with transaction.atomic():
            fresh = lock(order.pk)
            function(fresh, *args, **kwargs)
            announce_order_change(fresh.pk)
        return fresh

    return run  # type: ignore[return-value]  # wraps() names the parameter


def move(order: SalesOrder, new: Status, *, by: By, reason: str = "") -> None:
    """Write the order's new status and who moved it why. Raises IllegalMove."""
    old = Status(order.status)
    check_move(order.number, old, new)
    order.status = new
    order.save(update_fields=["status"])
    StatusChange.objects.create(order=order, old=old, new=new, by=by, reason=reason[:500])


def note(order: SalesOrder, text: str, *, by: By = None) -> None:
    """Add something that is no change of status to the order's history."""
    status = Status(order.status)
    StatusChange.objects.create(order=order, old=status, new=status, by=by, reason=text[:500])
