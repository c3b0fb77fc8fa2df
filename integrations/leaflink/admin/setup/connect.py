"""Step 1: which LeafLink, and the App key; tested with LeafLink at once."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.validators import URLValidator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from catalog.permissions import require
from integrations import work
from integrations.encryption import WrongEncryptionKey
from integrations.key_field import KeyField
from integrations.leaflink import check_key
from integrations.leaflink.admin.setup.frame import on_from, show, to
from integrations.leaflink.key_works import key_works
from integrations.leaflink.models import Account
from integrations.leaflink.templatetags.leaflink_accounts import chip
from integrations.leaflink.work_kinds import CATALOG_WORK
from integrations.leases import Busy, lease
from integrations.models import WorkItem

STAND_IN_URL = "http://127.0.0.1:8801"
WHAT = {
    Account.Host.PRODUCTION: "Your real business.",
    Account.Host.SANDBOX: "LeafLink's copy to try things in; it is wiped each night.",
    Account.Host.PARTNERS: "For approved integration partners.",
    Account.Host.STAND_IN: "Practice on this machine, without LeafLink.",
}
UNNAMED = "New LeafLink account"


class ConnectForm(forms.Form):
    """A name (or LeafLink's), the environment, and the App key."""

    name = forms.CharField(max_length=200, required=False, strip=True)
    host = forms.ChoiceField(
        choices=Account.Host.choices, error_messages={"required": "Choose the environment."}
    )
    stand_in_url = forms.CharField(
        max_length=200, required=False, validators=[URLValidator(schemes=["http", "https"])]
    )
    app_key = KeyField("LeafLink")

    def __init__(self, data: Any, account: Account | None) -> None:
        super().__init__(data)
        self.account = account

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("host") == Account.Host.STAND_IN and not data.get("stand_in_url"):
            if "stand_in_url" not in self.errors:
                self.add_error("stand_in_url", "Give the address the stand-in runs at.")
        elif data.get("host") and data.get("host") != Account.Host.STAND_IN:
            data["stand_in_url"] = ""
            self.errors.pop("stand_in_url", None)
        has_key = bool(self.account and self.account.has_app_key)
        if not data.get("app_key") and not has_key and "app_key" not in self.errors:
            self.add_error("app_key", "Paste the App key from LeafLink.")
        names = Account.objects.filter(name__iexact=data.get("name") or "")
        if self.account:
            names = names.exclude(pk=self.account.pk)
        other = names.first() if data.get("name") else None
        # One of the same key is what a second click finds.
        if other and not (other.in_setup and _has_key(other, data.get("app_key", ""))):
            self.add_error("name", "Another account has this name. Choose another one.")
        return data


def begin(request: HttpRequest) -> HttpResponse:
    """A new account: what is needed to test its key."""
    require(request, "leaflink.add_account", "leaflink.change_account")
    if request.method != "POST":
        return _page(request, None, None)
    form = ConnectForm(request.POST, None)
    if not form.is_valid():
        return _page(request, None, form)
    try:
        # Two clicks at once would both find none, and both make one.
        with lease("new leaflink account"):
            account = _made(form.cleaned_data)
    except Busy:
        messages.info(
            request,
            "An account is being made at this moment. If it is yours, go on with it from this "
            "list; otherwise add yours again.",
        )
        return HttpResponseRedirect(reverse("admin:leaflink_account_changelist"))
    return _test(request, account)


def _made(data: dict[str, Any]) -> Account:
    """The new account; a button that was clicked twice makes one. Call it with the lease held."""
    for account in Account.objects.filter(in_setup=True, host=data["host"]):
        if _has_key(account, data["app_key"]) and account.stand_in_url == data["stand_in_url"]:
            return account
    for name in _names(data["name"]):
        try:
            with transaction.atomic():
                return Account.objects.create(
                    name=name,
                    host=data["host"],
                    stand_in_url=data["stand_in_url"],
                    app_key=data["app_key"],
                    in_setup=True,
                )
        except IntegrityError:
            continue
    raise AssertionError("unreachable")


def _has_key(account: Account, key: str) -> bool:
    """Whether it is this account's; one that can't be decrypted any more is not."""
    try:
        return account.app_key == key
    except WrongEncryptionKey:
        return False


def _names(wanted: str) -> Any:
    """The name, or the first like it that is free."""
    name = wanted or UNNAMED
    yield name
    for number in range(2, 1000):
        yield f"{name[:190]} {number}"


def connect(request: HttpRequest, account: Account) -> HttpResponse:
    """The same for an account that is there: test again, or paste another key."""
    if request.method != "POST":
        return _page(request, account, None)
    if "again" in request.POST:
        return _test(request, account)
    form = ConnectForm(request.POST, account)
    if not form.is_valid():
        return _page(request, account, form)
    if (key := form.cleaned_data["app_key"]) and is_fixed(account):
        # What is here is one company's: another one's key must not be used for a moment.
        found = check_key.try_key(account, key)
        if found.problem:
            messages.error(request, f"{found.problem} The key that was stored is kept.")
            return to(account, "connect")
    _change(account, form.cleaned_data)
    return _test(request, account)


def _change(account: Account, data: dict[str, Any]) -> None:
    """Write what was changed. The environment is fixed once records of it are here."""
    values = {}
    if data["app_key"] and not _has_key(account, data["app_key"]):
        values["app_key"] = data["app_key"]
    if data["name"] and data["name"] != account.name:
        values["name"] = data["name"]
    if not is_fixed(account):
        values |= {"host": data["host"], "stand_in_url": data["stand_in_url"]}
    for name, value in values.items():
        setattr(account, name, value)
    if "app_key" in values or values.get("host", account.host) != account.host:
        account.key_check = {}
        values["key_check"] = {}
    if values:
        account.save(update_fields=list(values))


def is_fixed(account: Account) -> bool:
    """Whether the account keeps its environment: it is live, or holds records of it."""
    rows = (account.products, account.staffs, account.customers, account.list_entries)
    return not account.in_setup or any(row.exists() for row in rows)


def _test(request: HttpRequest, account: Account) -> HttpResponse:
    """Test the key; on to the next step when all is well, else show what is to be done."""
    found = check_key.check(account)
    if found.company_name and not found.problem and account.name.startswith(UNNAMED):
        _name_after(account, found.company_name)
    if not found.is_good:
        return to(account, "connect")
    key_works(account)
    if account.in_setup:
        work.ask(account.pk, CATALOG_WORK, ["all"], WorkItem.Priority.REST)
    messages.success(request, f"Connected to {found.company_name}.")
    return on_from(account, "connect") if account.in_setup else to(account, "connect")


def _name_after(account: Account, company: str) -> None:
    for name in _names(company[:190]):
        if not Account.objects.filter(name=name).exclude(pk=account.pk).exists():
            account.name = name
            Account.objects.filter(pk=account.pk).update(name=name)
            return


def _page(request: HttpRequest, account: Account | None, form: ConnectForm | None) -> HttpResponse:
    chosen = form.data.get("host") if form else account.host if account else ""
    url = form.data.get("stand_in_url") if form else account.stand_in_url if account else ""
    name = form.data.get("name") if form else account.name if account else ""
    found = check_key.stored(account) if account else None
    return show(
        request,
        account,
        "connect",
        "connect",
        form=form,
        hosts=[
            {
                "value": host.value,
                "label": host.label,
                "what": WHAT[host],
                "chip": chip(host.value),
                "chosen": host.value == chosen,
            }
            for host in Account.Host
        ],
        name=name or "",
        stand_in_url=url or STAND_IN_URL,
        has_key=bool(account and account.has_app_key),
        is_fixed=bool(account and is_fixed(account)),
        found=found,
        tested_at=check_key.tested_at(found) if found else None,
    )
