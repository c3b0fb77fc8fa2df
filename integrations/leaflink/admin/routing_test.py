"""Trying an account's routing rules on an order: which rule decides, and why the others don't."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from catalog.natural import natural
from catalog.permissions import require
from integrations.leaflink.admin.order_standing import read
from integrations.leaflink.draft_orders import route
from integrations.leaflink.import_orders import book_for
from integrations.leaflink.match_customers import matching_destination
from integrations.leaflink.models import Account, Order

OFFERED = 30


def test_routing(request: HttpRequest, account_id: int) -> HttpResponse:
    """Show the rules' answers for the order in `?order=`; nothing is changed by it."""
    require(request, "leaflink.view_account", "leaflink.view_order")
    account = get_object_or_404(Account, pk=account_id)
    words = request.GET.get("q", "").strip().lstrip("#")
    orders = Order.objects.filter(account=account, read_at__isnull=False).defer("raw")
    if words:
        named = Q(short_id__icontains=words) | Q(buyer__icontains=words)
        orders = orders.filter(named | Q(sales_order__number__icontains=words))
    chosen = (
        Order.objects.filter(account=account, pk=natural(request.GET.get("order", "")))
        .select_related("customer__destination", "chosen_facility", "sales_order__facility")
        .first()
    )
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": f"Where would it ship from? Routing of {account}",
        "opts": Account._meta,
        "account": account,
        "words": words,
        "orders": orders.select_related("sales_order")[:OFFERED],
        "chosen": chosen,
    }
    if chosen:
        context.update(_answer(account, chosen))
    return TemplateResponse(request, "admin/leaflink/routing_test.html", context)


def _answer(account: Account, order: Order) -> dict[str, Any]:
    payload = read(order)
    if payload is None:
        return {"unreadable": True}
    local = order.sales_order
    known = matching_destination(order.customer) if order.customer else None
    if local and local.destination:
        known = local.destination
    found = route(account, order, payload, book_for(account, [order.pk]), known)
    moved_to = local.facility if local and local.facility != found.facility else None
    return {"route": found, "destination": known, "moved_to": moved_to}
