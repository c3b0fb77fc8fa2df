"""Refusals: each carries the HTTP status and the JSON body LeafLink would answer with."""

from __future__ import annotations

from typing import Any


class SandboxError(Exception):
    """A request that the stand-in refuses.

    ``status`` is the HTTP status, ``body`` the JSON value of the answer. Raised alike by the
    Python API and by the HTTP routes, so a test can look at the body without going over HTTP.
    """

    status = 400

    def __init__(self, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.body = body
        self.headers = headers or {}


class Invalid(SandboxError):
    """400: a value is missing or wrong; the body maps field names to lists of messages."""


class OutOfStock(Invalid):
    """400: more was asked than is available; ``body["line_items"]`` is aligned by index."""


class IllegalTransition(SandboxError):
    """400: the order's status doesn't allow this step, or not to this party."""


class Unauthorized(SandboxError):
    """401: no key, or one that LeafLink doesn't know."""

    status = 401

    def __init__(self) -> None:
        super().__init__({"detail": "Invalid token."}, {"WWW-Authenticate": "App"})


class Forbidden(SandboxError):
    """403: the key is good but the app lacks the permission for this resource."""

    status = 403

    def __init__(self) -> None:
        super().__init__({"detail": "You do not have permission to perform this action."})


class NotFound(SandboxError):
    """404: no such record, or it belongs to another company."""

    status = 404

    def __init__(self) -> None:
        super().__init__({"detail": "Not found."})


class Throttled(SandboxError):
    """429: the key's owner used up the budget; ``seconds`` says when to come back."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(
            {"detail": f"Request was throttled. Expected available in {seconds} seconds."},
            {"Retry-After": str(seconds)},
        )
