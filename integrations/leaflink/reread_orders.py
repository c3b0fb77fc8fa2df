"""Reading again the orders of products of which LeafLink reserves something else than we know."""

from collections.abc import Collection

from integrations.leaflink.mirror_orders import note_gone
from integrations.leaflink.models import Account, Order
from integrations.leaflink.pull_orders import pull_changed, read_order
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.runs import Recorder
from integrations.wire.errors import Gone

MOST_READ = 20


def reread_orders_of(account: Account, client: LeafLinkClient, remote_ids: Collection[int]) -> None:
    """Read what changed, then each order that we believe to hold some of these products and that
    the list did not bring (the MOST_READ that were read longest ago). Raises as the client does."""
    read = pull_changed(account, client, Recorder())
    holding = Order.objects.filter(
        Order.reserving(), account=account, line_items__product_remote_id__in=list(remote_ids)
    )
    holding = holding.exclude(number__in=read).order_by("read_at").distinct()
    for number in holding.values_list("number", flat=True)[:MOST_READ]:
        try:
            read_order(account, client, str(number))
        except Gone:
            note_gone(account, str(number))
