"""Webhook signatures."""

import base64
import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from integrations.leaflink.wire.signature import is_valid, sign


def test_it_is_base64_of_the_hmac_over_the_raw_body():
    expected = base64.b64encode(hmac.new(b"key", b'{"a": 1}', hashlib.sha256).digest()).decode()
    assert sign("key", b'{"a": 1}') == expected


def test_no_key_fits_nothing():
    assert not is_valid("", b"x", sign("", b"x"))


@given(st.binary(), st.text(min_size=1), st.text())
def test_only_the_right_signature_fits(body, key, other):
    right = sign(key, body)
    assert is_valid(key, body, right)
    assert is_valid(key, body, f" {right}\n")
    assert not is_valid(key, body + b" ", right)
    assert not is_valid(key, body, right[:-2])
    assert is_valid(key, body, other) == (other.strip() == right)
