"""The page of an order's transfer in Metrc: what it is matched with, or what it may be."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from catalog.natural import natural
from catalog.permissions import require
from integrations import work
from integrations.metrc import match_transfers
from integrations.metrc.admin.match_steps import check, choose
from integrations.metrc.fetch_manifest import is_due
from integrations.metrc.locked_matches import has_return
from integrations.metrc.mapping import transfer_states
from integrations.metrc.mapping.transfer_states import Shown
from integrations.metrc.match_transfers import CannotMatch
from integrations.metrc.models import (
    Delivery,
    DeliveryPackage,
    Match,
    PackageAssignment,
    PossibleMatch,
)
from integrations.metrc.order_steps import steps_of
from integrations.metrc.work_kinds import TRANSFERS_WORK
from integrations.models import WorkItem
from orders.models import SalesOrder

VIEWS_IT, MATCHES, SYNCS = "metrc.view_match", "metrc.match_transfer", "metrc.sync_metrcaccount"
MOST_FOUND = 25


@dataclass
class Offer:
    """A delivery that may be the order's, with what speaks for it and against it."""

    delivery: Delivery
    state: Shown
    reasons: list[str]
    doubts: list[str]
    is_likely: bool = False


@dataclass
class Question:
    """A possible match that waits for a yes or no, with what differs between both sides."""

    possible: PossibleMatch
    state: Shown
    reasons: list[str]
    doubts: list[str]
    only_ours: list[str]
    only_theirs: list[str]
    is_present: bool
    can_be_it: bool


@require_GET
def match(request: HttpRequest, order_id: int) -> HttpResponse:
    """Show the order's transfer; without one, what it may be and what to choose from."""
    require(request, VIEWS_IT)
    order = get_object_or_404(SalesOrder.objects.select_related("destination"), pk=order_id)
    steps = steps_of(order, request, here="match")
    may_match = request.user.has_perm(MATCHES)
    words = request.GET.get("q", "").strip()[:100]
    found = steps.match
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": f"Transfer of order {order.number}",
        "opts": SalesOrder._meta,
        "order": order,
        "steps": steps,
        "match": found,
        "state": _state(found.delivery) if found else None,
        "questions": _questions(order, found) if may_match else [],
        "earlier": Match.objects.filter(order=order, ended_at__isnull=False)
        .select_related("delivery__transfer", "ended_by")
        .defer("delivery__raw", "delivery__transfer__raw"),
        "words": words,
        "may_match": may_match,
        "may_look": request.user.has_perm(SYNCS) and steps.facility is not None,
        "may_view_transfer": request.user.has_perm("metrc.view_transfer"),
        "reading": _reading(steps.facility.pk) if steps.facility else None,
        "back": reverse("admin:orders_salesorder_change", args=[order_id]),
    }
    if found:
        context["matched_by"] = found.matched_by
        context["is_kept"] = has_return(found)
        context["has_manifest"] = not is_due(found.delivery.transfer)
    elif may_match:
        asked = {one.possible.delivery_id for one in context["questions"]}
        offers = _sought(order, words) if words else _ranked(order)
        context["offers"] = [one for one in offers if words or one.delivery.pk not in asked]
    return TemplateResponse(request, "admin/metrc/match.html", context)


def _state(delivery: Delivery) -> Shown:
    states = delivery.packages.filter(is_listed=True).values_list("state", flat=True)
    return _state_of(delivery, list(states))


def _state_of(delivery: Delivery, states: list[str]) -> Shown:
    return transfer_states.of_delivery(
        voided=delivery.transfer.is_voided,
        received=delivery.received_at is not None,
        states=states,
    )


def _counted(delivery: Delivery) -> Shown:
    """The state from Metrc's counts alone, for lists."""
    return transfer_states.of_counts(
        voided=delivery.transfer.is_voided,
        units=1,
        received=1 if delivery.received_at else 0,
        packages_received=delivery.received_package_count,
    )


def _reading(facility_id: int) -> WorkItem | None:
    """The reading of transfers that was asked for and is not done yet."""
    return WorkItem.objects.filter(kind=TRANSFERS_WORK, key=str(facility_id)).first()


def _questions(order: SalesOrder, found: Match | None) -> list[Question]:
    """What waits for a yes or no, each with what the two sides differ in."""
    listed = DeliveryPackage.objects.filter(is_listed=True)
    rows = order.possible_metrc_matches.filter(dismissed_at__isnull=True)
    rows = rows.select_related("delivery__transfer__facility").prefetch_related(
        Prefetch("delivery__packages", listed, to_attr="listed")
    )
    assigned = PackageAssignment.objects.filter(line__order=order, ended_at__isnull=True)
    ours = set(assigned.values_list("package__label", flat=True))
    questions = []
    for row in rows.defer("delivery__raw", "delivery__transfer__raw"):
        delivery = row.delivery
        packages: list[DeliveryPackage] = delivery.listed  # type: ignore[attr-defined]
        theirs = {one.label for one in packages}
        reasons, doubts = _parted(row.reasons)
        told = " ".join(doubts)
        questions.append(
            Question(
                row,
                _state_of(delivery, [one.state for one in packages]),
                reasons,
                doubts,
                _untold(ours - theirs, told),
                _untold(theirs - ours, told) if ours else [],
                found is not None and found.delivery_id == row.delivery_id,
                delivery.is_listed and not delivery.transfer.is_voided,
            )
        )
    return questions


def _untold(labels: set[str], told: str) -> list[str]:
    """The tags, unless all of them are named already."""
    return [] if all(label in told for label in labels) else sorted(labels)


def _parted(reasons: list[str]) -> tuple[list[str], list[str]]:
    """What speaks for it, and what against ("But: …")."""
    doubts = [one.removeprefix("But: ") for one in reasons if one.startswith("But: ")]
    return [one for one in reasons if not one.startswith("But: ")], [_begun(one) for one in doubts]


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def _ranked(order: SalesOrder) -> list[Offer]:
    """Recent deliveries, likely ones first."""
    return [
        Offer(
            one.delivery,
            _counted(one.delivery),
            list(one.reasons),
            list(one.doubts),
            one.is_likely,
        )
        for one in match_transfers.rank(order)
    ]


def _sought(order: SalesOrder, words: str) -> list[Offer]:
    """Deliveries from the order's facility by manifest number (a part of it is enough)."""
    rows = Delivery.objects.filter(
        transfer__facility__facility=order.facility_id,
        transfer__facility__facility__isnull=False,
        transfer__manifest_number__icontains=words.lstrip("#"),
        is_listed=True,
    )
    rows = rows.select_related("transfer").defer("raw", "transfer__raw")
    known = {one.delivery.pk: one for one in _ranked(order)}
    return [
        known.get(row.pk, Offer(row, _counted(row), [], []))
        for row in rows.order_by("-transfer__created_at", "position")[:MOST_FOUND]
    ]


@require_POST
def look(request: HttpRequest, order_id: int) -> HttpResponse:
    """Have the transfers of the order's license read, now; pressed twice they are read once."""
    require(request, VIEWS_IT, SYNCS)
    order = get_object_or_404(SalesOrder, pk=order_id)
    facility = steps_of(order, request).facility
    if facility is None:
        messages.error(
            request,
            f"{order.facility or 'The facility of the order'} is not connected with Metrc. Map it "
            "to a license under Metrc accounts first.",
        )
    else:
        urgent = WorkItem.Priority.ORDERS
        work.ask(facility.account_id, TRANSFERS_WORK, [str(facility.pk)], urgent)
        messages.info(request, "Transfers are being read from Metrc. Reload in a minute.")
    return _back(order_id)


@require_POST
def dismiss(request: HttpRequest, order_id: int) -> HttpResponse:
    """Say that a delivery is not the order's."""
    require(request, VIEWS_IT, MATCHES)
    get_object_or_404(SalesOrder, pk=order_id)
    chosen = natural(request.POST.get("possible", ""))
    row = PossibleMatch.objects.filter(order=order_id, pk=chosen).first()
    if row is None or row.dismissed_at:
        messages.info(request, "This is not in question any more.")
        return _back(order_id)
    try:
        match_transfers.dismiss(row.pk, by=request.user)  # type: ignore[arg-type]
    except CannotMatch as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Noted. It is offered again only if it is changed in Metrc.")
    return _back(order_id)


@require_POST
def unmatch(request: HttpRequest, order_id: int) -> HttpResponse:
    """End the match that the page showed, with a reason."""
    require(request, VIEWS_IT, MATCHES)
    get_object_or_404(SalesOrder, pk=order_id)
    found = Match.objects.filter(order=order_id, pk=natural(request.POST.get("match", ""))).first()
    if found is None or found.ended_at:
        messages.info(request, "The order is not matched with it any more.")
        return _back(order_id)
    reason = request.POST.get("reason", "")
    try:
        match_transfers.unmatch(found.pk, reason=reason, by=request.user)  # type: ignore[arg-type]
    except CannotMatch as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            "Unmatched. Its packages stay assigned, and the order stays "
            f"{found.order.get_status_display().lower()}.",
        )
    return _back(order_id)


def _back(order_id: int) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:metrc_order_match", args=[order_id]))


VIEWS = [
    ("match/", match, "match"),
    ("match/look/", look, "match_look"),
    ("match/dismiss/", dismiss, "match_dismiss"),
    ("match/unmatch/", unmatch, "match_unmatch"),
    ("match/<id:delivery_id>/", choose, "match_choose"),
    ("match/<id:delivery_id>/check/", check, "match_check"),
]
