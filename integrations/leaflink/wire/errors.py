"""The closed set of ways a call to LeafLink can end badly. Each says what to do next."""

from typing import Any


class LeafLinkError(Exception):
    """Any of them. The text is for people."""


class Wait(LeafLinkError):
    """Not now (429, 5xx, no network). Nothing was changed; try again after `seconds`. `slow_down`:
    LeafLink has told us to (429), which is nobody's failure."""

    def __init__(self, message: str, seconds: float, *, slow_down: bool = False) -> None:
        super().__init__(message)
        self.seconds = seconds
        self.slow_down = slow_down


class Refused(LeafLinkError):
    """400: LeafLink doesn't accept what was sent. `messages` are its own words, `by_field` the same
    by the field they are about ("" for none)."""

    def __init__(self, messages: list[str], by_field: dict[str, str] | None = None) -> None:
        super().__init__("LeafLink refused: " + ("; ".join(messages) or "it gave no reason"))
        self.messages = messages
        self.by_field = by_field or ({"": "; ".join(messages)} if messages else {})


class Gone(LeafLinkError):
    """404: the record does not exist (any more)."""


class BadCredentials(LeafLinkError):
    """401 or 403: the key is wrong, was revoked, or lacks a permission."""


class Forbidden(BadCredentials):
    """403: the key lacks a permission, or the record is not this company's."""


class BadPayload(LeafLinkError):
    """An answer that can't be understood; the text names the path."""


class UnknownOutcome(LeafLinkError):
    """A write whose answer was lost: it may or may not have happened. Read before writing again."""


def error_messages(body: Any, path: str = "") -> list[str]:
    """Flatten the body of a 400 into sentences that name the field they are about.

    Accepts everything REST framework sends: {"detail": ...}, {"field": [...]}, nested lists that
    are aligned by index with the request ({} for a row that is fine), and bare lists.
    """
    if isinstance(body, dict):
        found: list[str] = []
        for key, value in body.items():
            inner = path if key in ("detail", "non_field_errors") else f"{path}.{key}".strip(".")
            found += error_messages(value, inner)
        return found
    if isinstance(body, list):
        found = []
        for index, value in enumerate(body, start=1):
            where = f"{path} {index}" if isinstance(value, dict | list) else path
            found += error_messages(value, where)
        return found
    text = str(body).strip()
    return [f"{path}: {text}" if path else text] if text else []


def messages_by_field(body: Any) -> dict[str, str]:
    """The body of a 400 by its top-level fields, in sentences; "" for what is about none."""
    found: dict[str, str] = {}
    for key, value in body.items() if isinstance(body, dict) else [("", body)]:
        name = "" if key in ("detail", "non_field_errors") else str(key)
        if text := "; ".join(error_messages(value)):
            found[name] = f"{found[name]}; {text}" if name in found else text
    return found
