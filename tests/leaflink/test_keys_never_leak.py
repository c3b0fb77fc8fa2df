"""Keys are nowhere but encrypted: a working day with known keys, searched through.

The pages and exports of every role are searched by the walk in tests/test_role_walk.py.
"""

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP

from config import two_factor
from integrations.leaflink.models import Account, Order
from orders import services
from orders.models import SalesOrder
from tests.secrets_search import database_as_text, log_lines

APP_KEY, HOOK_KEY = "known-app-key-4711", "known-webhook-key-4712"
SECRET_KEY, PASSWORD = "known-secret-key-4713-" + "x" * 40, "known-password-4714"
ENCRYPTION_KEY = Fernet.generate_key().decode()


@pytest.fixture
def secrets(settings, bench):
    """The known keys, in force; whoever finds more adds to the list."""
    settings.SECRET_KEY = SECRET_KEY
    settings.FIELD_ENCRYPTION_KEYS = [ENCRYPTION_KEY]
    bench.world.add_app_key(APP_KEY, bench.seller.id, owner="Alder Peak")
    Account.objects.filter(pk=bench.account.pk).delete()
    bench.account = Account.objects.create(
        name="Alder Peak",
        host=Account.Host.STAND_IN,
        stand_in_url="http://leaflink.test",
        company_id=bench.seller.id,
        app_key=APP_KEY,
        webhook_key=HOOK_KEY,
    )
    bench.account.brands.create(brand=bench.brand)
    bench.world.add_webhook(
        bench.seller.id, reverse("leaflink-webhook", args=[bench.account.webhook_id]), HOOK_KEY
    )
    return [APP_KEY, HOOK_KEY, SECRET_KEY, ENCRYPTION_KEY, PASSWORD]


@pytest.fixture
def lines():
    with log_lines() as found:
        yield found


def log_in_with_a_phone(secrets):
    """Fail once, log in, set up two-factor sign-in; its secrets join the others."""
    User.objects.create_superuser("boss", password=PASSWORD)
    client = Client(raise_request_exception=False)
    login = {"username": "boss", "password": PASSWORD}
    client.post(reverse("admin:login"), {**login, "username": "bos"})
    client.post(reverse("admin:login"), login)
    page = reverse("two_factor")
    client.post(page, {"act": "begin"})
    phone = User.objects.get().authenticator_set.get()
    secrets += [phone.secret, two_factor.typed_secret(phone)]
    shown = client.post(page, {"act": "confirm", "code": f"{TOTP(phone.key).token():06d}"})
    secrets += [code.replace("-", "") for code in shown.context["codes"]]
    return client


def a_day(bench, client, monkeypatch):
    """Orders in, stock out, a page that fails, a forged webhook, and a key that is revoked."""
    gum = bench.goods("GUM")
    bench.sync()
    bench.map_dana()
    bench.sync()
    order = bench.order(bench.line(gum, 5))
    bench.settle()
    bench.sync()
    services.allocate(SalesOrder.objects.get())
    bench.settle()
    hook = reverse("leaflink-webhook", args=[bench.account.webhook_id])
    client.post(hook, b"{}", content_type="application/json", headers={"LL-Signature": "forged"})

    def fail(account, *args, **kwargs):
        key = account.app_key
        raise RuntimeError(f"Something else went wrong ({len(key)} characters).")

    page = reverse("admin:leaflink_account_change", args=[bench.account.pk])
    pages = [client.get(page), client.get(reverse("admin:leaflink_account_history", args=[1]))]
    with monkeypatch.context() as patch:
        patch.setattr("integrations.budget.use_of", lambda owner: fail(bench.account))
        pages.append(client.get(page))
    assert pages[-1].status_code == 500
    bench.world.app_keys.clear()
    with pytest.raises(AssertionError, match="key"):
        bench.sync("orders")
    pages.append(client.get(reverse("admin:leaflink_order_change", args=[bench.mirror(order).pk])))
    return pages


def test_a_day_with_known_keys_leaves_them_nowhere(bench, secrets, lines, monkeypatch):
    client = log_in_with_a_phone(secrets)
    pages = a_day(bench, client, monkeypatch)
    assert Order.objects.get().sales_order.status == "allocated"
    places = {
        "the database": database_as_text(),
        "the log": "\n".join(lines),
        "pages": "\n".join(page.content.decode() for page in pages),
    }
    # What is searched is not empty.
    assert "Something else went wrong" in places["the log"]
    assert all(word in places["the database"] for word in ("SO-0", "Alder Peak", "bos"))
    for place, text in places.items():
        found = [secret for secret in secrets if secret in text]
        assert not found, f"{place} has {len(found)} secrets"


def test_the_search_finds_a_key_in_plain_text(bench, secrets):
    """A key in plain text anywhere in the database is found."""
    Account.objects.update(company_name=APP_KEY)
    assert APP_KEY in database_as_text()
