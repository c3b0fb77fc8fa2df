"""What is wrong between us and LeafLink altogether: keys, syncs that fail, webhooks."""

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse

from integrations import notices
from integrations.failing_runs import failing_runs
from integrations.leaflink import webhook_health
from integrations.leaflink.blocking_settings import blocking_settings
from integrations.leaflink.key_works import THE_KEY
from integrations.leaflink.models import Account, Order
from integrations.models import Notice
from integrations.problems import Problem, Source

Category = Notice.Category
IN_WORDS = {
    "orders": "orders can't be read",
    "statuses": "order statuses can't be sent",
    "payments": "payments can't be sent",
    "inventory": "quantities can't be sent",
    "products": "products can't be read",
    "details": "product details can't be sent",
    "customers": "customers can't be read",
    "staff": "staff can't be read",
}


def keys() -> Iterator[Problem]:
    """Keys and permissions that LeafLink refused, and accounts without a key: mended where a
    pasted key is tested at once."""
    for problem in notices.raised(Category.CREDENTIALS, Account.objects.all()):
        yield _of_key(problem.key, problem.text, problem.since, problem.connection_id)
    for account in Account.objects.filter(is_active=True, in_setup=False, app_key=""):
        text = f"{account} has no App key, so nothing is read from LeafLink or sent to it."
        yield _of_key("no key", text, None, account.pk)


def _of_key(key: str, text: str, since: datetime | None, account_id: int | None) -> Problem:
    return Problem(
        key,
        text,
        "Paste the key anew",
        reverse("admin:leaflink_account_setup", args=[account_id, "connect"]),
        since,
        account_id,
        needs=("leaflink.change_account",),
    )


def brakes() -> Iterator[Problem]:
    """Products that would sell out at once, and wait for a yes."""
    return iter(notices.raised(Category.BRAKE))


def refusals() -> Iterator[Problem]:
    """Quantities and ids that LeafLink refused."""
    return iter(notices.raised(Category.REFUSED))


def silent_webhooks() -> Iterator[Problem]:
    """Accounts whose webhooks do not come in as they should. Polling goes on meanwhile."""
    accounts = list(Account.objects.filter(is_active=True))
    healths = webhook_health.healths(accounts)
    for account in accounts:
        health = healths[account.pk]
        if not health.state.is_alarm:
            continue
        said = " ".join(part for part in (health.text, health.cure) if part)
        yield Problem(
            key="webhooks",
            text=f"{account}: {said}",
            cure="See the webhooks",
            url=reverse("admin:leaflink_account_webhooks", args=[account.pk]),
            since=health.since,
            connection_id=account.pk,
        )


def settings_in_the_way() -> Iterator[Problem]:
    """Settings in LeafLink that keep orders from being moved on, with the clicks that mend them."""
    refused = Order.objects.exclude(refused="").filter(account__is_active=True)
    accounts = Account.objects.filter(pk__in=refused.values("account"))
    for account in accounts:
        for text in blocking_settings(account):
            yield Problem(
                key="settings",
                text=f"{account}: {text}",
                cure="See the orders",
                url=reverse("admin:leaflink_order_conflicts"),
                since=None,
                connection_id=account.pk,
            )


def failing_syncs() -> Iterator[Problem]:
    """Steps whose runs have failed for some minutes, by account."""
    return failing_runs(Account.objects.all(), IN_WORDS, the_key=THE_KEY)


SOURCES = (
    Source(
        "key",
        "Give LeafLink a key that works",
        Category.CREDENTIALS,
        keys,
        "leaflink.view_account",
        is_urgent=True,
        is_raised=True,
    ),
    Source(
        "brake",
        "Say yes, or correct the stock",
        Category.BRAKE,
        brakes,
        "leaflink.view_listing",
        is_urgent=True,
        is_raised=True,
    ),
    Source(
        "failing",
        "LeafLink does not answer as it should",
        Category.RUN_FAILED,
        failing_syncs,
        "integrations.view_run",
        is_urgent=True,
    ),
    Source(
        "setting",
        "Change a setting in LeafLink",
        Category.SETUP,
        settings_in_the_way,
        "leaflink.view_account",
        is_urgent=True,
    ),
    Source(
        "webhooks",
        "Put webhooks in order",
        Category.WEBHOOK,
        silent_webhooks,
        "leaflink.view_account",
    ),
    Source(
        "refusal",
        "Mend what LeafLink refused",
        Category.REFUSED,
        refusals,
        "leaflink.view_listing",
        is_raised=True,
    ),
)
