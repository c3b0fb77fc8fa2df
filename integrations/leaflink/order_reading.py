"""What is known of one order before anything is sent about it: as stored, and read afresh."""

from typing import Any

from integrations.leaflink.models import Account, Order
from integrations.leaflink.pull_orders import CHILDREN, RESOURCE, take_in
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient


def stored(account: Account, number: str) -> Order:
    """The order as it was last read, with its sales order and without `raw`."""
    rows = Order.objects.select_related("sales_order").defer("raw")
    return rows.get(account=account, number=number)


def read_fresh(account: Account, client: LeafLinkClient, number: str) -> payloads.Order:
    """Read the order, take it in as any reading, and return what it says."""
    body: Any = client.get(f"{RESOURCE}/{number}", include_children=CHILDREN)
    take_in(account, body, number)
    return payloads.parse(payloads.Order, body)
