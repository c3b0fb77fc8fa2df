"""manage.py sync: one cycle in the foreground."""

import json
import sys
from argparse import ArgumentTypeError
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from integrations.leaflink.cycle import STEPS, Step, run_cycle
from integrations.leaflink.models import Account
from integrations.leases import Busy
from integrations.models import WorkItem


class Command(BaseCommand):
    help = (
        "Run one cycle with LeafLink now: read people, products and orders, send quantities and "
        "product details."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("account", nargs="*", help="Accounts by name; none: all active ones.")
        parser.add_argument("--only", choices=list(STEPS), help="Only this step.")
        parser.add_argument(
            "--since",
            metavar="DATE",
            type=_day,
            help="Bring in the orders placed since that day (2026-01-31), although the account's "
            "cut-off day keeps older ones out.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Change nothing, say what would."
        )
        parser.add_argument("--json", action="store_true", help="One JSON object per account.")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = _accounts(options["account"])
        only = [options["only"]] if options["only"] else []
        since = options["since"]
        if since and only not in ([], ["orders"]):
            raise CommandError("--since brings in orders: leave --only out, or say --only orders.")
        only = ["orders"] if since else only
        reports = []
        console = Console(file=sys.stdout)
        with Progress(console=console, transient=True, disable=options["json"]) as progress:
            wanted = len(accounts) * (len(only) or len(STEPS))
            task = progress.add_task("Syncing", total=wanted)
            for account in accounts:
                progress.update(task, description=account.name)
                report = _run(
                    account, only, options["dry_run"], lambda _: progress.advance(task), since
                )
                reports.append(report)
        for report in reports:
            if options["json"]:
                self.stdout.write(json.dumps(report))
            else:
                _show(console, report, dry=options["dry_run"])
        if any(report["problems"] for report in reports):
            raise SystemExit(1)


def _accounts(names: list[str]) -> list[Account]:
    if not names:
        return list(Account.objects.filter(is_active=True))
    known = {account.name.lower(): account for account in Account.objects.all()}
    missing = [name for name in names if name.lower() not in known]
    if missing:
        there = ", ".join(sorted(account.name for account in known.values())) or "none"
        raise CommandError(f"There is no account {', '.join(missing)}. Accounts: {there}.")
    return [known[name.lower()] for name in names]


def _day(text: str) -> datetime:
    """The beginning of that day here."""
    try:
        return timezone.make_aware(datetime.strptime(text, "%Y-%m-%d"))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day. Write it like 2026-01-31.") from None


def _run(
    account: Account, only: list[str], dry: bool, on_step: Any, since: datetime | None
) -> dict[str, Any]:
    """One account's cycle as a report; `problems` says in words what is stuck."""
    problems: list[str] = []
    steps: list[Step] = []
    try:
        steps = run_cycle(account, only, dry=dry, since=since, on_step=on_step)
    except Busy as error:
        problems.append(str(error))
    for step in steps:
        if step.error:
            problems.append(f"{step.name}: {step.error}")
        problems += [f"{p['key']}: {p['reason']}" for p in step.problems]
    stuck = WorkItem.objects.filter(connection=account, stuck_at__isnull=False)
    problems += [f"{item.kind} {item.key} is stuck: {item.error}" for item in stuck]
    return {
        "account": account.name,
        "dry_run": dry,
        "steps": [asdict(step) for step in steps],
        "problems": problems,
    }


def _show(console: Console, report: dict[str, Any], *, dry: bool) -> None:
    table = Table(title=report["account"] + (" (dry run)" if dry else ""), title_justify="left")
    for column in ("Step", "Seen", "To change" if dry else "Changed", "Failed", "Calls"):
        table.add_column(column, justify="left" if column == "Step" else "right")
    for step in report["steps"]:
        numbers = [str(step[name]) for name in ("seen", "changed", "failed", "calls")]
        table.add_row(step["name"].capitalize(), *numbers)
    console.print(table)
    quantities = [
        [row[n] or "nothing" for n in ("sku", "product", "ours", "theirs", "would_send", "why")]
        for step in report["steps"]
        for row in step["plan"]
    ]
    _show_rows(
        console,
        "Quantities that differ",
        ("SKU", "Product", "Offered after", "LeafLink offers", "Would send", "Why"),
        quantities,
    )
    details = [
        [row[n] for n in ("sku", "field", "ours", "theirs")]
        for step in report["steps"]
        for row in step["details"]
    ]
    _show_rows(
        console,
        "Product details that would be sent",
        ("SKU", "Field", "Would send", "LeafLink shows"),
        details,
    )
    for problem in report["problems"]:
        console.print(f"[red]![/red] {escape(problem)}", highlight=False)


def _show_rows(console: Console, title: str, heads: tuple[str, ...], rows: list[list[str]]) -> None:
    """A table of a dry run; none where there is nothing in it."""
    if not rows:
        return
    table = Table(*heads, title=title, title_justify="left")
    for row in rows:
        # What people have named may look like markup.
        table.add_row(*map(escape, row))
    console.print(table)
