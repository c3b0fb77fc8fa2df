"""Testing an account's keys live: which licenses they reach, and what they may do with each.

Metrc answers 401 alike to a wrong key, to a permission that is missing and to a license that is not
the user's. They are told apart by asking for several things: the list of facilities needs no
permission, so keys that it is refused to are wrong; where only some of a license's lists are
refused, a permission is missing; where all are, the keys don't reach the license. Only reading is
tried, and nothing is changed. That templates may be written, and that wholesale prices may be seen,
shows when it is done: the first needs a template, the second a delivery.
"""

import time
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from integrations.budget import BudgetExhausted
from integrations.encryption import WrongEncryptionKey
from integrations.metrc.connect import client_for_page, has_keys, has_same_keys
from integrations.metrc.map_facilities import keep_facilities
from integrations.metrc.models import MetrcAccount, MetrcFacility
from integrations.metrc.note_checks import note_checks
from integrations.metrc.permissions import NEEDS, NOT_REACHED, cure_for
from integrations.metrc.wire import payloads, reads
from integrations.metrc.wire.client import MetrcClient
from integrations.runs import Recorder
from integrations.wire.errors import BadCredentials, BadPayload, Gone, Refused, VendorError

Call = Callable[[MetrcClient, str], object]
# A page waits for it: what is not tested by then is left for the next test.
MOST_SECONDS = 40.0
MOST_LICENSES = 12
A_MINUTE = timedelta(minutes=1)


def _walk(read: Callable[..., Iterator[Any]], *more: Any) -> Call:
    """Read what changed in the last minute, which is next to nothing."""

    def call(client: MetrcClient, number: str) -> object:
        now = timezone.now()
        return list(read(client, number, *more, now - A_MINUTE, now))

    return call


CALLS: dict[str, Call] = {
    "View Packages": _walk(reads.changed_packages, "active"),
    "View Transfer Templates": _walk(reads.templates),
    "View Transfers": _walk(reads.outgoing),
    "Transfer types": reads.transfer_types,
    "Transporters": reads.drivers,
}


@dataclass
class KeyCheck:
    """What a test found. `problem`: why the keys are of no use at all, with the cure. `is_tested`
    False: Metrc did not answer, so nothing is known of them (`problem` says why).

    `licenses`: of each that the keys reach {"license", "name", "checks"}; "checks" has by
    permission "" where it is there, else in words what is wrong, and nothing where that could not
    be tested.
    """

    at: str
    problem: str = ""
    is_tested: bool = True
    licenses: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_refused(self) -> bool:
        """Whether Metrc does not take the keys, as far as was found out."""
        return self.is_tested and bool(self.problem)

    @property
    def lacks(self) -> list[tuple[str, str]]:
        """(license, in words what is wrong) for each that is missing."""
        return [
            (one["license"], text)
            for one in self.licenses
            for text in dict.fromkeys(one["checks"].values())
            if text
        ]

    @property
    def is_good(self) -> bool:
        return self.is_tested and not self.problem and not self.lacks


def stored(account: MetrcAccount) -> KeyCheck | None:
    """What the last test of the account's present keys found; None when they were not tested."""
    return KeyCheck(**account.key_check) if account.key_check and has_keys(account) else None


def check(account: MetrcAccount) -> KeyCheck:
    """Test the account's keys now, with short timeouts, and keep what was found: on the account, on
    its licenses (new ones are added), and as notices.

    Call it outside of any transaction. It never raises what Metrc does: that is the finding.
    """
    found, rows = _test(account)
    _keep(account, found, rows)
    return found


def try_keys(account: MetrcAccount, vendor_key: str, user_key: str) -> KeyCheck:
    """Test other keys for this account in the same way, before they are stored; nothing is kept.
    An empty one stands for the one that is stored."""
    return _test(_with(account, vendor_key, user_key))[0]


def replace_keys(account: MetrcAccount, vendor_key: str, user_key: str) -> KeyCheck:
    """Test keys that were pasted, and store them in place of the account's when they are of use:
    when the finding has no `problem`. An empty one stands for the one that is stored.

    Call it outside of any transaction. Never raises what Metrc does.
    """
    found, rows = _test(_with(account, vendor_key, user_key))
    if found.problem:
        return found
    pasted = {"vendor_key": vendor_key, "user_key": user_key}
    values = {name: key for name, key in pasted.items() if key}
    for name, key in values.items():
        setattr(account, name, key)
    MetrcAccount.objects.filter(pk=account.pk).update(**values)
    _keep(account, found, rows)
    return found


def _with(account: MetrcAccount, vendor_key: str, user_key: str) -> MetrcAccount:
    trial = copy(account)
    if vendor_key:
        trial.vendor_key = vendor_key
    if user_key:
        trial.user_key = user_key
    return trial


def _keep(account: MetrcAccount, found: KeyCheck, rows: list[Any]) -> None:
    """Keep what was found, if the keys are still those that were tested."""
    fresh = MetrcAccount.objects.filter(pk=account.pk).first()
    if fresh is None or not has_same_keys(fresh, account):
        return
    account.key_check = asdict(found)
    MetrcAccount.objects.filter(pk=account.pk).update(key_check=account.key_check)
    if not found.problem:
        keep_facilities(account, rows, Recorder())
        for one in found.licenses:
            _keep_checks(account, one["license"], one["checks"])
    note_checks(account, found.problem if found.is_refused else "", was_tested=found.is_tested)


def _test(account: MetrcAccount) -> tuple[KeyCheck, list[Any]]:
    found = KeyCheck(at=timezone.now().isoformat())
    rows: list[Any] = []
    try:
        client = client_for_page(account)
        rows = reads.facilities(client)
    except BadCredentials as error:
        found.problem = _refused(account, error)
    except WrongEncryptionKey as error:
        found.problem = f"{error} Or paste both keys anew."
    except (VendorError, BudgetExhausted) as error:
        found.is_tested = False
        found.problem = f"The keys could not be tested. {error} {_where(account)}Test again soon."
    else:
        found.licenses = _licenses(account, client, rows)
        if not found.licenses:
            found.problem = (
                "Metrc takes the keys, but they reach no license. In Metrc an administrator of the "
                "facility adds the user under Admin > Employees."
            )
    return found, rows


def _refused(account: MetrcAccount, error: BadCredentials) -> str:
    """Why the list of facilities is refused. What the client says where nothing was sent stays."""
    if "Metrc refused" not in str(error):
        return str(error)
    return (
        f"Metrc does not take these keys in {account.state} ({account.get_environment_display()}). "
        "The vendor key or the user key is wrong, was revoked, or belongs to another state or "
        "environment; Metrc does not say which. Copy both anew: the user key is made in Metrc "
        "under your user's name > API Keys, the vendor key Metrc gives to the software company."
    )


def _where(account: MetrcAccount) -> str:
    if account.environment != MetrcAccount.Environment.STAND_IN:
        return ""
    return (
        f"Does the practice Metrc run at {account.stand_in_url}? Start it with manage.py "
        "metrc_sandbox, or correct its address on the account. "
    )


def _licenses(account: MetrcAccount, client: MetrcClient, rows: list[Any]) -> list[dict[str, Any]]:
    """What the keys may do with each license: first with those that are facilities of ours."""
    named = {
        row.license_number: row.label
        for row in rows
        if isinstance(row, payloads.Facility) and row.license_number
    }
    ours = set(
        MetrcFacility.objects.filter(account=account, facility__isnull=False)
        .order_by()
        .values_list("license_number", flat=True)
    )
    until = time.monotonic() + MOST_SECONDS
    states: dict[str, dict[str, bool | None]] = {}
    for number in sorted(named, key=lambda one: (one not in ours, one)):
        states[number] = {}
        if len(states) <= MOST_LICENSES:
            states[number] = _states(client, number, until)
    everywhere = _missing_everywhere(states)
    return [
        {"license": number, "name": named[number], "checks": _in_words(found, everywhere)}
        for number, found in states.items()
    ]


def _states(client: MetrcClient, number: str, until: float) -> dict[str, bool | None]:
    """By permission whether it is there; None where Metrc gave no answer to that."""
    found: dict[str, bool | None] = {}
    for permission, call in CALLS.items():
        found[permission] = _may(client, number, call) if time.monotonic() < until else None
        if found[permission] is None:
            break  # the next ones would be waited for as long
    return found


def _may(client: MetrcClient, number: str, call: Call) -> bool | None:
    try:
        call(client, number)
    except BadCredentials:
        return False
    except (Refused, Gone, BadPayload):
        return True  # whatever else is said to it, it was let in
    except (VendorError, BudgetExhausted):
        return None
    return True


def _missing_everywhere(states: dict[str, dict[str, bool | None]]) -> set[str]:
    """Permissions that are refused at every license that lets the keys in at all: rather the vendor
    key's than the user's."""
    reached = [found for found in states.values() if True in found.values()]
    if len(reached) < 2:
        return set()
    return {one for one in CALLS if all(found.get(one) is False for found in reached)}


def _in_words(found: dict[str, bool | None], everywhere: set[str]) -> dict[str, str]:
    """What facility.checks holds."""
    known = {one: state for one, state in found.items() if state is not None}
    if len(known) == len(CALLS) and not any(known.values()):
        return dict.fromkeys(known, NOT_REACHED)
    return {
        one: "" if state else cure_for(one, is_everywhere=one in everywhere)
        for one, state in known.items()
    }


def _keep_checks(account: MetrcAccount, number: str, checks: dict[str, str]) -> None:
    """Keep what was found; what could not be tested stays as it was last known."""
    row = account.facilities.filter(license_number=number).only("checks").first()
    if row is None:
        return
    merged = {one: text for one, text in {**row.checks, **checks}.items() if one in NEEDS}
    if merged != row.checks:
        MetrcFacility.objects.filter(pk=row.pk).update(checks=merged)
