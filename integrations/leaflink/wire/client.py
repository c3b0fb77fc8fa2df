"""The LeafLink client: one company's App key, its pages, its errors, and nothing of ours.

LeafLink: Marketplace V2; every path ends in a slash; `Authorization: App <key>`; lists come as
{"count", "next", "previous", "results"} and are walked by following `next`.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any
from urllib.parse import urlsplit

import requests

from integrations.leaflink.wire.errors import VENDOR, error_messages, messages_by_field
from integrations.wire import http
from integrations.wire.calls import CallMade, Observer
from integrations.wire.errors import (
    BadCredentials,
    BadPayload,
    Forbidden,
    Gone,
    Refused,
    UnknownOutcome,
    VendorError,
    Wait,
)
from integrations.wire.http import (
    LONGEST_SLEEP,
    READ_ATTEMPTS,
    TIMEOUT,
    USER_AGENT,
    Budget,
    Reply,
    throttled_for,
    without_cookies,
)

PAGE_SIZE = 100
MOST_PAGES = 2000

Json = dict[str, Any]


class LeafLinkClient:
    """Calls LeafLink with one App key. `calls` counts the requests; `on_call` is told of each."""

    def __init__(
        self,
        base_url: str,
        app_key: str,
        *,
        budget: Budget,
        session: requests.Session | None = None,
        on_call: Observer | None = None,
        sleep: Callable[[float], None] | None = None,
        timeout: tuple[float, float] = TIMEOUT,
        read_attempts: int = READ_ATTEMPTS,
    ) -> None:
        if not app_key.strip():
            raise BadCredentials("There is no App key. Paste one under the account's keys.")
        if not app_key.isascii():
            raise BadCredentials("The App key holds characters that no key has: paste it anew.")
        self.base_url = base_url.rstrip("/")
        self.budget = budget
        self.sleep = sleep or time.sleep
        self.on_call = on_call
        self.timeout = timeout
        self.read_attempts = read_attempts
        self.calls = 0
        self._key = app_key.strip()
        self.session = without_cookies(session or requests.Session())
        self.session.headers.update(
            {
                "Authorization": f"App {app_key.strip()}",
                "User-Agent": USER_AGENT,
                "Accept": "application/json",
            }
        )

    def pages(self, resource: str, **params: Any) -> Iterator[list[Any]]:
        """Yield each page's rows of a list resource ("products"), unparsed."""
        url: str | None = self._url(resource)
        query: Json | None = {"limit": PAGE_SIZE, **params}
        for _ in range(MOST_PAGES):
            if url is None:
                return
            body = self._read(url, query, page_of=resource)
            yield body["results"]
            url, query = self._same_host(body.get("next")), None
        raise BadPayload(f"The list of {resource} has no end: over {MOST_PAGES} pages.")

    def get(self, path: str, **params: Any) -> Any:
        """Read one record ("products/12")."""
        return self._read(self._url(path), params)

    def patch(self, path: str, body: Json) -> Json:
        """Change a record; returns it as LeafLink now shows it."""
        return self._write("PATCH", path, body)

    def patch_many(
        self, changes: Iterable[tuple[str, Json]], *, at_once: int
    ) -> Iterator[tuple[int, Json | VendorError]]:
        """Change many records ("products/12", body), up to `at_once` requests at a time.

        Yields, as the answers come, the position of the change and the record or the error that
        ended it. The next change is taken from the iterable only when it is about to be sent. Only
        the network is in other threads: the budget is asked, and answers are read, in this one.
        After a Wait (429, no network) or a refused key nothing more is sent; what was on its way
        is still answered. What `budget.take` raises comes out when all answers are there.
        """
        waiting: dict[Future[Reply], int] = {}
        source = enumerate(changes)
        stopped: Exception | None = None
        is_over = False
        with ThreadPoolExecutor(max_workers=at_once) as pool:
            while True:
                while not is_over and len(waiting) < at_once:
                    try:
                        found = next(source, None)
                        if found is None:
                            is_over = True
                            break
                        position, (path, body) = found
                        self._count()
                    except Exception as error:
                        stopped, is_over = error, True
                        break
                    future = pool.submit(self._request, "PATCH", self._url(path), body=body)
                    waiting[future] = position
                    if len(waiting) < at_once and any(one.done() for one in waiting):
                        break  # read what has come before asking for more
                if not waiting:
                    break
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    answer = self._outcome(future)
                    is_over = is_over or _ends_it(answer)
                    yield waiting.pop(future), answer
        if stopped:
            raise stopped

    def _outcome(self, future: "Future[Reply]") -> Json | VendorError:
        try:
            return self._written(future.result())
        except VendorError as error:
            return error

    def post(self, path: str, body: Json | None = None) -> Json:
        """Create a record or perform an action. Never repeated by itself: LeafLink has no keys
        that would tell a repetition from a second order."""
        return self._write("POST", path, body)

    def _url(self, path: str) -> str:
        return f"{self.base_url}/{path.strip('/')}/"

    def _same_host(self, url: Any) -> str | None:
        if not url:
            return None
        there, here = urlsplit(str(url)), urlsplit(self.base_url)
        if (there.scheme, there.netloc) != (here.scheme, here.netloc):
            # Following it would hand the key to somebody else.
            raise BadPayload("The next page is said to be on another host; not following it.")
        return str(url)

    def _read(self, url: str, params: Json | None, *, page_of: str = "") -> Any:
        for attempt in range(1, self.read_attempts + 1):
            try:
                return self._settled(self._send("GET", url, params=params), page_of=page_of)
            except Wait as error:
                if attempt == self.read_attempts or error.seconds > LONGEST_SLEEP:
                    raise
                self.sleep(error.seconds * attempt)
        raise AssertionError("unreachable")

    def _write(self, method: str, path: str, body: Json | None) -> Json:
        return self._written(self._send(method, self._url(path), body=body))

    def _written(self, reply: Reply) -> Json:
        answer: Json = self._settled(reply, wrote=True)
        return answer

    def _settled(self, reply: Reply, *, wrote: bool = False, page_of: str = "") -> Any:
        """What the reply says, or the error it means; either way the observer is told."""
        failed: VendorError | None = None
        try:
            answer = self._answer(reply, wrote)
            if wrote and not isinstance(answer, dict):
                raise BadPayload("LeafLink's answer to a change is not an object.")
            if page_of and not (
                isinstance(answer, dict) and isinstance(answer.get("results"), list)
            ):
                raise BadPayload(f'The list of {page_of} came without "results".')
            return answer
        except VendorError as error:
            failed = error
            raise
        finally:
            if self.on_call:
                self.on_call(self._call_made(reply, failed, is_page=bool(page_of)))

    def _call_made(self, reply: Reply, error: VendorError | None, *, is_page: bool) -> CallMade:
        response = reply.response
        return CallMade(
            at=reply.at,
            method=reply.method,
            path=reply.url.removeprefix(self.base_url).partition("?")[0].strip("/"),
            is_page=is_page,
            sent=reply.sent,
            status=None if response is None else response.status_code,
            answer=b"" if response is None else response.content,
            milliseconds=reply.milliseconds,
            error=error,
        )

    def _send(
        self, method: str, url: str, *, params: Json | None = None, body: Json | None = None
    ) -> Reply:
        self._count()
        return self._request(method, url, params=params, body=body)

    def _count(self) -> None:
        """Take one request from the budget, waiting for it."""
        self.budget.take()
        self.calls += 1

    def _request(
        self, method: str, url: str, *, params: Json | None = None, body: Json | None = None
    ) -> Reply:
        """One request, in any thread."""
        return http.request(
            self.session,
            method,
            url,
            vendor=VENDOR,
            timeout=self.timeout,
            params=params,
            body=body,
        )

    def _answer(self, reply: Reply, wrote: bool) -> Any:
        if reply.error:
            raise reply.error
        response = reply.response
        assert response is not None
        status = response.status_code
        if status in (200, 201, 202):
            try:
                return json.loads(response.content, parse_float=str)
            except ValueError:
                if wrote:
                    raise UnknownOutcome("LeafLink's answer to a change was not JSON.") from None
                raise BadPayload("LeafLink's answer was not JSON.") from None
        if status == 204:
            return {}
        if status == 429:
            seconds = throttled_for(response)
            self.budget.pause(seconds)
            raise Wait("LeafLink asks to slow down (429).", seconds, slow_down=True)
        if status >= 500:
            if wrote:
                raise UnknownOutcome(f"LeafLink failed ({status}) while making a change.")
            raise Wait(f"LeafLink has a problem of its own ({status}).", 1)
        if status in (401, 403):
            kind = Forbidden if status == 403 else BadCredentials
            raise kind(_credential_problem(status, response.url, self._said(response)))
        if status == 404:
            raise Gone("LeafLink does not have this record (any more).")
        said = self._said(response)
        messages = error_messages(said) or [f"status {status}"]
        raise Refused(messages, messages_by_field(said), vendor=VENDOR)

    def _said(self, response: requests.Response) -> Any:
        """The body of an error, whose words people read: should it repeat our key, not that."""
        try:
            return json.loads(response.text.replace(self._key, "(key)"))
        except ValueError:
            return ""  # a proxy's HTML page says nothing to a person


def _ends_it(answer: Any) -> bool:
    """Whether it makes no sense to send anything after this answer."""
    is_bad_key = isinstance(answer, BadCredentials) and not isinstance(answer, Forbidden)
    return is_bad_key or isinstance(answer, Wait)


def _credential_problem(status: int, url: str, body: Any) -> str:
    resource = urlsplit(url or "").path.rstrip("/").split("/api/v2/")[-1].split("/")[0]
    said = "; ".join(error_messages(body))
    cure = (
        f"give the App key the permission for {resource or 'this resource'} in LeafLink under "
        "Settings > Applications"
        if status == 403
        else "paste the App key anew; it may have been revoked in LeafLink"
    )
    return f"LeafLink refused the key ({status}{': ' + said if said else ''}): {cure}."
