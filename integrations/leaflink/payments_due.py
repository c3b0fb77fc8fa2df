"""Which payments LeafLink should hear of, by the account's rule. Only reads the database."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from integrations.leaflink.models import Account, Order, OrderPayment
from orders.models import Payment

State = OrderPayment.State
OPEN = (State.WAITING, State.ASKED)


def orders_with_payments(account: Account) -> QuerySet[Order]:
    """The orders with payments to be sent, taken back or settled."""
    due = (
        Exists(unasked(account).filter(order=OuterRef("sales_order")))
        | Exists(to_take_back(account).filter(order=OuterRef("pk")))
        | Exists(OrderPayment.objects.filter(under_way(account), order=OuterRef("pk")))
    )
    orders = Order.objects.filter(due, account=account, gone_at__isnull=True)
    return orders.defer("raw").order_by("pk")


def under_way(account: Account) -> Q:
    """What waits to be sent or settled. While the rule is off, what LeafLink has stays there."""
    if account.push_payments:
        return Q(state__in=OPEN)
    return Q(state=State.ASKED) | Q(state=State.WAITING, is_void=False)


def unasked(account: Account) -> QuerySet[Payment]:
    """Payments by rule that LeafLink was never asked to note: recorded since the rule is on."""
    since = account.push_payments_since
    if not (account.push_payments and since):
        return Payment.objects.none()
    rows = OrderPayment.objects.filter(payment=OuterRef("pk"), is_void=False)
    return Payment.objects.filter(
        ~Exists(rows),
        voided_at__isnull=True,
        recorded_at__gte=since,
        order__leaflink_order__account=account,
    )


def to_take_back(account: Account) -> QuerySet[OrderPayment]:
    """Payments that LeafLink has (or may have) and that were voided here since; also of an order
    that has another sales order by now."""
    if not account.push_payments:
        return OrderPayment.objects.none()
    taken_back = OrderPayment.objects.filter(payment=OuterRef("payment"), is_void=True)
    return OrderPayment.objects.filter(
        ~Exists(taken_back),
        is_void=False,
        state__in=(State.WAITING, State.ASKED, State.SENT),
        payment__voided_at__isnull=False,
        order__account=account,
    )


def waiting_for_somebody() -> QuerySet[OrderPayment]:
    """The payments that only a person can help on."""
    unsettled = (State.WAITING, State.ASKED, State.REFUSED)
    return OrderPayment.objects.filter(state__in=unsettled).exclude(problem="")
