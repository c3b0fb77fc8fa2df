"""Cutting keys and other secrets out of what is kept of a call."""

import json
import re
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import quote

CUT = "(cut)"
# Whole words of a field's name, however it is written: app_key, accessToken, client-secret.
SECRET_WORDS = frozenset(
    {"key", "keys", "apikey", "token", "tokens", "secret", "secrets", "password", "authorization"}
)
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_LOOKS_SECRET = re.compile("|".join(SECRET_WORDS))
_SCHEMES = ("app ", "token ", "bearer ", "basic ")
_HEADER = re.compile(r"\b(App|Token|Bearer|Basic)(\s+)[A-Za-z0-9._~+/=-]{16,}")
# PostgreSQL stores neither NULs nor halves of characters.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def cutter(secrets: Collection[str]) -> Callable[[str], str]:
    """A function that cuts these values, what looks like a header with a key, and what no database
    stores out of a text."""
    forms = {form.lower() for one in secrets for form in _forms(one)}
    # The longest first: one secret may begin with another.
    known = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    pattern = re.compile(known, re.IGNORECASE) if known else None

    def cut(text: str) -> str:
        # Looking first is much faster than replacing nothing: thousands of calls come through here.
        lower = text.lower()
        if pattern and any(form in lower for form in forms):
            text = pattern.sub(CUT, text)
        if any(scheme in lower for scheme in _SCHEMES):
            text = _HEADER.sub(rf"\1\2{CUT}", text)
        return _UNSTORABLE.sub("\ufffd", text)

    return cut


def _forms(secret: str) -> set[str]:
    """A secret as it may stand in a text: plain, in an address, inside JSON."""
    plain = secret.strip()
    return {plain, quote(plain, safe=""), json.dumps(plain)[1:-1]} if plain else set()


def is_secret(name: str) -> bool:
    """Whether a field of this name holds a secret."""
    return any(word.lower() in SECRET_WORDS for word in _WORD.findall(name))


def may_name_secrets(text: str) -> bool:
    """Whether a JSON text may have fields that hold secrets, or names that are written in escapes.
    Says yes rather too often."""
    return "\\u" in text or _LOOKS_SECRET.search(text.lower()) is not None


def without_secrets(value: Any, cut: Callable[[str], str]) -> Any:
    """A JSON value without what stands in secret fields, and with `cut` done to all its texts."""
    if isinstance(value, dict):
        return {
            cut(str(name)): CUT
            if one not in (None, "") and is_secret(str(name))
            else without_secrets(one, cut)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(one, cut) for one in value]
    return cut(value) if isinstance(value, str) else value
