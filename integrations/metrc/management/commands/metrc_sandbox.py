"""manage.py metrc_sandbox: the stand-in for Metrc, alone."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from integrations.metrc.sandbox import seed
from integrations.metrc.sandbox.app import KNOWN_FAULTS
from integrations.metrc.sandbox.server import serve
from integrations.metrc.sandbox.store import Store
from integrations.sandbox.faults import Faults
from integrations.sandbox.server import wait_for_signal


def state_file(folder: Path, state: str) -> Store:
    """The file of a state's world in `folder` (never in our tables)."""
    folder.mkdir(parents=True, exist_ok=True)
    return Store(folder / f"metrc_sandbox_{state}.sqlite3")


class Command(BaseCommand):
    help = "Serve the Metrc stand-in: its API, and a page to register and receive transfers on."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--port", type=int, default=8802)
        parser.add_argument("--seed", type=int, default=1, help="Which practice world to make.")
        parser.add_argument(
            "--faults", default="", help='Trouble to make, for example "429=0.02,500=0.05".'
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            faults = Faults(options["faults"], seed=options["seed"], known=KNOWN_FAULTS)
        except ValueError as error:
            raise CommandError(str(error)) from None
        worlds = seed.practice(options["seed"], lambda state: state_file(settings.DATA_DIR, state))
        try:
            server = serve(worlds, port=options["port"], faults=faults)
        except OSError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Metrc stand-in: {server.url}\nVendor key: {seed.VENDOR_KEY}")
        for world in worlds:
            code = world.rules.code
            self.stdout.write(f"{server.url}/{code}  user key: {seed.user_key(code)}")
        wait_for_signal()
        server.stop()
