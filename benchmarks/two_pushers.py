"""Two worker processes push the same sweep: one budget, and no product taken twice."""

import time
from collections import Counter

from django.conf import settings

from benchmarks.figures import Figures
from benchmarks.practice import practice
from benchmarks.workers import workers
from integrations.leaflink import cycle
from integrations.leaflink.models import Listing
from integrations.leaflink.work_kinds import LISTING_WORK
from integrations.models import WorkItem


def run(quick: bool) -> Figures:
    """600 products at 300 requests a minute (quick: 60 at 600), at a LeafLink that refuses what is
    above."""
    size, per_minute = (60, 600) if quick else (600, 300)
    # Half of the items belong to the other account.
    with practice(items=size * 2 + 20, orders=0, rate_limit=per_minute) as world:
        account = world.accounts[0]
        # What building both sides has used is not part of the minute that is measured.
        time.sleep(0 if quick else 60)
        Listing.objects.filter(product__account=account).update(last_sent=None)
        WorkItem.objects.all().delete()
        settings.LEAFLINK_REQUESTS_PER_MINUTE = per_minute
        world.world.requests.clear()
        with workers(2, per_minute=per_minute):
            start = time.perf_counter()
            cycle.run_cycle(account, ["inventory"], hand_over=True)
            waiting = WorkItem.objects.filter(connection=account, kind=LISTING_WORK)
            while waiting.exists() and time.perf_counter() - start < 600:
                time.sleep(0.2)
            took = time.perf_counter() - start
        seen = list(world.world.requests)
    writes = Counter(one.path for one in seen if one.method == "PATCH" and one.status == 200)
    return Figures(
        "two_pushers",
        ratios={"requests a minute to the limit": len(seen) * 60 / took / per_minute},
        sizes={
            "products": len(writes),
            "products written more than once": sum(1 for n in writes.values() if n > 1),
            "requests LeafLink refused as too many": sum(1 for one in seen if one.status == 429),
            "requests": len(seen),
        },
    )
