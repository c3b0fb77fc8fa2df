"""What became of a template whose answer was lost: told by reading, never by asking again.

And the queue's part: each template that Metrc was asked about has a row of work until that is
known.
"""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from integrations import work
from integrations.leases import Busy
from integrations.metrc import send_template
from integrations.metrc.draft_template import EDITABLE, State
from integrations.metrc.find_template import find, is_listed
from integrations.metrc.models import TransferTemplate
from integrations.metrc.send_template import (
    DID_NOT_ARRIVE,
    SENT_AGAIN,
    CannotSend,
    client_of,
    note,
    only_one_at,
    stays,
    withdrawn,
)
from integrations.metrc.wire.client import MetrcClient
from integrations.models import Connection
from integrations.outcomes import outcomes
from integrations.wire.errors import Wait

# Longer than a client waits for an answer: what Metrc was asked may still be on its way.
SETTLING = timedelta(seconds=150)
SOON = 30.0
NEVER_ARRIVED = (
    "It was sent twice, and Metrc's list shows neither. Look in Metrc before you send it again."
)
NOT_WITHDRAWN = "It is still in Metrc: the withdrawal did not arrive. Withdraw it again."


class NotYet(Wait):
    """Whether Metrc has done it can't be told yet."""


def settle(template_id: int, *, client: MetrcClient | None = None) -> State:
    """Find out by reading what became of a lost answer; returns where the template stands then.

    DRAFT: it is not there, and may be sent again. Of one that is not in doubt, nothing is read.
    Raises NotYet while it may still be on its way, CannotSend when somebody else is at it, and as
    the client does.
    """
    try:
        with only_one_at(template_id):
            return _settle(template_id, client)
    except Busy:
        raise CannotSend("It is being sent just now, by somebody else or in the queue.") from None


def _settle(template_id: int, client: MetrcClient | None) -> State:
    rows = TransferTemplate.objects.select_related("facility__account")
    template = rows.get(pk=template_id)
    if template.state == State.ASKED:
        _settle_sending(template, client or client_of(template_id))
    elif template.state == State.SENT and template.withdraw_asked_at:
        _settle_withdrawal(template, client or client_of(template_id))
    return State(rows.get(pk=template_id).state)


def _settle_sending(template: TransferTemplate, client: MetrcClient) -> None:
    assert template.sent_at is not None
    # Before the reading: what arrives while it goes on may be missed by it.
    waited = timezone.now() - template.sent_at
    found = find(client, template)
    if found.ours:
        also = send_template.also_there(found.ours)
        note(template, State.SENT, remote_id=found.ours[0], problem=also)
    elif waited < SETTLING:
        raise NotYet("Whether Metrc got the template is looked up in a minute.", SOON)
    elif found.others:
        numbers = ", ".join(map(str, found.others))
        said = (
            f"Metrc has a template of this name with other packages ({numbers}), made since it was "
            "sent. Look at it in Metrc before you send this one again."
        )
        note(template, State.DRAFT, problem=said)
    else:
        is_second = template.problem == SENT_AGAIN
        note(template, State.DRAFT, problem=NEVER_ARRIVED if is_second else DID_NOT_ARRIVE)


def _settle_withdrawal(template: TransferTemplate, client: MetrcClient) -> None:
    assert template.withdraw_asked_at is not None
    waited = timezone.now() - template.withdraw_asked_at
    if not is_listed(client, template):
        withdrawn(template)
    elif waited < SETTLING:
        raise NotYet("Whether Metrc has withdrawn the template is looked up in a minute.", SOON)
    else:
        stays(template, NOT_WITHDRAWN)


def settle_due(connection: Connection, key: str) -> None:
    """For the work queue: settle a template. Raises work.Later or work.Stuck."""
    _for_the_queue(key, lambda: settle(int(key)))


def send_due(connection: Connection, key: str) -> None:
    """For the work queue: settle a template, and send it if it is not in Metrc then, unless a
    person has to look first. Raises work.Later or work.Stuck."""
    _for_the_queue(key, lambda: _send_if_due(int(key)))


def _send_if_due(template_id: int) -> None:
    before = TransferTemplate.objects.filter(pk=template_id).first()
    if before is None or before.state == State.REFUSED:
        return
    settle(template_id)
    template = TransferTemplate.objects.get(pk=template_id)
    if template.state not in EDITABLE or template.problem not in ("", DID_NOT_ARRIVE):
        return
    if send_template.send(template_id, by=template.sent_by) == State.ASKED:
        raise NotYet("Whether Metrc got the template is looked up in a minute.", SOON)


def _for_the_queue(key: str, act: Any) -> None:
    """Do it, with what may come of it in the words of the queue."""
    try:
        with outcomes():
            _acted(act)
    except TransferTemplate.DoesNotExist:
        return
    except CannotSend as error:
        if not error.troubles:
            raise work.Later(str(error), timedelta(seconds=5), "busy", counts=False) from error
        texts = " ".join(one.text for one in error.troubles)
        TransferTemplate.objects.filter(pk=int(key), state__in=EDITABLE).update(problem=texts)
        raise work.Stuck(f"{error} {texts}", "refused") from error


def _acted(act: Any) -> None:
    try:
        act()
    except NotYet as error:
        # Nobody's failure: it is known in a minute.
        wait = timedelta(seconds=error.seconds)
        raise work.Later(str(error), wait, "unknown outcome", counts=False) from error
