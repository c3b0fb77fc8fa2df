"""LeafLink answers, and takes our key: what was given up for want of that goes on."""

from integrations import work
from integrations.leaflink.models import Account
from integrations.leaflink.work_kinds import INVENTORY_WORK
from integrations.models import Notice, WorkItem
from integrations.notices import resolve

# A key that is refused altogether is one problem, whichever step meets it first.
THE_KEY = "key"
# What work is stuck for that was asked while LeafLink did not answer, or not to this key.
NO_ANSWER = ("wait", "credentials", "budget")


def revive(account: Account) -> int:
    """Try once more what was given up for want of an answer; returns how many there were."""
    return work.retry(WorkItem.objects.filter(connection=account, error_class__in=NO_ANSWER))


def key_works(account: Account) -> None:
    """A person has just tested the key, and it is good: nobody has to wait for the next poll."""
    resolve(account, Notice.Category.CREDENTIALS, [THE_KEY])
    revive(account)
    if account.is_active and not account.in_setup:
        work.ask(account.pk, INVENTORY_WORK, ["all"], WorkItem.Priority.ORDERS)
