"""A client from an account: its keys, its budget, its calls."""

import pytest
from cryptography.fernet import Fernet

from integrations import call_log
from integrations.encryption import WrongEncryptionKey
from integrations.metrc.call_history import order_in, what
from integrations.metrc.connect import budget_owner, client_for, client_for_page
from integrations.metrc.models import MetrcAccount
from integrations.metrc.wire import reads
from integrations.models import Budget, Call
from integrations.records import pages
from integrations.wire.calls import CallMade
from integrations.wire.errors import BadCredentials
from tests.metrc.connected import NORTH, USER_KEY, VENDOR_KEY, Connected


@pytest.fixture
def here(db, monkeypatch):
    return Connected(monkeypatch)


def test_a_client_has_the_accounts_window_page_size_and_address(here):
    here.account.window_hours, here.account.page_size = 48, 7
    client = client_for(here.account)
    assert client.longest_window.total_seconds() == 48 * 3600
    assert client.page_size == 7
    assert client.base_url == "http://metrc.test/ca"
    assert VENDOR_KEY not in repr(client)
    assert USER_KEY not in repr(vars(client.budget))


@pytest.mark.parametrize("made", [client_for, client_for_page])
@pytest.mark.parametrize("key", ["vendor_key", "user_key"])
def test_without_a_key_there_is_no_client(here, made, key):
    setattr(here.account, key, "")
    with pytest.raises(BadCredentials, match=f"no {key.replace('_', ' ')}"):
        made(here.account)


def test_a_key_that_cant_be_decrypted_says_so(here, settings):
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(WrongEncryptionKey, match="FIELD_ENCRYPTION_KEYS"):
        client_for(MetrcAccount.objects.get())


def test_accounts_of_one_vendor_key_share_the_budget_of_a_state(here):
    mine = budget_owner(here.account)
    assert VENDOR_KEY not in mine
    same = MetrcAccount(state="CA", environment="stand_in", vendor_key=VENDOR_KEY, user_key="other")
    assert budget_owner(same) == mine
    for change in ({"state": "MI"}, {"environment": "sandbox"}, {"vendor_key": "other"}):
        values = {"state": "CA", "environment": "stand_in", "vendor_key": VENDOR_KEY, **change}
        assert budget_owner(MetrcAccount(**values)) != mine
    client_for_page(here.account).get("facilities/v2/")
    assert [row.owner for row in Budget.objects.all()] == [mine]


def test_calls_are_kept_in_words_and_without_keys(here):
    with call_log.kept(None):
        reads.drivers(client_for(here.account), NORTH)
        here.world.revoke_user_key(USER_KEY)
        with pytest.raises(BadCredentials):
            reads.facilities(client_for(here.account))
    first, second = Call.objects.order_by("pk")
    assert (first.what, first.outcome) == ("Drivers read", "ok")
    assert (second.what, second.outcome) == ("Facilities read", "credentials")
    kept = " ".join(
        f"{call.path} {call.request} {call.answer} {call.said}" for call in (first, second)
    )
    assert NORTH in kept or "facilities" in kept
    assert VENDOR_KEY not in kept
    assert USER_KEY not in kept


def test_calls_of_an_order_are_kept_as_its(here, baker_order):
    with call_log.kept(None):
        reads.drivers(client_for(here.account, order_number=baker_order.number), NORTH)
    call = Call.objects.get()
    assert (call.record_kind, call.record_key) == ("sales order", baker_order.number)
    [page] = pages(here.account.pk, [(call.record_kind, call.record_key)]).values()
    assert page.name == baker_order.number


@pytest.fixture
def baker_order(db):
    from model_bakery import baker

    from integrations.metrc import record_pages
    from orders.models import SalesOrder

    record_pages.register()
    return baker.make(SalesOrder)


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "facilities/v2", "Facilities read"),
        ("GET", "packages/v2/active", "Packages read"),
        ("POST", "transfers/v2/templates/outgoing", "Templates sent"),
        ("DELETE", "transfers/v2/templates/outgoing/7", "Templates withdrawn"),
        ("GET", "transfers/v2/outgoing", "Transfers read"),
        ("GET", "transfers/v2/7/deliveries", "Deliveries read"),
        ("GET", "transfers/v2/deliveries/7/packages", "Packages of transfers read"),
        ("GET", "transfers/v2/deliveries/7/packages/wholesale", "Prices read"),
        ("GET", "transfers/v2/manifest/7/pdf", "Manifests read"),
        ("GET", "transfers/v2/types", "Transfer types read"),
        ("GET", "something/v2", "Lists read"),
    ],
)
def test_each_call_has_a_name(method, path, words):
    assert what(_made(method, path, None)) == words


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        ([{"Name": "SO-1 (2)", "Destinations": [{"InvoiceNumber": "SO-1"}]}], "SO-1"),
        ([{"Name": "SO-1", "Destinations": []}], "SO-1"),
        ([{"Name": None, "Destinations": None}], ""),
        ([], ""),
        (None, ""),
        (["odd"], ""),
    ],
)
def test_a_template_that_is_sent_names_its_order(sent, number):
    assert order_in(_made("POST", "transfers/v2/templates/outgoing", sent)) == number
    assert order_in(_made("POST", "items/v2", sent)) == ""


def _made(method, path, sent):
    return CallMade(None, method, path, False, sent, 200, b"", 1, None)
