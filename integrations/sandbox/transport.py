"""The stand-in without a network: a requests adapter that calls the WSGI app in this process."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from requests.adapters import BaseAdapter
from werkzeug.test import EnvironBuilder, run_wsgi_app

from integrations.sandbox.faults import ConnectionCut


class SandboxAdapter(BaseAdapter):
    """Mount it on a session: `session.mount("http://leaflink.test", SandboxAdapter(app))`."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app = app

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        parts = urlsplit(request.url or "")
        body = request.body or b""
        environ = EnvironBuilder(
            method=request.method or "GET",
            base_url=f"{parts.scheme}://{parts.netloc}",
            path=parts.path,
            query_string=parts.query,
            headers=list(request.headers.items()),
            input_stream=io.BytesIO(body.encode() if isinstance(body, str) else bytes(body)),
        ).get_environ()
        try:
            chunks, status, headers = run_wsgi_app(self.app.wsgi_app, environ, buffered=True)
        except ConnectionCut:
            raise requests.ConnectionError("The connection was cut.", request=request) from None
        response = requests.Response()
        response.status_code = int(status.split()[0])
        response.headers.update(dict(headers))
        response.raw = io.BytesIO(b"".join(chunks))
        response.url = request.url or ""
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is open."""
