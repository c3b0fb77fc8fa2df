"""LeafLink follows our orders, step by step, whatever answer is lost and whoever was faster."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import work
from integrations.leaflink import cycle
from integrations.leaflink.mapping.status_rules import (
    PRESETS,
    WAY,
    is_behind,
    next_step,
    target,
)
from integrations.leaflink.mapping.statuses import REMOTE_STATES, RemoteStatus
from integrations.leaflink.models import Account
from orders import services
from orders.status import Status

VERBS = ("allocate", "ship", "complete")


def to(bench, order, *verbs):
    """Work our order by these verbs."""
    for verb in verbs:
        options = {"reason": "x"} if verb == "cancel" else {}
        getattr(services, verb)(bench.local(order), **options)


@pytest.fixture
def order(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    placed = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    return placed


def rule(name):
    Account.objects.update(status_map=PRESETS[name])


@pytest.mark.parametrize(
    ("style", "verbs", "status"),
    [
        ("flourish", (), "Submitted"),
        ("flourish", ("allocate",), "Fulfilled"),
        ("flourish", ("allocate", "ship"), "Shipped"),
        ("flourish", ("allocate", "ship", "complete"), "Shipped"),
        ("flourish", ("cancel",), "Rejected"),
        ("flourish", ("allocate", "cancel"), "Rejected"),
        ("distru", (), "Accepted"),
        ("distru", ("allocate",), "Fulfilled"),
        ("distru", ("allocate", "ship", "complete"), "Complete"),
        ("off", ("allocate", "ship"), "Submitted"),
    ],
)
def test_leaflink_gets_to_where_we_are(bench, order, style, verbs, status):
    rule(style)
    bench.account.refresh_from_db()
    to(bench, order, *verbs)
    bench.sync("statuses")
    assert bench.world.order(order.number).status == status
    assert bench.mirror(order).status == status
    assert bench.mirror(order).state == "imported"
    bench.calls()
    bench.sync("statuses")
    assert bench.calls("POST") == []


def test_a_partial_allocation_is_accepted(bench):
    goods = bench.goods(on_hand=10)
    bench.account.shortage_rule = "import"
    bench.account.save()
    bench.ready()
    bench.world.set_quantity(goods.remote.id, "100")
    order = bench.order(bench.line(goods, 30))
    bench.sync("orders")
    to(bench, order, "allocate")
    bench.sync("statuses")
    assert bench.world.order(order.number).status == "Accepted"


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "500"])
def test_a_lost_answer_is_settled_by_reading(bench, order, fault):
    to(bench, order, "allocate", "ship")
    for _ in range(2):
        bench.faults.next(fault, method="POST")
    cycle.run_cycle(bench.account, ["statuses"])
    bench.faults._planned.clear()
    bench.sync("statuses")
    assert bench.world.order(order.number).status == "Shipped"
    transitions = [e.event_type for e in bench.world.events.values()]
    assert [transitions.count(word) for word in ("accepted", "fulfilled", "shipped")] == [1, 1, 1]


def test_somebody_who_was_faster_is_no_error(bench, order):
    to(bench, order, "allocate")
    for action in ("accept", "fulfill"):
        bench.world.transition(order.number, action)
    step = bench.sync("statuses")["statuses"]
    assert (step.failed, step.changed) == (0, 0)


def test_canceling_here_rejects_there_and_the_echo_changes_nothing(bench, order):
    to(bench, order, "cancel")
    changes = bench.local(order).status_changes.count()
    bench.sync("statuses")
    bench.settle()
    bench.sync("orders")
    assert bench.local(order).status == "canceled"
    assert bench.local(order).status_changes.count() == changes


def test_a_buyer_who_cancels_meanwhile_wins(bench, order):
    to(bench, order, "allocate")
    bench.world.cancel_order(order.number)
    bench.sync("statuses")
    assert bench.world.order(order.number).status == "Cancelled"
    assert bench.local(order).status == "canceled"


def test_what_leaflink_does_not_let_us_do_is_said_in_its_words(bench, order, monkeypatch):
    from integrations.leaflink.sandbox import order_rules

    to(bench, order, "allocate")
    monkeypatch.setattr(
        order_rules, "available_transitions", lambda order, by="seller": ["rejected"]
    )
    monkeypatch.setattr(
        "integrations.leaflink.sandbox.representations.available_transitions",
        lambda order, by="seller": ["rejected"],
    )
    step = cycle.run_cycle(bench.account, ["statuses"])[-1]
    assert step.failed == 1
    assert "does not offer to accept" in step.problems[0]["reason"]
    assert "Move it by hand" in bench.mirror(order).refused


def test_a_change_here_reaches_leaflink_without_waiting_for_the_poll(
    bench, order, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        to(bench, order, "allocate")
    work.drain()
    assert bench.world.order(order.number).status == "Fulfilled"


def test_stock_adds_up_on_both_sides_along_the_whole_way(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    order = bench.order(bench.line(goods, 10))
    bench.sync("inventory")
    for verb in VERBS:
        to(bench, order, verb)
        bench.sync("inventory")
        assert bench.available(goods) == bench.free(goods) == 90
    assert bench.world.order(order.number).status == "Shipped"


@given(
    st.sampled_from(list(PRESETS.values())),
    st.sampled_from(Status),
    st.sampled_from(list(REMOTE_STATES)),
)
def test_every_way_ends_and_only_goes_forward(style, local, remote):
    wanted = target(style, local)
    if wanted is None:
        assert not is_behind(style, local, remote)
        return
    seen = [remote]
    while step := next_step(seen[-1], wanted):
        assert step not in seen
        assert step is RemoteStatus.REJECTED or WAY.index(step) <= WAY.index(wanted)
        seen.append(step)
    assert len(seen) <= len(WAY)
