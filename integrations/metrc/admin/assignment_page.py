"""The page of an order on which packages are assigned to its lines, and taken off again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from catalog.decimals import in_cases, plain, with_thousands
from catalog.models import UnitOfMeasure
from catalog.natural import natural
from catalog.permissions import require
from integrations.metrc import assign_packages
from integrations.metrc.admin.assignment_obstacles import Obstacle, obstacles_of
from integrations.metrc.assign_packages import LineSuggestion, NotAssignable
from integrations.metrc.candidate_packages import ZERO, Candidate, changed_since, too_much
from integrations.metrc.mapping.lab_states import in_words
from integrations.metrc.models import MetrcFacility, Package, PackageAssignment, TransferTemplate
from integrations.metrc.order_steps import steps_of
from integrations.metrc.package_prices import prices_of
from orders.models import SalesOrder
from orders.status import OPEN

ASSIGN = "metrc.assign_package"
# More packages of an item than this nobody chooses from; suggested ones always show.
MOST_SHOWN = 40
IN_METRC = (TransferTemplate.State.ASKED, TransferTemplate.State.SENT)


@dataclass
class Choice:
    """A package that a line may be filled from; `why` it can't be chosen, "" that it can."""

    package: Package
    quantity: str
    lab_state: str
    why: str
    is_suggested: bool


@dataclass
class Assigned:
    """A package of a line, what it costs, and the price that was entered for it ("" for none).
    `warning`: what Metrc has changed of it since."""

    assignment: PackageAssignment
    quantity: str
    price: Decimal
    entered: str
    warning: str


@dataclass
class LineRows:
    """A line: what is needed, what is assigned, what is suggested, what there is besides."""

    found: LineSuggestion
    ordered: str
    filled: str
    left: str
    total: Decimal
    assigned: list[Assigned] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    left_out: int = 0

    @property
    def unit(self) -> str:
        """What is counted, after a number, where it isn't pieces (" pounds")."""
        item = self.found.line.item
        if item is None or item.unit_of_measure == UnitOfMeasure.UNIT:
            return ""
        return f" {item.get_unit_of_measure_display().lower()}s"

    @property
    def priced(self) -> Decimal:
        """Money for the packages that are assigned."""
        return sum((one.price for one in self.assigned), ZERO)

    @property
    def is_priced_otherwise(self) -> bool:
        """Whether the packages of a filled line don't cost what the line does."""
        return bool(self.assigned) and not self.found.left and self.priced != self.total


def page(request: HttpRequest, order_id: int) -> HttpResponse:
    """Show each line with its packages, the suggestion, and what else there is."""
    require(request, "metrc.view_package")
    order = get_object_or_404(SalesOrder.objects.select_related("facility"), pk=order_id)
    found = assign_packages.suggest(order)
    steps = steps_of(order, request, here="packages")
    is_open = order.status in OPEN
    # What has left is judged where its transfer is.
    rows = lines_of(order, found, None if steps.match or not is_open else steps.facility)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": f"Packages of order {order.number}",
        "opts": Package._meta,
        "order": order,
        "steps": steps,
        "obstacles": _seen(request, obstacles_of(order, found, steps.facility)),
        "lines": rows,
        "suggested": [
            f"{one.line.pk}-{it.package.pk}" for one in found for it in one.chosen if is_open
        ],
        "fills_all": all(not one.missing for one in found),
        "is_open": is_open,
        "may_assign": is_open and request.user.has_perm(ASSIGN),
        "is_in_metrc": bool(steps.template and steps.template.state in IN_METRC),
        "back": reverse("admin:orders_salesorder_change", args=[order_id]),
    }
    return TemplateResponse(request, "admin/metrc/packages.html", context)


def _seen(request: HttpRequest, obstacles: Iterable[Obstacle]) -> list[Obstacle]:
    """The obstacles, each with a link only for those who may follow it."""
    return [
        one if request.user.has_perm(one.permission) else Obstacle(one.text) for one in obstacles
    ]


def lines_of(
    order: SalesOrder, found: list[LineSuggestion], facility: MetrcFacility | None
) -> list[LineRows]:
    """What the page shows of each line. `facility`: where assigned packages must still be; None
    where that doesn't matter any more."""
    assigned: dict[int, list[PackageAssignment]] = {}
    every = list(assign_packages.assignments_of(order))
    for one in every:
        assigned.setdefault(one.line_id, []).append(one)
    prices = prices_of(every)
    return [_line(one, assigned.get(one.line.pk, []), prices, facility) for one in found]


def _line(
    found: LineSuggestion,
    assigned: list[PackageAssignment],
    prices: dict[int, Decimal],
    facility: MetrcFacility | None,
) -> LineRows:
    line = found.line
    chosen = {it.package.pk for it in found.chosen}
    shown = [it for it in found.others if it.package.pk in chosen]
    shown += [it for it in found.others if it.package.pk not in chosen]
    mine = {one.package_id for one in assigned}
    shown = [it for it in shown if it.package.pk not in mine]
    if not found.left:
        shown = []
    return LineRows(
        found=found,
        ordered=in_cases(line.quantity, line.case_size),
        filled=with_thousands(line.quantity - found.left),
        left=with_thousands(found.left),
        total=line.total,
        assigned=[
            Assigned(
                one,
                with_thousands(one.quantity),
                prices[one.pk],
                "" if one.price is None else plain(one.price),
                _capital(changed_since(one.package, line, facility, one.quantity))
                if facility
                else "",
            )
            for one in assigned
        ],
        choices=[_choice(found, it, it.package.pk in chosen) for it in shown[:MOST_SHOWN]],
        left_out=max(len(shown) - MOST_SHOWN, 0),
    )


def _choice(found: LineSuggestion, it: Candidate, is_suggested: bool) -> Choice:
    package = it.package
    why = it.refusal
    if not why and it.quantity is not None and it.quantity > found.left:
        why = too_much(package, it.quantity, found.left)
    quantity = "–" if it.quantity is None else with_thousands(it.quantity)
    return Choice(package, quantity, in_words(package.lab_state), _capital(why), is_suggested)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def assign_ticked(request: HttpRequest, order_id: int) -> HttpResponse:
    """Assign the packages that were ticked for one line."""
    require(request, ASSIGN)
    order = get_object_or_404(SalesOrder, pk=order_id)
    line_id = natural(request.POST.get("line", ""))
    packages = [natural(one) for one in request.POST.getlist("package")]
    try:
        made = assign_packages.assign(order, line_id, packages, by=request.user)  # type: ignore[arg-type]
    except NotAssignable as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{_packages_are(len(made))} assigned.")
    return _back(order_id)


def take_suggestions(request: HttpRequest, order_id: int) -> HttpResponse:
    """Assign what the page suggested, line by line: what can't be had any more is told."""
    require(request, ASSIGN)
    order = get_object_or_404(SalesOrder, pk=order_id)
    by_line: dict[int, list[int]] = {}
    for text in request.POST.getlist("suggested"):
        line, _, package = text.partition("-")
        by_line.setdefault(natural(line), []).append(natural(package))
    count = 0
    for line_id, packages in by_line.items():
        try:
            count += len(assign_packages.assign(order, line_id, packages, by=request.user))  # type: ignore[arg-type]
        except NotAssignable as error:
            messages.error(request, str(error))
    if count:
        messages.success(request, f"{_packages_are(count)} assigned, as suggested.")
    return _back(order_id)


def remove(request: HttpRequest, order_id: int) -> HttpResponse:
    """Take one package off the order, or all of them."""
    require(request, ASSIGN)
    order = get_object_or_404(SalesOrder, pk=order_id)
    rows = [natural(one) for one in request.POST.getlist("assignment")]
    try:
        count = assign_packages.unassign(order, rows, by=request.user)  # type: ignore[arg-type]
    except NotAssignable as error:
        messages.error(request, str(error))
    else:
        text = f"{_packages_are(count)} taken off the order." if count else "It was off already."
        messages.success(request, text)
    return _back(order_id)


def save_prices(request: HttpRequest, order_id: int) -> HttpResponse:
    """Write the prices that were entered; an emptied one is the share of the line again."""
    require(request, ASSIGN)
    order = get_object_or_404(SalesOrder, pk=order_id)
    try:
        count = assign_packages.set_prices(order, _entered(request), by=request.user)  # type: ignore[arg-type]
    except NotAssignable as error:
        messages.error(request, str(error))
    else:
        are = "price is" if count == 1 else "prices are"
        messages.success(request, f"{count} {are} changed." if count else "No price was changed.")
    return _back(order_id)


def _entered(request: HttpRequest) -> dict[int, Decimal | None]:
    """The prices by assignment, None for an empty field. Raises NotAssignable for no number."""
    found: dict[int, Decimal | None] = {}
    for name, value in request.POST.items():
        if not name.startswith("price-"):
            continue
        text = str(value).strip().replace(",", "").removeprefix("$")
        try:
            price = Decimal(text) if text else None
        except InvalidOperation:
            price = Decimal("NaN")
        if price is not None and not price.is_finite():
            raise NotAssignable(f"“{value}” is no price. Nothing was changed.")
        found[natural(name.removeprefix("price-"))] = price
    return found


def _packages_are(count: int) -> str:
    return "1 package is" if count == 1 else f"{count} packages are"


def _back(order_id: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:metrc_order_packages", args=[order_id]))
