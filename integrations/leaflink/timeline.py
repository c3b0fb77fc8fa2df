"""The timeline of a LeafLink order: every call and decision about it, newest first."""

from dataclasses import dataclass
from datetime import datetime

from integrations.leaflink.models import Order, WebhookDelivery
from integrations.models import WorkItem
from orders.models import StatusChange

# More than anybody reads; an order that was polled a thousand times must still open.
MOST = 200


@dataclass(frozen=True)
class Entry:
    """A line of the timeline; `who` is a person, or "" for the system and LeafLink."""

    at: datetime
    what: str
    text: str
    who: str = ""


def of(order: Order) -> list[Entry]:
    """What happened with the order on both sides and in between, newest first."""
    found = [
        Entry(e.at, e.get_kind_display(), e.text, str(e.by or ""))
        for e in order.events.select_related("by")[:MOST]
    ]
    hooks = WebhookDelivery.objects.filter(
        account=order.account_id, kind="order", key=str(order.number)
    )
    found += [
        Entry(at, "Told by LeafLink", f"Webhook: order {action or 'changed'}.")
        for at, action in hooks.values_list("received_at", "action")[:MOST]
    ]
    if order.sales_order_id:
        changes = StatusChange.objects.filter(order=order.sales_order_id).select_related("by")
        found += [
            Entry(
                c.at,
                "Sales order",
                ". ".join(filter(None, ("" if c.old == c.new else str(c), c.reason))),
                str(c.by or ""),
            )
            for c in changes[:MOST]
        ]
    waiting = WorkItem.objects.filter(connection=order.account_id, key=str(order.number))
    found += [
        Entry(w.stuck_at or w.requested_at, "Stuck" if w.stuck_at else "Tried in vain", w.error)
        for w in waiting.exclude(error="")
    ]
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:MOST]
