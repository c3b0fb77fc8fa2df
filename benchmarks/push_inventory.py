"""Stock out: linked products of which some have changed, against a bare loop of PATCHes."""

import time
from decimal import Decimal

from benchmarks.figures import Figures, count_queries
from benchmarks.practice import practice
from catalog import inventory
from catalog.models import Facility, Item
from integrations.leaflink import push_inventory
from integrations.leaflink.connect import client_for
from integrations.models import WorkItem
from integrations.runs import Recorder


def run(quick: bool) -> Figures:
    """1,000 listings of which 50 changed (quick: 200 of which 20)."""
    size, changed = (200, 20) if quick else (1000, 50)
    # Half of the items belong to the other account.
    with practice(items=size * 2, orders=0) as world:
        account = world.accounts[0]
        client = client_for(account, WorkItem.Priority.STOCK)
        first = push_inventory.plan(account)
        push_inventory.push(client, first, Recorder())
        shop = Facility.objects.order_by("pk").first()
        assert shop
        for item in Item.objects.filter(brand__leaflink__account=account)[:changed]:
            inventory.receive(item, shop, Decimal(1))

        calls = client.calls
        with count_queries() as planned:
            changes = push_inventory.plan(account)
        with count_queries() as sent:
            push_inventory.push(client, changes, Recorder())
        calls = client.calls - calls

        bodies = [(c.listing.product.remote_id, f"{c.quantity:f}") for c in changes]
        bare = ours = nothing = float("inf")
        session = world.bare_session(account)
        for _ in range(3):
            start = time.perf_counter()
            for remote_id, quantity in bodies:
                url = world.url(f"products/{remote_id}")
                session.patch(url, json={"quantity": quantity}).raise_for_status()
            bare = min(bare, time.perf_counter() - start)

            for change in changes:
                inventory.receive(change.listing.item, shop, Decimal(1))
            start = time.perf_counter()
            push_inventory.push(client, push_inventory.plan(account), Recorder())
            ours = min(ours, time.perf_counter() - start)

            start = time.perf_counter()
            assert push_inventory.plan(account) == []
            nothing = min(nothing, time.perf_counter() - start)
    return Figures(
        "push_inventory",
        ratios={
            "plan and push to a bare loop of the same PATCHes": ours / bare,
            "finding that nothing changed to the same bare loop": nothing / bare,
        },
        queries={"plan": planned.count, "push": sent.count},
        sizes={"listings": len(first), "changed": len(changes), "calls": calls},
    )
