"""The page of conflicts: everything both sides have moved, chosen singly and in bulk."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.leaflink.admin.conflicts import choices_of
from integrations.leaflink.models import Order, Staff
from orders import payments, services
from orders.models import SalesOrder
from tests.leaflink.pages import text_of, url
from tests.orders.test_order_page import clerk_with


@pytest.fixture
def goods(bench):
    made = bench.goods(on_hand=1000)
    bench.ready()
    return made


def place(bench, goods, units=10):
    order = bench.order(bench.line(goods, units))
    bench.sync("orders")
    return order


def disputed(bench, goods):
    """An order whose payment term was changed on both sides."""
    order = place(bench, goods)
    services.change_terms(bench.local(order), {"payment_term": "net7"})
    bench.world.edit_order(order.number, payment_term="Net 30", selected_payment_option=None)
    bench.sync("orders")
    return order


def edited(bench, goods):
    """An order whose lines were changed in LeafLink after stock was set aside."""
    order = place(bench, goods)
    services.allocate(bench.local(order))
    bench.world.edit_order(order.number, [bench.line(goods, 4)])
    bench.sync("orders")
    return order


def ahead(bench, goods):
    """An order that was moved on by hand in LeafLink."""
    order = place(bench, goods)
    for action in ("accept", "fulfill"):
        bench.world.transition(order.number, action)
    bench.sync("orders")
    return order


def values(bench, *orders):
    return [one.value for order in orders for one in choices_of(bench.mirror(order))]


def choose(client, side, *chosen):
    address = url("leaflink_order_conflicts_choose")
    return client.post(address, {"side": side, "chosen": list(chosen)}, follow=True)


def said(answer):
    return [str(m) for m in answer.context["messages"]]


def test_an_empty_page_says_that_all_is_well(admin_client, bench):
    assert "Nothing waits for you" in text_of(admin_client.get(url("leaflink_order_conflicts")))


def test_each_kind_shows_ours_theirs_and_what_was_agreed(admin_client, bench, goods):
    disputed(bench, goods), edited(bench, goods), ahead(bench, goods)
    text = text_of(admin_client.get(url("leaflink_order_conflicts")))
    assert "Payment term Net 7 Net 30 Net 15" in text
    assert "10 at $10.00 4 at $10.00 10 at $10.00" in text
    assert "Status Created Fulfilled Submitted" in text
    overview = text_of(admin_client.get(url("index")))
    assert "Choose between ours and LeafLink's 3" in overview


def test_leaflinks_is_taken_in_bulk(admin_client, bench, goods):
    orders = disputed(bench, goods), edited(bench, goods), ahead(bench, goods)
    answer = choose(admin_client, "theirs", *values(bench, *orders))
    names = ", ".join(f"{bench.mirror(order)}" for order in orders)
    assert said(answer) == [f"LeafLink's was taken: {names}."]
    first, second, third = (bench.local(order) for order in orders)
    assert first.payment_term == "net30"
    assert second.lines.get().quantity == 4
    assert third.status == "allocated"
    assert not Order.objects.exclude(state="imported").exists()
    assert not Order.objects.filter(is_disputed=True).exists()


def test_ours_is_kept_in_bulk_and_what_cannot_be_is_said(admin_client, bench, goods):
    orders = disputed(bench, goods), edited(bench, goods), ahead(bench, goods)
    answer = choose(admin_client, "ours", *values(bench, *orders))
    names = ", ".join(f"{bench.mirror(order)}" for order in orders[:2])
    assert said(answer)[0] == f"Ours was kept: {names}."
    assert "Ours can't be kept" in said(answer)[1]
    bench.sync("statuses")
    assert bench.world.order(orders[0].number).payment_term == "Net 7"
    assert bench.local(orders[1]).lines.get().quantity == 10
    assert bench.mirror(orders[2]).state == "conflict"


def test_one_is_chosen_by_its_own_button(admin_client, bench, goods):
    one, other = disputed(bench, goods), disputed(bench, goods)
    (value,) = values(bench, one)
    address = url("leaflink_order_conflicts_choose")
    page = url("leaflink_order_change", bench.mirror(one).pk)
    answer = admin_client.post(
        f"{address}?next={page}", {"one": f"{value}|theirs", "chosen": values(bench, other)}
    )
    assert answer.url == page
    assert (bench.local(one).payment_term, bench.local(other).payment_term) == ("net30", "net7")


def test_what_has_changed_since_is_asked_again(admin_client, bench, goods):
    order = disputed(bench, goods)
    (old,) = values(bench, order)
    bench.world.edit_order(order.number, payment_term="Net 60")
    bench.sync("orders")
    answer = choose(admin_client, "theirs", old)
    assert "since this page was opened" in said(answer)[0]
    assert bench.local(order).payment_term == "net7"


def test_nonsense_changes_nothing(admin_client, bench, goods):
    order = disputed(bench, goods)
    for value in ("", "x", "0:payment_term:x", "99999:version:x", f"{bench.mirror(order).pk}:x:y"):
        answer = choose(admin_client, "theirs", value)
        assert said(answer)
    assert said(choose(admin_client, "theirs")) == ["Select what you choose about first."]
    assert said(choose(admin_client, "nobody's", *values(bench, order)))
    assert bench.mirror(order).is_disputed


def test_what_was_refused_is_tried_again(admin_client, bench, goods):
    order = place(bench, goods)
    mirror = bench.mirror(order)
    mirror.refuse({"payment_term": ["net7", "LeafLink refused: no"]})
    mirror.save()
    text = text_of(admin_client.get(url("leaflink_order_conflicts")))
    assert "LeafLink refused: no" in text
    choose(admin_client, "again", f"{mirror.pk}:refused:")
    assert bench.mirror(order).refused == ""
    assert said(choose(admin_client, "again", f"{mirror.pk}:refused:"))[0].endswith("any more.")
    listed = admin_client.get(url("leaflink_order_changelist") + "?needs_you=1")
    assert listed.context["cl"].result_count == 0


def test_payments_that_wait_are_here_too(admin_client, bench, goods):
    order = place(bench, goods)
    bench.account.push_payments = True
    bench.account.save()
    payments.record(bench.local(order), Decimal(5), "cash", date(2026, 7, 6))
    bench.sync("payments")
    text = text_of(admin_client.get(url("leaflink_order_conflicts")))
    assert "$5.00 of Jul 6, 2026" in text
    assert "Open the account's rules" in text
    bench.account.payment_recorder = Staff.objects.get()
    bench.account.save()
    Staff.objects.update(remote_id=1)
    row = bench.mirror(order).payments.get()
    from integrations.leaflink import cycle

    cycle.run_cycle(bench.account, ["payments"])
    Staff.objects.update(remote_id=bench.dana.id)
    answer = admin_client.post(url("leaflink_order_conflicts_payment", row.pk), follow=True)
    assert said(answer) == ["The payment is sent again."]
    bench.sync("payments")
    assert len(bench.world.payments) == 1
    answer = admin_client.post(url("leaflink_order_conflicts_payment", row.pk), follow=True)
    assert said(answer) == ["This payment waits for nobody any more."]
    sales_order = url("orders_salesorder_change", bench.local(order).pk)
    assert "Noted in LeafLink." in text_of(admin_client.get(sales_order))


def test_the_page_costs_the_same_however_much_is_in_conflict(admin_client, bench, goods):
    disputed(bench, goods), edited(bench, goods)
    page = url("leaflink_order_conflicts")
    admin_client.get(page)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(page)
    for _ in range(4):
        disputed(bench, goods), edited(bench, goods)
    with CaptureQueriesContext(connection) as many:
        admin_client.get(page)
    assert len(many) == len(few) <= 12


def test_permissions(client, django_user_model, bench, goods):
    order = disputed(bench, goods)
    page, chooser = url("leaflink_order_conflicts"), url("leaflink_order_conflicts_choose")
    pay = url("leaflink_order_conflicts_payment", 1)
    for address in (page, chooser, pay):
        assert client.get(address).status_code in (302, 405)
        assert client.post(address).status_code in (302, 405)
    client.force_login(clerk_with(django_user_model, ["leaflink.view_order"]))
    text = text_of(client.get(page))
    assert "Net 30" in text
    assert "Select" not in text
    assert "Try again" not in text
    for sent in ({"side": "theirs"}, {"side": "again"}):
        assert client.post(chooser, {**sent, "chosen": values(bench, order)}).status_code == 403
    assert client.post(pay).status_code == 403
    assert bench.local(order).payment_term == "net7"


def test_doing_the_same_needs_the_permission_to_work_orders(
    client, django_user_model, bench, goods
):
    order = ahead(bench, goods)
    client.force_login(clerk_with(django_user_model, ["leaflink.decide_order"]))
    client.post(
        url("leaflink_order_conflicts_choose"),
        {"side": "theirs", "chosen": values(bench, order)},
    )
    text = text_of(client.get(url("index")))
    assert "needs the permission to work sales orders" in text
    assert bench.local(order).status == "created"


@pytest.mark.parametrize("choice", ["reject", "leave"])
def test_the_dialog_deletes_and_does_what_was_chosen(admin_client, bench, goods, choice):
    order = place(bench, goods)
    page = url("orders_salesorder_remove", bench.local(order).pk)
    text = text_of(admin_client.get(page))
    assert "Reject it in LeafLink." in text
    assert "Leave it there as it is." in text
    answer = admin_client.post(page, {"reason": "Twice"})
    assert said(answer) == ["Choose what becomes of the order in LeafLink."]
    admin_client.post(page, {"reason": "Twice", "in_leaflink": choice})
    bench.sync("statuses")
    expected = "Rejected" if choice == "reject" else "Submitted"
    assert bench.world.order(order.number).status == expected
    assert not SalesOrder.objects.exists()
    mirror = url("leaflink_order_change", bench.mirror(order).pk)
    assert "was deleted here" in text_of(admin_client.get(mirror))


def test_deleting_a_leaflink_order_needs_a_permission_of_its_own(
    client, django_user_model, bench, goods
):
    order = place(bench, goods)
    rights = ["orders.delete_salesorder", "orders.view_salesorder"]
    client.force_login(clerk_with(django_user_model, rights))
    page = url("orders_salesorder_remove", bench.local(order).pk)
    assert client.post(page, {"reason": "x", "in_leaflink": "leave"}).status_code == 403
    assert "Delete…" not in text_of(
        client.get(url("orders_salesorder_change", bench.local(order).pk))
    )
    assert SalesOrder.objects.count() == 1


def test_bulk_shipping_minds_what_leaflink_changed(admin_client, bench, goods):
    order, fine = edited(bench, goods), place(bench, goods)
    services.allocate(bench.local(fine))
    sent = {
        "action": "ship_selected",
        "_selected_action": list(SalesOrder.objects.values_list("pk", flat=True)),
    }
    answer = admin_client.post(url("orders_salesorder_changelist"), sent, follow=True)
    assert said(answer)[0] == "1 order shipped."
    assert "it was changed in LeafLink" in said(answer)[1]
    assert bench.local(order).status == "allocated"
