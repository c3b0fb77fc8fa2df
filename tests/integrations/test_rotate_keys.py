"""manage.py rotate_keys: new key first, rotate, drop the old one, and all is readable."""

import io
import threading

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from integrations import rotate_keys
from integrations.encryption import EncryptedTextField, WrongEncryptionKey
from integrations.leaflink.models import Account
from integrations.rotate_keys import encrypted_columns

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture
def keys(settings, db):
    def use(*keys):
        settings.FIELD_ENCRYPTION_KEYS = list(keys)

    use(OLD)
    return use


def account(name="Alder Peak", **more):
    secrets = {"app_key": f"app-{name}", "webhook_key": f"hook-{name}"}
    return Account.objects.create(name=name, host=Account.Host.SANDBOX, **{**secrets, **more})


def run(*options):
    out = io.StringIO()
    call_command("rotate_keys", *options, stdout=out)
    return out.getvalue()


def test_new_key_first_then_rotate_then_drop_the_old_one(keys):
    for name in ("Alder", "Birch"):
        account(name)
    account("Unfinished", app_key="", webhook_key="")
    keys(NEW, OLD)
    with pytest.raises(CommandError, match=r"Older keys are still needed. Run: manage.py rotate"):
        run("--check")
    assert "LeafLink accounts, App key: 2 encrypted anew, 0 have the newest, 0 can't" in run()
    assert "can be dropped" in run("--check")
    assert "LeafLink accounts, App key: 0 encrypted anew, 2 have the newest, 0 can't" in run()
    keys(NEW)
    assert [a.app_key for a in Account.objects.order_by("name")] == ["app-Alder", "app-Birch", ""]
    assert Account.objects.get(name="Birch").webhook_key == "hook-Birch"
    keys(OLD)
    with pytest.raises(WrongEncryptionKey):
        _ = Account.objects.get(name="Birch").app_key


def test_check_changes_nothing(keys):
    account()
    keys(NEW, OLD)
    with pytest.raises(CommandError):
        run("--check")
    keys(OLD)
    assert Account.objects.get().app_key == "app-Alder Peak"


def test_what_no_key_reads_is_named_with_the_cure_and_the_rest_is_done(keys):
    keys(OTHER)
    account("Lost", webhook_key="")
    keys(OLD)
    account("Fine")
    keys(NEW, OLD)
    with pytest.raises(CommandError) as caught:
        run()
    assert "Lost (sandbox): its App key can't be read with any key." in str(caught.value)
    assert "back into FIELD_ENCRYPTION_KEYS" in str(caught.value)
    assert "Fine" not in str(caught.value)
    keys(NEW)
    assert Account.objects.get(name="Fine").app_key == "app-Fine"
    keys(OTHER)
    assert Account.objects.get(name="Lost").app_key == "app-Lost"


def test_every_encrypted_column_is_found_once():
    columns = [(model.__name__, column.name) for model, column in encrypted_columns()]
    assert ("Account", "app_key") in columns
    assert ("Account", "webhook_key") in columns
    assert len(columns) == len(set(columns))
    assert all(isinstance(column, EncryptedTextField) for _, column in encrypted_columns())


def test_more_rows_than_fit_one_transaction(keys, monkeypatch):
    monkeypatch.setattr(rotate_keys, "AT_A_TIME", 2)
    for number in range(5):
        account(f"A{number}")
    keys(NEW, OLD)
    assert "5 encrypted anew" in run()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_key_replaced_meanwhile_stays(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    one = account()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    def rotate():
        run()
        connection.close()

    rotating = threading.Thread(target=rotate)
    with transaction.atomic():
        # Somebody pastes another key while the rotation waits for the row.
        Account.objects.filter(pk=one.pk).update(app_key="pasted")
        rotating.start()
        rotating.join(1)
        assert rotating.is_alive()
    rotating.join(20)
    assert Account.objects.get().app_key == "pasted"
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert Account.objects.get().webhook_key == "hook-Alder Peak"
