"""manage.py leaflink_sandbox: the stand-in for LeafLink, alone."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from integrations.leaflink.sandbox import seed
from integrations.leaflink.sandbox.server import serve
from integrations.leaflink.sandbox.store import Store
from integrations.leaflink.sandbox.world import World
from integrations.sandbox.faults import Faults
from integrations.sandbox.server import wait_for_signal

STATE_FILE = "leaflink_sandbox.sqlite3"


def open_world(folder: Path) -> World:
    """The stand-in's world, kept in a file of its own in `folder` (never in our tables)."""
    folder.mkdir(parents=True, exist_ok=True)
    return World(store=Store(folder / STATE_FILE))


class Command(BaseCommand):
    help = "Serve the LeafLink stand-in: its API, and a page to order on as a retailer would."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--port", type=int, default=8801)
        parser.add_argument("--seed", type=int, default=1, help="Which practice world to make.")
        parser.add_argument("--items", type=int, default=40)
        parser.add_argument("--orders", type=int, default=25)
        parser.add_argument(
            "--faults", default="", help='Trouble to make, for example "429=0.02,500=0.05".'
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            faults = Faults(options["faults"], seed=options["seed"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        world = open_world(settings.DATA_DIR)
        seed.build(world, items=options["items"], orders=options["orders"], seed=options["seed"])
        try:
            server = serve(world, port=options["port"], faults=faults)
        except OSError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"LeafLink stand-in: {server.url}\nApp keys: {', '.join(seed.APP_KEYS)}")
        wait_for_signal()
        server.stop()
