"""Checks of the worker, the schedules, the accounts, and of what they get done."""

from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django_q.models import Schedule

from config import health
from config.doctor.findings import Finding
from config.schedules import JOBS
from integrations.leaflink.models import Account
from integrations.metrc.models import MetrcAccount
from integrations.models import WorkItem

# LeafLink sends some webhook within that time wherever there is business.
WEBHOOK_SILENCE = timedelta(days=2)


def queue() -> list[Finding]:
    """Whether Redis answers, if it carries the hints."""
    _, problems = health.check_queue()
    return [
        Finding(problem, "See that it runs; or leave QUEUE_REDIS_URL empty to use the database.")
        for problem in problems
    ]


def worker() -> list[Finding]:
    """Whether the worker lives."""
    return [
        Finding(problem, "Start or restart it: manage.py worker. Its log says what ended it.")
        for problem in health.worker_problems()
    ]


def schedules() -> list[Finding]:
    """Whether the database's schedules are those of this version."""
    stored = set(Schedule.objects.values_list("name", "func", "minutes"))
    if stored == {(job.name, job.function, job.minutes) for job in JOBS}:
        return []
    return [
        Finding(
            "The schedules are not those of this version.",
            "Restart the worker; it writes them when it starts.",
        )
    ]


def account_keys() -> list[Finding]:
    """Whether the active accounts have their keys, and are no practice ones in production."""
    found = []
    for account in Account.objects.filter(is_active=True).defer("app_key", "webhook_key"):
        name = account.name
        filled = Account.objects.filter(pk=account.pk)
        if filled.filter(app_key="").exists():
            found.append(
                Finding(
                    f"{name} has no App key, so nothing is read or sent.",
                    f"Paste one under LeafLink → Accounts → {name} → Keys.",
                )
            )
        elif filled.filter(webhook_key="").exists():
            found.append(
                Finding(
                    f"{name} has no webhook key, so its orders wait for the next poll.",
                    f"Paste LeafLink's webhook key under LeafLink → Accounts → {name} → Keys.",
                )
            )
        if settings.PRODUCTION and account.host == Account.Host.STAND_IN:
            found.append(
                Finding(
                    f"{name} is a practice account.",
                    "Set it to inactive, or practise on another installation.",
                )
            )
    return found


def metrc_accounts() -> list[Finding]:
    """The same of Metrc's accounts."""
    found = []
    accounts = MetrcAccount.objects.filter(is_active=True)
    for name in accounts.filter(Q(vendor_key="") | Q(user_key="")).values_list("name", flat=True):
        found.append(
            Finding(
                f"{name} lacks a key, so nothing is read from Metrc or sent to it.",
                f"Paste both under Metrc accounts → {name} → Keys and licenses.",
            )
        )
    practice = accounts.filter(environment=MetrcAccount.Environment.STAND_IN)
    for name in practice.values_list("name", flat=True) if settings.PRODUCTION else ():
        found.append(
            Finding(
                f"{name} is a practice account.",
                "Set it to inactive, or practise on another installation.",
            )
        )
    return found


def webhook_addresses() -> list[Finding]:
    """Whether LeafLink can reach us, and does."""
    accounts = Account.objects.filter(is_active=True).exclude(webhook_key="")
    accounts = accounts.exclude(host=Account.Host.STAND_IN)
    if not accounts.exists():
        return []
    if urlsplit(settings.SITE_URL).scheme != "https":
        return [
            Finding(
                f"LeafLink can't send webhooks to {settings.SITE_URL}.",
                "Set SITE_URL to an https address that is reached from the internet.",
            )
        ]
    since = timezone.now() - WEBHOOK_SILENCE
    silent = accounts.filter(created_at__lt=since).exclude(last_webhook_at__gte=since)
    return [
        Finding(
            f"LeafLink has sent no valid webhook for {account.name} in two days.",
            "Compare address and key with LeafLink's Settings → Developer Options; LeafLink "
            "switches a webhook off that fails for five days.",
        )
        for account in silent
    ]


def runs() -> list[Finding]:
    """Whether each account's orders are read and its stock is sent in time."""
    _, problems = health.check_runs()
    names = dict(Account.objects.values_list("pk", "name"))
    cure = "Look at the account's runs and notices: the last one says why."
    return [Finding(_with_name(problem, names), cure) for problem in problems]


def _with_name(problem: str, names: dict[int, str]) -> str:
    # What everybody may read names accounts by number; who runs this may know more.
    first, number, rest = problem.split(" ", 2)
    return f"{names.get(int(number), f'{first} {number}')} {rest.split('. ')[0]}."


def stuck_work() -> list[Finding]:
    """Whether work waits for a person, or for too long."""
    found = []
    if count := WorkItem.objects.filter(stuck_at__isnull=False).count():
        found.append(
            Finding(
                f"{count} pieces of work are stuck.",
                "Open Behind the scenes → Waiting work, read why, cure it, and retry them.",
            )
        )
    _, problems = health.check_work()
    return found + [
        Finding(problem, "Start another worker, or raise QUEUE_WORKERS.") for problem in problems
    ]
