"""The verbs on many orders at once, from the list: each by itself, and what failed is said."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from orders.admin.acts import OrderActs
from orders.admin.verbs import REFUSALS, VERBS, Obstacle, Verb, allowed, do
from orders.models import SalesOrder

BULK = [f"{name}_selected" for name in VERBS]
# What one request can do without a person wondering whether it hangs.
MOST = 200
MOST_TOLD = 10


class BulkVerbs(OrderActs):
    """For the admin of sales orders: the acts on one, and the verbs on many."""

    @admin.action(description="Allocate stock", permissions=["work"])
    def allocate_selected(self, request: HttpRequest, orders: QuerySet[SalesOrder]) -> None:
        self._do_all(request, orders, VERBS["allocate"])

    @admin.action(description="Mark as shipped", permissions=["work"])
    def ship_selected(self, request: HttpRequest, orders: QuerySet[SalesOrder]) -> None:
        self._do_all(request, orders, VERBS["ship"])

    @admin.action(description="Mark as completed", permissions=["work"])
    def complete_selected(self, request: HttpRequest, orders: QuerySet[SalesOrder]) -> None:
        self._do_all(request, orders, VERBS["complete"])

    @admin.action(description="Put stock back", permissions=["work"])
    def deallocate_selected(self, request: HttpRequest, orders: QuerySet[SalesOrder]) -> None:
        self._do_all(request, orders, VERBS["deallocate"])

    @admin.action(description="Cancel orders…", permissions=["work"])
    def cancel_selected(
        self, request: HttpRequest, orders: QuerySet[SalesOrder]
    ) -> HttpResponse | None:
        """Ask why, then cancel."""
        if request.POST.get("reason", "").strip():
            self._do_all(request, orders, VERBS["cancel"])
            return None
        chosen = list(orders.select_related("destination").order_by("-placed_at")[: MOST + 1])
        can = [order for order in chosen[:MOST] if VERBS["cancel"] in allowed(order)]
        context = {
            **self.admin_site.each_context(request),
            "title": "Cancel orders",
            "opts": self.model._meta,
            "orders": can,
            "others": [order for order in chosen[:MOST] if order not in can],
            "too_many": len(chosen) > MOST,
            "most": MOST,
            "was_asked": "reason" in request.POST,
        }
        return TemplateResponse(request, "admin/orders/bulk_cancel.html", context)

    def _do_all(self, request: HttpRequest, orders: QuerySet[SalesOrder], verb: Verb) -> None:
        chosen = list(orders.order_by("placed_at", "pk")[: MOST + 1])
        if len(chosen) > MOST:
            messages.error(request, f"Choose at most {MOST} orders at once; nothing was done.")
            return
        done, problems = 0, []
        for order in chosen:
            try:
                self.check_obstacle(order, verb)
                do(verb, order, request)
                done += 1
            except (Obstacle, *REFUSALS) as error:
                problems.append(str(error))
        if done:
            messages.success(request, f"{done} order{'s' * (done != 1)} {verb.done}.")
        for problem in problems[:MOST_TOLD]:
            messages.warning(request, problem)
        if len(problems) > MOST_TOLD:
            more = len(problems) - MOST_TOLD
            messages.warning(request, f"{more} more could not be done, for reasons like these.")
