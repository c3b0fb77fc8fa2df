"""Testing an App key live: whose it is, what it may do, and the cure for what it may not.

LeafLink: one company per key; a permission (Read or Read & Write) per resource. Reading shows
whether the key may read. Whether it may write is asked by changing a record that can't exist:
without the permission the answer is 403, with it 404, and nothing is changed either way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from integrations.budget import BudgetExhausted
from integrations.encryption import WrongEncryptionKey
from integrations.leaflink.connect import client_for_page
from integrations.leaflink.models import Account, Order, Product
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.wire.errors import (
    BadCredentials,
    BadPayload,
    Forbidden,
    Gone,
    Refused,
    VendorError,
)

NO_ORDER = "orders-received/00000000-0000-0000-0000-000000000000"
NO_PRODUCT = "products/0"
WHERE = "In LeafLink: Settings > Applications > your application > Permissions"


@dataclass(frozen=True)
class Need:
    """Something we do in LeafLink, the permission it takes, and where to try it."""

    permission: str
    level: str
    reads: str
    purpose: str
    writes: str = ""
    # Whether nothing works without it.
    is_vital: bool = True


NEEDS = (
    Need("Orders", "Read & Write", "orders-received", "orders are taken in and moved on", NO_ORDER),
    Need("Orders", "Read & Write", "company-staff", "sales reps are read"),
    Need("Products", "Read & Write", "products", "products are read and kept up", NO_PRODUCT),
    Need("CRM", "Read & Write", "customers", "customers are read"),
    Need("Inventory", "Read & Write", "inventory/facilities", "stock is sent", is_vital=False),
)


@dataclass
class KeyCheck:
    """What a test found. `problem`: why the key is of no use at all, with the cure."""

    at: str
    company_id: int | None = None
    company_name: str = ""
    problem: str = ""
    # What is allowed: [{"permission", "level", "state", "purpose", "cure", "is_vital"}]
    permissions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def lacks(self) -> list[dict[str, Any]]:
        """The permissions without which we can't work."""
        return [row for row in self.permissions if row["state"] != "ok" and row["is_vital"]]

    @property
    def is_good(self) -> bool:
        return bool(self.company_id) and not self.problem and not self.lacks


def stored(account: Account) -> KeyCheck | None:
    """What the last test of the account's present key found; None when it was not tested."""
    return KeyCheck(**account.key_check) if account.key_check and account.has_app_key else None


def check(account: Account) -> KeyCheck:
    """Test the account's key now, with short timeouts; note what was found, and whose key it is.

    Call it outside of any transaction. It never raises what LeafLink does: that is the finding.
    """
    found = _test(account)
    _note(account, found)
    return found


def try_key(account: Account, key: str) -> KeyCheck:
    """Test another key for this account in the same way, before it is stored; nothing is noted."""
    trial = copy(account)
    trial.app_key = key
    return _test(trial)


def _test(account: Account) -> KeyCheck:
    found = KeyCheck(at=timezone.now().isoformat())
    with _explained(account, found):
        client = client_for_page(account)
        _whose(client, found)
        found.problem = _wrong_company(account, found)
        if not found.problem:
            found.permissions = _permissions(client)
    return found


@contextmanager
def _explained(account: Account, found: KeyCheck) -> Iterator[None]:
    """What goes wrong becomes the problem in words, with the cure."""
    try:
        yield
    except Forbidden:
        found.problem = (
            f"The key is good, but may not even read the company. {WHERE}: give it Orders "
            "(Read & Write), then test again."
        )
    except BadCredentials as error:
        found.problem = _refused_key(account) if "401" in str(error) else str(error)
    except WrongEncryptionKey as error:
        found.problem = f"{error} Or paste the App key anew."
    except BudgetExhausted as error:
        found.problem = f"{error} Test again then."
    except VendorError as error:
        found.problem = f"{error} {_where(account)} The key was not tested: test again soon."


def _where(account: Account) -> str:
    if account.host == Account.Host.STAND_IN:
        return (
            f"Does the practice LeafLink run at {account.stand_in_url}? Start it with manage.py "
            "leaflink_sandbox, or correct its address below."
        )
    return ""


def _whose(client: LeafLinkClient, found: KeyCheck) -> None:
    """Ask whose key it is. Raises as the client does."""
    companies = [
        payloads.parse(payloads.Company, body)
        for body in _rows(client.get("companies"))
        if isinstance(body, dict)
    ]
    if not companies:
        raise BadPayload("LeafLink names no company for this key.")
    if len(companies) > 1:
        names = ", ".join(company.name for company in companies[:5])
        found.problem = (
            f"This key sees several companies ({names}). Make an App key in LeafLink under "
            "Settings > Applications, which belongs to one, and paste that."
        )
        return
    found.company_id, found.company_name = companies[0].id, companies[0].name[:400]


def _rows(body: Any) -> list[Any]:
    rows = body.get("results") if isinstance(body, dict) else body
    return rows if isinstance(rows, list) else []


def _wrong_company(account: Account, found: KeyCheck) -> str:
    """Why the account can't work with this company; "" when it can."""
    if found.problem or found.company_id is None:
        return found.problem
    same = Account.objects.filter(host=account.host, company_id=found.company_id)
    if account.host == Account.Host.STAND_IN:
        same = same.filter(stand_in_url=account.stand_in_url)
    other = same.exclude(pk=account.pk).first()
    if other:
        return (
            f"{found.company_name} is connected already, as the account “{other}”. Go on with that "
            "one, or paste the key of another company."
        )
    if account.company_id in (None, found.company_id) or not _has_records(account):
        return ""
    return (
        f"This key belongs to {found.company_name}, but this account holds the products and orders "
        f"of {account.company_name or 'another company'}. Paste a key of that company, or set up "
        "another account."
    )


def _has_records(account: Account) -> bool:
    known = (Product.objects.filter(account=account), Order.objects.filter(account=account))
    return any(rows.exists() for rows in known)


def _permissions(client: LeafLinkClient) -> list[dict[str, Any]]:
    """Per permission whether the key has it. Raises as the client does, but for what is missing."""
    rows: dict[str, dict[str, Any]] = {}
    for need in NEEDS:
        state = "ok"
        if not _may(lambda path: client.get(path, limit=1), need.reads):
            state = "none"
        elif need.writes and not _may(lambda path: client.patch(path, {}), need.writes):
            state = "read"
        before = rows.get(need.permission)
        purpose = f"{before['purpose']}, {need.purpose}" if before else need.purpose
        if before and (before["state"] != "ok" or state == "ok"):
            before["purpose"] = purpose
            continue
        rows[need.permission] = {
            "permission": need.permission,
            "level": need.level,
            "state": state,
            "purpose": purpose,
            "is_vital": need.is_vital,
            "cure": "" if state == "ok" else _cure(need, state),
        }
    return list(rows.values())


def _may(call: Any, path: str) -> bool:
    """Whether the call is allowed, whatever else is said to it."""
    try:
        call(path)
    except Forbidden:
        return False
    except (Gone, Refused):
        return True
    return True


def _cure(need: Need, state: str) -> str:
    now = "can only be read" if state == "read" else "is switched off"
    return (
        f"{need.permission} {now}. {WHERE}: set {need.permission} to {need.level}, save, and test "
        "again here. The key stays the same."
    )


def _refused_key(account: Account) -> str:
    """LeafLink does not know the key: perhaps another environment does."""
    others = [
        host
        for host in (Account.Host.PRODUCTION, Account.Host.SANDBOX, Account.Host.PARTNERS)
        if host != account.host and account.host != Account.Host.STAND_IN
    ]
    for host in others:
        try:
            client_for_page(account, base_url=f"{host.value}/api/v2").get("companies")
        except Forbidden:
            pass  # known there, if with few permissions
        except (VendorError, BudgetExhausted):
            continue
        return (
            f"This key belongs to another environment: {host.label} knows it. Choose that "
            f"environment, or paste a key made in {account.get_host_display()}."
        )
    return (
        f"{account.get_host_display()} does not know this key (401). Copy it again from LeafLink "
        "under Settings > Applications; it may have been revoked, or cut off while copying. A key "
        "made in production works in the sandbox from the next day on."
    )


def _note(account: Account, found: KeyCheck) -> None:
    """Keep what was found, if the key is still the one that was tested."""
    fresh = Account.objects.filter(pk=account.pk).only("app_key").first()
    if fresh is None or not fresh.has_same_key(account):
        return
    values: dict[str, Any] = {"key_check": asdict(found)}
    if found.company_id and not found.problem:
        values |= {"company_id": found.company_id, "company_name": found.company_name}
    for name, value in values.items():
        setattr(account, name, value)
    Account.objects.filter(pk=account.pk).update(**values)


def tested_at(found: KeyCheck) -> datetime:
    """When that was."""
    return datetime.fromisoformat(found.at)
