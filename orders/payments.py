"""Money that came in for an order: recorded once, never changed, voided with a reason."""

import uuid
from datetime import date
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils import timezone

from catalog.decimals import money
from catalog.inventory import By
from orders.models import Payment, SalesOrder
from orders.moves import lock, note
from orders.signals import announce_order_change
from orders.status import IllegalMove, Status


class CannotRecord(IllegalMove):
    """The payment can't be recorded or voided; the text says why."""


def paid(order: SalesOrder) -> Decimal:
    """Money received for the order, without what was voided."""
    found = order.payments.filter(voided_at__isnull=True).aggregate(sum=Sum("amount"))["sum"]
    return money(found or Decimal(0))


@transaction.atomic
def record(
    order: SalesOrder,
    amount: Decimal,
    method: Payment.Method,
    paid_on: date,
    *,
    reference: str = "",
    token: uuid.UUID | None = None,
    may_exceed: bool = False,
    by: By = None,
) -> Payment:
    """Write down money that came in. `token` names the attempt: the same one again (a button that
    was pressed twice) returns the payment that is there. `may_exceed`: more than is still to come
    is right. Raises CannotRecord."""
    order = lock(order.pk)
    token = token or uuid.uuid4()
    there = Payment.objects.filter(token=token).first()
    if there:
        return _same(there, order, amount, method, paid_on)
    if order.status == Status.CANCELED:
        raise CannotRecord(f"Order {order.number} is canceled and takes no payments.")
    if amount <= 0:
        raise CannotRecord("A payment is above zero. To take one back, void it.")
    if paid_on > timezone.localdate():
        raise CannotRecord(f"{paid_on:%b %-d, %Y} is still to come. Give the day it was paid.")
    amount, reference = money(amount), reference.strip()[:100]
    alike = order.payments.filter(
        amount=amount, method=method, paid_on=paid_on, reference=reference, voided_at__isnull=True
    ).first()
    if alike:
        raise CannotRecord(
            f"{in_words(alike)} is recorded already. If this is another payment, give it another "
            "reference."
        )
    if (over := paid(order) + amount - order.total) > 0 and not may_exceed:
        raise CannotRecord(
            f"That is ${over:,.2f} more than is still to come for order {order.number}. If it is "
            "right, say so under the payment."
        )
    try:
        with transaction.atomic():
            made = Payment.objects.create(
                order=order,
                amount=amount,
                method=method,
                paid_on=paid_on,
                reference=reference,
                token=token,
                recorded_by=by,
            )
    except IntegrityError:
        # The same token for another order: a page that was sent twice, by two hands.
        return _same(Payment.objects.get(token=token), order, amount, method, paid_on)
    note(order, f"Payment recorded: {in_words(made)}", by=by)
    announce_order_change(order.pk)
    return made


def _same(
    there: Payment, order: SalesOrder, amount: Decimal, method: str, paid_on: date
) -> Payment:
    """The payment that the same form has recorded before. Raises CannotRecord for another one."""
    now = (order.pk, money(amount), method, paid_on)
    if now != (there.order_id, there.amount, there.method, there.paid_on):
        raise CannotRecord(
            f"This form was used before, for {in_words(there)}. Open the order again to record "
            "another payment."
        )
    return there


@transaction.atomic
def void(payment: Payment, reason: str, *, by: By = None) -> Payment:
    """Say that a payment doesn't count: it bounced, or was a mistake. Raises CannotRecord."""
    order = lock(payment.order_id)
    payment = Payment.objects.select_for_update().get(pk=payment.pk)
    reason = reason.strip()
    if not reason:
        raise CannotRecord("Say why the payment is voided.")
    if payment.voided_at:
        raise CannotRecord("This payment was voided already.")
    payment.voided_at = timezone.now()
    payment.void_reason = reason[:300]
    payment.save(update_fields=["voided_at", "void_reason"])
    note(order, f"Payment voided: {in_words(payment)}. {reason}", by=by)
    announce_order_change(order.pk)
    return payment


def in_words(payment: Payment) -> str:
    """A payment in a sentence: "$120.00 (Check), Nov 25, 2026"."""
    told = f"${payment.amount:,.2f} ({payment.get_method_display()})"
    return f"{told}, {payment.paid_on:%b %-d, %Y}"
