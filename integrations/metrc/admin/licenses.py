"""The page of an account's keys and licenses: tests, mapping, permissions, and reading at once."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from catalog.models import Facility
from catalog.natural import natural
from catalog.permissions import require
from integrations import work
from integrations.key_field import KeyField
from integrations.metrc import check_keys
from integrations.metrc.check_keys import KeyCheck
from integrations.metrc.connect import has_keys
from integrations.metrc.map_facilities import Taken, choose
from integrations.metrc.models import MetrcAccount, MetrcFacility
from integrations.metrc.permissions import GIVEN_WITH, NEEDS, NOT_REACHED, UNTRIED
from integrations.metrc.work_kinds import LISTS_WORK, PACKAGES_WORK, TRANSFERS_WORK
from integrations.models import WorkItem

VIEW = "metrc.view_metrcaccount"
CHANGE = "metrc.change_metrcaccount"
SYNC = "metrc.sync_metrcaccount"
READINGS = (LISTS_WORK, PACKAGES_WORK, TRANSFERS_WORK)


def license_urls(site: AdminSite) -> list[URLPattern]:
    """The addresses of the page and of its buttons."""
    return [
        path(
            f"<id:account_id>/{address}",
            site.admin_view(view),
            name=f"metrc_account_{name}",
        )
        for address, name, view in (
            ("licenses/", "licenses", require_safe(licenses)),
            ("licenses/test/", "test", require_POST(test)),
            ("licenses/keys/", "keys", require_POST(keys)),
            ("licenses/map/", "map", require_POST(map_licenses)),
            ("licenses/read/", "read", require_POST(read)),
        )
    ]


def licenses(request: HttpRequest, account_id: int) -> HttpResponse:
    """Show what the keys reach, and what they may do with each license."""
    require(request, VIEW)
    account = get_object_or_404(MetrcAccount, pk=account_id)
    rows = list(account.facilities.select_related("facility").order_by("-is_listed", "name", "pk"))
    taken = [row.facility_id for row in rows if row.facility_id]
    ours = list(Facility.objects.filter(Q(is_active=True) | Q(pk__in=taken)))
    found = check_keys.stored(account)
    waiting = set(
        WorkItem.objects.filter(
            connection=account.pk, kind__in=READINGS, stuck_at__isnull=True
        ).values_list("key", flat=True)
    )
    may = request.user.has_perm
    context = {
        **admin.site.each_context(request),
        "title": f"Keys and licenses of {account}",
        "opts": MetrcAccount._meta,
        "account": account,
        "has_keys": has_keys(account),
        "found": found,
        "tested_at": datetime.fromisoformat(found.at) if found else None,
        "licenses": [
            {
                "row": row,
                "permissions": (permissions := _permissions(row)),
                "wrong": [one for one in permissions if one["state"] in ("missing", "untested")],
                "is_waiting": str(row.pk) in waiting,
            }
            for row in rows
        ],
        "not_reached": NOT_REACHED,
        "needed": [name for name in (*NEEDS, *UNTRIED) if name not in GIVEN_WITH],
        "facilities": ours,
        "may_change": may(CHANGE),
        "may_sync": may(SYNC),
        "is_mapped": bool(taken),
    }
    return TemplateResponse(request, "admin/metrc/licenses.html", context)


def _permissions(row: MetrcFacility) -> list[dict[str, str]]:
    """Of each permission {"name", "purpose", "state", "text"}; nothing where the whole license is
    not reached: that is said once."""
    if NOT_REACHED in row.checks.values():
        return []
    shown = []
    for name, purpose in NEEDS.items():
        text = row.checks.get(name)
        state = "untested" if text is None else "missing" if text else "ok"
        shown.append({"name": name, "purpose": purpose, "state": state, "text": text or ""})
    for name, (purpose, why) in UNTRIED.items():
        shown.append({"name": name, "purpose": purpose, "state": "untried", "text": why})
    return shown


def test(request: HttpRequest, account_id: int) -> HttpResponse:
    """Test the stored keys now."""
    require(request, VIEW, SYNC)
    account = get_object_or_404(MetrcAccount, pk=account_id)
    _tell(request, check_keys.check(account))
    return _back(account)


def _tell(request: HttpRequest, found: KeyCheck) -> None:
    if found.problem:
        say = messages.error if found.is_tested else messages.warning
        say(request, found.problem)
    elif found.lacks:
        messages.warning(request, "Metrc takes the keys, but something is missing: see below.")
    else:
        messages.success(request, "Metrc takes the keys, and they may do all that was tested.")


@sensitive_post_parameters("vendor_key", "user_key")
def keys(request: HttpRequest, account_id: int) -> HttpResponse:
    """Test keys that were pasted, and store them when Metrc takes them; else the old ones stay."""
    require(request, VIEW, CHANGE)
    account = get_object_or_404(MetrcAccount, pk=account_id)
    field = KeyField("Metrc")
    try:
        vendor = field.clean(request.POST.get("vendor_key", ""))
        user = field.clean(request.POST.get("user_key", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return _back(account)
    if not (vendor or user):
        messages.error(request, "Paste at least one of the two keys.")
        return _back(account)
    found = check_keys.replace_keys(account, vendor, user)
    if found.problem:
        stays = "The keys that were stored are kept." if has_keys(account) else "Nothing is stored."
        say = messages.error if found.is_tested else messages.warning
        say(request, f"{found.problem} {stays}")
        return _back(account)
    _tell(request, found)
    _ask(account, account.facilities.filter(facility__isnull=False, is_listed=True))
    return _back(account)


def map_licenses(request: HttpRequest, account_id: int) -> HttpResponse:
    """Save which facility of ours each license is; what is new is read at once."""
    require(request, VIEW, CHANGE)
    account = get_object_or_404(MetrcAccount, pk=account_id)
    wanted = {}
    for pk in account.facilities.values_list("pk", flat=True):
        if (said := request.POST.get(f"facility-{pk}")) is not None:
            wanted[pk] = natural(said) or None
    try:
        changed = choose(account, wanted)
    except Taken as error:
        messages.error(request, f"Nothing was saved: {error}")
        return _back(account)
    new = [row for row in changed if row.facility_id and row.is_listed]
    _ask(account, new)
    if not changed:
        messages.info(request, "Nothing was changed.")
    else:
        reading = " What is new is being read." if new and account.is_active else ""
        messages.success(request, f"Saved.{reading}")
    return _back(account)


def read(request: HttpRequest, account_id: int) -> HttpResponse:
    """Read lists, packages and transfers of one license, or of all that are facilities of ours."""
    require(request, VIEW, SYNC)
    account = get_object_or_404(MetrcAccount, pk=account_id)
    rows = account.facilities.filter(facility__isnull=False, is_listed=True)
    if chosen := natural(request.POST.get("license", "")):
        rows = rows.filter(pk=chosen)
    asked = list(rows)
    if not account.is_active:
        messages.error(request, f"{account} is switched off: nothing is read until it is on.")
    elif not has_keys(account):
        messages.error(request, f"{account} has no keys: nothing can be read. Paste them below.")
    elif not asked:
        messages.error(request, "Choose first which facility of ours the license is, and save.")
    else:
        _ask(account, asked)
        names = ", ".join(str(row) for row in asked[:3]) + (" and others" * (len(asked) > 3))
        messages.success(request, f"Being read now: {names}. Reload the page to see it done.")
    return _back(account)


def _ask(account: MetrcAccount, rows: Any) -> None:
    pks = [str(row.pk) for row in rows]
    for kind in READINGS:
        work.ask(account.pk, kind, pks, WorkItem.Priority.ORDERS)


def _back(account: MetrcAccount) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:metrc_account_licenses", args=[account.pk]))
