"""Payments out, by rule: each payment recorded here is noted in LeafLink exactly once, and one that
is voided here is taken back there by a negative one. Never the other way round.

LeafLink: payments can't be changed or deleted, a correction is a negative payment, and a POST has
no idempotency key. So a row is there before LeafLink is asked, carrying a reference that goes into
the payment's reason; LeafLink's own list is searched for it before each asking; and after an answer
that was lost, the list is given time to show what may have been made.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations import work
from integrations.budget import BudgetExhausted
from integrations.leaflink.mapping.order_terms import at_noon
from integrations.leaflink.models import Account, Order, OrderEvent, OrderPayment, Staff
from integrations.leaflink.payments_due import (
    orders_with_payments,
    to_take_back,
    unasked,
    under_way,
)
from integrations.leaflink.pull_orders import RESOURCE
from integrations.leaflink.record_kinds import ORDER
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.wire.errors import VENDOR
from integrations.leaflink.work_kinds import ORDER_WORK
from integrations.leases import Busy, lease
from integrations.models import WorkItem
from integrations.runs import Recorder
from integrations.wire.errors import BadCredentials, BadPayload, Gone, Refused, UnknownOutcome, Wait
from orders.models import Payment
from orders.payments import in_words

State = OrderPayment.State
# Longer than the client waits for an answer: what LeafLink was asked may still be on its way.
SETTLING = timedelta(seconds=60)
LONGEST_REASON = 250
# After so many lost answers a person is told.
MOST_ATTEMPTS = 5
NO_LIST = "LeafLink shows no payments of this order (404), so nothing was sent."


class NotYet(Wait):
    """Whether LeafLink has the payment can't be told yet."""


def push_payments(
    account: Account, client: LeafLinkClient, run: Recorder, *, dry: bool = False
) -> None:
    """Send every payment that waits, order by order. One that can't be sent stops no other."""
    for order in orders_with_payments(account):
        run.seen += 1
        if dry:
            run.changed += 1
            continue
        try:
            sent = push_order_payments(account, client, str(order.number))
            run.changed += sent
            if not sent:
                run.skip("waiting for a person, or in LeafLink already")
        except Busy:
            run.skip("being sent by another process")
        except NotYet:
            # It is settled by reading, once LeafLink has had its time.
            run.skip("with an answer that is still due")
        except (Refused, UnknownOutcome, BadPayload) as error:
            run.problem(f"payments of order {order}", str(error), ORDER, order.number)


def push_order_payments(account: Account, client: LeafLinkClient, number: str) -> int:
    """Send the payments of one order, oldest first; returns how many LeafLink has got more.

    Raises Busy when another worker is at it, NotYet when it can't be told yet, and else as the
    client does. What LeafLink refuses is kept with its words on the payment.
    """
    with lease(f"leaflink payments {account.pk} {number}"):
        order = Order.objects.defer("raw").get(account=account, number=number)
        _ask_for(account, order)
        rows = order.payments.filter(under_way(account)).select_related("payment__recorded_by")
        waiting = [row for row in rows if _can_be_told(account, row)]
        if not waiting:
            return 0
        try:
            there = _in_leaflink(client, number)
        except Gone as error:
            for row in waiting:
                # Of what was asked for, LeafLink may have made it: that is never given up.
                _note(row, State.ASKED if row.state == State.ASKED else State.REFUSED, NO_LIST)
            # Whether the order itself is gone, reading it tells.
            work.ask(account.pk, ORDER_WORK, [number], WorkItem.Priority.ORDERS)
            raise Refused([NO_LIST], vendor=VENDOR) from error
        sent = 0
        refused: Refused | None = None
        late: NotYet | None = None
        for row in waiting:
            try:
                sent += _settle_or_send(account, client, order, row, there)
            except Refused as error:
                _note(row, State.REFUSED, str(error))
                refused = error
            except NotYet as error:
                late = error
        if late or refused:
            raise late or refused  # type: ignore[misc]
        return sent


def _can_be_told(account: Account, row: OrderPayment) -> bool:
    """Whether there is anything to ask LeafLink about a payment: not while nobody may have
    recorded it, which the payment then says."""
    if row.state == State.ASKED or _recorder(account, row.payment):
        return True
    problem = _nobody(account, row.payment)
    if row.problem != problem[:500]:
        _note(row, State.WAITING, problem)
    return False


@transaction.atomic
def _ask_for(account: Account, order: Order) -> None:
    """Make the rows of what is to be sent. A payment that was voided before LeafLink was asked, or
    recorded before the rule was on (again), is dropped: LeafLink never hears of it."""
    unheard = order.payments.filter(is_void=False, state__in=(State.WAITING, State.REFUSED))
    before_the_rule = ~Q(payment__recorded_at__gte=account.push_payments_since or timezone.now())
    unheard.filter(Q(payment__voided_at__isnull=False) | before_the_rule).update(
        state=State.DROPPED, problem=""
    )
    OrderPayment.objects.bulk_create(
        [
            OrderPayment(order=order, payment=payment)
            for payment in unasked(account).filter(order=order.sales_order_id).order_by("pk")
        ]
        + [
            OrderPayment(order=order, payment_id=row.payment_id, is_void=True)
            for row in to_take_back(account).filter(order=order).order_by("pk")
        ],
        ignore_conflicts=True,
    )


def _in_leaflink(client: LeafLinkClient, number: str) -> dict[str, int]:
    """The payments that LeafLink has for the order: its ids, by the reference in their reason."""
    path = f"{RESOURCE}/{number}/payments"
    rows: Any = client.get(path)
    if isinstance(rows, dict):
        # LeafLink: documented as a bare list; pages are accepted as well, to the last.
        rows = [row for page in client.pages(path) for row in page]
    found = {}
    for body in rows:
        payment = payloads.parse(payloads.OrderPayment, body)
        reference = payment.reason.split(" ", 1)[0]
        if reference.startswith("LB-"):
            found[reference] = payment.id
    return found


def _settle_or_send(
    account: Account,
    client: LeafLinkClient,
    order: Order,
    row: OrderPayment,
    there: dict[str, int],
) -> bool:
    """Note a payment that LeafLink has already, or send it; whether LeafLink has got it just now.

    Raises NotYet while an earlier asking may still be under way.
    """
    if row.reference in there:
        _note(row, State.SENT, remote_id=there[row.reference])
        return False
    if row.state == State.ASKED and row.asked_at and timezone.now() - row.asked_at < SETTLING:
        raise NotYet("Whether LeafLink got a payment is looked up in a minute.", 60)
    if row.is_void:
        first = OrderPayment.objects.get(payment=row.payment_id, is_void=False)
        if first.state in (State.DROPPED, State.REFUSED):
            _note(row, State.DROPPED)
        if first.state != State.SENT:
            return False
        if not account.push_payments:
            _note(row, State.WAITING)
            return False
    elif row.payment.voided_at or _is_before_the_rule(account, row.payment):
        _note(row, State.DROPPED)
        return False
    recorder = _recorder(account, row.payment)
    if recorder is None:
        _note(row, State.WAITING, _nobody(account, row.payment))
        return False
    if row.attempts >= MOST_ATTEMPTS:
        raise Refused(
            [f"its answer was lost {row.attempts} times, and the payment is not there"],
            vendor=VENDOR,
        )
    # On record before LeafLink is asked: a crash in between is settled by reading, as above.
    row.asked_at = timezone.now()
    row.attempts += 1
    _note(row, State.ASKED)
    try:
        answer = client.post("order-payments", _body(order, row, recorder))
    except UnknownOutcome:
        if row.attempts == 1:
            order.tell(OrderEvent.Kind.SENT, f"{_told(row)}: the answer was lost; reading tells.")
        raise NotYet("Whether LeafLink got a payment is looked up in a minute.", 60) from None
    except Gone as error:
        raise Refused(
            [f"it does not know the order of this payment ({error})"], vendor=VENDOR
        ) from error
    except (Wait, BadCredentials, BudgetExhausted):
        # LeafLink did nothing (no connection, told to wait, a bad key): it waits as before.
        row.attempts -= 1
        _note(row, State.WAITING)
        raise
    made = payloads.parse(payloads.OrderPayment, answer)
    _note(row, State.SENT, remote_id=made.id)
    order.tell(OrderEvent.Kind.SENT, f"{_told(row)}: done.")
    return True


def _is_before_the_rule(account: Account, payment: Payment) -> bool:
    since = account.push_payments_since
    return not account.push_payments or since is None or payment.recorded_at < since


def _body(order: Order, row: OrderPayment, recorder: Staff) -> dict[str, Any]:
    payment = row.payment
    words = payment.void_reason if row.is_void else payment.reference
    reason = f"{row.reference} {'Voided: ' if row.is_void else ''}{words}".strip()
    return {
        "order": str(order.number),
        "recorded_by": recorder.remote_id,
        "total": {"amount": f"{row.amount:.2f}", "currency": "USD"},
        "payment_date": at_noon(payment.paid_on, timezone.get_current_timezone()),
        "payment_type": payment.method,
        "reason": reason[:LONGEST_REASON],
    }


def _recorder(account: Account, payment: Payment) -> Staff | None:
    """LeafLink's name for who recorded it: the staff member of that person's rep, else the
    account's own choice."""
    staff = Staff.objects.filter(account=account, is_active=True)
    user = payment.recorded_by
    mine = staff.filter(sales_rep__user=user).first() if user else None
    return mine or staff.filter(pk=account.payment_recorder_id or 0).first()


def _nobody(account: Account, payment: Payment) -> str:
    who = payment.recorded_by or "nobody"
    return (
        f"It was recorded by {who}, who is not among LeafLink's staff. On the account {account}, "
        "choose who records payments in LeafLink. (Or let the sales rep of a staff member have "
        f"the login {who}.)"
    )


def _told(row: OrderPayment) -> str:
    told = in_words(row.payment)
    return f"Payment taken back: {told}" if row.is_void else f"Payment: {told}"


def _note(
    row: OrderPayment, state: OrderPayment.State, problem: str = "", *, remote_id: int | None = None
) -> None:
    """Write where a payment stands."""
    row.state, row.problem = state, problem[:500]
    row.remote_id = remote_id or row.remote_id
    if state == State.SENT:
        row.sent_at = timezone.now()
    row.save(update_fields=["state", "problem", "remote_id", "asked_at", "sent_at", "attempts"])


def try_again(rows: QuerySet[OrderPayment]) -> int:
    """Payments that LeafLink refused wait again, to be asked for anew; returns how many."""
    return rows.filter(state=State.REFUSED).update(state=State.WAITING, problem="", attempts=0)
