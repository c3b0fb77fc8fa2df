"""The sentences in which people are told how an account's webhooks do, and what to do about it."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format

from integrations.encryption import WrongEncryptionKey
from integrations.leaflink.models import Account, WebhookRefusal
from integrations.leaflink.webhook_facts import Facts

Why = WebhookRefusal.Why
# The minutely poll may be late for want of request budget.
POLL_IS_LATE = timedelta(minutes=10)
IN_LEAFLINK = "LeafLink's Settings → Developer Options"
WHAT_HAPPENS = {
    Why.NO_SIGNATURE: "Webhooks come without a signature{since}",
    Why.WRONG_SIGNATURE: "Signatures do not fit{since}",
    Why.NO_KEY: "Webhooks come{since}, and there is no webhook key here to check them with",
    Why.KEY_LOST: "The webhook key stored here can't be decrypted{since}",
    Why.SWITCHED_OFF: "Webhooks are refused{since} because the account is switched off",
    Why.TOO_LARGE: "Webhooks are larger than is taken here{since}",
    Why.NOT_STORED: "Webhooks could not be stored here{since}",
}
CURES = {
    Why.NO_SIGNATURE: (
        f"Click “Generate Key” in {IN_LEAFLINK}, and paste the key under Webhook key here."
    ),
    Why.WRONG_SIGNATURE: f"Paste the webhook key of {IN_LEAFLINK} again.",
    Why.NO_KEY: f"Paste the webhook key of {IN_LEAFLINK}.",
    Why.KEY_LOST: (
        "Put the old key back into FIELD_ENCRYPTION_KEYS, after the first, or paste the webhook "
        f"key of {IN_LEAFLINK} again."
    ),
    Why.SWITCHED_OFF: "Switch the account on, or the webhook off in LeafLink.",
    Why.TOO_LARGE: (
        "Raise DATA_UPLOAD_MAX_MEMORY_SIZE if they are LeafLink's; the orders come by polling."
    ),
    Why.NOT_STORED: "Look whether the disk is full or the database out of reach.",
}
SWITCH_ON = f"tick Enabled at the webhook in {IN_LEAFLINK}"


def moment(at: datetime, now: datetime) -> str:
    """A time as people say it: "09:12", "Sunday 29 at 09:12", or with the month when far away."""
    local, today = timezone.localtime(at), timezone.localtime(now)
    if local.date() == today.date():
        return date_format(local, "H:i")
    near = abs(at - now) < timedelta(days=25)
    return date_format(local, r"l j \a\t H:i" if near else r"F j \a\t H:i")


def counted(number: int, one: str) -> str:
    """ "1 order", "3 orders"."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def has_no_key(account: Account) -> bool:
    """Whether no webhook can be checked for want of a key. (One that is lost is another matter.)"""
    try:
        return not account.webhook_key
    except WrongEncryptionKey:
        return False


def is_polling(facts: Facts, now: datetime) -> bool:
    """Whether orders were polled within the last minutes."""
    return bool(facts.orders_read_at and now - facts.orders_read_at < POLL_IS_LATE)


def text(
    state: str,
    facts: Facts,
    since: datetime | None,
    disabled_at: datetime | None,
    now: datetime,
) -> str:
    """What is, whether polling stands in, and when LeafLink gives up, in a few sentences."""
    told = {
        "never": _never,
        "off": _off,
        "ok": _ok,
        "silent": _silent,
        "failing": _failing,
        "unreadable": _unreadable,
    }[state](facts, since, now)
    sentences = [told]
    if facts.account.is_active:
        sentences.append(polling(facts, now, needed=state != "ok"))
    if disabled_at:
        sentences.append(countdown(state, disabled_at, now))
    return " ".join(filter(None, sentences))


def polling(facts: Facts, now: datetime, *, needed: bool = True) -> str:
    """Whether orders come in all the same."""
    read_at = facts.orders_read_at
    if is_polling(facts, now):
        return "Orders are still read each minute." if needed else ""
    if read_at is None:
        return "Orders were not read yet either."
    return f"Orders were last read at {moment(read_at, now)}, not each minute: see Runs."


def countdown(state: str, disabled_at: datetime, now: datetime) -> str:
    """When LeafLink switches the webhook off, or that it probably has."""
    at = moment(disabled_at, now)
    if disabled_at <= now:
        return f"LeafLink has probably switched the webhook off ({at}, after five days)."
    if state == "silent":
        return (
            "If LeafLink tries and can't reach us, it switches the webhook off after five days: "
            f"on {at} at the earliest."
        )
    return f"LeafLink switches the webhook off {'at' if at[0].isdigit() else 'on'} {at}."


def _since(since: datetime | None, now: datetime) -> str:
    return f" since {moment(since, now)}" if since else ""


def _never(facts: Facts, since: datetime | None, now: datetime) -> str:
    if has_no_key(facts.account):
        return "There is no webhook key here yet, so no webhook is taken."
    return "No webhook has come yet."


def _off(facts: Facts, since: datetime | None, now: datetime) -> str:
    tried = f" LeafLink has tried{_since(since, now)}." if facts.refused else ""
    return f"The account is switched off: webhooks are refused, and nothing is polled.{tried}"


def _ok(facts: Facts, since: datetime | None, now: datetime) -> str:
    last = moment(facts.last_valid_at, now) if facts.last_valid_at else "never"
    lost = facts.missed_orders.count + facts.missed_products.count
    some = f" {counted(lost, 'change')} since then came by polling only." if lost else ""
    return f"The last webhook came at {last}.{some}"


def _silent(facts: Facts, since: datetime | None, now: datetime) -> str:
    lost = [
        counted(missed.count, kind)
        for missed, kind in ((facts.missed_orders, "order"), (facts.missed_products, "product"))
        if missed.count
    ]
    last = facts.last_valid_at
    if not lost:
        return f"No webhook since {moment(last, now) if last else 'ever'}, which is unusual."
    told = (
        f"{' and '.join(lost)} changed in LeafLink{_since(since, now)} and no webhook told of it."
    )
    other = _other_kind(facts)
    if other:
        return f"{told} Webhooks about {other} still come."
    return f"{told} The last webhook came at {moment(last, now) if last else 'no time'}."


def _other_kind(facts: Facts) -> str:
    """Of which kind webhooks go on coming while those of the other kind don't; "" if of none."""
    for silent, missed, other in (
        ("order", facts.missed_orders, "product"),
        ("product", facts.missed_products, "order"),
    ):
        last = facts.last_by_kind.get(other)
        before = facts.last_by_kind.get(silent)
        if missed.count and missed.first and last and last > missed.first:
            return f"{other}s" if before is None or before < last else ""
    return ""


def _failing(facts: Facts, since: datetime | None, now: datetime) -> str:
    why = Why(facts.refused_last_for or Why.NO_KEY)
    if not facts.refused:
        return "There is no webhook key here any more, so every webhook is refused."
    return WHAT_HAPPENS[why].format(since=_since(since, now)) + "."


def _unreadable(facts: Facts, since: datetime | None, now: datetime) -> str:
    return (
        f"The last {counted(facts.not_understood, 'webhook')} were signed as they should be and "
        "not understood: LeafLink seems to have changed their form."
    )


def cure(state: str, facts: Facts, disabled_at: datetime | None, now: datetime) -> str:
    """What to do, in a sentence or two; "" when nothing is to be done."""
    account = facts.account
    told = ""
    if state == "never":
        told = CURES[Why.NO_KEY] if has_no_key(account) else f"Add the webhook in {IN_LEAFLINK}."
    elif state == "failing":
        told = CURES[Why(facts.refused_last_for or Why.NO_KEY)]
    elif state == "off" and facts.refused:
        told = CURES[Why.SWITCHED_OFF]
    elif state == "unreadable":
        told = "Update Leafbridge, or send the developers one of them. Nothing is lost meanwhile."
    elif state == "silent":
        kinds = _other_kind(facts)
        ticked = "products" if kinds == "orders" else "orders"
        told = (
            f"Tick “New & changed {ticked}” at the webhook in {IN_LEAFLINK}."
            if kinds
            else f"Look in {IN_LEAFLINK} whether the webhook is enabled and has this address, and "
            "whether the address can be reached from outside."
        )
    if disabled_at and disabled_at <= now and state != "off":
        told += f" Then {SWITCH_ON}: LeafLink does not do so by itself."
    return told.strip()
