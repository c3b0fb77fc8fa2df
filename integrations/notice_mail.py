"""Mails about notices: at most one for each problem and address until it is resolved, and at most
one an hour of each kind, however much goes wrong.

Called each minute under a lease. Mails leave outside of any transaction; that one is being sent is
noted before, so that whoever is killed in between tells nobody twice.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from smtplib import SMTPRecipientsRefused, SMTPResponseException, SMTPServerDisconnected

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from customers.own import sees_only_own
from integrations import problems
from integrations.mail_addresses import addresses
from integrations.models import Connection, Notice, NoticeMail, NoticeWish
from integrations.notices import notify, open_ones, resolve

logger = logging.getLogger(__name__)
Frequency, About, Category = NoticeWish.Frequency, NoticeMail.About, Notice.Category
# What goes by itself within a minute is told to nobody.
SETTLE = timedelta(minutes=1)
# Of a kind of problem there is one mail in that time at the most.
QUIET = timedelta(hours=1)
MORNING = time(7, 0)
# A problem that was resolved longer ago is no news.
NEWS = timedelta(days=7)
# More of a kind than this are counted in the mail, not listed.
LISTED = 20
ADMINISTRATORS = "Administrator"
# What ends all sending, not only that of one mail.
BROKEN = (SMTPServerDisconnected, ConnectionError, TimeoutError)


@dataclass(frozen=True)
class Recipient:
    """An address, and what it wants. `connections` None: notices of all accounts."""

    address: str
    frequency: str = Frequency.AT_ONCE
    unwanted: tuple[str, ...] = ()
    connections: frozenset[int] | None = None
    # Sources whose problems this person may not see.
    hidden: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """By what it is noted that the address was told: capitals make no difference."""
        return self.address.lower()


@dataclass
class News:
    """What an address is to be told in one mail."""

    opened: list[Notice] = field(default_factory=list)
    resolved: list[Notice] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.opened or self.resolved)


def recipients() -> list[Recipient]:
    """Everybody who gets mails: administrators, whoever asked for them, and each account's extra
    addresses. An address that is both a person's and an account's is the person's."""
    found: dict[str, Recipient] = {}
    people = User.objects.filter(is_active=True, is_staff=True).exclude(email="")
    wishes = {wish.user_id: wish for wish in NoticeWish.objects.all()}
    admins = set(people.filter(Q(is_superuser=True) | Q(groups__name=ADMINISTRATORS)))
    for user in people:
        wish = wishes.get(user.pk)
        if not (wish or user in admins) or not user.has_perm("integrations.view_notice"):
            continue
        if sees_only_own(user):
            continue  # a notice may speak of others' orders
        frequency = wish.frequency if wish else Frequency.AT_ONCE
        unwanted = tuple(wish.unwanted) if wish else ()
        hidden = {one.name for one in problems.sources() if not user.has_perm(one.needs)}
        found[user.email.lower()] = Recipient(
            user.email, frequency, unwanted, hidden=frozenset(hidden)
        )
    extra: dict[str, set[int]] = defaultdict(set)
    for connection in Connection.objects.filter(is_active=True).exclude(notice_recipients=""):
        for address in addresses(connection.notice_recipients):
            extra[address.lower()].add(connection.pk)
    for address, connections in extra.items():
        found.setdefault(address, Recipient(address, connections=frozenset(connections)))
    return [one for one in found.values() if one.frequency != Frequency.NEVER]


def send_due() -> int:
    """Send every mail that is due; returns how many were sent. What can't be sent is tried again
    with the next call, and told on the page."""
    due = [(one, news) for one in recipients() if (news := _news_for(one))]
    if not due:
        return 0
    # Any backend may be behind it, so anything may be raised.
    try:
        connection = get_connection()
        connection.open()
    except Exception as error:
        _tell_broken(error)
        return 0
    sent = 0
    try:
        for recipient, news in due:
            sent += _send(connection, recipient, news)
    except BROKEN as error:
        _tell_broken(error)
    finally:
        connection.close()
    return sent


def _send(connection: BaseEmailBackend, recipient: Recipient, news: News) -> bool:
    """Send one mail. Raises what breaks the connection for everybody; of whatever else keeps this
    mail from leaving it is told as a notice, and the others are sent."""
    rows = [
        NoticeMail(notice=notice, address=recipient.key, about=about, category=notice.category)
        for about, notices in ((About.OPENED, news.opened), (About.RESOLVED, news.resolved))
        for notice in notices
    ]
    rows = NoticeMail.objects.bulk_create(rows, batch_size=500)
    try:
        compose(recipient.address, news, connection).send()
    except Exception as error:
        _forget(rows)
        if isinstance(error, BROKEN):
            raise
        text = f"Mail to {recipient.address} could not be sent: {_reason(error)}."
        notify(None, Category.MAIL, f"address {recipient.key}", text, **_cure())
        return False
    works()
    resolve(None, Category.MAIL, [f"address {recipient.key}"])
    return True


def works() -> None:
    """A mail could be sent: that none could be is over."""
    resolve(None, Category.MAIL, ["mail"])


def _forget(rows: list[NoticeMail]) -> None:
    for start in range(0, len(rows), 500):
        NoticeMail.objects.filter(pk__in=[row.pk for row in rows[start : start + 500]]).delete()


def _cure() -> dict[str, str]:
    return {"cure": "Send a test mail", "url": reverse("admin:integrations_notice_mails")}


def in_words(error: Exception) -> str:
    """Why mail can't be sent, with what to do."""
    return f"Mail could not be sent: {_reason(error)}. Correct EMAIL_URL in the settings."


def _reason(error: Exception) -> str:
    if isinstance(error, SMTPRecipientsRefused):
        return "the mail server does not take it. Correct the address"
    if isinstance(error, SMTPResponseException):
        said = error.smtp_error
        words = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        return f"the mail server said: {error.smtp_code} {words}"[:300]
    return (str(error) or type(error).__name__)[:300]


def _tell_broken(error: Exception) -> None:
    logger.warning("mail could not be sent", extra={"reason": type(error).__name__})
    notify(None, Category.MAIL, "mail", in_words(error), **_cure())


def _news_for(recipient: Recipient) -> News:
    """What this address is to be told now."""
    now = timezone.now()
    if not _is_due(recipient, now):
        return News()
    opened, resolved = _untold(recipient, now), _resolved(recipient, now)
    if recipient.frequency == Frequency.AT_ONCE:
        lately = NoticeMail.objects.filter(address=recipient.key, at__gt=now - QUIET)
        quiet = set(lately.values_list("about", "category"))
        opened = opened.exclude(category__in=[c for about, c in quiet if about == About.OPENED])
        resolved = resolved.exclude(
            category__in=[c for about, c in quiet if about == About.RESOLVED]
        )
    return News(list(opened), list(resolved))


def _is_due(recipient: Recipient, now: datetime) -> bool:
    """Whether it is time for this person's mail."""
    if recipient.frequency == Frequency.AT_ONCE:
        return True
    mails = NoticeMail.objects.filter(address=recipient.key)
    if recipient.frequency == Frequency.HOURLY:
        return not mails.filter(at__gt=now - QUIET).exists()
    morning = timezone.localtime(now).replace(hour=MORNING.hour, minute=0, second=0, microsecond=0)
    return now >= morning and not mails.filter(at__gte=morning).exists()


def _wanted(recipient: Recipient) -> Q:
    wanted = Q(connection__isnull=True) | Q(connection__is_active=True)
    if recipient.connections is not None:
        wanted = Q(connection__in=recipient.connections)
    # Not by the mail that can't be sent.
    wanted &= ~Q(category__in=[*recipient.unwanted, Category.MAIL])
    raised = {one.category for one in problems.sources() if one.is_raised}
    seen = {one.category for one in problems.sources() if one.name not in recipient.hidden}
    unseen = Q(source__in=recipient.hidden) | Q(source="", category__in=raised - seen)
    return wanted & ~unseen


def _told(recipient: Recipient, about: NoticeMail.About) -> Exists:
    return Exists(
        NoticeMail.objects.filter(notice=OuterRef("pk"), address=recipient.key, about=about)
    )


def _untold(recipient: Recipient, now: datetime) -> QuerySet[Notice]:
    awake = Q(snoozed_until__isnull=True) | Q(snoozed_until__lte=now)
    rows = open_ones().filter(_wanted(recipient), awake, first_seen_at__lte=now - SETTLE)
    rows = rows.filter(~_told(recipient, About.OPENED)).select_related("connection")
    return rows.order_by("category", "first_seen_at")


def _resolved(recipient: Recipient, now: datetime) -> QuerySet[Notice]:
    rows = Notice.objects.filter(_wanted(recipient), resolved_at__gt=now - NEWS)
    rows = rows.filter(_told(recipient, About.OPENED), ~_told(recipient, About.RESOLVED))
    return rows.select_related("connection").order_by("category", "resolved_at")


@dataclass(frozen=True)
class Part:
    """The notices of one kind in a mail: the first of them, and how many there are."""

    label: str
    notices: list[Notice]
    count: int

    @property
    def more(self) -> int:
        return self.count - len(self.notices)


def _parts(notices: list[Notice]) -> list[Part]:
    by_category: dict[str, list[Notice]] = defaultdict(list)
    for notice in notices:
        by_category[notice.category].append(notice)
    return [Part(Category(c).label, rows[:LISTED], len(rows)) for c, rows in by_category.items()]


def compose(
    address: str, news: News, connection: BaseEmailBackend | None = None
) -> EmailMultiAlternatives:
    """The mail that tells an address these news: what, why, how it is mended, and where."""
    context = {
        "opened": _parts(news.opened),
        "resolved": _parts(news.resolved),
        "site": settings.SITE_URL,
        "list": reverse("admin:index"),
        "wishes": reverse("admin:integrations_notice_mails"),
    }
    mail = EmailMultiAlternatives(
        _subject(news),
        render_to_string("mail/notices.txt", context),
        to=[address],
        connection=connection,
    )
    mail.attach_alternative(render_to_string("mail/notices.html", context), "text/html")
    return mail


def _subject(news: News) -> str:
    if len(news.opened) == 1:
        return f"Leafbridge: {' '.join(news.opened[0].text.split())[:120]}"
    if news.opened:
        return f"Leafbridge: {len(news.opened):,} things need you"
    if len(news.resolved) == 1:
        return f"Leafbridge: resolved: {' '.join(news.resolved[0].text.split())[:110]}"
    return f"Leafbridge: {len(news.resolved):,} things are resolved"


def send_test(address: str) -> None:
    """Send a mail that says that mail works. Raises OSError or SMTPException when it does not."""
    EmailMultiAlternatives(
        "Leafbridge: mail works",
        f"This is the test mail you asked for. Notices come from {settings.DEFAULT_FROM_EMAIL}.\n"
        f"{settings.SITE_URL}{reverse('admin:index')}\n",
        to=[address],
    ).send()
