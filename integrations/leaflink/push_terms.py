"""Our terms out: payment, due date, delivery, and our number into LeafLink's external ids.

Each is sent on a fresh reading, only where ours alone has moved, and is agreed when the reading
after it says the same. All are absolute values, so an answer that was lost does no harm.
"""

from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from integrations.leaflink import agree_terms
from integrations.leaflink.mapping import order_terms
from integrations.leaflink.mapping.payment_terms import NAMES
from integrations.leaflink.models import NUMBER, Account, ListEntry, Order, OrderEvent
from integrations.leaflink.order_reading import read_fresh, stored
from integrations.leaflink.out_of_step import is_number_to_be_taken_off
from integrations.leaflink.pull_orders import RESOURCE
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.wire.errors import VENDOR
from integrations.models import Notice
from integrations.notices import notify, resolve
from integrations.wire.errors import Gone, Refused, UnknownOutcome
from orders.terms import LABELS

Bodies = list[dict[str, Any]]
IGNORED = "LeafLink said that it is done, but still shows what it showed before."
# Once more after an answer that was lost.
ATTEMPTS = 2
NO_KEY = "external ids of orders"


def push_terms(account: Account, client: LeafLinkClient, number: str) -> bool:
    """Send what waits of one order; returns whether LeafLink was changed. Raises as the client
    does, and Refused in LeafLink's words for what it did not take (the rest was sent all the same).
    """
    if not _waiting(account, number):
        return False
    payload = read_fresh(account, client, number)
    refused: Refused | None = None
    changed = False
    for _ in range(ATTEMPTS):
        lost = False
        done: dict[str, str] = {}
        waiting = _waiting(account, number)
        for name, value in waiting.items():
            if not _note_sent(account, number, name, value):
                break  # the sales order was deleted meanwhile
            try:
                _send(client, number, _bodies(account, payload, name, value))
                changed = True
                done[name] = value
                _tell(account, number, f"Sent: {_in_words(name, value)}.")
                if name == NUMBER:
                    resolve(account, Notice.Category.REFUSED, [NO_KEY])
            except UnknownOutcome:
                lost = True
            except (Refused, Gone) as error:
                _note_refusal(account, number, name, value, str(error))
                if name != NUMBER:
                    refused = (
                        error
                        if isinstance(error, Refused)
                        else Refused([str(error)], vendor=VENDOR)
                    )
        if waiting:
            payload = read_fresh(account, client, number)
            still = _waiting(account, number)
            for name, value in done.items():
                if still.get(name) == value:
                    _note_refusal(account, number, name, value, IGNORED)
        if not lost:
            break
    if refused:
        raise refused
    if lost:
        raise UnknownOutcome("LeafLink's answer to a change of the order was lost more than once.")
    return changed


@transaction.atomic
def _note_sent(account: Account, number: str, name: str, value: str) -> bool:
    """Remember what is being sent: a person may change ours again before LeafLink shows it.
    False when there is no sales order any more whose term it could be."""
    if name == NUMBER:
        return True
    rows = Order.objects.select_for_update().only("sent", "sales_order")
    order = rows.get(account=account, number=number)
    if order.sales_order_id is None:
        return False
    order.sent = {**order.sent, name: value}
    order.save(update_fields=["sent"])
    return True


def _waiting(account: Account, number: str) -> dict[str, str]:
    order = stored(account, number)
    if order.unsynced_number:
        return {NUMBER: ""} if is_number_to_be_taken_off(account, order) else {}
    if order.sales_order is None:
        return {}
    return agree_terms.to_send(account, order, order.sales_order)


def _bodies(account: Account, payload: payloads.Order, name: str, value: str) -> Bodies:
    """What to send for a term, the best way first; the next one when LeafLink refuses it."""
    if name == NUMBER:
        return [{"external_ids": {account.external_id_key: value or None}}]
    if name != "payment_term":
        return [order_terms.body(name, value, timezone.get_current_timezone())]
    older: dict[str, Any] = {"payment_term": NAMES[value]}
    option = _option(account, payload, value)
    return [{"selected_payment_option": option}, older] if option else [older]


def _option(account: Account, payload: payloads.Order, code: str) -> dict[str, int] | None:
    """LeafLink's ids for a term of ours and a way to pay, as far as they were ever read."""
    terms = ListEntry.objects.filter(
        account=account, list=ListEntry.List.PAYMENT_TERM, name=code, gone_at=None
    )
    term_ids = set(terms.values_list("remote_id", flat=True))
    if not term_ids:
        return None
    present = payload.selected_payment_option.payment_method.id
    offered = [
        (option.payment_term.id, option.payment_method.id)
        for option in payload.available_payment_options
        if option.payment_term.id in term_ids and option.payment_method.id
    ]
    pairs = [pair for pair in offered if pair[1] == present] or offered
    if not pairs and present:
        pairs = [(min(term_ids), present)]
    if not pairs:
        return None
    term_id, method_id = pairs[0]
    return {"payment_term_id": int(term_id or 0), "payment_method_id": int(method_id or 0)}


def _send(client: LeafLinkClient, number: str, bodies: Bodies) -> None:
    for body in bodies[:-1]:
        try:
            client.patch(f"{RESOURCE}/{number}", body)
            return
        except (Refused, Gone):
            continue
    client.patch(f"{RESOURCE}/{number}", bodies[-1])


def _in_words(name: str, value: str) -> str:
    if name == NUMBER:
        return f"our number is {value}" if value else "our number is taken off"
    told = agree_terms.in_words(name, value) or "none"
    return f"{LABELS[name]} {told}"


def _tell(account: Account, number: str, text: str) -> None:
    order = Order.objects.only("pk").get(account=account, number=number)
    order.tell(OrderEvent.Kind.SENT, text)


@transaction.atomic
def _note_refusal(account: Account, number: str, name: str, value: str, words: str) -> None:
    """Keep LeafLink's words on the order, told once; of our number, in one notice for all."""
    order = (
        Order.objects.select_for_update(of=("self",))
        .defer("raw")
        .get(account=account, number=number)
    )
    if order.was_refused(name, value):
        return
    said = words if name == NUMBER else f"{_in_words(name, value)}: {words}"
    order.refuse({**order.refusals, name: [value, said]})
    # It did not arrive: when LeafLink shows it one day, that is LeafLink's own move.
    order.sent = {what: sent for what, sent in order.sent.items() if what != name}
    order.save(update_fields=["refusals", "refused", "sent"])
    order.tell(OrderEvent.Kind.SENT, said)
    if name == NUMBER:
        notify(
            account,
            Notice.Category.REFUSED,
            NO_KEY,
            f"LeafLink does not note our order numbers under the key “{account.external_id_key}”. "
            "Ask its support to set the key up for orders, or empty it on the account.",
            cure="Open the account",
            url=reverse("admin:leaflink_account_change", args=[account.pk]),
        )
