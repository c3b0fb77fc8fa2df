"""Two workers at the same stock, on PostgreSQL: one budget, the later number stays, a kill loses
nothing."""

import contextlib
import random
import time
from collections import Counter
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from catalog import inventory
from catalog.inventory import InventoryError
from catalog.models import Item
from catalog.one_moment import one_moment
from integrations import work
from integrations.leaflink import cycle
from integrations.leaflink.models import Listing
from integrations.leaflink.sandbox.server import serve
from integrations.leaflink.work_kinds import LISTING_WORK
from integrations.models import WorkItem
from integrations.sandbox.faults import Faults
from tests.leaflink.test_two_workers import at_once, failures, in_a_process

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
LOOP = """
import time
from integrations import work
while True:
    work.drain(60, is_worker=True)
    time.sleep(0.05)
"""


@pytest.fixture
def bench(transactional_db, make_bench):
    return make_bench()


@pytest.fixture
def shop(bench):
    """Forty products, served over HTTP so that other processes reach them."""
    goods = [bench.goods(f"G{n}", on_hand=50) for n in range(40)]
    bench.ready()
    WorkItem.objects.all().delete()
    server = serve(bench.world, port=0, rate_limit=None, faults=Faults("slow=1@20ms"))
    bench.account.stand_in_url = server.url
    bench.account.brake_products = bench.account.brake_percent = None
    bench.account.save()
    WorkItem.objects.all().delete()
    bench.calls()
    yield goods
    server.stop()


def until(condition, seconds=60):
    """Wait for it."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It did not come about in time."
        time.sleep(0.1)


def test_two_processes_take_no_product_twice(bench, shop):
    for goods in shop:
        inventory.receive(goods.item, bench.shop, Decimal(1))
    workers = [in_a_process("from integrations import work; work.drain(60)") for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in workers]
    assert [process.returncode for process in workers] == [0, 0], said
    writes = Counter(r.path for r in bench.world.requests if r.method == "PATCH")
    assert (len(writes), set(writes.values())) == (40, {1})
    assert [bench.available(goods) for goods in shop] == [51] * 40


def test_sweeps_and_marks_at_once_leave_the_later_number(bench, shop):
    changed = shop[:6]

    def change():
        for n in range(60):
            with contextlib.suppress(InventoryError):
                goods = changed[n % 6]
                move = Decimal(random.Random(n).choice([-3, 2, 5]))
                inventory.adjust(goods.item, bench.shop, move, reason="x")

    def sweep():
        for _ in range(6):
            cycle.run_cycle(bench.account, ["inventory"])

    def fast():
        end = time.monotonic() + 8
        while time.monotonic() < end:
            work.drain(2)
            time.sleep(0.02)

    assert failures(at_once(change, sweep, fast, fast)) == []
    until(lambda: work.drain(5) == 0 and not WorkItem.objects.filter(kind=LISTING_WORK).exists())
    assert [bench.available(g) for g in changed] == [bench.free(g) for g in changed]
    assert not Listing.objects.filter(sending__isnull=False).exists()


def test_killing_the_worker_at_any_moment_loses_no_change(bench, shop):
    """Four kills in the middle of pushing; then one worker is left alone."""
    pick = random.Random(7)
    for kill in range(4):
        for goods in pick.sample(shop, 12):
            inventory.receive(goods.item, bench.shop, Decimal(kill + 1))
        worker = in_a_process(LOOP)
        seen = len(bench.world.requests)
        with contextlib.suppress(AssertionError):
            until(lambda seen=seen: len(bench.world.requests) > seen + pick.randint(1, 9), 8)
        time.sleep(pick.random() / 20)
        worker.kill()
        worker.communicate(timeout=30)
    # The claims of the killed end by themselves after two minutes.
    Listing.objects.filter(sending__isnull=False).update(sending_until=timezone.now())
    worker = in_a_process(LOOP)
    try:
        until(lambda: not WorkItem.objects.filter(kind=LISTING_WORK).exists(), 30)
    finally:
        worker.kill()
        worker.communicate(timeout=30)
    assert [bench.available(g) for g in shop] == [bench.free(g) for g in shop]


def test_one_moment_is_one_moment(bench):
    goods = bench.goods(on_hand=10)
    with one_moment():
        before = inventory.levels([goods.item.pk])[goods.item.pk]
        meanwhile = at_once(lambda: inventory.receive(goods.item, bench.shop, Decimal(5)))
        assert failures(meanwhile) == []
        assert inventory.levels([goods.item.pk])[goods.item.pk] == before
        with pytest.raises(Exception, match="read-only"), transaction.atomic():
            Item.objects.update(name="x")
    assert inventory.levels([goods.item.pk])[goods.item.pk].on_hand == 15
    assert not connection.in_atomic_block
