"""From an account to a client that may call LeafLink for it."""

from datetime import timedelta

import requests
from django.conf import settings

from integrations.budget import SHARE, SharedBudget
from integrations.leaflink.call_history import observer
from integrations.leaflink.models import Account
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.models import WorkItem
from integrations.wire.errors import BadCredentials


def new_session() -> requests.Session:
    """The HTTP session of a client; tests put the stand-in's transport under it."""
    return requests.Session()


def client_for(
    account: Account, priority: WorkItem.Priority = WorkItem.Priority.REST, *, share: int = SHARE
) -> LeafLinkClient:
    """A client with the account's key that spends its owner's budget with this priority, and whose
    calls are kept (see `integrations.call_log`).

    Raises BadCredentials when the account has no App key, or one of another company.
    """
    tested = account.key_check
    if tested.get("company_id") and tested.get("problem"):
        raise BadCredentials(tested["problem"])
    budget = SharedBudget(
        account.budget_owner, settings.LEAFLINK_REQUESTS_PER_MINUTE, priority, share=share
    )
    return LeafLinkClient(
        account.base_url,
        account.app_key,
        budget=budget,
        session=new_session(),
        on_call=observer(account),
    )


# Somebody waits for the page: seconds to connect and to answer, and for the budget.
PAGE_TIMEOUT = (3.0, 10.0)
PAGE_WAIT = timedelta(seconds=5)


def client_for_page(account: Account, *, base_url: str = "") -> LeafLinkClient:
    """A client for calls within a web request: it gives up soon, and is as urgent as orders.

    `base_url`: another address than the account's. Raises BadCredentials without an App key.
    """
    budget = SharedBudget(
        account.budget_owner,
        settings.LEAFLINK_REQUESTS_PER_MINUTE,
        WorkItem.Priority.ORDERS,
        share=1,
        longest_wait=PAGE_WAIT,
    )
    return LeafLinkClient(
        base_url or account.base_url,
        account.app_key,
        budget=budget,
        session=new_session(),
        timeout=PAGE_TIMEOUT,
        read_attempts=1,
        on_call=observer(account),
    )
