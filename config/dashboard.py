"""The overview: what needs a person, and when everything last ran."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from catalog import inventory
from catalog.decimals import money
from config.health import worker_problems
from config.own_overview import own_overview
from customers.own import sees_only_own
from integrations.budget import uses_of
from integrations.leaflink import drift
from integrations.leaflink.admin.listing_pages import NEEDS_A_LOOK
from integrations.leaflink.models import Account, Blocker, Listing, Order, Product
from integrations.leaflink.payments_due import waiting_for_somebody
from integrations.leaflink.suggest import unlinked_products
from integrations.models import Notice, Run, WorkItem
from orders.models import SalesOrder
from orders.status import OPEN


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's hook for the index page: adds the overview for those who may see orders."""
    context["title"] = "Overview"
    if sees_only_own(request.user):
        context["own"] = own_overview(request.user)
    elif request.user.has_perm("leaflink.view_order"):
        context["overview"] = {
            "attention": attention(),
            "numbers": numbers(),
            "accounts": accounts(),
            "held": held(),
            "braked": braked(),
            "worker_problems": worker_problems(),
        }
    return context


def attention() -> list[dict[str, Any]]:
    """What only a person can move on, grouped by what fixes it; nothing when all is well."""
    orders = reverse("admin:leaflink_order_changelist")
    reasons = (
        Blocker.objects.order_by()
        .values("code")
        .annotate(orders=Count("order", distinct=True))
        .order_by("-orders")
    )
    rows = [
        {
            "count": row["orders"],
            "text": f"held: {Blocker.Code(row['code']).label.lower()}",
            "url": f"{orders}?blockers__code__exact={row['code']}",
        }
        for row in reasons
    ]
    others = (
        (
            Order.objects.filter(Order.unsettled()).count(),
            "orders on which we and LeafLink don't agree",
            reverse("admin:leaflink_order_conflicts"),
        ),
        (
            waiting_for_somebody().count(),
            "payments that LeafLink does not have yet",
            reverse("admin:leaflink_order_conflicts"),
        ),
        (
            WorkItem.objects.filter(stuck_at__isnull=False).count(),
            "pieces of work are stuck",
            reverse("admin:integrations_workitem_changelist") + "?stuck_at__isempty=0",
        ),
        (
            len(inventory.short_items()),
            "items are promised beyond what there is",
            reverse("admin:catalog_item_changelist") + "?promised=short",
        ),
        (
            drift.open_ones().count(),
            "differences between us and LeafLink",
            reverse("admin:leaflink_drift_changelist"),
        ),
        (
            Listing.objects.filter(NEEDS_A_LOOK).count(),
            "links to LeafLink products need a look",
            reverse("admin:leaflink_listing_workbench") + "?tab=look",
        ),
        (
            0 if Listing.objects.exists() else unlinked_products().count(),
            "LeafLink products, and none of them is linked yet",
            reverse("admin:leaflink_listing_workbench"),
        ),
        (
            Notice.objects.filter(resolved_at__isnull=True).count(),
            "open notices",
            reverse("admin:integrations_notice_changelist") + "?resolved_at__isempty=1",
        ),
    )
    return rows + [
        {"count": count, "text": text, "url": url} for count, text, url in others if count
    ]


def braked() -> list[dict[str, Any]]:
    """The accounts of which many products would sell out at once, and wait for a yes."""
    rows = (
        Listing.objects.filter(braked_at__isnull=False, product__gone_at__isnull=True)
        .order_by("product__account__name")
        .values_list("product__account", "product__account__name")
        .annotate(Count("pk"))
    )
    return [
        {
            "count": count,
            "account": name,
            "url": reverse("admin:leaflink_listing_brake", args=[account_id]),
        }
        for account_id, name, count in rows
    ]


def numbers() -> list[dict[str, Any]]:
    """The day in figures."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    orders = Order.objects.aggregate(
        today=Count("pk", filter=Q(placed_at__gte=today)),
        held=Count("pk", filter=Q(state=Order.State.HELD)),
        held_value=Sum("total", filter=Q(state=Order.State.HELD)),
    )
    products = Product.objects.aggregate(
        linked=Count("pk", filter=Q(listing__isnull=False)),
        unlinked=Count("pk", filter=Q(listing__isnull=True, gone_at__isnull=True)),
    )
    order_list = reverse("admin:leaflink_order_changelist")
    return [
        {
            "label": "Orders placed today",
            "value": f"{orders['today']:,}",
            "url": order_list,
        },
        {
            "label": "Held orders",
            "value": f"{orders['held']:,}",
            "note": f"${money(orders['held_value']):,.2f}",
            "url": f"{order_list}?state__exact=held",
        },
        {
            "label": "Orders to be shipped",
            "value": f"{SalesOrder.objects.filter(status__in=OPEN).count():,}",
            "url": reverse("admin:orders_salesorder_changelist"),
        },
        {
            "label": "Linked products",
            "value": f"{products['linked']:,}",
            "note": f"{products['unlinked']:,} not linked"
            if products["unlinked"]
            else "all linked",
            "url": reverse("admin:leaflink_product_changelist"),
        },
    ]


def held() -> list[Order]:
    """The held orders, the oldest first, as many as fit the page."""
    return list(
        Order.objects.filter(state=Order.State.HELD)
        .defer("raw")
        .prefetch_related("blockers")
        .order_by("placed_at")[:8]
    )


def accounts() -> list[dict[str, Any]]:
    """Per account: when what last ran, and whether it went well."""
    active = list(Account.objects.filter(is_active=True))
    uses = uses_of({account.budget_owner for account in active})
    recent = timezone.now() - timedelta(days=7)
    runs: dict[int, dict[str, Any]] = {}
    latest = (
        Run.objects.filter(started_at__gte=recent, finished_at__isnull=False)
        .order_by()
        .values("connection", "kind")
        .annotate(at=Max("finished_at"))
    )
    for row in latest:
        runs.setdefault(row["connection"], {})[row["kind"]] = row["at"]
    return [
        {
            "account": account,
            "orders": runs.get(account.pk, {}).get("orders"),
            "inventory": runs.get(account.pk, {}).get("inventory"),
            "products": runs.get(account.pk, {}).get("products"),
            "url": reverse("admin:leaflink_account_change", args=[account.pk]),
            "use": uses[account.budget_owner],
            "limit": settings.LEAFLINK_REQUESTS_PER_MINUTE,
            "preview": reverse("admin:leaflink_listing_preview", args=[account.pk]),
        }
        for account in active
    ]
