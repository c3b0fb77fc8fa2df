"""manage.py doctor: each check finds what is wrong, tells the cure, is quiet when all is well."""

import io
import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.utils import timezone
from django_q.models import Schedule
from model_bakery import baker

from config import doctor
from config.doctor import database, setup, work
from config.schedules import write_schedules
from integrations.leaflink.models import Account
from integrations.metrc.models import MetrcAccount
from integrations.models import Heartbeat, Run, WorkItem

pytestmark = pytest.mark.django_db


def run(*options):
    """What the command said, and its exit code."""
    out, code = io.StringIO(), 0
    try:
        call_command("doctor", *options, stdout=out)
    except SystemExit as ended:
        code = ended.code
    return out.getvalue(), code


def words(findings):
    return " ".join(f"{finding.problem} {finding.cure}" for finding in findings)


def account(name="Alder Peak", **more):
    more = {"app_key": "key", "webhook_key": "hook", "host": Account.Host.SANDBOX, **more}
    return Account.objects.create(name=name, **more)


@pytest.fixture
def production(settings, tmp_path):
    settings.PRODUCTION = True
    settings.SITE_URL = "https://leafbridge.example"
    settings.ALLOWED_HOSTS = ["leafbridge.example"]
    settings.STATIC_ROOT = tmp_path
    return settings


@pytest.fixture
def in_order(settings):
    """An installation with nothing to do."""
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    write_schedules()
    Heartbeat.beat()
    get_user_model().objects.create_superuser("ada", "ada@example.com", "x")


def test_nothing_to_do(in_order):
    said, code = run()
    assert (said, code) == (f"All {len(doctor.CHECKS)} checks are well. Nothing to do.\n", 0)
    said, code = run("--json")
    answer = json.loads(said)
    assert (answer["ok"], answer["findings"], code) == (True, [], 0)
    assert answer["checks"] == list(doctor.CHECKS)


def test_what_needs_doing_is_said_with_its_cure(in_order):
    get_user_model().objects.all().delete()
    Heartbeat.objects.all().delete()
    said, code = run()
    assert code == 1
    assert "✗ logins: There is no administrator's login.\n  → Run: manage.py createsuper" in said
    assert "✗ worker: The worker has never run." in said
    said, code = run("--json")
    assert code == 1
    assert [row["check"] for row in json.loads(said)["findings"]] == ["logins", "worker"]


def test_a_database_that_is_gone_is_one_finding(in_order, monkeypatch):
    def gone():
        raise DatabaseError("password for 10.0.0.1")

    monkeypatch.setattr(connection, "ensure_connection", gone)
    for name in list(doctor.CHECKS)[8:]:
        monkeypatch.setitem(doctor.CHECKS, name, gone)
    said, code = run()
    assert (said.count("✗"), code) == (1, 1)
    assert "that DATABASE_URL has its host" in said
    monkeypatch.undo()
    monkeypatch.setitem(doctor.CHECKS, "logins", gone)
    said, code = run()
    assert "The database refused a question (DatabaseError)." in said
    assert "10.0.0.1" not in said


def test_development_on_a_public_address(settings):
    assert setup.environment() == []
    settings.SITE_URL = "https://leafbridge.example"
    assert "Set LEAFBRIDGE_ENV=production" in words(setup.environment())


def test_djangos_own_checks(settings):
    assert setup.django_checks() == []
    settings.STATICFILES_DIRS = ["/nowhere"]
    assert "/nowhere" in words(setup.django_checks())
    settings.STATICFILES_DIRS, settings.PRODUCTION, settings.DEBUG = [], True, True
    assert "DEBUG" in words(setup.django_checks())


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("http://leafbridge.example", "https"),
        ("https://localhost", "no host"),
        ("https://", "no host"),
        ("https://leafbridge.example/admin", "after the host"),
    ],
)
def test_site_address(production, address, problem):
    assert setup.site_address() == []
    production.SITE_URL = address
    assert problem in words(setup.site_address())
    production.PRODUCTION = False
    assert setup.site_address() == []


def test_host_names(production):
    assert setup.host_names() == []
    production.ALLOWED_HOSTS = [".example"]
    assert setup.host_names() == []
    production.ALLOWED_HOSTS = ["other.example"]
    assert "Add leafbridge.example to ALLOWED_HOSTS" in words(setup.host_names())
    production.ALLOWED_HOSTS = ["*"]
    assert "lets any host name in" in words(setup.host_names())


def test_mail(production, monkeypatch):
    production.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert "not sent to anybody" in words(setup.mail())
    production.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    production.EMAIL_HOST, production.EMAIL_PORT = "127.0.0.1", 1
    assert "No mail server answers at 127.0.0.1:1" in words(setup.mail())
    monkeypatch.setattr("smtplib.SMTP.connect", lambda *a, **k: (220, b"ready"))
    monkeypatch.setattr("smtplib.SMTP.docmd", lambda *a, **k: (221, b"bye"))
    assert setup.mail() == []
    production.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    assert setup.mail() == []


def test_static_files(production):
    assert "collectstatic" in words(setup.static_files())
    (production.STATIC_ROOT / "staticfiles.json").write_text("{}")
    assert setup.static_files() == []


def test_encryption_keys(settings):
    assert setup.encryption_keys() == []
    settings.FIELD_ENCRYPTION_KEYS = ["not-a-key"]
    assert "no encryption key" in words(setup.encryption_keys())
    assert database.stored_keys() == []


def test_stored_keys(settings):
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    account()
    assert database.stored_keys() == []
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    found = words(database.stored_keys())
    assert "Alder Peak (sandbox): its App key can't be read" in found
    assert "Alder Peak (sandbox): its webhook key can't be read" in found


def test_migrations(monkeypatch):
    assert database.migrated() == []
    plan = [(SimpleNamespace(__str__=None), False)]
    monkeypatch.setattr(
        "django.db.migrations.executor.MigrationExecutor.migration_plan", lambda *a: plan
    )
    assert "1 migrations were not applied" in words(database.migrated())


def test_sqlite_tuning(settings, monkeypatch, tmp_path):
    assert database.sqlite_tuning() == []
    import sqlite3

    raw = sqlite3.connect(tmp_path / "plain.sqlite3")
    stand_in = SimpleNamespace(
        vendor="sqlite", is_in_memory_db=lambda: False, cursor=lambda: _Closing(raw.cursor())
    )
    monkeypatch.setattr(database, "connection", stand_in)
    assert "WAL" in words(database.sqlite_tuning())
    raw.execute("PRAGMA journal_mode=WAL")
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", {"transaction_mode": "IMMEDIATE"})
    assert database.sqlite_tuning() == []
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", {})
    assert "WAL" in words(database.sqlite_tuning())
    raw.close()


class _Closing:
    def __init__(self, cursor):
        self.cursor = cursor

    def __enter__(self):
        return self.cursor

    def __exit__(self, *error):
        self.cursor.close()


def test_disk_space(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path
    assert database.disk_space() == []
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=90 * 1024**2))
    assert "Only 90 MB are free" in words(database.disk_space())


def test_clock():
    assert database.clock() == []
    Heartbeat.beat()
    assert database.clock() == []
    Heartbeat.objects.update(at=timezone.now() - timedelta(hours=1))
    assert database.clock() == []
    Heartbeat.objects.update(at=timezone.now() + timedelta(minutes=5))
    assert "This host's clock and the worker's differ by 300" in words(database.clock())


def test_queue(settings):
    assert work.queue() == []
    settings.QUEUE_REDIS_URL = "redis://127.0.0.1:1/0"
    assert "Redis can't be reached" in words(work.queue())


def test_schedules():
    write_schedules()
    assert work.schedules() == []
    Schedule.objects.filter(name="audit").update(minutes=1)
    assert "Restart the worker" in words(work.schedules())
    Schedule.objects.all().delete()
    assert "Restart the worker" in words(work.schedules())


def test_account_keys(production):
    account("Fine")
    assert work.account_keys() == []
    account("Off", app_key="", is_active=False)
    assert work.account_keys() == []
    account("No key", app_key="")
    account("No hook", webhook_key="")
    account("Practice", host=Account.Host.STAND_IN)
    found = words(work.account_keys())
    assert "No key has no App key" in found
    assert "No hook has no webhook key" in found
    assert "Practice is a practice account" in found


def test_metrc_accounts(production):
    made = {"state": "CA", "environment": "production", "vendor_key": "v", "user_key": "u"}
    MetrcAccount.objects.create(name="Good", **made)
    assert work.metrc_accounts() == []
    MetrcAccount.objects.create(name="Off", **made | {"user_key": "", "is_active": False})
    assert work.metrc_accounts() == []
    MetrcAccount.objects.create(name="Half", **made | {"user_key": ""})
    MetrcAccount.objects.create(name="Trial", **made | {"environment": "stand_in"})
    found = words(work.metrc_accounts())
    assert "Half lacks a key" in found
    assert "Trial is a practice account" in found
    production.PRODUCTION = False
    assert "Trial" not in words(work.metrc_accounts())


def test_webhook_addresses(production):
    one = account()
    assert work.webhook_addresses() == []
    Account.objects.update(created_at=timezone.now() - timedelta(days=3))
    assert "no valid webhook for Alder Peak in two days" in words(work.webhook_addresses())
    Account.objects.update(last_webhook_at=timezone.now() - timedelta(days=1))
    assert work.webhook_addresses() == []
    production.SITE_URL = "http://127.0.0.1:8000"
    assert "can't send webhooks to http://127.0.0.1:8000" in words(work.webhook_addresses())
    one.delete()
    account("Practice", host=Account.Host.STAND_IN)
    assert work.webhook_addresses() == []


def test_runs():
    one = account()
    assert work.runs() == []
    Account.objects.update(created_at=timezone.now() - timedelta(hours=3))
    at = timezone.now() - timedelta(hours=2)
    Run.objects.create(connection=one, kind="orders", outcome="done", started_at=at, finished_at=at)
    found = words(work.runs())
    assert "Alder Peak has not read orders since" in found
    assert "Alder Peak has never sent stock." in found


def test_stuck_work():
    connection = account().connection_ptr
    assert work.stuck_work() == []
    common = {"connection": connection, "kind": "x", "leased_until": None}
    baker.make(WorkItem, stuck_at=timezone.now(), **common)
    assert "1 pieces of work are stuck" in words(work.stuck_work())
    waits_since = timezone.now() - timedelta(hours=1)
    baker.make(WorkItem, stuck_at=None, not_before=waits_since, key="b", **common)
    assert "Work has been waiting since" in words(work.stuck_work())
