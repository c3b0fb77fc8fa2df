"""Metrc's words about what it refuses, and what people can do about them."""

from typing import Any

VENDOR = "Metrc"
MOST_SHOWN = 300

# Metrc: which permission of the user a path needs. The first that fits counts.
_PERMISSIONS = (
    ("/packages/wholesale", "View Wholesale"),
    ("/pdf", "View Transfer Templates"),
    ("transfers/v2/templates", "View Transfer Templates"),
    ("transfers/", "View Transfers"),
    ("packages/", "View Packages"),
    ("items/", "View Items"),
    ("transporters/", "Transporters"),
    ("tags/", "View Tags"),
)


def permission_for(method: str, path: str) -> str:
    """The name of the Metrc permission a call needs, as its users read it there; "" if unknown."""
    for part, name in _PERMISSIONS:
        if part in f"{path}/":
            return name if method == "GET" else name.replace("View", "Manage")
    return ""


def refusal(body: Any, status: int) -> tuple[list[str], dict[str, str]]:
    """The messages of a 4xx, and the same by the row of the request they are about.

    Metrc: [{"row": 0, "message": "..."}] is validation, `row` counts from 0. An object or plain
    text is no validation (in sandboxes even a fault of the server): its words stand under "".
    """
    if isinstance(body, list):
        by_row: dict[str, str] = {}
        messages: list[str] = []
        for one in body:
            row, text = _row_of(one), _text_of(one)
            if not text:
                continue
            messages.append(text)
            by_row[row] = f"{by_row[row]}; {text}" if row in by_row else text
        return messages or [f"status {status}"], by_row
    text = _text_of(body) or f"status {status}"
    return [text], {"": text}


def _row_of(one: Any) -> str:
    row = one.get("row", one.get("Row")) if isinstance(one, dict) else None
    return str(row) if isinstance(row, int) and not isinstance(row, bool) else ""


def _text_of(one: Any) -> str:
    if isinstance(one, dict):
        one = one.get("message") or one.get("Message") or ""
    text = " ".join(one.split()) if isinstance(one, str) else ""
    # A proxy's HTML page says nothing to a person.
    return "" if text.startswith("<") else text[:MOST_SHOWN]


def credential_problem(status: int, method: str, path: str, license_number: str, said: Any) -> str:
    """What a 401 or 403 may mean, with its cures. Metrc: it answers 401 alike for a wrong key, for
    a permission the user lacks and for a record that belongs to another license."""
    words = _text_of(said)
    where = f" for license {license_number}" if license_number else ""
    causes = ["a key is wrong or was revoked: paste both keys anew"]
    if permission := permission_for(method, path):
        causes.append(f"the user lacks the permission “{permission}”: have it given in Metrc")
    if license_number:
        causes.append("the license, or the record that was asked for, is not this user's")
    return f"Metrc refused the keys{where} ({status}{': ' + words if words else ''}). " + (
        "Either " + ", or ".join(causes) + "." if len(causes) > 1 else causes[0].capitalize() + "."
    )
