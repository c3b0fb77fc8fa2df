"""What we did comes back in hooks and readings, in any order: nothing happens twice."""

from datetime import date
from itertools import permutations

import pytest

from catalog.models import Commitment, Movement
from integrations.leaflink import cycle
from integrations.leaflink.mapping.status_rules import PRESETS
from integrations.leaflink.models import Order
from integrations.models import Notice, WorkItem
from orders import services
from orders.models import SalesOrder, StatusChange


@pytest.fixture
def goods(bench):
    bench.account.status_map = PRESETS["distru"]
    bench.account.save()
    made = bench.goods(on_hand=200)
    bench.ready()
    return made


@pytest.fixture
def order(bench, goods):
    placed = bench.order(bench.line(goods, 10))
    bench.sync("orders", "statuses")
    return placed


def written(bench):
    """What LeafLink was asked to change of orders and payments."""
    return [r for r in bench.world.requests if r.method != "GET" and "/products/" not in r.path]


def allocate(local):
    services.allocate(local)


def ship(local):
    services.ship(services.allocate(local))


def complete(local):
    services.complete(services.ship(services.allocate(local)))


def cancel(local):
    services.cancel(local, reason="Buyer phoned")


def change_term(local):
    services.change_terms(local, {"payment_term": "net60", "delivery_date": date(2026, 12, 3)})


ACTS = {
    allocate: "Fulfilled",
    ship: "Shipped",
    complete: "Complete",
    cancel: "Rejected",
    change_term: "Accepted",
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("fault", ["", "reset-before", "reset-after", "500", "429"])
def test_the_echo_of_what_we_did_changes_nothing(bench, order, act, fault):
    act(bench.local(order))
    if fault:
        for method in ("POST", "PATCH"):
            bench.faults.next(fault, method=method, path="orders-received")
        cycle.run_cycle(bench.account, ["statuses"])
        bench.faults._planned.clear()
    bench.sync("statuses")
    assert bench.world.order(order.number).status == ACTS[act]
    before = (StatusChange.objects.count(), Movement.objects.count(), len(bench.world.events))
    bench.world.requests.clear()
    for _ in range(2):
        bench.hooks.pending += list(bench.hooks.pending)
        bench.settle()
        bench.sync("orders", "statuses", "payments")
    assert before == (
        StatusChange.objects.count(),
        Movement.objects.count(),
        len(bench.world.events),
    )
    assert written(bench) == []
    assert (bench.mirror(order).state, bench.mirror(order).is_disputed) == ("imported", False)
    assert not Notice.objects.exists()
    assert not WorkItem.objects.exists()


def test_a_price_that_leaflink_changed_comes_in_once(bench, goods, order):
    row = {"id": order.lines[0].id, "product_id": goods.remote.id, "price": "7.00"}
    bench.world.edit_order(order.number, [{**row, "quantity": "10"}])
    bench.sync("orders", "statuses")
    assert bench.local(order).total == 70
    before = StatusChange.objects.count()
    bench.world.requests.clear()
    bench.settle()
    bench.sync("orders", "statuses")
    assert StatusChange.objects.count() == before
    assert written(bench) == []


@pytest.mark.parametrize("sequence", list(permutations(range(3))))
@pytest.mark.parametrize("allocated", [False, True])
def test_combining_ends_the_same_in_whatever_order_it_is_heard_of(
    bench, goods, sequence, allocated
):
    parents = [bench.order(bench.line(goods, units)) for units in (10, 20)]
    bench.sync("orders", "statuses")
    bench.settle()
    if allocated:
        services.allocate(bench.local(parents[0]))
    merged = bench.world.combine_orders([p.number for p in parents])
    numbers = [*[p.number for p in parents], merged.number]
    hooks = {
        number: next(h for h in bench.hooks.pending if number.encode() in h.body)
        for number in numbers
    }
    for index in sequence:
        bench.hooks.pending = [hooks[numbers[index]]]
        bench.settle()
    bench.sync("orders", "statuses")
    bench.sync("orders", "statuses")
    assert [bench.local(p).status for p in parents] == ["canceled", "canceled"]
    fresh = bench.local(merged)
    assert (fresh.status, fresh.lines.count()) == ("created", 2)
    assert sum(Commitment.objects.values_list("quantity", flat=True)) == 30
    assert SalesOrder.objects.count() == 3
    assert bench.world.order(merged.number).status == "Accepted"
    assert [bench.world.order(p.number).status for p in parents] == ["Combined", "Combined"]
    assert not Order.objects.exclude(state="imported").exists()
