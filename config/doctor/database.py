"""Checks of the database and of what is stored in it."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from config.doctor.findings import Finding
from integrations.models import Heartbeat
from integrations.rotate_keys import count_keys

LEAST_FREE = 500 * 1024 * 1024  # bytes
MOST_SKEW = timedelta(seconds=30)


def reachable() -> list[Finding]:
    """Whether it answers."""
    try:
        connection.ensure_connection()
    except DatabaseError:
        return [
            Finding(
                "The database can't be reached.",
                "See that it runs, and that DATABASE_URL has its host, name, user and password.",
            )
        ]
    return []


def migrated() -> list[Finding]:
    """Whether its tables are those of this version."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not missing:
        return []
    return [
        Finding(
            f"{len(missing)} migrations were not applied; the first is {missing[0][0]}.",
            "Make a backup, stop the worker, and run: manage.py migrate",
        )
    ]


def sqlite_tuning() -> list[Finding]:
    """Whether SQLite is opened so that no write is lost."""
    if connection.vendor != "sqlite" or connection.is_in_memory_db():  # type: ignore[attr-defined]
        return []
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        (mode,) = cursor.fetchone()
    options = settings.DATABASES["default"].get("OPTIONS", {})
    if mode == "wal" and options.get("transaction_mode") == "IMMEDIATE":
        return []
    return [
        Finding(
            "SQLite does not run with WAL and immediate transactions, so writes get lost.",
            "Put the database on a local disk, and leave its OPTIONS in settings.py as they are.",
        )
    ]


def disk_space() -> list[Finding]:
    """Whether there is room where SQLite and uploads live."""
    folder = Path(settings.DATA_DIR)
    if not folder.exists():
        return []
    free = shutil.disk_usage(folder).free
    if free >= LEAST_FREE:
        return []
    return [
        Finding(
            f"Only {free // 1024**2} MB are free in {folder}.",
            "Make room there: a full disk stops every write.",
        )
    ]


def clock() -> list[Finding]:
    """Whether this host's clock agrees with the database's and with the worker's."""
    now = timezone.now()
    others = {"the worker's": Heartbeat.last()}
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            others["the database's"] = cursor.fetchone()[0]
    return [
        Finding(
            f"This host's clock and {whose} differ by {_difference(at, now):.0f} seconds.",
            "Have all hosts set their clocks by NTP; leases and schedules go by them.",
        )
        for whose, at in others.items()
        if at and _is_off(whose, at, now)
    ]


def _difference(at: datetime, now: datetime) -> float:
    return abs((at - now).total_seconds())


def _is_off(whose: str, at: datetime, now: datetime) -> bool:
    # A heartbeat is from the past anyhow; from the future it can't be.
    return at - now > MOST_SKEW or (whose != "the worker's" and now - at > MOST_SKEW)


def stored_keys() -> list[Finding]:
    """Whether every key that is stored can be read."""
    try:
        tallies = count_keys()
    except ImproperlyConfigured:
        return []  # the check of the encryption keys says so
    return [
        Finding(
            f"{name}: its {tally.column} can't be read with any of FIELD_ENCRYPTION_KEYS.",
            "Put the encryption key it was stored with back, as the last; or enter it anew.",
        )
        for tally in tallies
        for name in tally.unreadable
    ]


def logins() -> list[Finding]:
    """Whether anybody can log in and change settings."""
    if get_user_model().objects.filter(is_active=True, is_superuser=True).exists():
        return []
    return [Finding("There is no administrator's login.", "Run: manage.py createsuperuser")]
