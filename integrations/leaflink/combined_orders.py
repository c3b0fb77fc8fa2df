"""Orders that were combined in LeafLink, shown with what they became.

LeafLink: no field names the other side. Combined orders and the new one share a customer, and the
new one is placed as the others end; so this is a guess, and is called one.
"""

from datetime import timedelta

from django.db.models import QuerySet

from integrations.leaflink.mapping.statuses import RemoteStatus
from integrations.leaflink.models import Order

# How far apart the end of the merged orders and the birth of the new one may be.
APART = timedelta(minutes=10)


def related(order: Order) -> list[Order]:
    """What the order was probably combined from (if it is the new one) or into (if merged)."""
    if order.customer_id is None:
        return []
    others = (
        Order.objects.filter(account=order.account_id, customer=order.customer_id)
        .exclude(pk=order.pk)
        .select_related("sales_order")
    )
    if order.status == RemoteStatus.COMBINED and order.modified:
        return [one for one in _placed_around(others, order) if is_combination(one)][:5]
    if is_combination(order) and order.placed_at:
        around = (order.placed_at - APART, order.placed_at + APART)
        merged = others.filter(status=RemoteStatus.COMBINED, modified__range=around)
        return list(merged.defer("raw")[:20])
    return []


def _placed_around(others: QuerySet[Order], order: Order) -> QuerySet[Order]:
    assert order.modified
    around = (order.modified - APART, order.modified + APART)
    return others.filter(placed_at__range=around).exclude(status=RemoteStatus.COMBINED)[:20]


def is_combination(order: Order) -> bool:
    """Whether LeafLink marks the order as made of others."""
    value = order.raw.get("is_combination") if isinstance(order.raw, dict) else None
    return str(value).lower() in ("true", "1", "yes")
