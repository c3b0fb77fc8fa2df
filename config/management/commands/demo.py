"""manage.py demo: from nothing to a working back office, with a LeafLink to try it on."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from config import demo, demo_metrc
from integrations import work
from integrations.leaflink.cycle import run_cycle
from integrations.leaflink.management.commands.leaflink_sandbox import open_world
from integrations.leaflink.models import Account, Blocker, Listing, Order
from integrations.leaflink.sandbox import seed
from integrations.leaflink.sandbox.server import serve
from integrations.leaflink.sandbox.world import World
from integrations.metrc.management.commands.metrc_sandbox import state_file
from integrations.metrc.sandbox.server import serve as serve_metrc
from integrations.sandbox.server import RunningServer, wait_for_signal

SANDBOX_PORT = 8801
METRC_PORT = 8802
SEED = 1
ORDERS = 25
WORKBENCH = "/admin/leaflink/listing/workbench/"


class Command(BaseCommand):
    help = (
        "Make a practice back office and a practice LeafLink, link them, exchange stock and "
        "orders, and serve it all. Running it again changes nothing."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="Stop after the first exchange.")
        parser.add_argument("--port", type=int, default=8000, help="Where to serve the admin.")
        parser.add_argument(
            "--leaflink-port", type=int, default=SANDBOX_PORT, help="Where to serve the stand-in."
        )
        parser.add_argument(
            "--metrc-port", type=int, default=METRC_PORT, help="Where to serve Metrc's stand-in."
        )
        parser.add_argument("--items", type=int, default=40)
        parser.add_argument("--orders", type=int, help=f"Default: {ORDERS}, or 0 with --unlinked.")
        parser.add_argument(
            "--unlinked",
            action="store_true",
            help="Link nothing, and let some products differ, to try linking and creating on.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "The demo makes practice data and an open login; it does not run in production."
            )
        unlinked, orders = options["unlinked"], options["orders"]
        if orders is None:
            orders = 0 if unlinked else ORDERS
        if options["items"] < 10 or orders < 0:
            raise CommandError("The demo needs at least 10 items, and orders can't be below 0.")
        if unlinked and orders:
            raise CommandError(
                "Orders of products that aren't linked would all be held: "
                "leave out either --orders or --unlinked."
            )
        call_command("migrate", verbosity=0, interactive=False)
        if unlinked and demo.links_by_itself():
            raise CommandError(
                f"The practice data in {settings.DATA_DIR} is linked already: "
                "delete that folder to start afresh, or leave out --unlinked."
            )
        world = open_world(settings.DATA_DIR)
        seed.build(world, items=options["items"], orders=orders, seed=SEED, varied=unlinked)
        states = demo_metrc.open_worlds(lambda state: state_file(settings.DATA_DIR, state))
        with ExitStack() as running:
            server, metrc = (
                self._serve_stand_in(running, start, options[port], options["once"])
                for start, port in (
                    (partial(serve, world), "leaflink_port"),
                    (partial(serve_metrc, states), "metrc_port"),
                )
            )
            self._exchange(world, server, options)
            self.stdout.write("Exchanging with Metrc …")
            demo_metrc.make(states, metrc.url)
            work.drain(30)
            self._summarize(server, metrc, options)
            if not options["once"]:
                self._serve(options["port"])

    def _serve_stand_in(
        self, running: ExitStack, start: Callable[..., RunningServer], port: int, once: bool
    ) -> RunningServer:
        try:
            server = start(port=port)
        except OSError as error:
            if not once:
                raise CommandError(str(error)) from None
            # A single exchange does without the address that people know.
            server = start(port=0)
        running.callback(server.stop)
        return server

    def _exchange(self, world: World, server: RunningServer, options: dict[str, Any]) -> None:
        site = f"http://127.0.0.1:{options['port']}"
        demo.make_back_office(options["items"], SEED)
        link = not options["unlinked"]
        for account in demo.make_accounts(world, server.url, site, link=link):
            self.stdout.write(f"Exchanging with LeafLink for {account.name} …")
            for step in run_cycle(account, ["staff", "customers", "products"]):
                self._check(account, step.error)
            demo.map_staff()
            for step in run_cycle(account, ["inventory"]):
                self._check(account, step.error)
        # What the exchange has given rise to: held orders looked at again, quantities.
        work.drain(30)

    def _check(self, account: Account, error: str) -> None:
        if error:
            raise CommandError(f"{account.name}: {error}")

    def _summarize(
        self, server: RunningServer, metrc: RunningServer, options: dict[str, Any]
    ) -> None:
        self.stdout.write("\n" + summary())
        site = f"http://127.0.0.1:{options['port']}"
        unlinked = options["unlinked"]
        if options["once"]:
            command = "uv run manage.py demo" + (" --unlinked" if unlinked else "")
            self.stdout.write(f"Start it for good with: {command}")
            if unlinked:
                self.stdout.write(f"Then open {site}{WORKBENCH} to link products.")
            return
        login = f"(login: {demo.LOGIN}, password: {demo.PASSWORD})"
        self.stdout.write(f"\nOpen   {site}/admin/   {login}")
        if unlinked:
            self.stdout.write(f"Open   {site}{WORKBENCH} to link products")
            self.stdout.write(
                f"See    {server.url}/products/ for the products as LeafLink has them"
            )
        else:
            self.stdout.write(
                f"Order  {server.url}/   as a retailer would; it shows up under LeafLink orders"
            )
        for place in demo_metrc.PLACES:
            where = f"{metrc.url}/{place.rules.code}/"
            self.stdout.write(f"Metrc  {where}   as a licensee in {place.rules.name} has it")
        self.stdout.write("Stop   Ctrl-C")

    def _serve(self, port: int) -> None:
        commands = (
            ["runserver", f"127.0.0.1:{port}", "--noreload", "--insecure"],
            ["worker"],
        )
        manage = str(settings.BASE_DIR / "manage.py")
        # Where the pages are is part of the webhook addresses they show.
        environment = {**os.environ, "SITE_URL": f"http://127.0.0.1:{port}"}
        processes = [
            subprocess.Popen([sys.executable, manage, *command], env=environment)
            for command in commands
        ]
        try:
            wait_for_signal(lambda: any(process.poll() is not None for process in processes))
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)


def summary() -> str:
    """One line of what is there now: linked, sent, seen, imported, held and why."""
    linked = Listing.objects.count()
    sent = Listing.objects.filter(last_sent__isnull=False).count()
    states = Counter(Order.objects.values_list("state", flat=True))
    parts = [
        f"{linked} items linked",
        f"{sent} quantities sent",
        f"{sum(states.values())} orders seen",
        f"{states['imported']} imported",
    ]
    for state in (Order.State.WAITING, Order.State.CONFLICT, Order.State.IGNORED):
        if states[state]:
            parts.append(f"{states[state]} {state.label.lower()}")
    reasons = (
        Blocker.objects.order_by()
        .values("code")
        .annotate(orders=Count("order", distinct=True))
        .order_by("-orders", "code")
    )
    why = ", ".join(f"{r['orders']} {Blocker.Code(r['code']).label.lower()}" for r in reasons)
    held = f"{states['held']} held"
    parts.append(f"{held}: {why}" if why else held)
    return " · ".join(parts)
