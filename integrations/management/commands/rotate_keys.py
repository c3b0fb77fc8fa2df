"""manage.py rotate_keys: every stored secret under the newest encryption key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.rotate_keys import Tally, count_keys, rotate_keys


class Command(BaseCommand):
    help = (
        "Encrypt every stored key with the first of FIELD_ENCRYPTION_KEYS, so that the others can "
        "be dropped. Put the new key first, restart web and worker, run this, then drop the old "
        "one. Safe while everything runs, and to run again."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Only say whether the older keys can be dropped."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        check = options["check"]
        tallies = count_keys() if check else rotate_keys()
        for tally in tallies:
            verb = "have an older key" if check else "encrypted anew"
            self.stdout.write(
                f"{tally.rows}, {tally.column}: {tally.older} {verb}, "
                f"{tally.newest} have the newest, {len(tally.unreadable)} can't be read."
            )
        if lost := [line for tally in tallies for line in _lost(tally)]:
            raise CommandError(
                "\n".join(lost)
                + "\nPut the encryption key they were stored with back into FIELD_ENCRYPTION_KEYS "
                "(last) and run this again. If it is lost, enter them anew on their page. Keep all "
                "older encryption keys until then."
            )
        if check and any(tally.older for tally in tallies):
            raise CommandError("Older keys are still needed. Run: manage.py rotate_keys")
        self.stdout.write("All but the first of FIELD_ENCRYPTION_KEYS can be dropped.")


def _lost(tally: Tally) -> list[str]:
    return [f"{name}: its {tally.column} can't be read with any key." for name in tally.unreadable]
