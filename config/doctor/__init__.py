"""What is misconfigured or needs a hand, each with its cure: `manage.py doctor`.

A check is a function without arguments that returns what it found, and nothing when all is well.
"""

from collections.abc import Callable

from django.db import DatabaseError

from config.doctor import database, setup, work
from config.doctor.findings import Finding

Check = Callable[[], list[Finding]]
CHECKS: dict[str, Check] = {
    "environment": setup.environment,
    "Django's own checks": setup.django_checks,
    "site address": setup.site_address,
    "host names": setup.host_names,
    "mail": setup.mail,
    "static files": setup.static_files,
    "encryption keys": setup.encryption_keys,
    "database": database.reachable,
    "migrations": database.migrated,
    "SQLite": database.sqlite_tuning,
    "disk": database.disk_space,
    "clock": database.clock,
    "stored keys": database.stored_keys,
    "logins": database.logins,
    "queue": work.queue,
    "worker": work.worker,
    "schedules": work.schedules,
    "accounts": work.account_keys,
    "Metrc accounts": work.metrc_accounts,
    "webhooks": work.webhook_addresses,
    "runs": work.runs,
    "work": work.stuck_work,
}
# While one of these finds something, what other checks can't ask the database is no news.
OF_THE_DATABASE = ("database", "migrations")


def examine() -> dict[str, list[Finding]]:
    """Run every check; what each found, by its name."""
    found: dict[str, list[Finding]] = {}
    for name, check in CHECKS.items():
        try:
            found[name] = check()
        except DatabaseError as error:
            known = any(found.get(one) for one in OF_THE_DATABASE)
            found[name] = [] if known else [_refused(error)]
    return found


def _refused(error: DatabaseError) -> Finding:
    return Finding(
        f"The database refused a question ({type(error).__name__}).",
        "Look at the database's log; then run this again.",
    )
