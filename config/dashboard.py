"""The dashboard: how each account stands, and the figures of the last weeks."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, Min, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from catalog.decimals import money
from catalog.permissions import require
from config.charts import charts
from config.health import last_runs, worker_problems
from config.today import LAST_RUNS, RECENTLY
from integrations import problems
from integrations.budget import uses_of
from integrations.leaflink.models import Account, Order, Product
from integrations.models import WorkItem
from orders.models import SalesOrder
from orders.status import OPEN

# By account: see `_orders`.
Orders = dict[int, dict[str, Any]]
VIEW = ("leaflink.view_order", "leaflink.view_account", "integrations.view_run")


def dashboard(request: HttpRequest) -> HttpResponse:
    """The page, for those who may see orders, accounts and runs."""
    require(request, *VIEW)
    orders = _orders()
    context = {
        **admin.site.each_context(request),
        "title": "Dashboard",
        "numbers": numbers(orders),
        "accounts": accounts(request.user.has_perm, orders),
        "charts": charts(),
        "worker_problems": worker_problems(),
    }
    return TemplateResponse(request, "admin/dashboard.html", context)


def numbers(orders: Orders) -> list[dict[str, Any]]:
    """The day in figures, of all accounts together."""
    held = sum(row["held"] for row in orders.values())
    value = money(sum(row["held_value"] or 0 for row in orders.values()))
    products = Product.objects.aggregate(
        linked=Count("pk", filter=Q(listing__isnull=False)),
        unlinked=Count("pk", filter=Q(listing__isnull=True, gone_at__isnull=True)),
    )
    listed = reverse("admin:leaflink_order_changelist")
    unlinked = products["unlinked"]
    return [
        {
            "label": "Orders placed today",
            "value": f"{sum(row['today'] for row in orders.values()):,}",
            "url": listed,
        },
        {
            "label": "Held orders",
            "value": f"{held:,}",
            "note": f"${value:,.2f}",
            "url": f"{listed}?state__exact=held",
        },
        {
            "label": "Orders to be shipped",
            "value": f"{SalesOrder.objects.filter(status__in=OPEN).count():,}",
            "url": reverse("admin:orders_salesorder_changelist"),
        },
        {
            "label": "Linked products",
            "value": f"{products['linked']:,}",
            "note": f"{unlinked:,} not linked" if unlinked else "all linked",
            "url": reverse("admin:leaflink_product_changelist"),
        },
    ]


def _orders() -> Orders:
    """By account: orders placed today, orders held, and what these are worth. One query, and only
    of the orders of today and those that are held."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    held = Q(state=Order.State.HELD)
    rows = (
        Order.objects.filter(held | Q(placed_at__gte=today))
        .order_by()
        .values("account")
        .annotate(
            today=Count("pk", filter=Q(placed_at__gte=today)),
            held=Count("pk", filter=held),
            held_value=Sum("total", filter=held),
        )
    )
    return {row["account"]: dict(row) for row in rows}


def _queues() -> dict[int, dict[str, Any]]:
    """By account: how much work waits, since when, and how much of it is stuck. One query."""
    waits = Q(stuck_at__isnull=True)
    rows = (
        WorkItem.objects.order_by()
        .values("connection")
        .annotate(
            waiting=Count("pk", filter=waits),
            stuck=Count("pk", filter=~waits),
            oldest=Min("requested_at", filter=waits),
        )
    )
    return {row["connection"]: dict(row) for row in rows}


def accounts(may: Callable[[str], bool], orders: Orders) -> list[dict[str, Any]]:
    """How each account that is switched on stands. Only what needs a person is called so."""
    active = list(Account.objects.filter(is_active=True))
    uses = uses_of({account.budget_owner for account in active})
    done = last_runs(within=RECENTLY)
    queues = _queues()
    urgent = _urgent(may)
    nothing = {"today": 0, "held": 0, "held_value": None}
    return [
        {
            "account": account,
            "url": reverse("admin:leaflink_account_change", args=[account.pk]),
            "preview": reverse("admin:leaflink_listing_preview", args=[account.pk]),
            "urgent": urgent.get(account.pk, []),
            "last": [(label, done.get((account.pk, kind))) for kind, label in LAST_RUNS],
            "use": uses[account.budget_owner],
            "limit": settings.LEAFLINK_REQUESTS_PER_MINUTE,
            "queue": queues.get(account.pk),
            "orders": orders.get(account.pk, nothing),
            "held_value": money(orders.get(account.pk, nothing)["held_value"]),
        }
        for account in active
    ]


def _urgent(may: Callable[[str], bool]) -> dict[int, list[problems.Problem]]:
    """By account what somebody must act on now."""
    found: dict[int, list[problems.Problem]] = {}
    for group in problems.find(may, only_urgent=True):
        for problem in group.problems:
            if problem.connection_id:
                found.setdefault(problem.connection_id, []).append(problem)
    return found
