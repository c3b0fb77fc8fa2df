"""From an account to a client that may call Metrc for it."""

from datetime import timedelta
from typing import Any

import requests
from django.conf import settings
from django.utils.crypto import salted_hmac

from integrations.budget import SHARE, SharedBudget
from integrations.encryption import WrongEncryptionKey
from integrations.metrc.call_history import observer
from integrations.metrc.models import MetrcAccount
from integrations.metrc.wire.client import MetrcClient
from integrations.models import WorkItem

# Somebody waits for the page: seconds to connect and to answer, and for the budget.
PAGE_TIMEOUT = (3.0, 10.0)
PAGE_WAIT = timedelta(seconds=5)


def new_session() -> requests.Session:
    """The HTTP session of a client; tests put the stand-in's transport under it."""
    return requests.Session()


def client_for(
    account: MetrcAccount,
    priority: WorkItem.Priority = WorkItem.Priority.REST,
    *,
    share: int = SHARE,
    order_number: str = "",
) -> MetrcClient:
    """A client with the account's keys, window and page size. It spends the budget of its vendor
    key with this priority, and its calls are kept (see `integrations.call_log`): as those of this
    order where it is given.

    Raises BadCredentials when a key is missing, WrongEncryptionKey when one can't be decrypted.
    """
    return _client(account, order_number, _budget(account, priority, share=share))


def client_for_page(account: MetrcAccount, *, order_number: str = "") -> MetrcClient:
    """A client for calls within a web request: it gives up soon, and is as urgent as orders.
    Raises as `client_for`."""
    budget = _budget(account, WorkItem.Priority.ORDERS, share=1, longest_wait=PAGE_WAIT)
    return _client(account, order_number, budget, timeout=PAGE_TIMEOUT, read_attempts=1)


def has_keys(account: MetrcAccount) -> bool:
    """Whether both keys are stored, be they readable or not."""
    return all(account.__dict__.get(name) for name in ("vendor_key", "user_key"))


def has_same_keys(one: MetrcAccount, other: MetrcAccount) -> bool:
    """Whether both hold the same keys. Of those that can't be decrypted what is stored is
    compared."""
    names = ("vendor_key", "user_key")
    try:
        return all(getattr(one, name) == getattr(other, name) for name in names)
    except WrongEncryptionKey:
        return all(one.__dict__[name] == other.__dict__[name] for name in names)


def budget_owner(account: MetrcAccount) -> str:
    """Whose request budget is spent: the vendor key's, in one environment of one state. The key is
    told by a fingerprint, which says nothing of it.

    Metrc: requests are counted by vendor key, and each state has a host of its own.
    """
    fingerprint = salted_hmac("metrc budget", account.vendor_key.strip()).hexdigest()[:12]
    return f"Metrc {account.state}, {account.get_environment_display()}, key no. {fingerprint}"


def _budget(account: MetrcAccount, priority: WorkItem.Priority, **options: Any) -> SharedBudget:
    per_minute = settings.METRC_REQUESTS_PER_MINUTE
    return SharedBudget(budget_owner(account), per_minute, priority, **options)


def _client(
    account: MetrcAccount, order_number: str, budget: SharedBudget, **options: Any
) -> MetrcClient:
    return MetrcClient(
        account.base_url,
        account.vendor_key,
        account.user_key,
        budget=budget,
        session=new_session(),
        on_call=observer(account, order_number=order_number),
        longest_window=timedelta(hours=float(account.window_hours)),
        page_size=account.page_size,
        **options,
    )
