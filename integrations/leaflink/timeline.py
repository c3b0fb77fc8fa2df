"""The timeline of a LeafLink order or product: every call and decision about it, newest first."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from integrations import work
from integrations.leaflink.models import Drift, Listing, Offer, Order, Product, WebhookDelivery
from integrations.leaflink.record_kinds import NEW_PRODUCT, ORDER, PRODUCT
from integrations.leaflink.wanted import offer_of
from integrations.leaflink.work_kinds import (
    CREATE_WORK,
    DETAILS_WORK,
    LISTING_WORK,
    ORDER_WORK,
    PAYMENT_WORK,
    PRODUCT_WORK,
    RECONSIDER_WORK,
    STATUS_WORK,
)
from integrations.models import Call, WorkItem
from orders.models import StatusChange

# More than anybody reads; an order that was polled a thousand times must still open.
MOST = 200
ORDER_WORK_KINDS = (ORDER_WORK, RECONSIDER_WORK, STATUS_WORK, PAYMENT_WORK)
ITEM_WORK_KINDS = (LISTING_WORK, DETAILS_WORK, CREATE_WORK)


@dataclass(frozen=True)
class Entry:
    """A line of the timeline; `who` is a person, or "" for the system and LeafLink.

    `call` is the id of a call, whose request and answer can be looked at; `work` that of work which
    can be tried again now.
    """

    at: datetime
    what: str
    text: str
    who: str = ""
    call: int | None = None
    work: int | None = None


def of(order: Order) -> list[Entry]:
    """What happened with the order on both sides and in between, newest first."""
    account_id, number = order.account_id, str(order.number)
    found = [
        Entry(e.at, e.get_kind_display(), e.text, str(e.by or ""))
        for e in order.events.select_related("by")[:MOST]
    ]
    found += _hooks(account_id, "order", number)
    found += _calls(account_id, Q(record_kind=ORDER, record_key=number))
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
    found += _work(account_id, Q(kind__in=ORDER_WORK_KINDS, key=number))
    return _newest_first(found)


def of_product(product: Product) -> list[Entry]:
    """What happened with the product, and with the item it is linked to, newest first."""
    account_id, remote_id = product.account_id, str(product.remote_id)
    calls = Q(record_kind=PRODUCT, record_key=remote_id)
    waiting = Q(kind=PRODUCT_WORK, key=remote_id)
    listings = Listing.objects.filter(product=product).select_related("item__offer__paused_by")
    listing = listings.defer("item__description").first()
    found = _hooks(account_id, "product", remote_id)
    if listing:
        calls |= Q(record_kind=NEW_PRODUCT, record_key=listing.item.sku)
        waiting |= Q(kind__in=ITEM_WORK_KINDS, key=str(listing.item_id))
        found += _decisions(listing)
    found += _calls(account_id, calls) + _work(account_id, waiting)
    if product.gone_at:
        found.append(Entry(product.gone_at, "LeafLink", "It no longer has this product."))
    return _newest_first(found)


def _newest_first(found: list[Entry]) -> list[Entry]:
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:MOST]


def _hooks(account_id: int, kind: str, key: str) -> list[Entry]:
    hooks = WebhookDelivery.objects.filter(account=account_id, kind=kind, key=key)
    return [
        Entry(at, "Told by LeafLink", f"Webhook: {kind} {action or 'changed'}.")
        for at, action in hooks.values_list("received_at", "action")[:MOST]
    ]


def _calls(account_id: int, which: Q) -> list[Entry]:
    calls = Call.objects.filter(which, connection=account_id).defer("request", "answer")
    return [Entry(call.at, "Call", in_words(call), call=call.pk) for call in calls[:MOST]]


def in_words(call: Call) -> str:
    """A call in a sentence."""
    took = f"{call.milliseconds:,} ms"
    if call.outcome == Call.Outcome.OK:
        return f"{call.what} ({took})."
    status = f"{call.status}, " if call.status else ""
    outcome = call.get_outcome_display().lower()
    return f"{call.what}: {outcome} ({status}{took}). {call.said}".strip()


def _work(account_id: int, which: Q) -> list[Entry]:
    waiting = WorkItem.objects.filter(which, connection=account_id).exclude(error="")
    return [
        Entry(
            item.stuck_at or item.requested_at,
            "Stuck" if item.stuck_at else "Tried in vain",
            f"{work.labels.get(item.kind, item.kind)}: {item.error}",
            work=item.pk,
        )
        for item in waiting
    ]


def _decisions(listing: Listing) -> list[Entry]:
    """What people and rules have decided about a linked product, as far as it is on record."""
    found = [Entry(listing.linked_at, "Linked", f"Linked to {listing.item}.")]
    for one in listing.lately:
        at = parse_datetime(one["at"])
        if at:
            found.append(Entry(at, "Changed", f"{one['text']}."))
    offer = offer_of(listing.item)
    if offer.pause and offer.paused_at:
        how = Offer.Pause(offer.pause).label
        text = ": ".join(filter(None, (f"Paused, {how}", offer.pause_reason)))
        found.append(Entry(offer.paused_at, "Paused", f"{text}.", str(offer.paused_by or "")))
    if listing.braked_at:
        text = "It would sell out together with many others, and waits for a person's yes."
        found.append(Entry(listing.braked_at, "Held back", text))
    for row in Drift.objects.filter(listing=listing)[:MOST]:
        text = f"{row.label}: {row.ours or 'nothing'} here, {row.theirs or 'nothing'} in LeafLink."
        found.append(Entry(row.found_at, "Differs", text))
    return found
