"""A request that was made, as whoever keeps a history of them is told. No Django, no models."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from integrations.leaflink.wire.errors import LeafLinkError


@dataclass(frozen=True)
class CallMade:
    """A request and how it ended. Nothing of its headers, so no key.

    `path` is without host ("products/12"), `status` None when no answer came, `answer` the raw
    body. `is_page`: it read a page of a list. `error`: how it ended badly, None when it did not.
    """

    at: datetime
    method: str
    path: str
    is_page: bool
    sent: dict[str, Any] | None
    status: int | None
    answer: bytes
    milliseconds: int
    error: LeafLinkError | None


class Observer(Protocol):
    """Who is told of each request once it has ended, in the thread that asked for it."""

    def __call__(self, call: CallMade, /) -> None: ...
