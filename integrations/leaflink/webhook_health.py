"""How well an account's webhooks work, told in sentences for people.

LeafLink says nothing about its side: a webhook that failed five days in a row is switched off
there, and stays off until a person switches it on again. So what is known here is judged: what came
and was refused, what came and was not understood, and what polling found without being told.
Polling goes on whatever happens; webhooks only make things faster.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone

from integrations.leaflink import webhook_words as words
from integrations.leaflink.models import Account, WebhookRefusal
from integrations.leaflink.webhook_facts import SHORT_SILENCE, WEEKS, Facts, gather

# LeafLink: after five days in a row of nothing but failures.
DISABLED_AFTER = timedelta(days=5)
# LeafLink repeats a failed delivery many times; a stray request or two are somebody else's.
REFUSALS_TO_FAIL = 3
UNCLEAR_TO_FAIL = 3
MISSED_TO_FAIL = 3
# LeafLink's retries of a last failure may lie around a valid webhook.
SETTLED_AFTER = timedelta(minutes=10)
# An hour of the week is busy when webhooks came in it in all but one of the last weeks.
BUSY_WEEKS = WEEKS - 1
BUSY_HOURS_TO_WORRY = 4


class State(StrEnum):
    """In which of these an account's webhooks are."""

    NEVER = "never"
    OFF = "off"
    OK = "ok"
    SILENT = "silent"
    FAILING = "failing"
    UNREADABLE = "unreadable"

    @property
    def label(self) -> str:
        return LABELS[self]

    @property
    def is_alarm(self) -> bool:
        """Whether somebody must act."""
        return self in (State.SILENT, State.FAILING, State.UNREADABLE)


LABELS = {
    State.NEVER: "No webhook yet",
    State.OFF: "Account switched off",
    State.OK: "Working",
    State.SILENT: "Silent",
    State.FAILING: "Refused",
    State.UNREADABLE: "Not understood",
}


@dataclass(frozen=True)
class Health:
    """One account's webhooks. Times are aware.

    `since`: when the trouble began, as far as is known. `refused` and `missed` count since the last
    valid webhook (for `missed`: the last about orders, or products); `not_understood` since the
    last that was understood. `reason`: the WebhookRefusal.Why of the last refusal, or "".
    `disabled_at`: when LeafLink switches the webhook off if nothing changes, at the earliest; None
    when nothing fails. `text` says what is, `cure` what to do ("" when there is nothing to do).
    """

    state: State
    since: datetime | None
    last_valid_at: datetime | None
    refused: int
    reason: str
    not_understood: int
    missed: int
    disabled_at: datetime | None
    text: str
    cure: str


def healths(accounts: Iterable[Account]) -> dict[int, Health]:
    """The health of each account's webhooks by account id, in at most six queries for all."""
    now = timezone.now()
    return {pk: judge(facts, now) for pk, facts in gather(accounts, now).items()}


def health(account: Account) -> Health:
    """The health of one account's webhooks."""
    return healths([account])[account.pk]


def judge(facts: Facts, now: datetime) -> Health:
    """What the facts amount to at the time `now`."""
    state, since = _state(facts, now)
    fails = state in (State.SILENT, State.FAILING) or (state == State.OFF and facts.refused)
    disabled_at = since + DISABLED_AFTER if fails and since else None
    return Health(
        state=state,
        since=since,
        last_valid_at=facts.last_valid_at,
        refused=sum(facts.refused.values()),
        reason=facts.refused_last_for,
        not_understood=facts.not_understood,
        missed=facts.missed_orders.count + facts.missed_products.count,
        disabled_at=disabled_at,
        text=words.text(state, facts, since, disabled_at, now),
        cure=words.cure(state, facts, disabled_at, now),
    )


def _state(facts: Facts, now: datetime) -> tuple[State, datetime | None]:
    account = facts.account
    if not account.is_active:
        return State.OFF, facts.refused_since
    if _is_refused(facts, now):
        return State.FAILING, facts.refused_since
    if facts.last_valid_at is None:
        return State.NEVER, None
    if words.has_no_key(account):
        return State.FAILING, facts.refused_since
    if facts.not_understood >= UNCLEAR_TO_FAIL:
        return State.UNREADABLE, None
    missed = [m for m in (facts.missed_orders, facts.missed_products) if m.count]
    first = min((m.first for m in missed if m.first), default=None)
    if any(m.count >= MISSED_TO_FAIL for m in missed):
        return State.SILENT, first
    quiet = unusually_quiet_hours(facts, now) >= BUSY_HOURS_TO_WORRY
    # A holiday is no trouble: then polling finds nothing either.
    if quiet and (missed or not words.is_polling(facts, now)):
        return State.SILENT, first or facts.last_valid_at
    return State.OK, None


def _is_refused(facts: Facts, now: datetime) -> bool:
    if facts.refused_last_for == WebhookRefusal.Why.SWITCHED_OFF:
        # It was switched on again since; whether the next one passes is to be seen.
        return False
    real = sum(n for why, n in facts.refused.items() if why != WebhookRefusal.Why.SWITCHED_OFF)
    settled = not facts.last_valid_at or now - facts.last_valid_at >= SETTLED_AFTER
    return settled and real >= REFUSALS_TO_FAIL


def unusually_quiet_hours(facts: Facts, now: datetime) -> int:
    """How many whole hours have passed since the last webhook in which there are some as a rule."""
    last = facts.last_valid_at
    if last is None or now - last < SHORT_SILENCE:
        return 0
    weeks = Counter(_hour_of_week(hour) for hour in facts.hours if hour < last)
    passed = 0
    hour = last.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while hour + timedelta(hours=1) <= now and passed < BUSY_HOURS_TO_WORRY:
        passed += weeks[_hour_of_week(hour)] >= BUSY_WEEKS
        hour += timedelta(hours=1)
    return passed


def _hour_of_week(moment: datetime) -> tuple[int, int]:
    local = timezone.localtime(moment)
    return local.weekday(), local.hour
