"""Where an order ships from, and how the rules say so."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from model_bakery import baker

from catalog import inventory
from catalog.models import Brand, Facility, Item
from customers.models import Destination, SalesRep
from integrations.leaflink import routing
from integrations.leaflink.models import Account, Customer, RoutingRule
from integrations.leaflink.routing import Facts

Kind = RoutingRule.Kind


def place(bench, name, *goods, units=50):
    facility = baker.make(Facility, name=name, license_number=name)
    for one in goods:
        inventory.receive(one.item, facility, Decimal(units))
    return facility


def switch(bench, kind, is_on=True):
    assert bench.account.routing_rules.filter(kind=kind).update(is_on=is_on) == 1


def test_a_new_account_asks_the_rep_then_the_account_and_has_the_toggle_off(bench):
    rules = bench.account.routing_rules.values_list("kind", "is_on")
    assert list(rules) == [("destination", False), ("rep", True), ("account", True)]


def test_the_destination_decides_once_its_rule_is_on(bench):
    goods = bench.goods()
    pueblo = place(bench, "Pueblo", goods)
    bench.ready()
    first = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    Destination.objects.update(default_facility=pueblo)
    second = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    switch(bench, Kind.DESTINATION)
    third = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    places = [bench.local(order).facility for order in (first, second, third)]
    assert places == [bench.shop, bench.shop, pueblo]
    assert bench.mirror(third).routed_by == (
        "The destination's default facility: Juniper Street → Pueblo."
    )


def test_a_destination_made_by_this_very_order_routes_nothing_yet(bench):
    goods = bench.goods()
    bench.ready()
    switch(bench, Kind.DESTINATION)
    order = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    assert bench.local(order).facility == bench.shop


def test_brand_license_type_and_account_rules(bench):
    goods = bench.goods()
    cedar = baker.make(Brand, name="Cedar")
    bench.account.brands.create(brand=cedar)
    other = bench.goods("CED")
    Item.objects.filter(pk=other.item.pk).update(brand=cedar)
    boulder, aspen, vail = (place(bench, n, goods, other) for n in ("Boulder", "Aspen", "Vail"))
    bench.account.default_facility = vail
    bench.account.save()
    rules = bench.account.routing_rules
    rules.create(kind=Kind.BRAND, brand=cedar, facility=boulder, position=1)
    rules.create(kind=Kind.LICENSE, license_type="medical", facility=aspen, position=2)
    switch(bench, Kind.REP, False)
    bench.ready()
    of_cedar = bench.order(bench.line(other, 1))
    mixed = bench.order(bench.line(other, 1), bench.line(goods, 1))
    medical = bench.order(bench.line(goods, 1), classification="Medical")
    bench.sync("orders")
    assert [bench.local(o).facility for o in (of_cedar, mixed, medical)] == [boulder, vail, aspen]
    Destination.objects.update(license_type="Medical")
    by_license = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    assert bench.local(by_license).facility == aspen


def test_without_any_rule_an_order_comes_without_facility(bench):
    goods = bench.goods()
    bench.account.routing_rules.all().delete()
    bench.ready()
    order = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    assert bench.local(order).facility is None
    assert bench.mirror(order).routed_by == "No routing rule says where it ships from."


def test_a_facility_that_was_closed_is_passed_over(bench):
    goods = bench.goods()
    vail = place(bench, "Vail", goods)
    bench.account.default_facility = vail
    bench.account.save()
    bench.ready()
    Facility.objects.filter(pk=bench.shop.pk).update(is_active=False)
    order = bench.order(bench.line(goods, 1))
    bench.sync("orders")
    assert bench.local(order).facility == vail


def test_shortage_is_counted_where_the_order_would_ship_from(bench):
    goods = bench.goods(on_hand=0)
    pueblo = place(bench, "Pueblo", goods, units=3)
    bench.ready()
    bench.world.set_quantity(goods.remote.id, "90")
    shop = baker.make(Destination, license_number="402R00981", default_facility=pueblo)
    switch(bench, Kind.DESTINATION)
    order = bench.order(bench.line(goods, 5), sales_rep_ids=[])
    bench.sync("orders")
    texts = [b.text for b in bench.mirror(order).blockers.all()]
    assert any("3 free at Pueblo" in text for text in texts), texts
    assert Customer.objects.get().destination in (None, shop)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"kind": "brand"}, "brand"),
        ({"kind": "license", "license_type": " "}, "license_type"),
        ({"kind": "license", "license_type": "Medical"}, "facility"),
    ],
)
def test_a_rule_that_says_too_little_is_refused(fields, problem):
    with pytest.raises(ValidationError) as caught:
        RoutingRule(**fields).clean()
    assert problem in caught.value.message_dict


FACILITIES = [None] + [Facility(pk=n, name=f"F{n}", is_active=n != 3) for n in (1, 2, 3)]
BRANDS = [Brand(pk=n, name=f"B{n}") for n in (1, 2)]


@st.composite
def rule(draw):
    kind = draw(st.sampled_from(Kind.values))
    return RoutingRule(
        kind=kind,
        is_on=draw(st.booleans()),
        brand=draw(st.sampled_from(BRANDS)),
        license_type=draw(st.sampled_from(["Medical", "Retail"])),
        facility=draw(st.sampled_from(FACILITIES[1:])),
    )


@given(
    st.lists(rule(), max_size=6),
    st.sampled_from(FACILITIES),
    st.sampled_from(FACILITIES),
    st.sampled_from(FACILITIES),
    st.frozensets(st.sampled_from(BRANDS)),
    st.sampled_from(["", "medical", "RETAIL"]),
)
def test_at_most_one_rule_decides_and_it_is_the_first_that_can(
    rules, of_rep, of_shop, of_account, brands, classification
):
    account = Account(default_facility=of_account)
    facts = Facts(
        rep=SalesRep(name="R", default_facility=of_rep),
        destination=Destination(name="D", default_facility=of_shop),
        brands=brands,
        classification=classification,
    )
    found = routing.route(account, rules, facts)
    deciding = [step for step in found.steps if step.decides]
    assert len(found.steps) == len(rules)
    assert len(deciding) == (found.facility is not None)
    alone = [routing.route(account, [one], facts).facility for one in rules]
    assert found.facility == next((one for one in alone if one), None)
    assert found.facility is None or found.facility.is_active
