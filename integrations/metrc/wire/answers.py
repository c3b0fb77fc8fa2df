"""What Metrc's answers mean: a body, or one of the closed set of errors."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import requests

from integrations.metrc.wire.errors import VENDOR, credential_problem, refusal
from integrations.wire.errors import (
    BadCredentials,
    BadPayload,
    Forbidden,
    Gone,
    Refused,
    UnknownOutcome,
    Wait,
)
from integrations.wire.http import Reply, throttled_for

TOO_MANY = "it takes at most 10 records at once; send fewer at a time"
MOVED = "it sends us to another address; check the account's host"


def cutter(vendor_key: str, user_key: str) -> Callable[[bytes], bytes]:
    """A function that takes the keys, and the header made of them, out of an answer."""
    header = base64.b64encode(f"{vendor_key}:{user_key}".encode()).decode()
    forms = {
        form.encode()
        for key in (header, vendor_key, user_key)
        for form in (key, quote(key, safe=""), json.dumps(key)[1:-1])
    }
    # The longest first: one key may begin with the other.
    ordered = sorted(forms, key=len, reverse=True)

    def cut(content: bytes) -> bytes:
        for form in ordered:
            content = content.replace(form, b"(key)")
        return content

    return cut


def accepted(
    reply: Reply,
    path: str,
    license_number: str,
    cut: Callable[[bytes], bytes],
    pause: Callable[[float], None],
) -> requests.Response:
    """The response when it is a 2xx. Raises what anything else means; `pause` hears of a 429."""
    if reply.error:
        raise reply.error
    response = reply.response
    assert response is not None
    status, wrote = response.status_code, reply.method != "GET"
    if 200 <= status < 300:
        return response
    if status == 429:
        seconds = throttled_for(response)
        pause(seconds)
        raise Wait("Metrc asks to slow down (429).", seconds, slow_down=True)
    if status >= 500:
        if wrote:
            raise UnknownOutcome(f"Metrc failed ({status}) while making a change.")
        raise Wait(f"Metrc has a problem of its own ({status}).", 1)
    said = _said(cut(response.content))
    if status in (401, 403):
        kind = Forbidden if status == 403 else BadCredentials
        raise kind(credential_problem(status, reply.method, path, license_number, said))
    if status == 404:
        raise Gone("Metrc does not have this record (any more).")
    if status == 413:
        raise Refused([TOO_MANY], vendor=VENDOR)
    if status < 400:
        raise Refused([MOVED], vendor=VENDOR)
    raise Refused(*refusal(said, status), vendor=VENDOR)


def json_in(response: requests.Response) -> Any:
    """The body of a reading; fractions as texts, so that nothing is rounded. Raises BadPayload."""
    try:
        return json.loads(response.content, parse_float=str)
    except (ValueError, RecursionError):
        raise BadPayload("Metrc's answer was not JSON.") from None


def made_in(response: requests.Response) -> Any:
    """The body of an answer to a POST. Raises UnknownOutcome when it can't be read."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        raise UnknownOutcome("Metrc's answer to a change was not JSON.") from None


def changed_in(response: requests.Response) -> Any:
    """The same of a PUT or DELETE. Metrc: an empty body means that it was done."""
    return made_in(response) if response.content.strip() else None


def ids_in(answer: Any) -> list[int]:
    """The ids of what was made. Metrc: {"Ids": [1, 2], "Warnings": null}. [] when there are none
    that can be read."""
    ids = answer.get("Ids") if isinstance(answer, dict) else None
    if not isinstance(ids, list) or not all(_is_id(one) for one in ids):
        return []
    return ids


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63


def _said(content: bytes) -> Any:
    """The words of an error: JSON, or plain text as it is."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content.decode("utf-8", "replace")
