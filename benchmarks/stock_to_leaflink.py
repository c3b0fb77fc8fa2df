"""From a change here to LeafLink showing it, while a long sweep is under way; real workers."""

import time
from decimal import Decimal

from django.conf import settings

from benchmarks.figures import Figures
from benchmarks.practice import practice
from benchmarks.workers import workers
from catalog import inventory
from catalog.models import Facility, Item
from integrations.leaflink import cycle
from integrations.leaflink.models import Account, Listing
from integrations.models import WorkItem
from integrations.sandbox.faults import Faults

PROMISED = 2.0
LONGEST = 30.0


def run(quick: bool) -> Figures:
    """60 changes, one a second, while 500 other products wait in the sweep (quick: 6, and 40), at
    300 requests a minute and 50 ms a request."""
    swept, changes = (40, 6) if quick else (500, 60)
    faults = Faults()
    # Half of the items belong to the other account.
    with practice(items=(swept + changes) * 2 + 20, orders=0, faults=faults) as world:
        account = world.accounts[0]
        cycle.run_cycle(account, ["inventory"])
        shop = Facility.objects.order_by("pk").first()
        assert shop
        items = list(Item.objects.filter(brand__leaflink__account=account).order_by("pk"))
        urgent, others = items[:changes], items[changes : changes + swept]
        Listing.objects.filter(item__in=others).update(last_sent=None)
        WorkItem.objects.all().delete()
        faults.chances["slow"], faults.delay = 1.0, 0.05
        settings.LEAFLINK_REQUESTS_PER_MINUTE = 300
        with workers(2, per_minute=300):
            cycle.run_cycle(account, ["inventory"], hand_over=True)
            time.sleep(3)
            took, left = [], []
            for item in urgent:
                left.append(_waiting(account))
                inventory.receive(item, shop, Decimal(1))
                began = time.perf_counter()
                remote_id = item.listing.product.remote_id
                before = world.world.product(remote_id).quantity
                while time.perf_counter() - began < LONGEST:
                    if world.world.product(remote_id).quantity != before:
                        break
                    time.sleep(0.01)
                took.append(time.perf_counter() - began)
                time.sleep(max(0.0, 1 - took[-1]))
    took.sort()
    p95 = took[min(len(took) - 1, int(len(took) * 0.95))]
    return Figures(
        "stock_to_leaflink",
        ratios={f"95th of 100 changes to the {PROMISED:.0f} s promised": p95 / PROMISED},
        sizes={
            "changes": len(took),
            "products waiting in the sweep, at first": left[0],
            "products waiting in the sweep, at last": left[-1],
        },
        seconds={"median": took[len(took) // 2], "95th of 100": p95, "longest": took[-1]},
    )


def _waiting(account: Account) -> int:
    return WorkItem.objects.filter(connection=account, priority=WorkItem.Priority.SWEEP).count()
