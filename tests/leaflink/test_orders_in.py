"""Orders in: every one visible, imported right or held with all its reasons."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility
from customers.models import Destination
from integrations import work
from integrations.leaflink import import_orders, link, mirror_orders
from integrations.leaflink.models import Account, Customer, LineItem, Listing, Order, Staff
from integrations.leaflink.pull_orders import pull_orders
from integrations.models import WorkItem
from integrations.runs import Recorder
from orders.models import OrderDiscount, SalesOrder, TaxRate


def test_an_order_arrives_with_everything_it_says(bench):
    goods = bench.goods(case=12, price="96.00", on_hand=100)
    TaxRate.objects.create(name="Excise", percent=15)
    bench.ready()
    order = bench.order(
        bench.line(goods, 24),
        shipping="25.00",
        discount="10",
        discount_type="%",
        tax_rate="15",
        credits="7.50",
        notes="Call on arrival",
        payment_term="Net 30",
    )
    bench.sync("orders")
    mirror, local = bench.mirror(order), bench.local(order)
    assert (mirror.state, mirror.status, mirror.short_id) == (
        "imported",
        "Submitted",
        order.number[-8:],
    )
    assert mirror.warnings == []
    assert (local.destination.name, local.facility, local.sales_rep) == (
        "Juniper Street",
        bench.shop,
        bench.rep,
    )
    line = local.lines.get()
    assert (line.item, line.quantity, line.case_size, line.price) == (goods.item, 24, 12, 96)
    assert line.total == Decimal("192.00")
    assert (local.payment_term, local.notes_for_buyer) == ("net30", "Call on arrival")
    assert local.ship_to == "410 Juniper St\nPueblo CO"
    assert local.tax == Decimal("25.92")
    assert local.total == mirror.total == Decimal("216.22")
    kinds = local.discounts.values_list("kind", "amount", "percent")
    assert set(kinds) == {
        ("order", Decimal("19.20"), Decimal(10)),
        ("credit", Decimal("7.50"), None),
    }
    assert (local.channel, local.channel_number) == ("LeafLink · Alder Peak", mirror.short_id)
    assert local.brand == bench.brand
    assert bench.free(goods) == 76


def test_duplicate_lines_samples_and_sale_prices_stay_as_they_are(bench):
    goods = bench.goods(price="22.00", sale_price="20.00")
    sample = bench.goods("SMP", price="0.01", listing_state="Sample")
    bench.ready()
    order = bench.order(
        bench.line(goods, 5), bench.line(goods, 5), bench.line(sample, 2), classification="Medical"
    )
    bench.sync("orders")
    lines = list(bench.local(order).lines.values_list("quantity", "price", "is_sample"))
    assert lines == [(5, 20, False), (5, 20, False), (2, Decimal("0.01"), True)]
    assert bench.local(order).classification == "Medical"
    assert bench.mirror(order).warnings == []


def test_a_negative_line_becomes_a_discount(bench):
    goods = bench.goods(price="50.00")
    bench.ready()
    order = bench.order(bench.line(goods, 2), {**bench.line(goods, 1), "price": "-12.50"})
    bench.sync("orders")
    local = bench.local(order)
    assert local.lines.count() == 1
    assert local.discounts.get().amount == Decimal("12.50")
    assert local.total == Decimal("87.50")


def test_a_tax_without_local_rate_is_left_out_and_said(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 1), tax_rate="15")
    bench.sync("orders")
    assert bench.local(order).tax == 0
    [warning] = bench.mirror(order).warnings
    assert "15 % tax ($1.50)" in warning
    assert "Add the rate under Tax rates" in warning


def test_an_unknown_payment_term_is_kept_in_words(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 1), payment_term="Wire on Delivery")
    bench.sync("orders")
    assert bench.local(order).payment_term == ""
    assert "“Wire on Delivery” has no counterpart" in bench.mirror(order).warnings[0]


def test_pulling_again_changes_nothing(bench):
    goods = bench.goods()
    bench.ready()
    bench.order(bench.line(goods, 1))
    bench.order(bench.line(goods, 500), sales_rep_ids=[], status="Draft")
    bench.sync("orders")
    before = (
        list(SalesOrder.objects.values()),
        list(Order.objects.values("pk", "state", "modified")),
    )
    step = bench.sync("orders")["orders"]
    assert step.changed == 0
    assert before == (
        list(SalesOrder.objects.values()),
        list(Order.objects.values("pk", "state", "modified")),
    )


def test_all_reasons_are_shown_at_once_and_each_goes_when_it_is_cured(bench):
    goods = bench.goods(on_hand=10)
    other = bench.goods("OTHER")
    bench.account.link_exact_skus = False
    bench.account.customer_rule = Account.CustomerRule.HOLD
    bench.account.save()
    bench.sync("staff", "customers", "products")
    link.link(goods.item, bench.product(goods))
    bench.world.set_quantity(goods.remote.id, "50")
    bench.world.set_quantity(other.remote.id, "50")
    order = bench.order(bench.line(goods, 24), bench.line(other, 1))
    bench.sync("orders")
    assert bench.reasons(order) == [
        "customer_unknown",
        "product_unlinked",
        "rep_unmapped",
        "short_of_stock",
    ]
    texts = "\n".join(bench.mirror(order).blockers.values_list("text", flat=True))
    assert "Rep Dana Ruiz is not mapped. Map Dana Ruiz to a sales rep." in texts
    assert "Item GUM: 24 needed, 10 free at all facilities" in texts
    assert "Product OTHER (OTHER) is not linked" in texts
    assert SalesOrder.objects.count() == 0

    staff = Staff.objects.get()
    staff.sales_rep = bench.rep
    staff.save()
    link.link(other.item, bench.product(other))
    bench.sync("orders")
    assert bench.reasons(order) == ["customer_unknown", "short_of_stock"]
    Customer.objects.update(destination=baker.make(Destination, name="Juniper"))
    inventory.receive(goods.item, bench.shop, Decimal(14))
    bench.sync("orders")
    assert bench.mirror(order).state == "imported"
    assert bench.local(order).destination.name == "Juniper"
    assert not bench.mirror(order).blockers.exists()


def run_hints(django_capture_on_commit_callbacks, act):
    """Do something as a page would (with its hints), then the work these asked for."""
    with django_capture_on_commit_callbacks(execute=True):
        act()
    work.drain()


@pytest.mark.parametrize("cure", ["map", "link", "receive"])
def test_a_cured_order_comes_in_by_itself(bench, cure, django_capture_on_commit_callbacks):
    goods = bench.goods(on_hand=5 if cure == "receive" else 100)
    bench.account.link_exact_skus = cure != "link"
    bench.account.save()
    bench.sync("staff", "customers", "products")
    bench.world.set_quantity(goods.remote.id, "50")
    if cure != "map":
        bench.map_dana()
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    assert len(bench.reasons(order)) == 1

    def act():
        if cure == "map":
            staff = Staff.objects.get()
            staff.sales_rep = bench.rep
            staff.save(update_fields=["sales_rep"])
        elif cure == "link":
            link.link(goods.item, bench.product(goods))
        else:
            inventory.receive(goods.item, bench.shop, Decimal(50))

    run_hints(django_capture_on_commit_callbacks, act)
    assert bench.mirror(order).state == "imported"


def test_an_order_without_rep_is_held_or_goes_to_the_fallback_rep(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 1), sales_rep_ids=[])
    bench.sync("orders")
    assert bench.reasons(order) == ["no_rep"]
    bench.account.fallback_rep = bench.rep
    bench.account.save()
    bench.sync("orders")
    assert bench.local(order).sales_rep == bench.rep


def test_every_rep_must_be_mapped_and_the_first_one_owns_the_order(bench):
    goods = bench.goods()
    lee = bench.world.add_staff(bench.seller.id, "Lee Park", "lee@peak.example")
    bench.ready()
    Staff.objects.filter(remote_id=lee.id).update(sales_rep=None)
    order = bench.order(bench.line(goods, 1), sales_rep_ids=[bench.dana.id, lee.id])
    bench.sync("orders")
    assert bench.reasons(order) == ["rep_unmapped"]
    second = baker.make("customers.SalesRep", name="Lee", email="lee@x.example")
    Staff.objects.filter(remote_id=lee.id).update(sales_rep=second)
    bench.sync("orders")
    assert bench.local(order).sales_rep == bench.rep


def test_two_orders_never_take_the_same_units(bench):
    goods = bench.goods(on_hand=10)
    bench.ready()
    bench.world.set_quantity(goods.remote.id, "100")
    first, second = bench.order(bench.line(goods, 7)), bench.order(bench.line(goods, 7))
    bench.sync("orders")
    assert bench.mirror(first).state == "imported"
    assert bench.reasons(second) == ["short_of_stock"]
    assert bench.free(goods) == 3


def test_short_orders_are_imported_anyway_where_the_rule_says_so(bench):
    goods = bench.goods(on_hand=5)
    bench.account.shortage_rule = Account.ShortageRule.IMPORT
    bench.account.save()
    bench.ready()
    bench.world.set_quantity(goods.remote.id, "100")
    order = bench.order(bench.line(goods, 7))
    bench.sync("orders")
    assert bench.local(order) is not None
    assert bench.free(goods) == -2


def test_safety_stock_keeps_no_order_out(bench):
    goods = bench.goods(on_hand=10)
    goods.item.safety_stock = 8
    goods.item.save()
    bench.ready()
    bench.world.set_quantity(goods.remote.id, "100")
    order = bench.order(bench.line(goods, 7))
    bench.sync("orders")
    assert bench.mirror(order).state == "imported"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Draft", "waiting"),
        ("Backorder", "waiting"),
        ("Fulfilled", "ignored"),
        ("Complete", "ignored"),
        ("Rejected", "ignored"),
        ("Cancelled", "ignored"),
        ("Combined", "ignored"),
        ("Teleported", "waiting"),
    ],
)
def test_what_is_not_to_be_imported_is_listed_with_the_reason(bench, status, state):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 1), status=status)
    bench.sync("orders")
    assert bench.mirror(order).state == state
    assert bench.mirror(order).state_reason
    assert SalesOrder.objects.count() == 0


def test_rules_decide_what_is_imported(bench):
    goods = bench.goods()
    bench.ready()
    bench.account.import_statuses = ["Backorder"]
    bench.account.save()
    back, plain = (
        bench.order(bench.line(goods, 1), status="Backorder"),
        bench.order(bench.line(goods, 1)),
    )
    bench.sync("orders")
    assert (bench.mirror(back).state, bench.mirror(plain).state) == ("imported", "waiting")
    bench.account.import_since = timezone.now() + timedelta(days=1)
    bench.account.save()
    late = bench.order(bench.line(goods, 1), status="Backorder")
    bench.sync("orders")
    assert bench.mirror(late).state == "ignored"
    assert "before the day" in bench.mirror(late).state_reason


# -- customers ---------------------------------------------------------------------------------


def test_a_customer_is_matched_by_license_however_it_is_spelled(bench):
    known = baker.make(Destination, name="Ours", license_number="402r 00981")
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    assert bench.local(order).destination == known
    assert Customer.objects.get().destination == known


def test_the_same_name_with_another_license_is_another_destination(bench):
    baker.make(
        Destination, name="Juniper Street", license_number="999", email="orders@juniper.example"
    )
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    assert bench.local(order).destination.license_number == "402R-00981"


def test_a_customer_without_license_is_matched_by_email_or_made_once(bench):
    known = baker.make(Destination, name="Popup", email="pop@up.example")
    goods = bench.goods()
    by_email = bench.world.add_customer(bench.seller.id, name="Pop-up", email="POP@up.example")
    stranger = bench.world.add_customer(bench.seller.id, name="Stranger 🌿")
    bench.ready()
    orders = [
        bench.order(bench.line(goods, 1), customer_id=customer.id)
        for customer in (by_email, stranger, stranger)
    ]
    bench.sync("orders")
    destinations = [bench.local(order).destination for order in orders]
    assert destinations[0] == known
    assert destinations[1] == destinations[2]
    assert destinations[1].name == "Stranger 🌿"


def test_correcting_a_customers_destination_counts_for_the_next_orders_only(bench):
    goods = bench.goods()
    bench.ready()
    old = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    right = baker.make(Destination, name="Right")
    Customer.objects.update(destination=right)
    new = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    assert bench.local(new).destination == right
    assert bench.local(old).destination.name == "Juniper Street"


# -- polling, webhooks, cost ---------------------------------------------------------------------


def test_a_webhook_brings_an_order_in_without_a_poll(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 3))
    bench.settle()
    assert bench.mirror(order).state == "imported"
    bench.world.cancel_order(order.number)
    bench.settle()
    assert bench.local(order).status == "canceled"


def test_lost_webhooks_are_made_up_for_by_the_poll(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 3))
    bench.hooks.pending.clear()
    bench.sync("orders")
    assert bench.mirror(order).state == "imported"


def test_a_poll_does_the_work_that_webhooks_asked_for(bench):
    goods = bench.goods()
    bench.ready()
    bench.order(bench.line(goods, 3))
    bench.hooks.deliver_pending(bench.deliver)
    assert WorkItem.objects.filter(kind="leaflink.order").count() == 1
    bench.sync("orders")
    assert not WorkItem.objects.filter(kind="leaflink.order").exists()


def test_the_cursor_moves_only_when_all_pages_were_read(bench):
    goods = bench.goods(on_hand=1000)
    bench.ready()
    for _ in range(120):
        bench.order(bench.line(goods, 1))
    bench.faults.next("500", path="/orders-received/", times=0)
    bench.world.requests.clear()
    first = bench.account.cursors.filter(resource="orders-received").first()
    bench.faults._planned.clear()

    class Broken(Exception):
        pass

    client = bench_client(bench, fail_on_page=2, error=Broken)
    with pytest.raises(Broken):
        pull_orders(bench.account, client, Recorder())
    assert bench.account.cursors.filter(resource="orders-received").first() == first
    assert Order.objects.count() == 100
    bench.sync("orders")
    assert Order.objects.count() == 120
    assert SalesOrder.objects.count() == 120


def bench_client(bench, *, fail_on_page, error):
    from integrations.leaflink.connect import client_for

    client = client_for(bench.account)
    pages = client.pages

    def broken(*args, **kwargs):
        for number, one in enumerate(pages(*args, **kwargs), start=1):
            if number == fail_on_page:
                raise error
            yield one

    client.pages = broken
    return client


def queries_for(bench, goods, orders, lines):
    bodies = [
        bench.body(
            goods,
            line_items=[
                {"id": n, "product": goods.remote.id, "quantity": "1", "ordered_unit_price": "10"}
                for n in range(1, lines + 1)
            ],
            total={"amount": 10 * lines},
        )
        for _ in range(orders)
    ]
    run = Recorder()
    with CaptureQueriesContext(connection) as stored:
        result = mirror_orders.store_page(bench.account, bodies, run)
    with CaptureQueriesContext(connection) as settled:
        assert import_orders.settle_all(bench.account, result.changed) == {}
    return len(stored), len(settled)


def test_intake_costs_a_constant_per_page_and_a_small_one_per_order(bench):
    goods = bench.goods(on_hand=10_000)
    bench.ready()
    queries_for(bench, goods, 1, 1)  # makes the destination
    page_of_two, two = queries_for(bench, goods, 2, 1)
    page_of_twenty, twenty = queries_for(bench, goods, 20, 5)
    assert page_of_twenty <= page_of_two + 2  # more statements only where SQLite's limit asks so
    assert (twenty - two) / 18 <= 26
    one_line = queries_for(bench, goods, 1, 1)[1]
    many_lines = queries_for(bench, goods, 1, 50)[1]
    assert many_lines <= one_line + 3


def test_a_mirror_keeps_leaflinks_lines(bench):
    goods = bench.goods(case=12, price="96.00")
    bench.ready()
    order = bench.order(bench.line(goods, 24))
    bench.sync("orders")
    line = LineItem.objects.get()
    assert (line.product_remote_id, line.quantity, line.unit_multiplier, line.sku) == (
        goods.remote.id,
        24,
        12,
        "GUM",
    )
    assert json.dumps(bench.mirror(order).raw)
    assert Listing.objects.get().item == goods.item
    assert OrderDiscount.objects.count() == 0
    assert Facility.objects.count() == 1
