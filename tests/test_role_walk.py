"""Who gets in where: every address and action as each role and as nobody, against a table.

The table is tests/role_table.csv. When it changes on purpose, write it anew and read the diff:

    ROLE_TABLE=write uv run pytest -n 0 tests/test_role_walk.py
"""

import os

import pytest
from django.conf import settings

from tests import role_walk
from tests.test_admin_pages import world  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.django_db, pytest.mark.once]
KEYS = ("very-secret-app-key", "very-secret-webhook-key")


@pytest.fixture
def _no_network(monkeypatch):
    """A page that asks LeafLink itself is an error, whoever asks for it."""

    def refuse(*args, **kwargs):
        raise AssertionError("A page asked LeafLink.")

    monkeypatch.setattr("integrations.leaflink.connect.new_session", refuse)


@pytest.fixture
def _no_contexts(monkeypatch):
    """The test client keeps a copy of every template's context, which nobody asks for here."""
    monkeypatch.setattr("django.test.client.store_rendered_templates", lambda *args, **more: None)


@pytest.mark.usefixtures("_no_network", "_no_contexts")
def test_every_address_answers_each_role_as_the_table_says(world):  # noqa: F811
    secrets = (*KEYS, settings.SECRET_KEY, *settings.FIELD_ENCRYPTION_KEYS)
    made = role_walk.prepare(world)
    found, errors, leaks = {}, [], []
    rows = role_walk.questions()
    for asker in role_walk.ASKERS:
        walker = role_walk.Walker(asker, made.users.get(asker))
        for row in rows:
            is_same = asker == role_walk.ANOTHERS and not row.is_action and row.path == row.other
            if is_same:
                answers = found[row.what, row.method]
                answers[asker] = answers[role_walk.SALES_REP]
                continue
            outcome, answer = walker.ask(row)
            found.setdefault((row.what, row.method), {})[asker] = outcome
            if outcome.startswith("ERROR"):
                errors.append(f"{row.method} {row.path} as {asker}: {outcome}")
            elif any(secret.encode() in answer.content for secret in secrets):
                leaks.append(f"{row.method} {row.path} as {asker}")
    assert not errors, "\n".join(errors)
    assert not leaks, "Keys are on these pages:\n" + "\n".join(leaks)
    if os.environ.get("ROLE_TABLE") == "write":
        role_walk.write_table(found)
    assert differences(role_walk.read_table(), found) == []


def differences(table, found):
    """What differs, in lines that say what to do."""
    lines = [f"{one} is not in the table" for one in sorted(found.keys() - table.keys())]
    lines += [f"{one} is in the table only" for one in sorted(table.keys() - found.keys())]
    for one in sorted(found.keys() & table.keys()):
        lines += [
            f"{one} as {asker}: {found[one][asker]}, the table says {table[one][asker]}"
            for asker in role_walk.ASKERS
            if found[one][asker] != table[one][asker]
        ]
    return lines


def test_the_table_lets_nobody_in():
    """The table is written by a command, so what it must say is checked on its own."""
    open_to_all = {"healthz", "readyz", "/", "leaflink-webhook", "admin:login", "admin:jsi18n"}
    for (what, method), outcomes in role_walk.read_table().items():
        answer = outcomes[role_walk.NOBODY]
        if what not in open_to_all:
            # Figures are for who bears the token, and not there at all without one.
            closed = ("not found",) if what == "metrics" else ("login", "leads on")
            assert answer in closed, (what, method, answer)
    table = role_walk.read_table()
    for what in ("admin:leaflink_account_add", "admin:auth_user_changelist"):
        allowed = {one for one, answer in table[what, "GET"].items() if answer == "opens"}
        assert allowed == {role_walk.ADMINISTRATOR}
