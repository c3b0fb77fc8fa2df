"""What all tests share."""

import gc
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


# CI sets it for its second run. What knows no database, pages, and all but the first parameters of
# a test were tried with the first; .ci/nightly runs everything on both.
PAGES = {"client", "admin_client", "rf"}
IS_SECOND_DATABASE = bool(os.environ.get("SECOND_DATABASE"))


LONG = {
    "test_role_walk.py",
    "test_benchmarks.py",
    "test_stock_machine.py",
    "test_life_machine.py",
    "test_orders_machine.py",
}


def pytest_collection_modifyitems(config, items):
    """Tests that need row locks run where there are some, and only there."""
    dropped = [item for item in items if not _runs_here(item)]
    if IS_SECOND_DATABASE:
        gone = set(dropped)
        dropped += _repeated([item for item in items if item not in gone])
    # What takes long begins first, so that no process is left alone with it at the end.
    items.sort(key=lambda item: item.path.name not in LONG)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        gone = set(dropped)
        items[:] = [item for item in items if item not in gone]


def _repeated(items):
    """Of tests with parameters all but the first: they differ in data, and that was tried."""
    seen, found = set(), []
    for item in items:
        if hasattr(item, "callspec") and "postgres" not in item.keywords:
            test = (item.path, item.originalname)
            if test in seen:
                found.append(item)
            seen.add(test)
    return found


def pytest_collection_finish():
    """What is there by now stays, so nobody need look through it for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def _runs_here(item):
    if "postgres" in item.keywords and connection.vendor != "postgresql":
        return False
    if not IS_SECOND_DATABASE:
        return True
    fixtures = set(getattr(item, "fixturenames", ()))
    if "once" in item.keywords or (PAGES & fixtures and "postgres" not in item.keywords):
        return False
    return bool({"db", "transactional_db"} & fixtures or "django_db" in item.keywords)


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
