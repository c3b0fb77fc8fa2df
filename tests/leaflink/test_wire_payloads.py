"""Payloads: everything LeafLink really sends is read, and what can't be is named by its path."""

from contextlib import suppress
from datetime import UTC
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.leaflink.wire import payloads
from integrations.wire.errors import BadPayload

NUMBER = "3f0c7a52-9d41-4c7e-8a16-5be20c94d7f1"


def order(**more):
    return payloads.parse(payloads.Order, {"number": NUMBER, **more})


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ({"amount": "25.00", "currency": "USD"}, "25.00"),
        ({"amount": 25}, "25"),
        ("25.00", "25.00"),
        (25.1, "25.1"),
        ("1,250.50", "1250.50"),
        (None, "0"),
        ("", "0"),
        ({"amount": None}, "0"),
    ],
)
def test_money_comes_in_every_shape(value, amount):
    assert order(shipping_charge=value).shipping_charge == Decimal(amount)


def test_a_missing_total_is_not_a_total_of_zero():
    assert order().total is None
    assert order(total=None).total is None
    assert order(total={"amount": None}).total is None
    assert order(total={"amount": 0}).total == 0


@pytest.mark.parametrize("value", ["False", False, 0, None, ""])
def test_booleans_may_be_words(value):
    assert order(is_combination=value).is_combination is False


def test_transitions_are_a_list_or_a_comma_list():
    assert order(available_transitions=["fulfilled"]).available_transitions == ["fulfilled"]
    assert order(available_transitions="fulfilled, rejected").available_transitions == [
        "fulfilled",
        "rejected",
    ]


def test_nulls_stand_where_objects_are_expected():
    read = order(
        customer=None,
        selected_payment_option=None,
        delivery_address=None,
        sales_reps=None,
        notes=None,
    )
    assert read.customer is None
    assert read.notes == ""
    assert read.sales_reps == []


def test_an_order_without_lines_is_not_an_order_that_came_without_them():
    assert order().line_items is None
    assert order(line_items=[]).line_items == []


def test_a_time_without_offset_is_utc():
    assert order(modified="2026-07-06T11:05:09").modified.tzinfo == UTC


def test_unknown_keys_are_ignored_and_nul_bytes_dropped():
    assert order(brand_new=[1], notes="a\x00b").notes == "ab"


def test_emoji_and_four_byte_characters_survive():
    assert order(notes="🌿 グミ").notes == "🌿 グミ"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"number": "not a uuid"}, "number"),
        ({"number": NUMBER, "line_items": [{"id": 1, "quantity": "x"}]}, "line_items.0.quantity"),
        ({"number": NUMBER, "total": "NaN"}, "total"),
        ({"number": NUMBER, "total": "1e400"}, "total"),
        ([], "whole"),
        (None, "whole"),
        ("x", "whole"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_path(body, path):
    with pytest.raises(BadPayload, match=path):
        payloads.parse(payloads.Order, body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
keys = st.sampled_from(sorted(payloads.Order.model_fields))


@given(st.dictionaries(keys, json_values, max_size=8))
def test_whatever_comes_is_read_or_refused_as_bad_payload(body):
    with suppress(BadPayload):
        assert payloads.parse(payloads.Order, {"number": NUMBER, **body}).number


def test_the_effective_price_is_the_sale_price_when_there_is_one():
    line = {"id": 1, "quantity": "12", "ordered_unit_price": "22.00"}
    assert payloads.parse(payloads.LineItem, {**line, "sale_price": "20.00"}).price == 20
    assert payloads.parse(payloads.LineItem, {**line, "sale_price": "0.00"}).price == 22


def test_a_hook_is_trusted_for_its_key_only():
    hook = payloads.parse(payloads.Webhook, {"type": "order", "data": {"number": NUMBER.upper()}})
    assert hook.key == NUMBER
    with pytest.raises(BadPayload, match="names no product"):
        _ = payloads.parse(payloads.Webhook, {"type": "product", "data": {"id": "x"}}).key
    with pytest.raises(BadPayload, match="type"):
        payloads.parse(payloads.Webhook, {"type": "invoice", "data": {}})
