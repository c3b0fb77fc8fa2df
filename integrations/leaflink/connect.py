"""From an account to a client that may call LeafLink for it."""

import requests
from django.conf import settings

from integrations.budget import SHARE, SharedBudget
from integrations.leaflink.call_history import observer
from integrations.leaflink.models import Account
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.models import WorkItem


def new_session() -> requests.Session:
    """The HTTP session of a client; tests put the stand-in's transport under it."""
    return requests.Session()


def client_for(
    account: Account, priority: WorkItem.Priority = WorkItem.Priority.REST, *, share: int = SHARE
) -> LeafLinkClient:
    """A client with the account's key that spends its owner's budget with this priority, and whose
    calls are kept (see `integrations.call_log`).

    Raises BadCredentials when the account has no App key.
    """
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
