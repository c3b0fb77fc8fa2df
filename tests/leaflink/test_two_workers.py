"""Two workers at once, on PostgreSQL: each order once, no unit sold twice, no work done twice."""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from catalog import commitments, inventory
from catalog.commitments import Need
from catalog.inventory import OutOfStock
from catalog.models import Commitment, Movement, Stock
from customers.models import Destination
from integrations import work
from integrations.leaflink import cycle, decide_orders, import_orders
from integrations.leaflink.mapping.status_rules import PRESETS
from integrations.leaflink.models import Account, Order, Staff
from integrations.leaflink.sandbox.server import serve
from integrations.leases import Busy, lease
from integrations.models import Budget, WorkItem
from orders import payments, services
from orders.models import SalesOrder
from orders.status import IllegalMove

# How many orders: FULL_SIZE=1, as .ci/nightly sets it, is what the figures are promised for.
TAKEN_IN, MOVED_ON = (500, 300) if os.environ.get("FULL_SIZE") else (60, 30)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def bench(transactional_db, make_bench):
    return make_bench()


def at_once(*acts):
    """Run the acts in threads that start together; returns what each raised or returned."""
    start = threading.Barrier(len(acts))
    results = [None] * len(acts)

    def run(index, act):
        try:
            start.wait()
            results[index] = act()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(i, act)) for i, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results


def failures(results):
    return [result for result in results if isinstance(result, Exception)]


def test_webhooks_and_poll_take_in_the_same_orders_once_each(bench, caplog):
    goods = [bench.goods(f"G{n}", on_hand=2000) for n in range(5)]
    bench.ready()
    bench.map_dana()
    for n in range(150):
        customer = bench.world.add_customer(
            bench.seller.id, name=f"Shop {n % 20}", license_number=f"LIC-{n % 20}"
        )
        lines = [bench.line(one, 2) for one in (goods[n % 5], goods[(n + 2) % 5])]
        bench.order(*lines, customer_id=customer.id)
    bench.hooks.deliver_pending(bench.deliver)
    assert WorkItem.objects.filter(kind="leaflink.order").count() == 150
    results = at_once(
        lambda: work.drain(100),
        lambda: work.drain(100),
        lambda: cycle.run_cycle(bench.account, ["orders"]),
    )
    assert failures(results) == []
    work.drain(60)
    assert Order.objects.filter(state="imported").count() == 150
    assert SalesOrder.objects.count() == 150
    assert Destination.objects.count() == 20
    committed = sum(Commitment.objects.values_list("quantity", flat=True))
    assert committed == 600
    assert not WorkItem.objects.filter(error_class="unexpected").exists()
    assert [r for r in caplog.records if r.levelname in ("ERROR", "CRITICAL")] == []


def in_a_process(code):
    """Start Python on the tests' database, as a worker on another host would be."""
    database = connection.settings_dict
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database),
        "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
    }
    return subprocess.Popen(
        [sys.executable, "-c", f"import django; django.setup()\n{code}"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_two_processes_take_in_hundreds_of_orders_once_each(bench):
    goods = [bench.goods(f"G{n}", on_hand=5000) for n in range(5)]
    bench.ready()
    for n in range(TAKEN_IN):
        customer = bench.world.add_customer(
            bench.seller.id, name=f"Shop {n % 40}", license_number=f"LIC-{n % 40}"
        )
        lines = [bench.line(one, 2) for one in (goods[n % 5], goods[(n + 2) % 5])]
        bench.order(*lines, customer_id=customer.id)
    bench.hooks.deliver_pending(bench.deliver)
    assert WorkItem.objects.filter(kind="leaflink.order").count() == TAKEN_IN
    server = serve(bench.world, port=0, rate_limit=None)
    try:
        bench.account.stand_in_url = server.url
        bench.account.save()
        webhooks = in_a_process("from integrations import work; work.drain(240)")
        poll = in_a_process(
            "from django.core.management import call_command; call_command('sync', only='orders')"
        )
        said = [process.communicate(timeout=300)[0] for process in (webhooks, poll)]
    finally:
        server.stop()
    assert [webhooks.returncode, poll.returncode] == [0, 0], said
    assert not re.search("error|traceback|exception", said[0] + said[1], re.IGNORECASE), said
    assert Order.objects.filter(state="imported").count() == TAKEN_IN
    assert SalesOrder.objects.count() == TAKEN_IN
    assert Destination.objects.count() == 40
    assert sum(Commitment.objects.values_list("quantity", flat=True)) == 4 * TAKEN_IN
    assert not WorkItem.objects.filter(kind="leaflink.order").exists()
    # Both were at it: orders were read one by one, and by the page.
    reads = [r.path for r in bench.world.requests if "/orders-received/" in r.path]
    assert {path.endswith("/orders-received/") for path in reads} == {True, False}


def test_a_person_and_the_worker_make_one_destination_for_a_customer(bench):
    bench.account.customer_rule = Account.CustomerRule.HOLD
    bench.account.save()
    goods = bench.goods(on_hand=500)
    bench.ready()
    for n in range(30):
        customer = bench.world.add_customer(
            bench.seller.id, name=f"Shop {n}", license_number=f"LIC-{n}"
        )
        for _ in range(2):
            bench.order(bench.line(goods, 1), customer_id=customer.id)
    bench.sync("orders")
    by_customer = {}
    for order in Order.objects.order_by("pk"):
        by_customer.setdefault(order.customer_id, []).append(order.pk)
    Account.objects.update(customer_rule=Account.CustomerRule.CREATE)
    account = Account.objects.get()

    def worker():
        return import_orders.settle_all(account, [pks[0] for pks in by_customer.values()])

    def person():
        for pks in by_customer.values():
            with contextlib.suppress(decide_orders.CannotDecide):
                decide_orders.create_destination(pks[1], by=None)

    failed, nothing = at_once(worker, person)
    assert (failed, nothing) == ({}, None)
    assert Destination.objects.count() == 30


def test_taking_leaflinks_version_waits_for_nobody_in_a_circle(bench):
    goods = [bench.goods(f"G{n}", on_hand=5000) for n in range(4)]
    bench.ready()
    orders = [bench.order(*[bench.line(one, 5) for one in goods]) for _ in range(12)]
    bench.sync("orders")
    for order in orders:
        services.allocate(bench.local(order))
        bench.world.edit_order(order.number, [bench.line(one, 4) for one in reversed(goods)])
    bench.sync("orders")
    mirrors = list(Order.objects.filter(state="conflict").values_list("pk", flat=True))
    assert len(mirrors) == 12

    def take():
        for pk in mirrors:
            decide_orders.take_leaflinks(pk, by=None)

    def buy():
        for _ in range(40):
            commitments.commit([Need(one.item.pk, None, Decimal(1), "x") for one in goods])

    assert failures(at_once(take, buy, buy)) == []
    assert set(SalesOrder.objects.values_list("status", flat=True)) == {"allocated"}


def test_two_orders_never_get_the_same_units(bench):
    goods = bench.goods(on_hand=100)

    def buy():
        sold = 0
        for _ in range(30):
            try:
                commitments.commit([Need(goods.item.pk, bench.shop.pk, Decimal(3), "x")])
                sold += 3
            except OutOfStock:
                break
        return sold

    results = at_once(buy, buy, buy)
    assert failures(results) == []
    assert sum(results) == 99
    assert inventory.levels([goods.item.pk])[goods.item.pk].free == 1


def test_locks_are_taken_in_one_order_so_nothing_waits_in_a_circle(bench):
    goods = [bench.goods(f"G{n}", on_hand=10_000) for n in range(6)]

    def buy(order):
        for _ in range(25):
            needs = [Need(goods[n].item.pk, None, Decimal(1), "x") for n in order]
            promises = commitments.commit(needs)
            commitments.release([p.pk for p in promises[:3]])

    results = at_once(lambda: buy(range(6)), lambda: buy(range(5, -1, -1)))
    assert failures(results) == []


def test_an_order_is_shipped_once_however_often_it_is_pressed(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    order = bench.order(bench.line(goods, 30))
    bench.sync("orders")
    local = services.allocate(bench.local(order))
    results = at_once(*[lambda: services.ship(local)] * 4)
    assert Counter(type(r) for r in results) == {SalesOrder: 1, IllegalMove: 3}
    assert inventory.levels([goods.item.pk])[goods.item.pk].on_hand == 70


def test_each_piece_of_work_is_done_by_one_worker(bench, monkeypatch):
    done = []
    monkeypatch.setattr(work, "_handlers", {"count": lambda connection, key: done.append(key)})
    work.ask(bench.account.pk, "count", [f"{n}" for n in range(200)], WorkItem.Priority.ORDERS)
    results = at_once(work.drain, work.drain, work.drain)
    assert failures(results) == []
    assert sorted(done, key=int) == [f"{n}" for n in range(200)]


def test_one_cycle_of_an_account_at_a_time(bench):
    entered = []

    def hold():
        with lease("one"):
            entered.append(1)
            threading.Event().wait(0.5)

    results = at_once(hold, hold, hold)
    assert len(entered) == 1
    assert [type(r) for r in failures(results)] == [Busy, Busy]


def test_two_workers_share_one_budget(bench, settings):
    from integrations.budget import BudgetExhausted, SharedBudget

    def spend():
        one = SharedBudget("dana", 300, WorkItem.Priority.ORDERS, longest_wait=timedelta(0))
        taken = 0
        try:
            while True:
                one.take()
                taken += 1
        except BudgetExhausted:
            return taken

    results = at_once(spend, spend, spend)
    assert failures(results) == []
    assert 10 <= sum(results) <= 15  # the bucket, and what it gained meanwhile
    assert Budget.objects.filter(owner="dana").count() == 1


def test_the_same_webhook_twice_at_once(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 1))
    hooks = [h for h in bench.hooks.pending if order.number.encode() in h.body]
    from integrations.leaflink.sandbox.webhooks import signature

    def send():
        headers = {"LL-Signature": signature(hooks[0].webhook.secret, hooks[0].body)}
        return bench.deliver(hooks[0].webhook.url, hooks[0].body, headers)

    assert at_once(*[send] * 5) == [200] * 5
    assert WorkItem.objects.filter(kind="leaflink.order").count() == 1
    assert Order.objects.count() == 1


def test_two_workers_move_orders_four_times_each_without_a_step_twice(bench):
    bench.account.status_map = PRESETS["distru"]
    bench.account.save()
    goods = [bench.goods(f"G{n}", on_hand=5000) for n in range(5)]
    bench.ready()
    for n in range(MOVED_ON):
        bench.order(*[bench.line(one, 2) for one in (goods[n % 5], goods[(n + 2) % 5])])
    server = serve(bench.world, port=0, rate_limit=None)
    try:
        bench.account.stand_in_url = server.url
        bench.account.save()
        bench.world.requests.clear()
        # Each is imported (and accepted), allocated, shipped and completed while both are at work.
        workers = [
            in_a_process(
                "import time\nfrom integrations import work\n"
                "until = time.monotonic() + 240\n"
                "from integrations.models import WorkItem\n"
                "while time.monotonic() < until and not WorkItem.objects.filter(kind='stop'):\n"
                "    work.drain(20) or time.sleep(0.05)"
            )
            for _ in range(2)
        ]
        cycle.run_cycle(bench.account, ["orders"])
        locals_ = list(SalesOrder.objects.order_by("pk"))
        for verb in (services.allocate, services.ship, services.complete):
            for local in locals_:
                verb(local)
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and WorkItem.objects.exists():
            time.sleep(0.2)
        WorkItem.objects.create(
            connection=bench.account,
            kind="stop",
            key="x",
            request=uuid.uuid4(),
            requested_at=timezone.now(),
            not_before=timezone.now() + timedelta(days=1),
        )
        said = [process.communicate(timeout=60)[0] for process in workers]
    finally:
        server.stop()
    assert [process.returncode for process in workers] == [0, 0], said
    assert not re.search("error|traceback|exception", "".join(said), re.IGNORECASE), said
    assert Counter(order.status for order in bench.world.orders.values()) == {"Complete": MOVED_ON}
    assert set(SalesOrder.objects.values_list("status", flat=True)) == {"completed"}
    steps = Counter((e.order_number, e.event_type) for e in bench.world.events.values())
    words = ("accepted", "fulfilled", "shipped", "completed")
    assert {steps[number, word] for number in bench.world.orders for word in words} == {1}
    asked = [r for r in bench.world.requests if "/transition/" in r.path]
    assert Counter(r.status for r in asked) == {200: 4 * MOVED_ON}
    sums = Movement.objects.aggregate(on_hand=Sum("on_hand_change"))
    assert (
        sums["on_hand"]
        == Stock.objects.aggregate(on_hand=Sum("on_hand"))["on_hand"]
        == (25_000 - 4 * MOVED_ON)
    )


def test_a_payment_is_sent_once_however_many_workers_are_at_it(bench):
    bench.account.push_payments = True
    goods = bench.goods(on_hand=100)
    bench.ready()
    bench.account.payment_recorder = Staff.objects.get()
    bench.account.save()
    order = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    for n in range(5):
        payments.record(bench.local(order), Decimal(1), "cash", date(2026, 7, 6), reference=f"{n}")
    results = at_once(
        *[lambda: cycle.run_cycle(bench.account, ["payments"])] * 2,
        lambda: work.drain(20),
        lambda: work.drain(20),
    )
    assert all(isinstance(error, Busy) for error in failures(results))
    bench.sync("payments")
    assert [p.total for p in bench.world.payments.values()] == [1] * 5


def test_a_payment_button_pressed_four_times_at_once(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    order = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    local, token = bench.local(order), uuid.uuid4()

    def press():
        return payments.record(local, Decimal(5), "cash", date(2026, 7, 6), token=token).pk

    results = at_once(*[press] * 4)
    assert failures(results) == []
    assert len(set(results)) == 1


def test_lots_chosen_by_two_people_at_once_are_given_once(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    orders = [bench.order(bench.line(goods, 50)) for _ in range(2)]
    bench.sync("orders")
    Stock.objects.update(on_hand=60)
    shelf = Stock.objects.get().pk

    def take(local):
        return services.allocate_by_hand(local, {(local.lines.get().pk, shelf): Decimal(50)})

    first, second = (bench.local(order) for order in orders)
    results = at_once(lambda: take(first), lambda: take(second))
    assert Counter(type(r) for r in results) == {SalesOrder: 1, OutOfStock: 1}
