"""Refused keys and missing permissions as notices, for as long as they are there."""

from django.urls import reverse

from integrations import work
from integrations.metrc.models import MetrcAccount
from integrations.metrc.permissions import NOT_REACHED
from integrations.models import Notice, WorkItem
from integrations.notices import notify, open_ones, resolve

CREDENTIALS = Notice.Category.CREDENTIALS
# Keys that are refused altogether are one problem, whichever step meets it first.
THE_KEY = "key"
LICENSE = "license "
# What work is stuck for that was asked while Metrc did not answer, or not to these keys.
NO_ANSWER = ("wait", "credentials", "budget")


def note_checks(account: MetrcAccount, refused: str, *, was_tested: bool) -> None:
    """Raise and resolve the account's notices by what the last test found. `refused`: why Metrc
    does not take the keys at all. When nothing could be tested, what is known stays.

    Only licenses that are facilities of ours count: nobody waits for what others lack.
    """
    if not was_tested:
        return
    page = reverse("admin:metrc_account_licenses", args=[account.pk])
    if refused:
        cure = "Paste the keys anew"
        notify(account, CREDENTIALS, THE_KEY, f"{account}: {refused}", cure=cure, url=page)
        return
    resolve(account, CREDENTIALS, [THE_KEY])
    wrong = _wrong(account)
    for key, text in wrong.items():
        notify(account, CREDENTIALS, key, text, cure="See the license", url=page)
    opened = open_ones().filter(connection=account, category=CREDENTIALS)
    before = opened.filter(key__startswith=LICENSE).values_list("key", flat=True)
    resolve(account, CREDENTIALS, set(before) - set(wrong))
    if not wrong:
        # Nothing is missing: what readings met was for another reason, and is met again if not.
        resolve(account, CREDENTIALS)
        revive(account)


def _wrong(account: MetrcAccount) -> dict[str, str]:
    found = {}
    for row in account.facilities.filter(facility__isnull=False, is_listed=True):
        texts = [text for text in dict.fromkeys(row.checks.values()) if text]
        if texts:
            told = " ".join(texts)
            about = told if told == NOT_REACHED else f"permissions are missing. {told}"
            found[f"{LICENSE}{row.license_key}"[:150]] = f"{account}, license {row}: {about}"
    return found


def revive(account: MetrcAccount) -> int:
    """Try once more what was given up for want of an answer; returns how many there were."""
    return work.retry(WorkItem.objects.filter(connection=account, error_class__in=NO_ANSWER))
