"""Mails about notices: one for each problem, never a storm, and another when it is over."""

import smtplib
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from config import schedules
from integrations import notice_mail
from integrations.mail_addresses import addresses
from integrations.models import Connection, Notice, NoticeMail, NoticeWish
from integrations.notices import notify, resolve

pytestmark = pytest.mark.django_db
C, F = Notice.Category, NoticeWish.Frequency
PAGE = reverse("admin:integrations_notice_mails")


@pytest.fixture
def clock():
    """Noon of a day, by the local clock; moved by the tests."""
    noon = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0)
    with time_machine.travel(noon, tick=False) as traveller:
        yield traveller


@pytest.fixture
def account():
    return Connection.objects.create(name="Alder Peak")


@pytest.fixture
def boss():
    return User.objects.create_superuser("boss", "boss@peak.example", "x")


def problem(
    account, key="orders", text="The key is refused. Paste it anew.", category=C.CREDENTIALS
):
    notify(account, category, key, text, cure="Open the account", url="/admin/x/")


def after(clock, **time):
    """Let time pass, and send what is due then; returns the new mails."""
    clock.shift(timedelta(**time))
    before = len(mail.outbox)
    notice_mail.send_due()
    return mail.outbox[before:]


def test_an_administrator_is_told_what_why_how_and_where(account, boss, clock, settings):
    settings.SITE_URL = "https://leaf.example"
    problem(account)
    (one,) = after(clock, minutes=2)
    assert one.to == ["boss@peak.example"]
    assert one.subject == "Leafbridge: The key is refused. Paste it anew."
    assert "Open the account: https://leaf.example/admin/x/" in one.body
    assert "https://leaf.example/admin/" in one.alternatives[0][0]


def test_what_goes_within_a_minute_is_told_to_nobody(account, boss, clock):
    problem(account)
    assert after(clock, seconds=30) == []
    resolve(account, C.CREDENTIALS)
    assert after(clock, minutes=10) == []


def test_a_problem_is_mailed_once_however_often_it_happens(account, boss, clock):
    for _ in range(5):
        problem(account)
    assert len(after(clock, minutes=2)) == 1
    for _ in range(30):
        problem(account)
        assert after(clock, hours=2) == []


def test_five_thousand_failures_of_a_kind_in_an_hour_are_one_mail(account, boss, clock):
    for minute in range(50):
        Notice.objects.bulk_create(
            Notice(connection=account, category=C.HELD, key=f"{minute}-{n}", text=f"Order {n}")
            for n in range(100)
        )
        after(clock, minutes=1)
    (one,) = mail.outbox
    assert one.body.count("- Order") == notice_mail.LISTED
    assert "and 80 more" in one.body
    (digest,) = after(clock, minutes=30)
    assert digest.subject == "Leafbridge: 4,900 things need you"
    assert NoticeMail.objects.count() == 5000
    assert after(clock, hours=3) == []


def test_another_kind_is_not_held_back_by_a_storm(account, boss, clock):
    problem(account, "1", category=C.HELD)
    assert len(after(clock, minutes=2)) == 1
    problem(account, "2", category=C.HELD)
    problem(account, "key", "The key is refused.")
    (one,) = after(clock, minutes=2)
    assert one.subject == "Leafbridge: The key is refused."


def test_a_problem_that_comes_and_goes_does_not_flood(account, boss, clock):
    for _ in range(60):
        problem(account)
        after(clock, minutes=1)
        resolve(account, C.CREDENTIALS)
        after(clock, minutes=1)
    assert len(mail.outbox) <= 2 * 2


def test_who_was_told_of_a_problem_is_told_when_it_is_over(account, boss, clock):
    problem(account)
    after(clock, minutes=2)
    resolve(account, C.CREDENTIALS)
    (one,) = after(clock, minutes=2)
    assert one.subject == "Leafbridge: resolved: The key is refused. Paste it anew."
    assert after(clock, hours=5) == []


def test_a_problem_that_was_put_off_is_not_mailed_until_it_is_back(account, boss, clock):
    problem(account)
    Notice.objects.update(snoozed_until=timezone.now() + timedelta(hours=1))
    assert after(clock, minutes=10) == []
    assert len(after(clock, hours=1)) == 1


def test_hourly_and_daily_people_get_one_mail_with_all(account, clock):
    for name, frequency in (("hal", F.HOURLY), ("day", F.DAILY)):
        user = User.objects.create_superuser(name, f"{name}@peak.example", "x")
        NoticeWish.objects.create(user=user, frequency=frequency)
    problem(account, "1")
    # It is past seven, and the daily one has had none today.
    first = after(clock, minutes=2)
    assert sorted(one.to[0] for one in first) == ["day@peak.example", "hal@peak.example"]
    problem(account, "2", category=C.HELD)
    problem(account, "3", category=C.STUCK)
    assert after(clock, minutes=20) == []
    (one,) = after(clock, minutes=41)
    assert one.to == ["hal@peak.example"]
    assert "Held orders (1)" in one.body
    assert "Stuck work (1)" in one.body
    (one,) = after(clock, hours=20)
    assert one.to == ["day@peak.example"]


def test_people_get_the_kinds_they_want_and_never_means_never(account, boss, clock):
    NoticeWish.objects.create(user=boss, unwanted=[C.CREDENTIALS])
    quiet = User.objects.create_superuser("quiet", "quiet@peak.example", "x")
    NoticeWish.objects.create(user=quiet, frequency=F.NEVER)
    problem(account)
    problem(account, "o", "Orders wait.", category=C.HELD)
    (one,) = after(clock, minutes=2)
    assert one.subject == "Leafbridge: Orders wait."


def test_who_gets_mails(account, boss, clock):
    admins = Group.objects.get_or_create(name="Administrator")[0]
    view = Permission.objects.get(codename="view_notice")
    admins.permissions.add(view)
    people = {}
    for name in ("ada", "clerk", "reader", "gone", "blind"):
        people[name] = User.objects.create_user(name, f"{name}@peak.example", "x", is_staff=True)
    people["ada"].groups.add(admins)
    people["gone"].groups.add(admins)
    User.objects.filter(username="gone").update(is_active=False)
    people["reader"].user_permissions.add(view)
    for name in ("reader", "blind"):
        NoticeWish.objects.create(user=people[name])
    Connection.objects.update(notice_recipients="ops@peak.example\nBOSS@peak.example")
    assert sorted(one.address for one in notice_mail.recipients()) == [
        "ada@peak.example",
        "boss@peak.example",
        "ops@peak.example",
        "reader@peak.example",
    ]


def test_extra_addresses_hear_of_their_account_only(account, clock):
    other = Connection.objects.create(name="Other", notice_recipients="ops@other.example")
    problem(account, "1", "Of Alder.")
    problem(other, "1", "Of the other.")
    problem(None, "1", "Of all.", category=C.LICENSE)
    (one,) = after(clock, minutes=2)
    assert one.to == ["ops@other.example"]
    assert "Of the other." in one.body
    assert "Of Alder." not in one.body
    assert "Of all." not in one.body


class Server:
    """A mail server that says no; a stand-in for Django's connection."""

    def __init__(self, opening=None, sending=None):
        self.opening, self.sending = opening, sending

    def open(self):
        if self.opening:
            raise self.opening

    def close(self):
        pass

    def send_messages(self, messages):
        if self.sending and self.sending(messages[0]):
            raise self.sending(messages[0])
        mail.outbox.extend(messages)
        return len(messages)


def use(monkeypatch, server):
    monkeypatch.setattr(notice_mail, "get_connection", lambda: server)


@pytest.mark.parametrize(
    "error", [OSError("Connection refused"), smtplib.SMTPAuthenticationError(535, b"Bad login")]
)
def test_mail_that_can_not_be_sent_is_told_and_sent_later(account, boss, clock, monkeypatch, error):
    problem(account)
    with monkeypatch.context() as patched:
        use(patched, Server(opening=error))
        assert after(clock, minutes=2) == []
        assert after(clock, minutes=2) == []
    told = Notice.objects.get(category=C.MAIL)
    assert "Correct EMAIL_URL in the settings." in told.text
    assert not NoticeMail.objects.exists()
    (one,) = after(clock, minutes=2)
    assert "The key is refused" in one.subject
    told.refresh_from_db()
    assert told.resolved_at


def test_one_refused_address_does_not_keep_the_others_waiting(account, boss, clock, monkeypatch):
    Connection.objects.update(notice_recipients="aaa@wrong.example")

    def refuse(message):
        if "wrong" in message.to[0]:
            return smtplib.SMTPRecipientsRefused({message.to[0]: (550, b"no such user")})
        return None

    use(monkeypatch, Server(sending=refuse))
    problem(account)
    (one,) = after(clock, minutes=2)
    assert one.to == ["boss@peak.example"]
    text = Notice.objects.get(category=C.MAIL).text
    assert "aaa@wrong.example" in text
    assert "Correct the address" in text


def test_a_server_that_fails_in_the_middle_leaves_the_rest_for_later(
    account, boss, clock, monkeypatch
):
    User.objects.create_superuser("second", "second@peak.example", "x")
    calls = []

    def fail_after_one(message):
        calls.append(message)
        return None if len(calls) == 1 else smtplib.SMTPServerDisconnected("gone")

    problem(account)
    with monkeypatch.context() as patched:
        use(patched, Server(sending=fail_after_one))
        after(clock, minutes=2)
    after(clock, minutes=2)
    assert sorted(one.to[0] for one in mail.outbox) == ["boss@peak.example", "second@peak.example"]


def test_the_job_looks_and_mails_even_when_a_look_fails(account, boss, clock, monkeypatch):
    problem(account)

    def broken():
        raise RuntimeError("boom")

    monkeypatch.setattr("integrations.notices.refresh", broken)
    clock.shift(timedelta(minutes=2))
    with pytest.raises(RuntimeError, match="boom"):
        schedules.tell()
    assert len(mail.outbox) == 1


WORD = st.text("abcdefghij0123456789", min_size=1, max_size=12)


@given(st.lists(st.tuples(WORD, WORD), max_size=4), st.sampled_from([",", "\n", " ,\n"]))
def test_addresses_are_read_from_lines_or_commas(parts, between):
    found = [f"{name}@{host}.example" for name, host in parts]
    assert addresses(between.join(found)) == found


def test_a_wrong_address_is_named():
    with pytest.raises(ValidationError, match="“pat” is not an e-mail address"):
        addresses("pat@x.example\npat")


# The page of one's own mails


def test_people_choose_how_often_and_about_what(client, account):
    user = User.objects.create_user("pat", "pat@x.example", "x", is_staff=True)
    assert client.get(PAGE).status_code == 302
    client.force_login(user)
    assert client.get(PAGE).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_notice"))
    assert "Notices by mail" in client.get(PAGE).content.decode()
    data = {"frequency": "daily", "wanted": ["held", "stuck"]}
    assert client.post(PAGE, data).status_code == 302
    wish = NoticeWish.objects.get(user=user)
    assert wish.frequency == F.DAILY
    assert "held" not in wish.unwanted
    assert "credentials" in wish.unwanted
    assert client.post(PAGE, {"frequency": "sometimes"}).status_code == 200
    assert NoticeWish.objects.get(user=user).frequency == F.DAILY


def test_the_test_mail_says_whether_mail_works(client, boss, monkeypatch):
    client.force_login(boss)
    url = reverse("admin:integrations_notice_test_mail")
    assert client.get(url).status_code == 405
    told = client.post(url, follow=True).content.decode()
    assert "A test mail is on its way to boss@peak.example." in told
    assert mail.outbox[0].subject == "Leafbridge: mail works"

    def refuse(address):
        raise OSError("Connection refused")

    monkeypatch.setattr(notice_mail, "send_test", refuse)
    told = client.post(url, follow=True).content.decode()
    assert "Mail could not be sent: Connection refused" in told
    User.objects.update(email="")
    assert "You have no e-mail address here" in client.post(url, follow=True).content.decode()


# What a review found


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPDataError(550, b"rejected"),
        smtplib.SMTPSenderRefused(550, b"no", "x"),
        ValueError("the provider's API said no"),
    ],
)
def test_whatever_one_mail_fails_with_the_others_are_sent(account, boss, clock, monkeypatch, error):
    User.objects.create_superuser("aaa", "aaa@bad.example", "x")
    use(monkeypatch, Server(sending=lambda m: error if "bad" in m.to[0] else None))
    problem(account)
    (one,) = after(clock, minutes=2)
    assert one.to == ["boss@peak.example"]
    assert "Mail to aaa@bad.example could not be sent" in Notice.objects.get(category=C.MAIL).text


def test_capitals_make_no_other_address(account, boss, clock):
    problem(account)
    User.objects.update(email="BOSS@Peak.example")
    assert len(after(clock, minutes=2)) == 1
    User.objects.update(email="boss@peak.example")
    assert after(clock, hours=2) == []


def test_a_sales_rep_is_told_of_nothing_and_others_of_what_they_may_see(account, clock):
    view = Permission.objects.get(codename="view_notice")
    for name in ("rep", "clerk"):
        user = User.objects.create_user(name, f"{name}@peak.example", "x", is_staff=True)
        user.user_permissions.add(view)
        NoticeWish.objects.create(user=user)
    User.objects.get(username="rep").groups.add(Group.objects.get(name="Sales rep"))
    problem(account)
    problem(account, "order 1", "Order 1 makes no sense.", category=C.UNREADABLE)
    (one,) = after(clock, minutes=2)
    assert one.to == ["clerk@peak.example"]
    assert "Order 1 makes no sense." in one.body
    # Keys are for those who may see accounts.
    assert "The key is refused" not in one.body
