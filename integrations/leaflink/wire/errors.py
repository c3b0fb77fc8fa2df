"""LeafLink's words about what it refuses, out of the shapes it sends them in."""

from typing import Any

VENDOR = "LeafLink"


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
