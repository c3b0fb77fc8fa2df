"""What is kept of a call to a vendor: how it ended and what it was about, without the keys."""

from collections.abc import Callable

from integrations import call_log
from integrations.models import Call
from integrations.wire.calls import CallMade
from integrations.wire.errors import (
    BadCredentials,
    BadPayload,
    Gone,
    Refused,
    UnknownOutcome,
    VendorError,
    Wait,
)

OUTCOMES: tuple[tuple[type[VendorError], Call.Outcome], ...] = (
    (Wait, Call.Outcome.WAIT),
    (Refused, Call.Outcome.REFUSED),
    (Gone, Call.Outcome.GONE),
    (BadCredentials, Call.Outcome.CREDENTIALS),
    (BadPayload, Call.Outcome.BAD_PAYLOAD),
    (UnknownOutcome, Call.Outcome.UNKNOWN),
)


def call_of(
    connection_id: int,
    made: CallMade,
    cut: Callable[[str], str],
    *,
    what: str,
    record_kind: str = "",
    record_key: str = "",
) -> Call:
    """The row of a call, unsaved, for `call_log.add`.

    `cut` takes the connection's keys out of a text; `what` says in words what the call was for
    ("Products sent"); the record it was about is named where there is one.
    """
    call = Call(
        connection_id=connection_id,
        at=made.at,
        method=made.method,
        path=cut(made.path)[:300],
        what=what,
        is_page=made.is_page,
        status=made.status,
        outcome=_outcome(made.error),
        said=cut(str(made.error))[:2000] if made.error else "",
        milliseconds=made.milliseconds,
        record_kind=record_kind,
        record_key=cut(record_key)[:100],
    )
    if made.error or not made.is_page:
        call.request = call_log.as_kept(made.sent, cut)
        call.answer = call_log.as_kept(made.answer, cut)
    return call


def _outcome(error: VendorError | None) -> Call.Outcome:
    if error is None:
        return Call.Outcome.OK
    return next(outcome for kind, outcome in OUTCOMES if isinstance(error, kind))
