"""Payment terms, due dates and deliveries agree on both sides, whoever changes them."""

from datetime import date, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from integrations.leaflink import cycle, decide_orders
from integrations.leaflink.decide_orders import CannotDecide
from integrations.leaflink.mapping.order_terms import TERMS, Move, body, compare
from integrations.leaflink.mapping.payment_terms import CODES, NAMES, OTHER
from integrations.leaflink.models import ListEntry
from integrations.leaflink.sandbox import payment_terms as remote_terms
from integrations.models import Notice
from orders import services
from orders.models import PaymentTerm
from orders.status import IllegalMove

NET_30 = remote_terms.term_id("Net 30")


@pytest.fixture
def order(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    placed = bench.order(bench.line(goods, 10), payment_term="Net 15")
    bench.sync("orders")
    assert bench.local(placed).payment_term == "net15"
    return placed


def change(bench, order, **values):
    return services.change_terms(bench.local(order), values)


def remote_term(bench, order):
    return bench.world.order(order.number).payment_term


def set_in_leaflink(bench, order, name):
    bench.world.edit_order(
        order.number,
        payment_term=name,
        selected_payment_option=remote_terms.option(remote_terms.term_id(name), 4),
    )


def names(bench, order):
    return [row["name"] for row in bench.mirror(order).disputed]


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_term_reaches_leaflink_and_its_echo_changes_nothing(bench, order, code):
    change(bench, order, payment_term=code)
    bench.sync("statuses")
    assert remote_term(bench, order).lower().replace(" ", "") in (
        code,
        NAMES[code].lower().replace(" ", ""),
    )
    history = bench.local(order).status_changes.count()
    bench.settle()
    bench.sync("orders", "statuses")
    assert bench.local(order).payment_term == code
    assert bench.local(order).status_changes.count() == history
    bench.calls()
    bench.sync("statuses")
    assert bench.calls("PATCH") == []


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_term_comes_from_leaflink(bench, order, code):
    name = next(t[0] for t in remote_terms.TERMS.values() if t[2] == code)
    set_in_leaflink(bench, order, name)
    bench.sync("orders")
    assert bench.local(order).payment_term == code
    bench.calls()
    bench.sync("orders", "statuses")
    assert bench.calls("PATCH") == []


def test_a_term_whose_id_was_seen_goes_by_its_ids_and_keeps_the_way_to_pay(bench, order):
    line = {"product_id": bench.world.order(order.number).lines[0].product_id, "quantity": 1}
    bench.order(line, payment_term="Net 30")
    bench.sync("orders")
    assert ListEntry.objects.filter(list="payment_term", remote_id=NET_30, name="net30").exists()
    change(bench, order, payment_term="net30")
    bench.world.requests.clear()
    bench.sync("statuses")
    sent = [r.body for r in bench.world.requests if r.method == "PATCH"]
    assert sent == [
        {"selected_payment_option": {"payment_term_id": NET_30, "payment_method_id": 4}}
    ]


def test_a_term_whose_id_nobody_knows_goes_by_its_name(bench, order):
    change(bench, order, payment_term="net90")
    bench.world.requests.clear()
    bench.sync("statuses")
    sent = [r.body for r in bench.world.requests if r.method == "PATCH"]
    assert sent == [{"payment_term": "Net 90"}]
    assert remote_term(bench, order) == "Net 90"


def test_leaflinks_own_terms_are_shown_in_its_words_and_never_overwritten(bench, order):
    bench.world.edit_order(order.number, payment_term="LLF Net 30", selected_payment_option=None)
    bench.sync("orders")
    assert bench.local(order).payment_term == ""
    assert bench.mirror(order).agreed["payment_term"] == f"{OTHER}LLF Net 30"
    change(bench, order, payment_term="net15")
    bench.sync("statuses")
    assert remote_term(bench, order) == "LLF Net 30"
    set_in_leaflink(bench, order, "Net 60")
    bench.sync("orders")
    # Ours was set meanwhile: both moved.
    assert names(bench, order) == ["payment_term"]


def test_from_leaflinks_own_term_to_one_of_ours(bench, order):
    bench.world.edit_order(order.number, payment_term="LLF", selected_payment_option=None)
    bench.sync("orders")
    set_in_leaflink(bench, order, "Net 60")
    bench.sync("orders")
    assert (bench.local(order).payment_term, names(bench, order)) == ("net60", [])


def test_both_changed_is_chosen_about_by_a_person(bench, order):
    change(bench, order, payment_term="net7")
    set_in_leaflink(bench, order, "Net 30")
    bench.sync("orders", "statuses")
    mirror = bench.mirror(order)
    assert (mirror.is_disputed, mirror.state) == (True, "imported")
    assert mirror.disputed == [
        {
            "name": "payment_term",
            "label": "Payment term",
            "ours": "Net 7",
            "theirs": "Net 30",
            "agreed": "Net 15",
        }
    ]
    assert remote_term(bench, order) == "Net 30"
    seen = decide_orders.seen_of(mirror.disputed[0])
    decide_orders.keep_our_term(mirror.pk, "payment_term", by=None, seen=seen)
    bench.sync("statuses")
    assert remote_term(bench, order) == "Net 7"
    assert not bench.mirror(order).is_disputed
    with pytest.raises(CannotDecide, match="any more"):
        decide_orders.take_their_term(mirror.pk, "payment_term", by=None, seen=seen)


def test_taking_leaflinks_term(bench, order):
    change(bench, order, payment_term="net7")
    set_in_leaflink(bench, order, "Net 30")
    bench.sync("orders")
    mirror = bench.mirror(order)
    with pytest.raises(CannotDecide, match="Look at it again"):
        decide_orders.take_their_term(mirror.pk, "payment_term", by=None, seen="something else")
    seen = decide_orders.seen_of(mirror.disputed[0])
    decide_orders.take_their_term(mirror.pk, "payment_term", by=None, seen=seen)
    assert bench.local(order).payment_term == "net30"
    bench.calls()
    bench.sync("orders", "statuses")
    assert bench.calls("PATCH") == []
    assert not bench.mirror(order).is_disputed


def test_both_changed_to_the_same_is_no_conflict(bench, order):
    change(bench, order, payment_term="net30")
    set_in_leaflink(bench, order, "Net 30")
    bench.sync("orders")
    assert names(bench, order) == []


def test_a_delivery_date_and_its_details_reach_leaflink_as_that_day(bench, order):
    change(bench, order, delivery_date=date(2026, 12, 3), shipping_details="Dock 4\nafter noon ")
    bench.sync("statuses")
    remote = bench.world.order(order.number)
    assert remote.ship_date.date() == date(2026, 12, 3)
    assert remote.shipping_details == "Dock 4\nafter noon"
    bench.sync("orders", "statuses")
    assert bench.local(order).delivery_date == date(2026, 12, 3)
    change(bench, order, delivery_date=None)
    bench.sync("statuses")
    assert bench.world.order(order.number).ship_date is None


def test_details_wait_for_a_delivery_date(bench, order):
    change(bench, order, shipping_details="Dock 4")
    bench.sync("statuses")
    assert bench.world.order(order.number).shipping_details is None
    change(bench, order, delivery_date=date(2026, 12, 3))
    bench.sync("statuses")
    assert bench.world.order(order.number).shipping_details == "Dock 4"


def test_a_due_date_is_the_same_day_on_both_sides(bench, order):
    change(bench, order, payment_due_on=date(2026, 12, 31))
    bench.sync("statuses")
    bench.sync("orders", "statuses")
    assert bench.world.order(order.number).payment_due_date.date() == date(2026, 12, 31)
    assert bench.local(order).payment_due_on == date(2026, 12, 31)


def test_what_leaflink_says_of_delivery_comes_in_also_for_shipped_orders(bench, order):
    services.ship(services.allocate(bench.local(order)))
    bench.sync("statuses")
    bench.world.edit_order(order.number, shipping_details="Van 2", ship_date=timezone.now())
    bench.sync("orders")
    assert bench.local(order).shipping_details == "Van 2"
    assert bench.local(order).delivery_date is not None


def test_an_emptied_term_says_what_to_do(bench, order):
    change(bench, order, payment_term="")
    bench.sync("orders", "statuses")
    bench.sync("orders", "statuses")
    assert "choose one" in bench.mirror(order).refused
    assert remote_term(bench, order) == "Net 15"
    change(bench, order, payment_term="net15")
    bench.sync("orders", "statuses")
    assert bench.mirror(order).refused == ""


def test_with_the_rule_off_nothing_is_sent(bench, order):
    bench.account.push_order_terms = False
    bench.account.save()
    change(bench, order, payment_term="net7", delivery_date=date(2026, 12, 3))
    bench.sync("statuses")
    assert remote_term(bench, order) == "Net 15"
    assert bench.world.order(order.number).ship_date is None


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "500"])
def test_a_lost_answer_is_settled_by_reading(bench, order, fault):
    change(bench, order, payment_term="net7", delivery_date=date(2026, 12, 3))
    bench.faults.next(fault, method="PATCH", times=2)
    cycle.run_cycle(bench.account, ["statuses"])
    bench.faults._planned.clear()
    bench.sync("statuses")
    assert remote_term(bench, order) == "Net 7"
    assert bench.world.order(order.number).ship_date.date() == date(2026, 12, 3)
    assert bench.mirror(order).agreed["payment_term"] == "net7"


def test_a_person_who_changes_ours_again_while_it_is_being_sent_has_the_last_word(
    bench, order, monkeypatch
):
    change(bench, order, payment_term="net7")
    edit = bench.world.edit_order

    def edited(number, *rows, **fields):
        changed = edit(number, *rows, **fields)
        change(bench, order, payment_term="net90")
        return changed

    with monkeypatch.context() as patch:
        patch.setattr(bench.world, "edit_order", edited)
        bench.sync("statuses")
    bench.sync("statuses")
    assert names(bench, order) == []
    assert (remote_term(bench, order), bench.mirror(order).sent) == ("Net 90", {})


def test_what_leaflink_refuses_is_said_in_its_words_and_asked_again_on_a_click(
    bench, order, monkeypatch
):
    from integrations.leaflink.sandbox import bodies

    def refuse(value):
        raise ValueError("This order was billed already.")

    with monkeypatch.context() as patch:
        patch.setitem(bodies.ORDER_FIELDS, "payment_due_date", ("payment_due_date", refuse))
        change(bench, order, payment_due_on=date(2026, 12, 31), payment_term="net7")
        for _ in range(3):
            cycle.run_cycle(bench.account, ["statuses"])
    assert remote_term(bench, order) == "Net 7"
    mirror = bench.mirror(order)
    assert "billed already" in mirror.refused
    assert mirror.events.filter(text__contains="billed already").count() == 1
    bench.sync("statuses")
    assert bench.world.order(order.number).payment_due_date is None
    decide_orders.try_again(mirror.pk, by=None)
    bench.sync("statuses")
    assert bench.world.order(order.number).payment_due_date is not None
    assert bench.mirror(order).refused == ""


def test_our_number_is_noted_in_leaflink_when_the_account_has_a_key(bench, order):
    bench.sync("statuses")
    assert bench.world.order(order.number).external_ids == {}
    bench.account.external_id_key = "leafbridge"
    bench.account.save()
    bench.sync("statuses")
    number = bench.local(order).number
    assert bench.world.order(order.number).external_ids == {"leafbridge": number}
    bench.calls()
    bench.sync("orders", "statuses")
    assert bench.calls("PATCH") == []


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "500", "429"])
def test_our_number_is_noted_although_answers_are_lost(bench, order, fault):
    bench.account.external_id_key = "leafbridge"
    bench.account.save()
    bench.faults.next(fault, method="PATCH", path="orders-received")
    cycle.run_cycle(bench.account, ["statuses"])
    bench.sync("statuses")
    number = bench.local(order).number
    assert bench.world.order(order.number).external_ids == {"leafbridge": number}


def test_a_key_that_leaflink_does_not_know_is_one_notice_and_stops_nothing(bench, order):
    bench.seller.external_id_keys = []
    bench.account.external_id_key = "leafbridge"
    bench.account.save()
    services.allocate(bench.local(order))
    change(bench, order, payment_term="net7")
    for _ in range(3):
        bench.sync("statuses")
    assert (remote_term(bench, order), bench.world.order(order.number).status) == (
        "Net 7",
        "Fulfilled",
    )
    notice = Notice.objects.get(category="refused")
    assert "Ask its support" in notice.text
    assert notice.times == 1
    assert bench.mirror(order).refused == ""


def test_terms_of_a_canceled_order_are_left_alone(bench, order):
    services.cancel(bench.local(order), reason="x")
    with pytest.raises(IllegalMove, match="canceled"):
        change(bench, order, payment_term="net7")
    set_in_leaflink(bench, order, "Net 30")
    bench.sync("orders", "statuses")
    assert bench.local(order).payment_term == "net15"


def test_orders_from_before_terms_were_agreed_follow_leaflink(bench, order):
    mirror = bench.mirror(order)
    mirror.agreed = {}
    mirror.save()
    set_in_leaflink(bench, order, "Net 30")
    bench.sync("orders")
    assert bench.local(order).payment_term == "net30"


def test_lines_are_never_sent(bench, order):
    line = bench.local(order).lines.get()
    line.price = "3.33"
    line.save()
    change(bench, order, payment_term="net7")
    bench.world.requests.clear()
    bench.sync()
    assert [r.path for r in bench.world.requests if "line" in r.path] == []
    assert {k for r in bench.world.requests if r.method == "PATCH" for k in r.body} <= {
        "payment_term",
        "selected_payment_option",
        "quantity",
    }


texts = st.sampled_from(["", "net7", "net15", f"{OTHER}LLF"])


@given(here=st.sampled_from(["", "net7", "net15"]), there=texts, agreed=texts)
def test_a_term_moves_on_one_side_at_most_and_comes_to_rest(here, there, agreed):
    empty = dict.fromkeys(TERMS, "")
    one = next(
        s
        for s in compare(
            {**empty, "payment_term": here},
            {**empty, "payment_term": there},
            {**empty, "payment_term": agreed},
        )
        if s.name == "payment_term"
    )
    if one.move is Move.SEND:
        assert here
        assert there == agreed
        assert not there.startswith(OTHER)
    if one.move is Move.TAKE:
        then = "" if there.startswith(OTHER) else there
        again = compare(
            {**empty, "payment_term": then},
            {**empty, "payment_term": there},
            {**empty, "payment_term": there},
        )
        assert {s.move for s in again} == {Move.NONE}
        assert all(s.is_settled for s in again)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(-8, -4))
def test_a_day_is_sent_as_that_day_in_every_zone_of_the_country(day, hours):
    ours = timezone.get_fixed_timezone(timedelta(hours=-7))
    sent = body("delivery_date", day.isoformat(), ours)["ship_date"]
    theirs = timezone.get_fixed_timezone(timedelta(hours=hours))
    assert datetime.fromisoformat(sent).astimezone(theirs).date() == day


def test_the_terms_are_the_twelve():
    assert {*PaymentTerm.values} == CODES == {*NAMES}
