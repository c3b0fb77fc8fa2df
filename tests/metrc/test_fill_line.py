"""Whole packages that add up to what a line wants."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.metrc.mapping.fill_line import MOST_PACKAGES, fill

pytestmark = pytest.mark.once


def sizes(*numbers):
    return [Decimal(str(number)) for number in numbers]


@pytest.mark.parametrize(
    ("wanted", "there", "chosen", "missing"),
    [
        (100, (100,), (0,), 0),
        (100, (40, 60, 100), (0, 1), 0),
        (100, (100, 40, 60), (0,), 0),
        (100, (75, 50, 50), (1, 2), 0),
        (100, (75, 60), (0,), 25),
        (100, (120,), (), 100),
        (100, (), (), 100),
        (0, (10,), (), 0),
        ("453.59", ("226.795", "226.795", "400"), (0, 1), 0),
        (100, (0, 100), (1,), 0),
    ],
)
def test_the_first_packages_that_add_up(wanted, there, chosen, missing):
    found = fill(Decimal(wanted), sizes(*there))
    assert found.chosen == chosen
    assert found.missing == missing


@settings(max_examples=30)
@given(st.integers(0, 60), st.lists(st.integers(1, 40), max_size=7))
def test_no_sum_is_nearer_and_none_is_above(wanted, there):
    found = fill(Decimal(wanted), sizes(*there))
    sums = [
        sum(some)
        for count in range(len(there) + 1)
        for some in itertools.combinations(there, count)
        if sum(some) <= wanted
    ]
    assert len(set(found.chosen)) == len(found.chosen)
    total = sum(there[position] for position in found.chosen)
    assert total == max(sums)
    assert found.missing == wanted - total


@settings(max_examples=20)
@given(st.lists(st.decimals(min_value=0, max_value=9999, places=4), max_size=60), st.data())
def test_what_was_cut_into_packages_is_found_again_or_nearly(there, data):
    """Whatever comes in, the work ends and what is chosen is never more than wanted."""
    wanted = data.draw(st.decimals(min_value=0, max_value=99999, places=4))
    found = fill(wanted, there)
    total = sum((there[position] for position in found.chosen), Decimal(0))
    assert total + found.missing == wanted
    assert found.missing >= 0


def test_only_so_many_are_looked_at():
    found = fill(Decimal(10**6), sizes(*([1] * (MOST_PACKAGES + 50))))
    assert len(found.chosen) == MOST_PACKAGES
