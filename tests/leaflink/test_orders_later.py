"""Late news of an order that could be missed, taken twice, or taken for something else."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility
from customers.models import Destination, SalesRep
from integrations import work
from integrations.leaflink import cycle, decide_orders, link
from integrations.leaflink.admin.order_standing import token
from integrations.leaflink.connect import client_for
from integrations.leaflink.decide_orders import CannotDecide
from integrations.leaflink.mirror_orders import note_gone
from integrations.leaflink.models import Account, Customer, Listing, Order, RoutingRule, Staff
from integrations.leaflink.pull_orders import read_order
from orders import services
from orders.models import SalesOrder, TaxRate


def later(body, **changes):
    """The same order, changed a moment later."""
    when = timezone.now() + timedelta(seconds=5)
    return {**body, "modified": when.isoformat(), **changes}


def line(goods, units, price=10, number=1):
    return {
        "id": number,
        "product": goods.remote.id,
        "quantity": str(units),
        "ordered_unit_price": {"amount": price},
    }


@pytest.fixture
def one(bench):
    """An imported order of 10 units, and its body."""
    goods = bench.goods()
    bench.ready()
    body = bench.body(goods, line_items=[line(goods, 10)], total={"amount": 100})
    assert bench.take_in(body)[1] == {}
    return goods, body


def mirror():
    return Order.objects.get()


def conflict(bench, goods, body, units=4):
    services.allocate(SalesOrder.objects.get())
    changed = later(body, line_items=[line(goods, units)], total={"amount": 10 * units})
    bench.take_in(changed)
    assert mirror().state == "conflict"
    return changed


def shown(client):
    page = client.get(reverse("admin:leaflink_order_change", args=[mirror().pk])).content.decode()
    return re.search(r'name="seen" value="(\w+)"', page)[1]


@pytest.mark.parametrize("act", ["keep_ours", "take_leaflinks"])
def test_a_choice_never_counts_for_what_was_not_shown(bench, one, admin_client, act):
    goods, body = one
    changed = conflict(bench, goods, body)
    seen, before = shown(admin_client), token(mirror())
    bench.take_in(later(changed, line_items=[line(goods, 2)], total={"amount": 20}))
    assert token(mirror()) != before  # an open page says so
    url = reverse(f"admin:leaflink_order_{act}", args=[mirror().pk])
    answer = admin_client.post(url, {"seen": seen}, follow=True)
    assert "LeafLink has changed the order since this page was opened" in answer.content.decode()
    assert mirror().state == "conflict"
    assert SalesOrder.objects.get().lines.get().quantity == 10


def test_importing_anyway_counts_for_what_was_shown(bench, admin_client):
    goods = bench.goods(on_hand=5)
    bench.ready()
    body = bench.body(goods, line_items=[line(goods, 10)], total={"amount": 100})
    bench.take_in(body)
    seen = shown(admin_client)
    bench.take_in(later(body, line_items=[line(goods, 200)], total={"amount": 2000}))
    url = reverse("admin:leaflink_order_import_anyway", args=[mirror().pk])
    admin_client.post(url, {"seen": seen, "reason": "ok"})
    assert mirror().state == "held"
    assert bench.free(goods) == 5


def test_a_retired_tax_rate_holds_for_the_orders_that_have_it(bench):
    goods = bench.goods()
    rate = TaxRate.objects.create(name="Excise", percent=15)
    bench.ready()
    order = bench.order(bench.line(goods, 10), tax_rate="15")
    bench.sync("orders")
    services.ship(services.allocate(bench.local(order)))
    TaxRate.objects.update(is_active=False)
    bench.world.edit_order(order.number, notes="Thanks")
    bench.sync("orders")
    local = bench.local(order)
    assert (local.notes_for_buyer, local.tax_rate, local.total) == ("Thanks", rate, 115)


def test_a_tax_rate_reaches_allocated_orders_also_when_the_hint_is_lost(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 10), tax_rate="15")
    bench.sync("orders")
    services.allocate(bench.local(order))
    TaxRate.objects.bulk_create([TaxRate(name="Excise", percent=15)])
    bench.sync("orders")
    assert (bench.local(order).status, bench.local(order).total) == ("allocated", 115)


@pytest.mark.parametrize("numbered_anew", [False, True])
def test_taking_leaflinks_version_keeps_to_the_price_rule(bench, one, numbered_anew):
    goods, body = one
    bench.account.ignore_prices_from = "allocated"
    bench.account.save()
    services.allocate(SalesOrder.objects.get())
    rows = [line(goods, 3, price=5, number=77 if numbered_anew else 1)]
    bench.take_in(later(body, line_items=rows, total={"amount": 15}))
    decide_orders.take_leaflinks(mirror().pk, by=None)
    [row] = SalesOrder.objects.get().lines.all()
    assert (row.quantity, row.price) == (3, 10)
    assert any("ignored by rule" in warning for warning in mirror().warnings)


def test_lines_that_leaflink_numbers_anew_are_the_same_goods(bench, one):
    goods, body = one
    services.allocate(SalesOrder.objects.get())
    bench.take_in(later(body, line_items=[line(goods, 10, number=99)], notes="Hello"))
    local = SalesOrder.objects.get()
    assert (mirror().state, local.status, local.notes_for_buyer) == (
        "imported",
        "allocated",
        "Hello",
    )
    assert local.lines.get().channel_line == "99"


def test_what_was_kept_once_is_asked_again_after_another_version_came_in(bench, one):
    goods, body = one
    changed = conflict(bench, goods, body, units=3)
    decide_orders.keep_ours(mirror().pk, by=None)
    services.deallocate(SalesOrder.objects.get())
    bench.take_in(later(changed, line_items=[line(goods, 5)], total={"amount": 50}))
    assert SalesOrder.objects.get().lines.get().quantity == 5
    when = (timezone.now() + timedelta(seconds=60)).isoformat()
    bench.take_in({**changed, "modified": when})
    assert SalesOrder.objects.get().lines.get().quantity == 3


def test_an_order_that_was_gone_comes_back(bench):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 1), sales_rep_ids=[])
    bench.sync("orders")
    note_gone(bench.account, order.number)
    bench.account.fallback_rep = bench.rep
    bench.account.save()
    assert bench.mirror(order).state == "ignored"
    read_order(bench.account, client_for(bench.account), order.number)
    assert bench.mirror(order).state == "imported"


def test_a_refusal_is_told_once_and_stays_on_the_page(bench, one, monkeypatch):
    order = bench.order(bench.line(one[0], 1))
    bench.sync("orders")
    services.allocate(bench.local(order))
    with monkeypatch.context() as patch:
        patch.setattr(
            "integrations.leaflink.sandbox.representations.available_transitions",
            lambda order, by="seller": ["rejected"],
        )
        for _ in range(3):
            bench.sync("orders")
            cycle.run_cycle(bench.account, ["statuses"])
    told = list(bench.mirror(order).events.filter(kind="sent"))
    assert len(told) == 1
    assert bench.mirror(order).refused == told[0].text
    assert bench.mirror(order).state == "imported"
    bench.sync("statuses")
    assert (bench.mirror(order).refused, bench.mirror(order).status) == ("", "Fulfilled")


def test_a_second_click_makes_no_second_destination(bench):
    bench.account.customer_rule = Account.CustomerRule.HOLD
    bench.account.save()
    goods = bench.goods()
    bench.ready()
    Customer.objects.update(license_number="", email="")
    bench.order(bench.line(goods, 1))
    bench.sync("orders")
    decide_orders.create_destination(mirror().pk, by=None)
    with pytest.raises(CannotDecide, match="is Juniper Street already"):
        decide_orders.create_destination(mirror().pk, by=None)
    assert Destination.objects.count() == 1


def test_a_blank_destination_is_filled_by_the_poll_too(bench):
    bench.account.customer_rule = Account.CustomerRule.BLANK
    bench.account.save()
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    shop = baker.make(Destination)
    Customer.objects.update(destination=shop)
    bench.sync("orders")
    assert bench.local(order).destination == shop


def test_an_order_without_any_customer_comes_in_blank_by_that_rule(bench):
    bench.account.customer_rule = Account.CustomerRule.BLANK
    bench.account.save()
    goods = bench.goods()
    bench.ready()
    bench.take_in(bench.body(goods, customer=None))
    assert (mirror().state, mirror().sales_order.destination) == ("imported", None)


def test_an_order_that_becomes_somebody_elses_waits_for_a_person(bench, one):
    _, body = one
    bench.take_in(later(body, customer={"id": 4711, "display_name": "Other"}))
    assert mirror().state == "conflict"
    assert "it is Other's now" in mirror().state_reason
    other = baker.make(Destination, name="Other, ours")
    decide_orders.choose_destination(mirror().pk, other, by=None)
    assert (mirror().state, mirror().sales_order.destination) == ("imported", other)


def test_canceled_here_and_shipped_there_is_no_peace(bench, one):
    _, body = one
    bench.account.status_map = {}
    bench.account.save()
    services.cancel(SalesOrder.objects.get(), reason="No")
    bench.take_in(later(body, status="Shipped"))
    assert mirror().state == "conflict"
    assert "canceled here, but shipped in LeafLink" in mirror().state_reason


def test_an_order_that_leaflink_opens_again_comes_in_again(bench, one):
    goods, body = one
    ended = later(body, status="Rejected")
    bench.take_in(ended)
    first = SalesOrder.objects.get()
    assert first.status == "canceled"
    bench.take_in(later(ended, status="Accepted"))
    assert mirror().state == "imported"
    assert mirror().sales_order not in (None, first)
    assert (SalesOrder.objects.count(), bench.free(goods)) == (2, 90)
    bench.sync("statuses")


def test_money_flows_though_the_product_was_linked_to_another_item_since(bench, one):
    goods, body = one
    services.ship(services.allocate(SalesOrder.objects.get()))
    link.unlink(Listing.objects.get())
    credit = later(body, credits={"amount": 7}, total={"amount": 93})
    bench.take_in(credit)
    assert (mirror().state, SalesOrder.objects.get().total) == ("imported", 93)
    assert SalesOrder.objects.get().lines.get().item == goods.item


def test_needing_less_is_never_refused(bench):
    goods = bench.goods(on_hand=5)
    bench.ready()
    body = bench.body(goods, line_items=[line(goods, 10)], total={"amount": 100})
    bench.take_in(body)
    decide_orders.import_anyway(mirror().pk, "Harvest", by=None)
    bench.take_in(later(body, line_items=[line(goods, 8)], total={"amount": 80}))
    assert (mirror().state, SalesOrder.objects.get().lines.get().quantity) == ("imported", 8)
    bench.take_in(
        {**later(body, line_items=[line(goods, 9)], total={"amount": 90})}
        | {"modified": (timezone.now() + timedelta(seconds=90)).isoformat()}
    )
    assert mirror().state == "conflict"


def test_a_waived_total_is_that_total(bench):
    bench.account.hold_on_total_mismatch = True
    bench.account.save()
    goods = bench.goods()
    bench.ready()
    Staff.objects.update(sales_rep=None)
    body = bench.body(goods, total={"amount": 21})
    bench.take_in(body)
    decide_orders.import_anyway(mirror().pk, "A dollar", by=None)
    bench.take_in(later(body, total={"amount": 9999}))
    bench.map_dana()
    bench.sync("orders")
    assert [b.code for b in mirror().blockers.all()] == ["total_mismatch"]


def test_a_waived_total_waives_no_shortage(bench):
    bench.account.hold_on_total_mismatch = True
    bench.account.save()
    goods = bench.goods()
    bench.ready()
    Staff.objects.update(sales_rep=None)
    bench.take_in(bench.body(goods, line_items=[line(goods, 50)], total={"amount": 501}))
    decide_orders.import_anyway(mirror().pk, "A dollar", by=None)
    inventory.adjust(goods.item, bench.shop, Decimal(-100), reason="sold elsewhere")
    bench.map_dana()
    bench.sync("orders")
    assert [b.code for b in mirror().blockers.all()] == ["short_of_stock"]


def test_a_total_that_changes_alone_is_said(bench, one):
    _, body = one
    bench.take_in(later(body, total={"amount": 99}))
    assert "The total differs" in mirror().warnings[0]
    assert mirror().state == "imported"


def test_shipped_here_and_cancelled_there_can_be_left_so(bench, one, admin_client):
    _, body = one
    services.ship(services.allocate(SalesOrder.objects.get()))
    bench.take_in(later(body, status="Cancelled"))
    page = reverse("admin:leaflink_order_change", args=[mirror().pk])
    assert "keep-ours" in admin_client.get(page).content.decode()
    decide_orders.keep_ours(mirror().pk, by=None)
    bench.sync("orders")
    assert (mirror().state, SalesOrder.objects.get().status) == ("imported", "shipped")
    with pytest.raises(CannotDecide, match="nothing to choose"):
        decide_orders.keep_ours(mirror().pk, by=None)


def test_a_chosen_facility_can_be_unchosen_and_closed(bench, admin_client):
    goods = bench.goods(on_hand=5)
    bench.ready()
    bench.take_in(bench.body(goods, line_items=[line(goods, 10)], total={"amount": 100}))
    pueblo = baker.make(Facility, name="Pueblo", license_number="L2")
    decide_orders.choose_facility(mirror().pk, pueblo, by=None)
    page = reverse("admin:leaflink_order_change", args=[mirror().pk])
    assert "Where the routing rules say" in admin_client.get(page).content.decode()
    url = reverse("admin:leaflink_order_facility", args=[mirror().pk])
    admin_client.post(url, {"facility": ""})
    assert mirror().chosen_facility is None
    decide_orders.choose_facility(mirror().pk, pueblo, by=None)
    Facility.objects.filter(pk=pueblo.pk).update(is_active=False)
    inventory.receive(goods.item, bench.shop, Decimal(100))
    bench.sync("orders")
    assert mirror().sales_order.facility == bench.shop


@pytest.mark.parametrize("what", ["rule", "stock"])
def test_hints_reach_what_waits(bench, one, what, django_capture_on_commit_callbacks):
    goods, body = one
    if what == "stock":
        bench.take_in(later(body, line_items=[line(goods, 150)], total={"amount": 1500}))
        assert mirror().state == "conflict"
        with django_capture_on_commit_callbacks(execute=True):
            inventory.receive(goods.item, bench.shop, Decimal(100))
        work.drain()
        assert SalesOrder.objects.get().lines.get().quantity == 150
        return
    pueblo = baker.make(Facility, name="Pueblo", license_number="L2")
    inventory.receive(goods.item, pueblo, Decimal(500))
    other = bench.body(goods, line_items=[line(goods, 150)], total={"amount": 1500})
    bench.take_in(other)
    with django_capture_on_commit_callbacks(execute=True):
        RoutingRule.objects.create(
            account=bench.account, kind="brand", brand=bench.brand, facility=pueblo, position=1
        )
    work.drain()
    assert Order.objects.get(number=other["number"]).sales_order.facility == pueblo


def test_only_a_rep_who_still_works_here_is_mapped(bench, admin_client):
    goods = bench.goods()
    bench.sync("staff", "customers", "products")
    bench.take_in(bench.body(goods))
    gone = baker.make(SalesRep, name="Gone", email="g@x.example", is_active=False)
    url = reverse("admin:leaflink_order_map_rep", args=[mirror().pk])
    assert (
        admin_client.post(url, {"staff": Staff.objects.get().pk, "rep": gone.pk}).status_code == 404
    )


@pytest.mark.parametrize("words", ["402R00981", "402r 00981", "402R-00981"])
def test_a_license_is_found_before_there_is_a_destination(bench, admin_client, words):
    bench.account.customer_rule = Account.CustomerRule.HOLD
    bench.account.save()
    goods = bench.goods()
    bench.ready()
    bench.order(bench.line(goods, 1))
    bench.sync("orders")
    text = admin_client.get(reverse("admin:leaflink_order_changelist"), {"q": words})
    assert mirror().short_id in text.content.decode()


def test_a_rule_that_is_there_already_is_refused_at_its_row(bench, admin_client):
    page = reverse("admin:leaflink_account_change", args=[bench.account.pk])
    text = admin_client.get(page).content.decode()
    data = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', text))
    rows = {
        f"routing_rules-{n}-{name}": value
        for n in (3, 4)
        for name, value in {
            "position": n,
            "is_on": "on",
            "kind": "license",
            "license_type": "Medical" if n == 3 else "medical",
            "facility": bench.shop.pk,
        }.items()
    }
    kinds = {
        f"routing_rules-{n}-kind": kind for n, kind in enumerate(("destination", "rep", "account"))
    }
    answer = admin_client.post(
        page, {**data, **kinds, **rows, "is_active": "on", "routing_rules-TOTAL_FORMS": "5"}
    )
    assert answer.status_code == 200
    assert "There is a rule “License type medical” already" in answer.content.decode()
    assert bench.account.routing_rules.count() == 3


def test_what_leaflink_changed_is_chosen_about_before_it_ships(bench, one, admin_client):
    goods, body = one
    conflict(bench, goods, body)
    local = SalesOrder.objects.get()
    ship = reverse("admin:orders_salesorder_do", args=[local.pk, "ship"])
    answer = admin_client.post(ship, follow=True)
    assert "Compare both and choose first" in answer.content.decode()
    assert SalesOrder.objects.get().status == "allocated"
    decide_orders.keep_ours(mirror().pk, by=None)
    admin_client.post(ship)
    assert SalesOrder.objects.get().status == "shipped"


def test_a_destination_of_another_license_is_taken_with_a_warning(bench, one, admin_client):
    other = baker.make(Destination, name="Elsewhere", license_number="X-9")
    url = reverse("admin:leaflink_order_destination", args=[mirror().pk])
    text = admin_client.post(url, {"destination": other.pk}, follow=True).content.decode()
    assert "Their licenses differ" in text
    assert "Juniper Street is Elsewhere now" in text
