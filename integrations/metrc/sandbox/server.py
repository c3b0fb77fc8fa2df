"""The stand-in over real HTTP, on this machine only: http://127.0.0.1:8802/ca and so on."""

from __future__ import annotations

from collections.abc import Iterable

from integrations.metrc.sandbox.access import Limits
from integrations.metrc.sandbox.app import create_app
from integrations.metrc.sandbox.world import World
from integrations.sandbox.faults import Faults
from integrations.sandbox.server import RunningServer, bound

DEFAULT_LIMITS = Limits()


def serve(
    worlds: World | Iterable[World],
    *,
    host: str = "127.0.0.1",
    port: int = 8802,
    faults: Faults | None = None,
    limits: Limits | None = DEFAULT_LIMITS,
) -> RunningServer:
    """Serve worlds in the background; port 0: any free one. Raises OSError when it is taken.

    A state's base URL is the server's `url`, a slash and the state's code.
    """
    app = create_app(worlds, faults=faults, limits=limits)
    return RunningServer(bound(app, host, port, name="Metrc"))
