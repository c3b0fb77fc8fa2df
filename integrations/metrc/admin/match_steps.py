"""Matching by hand, step by step: put the delivery's packages to lines, look at what will happen,
confirm.
"""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from catalog.natural import natural
from catalog.permissions import require
from customers.models import normalized_license
from integrations.metrc import fetch_manifest, match_by_hand
from integrations.metrc.match_by_hand import REFUSALS, Placed, Proposal
from integrations.metrc.models import Delivery
from integrations.metrc.order_steps import steps_of
from orders.models import SalesOrder

MATCHES = ("metrc.view_match", "metrc.match_transfer")


@require_GET
def choose(request: HttpRequest, order_id: int, delivery_id: int) -> HttpResponse:
    """Show each package of the delivery with the line that it may be for."""
    require(request, *MATCHES)
    order, delivery = _both(order_id, delivery_id)
    proposal = match_by_hand.propose(order, delivery)
    context = _context(request, proposal)
    return TemplateResponse(request, "admin/metrc/match_choose.html", context)


@require_POST
def check(request: HttpRequest, order_id: int, delivery_id: int) -> HttpResponse:
    """Show what will happen; with `confirm`, do it."""
    require(request, *MATCHES)
    order, delivery = _both(order_id, delivery_id)
    proposal = match_by_hand.propose(order, delivery)
    placed = _placed(request, proposal)
    by: Any = request.user
    try:
        if "confirm" in request.POST:
            done = match_by_hand.carry_out(order.pk, delivery.pk, placed, by=by)
            return _done(request, order, delivery, done)
        outcome = match_by_hand.preview(order.pk, delivery.pk, placed, by=by)
    except REFUSALS as error:
        messages.error(request, str(error))
        for row in proposal.rows:
            row.line_id = placed.get(row.listed.label)
        context = _context(request, proposal)
        return TemplateResponse(request, "admin/metrc/match_choose.html", context)
    names = {line.pk: line.name for line in proposal.lines}
    by_line: dict[int, list[str]] = {}
    for label, line_id in placed.items():
        if line_id is not None:
            by_line.setdefault(line_id, []).append(label)
    context = {
        **_context(request, proposal),
        "placed": placed.items(),
        "by_line": [(names[pk], labels) for pk, labels in by_line.items()],
        "empty": [line.name for line in proposal.lines if line.pk not in by_line],
        "outcome": outcome,
    }
    return TemplateResponse(request, "admin/metrc/match_check.html", context)


def _both(order_id: int, delivery_id: int) -> tuple[SalesOrder, Delivery]:
    orders = SalesOrder.objects.select_related("destination", "facility")
    deliveries = Delivery.objects.select_related("transfer__facility__account")
    deliveries = deliveries.defer("raw", "transfer__raw")
    order = get_object_or_404(orders, pk=order_id)
    return order, get_object_or_404(deliveries, pk=delivery_id)


def _context(request: HttpRequest, proposal: Proposal) -> dict[str, Any]:
    order, delivery = proposal.order, proposal.delivery
    return {
        **admin.site.each_context(request),
        "title": f"Match order {order.number} with {str(delivery.transfer).lower()}",
        "opts": SalesOrder._meta,
        "order": order,
        "delivery": delivery,
        "proposal": proposal,
        "steps": steps_of(order, request, here="match"),
        "warning": _other_customer(order, delivery),
        "back": reverse("admin:metrc_order_match", args=[order.pk]),
    }


def _other_customer(order: SalesOrder, delivery: Delivery) -> str:
    """That the delivery goes to somebody else than the order, in words."""
    ours = order.destination.license_key if order.destination else ""
    theirs = normalized_license(delivery.recipient_license)
    if ours == theirs:
        return ""
    name = delivery.recipient_name or "somebody"
    customer = f"{order.destination}" if order.destination else "nobody yet"
    license_number = order.destination.license_number if order.destination else ""
    return (
        f"In Metrc it goes to {name} ({delivery.recipient_license or 'no license'}); the order is "
        f"for {customer}{f' ({license_number})' if license_number else ''}."
    )


def _placed(request: HttpRequest, proposal: Proposal) -> Placed:
    """By tag the line that was chosen, None for none. What the page did not have stays as it is."""
    lines = {line.pk for line in proposal.lines}
    placed: dict[str, int | None] = {}
    for row in proposal.rows:
        if not row.can_be_placed:
            continue
        chosen = request.POST.get(f"line-{row.listed.label}")
        if chosen is None:
            placed[row.listed.label] = row.line_id
        else:
            line_id = natural(chosen)
            placed[row.listed.label] = line_id if line_id in lines else None
    return placed


def _done(
    request: HttpRequest, order: SalesOrder, delivery: Delivery, done: match_by_hand.Outcome
) -> HttpResponse:
    text = f"Order {order.number} is matched with {str(delivery.transfer).lower()}."
    if done.waits_for:
        messages.warning(request, f"{text} It waits: {done.waits_for}")
    else:
        messages.success(request, f"{text} It is {done.status.lower()}.")
    if fetch_manifest.is_due(delivery.transfer):
        fetch_manifest.ask(delivery.transfer)
    return HttpResponseRedirect(reverse("admin:metrc_order_match", args=[order.pk]))
