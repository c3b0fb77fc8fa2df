"""One request to a vendor and what came of it; pauses, budget. No Django, no models."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol

import requests

from integrations.wire.errors import UnknownOutcome, VendorError, Wait

USER_AGENT = "leafbridge"
TIMEOUT = (5, 30)  # seconds to connect, seconds to answer
READ_ATTEMPTS = 3
# A longer pause is not slept through: the caller is told, and comes back later.
LONGEST_SLEEP = 5.0
DEFAULT_THROTTLE = 30.0
LONGEST_THROTTLE = 15 * 60.0


class Budget(Protocol):
    """Who counts requests. `take` blocks until one more is allowed; `pause` is called on a 429."""

    def take(self) -> None: ...

    def pause(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class Reply:
    """What the network made of a request: a response, or the error that came in its place."""

    at: datetime
    method: str
    url: str
    sent: Any
    milliseconds: int
    response: requests.Response | None
    error: VendorError | None = None


def without_cookies(session: requests.Session) -> requests.Session:
    """The session, keeping no cookies: they are all that threads sharing it would write to."""
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def request(
    session: requests.Session,
    method: str,
    url: str,
    *,
    vendor: str,
    timeout: tuple[float, float],
    params: dict[str, Any] | None = None,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """One request, as it is; nothing but the network is touched, so any thread may do it."""
    at, began = datetime.now(UTC), time.perf_counter()
    response: requests.Response | None = None
    failed: VendorError | None = None
    try:
        # A redirect would carry the key along, or silently turn a POST into a GET.
        response = session.request(
            method,
            url,
            params=params,
            json=body,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        failed = _no_answer(method, error, vendor)
    took = round((time.perf_counter() - began) * 1000)
    return Reply(at, method, url, body, took, response, failed)


def _no_answer(method: str, error: requests.RequestException, vendor: str) -> VendorError:
    """What it means that the network brought no answer."""
    if isinstance(error, requests.ConnectTimeout):
        return Wait(f"{vendor} can't be reached ({type(error).__name__}).", 2)
    if method == "GET":
        return Wait(f"{vendor} did not answer ({type(error).__name__}).", 1)
    return UnknownOutcome(
        f"The connection broke before {vendor}'s answer came; whether the change was made is found "
        "out by reading."
    )


def throttled_for(response: requests.Response) -> float:
    """The seconds that a 429 asks us to keep away."""
    for header in ("Retry-After", "RateLimit-Reset"):
        value = response.headers.get(header, "")
        if value.isascii() and value.replace(".", "", 1).isdigit() and len(value) < 12:
            # Longer than a quarter of an hour is a mistake, or a time of day and not a time span.
            return min(max(1.0, float(value)), LONGEST_THROTTLE)
    return DEFAULT_THROTTLE
