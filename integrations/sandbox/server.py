"""A stand-in over real HTTP, on this machine only."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server


class _Handler(WSGIRequestHandler):
    """Without a line per request, and able to hang up without an answer."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: the world keeps the requests."""

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """Hang up, so that the client sees a broken connection and not a silent one."""
        self.close_connection = True


class RunningServer:
    """A stand-in that is being served in the background. `url` has no trailing slash."""

    def __init__(self, server: BaseWSGIServer) -> None:
        self._server = server
        self.url = f"http://{server.host}:{server.port}"
        self._thread = threading.Thread(target=server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def bound(app: Flask, host: str, port: int, *, name: str) -> BaseWSGIServer:
    """A server for the app that has its port; port 0: any free one.

    Raises OSError, with `name` ("LeafLink") in its words, when the port is taken.
    """
    if port and _is_taken(host, port):
        raise OSError(
            f"Port {port} is taken: is another {name} stand-in running? Stop it, or choose "
            "another port."
        )
    return make_server(host, port, app, threaded=True, request_handler=_Handler)


def _is_taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def wait_for_signal(is_over: Callable[[], bool] = lambda: False) -> None:
    """Sleep until Ctrl-C, a request to stop, or `is_over`."""
    # Not an Event: its lock is not for signal handlers, of which a second may interrupt the first.
    asked: list[int] = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: asked.append(number))
    while not asked and not is_over():
        time.sleep(0.5)
