"""Suggesting packages for order lines, assigning them, and taking them off."""

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility, Lot
from integrations.metrc import assign_packages
from integrations.metrc.assign_packages import (
    NotAssignable,
    assign,
    assignments_of,
    end_of_canceled,
    set_prices,
    suggest,
    unassign,
)
from integrations.metrc.models import (
    Delivery,
    DeliveryPackage,
    Match,
    MetrcFacility,
    MetrcItem,
    Package,
    PackageAssignment,
    Transfer,
)
from orders import services
from orders.models import SalesOrder
from tests.metrc.goods import Goods


@pytest.fixture
def goods(db):
    return Goods()


def chosen(one):
    return [candidate.package.label for candidate in one.chosen]


def labels(order):
    return [one.package.label for one in assignments_of(order)]


def give(order, *packages, **more):
    line = order.lines.get()
    return assign(order, line.pk, [package.pk for package in packages], by=None, **more)


def refusal(order, *packages, **more):
    before = PackageAssignment.objects.count()
    with pytest.raises(NotAssignable) as error:
        give(order, *packages, **more)
    assert PackageAssignment.objects.count() == before
    return str(error.value)


def test_whole_packages_that_fill_the_line_the_oldest_first(goods):
    goods.package(60, "NEWER", packaged_on=date(2026, 2, 1))
    goods.package(40, "OLD", packaged_on=date(2026, 1, 1))
    goods.package(60, "OLDER", packaged_on=date(2025, 12, 1))
    (one,) = suggest(goods.order((goods.gummies, 100)))
    assert chosen(one) == ["OLDER", "OLD"]
    assert one.missing == 0
    assert "2 whole packages that fill it exactly, the oldest first." in one.reason


def test_of_packages_of_one_day_the_first_tag_goes_first(goods):
    for label in ("C", "A", "B"):
        goods.package(50, label)
    (one,) = suggest(goods.order((goods.gummies, 100)))
    assert chosen(one) == ["A", "B"]


def test_where_none_fits_it_says_what_to_repack(goods):
    goods.package(60, "SIXTY")
    goods.package(75, "BIG")
    (one,) = suggest(goods.order((goods.gummies, 100)))
    assert chosen(one) == ["BIG"]
    assert one.missing == 25
    assert "25 of Gummies are missing" in one.advice
    assert "Repack 25 in Metrc" in one.advice
    assert "from SIXTY (60)" in one.advice
    assert "At hand: 60." in one.advice


def test_where_there_is_too_little_it_says_so(goods):
    goods.package(60, "SIXTY")
    goods.package(40, "HELD", on_hold=True)
    (one,) = suggest(goods.order((goods.gummies, 100)))
    assert chosen(one) == ["SIXTY"]
    assert "40 of Gummies are missing: no more package" in one.advice
    assert "1 can't be chosen" in one.advice


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"on_hold": True}, "is on hold"),
        ({"on_recall": True}, "is recalled"),
        ({"lab_state": "NotSubmitted"}, "its lab state is “Not submitted”"),
        ({"lab_state": ""}, "its lab state is “Not known”"),
        ({"needs_remediation": True}, "needs remediation"),
        ({"is_testing_sample": True}, "is a sample for a lab"),
        ({"is_trade_sample": True}, "is a trade sample, and the line is none"),
        ({"unit": "Grams"}, "can't be compared"),
        ({"place": "in_transit"}, "is not on the shelf: Metrc says “on a transfer”"),
        ({"place": "inactive"}, "is not on the shelf: Metrc says “finished”"),
        ({"place": "gone"}, "is not on the shelf: Metrc says “not here any more”"),
        ({"quantity": 0}, "is empty"),
        ({"quantity": 101}, "holds 101, and 100 are left on the line."),
    ],
)
def test_what_can_not_go_is_neither_suggested_nor_assigned(goods, more, why):
    package = goods.package(**{"quantity": 100, **more})
    order = goods.order((goods.gummies, 100))
    (one,) = suggest(order)
    assert chosen(one) == []
    assert why in refusal(order, package)


def test_a_package_on_hold_goes_where_the_license_may_ship_it(goods):
    MetrcFacility.objects.update(ships_on_hold=True)
    package = goods.package(100, on_hold=True)
    order = goods.order((goods.gummies, 100))
    (one,) = suggest(order)
    assert chosen(one) == [package.label]
    give(order, package)
    assert labels(order) == [package.label]


def test_the_accounts_own_lab_states_count(goods):
    goods.account.passing_lab_states = ["Decontaminated"]
    goods.account.save(update_fields=["passing_lab_states"])
    goods.package(100, "PASSED")
    goods.package(100, "CLEAN", lab_state="Decontaminated")
    (one,) = suggest(goods.order((goods.gummies, 100)))
    assert chosen(one) == ["CLEAN"]


def test_a_sample_line_takes_trade_samples_first(goods):
    goods.package(5, "GOODS", packaged_on=date(2025, 1, 1))
    goods.package(5, "SAMPLE", is_trade_sample=True)
    (one,) = suggest(goods.order((goods.gummies, 5, {"is_sample": True})))
    assert chosen(one) == ["SAMPLE"]


def test_packages_of_other_items_and_facilities_are_refused(goods):
    order = goods.order((goods.gummies, 10))
    other = goods.item("Chocolate")
    assert "not of Gummies" in refusal(order, goods.package(10, item=other))
    far = MetrcFacility.objects.create(account=goods.account, license_number="L2", name="Pueblo")
    assert "is not at Denver" in refusal(order, goods.package(10, facility=far))
    unknown = MetrcItem.objects.create(account=goods.account, name="Bulk")
    assert "not mapped yet" in refusal(order, goods.package(10, metrc_item=unknown))
    (one,) = suggest(order)
    assert chosen(one) == []


def test_the_lot_that_is_asked_for_and_no_other(goods):
    lot = Lot.objects.create(item=goods.gummies, number="L-7")
    goods.package(50, "ANY", packaged_on=date(2025, 1, 1))
    package = goods.package(50, "OFLOT", lot=lot)
    batch = goods.package(50, "BATCH", batch_number="l-7")
    order = goods.order((goods.gummies, 100, {"lot_number": "L-7"}))
    (one,) = suggest(order)
    assert chosen(one) == ["BATCH", "OFLOT"]
    assert "of lot L-7, which was ordered" in one.reason
    assert "is not of lot L-7" in refusal(order, Package.objects.get(label="ANY"))
    give(order, package, batch)
    assert labels(order) == ["BATCH", "OFLOT"]


def test_the_package_of_the_lot_that_is_set_aside_goes_first(goods):
    lot = Lot.objects.create(item=goods.gummies, number="L-7")
    inventory.receive(goods.gummies, goods.shop, Decimal(50), lot)
    goods.package(50, "OLD", packaged_on=date(2025, 1, 1))
    goods.package(50, "OFLOT", lot=lot)
    order = services.allocate(goods.order((goods.gummies, 50)))
    (one,) = suggest(order)
    assert chosen(one) == ["OFLOT"]
    assert "of the lot that is set aside" in one.reason


def test_two_lines_never_get_one_package(goods):
    goods.package(50, "A")
    goods.package(50, "B")
    order = goods.order((goods.gummies, 50), (goods.gummies, 50))
    assert [chosen(one) for one in suggest(order)] == [["A"], ["B"]]


def test_what_is_assigned_is_not_suggested_again(goods):
    mine, other = goods.package(50, "MINE"), goods.package(50, "OTHER")
    order, rival = goods.order((goods.gummies, 100)), goods.order((goods.gummies, 50))
    give(order, mine)
    give(rival, other)
    (one,) = suggest(order)
    assert chosen(one) == []
    assert one.left == 50
    assert [a.package.label for a in one.assigned] == ["MINE"]
    assert f"is assigned to {rival.number} already" in refusal(order, other)
    assert f"is assigned to {order.number} already" in refusal(order, mine)


def test_weights_are_counted_in_our_unit(goods):
    flower = goods.item("Flower", unit_of_measure="Pound")
    package = goods.package("2267.9619", item=flower, unit="Grams")
    order = goods.order((flower, 5))
    (one,) = suggest(order)
    assert one.missing == 0
    give(order, package)
    assert PackageAssignment.objects.get().quantity == 5


def test_a_facility_that_is_not_connected(goods):
    far = baker.make(Facility, name="Pueblo", license_number="L9")
    order = goods.order((goods.gummies, 10), facility=far)
    (one,) = suggest(order)
    assert (chosen(one), one.missing) == ([], 10)
    assert "Pueblo is not connected with Metrc" in refusal(order, goods.package(10))


def test_suggesting_costs_the_same_for_any_number_of_lines(goods, django_assert_num_queries):
    orders = [goods.order(*[(goods.gummies, 10)] * lines) for lines in (1, 6)]
    for _ in range(6):
        goods.package(10)
    for order in orders:
        with django_assert_num_queries(6):
            suggest(order)


def test_several_packages_at_once_or_none(goods):
    packages = [goods.package(40), goods.package(40), goods.package(40)]
    order = goods.order((goods.gummies, 100))
    assert "holds 40, and 20 are left" in refusal(order, *packages)
    assert "repack 20" in refusal(order, *packages)
    give(order, *packages[:2])
    assert sum(one.quantity for one in assignments_of(order)) == 80
    assert "No package was chosen" in refusal(order)


def test_a_full_line_takes_no_more(goods):
    order = goods.order((goods.gummies, 40))
    give(order, goods.package(40))
    assert "the line is filled" in refusal(order, goods.package(40))


@pytest.mark.parametrize("status", ["shipped", "completed", "canceled"])
def test_no_packages_for_what_is_shipped_or_over(goods, status):
    order, package = goods.order((goods.gummies, 10)), goods.package(10)
    SalesOrder.objects.update(status=status)
    assert f"is {status}" in refusal(order, package)


def test_after_a_match_what_went_can_be_named(goods):
    order, package = goods.order((goods.gummies, 10)), goods.package(10, place="in_transit")
    SalesOrder.objects.update(status="completed")
    assert "is completed" in refusal(order, package)
    (one,) = give(order, package, after_match=True)
    assert labels(order) == [package.label]
    assert unassign(order, [one.pk], by=None, after_match=True) == 1
    SalesOrder.objects.update(status="canceled")
    assert "is canceled" in refusal(order, package, after_match=True)


def test_after_a_match_the_delivery_says_what_an_empty_package_held(goods):
    order, package = goods.order((goods.gummies, 10)), goods.package(0, place="gone")
    transfer = Transfer.objects.create(facility=goods.facility, remote_id=1)
    delivery = Delivery.objects.create(transfer=transfer, remote_id=2)
    DeliveryPackage.objects.create(
        delivery=delivery, label=package.label, shipped_quantity=10, shipped_unit="Each"
    )
    assert "holds nothing" in refusal(order, package, after_match=True)
    Match.objects.create(order=order, delivery=delivery, how=Match.How.HAND)
    give(order, package, after_match=True)
    assert PackageAssignment.objects.get().quantity == 10


def test_what_is_taken_off_can_go_elsewhere(goods):
    order, rival, package = goods.order((goods.gummies, 10)), None, goods.package(10)
    (one,) = give(order, package)
    assert unassign(order, [one.pk], by=None) == 1
    assert unassign(order, [one.pk], by=None) == 0
    assert labels(order) == []
    rival = goods.order((goods.gummies, 10))
    give(rival, package)
    assert labels(rival) == [package.label]
    told = [change.reason for change in order.status_changes.all()]
    assert f"Gummies: packages taken off: {package.label} (10)" in told
    assert f"Gummies: packages assigned: {package.label} (10)" in told


def test_another_orders_packages_are_not_taken_off(goods):
    order, rival = goods.order((goods.gummies, 10)), goods.order((goods.gummies, 10))
    (one,) = give(order, goods.package(10))
    assert unassign(rival, [one.pk], by=None) == 0
    assert len(labels(order)) == 1


def test_a_canceled_orders_packages_are_free(goods):
    order, package = goods.order((goods.gummies, 10)), goods.package(10)
    kept = goods.order((goods.gummies, 10))
    give(order, package)
    give(kept, goods.package(10))
    services.cancel(order, reason="The buyer called.")
    assert end_of_canceled(kept.pk) == 0
    assert end_of_canceled() == 1
    assert labels(order) == []
    assert len(labels(kept)) == 1
    give(goods.order((goods.gummies, 10)), package)


def test_a_deleted_orders_packages_are_free(goods):
    order, package = goods.order((goods.gummies, 10)), goods.package(10)
    give(order, package)
    services.delete(order, reason="Entered twice.")
    give(goods.order((goods.gummies, 10)), package)
    assert PackageAssignment.objects.get().package == package
    assert "deleted meanwhile" in str(refusal_of_deleted(order, package))


def refusal_of_deleted(order, package):
    with pytest.raises(NotAssignable) as error:
        assign(order, 1, [package.pk], by=None)
    return error.value


def test_prices_of_their_own(goods):
    order = goods.order((goods.gummies, 20))
    one, other = give(order, goods.package(10), goods.package(10))
    assert set_prices(order, {one.pk: Decimal("12.345"), other.pk: None}, by=None) == 1
    assert {a.pk: a.price for a in assignments_of(order)} == {
        one.pk: Decimal("12.35"),
        other.pk: None,
    }
    with pytest.raises(NotAssignable, match="can't be below zero"):
        set_prices(order, {one.pk: Decimal(-1)}, by=None)
    assert set_prices(order, {one.pk: None}, by=None) == 1


def test_the_database_decides_who_was_first(goods, monkeypatch):
    order, rival, package = (
        goods.order((goods.gummies, 10)),
        goods.order((goods.gummies, 10)),
        goods.package(10),
    )
    give(rival, package)
    monkeypatch.setattr(assign_packages.candidate, "taken", lambda packages: {})
    assert "assigned to another order in this moment" in refusal(order, package)


@pytest.mark.django_db
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.integers(1, 40), max_size=6), st.lists(st.integers(1, 60), min_size=1, max_size=3)
)
def test_whatever_is_suggested_can_be_assigned(goods, sizes, lines):
    """And then nothing is suggested any more that would overfill a line."""
    PackageAssignment.objects.all().delete()
    Package.objects.all().delete()
    for size in sizes:
        goods.package(size)
    order = goods.order(*[(goods.gummies, wanted) for wanted in lines])
    for one in suggest(order):
        if one.chosen:
            assign(order, one.line.pk, [it.package.pk for it in one.chosen], by=None)
    for one in suggest(order):
        assert sum(a.quantity for a in one.assigned) <= one.line.quantity
        assert one.chosen == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_people_assign_one_package(transactional_db):
    goods = Goods()
    package = goods.package(10)
    orders = [goods.order((goods.gummies, 10)) for _ in range(2)]
    start, told = threading.Barrier(2), []

    def run(order):
        try:
            start.wait()
            give(order, package)
            told.append("")
        except NotAssignable as error:
            told.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[order]) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(bool, told)) == [False, True]
    assert "already" in max(told)
    assert PackageAssignment.objects.count() == 1
