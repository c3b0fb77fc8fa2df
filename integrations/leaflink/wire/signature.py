"""The signature of LeafLink's webhooks.

LeafLink: header `LL-Signature` = base64(HMAC-SHA256(company webhook key, raw body)).
"""

import base64
import hashlib
import hmac


def sign(key: str, body: bytes) -> str:
    """The signature LeafLink would send with this raw body."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def is_valid(key: str, body: bytes, signature: str) -> bool:
    """Whether `signature` fits the raw body, in a time that doesn't depend on either.

    An empty key fits nothing: an account without webhook key refuses all.
    """
    expected = sign(key, body)
    return bool(key) & hmac.compare_digest(
        expected.encode(), signature.strip().encode("utf-8", "surrogateescape")
    )
