"""Which orders LeafLink shows less of than ours calls for, as far as the last readings tell.

Only reads the database: the sweeps and the hints ask here what there is to send.
"""

from datetime import timedelta

from django.db.models import F, Q
from django.utils import timezone

from integrations.leaflink import agree_terms
from integrations.leaflink.mapping import status_rules
from integrations.leaflink.mapping.status_rules import next_step
from integrations.leaflink.mapping.statuses import ENDED, RemoteStatus
from integrations.leaflink.models import NUMBER, STATUS, Account, Order
from orders.models import StatusChange
from orders.status import Status

# How long an order that is done is still looked at for changes whose hint was lost.
LATELY = timedelta(days=2)


def behind(account: Account) -> list[Order]:
    """The account's orders about which there is something to tell LeafLink, with their sales orders
    and without `raw`. What it has refused, and what did not change since, is left out."""
    changed_lately = StatusChange.objects.filter(at__gte=timezone.now() - LATELY).order_by()
    alive = Q(sales_order__status__in=[s for s in Status if s != Status.COMPLETED])
    synced = Q(state__in=(Order.State.IMPORTED, Order.State.CONFLICT)) & ~Q(
        status__in=[*ENDED, RemoteStatus.DRAFT]
    )
    noted = ~Q(unsynced_number="") & Q(noted_number=F("unsynced_number"))
    rows = (
        Order.objects.filter(
            (synced & (alive | Q(sales_order__in=changed_lately.values("order"))))
            | noted
            | Q(reject_asked=True)
        )
        .filter(account=account, gone_at__isnull=True)
        .select_related("sales_order")
        .defer("raw")
        .order_by("pk")
    )
    return [order for order in rows if is_behind(account, order)]


def is_behind(account: Account, order: Order) -> bool:
    """Whether there is something to tell LeafLink about an order."""
    if is_status_behind(account, order) and not was_refused(order):
        return True
    if order.unsynced_number:
        return is_number_to_be_taken_off(account, order)
    local = order.sales_order
    if local is None or local.status == Status.CANCELED:
        return False
    return bool(agree_terms.to_send(account, order, local))


def is_number_to_be_taken_off(account: Account, order: Order) -> bool:
    """Whether LeafLink has noted the number of a sales order that was deleted since."""
    is_noted = bool(account.external_id_key) and order.noted_number == order.unsynced_number
    return is_noted and NUMBER not in order.refusals


def is_status_behind(account: Account, order: Order) -> bool:
    """Whether LeafLink has to move an order."""
    if order.reject_asked:
        return next_step(order.status, RemoteStatus.REJECTED) is not None
    if order.sales_order is None or order.state != Order.State.IMPORTED:
        return False
    return status_rules.is_behind(account.status_map, order.sales_order.status, order.status)


def standing_of(order: Order) -> str:
    """Where both sides are: LeafLink is asked again for what it refused there when either has
    changed, or when a person says so."""
    local = order.sales_order.status if order.sales_order else ""
    return f"{local}:{order.fingerprint[:16]}"


def was_refused(order: Order) -> bool:
    """Whether LeafLink has refused to move the order from where it is to where ours is."""
    return order.was_refused(STATUS, standing_of(order))
