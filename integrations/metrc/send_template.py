"""Sending an order's template to Metrc, once, and withdrawing it.

Metrc: a POST has no idempotency key, and an outgoing transfer can only be made of a template by a
person. So the row says that Metrc was asked, with what, before it is; and after an answer that was
lost nothing is repeated until `settle_template` has read what became of it. Whose UPDATE of the
row comes first is the one who sends.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations import work
from integrations.budget import BudgetExhausted
from integrations.leases import Busy, lease
from integrations.metrc import connect, draft_template
from integrations.metrc.draft_template import EDITABLE, State
from integrations.metrc.find_template import find, is_listed
from integrations.metrc.mapping.preflight import problems_of, refusing
from integrations.metrc.mapping.troubles import Trouble
from integrations.metrc.models import Match, Transfer, TransferTemplate
from integrations.metrc.template_facts import planned
from integrations.metrc.wire import reads
from integrations.metrc.wire.client import MetrcClient
from integrations.metrc.work_kinds import TEMPLATE_WORK
from integrations.models import WorkItem
from integrations.wire.errors import (
    BadCredentials,
    Gone,
    Refused,
    UnknownOutcome,
    VendorError,
    Wait,
)
from orders.models import SalesOrder

LONGEST_AT_WORK = timedelta(minutes=6)
DID_NOT_ARRIVE = "It did not arrive in Metrc. Send it again."
SENT_AGAIN = "It did not arrive at first, and was sent again."
NOT_SENT = (Wait, BadCredentials, Gone, BudgetExhausted)


class CannotSend(Exception):
    """Nothing was sent; the text says why. `troubles`: what Metrc would refuse."""

    def __init__(self, text: str, troubles: tuple[Trouble, ...] = ()) -> None:
        super().__init__(text)
        self.troubles = troubles


class CannotWithdraw(Exception):
    """The template stays; the text says why and what can be done."""


@dataclass(frozen=True)
class _Asking:
    """What Metrc is about to be asked."""

    template: TransferTemplate
    license_number: str
    body: dict[str, Any]


def only_one_at(template_id: int) -> Any:
    """The right to ask Metrc about a template; raises Busy when another process has it."""
    return lease(f"metrc template {template_id}", LONGEST_AT_WORK)


def send(template_id: int, *, by: Any, client: MetrcClient | None = None) -> State:
    """Send a template that is not in Metrc; returns where it stands then.

    SENT: Metrc has it. ASKED: the answer was lost, reading will tell (work is asked for). REFUSED:
    Metrc's words are its `problem`. Raises CannotSend where something speaks against it, or
    somebody else sends it; Wait, BadCredentials, Gone or BudgetExhausted where Metrc did nothing.
    """
    try:
        with only_one_at(template_id):
            client = client or client_of(template_id)
            if _is_there_already(template_id, client):
                return State.SENT
            return _post(_ask(template_id, by), client)
    except Busy:
        raise CannotSend("It is being sent just now, by somebody else or in the queue.") from None


def _is_there_already(template_id: int, client: MetrcClient) -> bool:
    """Whether what was asked for before is in Metrc after all; noted then. (It came late, or a
    fault of the server's was taken for a refusal.)"""
    rows = TransferTemplate.objects.select_related("facility__account")
    template = rows.get(pk=template_id)
    if template.state not in EDITABLE or template.sent_at is None:
        return False
    ours = find(client, template).ours
    if not ours:
        return False
    TransferTemplate.objects.filter(pk=template_id, state=template.state).update(
        state=State.SENT, remote_id=ours[0], problem=also_there(ours)
    )
    return True


def also_there(ours: list[int]) -> str:
    """What to say of more templates than one; "" where there is one."""
    if len(ours) < 2:
        return ""
    numbers = ", ".join(map(str, ours[1:]))
    return f"Metrc has another template just like it: {numbers}. Archive it in Metrc."


@transaction.atomic
def _ask(template_id: int, by: Any) -> _Asking:
    """Check everything under lock, and note that Metrc is asked, and for what."""
    template, order = _locked(template_id)
    if template.state not in EDITABLE:
        raise CannotSend(f"It was sent already: {template.get_state_display().lower()}.")
    draft_template.follow(template_id, order)
    template.refresh_from_db()
    plan = planned(order, template)
    troubles = tuple(refusing(problems_of(plan.facts)))
    if troubles:
        many = f"{len(troubles)} things have" if len(troubles) > 1 else "One thing has"
        raise CannotSend(f"Nothing was sent. {many} to be mended first.", troubles)
    asked = {
        "state": State.ASKED,
        "body": plan.body,
        "labels": plan.labels,
        # By itself it is sent again once only: see `settle_template`.
        "problem": SENT_AGAIN if template.problem == DID_NOT_ARRIVE else "",
        "sent_at": timezone.now(),
        "sent_by": by,
        "withdraw_asked_at": None,
    }
    if not TransferTemplate.objects.filter(pk=template_id, state__in=EDITABLE).update(**asked):
        raise CannotSend("It is being sent just now, by somebody else.")
    template.refresh_from_db()
    # Should this process die before it has the answer, reading will tell.
    _ask_for_settling(template)
    return _Asking(template, template.facility.license_number, plan.body)


def _post(asking: _Asking, client: MetrcClient) -> State:
    """Ask Metrc, outside of any transaction, and note its answer."""
    template = asking.template
    try:
        remote_id = reads.create_template(client, asking.license_number, asking.body)
    except UnknownOutcome:
        return State.ASKED
    except Refused as error:
        note(template, State.REFUSED, problem="\n".join(error.messages) or str(error))
        return State.REFUSED
    except NOT_SENT as error:
        # Metrc has done nothing. What it said of keys and addresses is for whoever looks.
        said = "" if isinstance(error, (Wait, BudgetExhausted)) else str(error)
        note(template, State.DRAFT, problem=said)
        raise
    note(template, State.SENT, remote_id=remote_id)
    return State.SENT


def note(
    template: TransferTemplate, state: State, *, problem: str = "", remote_id: int | None = None
) -> bool:
    """Note what became of asking Metrc, unless that was noted already. Whether it was written."""
    rows = TransferTemplate.objects.filter(
        pk=template.pk, state=State.ASKED, sent_at=template.sent_at
    )
    values: dict[str, Any] = {"state": state, "problem": problem, "remote_id": remote_id}
    return bool(rows.update(**values))


def withdraw(template_id: int, *, by: Any, client: MetrcClient | None = None) -> State:
    """Take a template out of Metrc again; returns where it stands then.

    WITHDRAWN: another one can be made. SENT: the answer was lost, reading will tell. Raises
    CannotWithdraw where it may not or need not be withdrawn, and as `send` does.
    """
    try:
        with only_one_at(template_id):
            client = client or client_of(template_id)
            return _delete(_ask_withdrawal(template_id, by), client)
    except Busy:
        raise CannotWithdraw("Somebody else is at it just now. Look again in a moment.") from None


@transaction.atomic
def _ask_withdrawal(template_id: int, by: Any) -> TransferTemplate:
    template, order = _locked(template_id)
    if template.state == State.ASKED:
        raise CannotWithdraw("Whether it arrived is still looked up. Withdraw it after that.")
    if template.state != State.SENT:
        raise CannotWithdraw("It is not in Metrc, so there is nothing to withdraw.")
    used = _transfer_of(template, order)
    if used:
        raise CannotWithdraw(
            f"A transfer was made already ({used}), so the template is not withdrawn. Void the "
            "transfer in Metrc first, or unmatch it here."
        )
    template.withdraw_asked_at = timezone.now()
    template.save(update_fields=["withdraw_asked_at"])
    _ask_for_settling(template)
    return template


def _transfer_of(template: TransferTemplate, order: SalesOrder) -> str:
    """The transfer that was made of a template or is the order's, in words; "" for none."""
    matches = Match.objects.filter(order=order.pk, ended_at__isnull=True)
    match = matches.select_related("delivery__transfer").first()
    if match:
        return str(match.delivery.transfer).lower()
    made = Transfer.objects.filter(
        facility=template.facility_id, template_remote_id=template.remote_id, is_voided=False
    )
    transfer = made.only("manifest_number", "remote_id").first()
    return str(transfer).lower() if transfer else ""


def _delete(template: TransferTemplate, client: MetrcClient) -> State:
    assert template.remote_id is not None
    try:
        reads.archive_template(client, template.facility.license_number, template.remote_id)
    except UnknownOutcome:
        return State.SENT
    except Gone:
        pass  # somebody has archived it in Metrc
    except (Refused, BadCredentials) as error:
        # Metrc: 401 also for what is not in the license (any more).
        if _is_listed(client, template):
            told = f"Metrc did not withdraw it. {error}" if isinstance(error, Refused) else ""
            stays(template, told)
            raise
    except (Wait, BudgetExhausted):
        stays(template)
        raise
    withdrawn(template)
    return State.WITHDRAWN


def _is_listed(client: MetrcClient, template: TransferTemplate) -> bool:
    try:
        return is_listed(client, template)
    except (VendorError, BudgetExhausted):
        return True  # not known, so it stays


def withdrawn(template: TransferTemplate) -> None:
    """Note that a template is out of Metrc. It keeps its number there."""
    rows = TransferTemplate.objects.filter(pk=template.pk, state=State.SENT)
    rows.update(state=State.WITHDRAWN, problem="")


def stays(template: TransferTemplate, problem: str = "") -> None:
    """Note that a template was not withdrawn, and why."""
    rows = TransferTemplate.objects.filter(
        pk=template.pk, state=State.SENT, withdraw_asked_at=template.withdraw_asked_at
    )
    rows.update(withdraw_asked_at=None, problem=problem)


def _locked(template_id: int) -> tuple[TransferTemplate, SalesOrder]:
    """A template and its order, the order locked first."""
    order_id = TransferTemplate.objects.values_list("order", flat=True).get(pk=template_id)
    orders = SalesOrder.objects.select_for_update(of=("self",))
    order = orders.select_related("destination", "facility").get(pk=order_id)
    templates = TransferTemplate.objects.select_for_update(of=("self",))
    templates = templates.select_related("facility__account", "facility__facility")
    return templates.get(pk=template_id), order


def _ask_for_settling(template: TransferTemplate) -> None:
    account = template.facility.account_id
    work.ask(account, TEMPLATE_WORK, [str(template.pk)], WorkItem.Priority.ORDERS)


def ask_to_send(template_id: int, *, by: Any) -> None:
    """Have a template sent by the queue, as soon as Metrc takes it."""
    template = TransferTemplate.objects.select_related("facility").get(pk=template_id)
    TransferTemplate.objects.filter(pk=template_id, state__in=EDITABLE).update(sent_by=by)
    _ask_for_settling(template)


def client_of(template_id: int, *, in_a_page: bool = False) -> MetrcClient:
    """A client for calls about a template; `in_a_page`: one that gives up soon.

    Raises BadCredentials without keys, WrongEncryptionKey when they can't be decrypted.
    """
    template = TransferTemplate.objects.select_related("facility__account").get(pk=template_id)
    account = template.facility.account
    if in_a_page:
        return connect.client_for_page(account, order_number=template.name)
    return connect.client_for(
        account, WorkItem.Priority.ORDERS, share=1, order_number=template.name
    )
