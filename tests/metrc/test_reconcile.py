"""Ordered, allocated, shipped, received: the parts always add up, in whatever unit they came."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.metrc.mapping.reconcile import (
    ZERO,
    Amount,
    Kind,
    Packed,
    Sums,
    last_place,
    line_of,
    sums_of,
)

amounts = st.integers(0, 500).map(Decimal)
units = st.sampled_from(["", "Ounces", "Fathoms"])
packages = st.builds(
    Packed,
    label=st.text("ABC", max_size=3),
    state=st.sampled_from(["Shipped", "Accepted", "Rejected", "Returned", "Lost at sea", ""]),
    assigned=st.none() | amounts,
    shipped=st.none() | st.builds(Amount, amounts, units),
    received=st.none() | st.builds(Amount, amounts, units),
    rounding=st.sampled_from([ZERO, Decimal(1)]),
    is_back=st.booleans(),
)


@settings(max_examples=30)
@given(amounts, amounts, st.lists(packages, max_size=6))
def test_the_parts_add_up(ordered, allocated, packed):
    line = line_of(ordered, allocated, packed)
    assert line.ordered + line.beyond == line.allocated + line.missing
    assert not (line.beyond and line.missing)
    for unit, sums in line.by_unit.items():
        arrived = sums.received + sums.short + sums.rejected + sums.on_the_way + sums.unclear
        assert sums.shipped + sums.over == arrived
        assert 0 <= sums.returned <= sums.rejected
        in_unit = [one for one in packed if one.shipped and one.shipped.unit == unit]
        assert sums.shipped == sum(one.shipped.quantity for one in in_unit)


def accepted(shipped, received, **more):
    return Packed("A", "Accepted", shipped=shipped, received=received, **more)


TEN = Amount(Decimal(10))


@pytest.mark.parametrize(
    ("package", "what", "difference"),
    [
        (Packed("A", "Shipped", shipped=TEN), "on_the_way", None),
        (accepted(TEN, TEN), "received", None),
        (accepted(TEN, Amount(Decimal(8))), "short", (Kind.SHORT, Decimal(2))),
        (accepted(TEN, Amount(ZERO)), "short", (Kind.SHORT, Decimal(10))),
        (accepted(TEN, Amount(Decimal(11))), "over", (Kind.OVER, Decimal(1))),
        (accepted(TEN, None), "unclear", None),
        (accepted(TEN, Amount(Decimal(10), "Ounces")), "unclear", None),
        (accepted(TEN, Amount(Decimal("9.9")), rounding=Decimal("0.1")), "received", None),
        (accepted(TEN, Amount(Decimal("9.8")), rounding=Decimal("0.1")), "short", None),
        (Packed("A", "Rejected", shipped=TEN), "rejected", (Kind.REJECTED, Decimal(10))),
        (Packed("A", "Rejected", shipped=TEN, is_back=True), "returned", None),
        (Packed("A", "Returned", shipped=TEN), "returned", (Kind.REJECTED, Decimal(10))),
        (Packed("A", "Seized", shipped=TEN, received=TEN), "unclear", None),
    ],
)
def test_each_state_of_a_package(package, what, difference):
    sums = sums_of(package)
    assert getattr(sums, what) > 0
    assert sums.shipped == 10
    if difference:
        assert sums.difference == difference


def test_a_package_that_the_transfer_does_not_have_is_not_shipped():
    missing = Packed("A", assigned=Decimal(5), is_on_transfer=False)
    line = line_of(Decimal(5), Decimal(5), [missing])
    assert (line.assigned, line.ours, line.not_shipped) == (5, Sums(), [missing])


@pytest.mark.parametrize(
    ("quantity", "off"),
    [("453.59", "0.005"), ("453.5900", "0.005"), ("454", "0.5"), ("450", "0.5"), ("0", "0.5")],
)
def test_a_number_is_as_exact_as_its_last_place(quantity, off):
    assert last_place(Decimal(quantity)) == Decimal(off)
