"""A practice world of the wanted size: the stand-in over HTTP, and our side linked to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from config import demo
from integrations.leaflink import cycle
from integrations.leaflink.models import Account, Staff
from integrations.leaflink.sandbox import seed
from integrations.leaflink.sandbox.server import RunningServer, serve
from integrations.leaflink.sandbox.world import World
from integrations.sandbox.faults import Faults


@dataclass
class Practice:
    world: World
    server: RunningServer
    accounts: list[Account]

    def bare_session(self, account: Account) -> requests.Session:
        """A session as a script without any of our code would use."""
        session = requests.Session()
        session.headers["Authorization"] = f"App {account.app_key}"
        return session

    def url(self, path: str) -> str:
        return f"{self.server.url}/api/v2/{path}/"


@contextmanager
def practice(
    *, items: int, orders: int, faults: Faults | None = None, rate_limit: int | None = None
) -> Iterator[Practice]:
    """Build both sides: everything pulled, mapped, linked and sent, but no order read yet."""
    world = World()
    seed.build(world, items=items, orders=orders)
    server = serve(world, port=0, faults=faults, rate_limit=rate_limit)
    try:
        demo.make_back_office(items, 1)
        accounts = demo.make_accounts(world, server.url, "http://127.0.0.1:1")
        # Nobody listens for webhooks here.
        for hook in world.webhooks.values():
            hook.enabled = False
        for account in accounts:
            cycle.run_cycle(account, ["staff", "customers", "products"])
        demo.map_staff()
        assert Staff.objects.filter(sales_rep__isnull=False).exists()
        yield Practice(world, server, accounts)
    finally:
        server.stop()
