"""The last line before a log line or an error report leaves: keys are cut out of it.

No code of ours logs a key. This is for what others put into their messages: a library that quotes a
header, an address with a password in it, a database error that repeats its row.
"""

import re
from collections.abc import Collection
from typing import Any

CUT = "[cut]"
# Names under which secrets are kept, in headers, settings, columns and JSON.
_NAMES = (
    r"authorization|proxy-authorization|cookie|set-cookie|ll-signature|x-csrftoken|app[_-]?key"
    r"|webhook[_-]?key|api[_-]?key|password|passwd|secret(?:_key)?|field_encryption_keys?"
    r"|(?:access_|refresh_|metrics_)?token|sentry_dsn|sessionid|csrftoken"
)
_PATTERNS = (
    # JSON and Python dictionaries, also inside a JSON string: "app_key": "…", 'app_key': '…'
    (
        re.compile(
            rf"""((?:\\?["'])(?:{_NAMES})(?:\\?["'])\s*[:=,]\s*)(\\?["'])(?:(?!\2).)*\2""",
            re.IGNORECASE,
        ),
        rf"\1\2{CUT}\2",
    ),
    # Authorization: App …, "App …" by itself, Bearer …, Basic …, Token …
    (
        re.compile(
            r"\b(App|Bearer|Basic|Token)\s+(?=[\w.~+/=-]*[\d+/=])[\w.~+/=-]{12,}", re.IGNORECASE
        ),
        rf"\1 {CUT}",
    ),
    # A header or a setting in a line of text: app_key=…, Authorization: …
    (
        re.compile(
            rf"\b({_NAMES})(\s*[=:]\s*)(?!\[cut\])(?:(?:App|Bearer|Basic|Token)\s+)?"
            r"[^\s\"'\\,;&)}\]]{4,}",
            re.IGNORECASE,
        ),
        rf"\1\2{CUT}",
    ),
    # A value under an encryption key of ours (Fernet).
    (re.compile(r"\bgAAAA[\w-]{40,}={0,2}"), CUT),
    # User and password in an address.
    (re.compile(r"(\b[a-z][\w+.-]*://)[^\s/@\"']+@", re.IGNORECASE), rf"\1{CUT}@"),
)


class Redaction:
    """Cuts keys out of text: by how they look, and those of this installation by what they are."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        # Short ones would cut words.
        known = sorted({re.escape(s) for s in secrets if len(s) >= 8}, key=len, reverse=True)
        self._known = re.compile("|".join(known)) if known else None

    def text(self, text: str) -> str:
        """The text without keys."""
        if self._known:
            text = self._known.sub(CUT, text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text

    def everywhere(self, value: Any) -> Any:
        """The same for every text in nested lists and dictionaries; what a name gives away too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                key: CUT
                if isinstance(inner, str) and re.fullmatch(_NAMES, str(key), re.IGNORECASE)
                else self.everywhere(inner)
                for key, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.everywhere(inner) for inner in value]
        return value

    def __call__(self, logger: Any, name: str, line: str) -> str:
        """As structlog's last processor, after the one that makes the line."""
        return self.text(line)
