"""The pure tables and functions between LeafLink and us."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.leaflink.mapping import fingerprints, money
from integrations.leaflink.mapping.payment_terms import CODES, local_term
from integrations.leaflink.mapping.statuses import (
    REMOTE_STATES,
    RESERVING,
    RemoteStatus,
    remote_state,
)
from integrations.leaflink.wire import payloads
from orders.models import PaymentTerm

NUMBER = "3f0c7a52-9d41-4c7e-8a16-5be20c94d7f1"


def order(*lines, **more):
    body = {"number": NUMBER, "line_items": list(lines), **more}
    return payloads.parse(payloads.Order, body)


def line(quantity, price, multiplier=1, **more):
    return {
        "id": 1,
        "product": 1,
        "quantity": str(quantity),
        "unit_multiplier": multiplier,
        "ordered_unit_price": {"amount": price},
        **more,
    }


def test_every_leaflink_status_is_in_the_table():
    assert set(REMOTE_STATES) == set(RemoteStatus)
    assert RESERVING == ["Submitted", "Accepted"]
    assert remote_state("Teleported").meaning == "not yet"


def test_prices_are_per_case_and_quantities_in_units():
    # Three lines of one case of 24 at 114.00 each make 342.00.
    assert money.parts(order(*[line(24, "114.00", 24)] * 3)).total == Decimal("342.00")


def test_a_fractional_case_is_priced_exactly():
    assert money.parts(order(line(18, "10.00", 12))).total == Decimal("15.00")


def test_all_parts_of_a_total():
    read = order(
        line(48, "96.00", 12),
        line(10, "22.00", sale_price="20.00"),
        line(1, "-5.00"),
        discount=10,
        discount_type="%",
        final_tax="3.00",
        shipping_charge={"amount": 25},
        credits="12.50",
        total={"amount": 600},
    )
    parts = money.parts(read)
    assert parts.lines == Decimal("584.00")
    assert parts.line_discounts == Decimal("5.00")
    assert parts.discount == Decimal("57.90")
    assert parts.total == Decimal("536.60")
    assert parts.difference == Decimal("63.40")
    assert "LeafLink says 600.00" in parts.explanation


def test_a_missing_total_is_no_difference():
    assert money.parts(order(line(1, "5"))).difference == 0


amounts = st.decimals("0", "9999", places=2)


@given(
    st.lists(st.tuples(st.integers(1, 500), amounts, st.integers(1, 48)), max_size=8),
    amounts,
    amounts,
)
def test_our_total_agrees_with_leaflinks_when_it_adds_up_the_same_way(rows, shipping, tax):
    lines = [line(cases * size, str(price), size) for cases, price, size in rows]
    remote = sum((cases * price for cases, price, _ in rows), Decimal(0)) + shipping + tax
    read = order(
        *lines, shipping_charge=str(shipping), final_tax=str(tax), total={"amount": str(remote)}
    )
    assert money.parts(read).difference == 0


@pytest.mark.parametrize(
    ("more", "percent"),
    [
        ({"tax_amount": 15, "final_tax": "1.50"}, "15"),
        ({"order_taxes": [{"rate": 10}, {"rate": "5.5"}], "final_tax": "1.55"}, "15.5"),
        ({"final_tax": "1.50"}, "15.00"),
        ({}, None),
    ],
)
def test_the_tax_rate_is_found_wherever_leaflink_puts_it(more, percent):
    found = money.tax_percent(order(line(1, "10.00"), **more))
    assert found == (Decimal(percent) if percent else None)


def test_our_terms_are_the_twelve():
    assert set(PaymentTerm.values) == CODES


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"selected_payment_option": {"payment_term": {"code": "net15"}}}, "net15"),
        (
            {
                "selected_payment_option": {"payment_term": {"code": "llf"}},
                "payment_term": "Net 15",
            },
            "",
        ),
        ({"selected_payment_option": {"payment_term": {"days": 30, "code": ""}}}, "net30"),
        ({"payment_term": "Net 7"}, "net7"),
        ({"payment_term": "COD"}, "cod"),
        ({"payment_term": "Pre-Payment"}, "prepay"),
        ({"payment_term": "Wire on Delivery"}, ""),
        ({}, ""),
    ],
)
def test_terms_by_code_then_days_then_name(more, code):
    assert local_term(order(**more)) == code


def test_content_ignores_status_payments_and_times():
    first = order(
        line(1, "5"), status="Submitted", modified="2026-01-01T00:00:00Z", payment_balance=5
    )
    second = order(
        line(1, "5"), status="Accepted", modified="2026-02-01T00:00:00Z", payment_balance=0
    )
    third = order(line(2, "5"), status="Accepted")
    assert fingerprints.of_content(first) == fingerprints.of_content(second)
    assert fingerprints.of_content(first) != fingerprints.of_content(third)
