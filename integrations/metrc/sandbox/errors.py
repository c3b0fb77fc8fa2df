"""Refusals: each carries the HTTP status and the body Metrc would answer with."""

from __future__ import annotations

from typing import Any


class SandboxError(Exception):
    """A request that the stand-in refuses. `body` None: the state's way of saying nothing."""

    status = 400

    def __init__(self, body: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.body = body
        self.headers = headers or {}


class Invalid(SandboxError):
    """400: rows of the body are wrong; the body lists {"row", "message"}."""

    def __init__(self, problems: list[tuple[int, str]]) -> None:
        super().__init__([{"row": row, "message": message} for row, message in problems])
        self.messages = [message for _row, message in problems]


class BadRequest(SandboxError):
    """400: the request itself is wrong; the body is an object with a Message."""

    def __init__(self, message: str) -> None:
        super().__init__({"Message": message})


class Unauthorized(SandboxError):
    """401: bad keys, a missing permission, or something of another license. It says nothing."""

    status = 401


class NotFound(SandboxError):
    """404: no such record."""

    status = 404


class TooMany(SandboxError):
    """413: more objects in one body than Metrc takes."""

    status = 413


class Throttled(SandboxError):
    """429: over the limit; ``seconds`` says when to come back."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(None, {"Retry-After": str(seconds)})


class NotPossible(Exception):
    """A step in the web interface that can't be taken; the text says why, for people."""
