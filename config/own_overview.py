"""The overview of a sales rep: of own orders, what waits and what is on its way."""

from typing import Any

from django.db.models import Count, Q, Sum
from django.urls import reverse
from django.utils import timezone

from catalog.decimals import money
from customers.own import own
from integrations.leaflink.models import Order
from orders.models import SalesOrder
from orders.status import OPEN


def own_overview(user: Any) -> dict[str, Any]:
    """The figures and the orders that the page shows; `is_nobody`: the login belongs to no rep."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    orders = own(Order.objects.all(), user)
    counted = orders.aggregate(
        today=Count("pk", filter=Q(placed_at__gte=today)),
        held=Count("pk", filter=Q(state=Order.State.HELD)),
        held_value=Sum("total", filter=Q(state=Order.State.HELD)),
        unsettled=Count("pk", filter=Order.unsettled()),
    )
    to_ship = own(SalesOrder.objects.all(), user).filter(status__in=OPEN)
    theirs = reverse("admin:leaflink_order_changelist")
    held = orders.filter(state=Order.State.HELD).defer("raw").prefetch_related("blockers")
    return {
        "is_nobody": getattr(user, "sales_rep", None) is None,
        "numbers": [
            {"label": "Your orders placed today", "value": counted["today"], "url": theirs},
            {
                "label": "Your held orders",
                "value": counted["held"],
                "note": f"${money(counted['held_value']):,.2f}",
                "url": f"{theirs}?state__exact=held",
            },
            {
                "label": "Yours to be shipped",
                "value": to_ship.count(),
                "url": reverse("admin:orders_salesorder_changelist"),
            },
            {
                "label": "Where we and LeafLink don't agree",
                "value": counted["unsettled"],
                "url": reverse("admin:leaflink_order_conflicts"),
            },
        ],
        "held": list(held.order_by("placed_at", "pk")[:8]),
    }
