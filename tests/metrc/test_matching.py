"""Which delivery is which order: the table of cases, and what holds whatever the facts are."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.metrc.mapping.matching import candidates, may_share
from tests.metrc.transfers_table import CASES, COPPER, JUNIPER, at, delivery, order

pytestmark = pytest.mark.once


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_of_the_table(case):
    found = candidates(case.orders, case.deliveries, by_invoice=case.by_invoice)
    assert {(v.order_id, v.delivery_id) for v in found} == set(case.expected)
    for verdict in found:
        expected = case.expected[verdict.order_id, verdict.delivery_id]
        if expected in ("template", "labels", "invoice"):
            assert (verdict.is_certain, verdict.how) == (True, expected), verdict
        else:
            assert not verdict.is_certain
            assert expected in verdict.doubts


LABELS = "ABCDEF"
sets = st.frozensets(st.sampled_from(LABELS), max_size=4)
licenses = st.sampled_from([*[JUNIPER] * 8, COPPER, ""])


@st.composite
def facts(draw):
    """Orders that share no package, as the database sees to, and deliveries of any kind."""
    orders, left = [], set(LABELS)
    for pk in (1, 2, 3):
        labels = frozenset(draw(sets) & left)
        left -= labels
        orders.append(
            order(
                pk,
                labels,
                recipient=draw(licenses),
                template_ids=frozenset({pk} if draw(st.booleans()) else ()),
                asked_at=at(draw(st.sampled_from([0, 100]))),
            )
        )
    deliveries = []
    for pk in range(1, draw(st.integers(1, 4)) + 1):
        # Mostly what one order or two have asked for, sometimes anything.
        whole = draw(st.lists(st.sampled_from(orders), min_size=1, max_size=2, unique=True))
        labels = frozenset().union(*(one.labels for one in whole))
        labels = draw(st.sampled_from([labels, labels, labels, draw(sets)]))
        made_from = draw(st.sampled_from([None, None, whole[0].id, 1, 3]))
        deliveries.append(
            delivery(
                pk,
                labels,
                transfer_id=draw(st.integers(1, 3)),
                recipient=draw(licenses),
                template_id=made_from,
                template_order=f"SO-{made_from:06d}" if made_from else "",
                registered_at=draw(st.sampled_from([at(60), at(110), at(200), at(201), None])),
                invoice=draw(st.sampled_from(["", "", "so-000001", "SO-000002 "])),
                is_void=draw(st.integers(0, 4)) == 0,
                is_back=draw(st.integers(0, 3)) == 0,
            )
        )
    return orders, deliveries


@settings(max_examples=30)
@given(facts(), st.randoms(use_true_random=False))
def test_the_order_in_which_rows_arrive_decides_nothing(found, chance: random.Random):
    orders, deliveries = found
    expected = candidates(orders, deliveries)
    chance.shuffle(orders)
    chance.shuffle(deliveries)
    assert candidates(orders, deliveries) == expected


@settings(max_examples=30)
@given(facts())
def test_an_order_is_certainly_one_delivery_at_most(found):
    orders, deliveries = found
    verdicts = candidates(orders, deliveries)
    certain = Counter(v.order_id for v in verdicts if v.is_certain)
    assert set(certain.values()) <= {1}
    # And what is certain stands alone: nobody is asked about it.
    assert not {v.order_id for v in verdicts if not v.is_certain} & set(certain)


@settings(max_examples=30)
@given(facts())
def test_nothing_is_certain_with_a_package_that_is_foreign_or_missing(found):
    orders, deliveries = found
    orders = {one.id: one for one in orders}
    deliveries = {one.id: one for one in deliveries}
    packages = {}
    for verdict in candidates(orders.values(), deliveries.values()):
        if verdict.is_certain:
            packages.setdefault(verdict.delivery_id, []).append(orders[verdict.order_id])
    for pk, mine in packages.items():
        one = deliveries[pk]
        assert not one.is_void
        assert {o.recipient for o in mine} == {one.recipient}
        if any(o.labels for o in mine):
            assert frozenset().union(*(o.labels for o in mine)) == one.labels
            assert may_share(one.labels, [o.labels for o in mine])
        else:
            assert len(mine) == 1
            assert not one.labels & frozenset().union(*(o.labels for o in orders.values()))


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        (["AB", "C"], True),
        (["AB"], True),
        (["AB", ""], False),
        (["AB", "X"], False),
        (["AB", "BC"], False),
    ],
)
def test_who_may_share_a_delivery(orders, expected):
    assert may_share("ABCD", [set(labels) for labels in orders]) is expected
