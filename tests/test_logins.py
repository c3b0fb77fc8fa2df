"""Logging in: blocked after failures, ended when unused, and with a code where that is wanted."""

import time
import uuid

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP

from config import two_factor
from config.models import Authenticator, BackupCode
from tests.leaflink.pages import text_of, url

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-enough-one"
LOGIN, INDEX, OWN, CODE = url("login"), url("index"), "/admin/two-factor/", "/admin/login/code/"


@pytest.fixture
def lee(django_user_model):
    user = django_user_model.objects.create_user("lee", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="Read only"))
    return user


def log_in(client, password=PASSWORD, name="lee", **headers):
    return client.post(LOGIN, {"username": name, "password": password}, **headers)


def is_in(client):
    return client.get(INDEX).status_code == 200


def fail(client, times=5, **headers):
    for _ in range(times):
        answer = log_in(client, "wrong", **headers)
    return answer


def test_five_failures_block_the_name_from_that_address_for_a_quarter_of_an_hour(lee):
    client = Client()
    with time_machine.travel(time.time(), tick=False) as clock:
        assert fail(client, 4).status_code == 200
        told = fail(client, 1)
        assert told.status_code == 429
        assert "Wait 15 minutes and try again" in text_of(told)
        assert "ask an administrator" in text_of(told)
        assert log_in(client).status_code == 429
        assert log_in(client, REMOTE_ADDR="10.0.0.9").status_code == 302
        # Trying on doesn't make it longer.
        clock.shift(14 * 60)
        assert log_in(client).status_code == 429
        clock.shift(2 * 60)
        assert log_in(client).status_code == 302
        assert is_in(client)


def test_another_name_from_the_same_address_is_not_blocked(lee, django_user_model):
    django_user_model.objects.create_user("kim", password=PASSWORD, is_staff=True)
    fail(Client())
    assert log_in(Client(), name="kim").status_code == 302


def test_a_right_password_ends_the_count(lee):
    client = Client()
    fail(client, 4)
    log_in(client)
    assert fail(Client(), 4).status_code == 200


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_noted(lee, settings):
    settings.BEHIND_PROXY = True
    made_up = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 10.0.0.1"}
    assert fail(Client(), **made_up).status_code == 429
    again = {"HTTP_X_FORWARDED_FOR": "7.7.7.7, 10.0.0.1"}
    assert log_in(Client(), **again).status_code == 429
    assert log_in(Client(), HTTP_X_FORWARDED_FOR="10.0.0.2").status_code == 302
    assert {str(one.ip_address) for one in AccessAttempt.objects.all()} == {"10.0.0.1"}


def test_without_a_proxy_nobody_can_make_an_address_up(lee):
    for one in range(5):
        answer = log_in(Client(), "wrong", HTTP_X_FORWARDED_FOR=f"10.0.0.{one}")
    assert answer.status_code == 429


@pytest.mark.parametrize("noted", ["", "unknown", "1.2.3", "10.0.0.1,"])
def test_a_proxy_that_notes_no_address_is_counted_itself(lee, settings, noted):
    settings.BEHIND_PROXY = True
    assert fail(Client(), HTTP_X_FORWARDED_FOR=noted).status_code == 429


def test_an_administrator_sees_and_lifts_blocks(lee, admin_client):
    fail(Client())
    page = url("config_blockedlogin_changelist")
    assert "Blocked until" in text_of(admin_client.get(page))
    row = AccessAttempt.objects.get()
    assert PASSWORD not in row.post_data
    told = admin_client.post(page, {"action": "lift", "_selected_action": [row.pk]}, follow=True)
    assert "These can log in again: lee from 127.0.0.1" in text_of(told)
    assert log_in(Client()).status_code == 302


def test_a_login_ends_after_an_idle_hour_and_after_a_working_day(lee):
    with time_machine.travel(time.time(), tick=False) as clock:
        client = Client()
        log_in(client)
        clock.shift(59 * 60)
        assert is_in(client)
        clock.shift(61 * 60)
        told = client.get(INDEX, follow=True)
        assert "nothing was done here for 60 minutes" in text_of(told)
        log_in(client)
        for _ in range(13):
            clock.shift(55 * 60)
            assert is_in(client)
        clock.shift(10 * 60)
        # Whether the cookie or we end it first: nobody is in any more.
        assert not is_in(client)


def test_an_open_page_that_asks_by_itself_is_nobody_at_work(lee, settings):
    with time_machine.travel(time.time(), tick=False) as clock:
        client = Client()
        log_in(client)
        for _ in range(5):
            clock.shift(13 * 60)
            client.get(url("leaflink_order_news", 1))
        assert not is_in(client)


def test_passwords_are_long_and_can_be_changed(lee):
    with pytest.raises(ValidationError, match="at least 12 characters"):
        validate_password("eleven-char")
    client = Client()
    log_in(client)
    page = url("password_change")
    new = {"new_password1": "another-long-one-4", "new_password2": "another-long-one-4"}
    assert "incorrect" in text_of(client.post(page, {"old_password": "no", **new}))
    assert client.post(page, {"old_password": PASSWORD, **new}).status_code == 302
    assert is_in(client)
    assert log_in(Client(), "another-long-one-4").status_code == 302


# Two-factor sign-in.


def code_of(user, steps=0):
    phone = Authenticator.objects.get(user=user)
    clock = TOTP(phone.key)
    clock.time = time.time() + steps * 30
    return f"{clock.token():06d}"


@pytest.fixture
def clock():
    with time_machine.travel(1_800_000_000, tick=False) as moved:
        yield moved


@pytest.fixture
def codes(lee, clock):
    """Two-factor sign-in of lee, set up on the page; the backup codes."""
    client = Client()
    log_in(client)
    assert "Two-factor sign-in is off" in text_of(client.get(OWN))
    client.post(OWN, {"act": "begin"})
    page = client.get(OWN)
    assert "data:image/svg+xml" in page.content.decode()
    assert two_factor.typed_secret(Authenticator.objects.get()) in text_of(page)
    assert "not the code" in text_of(client.post(OWN, {"act": "confirm", "code": "1"}, follow=True))
    clock.shift(2)
    shown = client.post(OWN, {"act": "confirm", "code": code_of(lee)})
    assert is_in(client)
    clock.shift(60)
    return shown.context["codes"]


def test_the_login_asks_for_a_code_of_those_who_have_one(lee, codes, clock):
    client = Client()
    assert log_in(client).status_code == 302
    for page in (INDEX, url("orders_salesorder_changelist"), OWN):
        assert client.get(page).headers["Location"].startswith(CODE)
    where = url("leaflink_order_changelist")
    asked = client.get(where, follow=True)
    assert "The code that your phone shows" in text_of(asked)
    assert "That is not the code" in text_of(client.post(CODE, {"code": "000000"}))
    clock.shift(5)
    answer = client.post(f"{CODE}?next={where}", {"code": code_of(lee)})
    assert answer.headers["Location"] == where
    assert is_in(client)


def test_those_without_are_asked_for_nothing(lee):
    client = Client()
    assert log_in(client).headers["Location"] == INDEX
    assert f'href="{OWN}"' in client.get(INDEX).content.decode()
    assert client.get(CODE).headers["Location"] == INDEX


def test_a_code_opens_once(lee, codes, clock):
    used = code_of(lee)
    for expected in (302, 200):
        client = Client()
        log_in(client)
        assert client.post(CODE, {"code": used}).status_code == expected
    assert not is_in(client)


def test_a_backup_code_opens_once_and_only_its_owner(lee, codes, clock, django_user_model):
    assert len(set(codes)) == two_factor.CODES
    for expected in (302, 200):
        client = Client()
        log_in(client)
        assert client.post(CODE, {"code": f" {codes[0].upper()} "}).status_code == expected
    clock.shift(5)
    other = django_user_model.objects.create_user("kim", password=PASSWORD, is_staff=True)
    phone = two_factor.begin(other)
    Authenticator.objects.filter(pk=phone.pk).update(confirmed=True)
    assert not two_factor.verify(other, codes[1])
    assert two_factor.verify(lee, codes[1])
    assert lee.backup_codes.count() == two_factor.CODES - 2


def test_guessing_has_to_wait_longer_each_time(lee, codes, clock):
    client = Client()
    log_in(client)
    for _ in range(6):
        client.post(CODE, {"code": "123456"})
        clock.shift(20)
    clock.shift(-10)
    told = client.post(CODE, {"code": code_of(lee)})
    assert "Too many wrong codes" in text_of(told)
    assert "ask an administrator" in text_of(told)
    assert not is_in(client)
    clock.shift(120)
    assert client.post(CODE, {"code": code_of(lee)}).status_code == 302


def test_what_is_stored_is_no_secret(lee, codes, clock):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM config_authenticator")
        stored = cursor.fetchone()[0]
    assert Authenticator.objects.get().secret not in stored
    plain = {code.replace("-", "") for code in codes}
    assert not plain & set(BackupCode.objects.values_list("digest", flat=True))


def test_it_is_switched_off_with_password_and_code(lee, codes, clock):
    client = Client()
    log_in(client)
    client.post(CODE, {"code": codes[0]})
    off = {"act": "off", "password": PASSWORD, "code": "000000"}
    assert "not your password" in text_of(client.post(OWN, {**off, "password": "x"}, follow=True))
    assert "still switched on" in text_of(client.post(OWN, off, follow=True))
    assert two_factor.has_two_factor(lee)
    clock.shift(5)
    told = client.post(OWN, {**off, "code": code_of(lee)}, follow=True)
    assert "Two-factor sign-in is off" in text_of(told)
    assert not BackupCode.objects.exists()
    assert log_in(Client()).status_code == 302


def test_wrong_passwords_on_the_own_page_block_as_at_the_login(lee, codes, clock):
    client = Client()
    log_in(client)
    client.post(CODE, {"code": codes[0]})
    for _ in range(5):
        answer = client.post(OWN, {"act": "codes", "password": "x"})
    assert answer.status_code == 429
    assert log_in(Client()).status_code == 429


def test_new_backup_codes_end_the_old_ones(lee, codes, clock):
    client = Client()
    log_in(client)
    client.post(CODE, {"code": codes[0]})
    fresh = client.post(OWN, {"act": "codes", "password": PASSWORD}).context["codes"]
    assert not two_factor.verify(lee, codes[1])
    clock.shift(5)
    assert two_factor.verify(lee, fresh[0])
    assert fresh[1] not in client.get(OWN).content.decode()


def test_an_administrator_switches_off_what_a_lost_phone_locks(lee, codes, admin_client, client):
    page = url("auth_user_two_factor_off", lee.pk)
    reader = Client()
    log_in(reader)
    assert admin_client.get(page).status_code == 405
    assert "Phone lost" in text_of(admin_client.get(url("auth_user_change", lee.pk)))
    told = admin_client.post(page, follow=True)
    assert "lee logs in by password alone now" in text_of(told)
    assert is_in(reader)  # no second step is left for the login that waited for it
    assert reader.post(page).status_code == 403


def test_administrators_can_be_made_to_have_it(lee, settings, clock, django_user_model):
    settings.REQUIRE_TWO_FACTOR = True
    client = Client()
    log_in(client)
    assert is_in(client)
    lee.groups.add(Group.objects.get(name="Administrator"))
    client = Client()
    log_in(client)
    assert client.get(INDEX).headers["Location"] == OWN
    assert "Administrators need it here" in text_of(client.get(OWN))
    client.post(OWN, {"act": "begin"})
    client.post(OWN, {"act": "confirm", "code": code_of(lee)})
    assert is_in(client)


def test_pages_with_secrets_are_not_kept_by_browsers(lee, codes):
    client = Client()
    log_in(client)
    assert "no-store" in client.get(CODE).headers["Cache-Control"]


def test_webhooks_and_health_are_asked_for_no_login(client):
    assert client.get("/healthz").status_code == 200
    assert client.post(reverse("leaflink-webhook", args=[uuid.uuid4()]), {}).status_code == 403
