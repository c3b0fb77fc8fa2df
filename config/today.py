"""The first page of the day: what needs a person, and whether everything else runs by itself."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse

from config.health import last_runs, worker_problems
from config.own_overview import own_overview
from customers.own import sees_only_own
from integrations import attention
from integrations.attention_acts import CHANGE, assignable
from integrations.leaflink.models import Account

RECENTLY = timedelta(days=2)
# What a person wants to know of, and what the runs of it are called.
LAST_RUNS = (
    ("orders", "Orders read"),
    ("inventory", "Quantities looked at"),
    ("products", "Products read"),
)


def today(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's hook for the index page: what waits for this person."""
    user = request.user
    context["title"] = "Needs attention"
    if sees_only_own(user):
        context["own"] = own_overview(user)
        return context
    is_mine = request.GET.get("mine") == "1"
    page = attention.look(
        user.has_perm,
        mine=user if is_mine and isinstance(user, User) else None,
        opened=request.GET.get("open", ""),
        number=request.GET.get("page", "1"),
    )
    may_change = user.has_perm(CHANGE)
    context["today"] = {
        "page": page,
        "is_mine": is_mine,
        "may_change": may_change,
        "people": list(assignable()) if may_change else [],
        "snooze_choices": attention.snooze_choices(),
        "here": request.get_full_path(),
        "worker_problems": worker_problems() if user.has_perm("integrations.view_run") else [],
        "accounts": accounts() if user.has_perm("leaflink.view_account") else None,
        # Of an empty system nobody says that all is well.
        "is_live": Account.objects.filter(is_active=True, in_setup=False).exists(),
        "sees_nothing": not user.get_all_permissions(),
    }
    return context


def accounts() -> list[dict[str, Any]]:
    """Each account that is switched on, and when what was last done without failing."""
    done = last_runs(within=RECENTLY)
    return [
        {
            "account": account,
            "url": reverse("admin:leaflink_account_change", args=[account.pk]),
            "last": [(label, done.get((account.pk, kind))) for kind, label in LAST_RUNS],
        }
        for account in Account.objects.filter(is_active=True)
    ]
