"""The Metrc client: one user of one state's host, its lists, its errors, and nothing of ours.

Metrc: API v2; HTTP Basic with the vendor's key as name and the user's key as password; the acting
license is a query parameter; lists come in pages of at most 20 and by windows of `lastModified`.
"""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import requests
from requests.auth import HTTPBasicAuth

from integrations.metrc.wire import answers, manifests
from integrations.metrc.wire.access import checked, secured
from integrations.metrc.wire.errors import VENDOR
from integrations.metrc.wire.pages import all_rows, rows_of
from integrations.metrc.wire.windows import as_text, windows
from integrations.wire import http
from integrations.wire.calls import CallMade, Observer
from integrations.wire.errors import (
    Gone,
    Refused,
    UnknownOutcome,
    VendorError,
    Wait,
)
from integrations.wire.http import LONGEST_SLEEP, READ_ATTEMPTS, TIMEOUT, USER_AGENT, Budget, Reply

PAGE_SIZE = 20  # Metrc: more is refused
# Metrc: 24 h is the width that every host is known to take.
LONGEST_WINDOW = timedelta(hours=23, minutes=55)
OVERLAP = timedelta(minutes=5)
# A refused window may be too wide: it is narrowed so often, and not below an hour.
NARROWINGS = 4
NARROWEST_WINDOW = timedelta(hours=1)
# Lists that some hosts know only without pages (they answer 404 to the page's number).
LOOKUPS = ("items/", "tags/", "locations/", "transporters/", "transfers/v2/types")

Json = dict[str, Any]


class MetrcClient:
    """Calls a state's Metrc with one pair of keys. `calls` counts the requests; `on_call` is told
    of each, with the query as `sent` where something is read. The keys are nowhere in what it
    says. `longest_window` becomes narrower when the host refuses it."""

    def __init__(
        self,
        base_url: str,
        vendor_key: str,
        user_key: str,
        *,
        budget: Budget,
        session: requests.Session | None = None,
        on_call: Observer | None = None,
        sleep: Callable[[float], None] | None = None,
        timeout: tuple[float, float] = TIMEOUT,
        read_attempts: int = READ_ATTEMPTS,
        longest_window: timedelta = LONGEST_WINDOW,
        page_size: int = PAGE_SIZE,
    ) -> None:
        keys = checked(vendor_key, "vendor key"), checked(user_key, "user key")
        self.base_url = secured(base_url)
        self.budget = budget
        self.on_call = on_call
        self.sleep = sleep or time.sleep
        self.timeout = timeout
        self.read_attempts = read_attempts
        self.longest_window = longest_window
        self.page_size = page_size
        self.calls = 0
        self._cut = answers.cutter(*keys)
        self.session = http.without_cookies(session or requests.Session())
        # As the session's auth, and not as a header: a .netrc would replace the header.
        self.session.auth = HTTPBasicAuth(*keys)
        self.session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})

    def __repr__(self) -> str:
        return f"<MetrcClient of {self.base_url}>"

    def get(self, path: str, license_number: str | None = None, **params: Any) -> Any:
        """Read what is not a list of pages ("packages/v2/1A40..."); numbers with a fraction are
        texts."""
        return self._read(path, _query(license_number, params))

    def rows(self, path: str, license_number: str | None, **params: Any) -> list[Any]:
        """All rows of a list, unparsed, whether it comes in pages or as a bare array."""
        query = _query(license_number, params)

        def read(number: int) -> Any:
            page = {**query, "pageNumber": number, "pageSize": self.page_size}
            return self._read(path, page, is_page=True)

        try:
            return all_rows(read, path, self.page_size)
        except Gone:
            if not path.startswith(LOOKUPS):
                raise
            return rows_of(self._read(path, query, is_page=True), path)

    def changed(
        self, path: str, license_number: str, since: datetime, until: datetime
    ) -> Iterator[tuple[datetime, list[Any]]]:
        """Yield (end of the window, its rows) of what was modified, oldest window first.

        Metrc: without both ends of the window only a recent slice comes. Once a window has been
        dealt with, everything up to its end is known, and the next walk may begin there; a walk
        reads somewhat more than asked for (OVERLAP), so a row may come twice.
        """
        reached, narrowed, configured = since, 0, self.longest_window
        while reached < until:
            for start, end in windows(reached, until, longest=self.longest_window, overlap=OVERLAP):
                try:
                    rows = self.rows(
                        path,
                        license_number,
                        lastModifiedStart=as_text(start),
                        lastModifiedEnd=as_text(end),
                    )
                except Refused:
                    if narrowed == NARROWINGS or end - start <= NARROWEST_WINDOW:
                        self.longest_window = configured  # it was about something else
                        raise
                    narrowed += 1
                    self.longest_window = _narrower(end - start)
                    break
                reached = min(end, until)
                yield reached, rows

    def post(self, path: str, license_number: str, body: list[Json]) -> list[int]:
        """Create records; returns their ids in the order of `body`. Never repeated by itself.
        Raises UnknownOutcome when they may have been made and their ids are not known."""
        answer = self._write("POST", path, license_number, body)
        ids = answers.ids_in(answer)
        if len(ids) != len(body):
            raise UnknownOutcome(
                "Metrc took what was sent but did not say which ids it gave; they are found out by "
                "reading."
            )
        return ids

    def put(self, path: str, license_number: str, body: list[Json]) -> None:
        """Change records."""
        self._write("PUT", path, license_number, body)

    def delete(self, path: str, license_number: str) -> None:
        """Archive or delete a record."""
        self._write("DELETE", path, license_number, None)

    def manifest_pdf(
        self, transfer_id: int | str, manifest_number: str, license_number: str
    ) -> bytes:
        """The manifest of a transfer as a PDF.

        Metrc: documented by the transfer's id; one integrator had to ask by manifest number.
        """
        try:
            return self._manifest(str(transfer_id), license_number)
        except Gone:
            if not manifest_number or manifest_number == str(transfer_id):
                raise
            return self._manifest(manifest_number, license_number)

    def _manifest(self, key: str, license_number: str) -> bytes:
        pdf: bytes = self._read(
            f"transfers/v2/manifest/{quote(key, safe='')}/pdf",
            _query(license_number, {}),
            headers={"Accept": "application/pdf, application/json"},
            understand=manifests.pdf_in,
        )
        return pdf

    def _read(
        self,
        path: str,
        query: Json,
        *,
        is_page: bool = False,
        headers: dict[str, str] | None = None,
        understand: Callable[[requests.Response], Any] = answers.json_in,
    ) -> Any:
        for attempt in range(1, self.read_attempts + 1):
            reply = self._send("GET", path, query, None, headers)
            try:
                return self._settled(reply, path, query, understand, is_page=is_page)
            except Wait as error:
                if attempt == self.read_attempts or error.seconds > LONGEST_SLEEP:
                    raise
                self.sleep(error.seconds * attempt)
        raise AssertionError("unreachable")

    def _write(self, method: str, path: str, license_number: str, body: Any) -> Any:
        query = _query(license_number, {})
        reply = self._send(method, path, query, _plain(body))
        understand = answers.made_in if method == "POST" else answers.changed_in
        return self._settled(reply, path, query, understand)

    def _send(
        self, method: str, path: str, query: Json, body: Any, headers: dict[str, str] | None = None
    ) -> Reply:
        self.budget.take()
        self.calls += 1
        return http.request(
            self.session,
            method,
            f"{self.base_url}/{path.lstrip('/')}",
            vendor=VENDOR,
            timeout=self.timeout,
            params=query,
            body=body,
            headers=headers,
        )

    def _settled(
        self,
        reply: Reply,
        path: str,
        query: Json,
        understand: Callable[[requests.Response], Any],
        *,
        is_page: bool = False,
    ) -> Any:
        """What the reply says, or the error it means; either way the observer is told."""
        failed: VendorError | None = None
        try:
            response = answers.accepted(
                reply, path, query.get("licenseNumber", ""), self._cut, self.budget.pause
            )
            return understand(response)
        except VendorError as error:
            failed = error
            raise
        finally:
            if self.on_call:
                self.on_call(
                    CallMade(
                        at=reply.at,
                        method=reply.method,
                        path=path.strip("/"),
                        is_page=is_page,
                        sent=query if reply.method == "GET" else reply.sent,
                        status=None if reply.response is None else reply.response.status_code,
                        answer=self._kept(reply.response),
                        milliseconds=reply.milliseconds,
                        error=failed,
                    )
                )

    def _kept(self, response: requests.Response | None) -> bytes:
        """The answer for the history: a manifest as its size, and no key that was repeated."""
        if response is None:
            return b""
        if manifests.holds_file(response):
            return f"(a file, {len(response.content):,} bytes)".encode()
        return self._cut(response.content)


def _query(license_number: str | None, params: Json) -> Json:
    query = {"licenseNumber": license_number or None, **params}
    return {name: value for name, value in query.items() if value is not None}


def _narrower(width: timedelta) -> timedelta:
    """The next width to try: first what every host takes, then half and half again."""
    return LONGEST_WINDOW if width > LONGEST_WINDOW else width / 2


def _plain(body: Any) -> Any:
    """The body with decimals as the numbers they are."""
    return json.loads(json.dumps(body, default=_number))


def _number(value: Any) -> float | int:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} can't be sent to Metrc.")
    return int(value) if value == value.to_integral_value() else float(value)
