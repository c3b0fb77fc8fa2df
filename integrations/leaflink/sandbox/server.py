"""The stand-in over real HTTP, on this machine only."""

from __future__ import annotations

from werkzeug.serving import BaseWSGIServer

from integrations.leaflink.sandbox.app import create_app
from integrations.leaflink.sandbox.webhooks import Dispatcher
from integrations.leaflink.sandbox.world import World
from integrations.sandbox import server
from integrations.sandbox.faults import Faults


class RunningServer(server.RunningServer):
    """A stand-in that is being served, and delivers its webhooks."""

    def __init__(self, bound: BaseWSGIServer, dispatcher: Dispatcher) -> None:
        super().__init__(bound)
        self.dispatcher = dispatcher
        dispatcher.start()

    def stop(self) -> None:
        """Stop serving and delivering."""
        self.dispatcher.stop()
        super().stop()


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
    bound = server.bound(app, host, port, name="LeafLink")
    return RunningServer(bound, Dispatcher(world, faults=faults))
