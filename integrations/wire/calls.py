"""A request that was made, as whoever keeps a history of them is told. No Django, no models."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from integrations.wire.errors import VendorError


@dataclass(frozen=True)
class CallMade:
    """A request and how it ended. Nothing of its headers, so no key.

    `path` is without host ("products/12"), `status` None when no answer came, `answer` the raw
    body. `is_page`: it read a page of a list. `error`: how it ended badly, None when it did not.
    `sent` is the JSON that was sent, or what was asked for where the vendor's client says so.
    """

    at: datetime
    method: str
    path: str
    is_page: bool
    sent: Any
    status: int | None
    answer: bytes
    milliseconds: int
    error: VendorError | None


class Observer(Protocol):
    """Who is told of each request once it has ended, in the thread that asked for it."""

    def __call__(self, call: CallMade, /) -> None: ...
