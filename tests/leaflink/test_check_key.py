"""Testing an App key against the stand-in: whose it is, what it may not do, and every cure."""

from dataclasses import asdict

import pytest
from cryptography.fernet import Fernet
from django.urls import reverse

from integrations.leaflink import check_key, jobs
from integrations.leaflink.connect import client_for
from integrations.leaflink.models import Account, Product
from integrations.leaflink.sandbox.world import ALL_PERMISSIONS
from integrations.wire.errors import BadCredentials

PRODUCTION = "https://app.leaflink.com"


@pytest.fixture
def account(bench):
    """An account that is being set up, with a key that was not tested yet."""
    Account.objects.all().delete()
    return Account.objects.create(
        name="New",
        host=Account.Host.STAND_IN,
        stand_in_url="http://leaflink.test",
        app_key="app-key",
        in_setup=True,
    )


def fresh(account):
    return Account.objects.get(pk=account.pk)


def allow(bench, **permissions):
    given = {**ALL_PERMISSIONS, **permissions}
    given = {name: level for name, level in given.items() if level}
    bench.world.add_app_key("app-key", bench.seller.id, permissions=given)


def test_a_good_key_names_its_company(bench, account):
    found = check_key.check(account)
    assert found.is_good
    assert [row["state"] for row in found.permissions] == ["ok"] * 4
    stored = fresh(account)
    assert (stored.company_id, stored.company_name) == (bench.seller.id, "Alder Peak")
    assert check_key.stored(stored) == found


def test_a_test_changes_nothing_in_leaflink(bench, account):
    goods = bench.goods()
    order = bench.order(bench.line(goods, 1)) if bench.world.set_quantity(goods.remote.id, 9) else 0
    before = (asdict(goods.remote), asdict(bench.world.order(order.number)))
    check_key.check(account)
    assert (asdict(goods.remote), asdict(bench.world.order(order.number))) == before


@pytest.mark.parametrize(
    ("given", "permission", "state", "cure"),
    [
        ({"orders": "read"}, "Orders", "read", "Orders can only be read"),
        ({"products": "read"}, "Products", "read", "Products can only be read"),
        ({"products": ""}, "Products", "none", "Products is switched off"),
        ({"crm": ""}, "CRM", "none", "CRM is switched off"),
    ],
)
def test_each_missing_permission_is_named_with_its_cure(
    bench, account, given, permission, state, cure
):
    # Either permission lets a key change stock, so a change of a product tells only of both.
    extra = {"inventory": ""} if given.get("products") == "read" else {}
    allow(bench, **given, **extra)
    found = check_key.check(account)
    [row] = found.lacks
    assert (row["permission"], row["state"]) == (permission, state)
    assert cure in row["cure"]
    assert f"set {permission} to Read & Write" in row["cure"]
    assert not found.is_good
    assert found.company_name == "Alder Peak"


def test_stock_alone_does_not_keep_from_going_on(bench, account):
    allow(bench, inventory="")
    found = check_key.check(account)
    assert found.is_good
    assert [row["permission"] for row in found.permissions if row["state"] != "ok"] == ["Inventory"]


def test_a_key_that_may_not_even_read_orders_says_so(bench, account):
    allow(bench, orders="")
    found = check_key.check(account)
    assert "give it Orders (Read & Write)" in found.problem
    assert fresh(account).company_id is None


def test_an_unknown_key_says_where_to_copy_it(bench, account):
    account.app_key = "revoked"
    account.save()
    found = check_key.check(account)
    assert "does not know this key (401)" in found.problem
    assert "Settings > Applications" in found.problem


def test_a_key_of_another_environment_is_recognised(bench, account, monkeypatch):
    account.host, account.stand_in_url = Account.Host.SANDBOX, ""
    account.save()
    from integrations.leaflink.sandbox.app import create_app
    from integrations.leaflink.sandbox.world import World
    from integrations.sandbox.transport import SandboxAdapter

    def session():
        made = bench.session()
        made.mount(PRODUCTION, SandboxAdapter(bench.app))
        for host in (Account.Host.SANDBOX, Account.Host.PARTNERS):
            made.mount(host.value, SandboxAdapter(create_app(World(), rate_limit=None)))
        return made

    monkeypatch.setattr("integrations.leaflink.connect.new_session", session)
    found = check_key.check(account)
    assert "belongs to another environment: Production knows it" in found.problem


def test_a_company_is_connected_once(bench, account):
    Account.objects.create(
        name="First",
        host=Account.Host.STAND_IN,
        stand_in_url="http://leaflink.test",
        company_id=bench.seller.id,
        app_key="x",
    )
    found = check_key.check(account)
    assert "connected already, as the account “First”" in found.problem
    assert fresh(account).company_id is None


def test_an_account_with_records_keeps_its_company(bench, account):
    check_key.check(account)
    bench.account = account
    bench.goods()
    bench.sync("products")
    other = bench.world.add_seller("Other Co")
    bench.world.add_app_key("other-key", other.id)
    account.app_key = "other-key"
    account.save()
    found = check_key.check(account)
    assert "holds the products and orders of Alder Peak" in found.problem
    assert fresh(account).company_name == "Alder Peak"


@pytest.mark.parametrize("fault", ["500", "429", "reset-before"])
def test_leaflink_being_down_is_no_fault_of_the_key(bench, account, fault):
    bench.faults.next(fault, times=10)
    found = check_key.check(account)
    assert "The key was not tested" in found.problem
    assert not found.is_good


def test_a_spent_budget_is_told(bench, account, settings):
    settings.LEAFLINK_REQUESTS_PER_MINUTE = 1
    check_key.check(account)
    found = check_key.check(account)
    assert "request budget" in found.problem


def test_a_finding_about_an_older_key_is_not_kept(bench, account, monkeypatch):
    def replaced(client, found):
        Account.objects.filter(pk=account.pk).update(app_key="newer")

    monkeypatch.setattr(check_key, "_whose", replaced)
    check_key.check(account)
    assert fresh(account).key_check == {}


def test_another_companys_key_is_not_stored_on_a_live_account(bench, admin_client):
    bench.goods()
    bench.ready()
    other = bench.world.add_seller("Other Co")
    bench.world.add_app_key("other-key", other.id, owner="Other Co")
    bench.world.add_product(other.id, name="Theirs", sku="T1", quantity="5")
    page = reverse("admin:leaflink_account_setup", args=[bench.account.pk, "connect"])
    data = {"host": "stand-in", "stand_in_url": "http://leaflink.test", "name": "Alder Peak"}
    told = admin_client.post(page, {**data, "app_key": "other-key"}, follow=True).content.decode()
    assert "Paste a key of that company" in told
    assert "The key that was stored is kept." in told
    assert Account.objects.get().app_key == bench.account.app_key
    jobs.pull_catalog()
    assert not Product.objects.filter(sku="T1").exists()


def test_a_key_that_was_found_to_be_another_companys_is_never_used(bench):
    bench.account.key_check = {"at": "2026-01-01T00:00:00+00:00", "company_id": 9, "problem": "No."}
    with pytest.raises(BadCredentials, match="No"):
        client_for(bench.account)


def test_an_account_in_set_up_is_read_only_once_its_key_is_good(bench):
    bench.goods()
    Account.objects.update(in_setup=True, key_check={})
    jobs.pull_catalog()
    assert not Product.objects.exists()
    check_key.check(Account.objects.get())
    jobs.pull_catalog()
    assert Product.objects.exists()


def test_a_key_that_can_not_be_decrypted_is_told_and_replaced(bench, admin_client, settings):
    bench.ready()
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    page = reverse("admin:leaflink_account_setup", args=[bench.account.pk, "connect"])
    assert admin_client.get(page).status_code == 200
    told = admin_client.post(page, {"again": "1"}, follow=True)
    assert "Put the encryption key it was stored with back" in told.content.decode()
    data = {"host": "stand-in", "stand_in_url": "http://leaflink.test", "name": "Alder Peak"}
    assert admin_client.post(page, {**data, "app_key": "app-key"}).status_code == 302
    assert Account.objects.get().app_key == "app-key"
