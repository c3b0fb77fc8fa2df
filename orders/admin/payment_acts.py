"""Recording and voiding an order's payments from its page."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from catalog.permissions import require
from orders import payments
from orders.admin.forms import PaymentForm
from orders.models import Payment, SalesOrder
from orders.payments import CannotRecord


def record(request: HttpRequest, order_id: int) -> HttpResponse:
    """Record the payment that was filled in on the order's page."""
    require(request, "orders.add_payment")
    order = get_object_or_404(SalesOrder, pk=order_id)
    form = PaymentForm(request.POST)
    if not form.is_valid():
        for problem in form.in_words():
            messages.error(request, problem)
        return _back(order_id)
    data = form.cleaned_data
    try:
        made = payments.record(
            order,
            data["amount"],
            data["method"],
            data["paid_on"],
            reference=data["reference"],
            token=data["token"],
            may_exceed=data["may_exceed"],
            by=request.user,  # type: ignore[arg-type]
        )
    except CannotRecord as error:
        messages.error(request, str(error))
        return _back(order_id)
    messages.success(request, f"Recorded: {payments.in_words(made)}.")
    if (over := payments.paid(order) - order.total) > 0:
        messages.warning(request, f"Order {order.number} is overpaid by ${over:,.2f} now.")
    return _back(order_id)


def void(request: HttpRequest, order_id: int, payment_id: int) -> HttpResponse:
    """Say that a payment doesn't count, and why."""
    require(request, "orders.void_payment")
    payment = get_object_or_404(Payment, pk=payment_id, order=order_id)
    try:
        payments.void(payment, request.POST.get("reason", ""), by=request.user)  # type: ignore[arg-type]
    except CannotRecord as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Voided: {payments.in_words(payment)}.")
    return _back(order_id)


def _back(order_id: int) -> HttpResponse:
    page = reverse("admin:orders_salesorder_change", args=[order_id])
    return HttpResponseRedirect(f"{page}#payments")
