"""Orders in: first reading of many orders, against fetching the same pages bare."""

import time

from benchmarks.figures import Figures, count_queries
from benchmarks.practice import practice
from integrations.leaflink.connect import client_for
from integrations.leaflink.models import Order
from integrations.leaflink.pull_orders import CHILDREN, RESOURCE, pull_orders
from integrations.models import WorkItem
from integrations.runs import Recorder


def run(quick: bool) -> Figures:
    """2,000 orders (quick: 100) over two accounts, none of them known yet."""
    size = 100 if quick else 2000
    with practice(items=200, orders=size) as world:
        bare = 0.0
        pages = 0
        for account in world.accounts:
            session = world.bare_session(account)
            start = time.perf_counter()
            url = world.url(RESOURCE) + f"?limit=100&include_children={CHILDREN}"
            while url:
                body = session.get(url).json()
                url, pages = body["next"], pages + 1
            bare += time.perf_counter() - start

        ours = 0.0
        queries = 0
        for account in world.accounts:
            client = client_for(account, WorkItem.Priority.ORDERS)
            start = time.perf_counter()
            with count_queries() as made:
                pull_orders(account, client, Recorder())
            ours += time.perf_counter() - start
            queries += made.count
        states = Order.objects.values_list("state", flat=True)
        imported = sum(state == "imported" for state in states)
    return Figures(
        "take_in_orders",
        ratios={"first intake to fetching the same pages bare": ours / bare},
        queries={"per order": round(queries / size, 2)},
        sizes={"orders": size, "imported": imported, "pages": pages},
    )
