"""Metrc's units counted in ours."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.metrc.mapping.units import comparable, in_base_units, unit_of

pytestmark = pytest.mark.once
WEIGHTS = {
    "Milligrams": "Milligram",
    "Grams": "Gram",
    "Kilograms": "Kilogram",
    "Ounces": "Ounce",
    "Pounds": "Pound",
}
VOLUMES = {"Milliliters": "Milliliter", "Liters": "Liter", "Fluid Ounces": "Fluid ounce"}
quantities = st.decimals(min_value=0, max_value=10**6, places=4, allow_nan=False)


@pytest.mark.parametrize(
    ("quantity", "theirs", "ours", "expected"),
    [
        ("100", "Each", "Unit", "100"),
        ("2267.9619", "Grams", "Pound", "5"),
        ("5", "Pounds", "Gram", "2267.9619"),
        ("1", "Ounces", "Gram", "28.3495"),
        ("16", "Ounces", "Pound", "1"),
        ("1.5", "Kilograms", "Gram", "1500"),
        ("250", "Milligrams", "Gram", "0.25"),
        ("2", "Gallons", "Fluid ounce", "256"),
        ("1", "fl. oz.", "Milliliter", "29.5735"),
        ("0.5", "Liters", "Milliliter", "500"),
        ("3", "ea", "Unit", "3"),
        (" 3", "  GRAMS ", "Gram", "3"),
    ],
)
def test_a_quantity_is_counted_in_our_unit(quantity, theirs, ours, expected):
    assert in_base_units(Decimal(quantity.strip()), theirs, ours) == Decimal(expected)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("Grams", "Unit"), ("Each", "Gram"), ("Liters", "Gram"), ("Bushels", "Gram"), ("", "Unit")],
)
def test_what_can_not_be_compared_is_none(theirs, ours):
    assert in_base_units(Decimal(1), theirs, ours) is None
    assert not comparable(theirs, ours)


def test_every_unit_of_ours_has_one_in_metrc():
    from catalog.models import UnitOfMeasure

    assert [unit for unit in UnitOfMeasure.values if unit_of(unit) is None] == []


@settings(max_examples=30)
@given(quantities, st.sampled_from(sorted(WEIGHTS)))
def test_a_unit_counted_in_itself_is_the_same(quantity, unit):
    assert in_base_units(quantity, unit, WEIGHTS[unit]) == quantity


@settings(max_examples=30)
@given(quantities, st.sampled_from([sorted(WEIGHTS), sorted(VOLUMES)]), st.data())
def test_there_and_back_is_the_same(quantity, kind, data):
    """Into a finer unit and back loses nothing; the other way at most half of the last place of
    the coarser unit, counted in the finer."""
    names = {**WEIGHTS, **VOLUMES}
    one, other = data.draw(st.sampled_from(kind)), data.draw(st.sampled_from(kind))
    there = in_base_units(quantity, one, names[other])
    back = in_base_units(there, other, names[one])
    ratio = unit_of(other).size / unit_of(one).size
    allowed = Decimal("0.00005") * max(ratio, Decimal(1)) + Decimal("0.00005") * (ratio > 1)
    assert abs(back - quantity) <= (allowed if ratio > 1 else 0)


@settings(max_examples=30)
@given(quantities, quantities, st.sampled_from(sorted(WEIGHTS)), st.sampled_from(sorted(WEIGHTS)))
def test_more_there_is_never_less_here(one, other, theirs, ours):
    less, more = sorted((one, other))
    assert in_base_units(less, theirs, WEIGHTS[ours]) <= in_base_units(more, theirs, WEIGHTS[ours])
