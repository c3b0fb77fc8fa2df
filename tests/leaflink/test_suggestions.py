"""How alike products and items are found, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.leaflink.mapping.suggestions import Thing, compare, suggest, words

GUMMIES = Thing(1, "GUM-100", "Blue Mesa Gummies 100mg", "Alder", "Blue Mesa", "Unit", 12)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Gummies 100 mg", "gummies 100mg"),
        ("Pre-roll, 5 Pack", "pre roll 5pk"),
        ("Flower 1/8 oz", "flower 3.5g"),
        ("  Rosin – 1 gram ", "rosin 1g"),
        ("", ""),
    ],
)
def test_names_are_compared_in_plain_words(text, plain):
    assert words(text) == plain


def test_the_same_sku_leads_but_what_contradicts_it_is_said():
    found = compare(Thing(9, "GUM-100", GUMMIES.name, "Alder", "", "Unit", 12), GUMMIES)
    assert (found.score, found.reasons[0].text) == (100, "same SKU")
    found = compare(Thing(9, "GUM-100", "Something else"), GUMMIES)
    assert 80 <= found.score < 95
    assert {"another strain", "name 32 %"} <= {r.text for r in found.reasons if not r.good}


def test_a_name_with_its_words_swapped_and_the_brand_in_front_is_found():
    thing = Thing(9, "X", "Alder: Gummies Blue Mesa 100 mg", "Alder", unit="Unit", case_size=12)
    found = compare(thing, GUMMIES)
    assert found.score >= 80
    assert {"same strain", "same brand", "same size 100mg"} <= {r.text for r in found.reasons}
    assert all(reason.good for reason in found.reasons)


def test_what_speaks_against_a_pair_is_said():
    thing = Thing(9, "X", "Alpine Haze Gummies 50mg", "Other", "Alpine Haze", "Gram", 24)
    against = {reason.text for reason in compare(thing, GUMMIES).reasons if not reason.good}
    assert {"another strain", "another size", "brand Alder"} <= against
    assert {"counted in units, not grams", "case of 12, not 24"} <= against


def test_a_strain_that_shares_a_word_with_the_brand_is_the_same_strain():
    thing = Thing(9, "X", "Blue Mesa Gummies", "Mesa Bloom")
    other = Thing(2, "Y", "Blue Mesa Gummies", "Mesa Bloom", "Blue Mesa")
    assert "same strain" in {reason.text for reason in compare(thing, other).reasons}


def test_another_series_and_a_sample_are_told_apart():
    series = Thing(9, "X", "Blue Mesa Gummies 100mg Series 4", "Alder", "", "Unit", 12)
    other = Thing(2, "Y", "Sample: Blue Mesa Gummies 100mg Series 3", "Alder", "", "Unit", 12)
    found = compare(series, other)
    against = {reason.text for reason in found.reasons if not reason.good}
    assert {"number 3, not number 4", "a sample"} <= against
    assert found.score < 55


def test_the_best_comes_first_and_nothing_that_is_not_alike():
    pool = [
        Thing(2, "A", "Chocolate Bar"),
        GUMMIES,
        Thing(3, "GUM-50", "Blue Mesa Gummies 50mg", "Alder", "Blue Mesa", "Unit", 12),
    ]
    (found,) = suggest([Thing(9, "", "Blue Mesa Gummies 100mg", "Alder", "", "Unit", 12)], pool)
    assert [one.thing.pk for one in found] == [1, 3]


def test_nothing_is_like_nothing():
    assert suggest([Thing(1, "", "")], [GUMMIES]) == [[]]
    assert suggest([GUMMIES], []) == [[]]
    assert suggest([], [GUMMIES]) == []


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_any_text_has_a_score_and_is_most_like_itself(name, other, sku, brand):
    thing = Thing(1, sku, name, brand)
    found = compare(thing, Thing(2, sku, other, brand))
    assert 0 <= found.score <= 100
    assert compare(thing, Thing(3, sku, name, brand)).score >= found.score
