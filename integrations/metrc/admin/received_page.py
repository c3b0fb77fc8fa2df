"""Ordered, set aside, shipped and received of an order's lines, and what is decided about what did
not arrive whole.
"""

from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from catalog.decimals import with_thousands
from catalog.inventory import InventoryError
from catalog.permissions import require
from customers.own import sees_only_own
from integrations.metrc import reconcile
from integrations.metrc.mapping import transfer_states
from integrations.metrc.mapping.reconcile import Packed, in_words, sums_of
from integrations.metrc.models import Discrepancy
from integrations.metrc.order_steps import steps_of
from integrations.metrc.settle_discrepancies import CannotSettle, choices_of, settle
from orders.models import SalesOrder
from orders.status import IllegalMove

SETTLES = "metrc.settle_discrepancy"


@dataclass
class Choice:
    """A difference of a package, and what can be decided about it."""

    found: Discrepancy
    amount: str
    choices: list[Discrepancy.Decision]
    # What Metrc says by now, where that is not what was decided about.
    now: str = ""


@dataclass
class PackageRow:
    """A package under its line, in words."""

    label: str
    state: str
    assigned: str
    shipped: str
    received: str
    difference: str
    color: str
    differences: list[Choice] = field(default_factory=list)


@dataclass
class LineRow:
    """A line with its sums in base units; `apart` are those that can't be counted so."""

    name: str
    sku: str
    unit: str
    figures: Any
    ours: Any
    marks: list[tuple[str, str]]
    apart: list[str]
    packages: list[PackageRow]


@require_GET
def received(request: HttpRequest, order_id: int) -> HttpResponse:
    """Show what became of the goods of an order."""
    require(request, "metrc.view_match")
    order = get_object_or_404(SalesOrder, pk=order_id)
    found = reconcile.of(order)
    kept = _kept(found)
    open_ones = [one for rows in kept.values() for one in rows if not one.decision]
    context = {
        **admin.site.each_context(request),
        "title": f"What arrived of order {order.number}",
        "opts": SalesOrder._meta,
        "order": order,
        "steps": steps_of(order, request, here="received"),
        "match": found.match,
        "lines": [_line_row(one, kept) for one in found.lines],
        "unplaced": [_package_row(one, "", kept) for one in found.unplaced],
        # Other orders are other reps' perhaps.
        "elsewhere": {} if sees_only_own(request.user) else found.elsewhere,
        "open": len(open_ones),
        "may_settle": request.user.has_perm(SETTLES),
        "may_view_transfer": request.user.has_perm("metrc.view_transfer"),
        "back": reverse("admin:orders_salesorder_change", args=[order_id]),
    }
    return TemplateResponse(request, "admin/metrc/received.html", context)


@require_POST
def decide(request: HttpRequest, order_id: int, discrepancy_id: int) -> HttpResponse:
    """Write down what was decided about a difference."""
    require(request, SETTLES)
    get_object_or_404(SalesOrder, pk=order_id)
    rows = Discrepancy.objects.filter(match__order=order_id, pk=discrepancy_id)
    label = rows.values_list("label", flat=True).first() or "The package"
    decision, note = request.POST.get("decision", ""), request.POST.get("note", "")
    try:
        done = rows.exists() and settle(discrepancy_id, decision, note=note, by=request.user)  # type: ignore[arg-type]
    except (CannotSettle, InventoryError, IllegalMove) as error:
        messages.error(request, str(error))
    else:
        if done:
            what = Discrepancy.Decision(decision).label
            messages.success(request, f"{label}: {what[0].lower()}{what[1:]}. It is noted.")
        elif rows.exists():
            messages.info(request, f"{label} was decided about so already. Nothing was done again.")
        else:
            messages.info(
                request, "Metrc has corrected the receipt: this difference is no longer there."
            )
    return HttpResponseRedirect(reverse("admin:metrc_order_received", args=[order_id]))


Kept = dict[str, list[Discrepancy]]


def _kept(found: reconcile.Reconciled) -> Kept:
    """The discrepancies of the match by tag."""
    by_label: Kept = {}
    if found.match:
        for one in found.match.discrepancies.select_related("decided_by").order_by("pk"):
            by_label.setdefault(one.label, []).append(one)
    return by_label


def _line_row(one: reconcile.LineFigures, kept: Kept) -> LineRow:
    figures, ours = one.figures, one.figures.ours
    marks = [
        (f"{with_thousands(amount)} {words}", color)
        for amount, words, color in (
            (figures.missing, "not set aside", "warning"),
            (figures.beyond, "set aside beyond the order", "warning"),
            (ours.on_the_way, "on the way", "info"),
            (ours.short, "short", "danger"),
            (ours.over, "more than shipped", "warning"),
            (ours.rejected - ours.returned, "rejected", "danger"),
            (ours.returned, "rejected and back", "warning"),
            (ours.unclear, "not clear", "warning"),
        )
        if amount
    ]
    if absent := len(figures.not_shipped):
        marks.append((f"{absent} package{'s' * (absent != 1)} not on the transfer", "warning"))
    apart = [
        f"{in_words(sums.shipped, unit)} shipped, {in_words(sums.received, unit)} received"
        for unit, sums in figures.by_unit.items()
        if unit
    ]
    return LineRow(
        one.line.name,
        one.line.sku,
        one.unit,
        figures,
        ours,
        marks,
        apart,
        [_package_row(package, one.unit, kept) for package in figures.packages],
    )


def _package_row(package: Packed, unit: str, kept: Kept) -> PackageRow:
    state, difference, color = _told(package, unit)
    return PackageRow(
        package.label,
        state,
        with_thousands(package.assigned) if package.assigned is not None else "",
        package.shipped.words if package.shipped else "",
        package.received.words if package.received else "",
        difference,
        color,
        [_choice(one, package) for one in kept.get(package.label, [])],
    )


def _told(package: Packed, unit: str) -> tuple[str, str, str]:
    """The state of a package, in what it differs, and in which colour that is shown."""
    if not package.is_on_transfer:
        return "Not on the transfer", "", "warning"
    state = transfer_states.of_package(package.state)
    sums = sums_of(package)
    if sums.difference:
        kind, amount = sums.difference
        shown = in_words(amount, package.shipped.unit if package.shipped else "")
        words = {"short": f"{shown} short", "over": f"{shown} more", "rejected": "Rejected"}[kind]
        if kind == "rejected" and package.is_back:
            return state, "Rejected, and back", "warning"
        return state, words, "danger" if kind != "over" else "warning"
    if sums.unclear:
        why = "How much was received is not said" if package.received is None else ""
        return state, why or f"Counted in {package.received.unit or unit}", "warning"  # type: ignore[union-attr]
    return state, "", "info" if sums.on_the_way else "success"


def _choice(found: Discrepancy, package: Packed) -> Choice:
    amount = in_words(found.quantity, found.unit)
    difference = sums_of(package).difference
    now = ""
    if found.decision and (difference is None or difference[0] != found.kind):
        now = "Metrc no longer says so."
    elif found.decision and difference and difference[1] != found.quantity:
        now = f"Metrc says {with_thousands(difference[1])} by now."
    return Choice(found, amount, choices_of(found), now)


VIEWS = [
    ("received/", received, "received"),
    ("received/<id:discrepancy_id>/", decide, "received_decide"),
]
