"""The page that tells how an account's webhooks do, what they missed, and how to mend them."""

from collections import defaultdict
from datetime import date, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone

from catalog.permissions import require
from integrations.leaflink.models import (
    Account,
    Order,
    Product,
    WebhookDelivery,
    WebhookRefusal,
)
from integrations.leaflink.webhook_facts import (
    HOUR_RECEIVED,
    WINDOW,
    hour_of,
    unannounced_orders,
    unannounced_products,
)
from integrations.leaflink.webhook_health import DISABLED_AFTER, Health, State, health
from integrations.leaflink.webhook_words import has_no_key

DAYS = 14
LISTED = 10
LISTED_MISSED = 25
ACTIONS = {"": "changed", "edit": "changed", "create": "new", "delete": "deleted"}
# Pixels of the tallest bar.
TALLEST = 80


def webhooks(request: HttpRequest, account_id: int) -> HttpResponse:
    """Show the health of an account's webhooks. Orders, products and deliveries are only listed for
    those who may see them."""
    require(request, "leaflink.view_account")
    account = get_object_or_404(Account, pk=account_id)
    now = timezone.now()
    days = per_day(account)
    orders = unannounced_orders(now).filter(account=account)
    products = unannounced_products(now).filter(account=account)
    may = request.user.has_perm
    found = health(account)
    context = {
        **admin.site.each_context(request),
        "title": f"Webhooks of {account}",
        "opts": Account._meta,
        "account": account,
        "now": now,
        "health": found,
        "has_no_key": has_no_key(account),
        "wants_key": _wants_key(account, found),
        "address_trouble": address_trouble(account),
        "disabled_after_days": DISABLED_AFTER.days,
        "days": days,
        "total": sum(day["taken"] for day in days),
        "total_refused": sum(day["refused"] for day in days),
        "window_days": WINDOW.days,
        "missed": orders.count() + products.count(),
        "missed_orders": _listed(orders) if may("leaflink.view_order") else [],
        "missed_products": _listed(products) if may("leaflink.view_product") else [],
        "refusals": WebhookRefusal.objects.filter(account=account)[:LISTED],
        "may_change": may("leaflink.change_account"),
        "may_see_runs": may("integrations.view_run"),
    }
    if may("leaflink.view_webhookdelivery"):
        context["may_see_deliveries"] = True
        context["deliveries"] = _lately(account)
    return TemplateResponse(request, "admin/leaflink/webhooks.html", context)


def _wants_key(account: Account, found: Health) -> bool:
    """Whether pasting the webhook key is what helps."""
    if found.state == State.NEVER:
        return has_no_key(account)
    elsewhere = (WebhookRefusal.Why.TOO_LARGE, WebhookRefusal.Why.NOT_STORED)
    return found.state == State.FAILING and found.reason not in elsewhere


def _lately(account: Account) -> list[dict[str, Any]]:
    """The last webhooks, each with what it is about: {delivery, record, page, action}."""
    rows = list(WebhookDelivery.objects.filter(account=account).defer("body")[:LISTED])
    orders = Order.objects.filter(
        account=account, number__in=[row.key for row in rows if row.kind == "order"]
    )
    products = Product.objects.filter(
        account=account, remote_id__in=[row.key for row in rows if row.kind == "product"]
    )
    named: dict[tuple[str, str], Any] = {
        ("order", str(order.number)): order for order in orders.defer("raw")
    }
    named |= {("product", str(one.remote_id)): one for one in products.defer("raw")}
    return [
        {
            "delivery": row,
            "record": named.get((row.kind, row.key), "not read yet"),
            "action": ACTIONS.get(row.action, row.action),
        }
        for row in rows
    ]


def _listed(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.defer("raw").order_by("-modified")[:LISTED_MISSED]


def per_day(account: Account) -> list[dict[str, Any]]:
    """For each of the last days, oldest first: the day, how many webhooks were taken, of those not
    understood, and refused; and the heights of its bars in pixels."""
    today = timezone.localdate()
    first = today - timedelta(days=DAYS - 1)
    since = timezone.now() - timedelta(days=DAYS)
    taken: dict[date, int] = defaultdict(int)
    unclear: dict[date, int] = defaultdict(int)
    refused: dict[date, int] = defaultdict(int)
    rows = WebhookDelivery.objects.filter(account=account, received_at__gte=since).order_by()
    hours = rows.annotate(hour=HOUR_RECEIVED).values_list("hour", "kind")
    for hour, kind, count in hours.annotate(Count("pk")):
        day = timezone.localdate(hour_of(hour))
        taken[day] += count
        unclear[day] += 0 if kind else count
    refusals = WebhookRefusal.objects.filter(account=account, hour__gte=since).order_by()
    for hour, count in refusals.values_list("hour").annotate(Sum("count")):
        refused[timezone.localdate(hour)] += count
    days = [first + timedelta(days=n) for n in range(DAYS)]
    most = max(1, *(taken[day] + refused[day] for day in days))
    return [
        {
            "day": day,
            "taken": taken[day],
            "unclear": unclear[day],
            "refused": refused[day],
            "taken_height": _height(taken[day], most),
            "refused_height": _height(refused[day], most),
        }
        for day in days
    ]


def _height(count: int, most: int) -> int:
    """At least two pixels, so that one of many is still seen."""
    return max(2, round(TALLEST * count / most)) if count else 0


def address_trouble(account: Account) -> str:
    """Why LeafLink can't reach the address, as far as the address itself says; "" if it may."""
    if account.host == Account.Host.STAND_IN:
        return ""
    parts = urlsplit(account.webhook_url)
    host = parts.hostname or ""
    try:
        is_inside = not ip_address(host).is_global
    except ValueError:
        is_inside = host == "localhost" or "." not in host or host.endswith((".local", ".internal"))
    if is_inside:
        return (
            f"{host} is an address inside your own network: LeafLink can't reach it. Set SITE_URL "
            "to the address under which this site is known on the internet."
        )
    if parts.scheme != "https":
        return "The address is not encrypted: set SITE_URL to one that starts with https."
    return ""
