"""Metrc's keys are nowhere but encrypted: a day with known keys, searched through."""

import logging

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations import call_log
from integrations.metrc import check_keys
from integrations.metrc.connect import client_for
from integrations.metrc.models import MetrcAccount, MetrcFacility
from integrations.metrc.read_lists import read_lists
from integrations.runs import record
from integrations.wire.errors import BadCredentials
from tests.metrc.connected import USER_KEY, VENDOR_KEY, Connected
from tests.secrets_search import database_as_text, log_lines

PASTED = "known-pasted-key-4713"
SECRETS = (VENDOR_KEY, USER_KEY, PASTED)


@pytest.fixture
def here(db, monkeypatch):
    return Connected(monkeypatch)


def a_day(here, monkeypatch):
    """Keys tested, lists read, wrong keys pasted, a page that fails, and keys that are revoked."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("boss"))
    names = ("licenses", "test", "keys", "read")
    see, test, keys, read = (
        reverse(f"admin:metrc_account_{name}", args=[here.account.pk]) for name in names
    )
    change = reverse("admin:metrc_metrcaccount_change", args=[here.account.pk])
    pages = [client.post(test, follow=True), client.post(read, follow=True)]
    with record(here.account, "lists") as run:
        read_lists(here.account, client_for(here.account), run)
    pasted = {"vendor_key": VENDOR_KEY, "user_key": PASTED}
    pages.append(client.post(keys, pasted, follow=True))
    with monkeypatch.context() as patch:
        patch.setattr("integrations.metrc.admin.licenses.check_keys.replace_keys", fail)
        pages.append(client.post(keys, pasted))
    assert pages[-1].status_code == 500
    here.faults.next("reset-before", path="facilities", times=3)
    pages.append(client.post(test, follow=True))
    here.world.revoke_user_key(USER_KEY)
    with pytest.raises(BadCredentials), record(here.account, "lists") as run:
        read_lists(here.account, client_for(here.account), run)
    pages.append(client.post(test, follow=True))
    pages += [client.get(one) for one in (see, change, reverse("admin:index"))]
    return pages


def fail(account, vendor_key, user_key):
    logging.getLogger("requests").debug("asked %s", account)
    raise RuntimeError(f"Something else went wrong ({len(user_key)} characters).")


def test_a_day_with_known_keys_leaves_them_nowhere(here, monkeypatch):
    with log_lines() as lines, call_log.kept(None):
        pages = a_day(here, monkeypatch)
    assert MetrcFacility.objects.count() == 2
    places = {
        "the database": database_as_text(),
        "the log": "\n".join(lines),
        "pages": "\n".join(page.content.decode() for page in pages),
    }
    # What is searched is not empty.
    assert "Something else went wrong" in places["the log"]
    assert all(word in places["the database"] for word in ("Facilities read", "North Dock"))
    assert "does not take these keys" in places["pages"]
    for place, text in places.items():
        found = [secret for secret in SECRETS if secret in text]
        assert not found, f"{place} has {len(found)} secrets"


def test_the_search_finds_a_key_in_plain_text(here):
    MetrcAccount.objects.update(phone_for_questions=USER_KEY)
    assert USER_KEY in database_as_text()
    assert check_keys.stored(MetrcAccount.objects.get()) is None
