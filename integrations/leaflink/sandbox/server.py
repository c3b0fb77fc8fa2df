"""The stand-in over real HTTP, on this machine only."""

from __future__ import annotations

import socket
import threading
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from integrations.leaflink.sandbox.app import create_app
from integrations.leaflink.sandbox.faults import Faults
from integrations.leaflink.sandbox.webhooks import Dispatcher
from integrations.leaflink.sandbox.world import World


class _Handler(WSGIRequestHandler):
    """Without a line per request, and able to hang up without an answer."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: the world keeps the requests."""

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """Hang up, so that the client sees a broken connection and not a silent one."""
        self.close_connection = True


class RunningServer:
    """A stand-in that is being served. `url` has no trailing slash."""

    def __init__(self, server: BaseWSGIServer, dispatcher: Dispatcher) -> None:
        self._server = server
        self.dispatcher = dispatcher
        self.url = f"http://{server.host}:{server.port}"
        self._thread = threading.Thread(target=server.serve_forever, daemon=True)
        self._thread.start()
        dispatcher.start()

    def stop(self) -> None:
        """Stop serving and delivering."""
        self.dispatcher.stop()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def serve(
    world: World,
    *,
    host: str = "127.0.0.1",
    port: int = 8801,
    faults: Faults | None = None,
    rate_limit: int | None = 300,
) -> RunningServer:
    """Serve a world in the background; port 0: any free one. Raises OSError when it is taken."""
    app = create_app(world, faults=faults, rate_limit=rate_limit)
    if port and _is_taken(host, port):
        raise OSError(
            f"Port {port} is taken: is another LeafLink stand-in running? Stop it, or choose "
            "another port."
        )
    server = make_server(host, port, app, threaded=True, request_handler=_Handler)
    return RunningServer(server, Dispatcher(world, faults=faults))


def _is_taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False
