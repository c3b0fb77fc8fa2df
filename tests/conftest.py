"""What all tests share."""

import os
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from hypothesis import HealthCheck, settings

# Databases and busy machines are slow now and then; that is no finding.
settings.register_profile("leafbridge", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("leafbridge")

# The browser's fixtures run an event loop in this thread, which Django would refuse to query in.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def pytest_collection_modifyitems(config, items):
    """Tests that need row locks run where there are some, and only there."""
    if connection.vendor == "postgresql":
        return
    kept = [item for item in items if "postgres" not in item.keywords]
    dropped = [item for item in items if "postgres" in item.keywords]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


@pytest.fixture
def transactional_db(transactional_db):
    """The tests before have emptied the tables, of what migrations put into them too."""
    from config.roles import make_roles

    make_roles(apps, SimpleNamespace(connection=connection))


@pytest.fixture(autouse=True)
def _no_hints(monkeypatch):
    """Tests say themselves when work is done: the hint to a worker goes nowhere."""
    monkeypatch.setattr("integrations.work.wake_worker", lambda: None)


@pytest.fixture(autouse=True)
def _no_uncounted_refusals():
    """What another test has left to be counted with the next refused webhook is dropped."""
    from integrations.leaflink import webhook_refusals

    webhook_refusals.forget()
