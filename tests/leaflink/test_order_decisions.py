"""What people decide about an order: import anyway, whence, to whom, and whose version counts."""

from decimal import Decimal

import pytest
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility
from customers.models import Destination
from integrations import work
from integrations.leaflink import decide_orders, timeline
from integrations.leaflink.decide_orders import CannotDecide
from integrations.leaflink.models import Account, Customer, Order, Staff
from orders import services
from orders.models import SalesOrder, TaxRate


@pytest.fixture
def boss(django_user_model):
    return django_user_model.objects.create_user("boss")


def imported(bench, units=10, **options):
    goods = bench.goods(on_hand=100)
    bench.ready()
    order = bench.order(bench.line(goods, units), **options)
    bench.sync("orders")
    return goods, order


def short(bench, have=5, need=10):
    goods = bench.goods(on_hand=have)
    bench.ready()
    bench.world.set_quantity(goods.remote.id, "500")
    order = bench.order(bench.line(goods, need))
    bench.sync("orders")
    assert bench.reasons(order) == ["short_of_stock"]
    return goods, order


def test_a_short_order_is_imported_anyway_with_a_reason(bench, boss):
    goods, order = short(bench)
    decide_orders.import_anyway(bench.mirror(order).pk, "Harvest comes in tonight", by=boss)
    assert bench.mirror(order).state == "imported"
    assert bench.mirror(order).waiver == "Harvest comes in tonight"
    assert bench.local(order).lines.get().quantity == 10
    assert bench.free(goods) == -5
    person = bench.mirror(order).events.get(kind="person")
    assert (person.by, person.text) == (boss, "Import it anyway: Harvest comes in tonight")


def test_a_waiver_counts_for_the_order_as_it_was(bench, boss):
    goods, order = short(bench)
    Staff.objects.update(sales_rep=None)
    bench.sync("orders")
    decide_orders.import_anyway(bench.mirror(order).pk, "It is fine", by=boss)
    assert bench.reasons(order) == ["rep_unmapped"]
    bench.world.edit_order(order.number, [bench.line(goods, 200)])
    bench.map_dana()
    bench.sync("orders")
    assert bench.reasons(order) == ["short_of_stock"]


def test_a_waiver_lifts_no_other_reason_and_needs_words(bench, boss):
    _, order = short(bench)
    pk = bench.mirror(order).pk
    with pytest.raises(CannotDecide, match="Say why"):
        decide_orders.import_anyway(pk, "  ", by=boss)
    decide_orders.import_anyway(pk, "ok", by=boss)
    with pytest.raises(CannotDecide, match="imported already"):
        decide_orders.import_anyway(pk, "ok", by=boss)
    goods = bench.goods("X")
    bench.sync("products", "inventory")
    unlinked = bench.order(bench.line(goods, 1), sales_rep_ids=[])
    bench.sync("orders")
    with pytest.raises(CannotDecide, match="Nothing holds it"):
        decide_orders.import_anyway(bench.mirror(unlinked).pk, "ok", by=boss)


def test_a_differing_total_is_waved_through(bench, boss):
    bench.account.hold_on_total_mismatch = True
    bench.account.save()
    goods = bench.goods()
    bench.ready()
    body = bench.body(goods, total={"amount": 99})
    bench.take_in(body)
    order = Order.objects.get()
    assert [b.code for b in order.blockers.all()] == ["total_mismatch"]
    decide_orders.import_anyway(order.pk, "Agreed by phone", by=boss)
    order.refresh_from_db()
    assert order.state == "imported"
    assert "The total differs" in order.warnings[0]


def test_another_facility_cures_a_shortage(bench, boss):
    goods, order = short(bench)
    pueblo = baker.make(Facility, name="Pueblo", license_number="L2")
    inventory.receive(goods.item, pueblo, Decimal(50))
    decide_orders.choose_facility(bench.mirror(order).pk, pueblo, by=boss)
    assert bench.local(order).facility == pueblo
    assert bench.mirror(order).routed_by == "Chosen for this order: Pueblo"
    with pytest.raises(CannotDecide, match="imported already"):
        decide_orders.choose_facility(bench.mirror(order).pk, None, by=boss)


def test_a_facility_that_has_too_little_as_well_keeps_it_held(bench, boss):
    _, order = short(bench)
    pueblo = baker.make(Facility, name="Pueblo", license_number="L2")
    decide_orders.choose_facility(bench.mirror(order).pk, pueblo, by=boss)
    assert "0 free at Pueblo" in bench.mirror(order).blockers.get().text
    decide_orders.choose_facility(bench.mirror(order).pk, None, by=boss)
    assert "5 free at Denver" in bench.mirror(order).blockers.get().text
    gone = baker.make(Facility, name="Old", is_active=False)
    with pytest.raises(CannotDecide, match="no longer active"):
        decide_orders.choose_facility(bench.mirror(order).pk, gone, by=boss)


def test_an_order_that_came_blank_gets_its_destination_when_it_is_chosen(bench, boss):
    bench.account.customer_rule = Account.CustomerRule.BLANK
    bench.account.save()
    _, order = imported(bench)
    assert (bench.mirror(order).state, bench.local(order).destination) == ("imported", None)
    assert Destination.objects.count() == 0
    shop = baker.make(Destination, name="Juniper")
    decide_orders.choose_destination(bench.mirror(order).pk, shop, by=boss)
    assert bench.local(order).destination == shop
    assert Customer.objects.get().destination == shop
    goods = bench.goods("N")
    bench.sync("products", "inventory")
    later = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    assert bench.local(later).destination == shop


@pytest.mark.parametrize("way", ["customer", "license"])
def test_a_blank_order_is_filled_by_itself_when_its_customer_is_known(
    bench, way, django_capture_on_commit_callbacks
):
    bench.account.customer_rule = Account.CustomerRule.BLANK
    bench.account.save()
    _, order = imported(bench)
    with django_capture_on_commit_callbacks(execute=True):
        if way == "license":
            shop = baker.make(Destination, name="J", license_number="402r 00981")
        else:
            shop = baker.make(Destination, name="J")
            customer = Customer.objects.get()
            customer.destination = shop
            customer.save(update_fields=["destination"])
    work.drain()
    assert bench.local(order).destination == shop


def test_correcting_the_destination_leaves_older_orders_alone(bench, boss):
    goods, first = imported(bench)
    second = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    was = bench.local(first).destination
    other = baker.make(Destination, name="Other")
    decide_orders.choose_destination(bench.mirror(second).pk, other, by=boss)
    third = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    assert [bench.local(o).destination for o in (first, second, third)] == [was, other, other]
    assert bench.local(second).status_changes.first().by == boss
    services.ship(services.allocate(bench.local(first)))
    with pytest.raises(CannotDecide, match="can no longer be changed"):
        decide_orders.choose_destination(bench.mirror(first).pk, other, by=boss)


def test_taking_leaflinks_version_sets_stock_aside_anew(bench, boss):
    goods, order = imported(bench)
    services.allocate(bench.local(order))
    bench.world.edit_order(order.number, [bench.line(goods, 4)])
    bench.sync("orders")
    assert bench.mirror(order).state == "conflict"
    decide_orders.take_leaflinks(bench.mirror(order).pk, by=boss)
    local = bench.local(order)
    assert (bench.mirror(order).state, local.status) == ("imported", "allocated")
    assert local.lines.get().quantity == 4
    assert local.lines.get().allocations.get().quantity == 4
    assert bench.free(goods) == 96
    assert local.total == bench.mirror(order).total


def test_keeping_ours_lasts_until_leaflinks_next_change(bench, boss):
    goods, order = imported(bench)
    services.allocate(bench.local(order))
    bench.world.edit_order(order.number, [bench.line(goods, 4)])
    bench.sync("orders")
    decide_orders.keep_ours(bench.mirror(order).pk, by=boss)
    for _ in range(2):
        bench.sync("orders")
        mirror = bench.mirror(order)
        assert (mirror.state, mirror.state_reason[:13]) == ("imported", "Ours was kept")
        assert bench.local(order).lines.get().quantity == 10
    bench.world.edit_order(order.number, [bench.line(goods, 3)])
    bench.sync("orders")
    assert bench.mirror(order).state == "conflict"
    decide_orders.take_leaflinks(bench.mirror(order).pk, by=boss)
    assert bench.local(order).lines.get().quantity == 3


def test_goods_that_have_left_are_not_taken_back_by_a_click(bench, boss):
    goods, order = imported(bench)
    services.ship(services.allocate(bench.local(order)))
    bench.world.transition(order.number, "accept")
    bench.world.edit_order(order.number, [bench.line(goods, 4)])
    bench.sync("orders")
    assert bench.mirror(order).state == "conflict"
    with pytest.raises(CannotDecide, match="its goods have left"):
        decide_orders.take_leaflinks(bench.mirror(order).pk, by=boss)
    assert bench.local(order).lines.get().quantity == 10
    decide_orders.keep_ours(bench.mirror(order).pk, by=boss)
    assert bench.mirror(order).state == "imported"


def test_a_version_that_needs_too_much_is_not_taken(bench, boss):
    goods, order = imported(bench)
    services.allocate(bench.local(order))
    bench.world.set_quantity(goods.remote.id, "900")
    bench.world.edit_order(order.number, [bench.line(goods, 400)])
    bench.sync("orders")
    with pytest.raises(CannotDecide, match="Not enough stock"):
        decide_orders.take_leaflinks(bench.mirror(order).pk, by=boss)
    assert bench.local(order).status == "allocated"
    assert bench.free(goods) == 90


def test_notes_money_and_lines_not_set_aside_come_in_though_others_are(bench):
    goods, other = bench.goods(on_hand=50), bench.goods("DRP", on_hand=3)
    bench.ready()
    bench.account.shortage_rule = Account.ShortageRule.IMPORT
    bench.account.save()
    bench.world.set_quantity(other.remote.id, "10")
    order = bench.order(bench.line(goods, 10), bench.line(other, 2))
    bench.sync("orders")
    inventory.adjust(other.item, bench.shop, Decimal(-3), reason="spoilt")
    services.allocate(bench.local(order))
    assert bench.local(order).status == "partially_allocated"
    first, second = bench.world.order(order.number).lines
    bench.world.edit_order(
        order.number,
        [
            {"id": first.id, **bench.line(goods, 10)},
            {"id": second.id, **bench.line(other, 1)},
        ],
        notes="Ring twice",
        shipping="9.00",
    )
    bench.sync("orders")
    local = bench.local(order)
    assert (bench.mirror(order).state, local.status) == ("imported", "partially_allocated")
    assert list(local.lines.values_list("quantity", flat=True)) == [10, 1]
    assert (local.notes_for_buyer, local.shipping) == ("Ring twice", 9)
    assert local.total == bench.mirror(order).total


@pytest.mark.parametrize(
    ("rule", "upto", "price"),
    [
        ("", "shipped", "8.00"),
        ("created", "created", "10.00"),
        ("allocated", "created", "8.00"),
        ("allocated", "allocated", "10.00"),
        ("shipped", "allocated", "8.00"),
        ("shipped", "shipped", "10.00"),
    ],
)
def test_prices_are_ignored_after_the_chosen_status_and_nothing_else_is(bench, rule, upto, price):
    bench.account.ignore_prices_from = rule
    bench.account.save()
    goods, order = imported(bench)
    if upto != "created":
        services.allocate(bench.local(order))
    if upto == "shipped":
        services.ship(bench.local(order))
    [line] = bench.world.order(order.number).lines
    bench.world.edit_order(
        order.number,
        [{"id": line.id, **bench.line(goods, 10), "price": "8.00"}],
        notes="Cheaper, please",
    )
    bench.sync("orders")
    local = bench.local(order)
    assert (bench.mirror(order).state, local.lines.get().price) == ("imported", Decimal(price))
    assert local.notes_for_buyer == "Cheaper, please"
    ignored = [w for w in bench.mirror(order).warnings if "ignored by rule" in w]
    assert bool(ignored) == (price == "10.00")
    assert SalesOrder.objects.count() == 1


def test_the_timeline_tells_what_happened(bench, boss):
    _, order = imported(bench)
    services.allocate(bench.local(order), by=boss)
    bench.sync("statuses")
    bench.settle()
    entries = timeline.of(bench.mirror(order))
    text = "\n".join(f"{e.what}: {e.text} {e.who}" for e in entries)
    assert "Read from LeafLink: Submitted, 1 line, $100.00." in text
    assert "Decided by rule: Imported as SO-" in text
    assert "It ships from Denver. The sales rep's default facility: Dana Ruiz → Denver." in text
    assert "Sales order: Created → Allocated boss" in text
    assert "Sent to LeafLink: Asked to accept it: done." in text
    assert "Sent to LeafLink: Asked to fulfill it: done." in text
    assert "Told by LeafLink: Webhook: order" in text
    assert [e.at for e in entries] == sorted((e.at for e in entries), reverse=True)
    before = len(entries)
    bench.sync("orders")
    assert len(timeline.of(bench.mirror(order))) == before


def test_a_destination_is_made_of_what_leaflink_says(bench, boss):
    bench.account.customer_rule = Account.CustomerRule.HOLD
    bench.account.save()
    _, order = imported(bench)
    assert bench.reasons(order) == ["customer_unknown"]
    decide_orders.create_destination(bench.mirror(order).pk, by=boss)
    local = bench.local(order)
    assert (local.destination.name, local.destination.license_number) == (
        "Juniper Street",
        "402R-00981",
    )
    streets = local.destination.addresses.values_list("kind", "street")
    assert list(streets) == [("billing", "410 Juniper St"), ("shipping", "410 Juniper St")]


def test_numbers_that_move_are_not_told_again_and_again(bench):
    goods, order = short(bench)
    for _ in range(3):
        inventory.receive(goods.item, bench.shop, Decimal(1))
        bench.sync("orders")
    assert "8 free at Denver" in bench.mirror(order).blockers.get().text
    held = bench.mirror(order).events.filter(text__startswith="Held")
    assert held.count() == 1


@pytest.mark.parametrize("who", ["rep", "destination"])
def test_another_default_facility_lets_a_short_order_in(
    bench, who, django_capture_on_commit_callbacks
):
    goods, order = short(bench)
    pueblo = baker.make(Facility, name="Pueblo", license_number="L2")
    inventory.receive(goods.item, pueblo, Decimal(50))
    thing = bench.rep
    if who == "destination":
        bench.account.routing_rules.filter(kind="destination").update(is_on=True)
        thing = baker.make(Destination, license_number="402R00981")
        Customer.objects.update(destination=thing)
    with django_capture_on_commit_callbacks(execute=True):
        thing.default_facility = pueblo
        thing.save()
    work.drain()
    assert bench.local(order).facility == pueblo


def test_a_tax_comes_in_as_soon_as_its_rate_is_there(bench, django_capture_on_commit_callbacks):
    _, order = imported(bench, tax_rate="15")
    assert "takes it by itself" in bench.mirror(order).warnings[0]
    with django_capture_on_commit_callbacks(execute=True):
        TaxRate.objects.create(name="Excise", percent=15)
    work.drain()
    assert bench.local(order).total == bench.mirror(order).total == Decimal("115.00")
    assert bench.mirror(order).warnings == []


@pytest.mark.parametrize(
    ("actions", "ends"),
    [
        (["accept", "fulfill"], "allocated"),
        (["accept", "fulfill", "ship"], "shipped"),
        (["accept", "fulfill", "ship", "complete"], "completed"),
    ],
)
def test_what_was_moved_by_hand_in_leaflink_is_done_here_by_a_click(bench, boss, actions, ends):
    goods, order = imported(bench)
    with pytest.raises(CannotDecide, match="not moved on by hand"):
        decide_orders.do_the_same(bench.mirror(order).pk, by=boss)
    for action in actions:
        bench.world.transition(order.number, action)
    bench.sync("orders")
    assert bench.mirror(order).state == "conflict"
    decide_orders.do_the_same(bench.mirror(order).pk, by=boss)
    assert (bench.mirror(order).state, bench.local(order).status) == ("imported", ends)
    assert bench.free(goods) == 90
    assert bench.local(order).status_changes.first().by == boss


def test_without_stock_nothing_is_done_by_halves(bench, boss):
    goods, order = imported(bench)
    for action in ("accept", "fulfill", "ship"):
        bench.world.transition(order.number, action)
    inventory.adjust(goods.item, bench.shop, Decimal(-95), reason="lost")
    bench.sync("orders")
    with pytest.raises(CannotDecide, match=r"Not all of SO-\d+ is on the shelf"):
        decide_orders.do_the_same(bench.mirror(order).pk, by=boss)
    assert bench.local(order).status == "created"
    assert not bench.local(order).lines.get().allocations.exists()
