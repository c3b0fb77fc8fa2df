"""The PDF in the answer to a request for a manifest."""

import base64
import binascii
import json

import requests

from integrations.wire.errors import BadPayload

START = b"%PDF"


def holds_file(response: requests.Response) -> bool:
    """Whether an answer is a file, or JSON with one in it."""
    return response.ok and (
        response.content[:4] == START or b'"FileContents"' in response.content[:400]
    )


def pdf_in(response: requests.Response) -> bytes:
    """The PDF of an answer. Metrc: documented as JSON with the file in base64 ("FileContents");
    one integrator got the bytes themselves. Raises BadPayload."""
    content = response.content
    if "json" in response.headers.get("Content-Type", "").lower():
        content = _file_in(content)
    if not content.startswith(START):
        raise BadPayload("Metrc's manifest is not a PDF.")
    return content


def _file_in(content: bytes) -> bytes:
    try:
        body = json.loads(content)
        return base64.b64decode(body["FileContents"], validate=True)
    except (ValueError, TypeError, KeyError, binascii.Error, RecursionError):
        raise BadPayload("Metrc's manifest came without a file that could be read.") from None
