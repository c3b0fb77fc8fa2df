"""What the buttons on a sales order's page do: each is a POST that asks for its own permission."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import DELETION, LogEntry
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from catalog.inventory import InventoryError
from catalog.models import Facility
from catalog.natural import natural
from catalog.page_context import PageContext
from catalog.permissions import require
from customers.own import if_own
from orders import services
from orders.admin import allocation_page, panels, payment_acts
from orders.admin.forms import PaymentForm, TermsForm
from orders.admin.verbs import REFUSALS, VERBS, WORK, Obstacle, Verb, allowed, do
from orders.models import SalesOrder
from orders.payments import paid
from orders.status import OPEN, IllegalMove, Status


class OrderActs(PageContext):
    """For the admin of sales orders: the addresses of the acts, and what the page offers."""

    admin_site: Any
    model: Any

    def get_urls(self) -> list[URLPattern]:
        acts: tuple[tuple[str, str, Callable[..., HttpResponse]], ...] = (
            ("do", "do/<slug:verb>/", require_POST(self.do)),
            ("move", "move/", require_POST(self.move)),
            ("terms", "terms/", require_POST(self.change_terms)),
            ("remove", "remove/", self.remove),
            ("allocation", "allocation/", allocation_page.allocation),
            ("any_lot", "any-lot/<id:line_id>/", require_POST(allocation_page.any_lot)),
            ("pay", "pay/", require_POST(payment_acts.record)),
            ("void", "void/<id:payment_id>/", require_POST(payment_acts.void)),
        )
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [
            path(
                f"<id:order_id>/{address}",
                self.admin_site.admin_view(if_own(SalesOrder, view)),
                name=f"orders_salesorder_{name}",
            )
            for name, address, view in acts
        ] + urls

    def has_work_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(WORK))

    def check_obstacle(self, order: SalesOrder, verb: Verb) -> None:
        """Raise Obstacle when something outside of the order keeps the verb from being done."""

    def page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        order = self.get_object(request, object_id)  # type: ignore[attr-defined]
        context = super().page_context(request, object_id)
        if not order:
            return context
        shown = panels.shown(request, order)
        return {**context, "acts": self.offered(request, order), "panels": shown}

    def offered(self, request: HttpRequest, order: SalesOrder) -> dict[str, Any]:
        """What the person may do with the order as it is now."""
        may_work = self.has_work_permission(request)
        is_alive = order.status != Status.CANCELED
        received = paid(order)
        balance = order.total - received
        found: dict[str, Any] = {
            "order": order,
            "verbs": allowed(order) if may_work else [],
            "may_allocate": may_work and order.status in OPEN,
            "terms": TermsForm(order) if self.shows_terms_form(request, order) else None,
            "payments": list(order.payments.select_related("recorded_by")),
            "paid": received,
            "balance": balance,
            "overpaid": -balance,
            "may_see_payments": request.user.has_perm("orders.view_payment"),
            "pay": PaymentForm.of(balance)
            if is_alive and request.user.has_perm("orders.add_payment")
            else None,
            "may_void": request.user.has_perm("orders.void_payment"),
            "may_remove": self.may_remove(request, order),
        }
        if may_work and order.status == Status.CREATED:
            found["other_facilities"] = Facility.objects.filter(is_active=True, sells=True).exclude(
                pk=order.facility_id or 0
            )
        return found

    def shows_terms_form(self, request: HttpRequest, order: SalesOrder) -> bool:
        """Whether the terms can be changed on the page."""
        return self.has_work_permission(request) and order.status != Status.CANCELED

    def may_remove(self, request: HttpRequest, order: SalesOrder) -> bool:
        """Whether the person may delete the order, and it is one that can be."""
        deletable = order.status in (*OPEN, Status.CANCELED)
        return deletable and bool(request.user.has_perm("orders.delete_salesorder"))

    def do(self, request: HttpRequest, order_id: int, verb: str) -> HttpResponse:
        """Do one of the verbs on an order, and say what came of it."""
        require(request, WORK)
        if verb not in VERBS:
            raise Http404
        order = get_object_or_404(SalesOrder, pk=order_id)
        try:
            self.check_obstacle(order, VERBS[verb])
            changed = do(VERBS[verb], order, request)
        except Obstacle as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(error.url)
        except REFUSALS as error:
            messages.error(request, str(error))
        else:
            text = f"Order {changed.number} is {changed.get_status_display().lower()} now."
            messages.success(request, text)
        return back_to(order_id)

    def move(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """Ship a Created order from another facility, when that has enough of everything."""
        require(request, WORK)
        order = get_object_or_404(SalesOrder, pk=order_id)
        facility = get_object_or_404(Facility, pk=natural(request.POST.get("facility", "")))
        try:
            services.move_to_facility(order, facility, by=request.user)  # type: ignore[arg-type]
        except (IllegalMove, InventoryError) as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"Order {order.number} ships from {facility} now.")
        return back_to(order_id)

    def change_terms(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """Write the delivery and payment terms that were changed on the page."""
        require(request, WORK)
        order = get_object_or_404(SalesOrder, pk=order_id)
        form = TermsForm(order, request.POST)
        if not form.is_valid():
            for problem in form.in_words():
                messages.error(request, problem)
            return back_to(order_id)
        try:
            services.change_terms(order, form.changes(), by=request.user)  # type: ignore[arg-type]
        except IllegalMove as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"The terms of order {order.number} are saved.")
        return back_to(order_id)

    def remove(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """Ask, saying what goes; then delete the order."""
        order = get_object_or_404(SalesOrder, pk=order_id)
        require(request, "orders.delete_salesorder")
        if request.method == "POST":
            try:
                told = self.delete(request, order)
            except IllegalMove as error:
                messages.error(request, str(error))
            else:
                LogEntry.objects.create(
                    user=request.user,  # type: ignore[misc]
                    object_id=str(order_id),
                    object_repr=told[:200],
                    action_flag=DELETION,
                    change_message=request.POST.get("reason", ""),
                )
                messages.success(request, told)
                return HttpResponseRedirect(reverse("admin:orders_salesorder_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Delete order {order.number}",
            "opts": self.model._meta,
            "order": order,
            "reason": request.POST.get("reason", ""),
            **self.removal(order),
        }
        return TemplateResponse(request, "admin/orders/remove.html", context)

    def removal(self, order: SalesOrder) -> dict[str, Any]:
        """More that the dialog asks and says."""
        return {}

    def delete(self, request: HttpRequest, order: SalesOrder) -> str:
        """Delete the order as the dialog says; returns what was done. Raises IllegalMove."""
        reason = request.POST.get("reason", "")
        return services.delete(order, reason=reason, by=request.user)  # type: ignore[arg-type]


def back_to(order_id: int) -> HttpResponse:
    """Back to the order's page."""
    return HttpResponseRedirect(reverse("admin:orders_salesorder_change", args=[order_id]))
