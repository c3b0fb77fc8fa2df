"""Where an order stands on its way through Metrc: packages, template, transfer, receipt."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum
from django.http import HttpRequest
from django.urls import reverse

from integrations.metrc.models import (
    Delivery,
    Match,
    MetrcFacility,
    PackageAssignment,
    TransferTemplate,
)
from orders.models import SalesOrder
from orders.status import Status

TemplateState = TransferTemplate.State
TOLD = {
    TemplateState.DRAFT: "Not sent yet",
    TemplateState.ASKED: "Sent; being looked up",
    TemplateState.SENT: "In Metrc",
    TemplateState.REFUSED: "Refused by Metrc",
}


@dataclass(frozen=True)
class Step:
    """A step, where it stands in words, and its page ("" for whoever may not see it)."""

    name: str
    title: str
    state: str
    url: str
    is_done: bool = False
    is_wrong: bool = False
    is_here: bool = False


@dataclass(frozen=True)
class OrderSteps:
    """The four steps of an order. `match` is the one in force, with delivery and transfer."""

    order: SalesOrder
    facility: MetrcFacility | None
    template: TransferTemplate | None
    match: Match | None
    steps: list[Step]

    @property
    def next(self) -> Step | None:
        """The first step that is not done."""
        return next((step for step in self.steps if not step.is_done), None)


def match_of(order: SalesOrder) -> Match | None:
    """The match in force of an order, with its delivery and transfer."""
    matches = Match.objects.filter(order=order, ended_at__isnull=True)
    return matches.select_related("delivery__transfer__facility__account").first()


def template_of(order: SalesOrder) -> TransferTemplate | None:
    """The template in force of an order."""
    rows = TransferTemplate.objects.filter(order=order)
    return rows.exclude(state=TemplateState.WITHDRAWN).select_related("facility").first()


def facility_of(order: SalesOrder) -> MetrcFacility | None:
    """The license in Metrc that the order ships from; None where that is not connected."""
    if order.facility_id is None:
        return None
    rows = MetrcFacility.objects.filter(facility=order.facility_id, account__is_active=True)
    return rows.select_related("account", "facility").first()


def steps_of(order: SalesOrder, request: HttpRequest, here: str = "") -> OrderSteps:
    """The steps of an order, for a page about it; `here`: the name of the step it is about."""
    match, template = match_of(order), template_of(order)
    steps = [
        _packages(order, match, request, here),
        _template(order, template, match, request, here),
        _transfer(order, match, request, here),
        _receipt(order, match, request, here),
    ]
    return OrderSteps(order, facility_of(order), template, match, steps)


def _page(request: HttpRequest, permission: str, name: str, order: SalesOrder) -> str:
    if not request.user.has_perm(permission):
        return ""
    return reverse(f"admin:metrc_order_{name}", args=[order.pk])


def _packages(order: SalesOrder, match: Match | None, request: HttpRequest, here: str) -> Step:
    assigned = PackageAssignment.objects.filter(line__order=order, ended_at__isnull=True)
    by_line = dict(assigned.order_by().values_list("line").annotate(Sum("quantity")))
    lines = list(order.lines.values_list("pk", "quantity"))
    covered = sum(1 for pk, wanted in lines if by_line.get(pk, Decimal(0)) >= wanted)
    state = f"{covered} of {len(lines)} line{'s' * (len(lines) != 1)} covered"
    return Step(
        "packages",
        "Packages",
        state,
        _page(request, "metrc.view_package", "packages", order),
        is_done=bool(lines) and covered == len(lines),
        is_here=here == "packages",
    )


def _template(
    order: SalesOrder,
    template: TransferTemplate | None,
    match: Match | None,
    request: HttpRequest,
    here: str,
) -> Step:
    state = TOLD[TemplateState(template.state)] if template else "Not made yet"
    if template is None and match:
        state = "Not needed"
    return Step(
        "template",
        "Transfer template",
        state,
        _page(request, "metrc.view_transfertemplate", "template", order),
        is_done=bool(match) or bool(template and template.state == TemplateState.SENT),
        is_wrong=bool(template and template.state == TemplateState.REFUSED and not match),
        is_here=here == "template",
    )


def _transfer(order: SalesOrder, match: Match | None, request: HttpRequest, here: str) -> Step:
    possible = order.possible_metrc_matches.filter(dismissed_at__isnull=True)
    if match:
        state = str(match.delivery.transfer)
    elif possible.exists():
        state = "Found one that may be it"
    else:
        state = "Not found yet"
    return Step(
        "match",
        "Transfer in Metrc",
        state,
        _page(request, "metrc.view_transfer", "match", order),
        is_done=match is not None,
        is_wrong=match is None and state.startswith("Found"),
        is_here=here == "match",
    )


def _receipt(order: SalesOrder, match: Match | None, request: HttpRequest, here: str) -> Step:
    delivery: Delivery | None = match.delivery if match else None
    is_open = bool(match and match.discrepancies.filter(decision="").exists())
    if delivery is None:
        state = "–"
    elif is_open:
        state = "Not all of it arrived"
    elif delivery.received_at:
        state = "Received"
    else:
        state = "On the way"
    return Step(
        "received",
        "Receipt",
        state,
        _page(request, "metrc.view_transfer", "received", order) if match else "",
        is_done=bool(delivery and delivery.received_at) and not is_open,
        is_wrong=is_open,
        is_here=here == "received",
    )


def is_shown(order: SalesOrder) -> bool:
    """Whether the order has to do with Metrc: it ships from a connected license, or did."""
    if order.status == Status.CANCELED:
        return Match.objects.filter(order=order).exists()
    return facility_of(order) is not None or match_of(order) is not None
