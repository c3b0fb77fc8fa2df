"""The page on which stock is set aside line by line, from lots that a person chooses."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from catalog.decimals import in_cases, plain, units
from catalog.permissions import require
from orders import services
from orders.admin.verbs import REFUSALS, WORK
from orders.allocation import Shelf, set_aside, shelves
from orders.models import OrderLine, SalesOrder
from orders.status import OPEN, IllegalMove

# More lots of an item than this nobody chooses from; those with units of the order always show.
MOST_LOTS = 30
ZERO = Decimal(0)


@dataclass
class Choice:
    """A lot that a line may be filled from: base units set aside from it, and free besides."""

    name: str
    shelf: Shelf
    mine: Decimal
    entered: str


@dataclass
class LineChoice:
    line: OrderLine
    ordered: str
    aside: Decimal
    choices: list[Choice]
    left_out: int


def allocation(request: HttpRequest, order_id: int) -> HttpResponse:
    """Show what each line can be filled from; write what was chosen, or fill up from the oldest."""
    require(request, WORK)
    order = get_object_or_404(SalesOrder.objects.select_related("facility"), pk=order_id)
    page = reverse("admin:orders_salesorder_change", args=[order_id])
    if order.status not in OPEN:
        messages.error(
            request,
            f"Order {order.number} is {order.get_status_display().lower()}: nothing can be set "
            "aside for it any more.",
        )
        return HttpResponseRedirect(page)
    if request.method == "POST":
        try:
            if "oldest" in request.POST:
                changed = services.allocate(order, by=request.user)  # type: ignore[arg-type]
            else:
                changed = services.allocate_by_hand(order, _chosen(request), by=request.user)  # type: ignore[arg-type]
        except REFUSALS as error:
            messages.error(request, str(error))
        else:
            text = f"Order {changed.number} is {changed.get_status_display().lower()} now."
            messages.success(request, text)
            return HttpResponseRedirect(page)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": f"Allocate order {order.number} by lot",
        "opts": SalesOrder._meta,
        "order": order,
        "lines": _lines(request, order),
        "unknown": order.lines.filter(item__isnull=True),
        "back": page,
    }
    return TemplateResponse(request, "admin/orders/allocation.html", context)


def any_lot(request: HttpRequest, order_id: int, line_id: int) -> HttpResponse:
    """Let a line that asks for a lot be filled from any."""
    require(request, WORK)
    order = get_object_or_404(SalesOrder, pk=order_id)
    try:
        services.ask_for_any_lot(order, line_id, by=request.user)  # type: ignore[arg-type]
    except IllegalMove as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The line can be filled from any lot now.")
    return HttpResponseRedirect(reverse("admin:orders_salesorder_allocation", args=[order_id]))


def _chosen(request: HttpRequest) -> dict[tuple[int, int], Decimal]:
    """What was typed, by (line id, stock id). Raises IllegalMove for what is no number."""
    found = {}
    for name, text in request.POST.items():
        kind, _, ids = name.partition("-")
        line_id, _, stock_id = ids.partition("-")
        if kind != "q" or not (line_id.isdecimal() and stock_id.isdecimal()):
            continue
        try:
            quantity = Decimal(str(text).strip().replace(",", "") or "0")
        except InvalidOperation:
            raise IllegalMove(f"{_name(line_id)}“{text}” is no number.") from None
        if not quantity.is_finite() or abs(quantity) >= 10**10:
            raise IllegalMove(f"{_name(line_id)}“{text}” is more than any lot holds.")
        found[int(line_id), int(stock_id)] = units(quantity)
    return found


def _name(line_id: str) -> str:
    line = OrderLine.objects.filter(pk=int(line_id)).first()
    return f"{line.name}: " if line else ""


def _lines(request: HttpRequest, order: SalesOrder) -> list[LineChoice]:
    lines = list(order.lines.filter(item__isnull=False).prefetch_related("allocations"))
    by_item = shelves(order, lines)
    found = []
    for line in lines:
        mine = {a.stock_id: units(a.quantity) for a in line.allocations.all()}
        fitting = [s for s in by_item.get(line.item_id or 0, []) if s.serves(line)]
        shown = [s for s in fitting if s.stock.pk in mine or s.free > 0]
        first = [s for s in shown if s.stock.pk in mine] + [
            s for s in shown if s.stock.pk not in mine
        ]
        kept = {s.stock.pk for s in first[:MOST_LOTS]}
        found.append(
            LineChoice(
                line=line,
                ordered=in_cases(line.quantity, line.case_size),
                aside=set_aside(line),
                choices=[
                    _choice(request, line, shelf, mine.get(shelf.stock.pk, ZERO))
                    for shelf in shown
                    if shelf.stock.pk in kept
                ],
                left_out=len(shown) - len(kept),
            )
        )
    return found


def _choice(request: HttpRequest, line: OrderLine, shelf: Shelf, mine: Decimal) -> Choice:
    name = f"q-{line.pk}-{shelf.stock.pk}"
    return Choice(name, shelf, mine, request.POST.get(name, plain(mine) if mine else ""))
