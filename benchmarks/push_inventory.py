"""Stock out: a sweep that finds little or nothing to send; a long push against what the request
budget allows by itself; and without a budget against a plain loop of the same requests."""

import time
from decimal import Decimal

from django.conf import settings

from benchmarks.figures import Figures, count_queries
from benchmarks.practice import Practice, practice
from catalog import inventory
from catalog.models import Facility, Item
from integrations.leaflink import cycle
from integrations.leaflink.connect import client_for
from integrations.leaflink.due_quantities import plan
from integrations.leaflink.models import Account
from integrations.leaflink.push_inventory import push
from integrations.models import Budget, WorkItem
from integrations.runs import Recorder
from integrations.sandbox.faults import Faults

LATENCY = 0.25


def run(quick: bool) -> Figures:
    """5,000 listings, 200 changed, 1,000 pushed at 300 requests a minute (over three minutes).
    Quick: 80 listings, 20 changed, 60 pushed at 900 a minute."""
    size, changed, pushed, per_minute = (80, 20, 60, 900) if quick else (5000, 200, 1000, 300)
    faults = Faults()
    figures = Figures("push_inventory")
    # Half of the items belong to the other account.
    with practice(items=size * 2, orders=0, faults=faults) as world:
        account = world.accounts[0]
        _push_all(account)
        _sweeps(figures, account, changed)
        faults.chances["slow"], faults.delay = 1.0, LATENCY
        _without_budget(figures, world, account, 40 if quick else 200)
        _with_budget(figures, account, pushed, per_minute)
    return figures


def _items(account: Account, count: int) -> list[Item]:
    return list(Item.objects.filter(brand__leaflink__account=account).order_by("pk")[:count])


def _change(account: Account, count: int) -> None:
    """Receive one unit of so many of the account's items."""
    shop = Facility.objects.order_by("pk").first()
    assert shop
    for item in _items(account, count):
        inventory.receive(item, shop, Decimal(1))


def _push_all(account: Account) -> int:
    """Send all that is due; returns how many requests that took."""
    client = client_for(account, WorkItem.Priority.SWEEP)
    while items := [one.row.item_id for one in plan(account).changes]:
        push(account, client, items, Recorder())
    return client.calls


def _sweeps(figures: Figures, account: Account, changed: int) -> None:
    with count_queries() as planned:
        start = time.perf_counter()
        found = plan(account)
        nothing = time.perf_counter() - start
    assert found.changes == []
    figures.seconds["finding that nothing changed"] = nothing
    figures.queries["plan"] = planned.count
    figures.sizes["listings"] = len(_items(account, 1_000_000))
    figures.sizes["writes when nothing changed"] = sum(
        step.calls for step in cycle.run_cycle(account, ["inventory"]) if step.name == "inventory"
    )
    _change(account, changed)
    with count_queries() as planned:
        due = len(plan(account).changes)
    figures.queries["plan, some changed"] = planned.count
    figures.sizes["changed"] = due
    figures.sizes["writes for them"] = _push_all(account)


def _without_budget(figures: Figures, world: Practice, account: Account, count: int) -> None:
    """The rate of requests against a plain loop, at a quarter of a second each."""
    items = _items(account, count)
    session = world.bare_session(account)
    remote_ids = [item.listing.product.remote_id for item in items]
    start = time.perf_counter()
    for remote_id in remote_ids[: count // 4]:
        body = {"quantity": "1"}
        session.patch(world.url(f"products/{remote_id}"), json=body).raise_for_status()
    plain_loop = (time.perf_counter() - start) / (count // 4)
    _change(account, count)
    start = time.perf_counter()
    sent = _push_all(account)
    ours = (time.perf_counter() - start) / sent
    figures.ratios["rate of a push to that of a plain loop, no budget"] = plain_loop / ours


def _with_budget(figures: Figures, account: Account, count: int, per_minute: int) -> None:
    """A push beginning with a full bucket, against count ÷ requests a minute."""
    _change(account, count)
    Budget.objects.all().delete()
    before, settings.LEAFLINK_REQUESTS_PER_MINUTE = (
        settings.LEAFLINK_REQUESTS_PER_MINUTE,
        per_minute,
    )
    try:
        start = time.perf_counter()
        for step in cycle.run_cycle(account, ["inventory"]):
            assert not step.error, step.error
        sent = _push_all(account)
        took = time.perf_counter() - start
    finally:
        settings.LEAFLINK_REQUESTS_PER_MINUTE = before
    figures.sizes["pushed under the budget"] = count
    figures.sizes["of these after the first run's time was up"] = sent
    figures.ratios["a push to what the budget alone allows"] = took / (count * 60 / per_minute)
