"""Prices of packages add up to their line, to the cent."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.metrc.models import PackageAssignment
from integrations.metrc.package_prices import prices_of
from orders.models import OrderLine

pytestmark = pytest.mark.once
amounts = st.decimals(min_value=Decimal("0.0001"), max_value=5000, places=4)
prices = st.decimals(min_value=0, max_value=9999, places=4)


def assigned(quantities, price, ordered=None, own=None, line_id=1):
    """Assigned packages of one line; nothing is stored."""
    whole = sum(quantities, Decimal(0)) if ordered is None else ordered
    line = OrderLine(pk=line_id, quantity=whole, case_size=1, price=price)
    return [
        PackageAssignment(
            pk=10 * line_id + pk, line=line, quantity=quantity, price=(own or {}).get(pk)
        )
        for pk, quantity in enumerate(quantities, start=1)
    ]


@settings(max_examples=30)
@given(st.lists(amounts, min_size=1, max_size=12), prices)
def test_the_packages_of_a_filled_line_cost_what_the_line_does(quantities, price):
    rows = assigned(quantities, price)
    found = prices_of(rows)
    assert sum(found.values()) == rows[0].line.total
    assert min(found.values()) >= 0


@settings(max_examples=30)
@given(st.lists(amounts, min_size=1, max_size=8), prices, st.data())
def test_each_gets_its_share_to_the_cent(quantities, price, data):
    more = data.draw(amounts)
    rows = assigned(quantities, price, ordered=sum(quantities, more))
    line, found = rows[0].line, prices_of(rows)
    for one in rows:
        share = line.total * one.quantity / line.quantity
        assert abs(found[one.pk] - share) <= Decimal("0.01")
    assert sum(found.values()) <= line.total


def test_a_price_of_its_own_stands_and_the_others_keep_their_shares():
    rows = assigned([Decimal(50), Decimal(25), Decimal(25)], Decimal(3), own={2: Decimal("1.00")})
    assert prices_of(rows) == {11: Decimal(150), 12: Decimal(1), 13: Decimal(75)}


def test_three_thirds_of_a_dollar():
    found = prices_of(reversed(assigned([Decimal(1)] * 3, Decimal("0.3333"))))
    assert found == {11: Decimal("0.33"), 12: Decimal("0.34"), 13: Decimal("0.33")}


def test_more_than_was_ordered_costs_no_more_than_the_line():
    rows = assigned([Decimal(60), Decimal(60)], Decimal(1), ordered=Decimal(100))
    assert prices_of(rows) == {11: Decimal(50), 12: Decimal(50)}


def test_packages_of_several_lines_are_kept_apart():
    one = assigned([Decimal(10)], Decimal(1))
    other = assigned([Decimal(10)], Decimal(2), line_id=2)
    assert prices_of([*one, *other]) == {11: Decimal(10), 21: Decimal(20)}
