"""manage.py doctor: what is misconfigured, and how to put it right."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from config.doctor import examine


class Command(BaseCommand):
    help = (
        "Look for what is misconfigured or needs a hand, and say how to put it right. Changes "
        "nothing. Exits with 1 when something needs doing."
    )
    # They are among what is looked at, and must not keep the rest from being looked at.
    requires_system_checks = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--json", action="store_true", help="One JSON object, for machines.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = examine()
        rows = [
            {"check": name, "problem": finding.problem, "cure": finding.cure}
            for name, findings in found.items()
            for finding in findings
        ]
        if options["json"]:
            answer = {"ok": not rows, "checks": list(found), "findings": rows}
            self.stdout.write(json.dumps(answer, indent=2))
        else:
            self._tell(rows, len(found))
        if rows:
            raise SystemExit(1)

    def _tell(self, rows: list[dict[str, str]], checks: int) -> None:
        for row in rows:
            self.stdout.write(self.style.ERROR(f"✗ {row['check']}: ") + row["problem"])
            self.stdout.write(f"  → {row['cure']}")
        if not rows:
            self.stdout.write(self.style.SUCCESS(f"All {checks} checks are well. Nothing to do."))
