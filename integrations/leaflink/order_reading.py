"""A fresh reading of one order before anything is sent about it."""

from typing import Any

from integrations.leaflink.models import Account
from integrations.leaflink.pull_orders import CHILDREN, RESOURCE, take_in
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient


def read_fresh(account: Account, client: LeafLinkClient, number: str) -> payloads.Order:
    """Read the order, take it in as any reading, and return what it says."""
    body: Any = client.get(f"{RESOURCE}/{number}", include_children=CHILDREN)
    take_in(account, body, number)
    return payloads.parse(payloads.Order, body)
