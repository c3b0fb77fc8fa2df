"""The table of statuses: presets, own tables, impossible ones, and LeafLink leading."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from integrations.leaflink.mapping.status_rules import (
    CAUGHT_UP,
    OUR_WAY,
    PRESETS,
    WAY,
    possible_targets,
    preset_of,
    problems,
    target,
)
from integrations.leaflink.models import Account
from orders import services
from orders.status import Status
from tests.leaflink.pages import change_on_rules_page


@pytest.fixture
def order(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    placed = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    return placed


def test_the_presets_are_possible_and_known_by_name():
    for name, table in PRESETS.items():
        assert problems(table) == {}
        assert preset_of(table) == name
    assert preset_of({"shipped": "Shipped"}) == ""


@pytest.mark.parametrize(
    ("table", "where", "words"),
    [
        ({"created": "Fulfilled"}, "created", "goods have not got that far"),
        ({"allocated": "Shipped"}, "allocated", "goods have not got that far"),
        ({"shipped": "Shipped", "completed": "Accepted"}, "completed", "does not go back"),
        ({"canceled": "Cancelled"}, "canceled", "only reject"),
        ({"created": "Rejected"}, "created", "can't become Rejected"),
    ],
)
def test_impossible_moves_are_named(table, where, words):
    assert words in problems(table)[where]
    with pytest.raises(ValidationError):
        Account(name="x", status_map=table).clean()


tables = st.fixed_dictionaries(
    {}, optional={s.value: st.sampled_from([t.value for t in possible_targets(s)]) for s in Status}
)


@given(tables)
def test_a_possible_table_never_leads_back_nor_ahead_of_the_goods(table):
    if problems(table):
        return
    places = [WAY.index(t) for s in OUR_WAY if (t := target(table, s))]
    assert places == sorted(places)
    for status in OUR_WAY:
        wanted = target(table, status)
        assert wanted not in CAUGHT_UP or status in CAUGHT_UP[wanted]


def test_a_table_of_ones_own_is_followed(bench, order):
    bench.account.status_map = {"shipped": "Complete"}
    bench.account.save()
    local = services.allocate(bench.local(order))
    bench.sync("statuses")
    assert bench.world.order(order.number).status == "Submitted"
    services.ship(local)
    bench.sync("statuses")
    assert bench.world.order(order.number).status == "Complete"
    assert bench.mirror(order).state == "imported"


def move_in_leaflink(bench, order, *actions):
    for action in actions:
        bench.world.transition(order.number, action)
    bench.sync("orders")


@pytest.mark.parametrize(
    ("actions", "status"),
    [
        (("accept", "fulfill"), "allocated"),
        (("accept", "fulfill", "ship"), "shipped"),
        (("accept", "fulfill", "ship", "complete"), "completed"),
    ],
)
def test_leaflink_leads_where_the_account_says_so(bench, order, actions, status):
    bench.account.lead_statuses = list(CAUGHT_UP)
    bench.account.save()
    move_in_leaflink(bench, order, *actions)
    assert (bench.local(order).status, bench.mirror(order).state) == (status, "imported")
    events = len(bench.world.events)
    bench.sync()
    assert len(bench.world.events) == events


@pytest.mark.parametrize("leads", [True, False])
def test_what_was_edited_there_before_comes_in_first(bench, order, leads):
    bench.account.lead_statuses = ["Fulfilled"] if leads else []
    bench.account.save()
    line = {"product_id": order.lines[0].product_id, "quantity": 4}
    bench.world.edit_order(order.number, [line], notes="Ring twice")
    move_in_leaflink(bench, order, "accept", "fulfill")
    local = bench.local(order)
    assert (local.lines.get().quantity, local.notes_for_buyer) == (4, "Ring twice")
    assert local.status == ("allocated" if leads else "created")
    assert bench.mirror(order).state == ("imported" if leads else "conflict")
    events = bench.mirror(order).events.count()
    bench.sync("orders")
    assert bench.mirror(order).events.count() == events


def test_what_cannot_follow_waits_with_the_reason(bench):
    goods = bench.goods(on_hand=5)
    bench.account.shortage_rule = "import"
    bench.account.lead_statuses = ["Fulfilled"]
    bench.account.save()
    bench.ready()
    bench.world.set_quantity(goods.remote.id, "100")
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    move_in_leaflink(bench, order, "accept", "fulfill")
    mirror = bench.mirror(order)
    assert mirror.state == "conflict"
    assert "can't follow by itself" in mirror.state_reason
    assert bench.local(order).status == "created"
    assert bench.local(order).lines.get().allocations.count() == 0
    assert mirror.disputed[0]["label"] == "Status"


def test_without_the_rule_it_is_flagged(bench, order):
    bench.account.lead_statuses = ["Shipped"]
    bench.account.save()
    move_in_leaflink(bench, order, "accept", "fulfill")
    assert bench.mirror(order).state == "conflict"
    assert bench.local(order).status == "created"


def test_ours_that_went_back_is_told_apart_from_leaflinks_moved_by_hand(bench, order):
    local = services.allocate(bench.local(order))
    bench.sync("statuses")
    services.deallocate(local)
    bench.sync("orders", "statuses")
    bench.world.edit_order(order.number, internal_notes="x")
    bench.sync("orders")
    mirror = bench.mirror(order)
    assert mirror.state == "imported"
    assert "can't go back; stock was put back here" in mirror.state_reason
    services.cancel(local, reason="x")
    bench.sync("statuses")
    assert bench.world.order(order.number).status == "Rejected"


def test_a_preset_fills_the_table_and_a_row_makes_it_ones_own(bench, admin_client):
    change_on_rules_page(admin_client, bench.account, status_preset="distru")
    bench.account.refresh_from_db()
    assert bench.account.status_map == PRESETS["distru"]
    change_on_rules_page(admin_client, bench.account, status_map_created="")
    bench.account.refresh_from_db()
    table = {k: v for k, v in PRESETS["distru"].items() if k != "created"}
    assert bench.account.status_map == table
    page = admin_client.get(reverse("admin:leaflink_account_rules", args=[bench.account.pk]))
    assert page.context["form"]["status_preset"].value() == "own"


def test_an_impossible_table_is_refused_at_its_row(bench, admin_client):
    answer = change_on_rules_page(
        admin_client,
        bench.account,
        status_preset="own",
        status_map_shipped="Shipped",
        status_map_completed="Accepted",
    )
    form = answer.context["form"]
    assert "does not go back" in form.errors["status_map_completed"][0]
    bench.account.refresh_from_db()
    assert bench.account.status_map == PRESETS["flourish"]
