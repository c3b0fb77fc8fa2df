"""From on hand to the number for LeafLink: the closest rule counts, nothing is offered twice."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from integrations.leaflink.mapping.stock_rules import ZERO, Rule, Target
from integrations.leaflink.models import Offer

amounts = st.integers(0, 500).map(Decimal)
maybe = st.none() | amounts
rules = st.builds(
    lambda units, percent, most: Rule(units, None if units is not None else percent, most),
    maybe,
    st.none() | st.integers(0, 100).map(Decimal),
    maybe,
)


@given(amounts, amounts, amounts, st.lists(rules, max_size=3), amounts, st.booleans())
def test_never_more_than_free_and_never_below_what_is_held(
    on_hand, committed, least, given_rules, held, counted
):
    target = Target(on_hand, committed, least, tuple(given_rules), held, held, counted)
    free = max(on_hand - committed, Decimal(0))
    assert 0 <= target.shown <= target.sellable <= free
    assert target.quantity == target.shown + held
    assert target.kept_back >= least
    assert target.sellable == max(on_hand - committed - target.kept_back, Decimal(0))


@pytest.mark.parametrize(
    ("given_rules", "kept", "shown"),
    [
        ([], 0, 100),
        ([Rule(), Rule(Decimal(5)), Rule(Decimal(20))], 5, 95),
        ([Rule(Decimal(0)), Rule(Decimal(5))], 0, 100),
        ([Rule(safety_percent=Decimal("12.5"))], 13, 87),
        ([Rule(), Rule(), Rule(safety_percent=Decimal(100))], 100, 0),
        ([Rule(most_shown=Decimal(30)), Rule(Decimal(5), None, Decimal(9))], 5, 30),
        ([Rule(most_shown=Decimal(0))], 0, 0),
    ],
)
def test_the_closest_rule_counts(given_rules, kept, shown):
    target = Target(on_hand=Decimal(100), rules=tuple(given_rules))
    assert (target.kept_back, target.shown) == (kept, shown)


def test_what_is_weighed_is_kept_back_in_fractions():
    rule = Rule(safety_percent=Decimal("0.5"))
    assert Target(on_hand=Decimal(10), rules=(rule,), is_counted=False).kept_back == Decimal("0.05")
    assert Target(on_hand=Decimal(10), rules=(rule,)).kept_back == 1


@pytest.mark.parametrize(
    ("rule", "least", "kept", "shown"),
    [
        (Rule(Decimal("2.5")), "0", 3, 97),
        (Rule(Decimal("0.0001")), "0", 1, 99),
        (Rule(), "1.25", 2, 98),
        (Rule(most_shown=Decimal("7.9")), "0", 0, 7),
        (Rule(Decimal("2.5"), None, Decimal("0.5")), "0", 3, 0),
    ],
)
def test_what_is_counted_is_never_shown_beyond_what_the_rules_allow(rule, least, kept, shown):
    target = Target(on_hand=Decimal(100), least_safety=Decimal(least), rules=(rule,))
    assert (target.kept_back, target.shown) == (kept, shown)
    weighed = Target(Decimal(100), ZERO, Decimal(least), (rule,), is_counted=False)
    assert weighed.kept_back == max(Decimal(least), rule.safety_units or ZERO)
    assert weighed.shown == min(rule.most_shown or Decimal(100), 100 - weighed.kept_back)


def test_the_items_own_safety_stock_is_the_least():
    rule = Rule(Decimal(2))
    assert Target(Decimal(10), least_safety=Decimal(4), rules=(rule,)).kept_back == 4


def test_units_and_percent_at_one_place_are_told(bench):
    offer = Offer(item=bench.goods().item, safety_units=1, safety_percent=1)
    with pytest.raises(ValidationError, match="either units or percent"):
        offer.full_clean()


@pytest.mark.parametrize("percent", ["-1", "100.01"])
def test_a_share_is_between_none_and_all(bench, percent):
    with pytest.raises(ValidationError):
        Offer(item=bench.goods().item, safety_percent=Decimal(percent)).full_clean()


def test_rules_of_brand_and_account_reach_leaflink(bench):
    goods = bench.goods(on_hand=100)
    bench.ready()
    bench.account.safety_percent, bench.account.most_shown = 10, 60
    bench.account.save()
    bench.sync("inventory")
    assert bench.available(goods) == 60
    bench.account.brands.update(most_shown=75, safety_units=30)
    bench.sync("inventory")
    assert bench.available(goods) == 70
    Offer.objects.filter(item=goods.item).update(safety_units=0)
    bench.sync("inventory")
    assert bench.available(goods) == 75
