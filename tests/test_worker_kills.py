"""Whichever process of the worker is killed, new work is done within a minute.

The real `manage.py worker` on a database of its own, SQLite or PostgreSQL as the other tests. Each
kind of process takes up to half a minute: CI kills two kinds, WORKER_KILLS=all kills each of them.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from django.conf import settings
from psycopg import sql

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 2
# The order in which the guard starts its processes.
ROLES = ("first worker", "second worker", "keeper of results", "fetcher of tasks")
KINDS = ("main", "guard", *ROLES, "every idle worker", "busy worker", "watchdog")
IN_CI = ("main", "every idle worker")
CHOSEN = KINDS if os.environ.get("WORKER_KILLS") == "all" else IN_CI


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory):
    """Environment of processes that share a new database."""
    folder = tmp_path_factory.mktemp("worker")
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LEAFBRIDGE_DATA_DIR": str(folder),
        "QUEUE_WORKERS": str(WORKERS),
        "DATABASE_URL": "",
    }
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        yield environment
        return
    name = f"worker_{secrets.token_hex(4)}"
    where = {"host": database["HOST"], "port": database["PORT"], "user": database["USER"]}
    with psycopg.connect(
        dbname="postgres", password=database["PASSWORD"], autocommit=True, **where
    ) as server:
        server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        password = database["PASSWORD"]
        url = f"postgres://{where['user']}:{password}@{where['host']}:{where['port']}/{name}"
        yield {**environment, "DATABASE_URL": url}
        server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def driver(surroundings):
    """Asks for work: see worker_driver.py. Returns what takes a line and gives the answer."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.worker_driver"],
        cwd=ROOT,
        env=surroundings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().strip() == "ready"

    def tell(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    yield tell
    process.stdin.close()
    process.stdout.close()
    process.wait(30)


def start(surroundings, log):
    return subprocess.Popen(
        [sys.executable, "manage.py", "worker"],
        cwd=ROOT,
        env=surroundings,
        stdout=log,
        stderr=log,
    )


@contextmanager
def worker(surroundings, log):
    """`manage.py worker`; at the end nothing of it may be left."""
    process = start(surroundings, log)
    try:
        yield process
    finally:
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        assert psutil.wait_procs(below, timeout=5)[1] == []


def until(condition, seconds, what):
    """Wait for it; returns what it returned, and after how many seconds."""
    begun = time.monotonic()
    while not (found := condition()):
        assert time.monotonic() - begun < seconds, f"{what}: not within {seconds} s"
        time.sleep(0.2)
    return found, time.monotonic() - begun


def roles(process):
    """The running cluster's processes by what they are; None while it starts."""
    mains = psutil.Process(process.pid).children()
    guards = mains[0].children() if mains else []
    parts = guards[0].children() if guards else []
    if len(parts) != len(ROLES):
        return None
    parts.sort(key=lambda part: (part.create_time(), part.pid))
    return {
        "main": [mains[0]],
        "guard": [guards[0]],
        **{role: [part] for role, part in zip(ROLES, parts, strict=True)},
    }


def ask(tell):
    """Ask for new work; returns whether it is done, to be called until it is."""
    key = uuid.uuid4()
    tell(f"ask {key}")
    return lambda: tell(f"waits {key}") == "done"


@pytest.mark.parametrize("kind", CHOSEN)
def test_work_goes_on_within_a_minute(kind, surroundings, driver, tmp_path):
    with (tmp_path / "worker.log").open("w+") as log, worker(surroundings, log) as process:
        parts, _ = until(lambda: roles(process), 60, "The cluster starts")
        until(ask(driver), 60, "Work is done before the kill")
        victims = parts.get(kind)
        if kind == "every idle worker":
            victims = parts["first worker"] + parts["second worker"]
        elif kind == "watchdog":
            victims = [psutil.Process(process.pid)]
        elif kind == "busy worker":
            napping = tmp_path / "napping"
            driver(f"sleep {napping}")
            pid, _ = until(lambda: napping.exists() and napping.read_text(), 30, "A long task")
            victims = [psutil.Process(int(pid))]
        everybody = [part for some in parts.values() for part in some]
        for victim in victims:
            victim.send_signal(signal.SIGKILL)
        if kind == "watchdog":
            process.wait(10)
            # Its cluster ends with it, so that the next one is alone.
            assert psutil.wait_procs(everybody, timeout=5)[1] == []
            process = start(surroundings, log)
        _, seconds = until(ask(driver), 60, f"Work without the {kind}")
        sys.stdout.write(f"{kind}: {seconds:.1f} s\n")
        if kind == "watchdog":
            process.terminate()
            process.wait(60)
        if kind in ("main", "guard"):
            # None of the old processes works on beside the new ones.
            assert psutil.wait_procs(everybody, timeout=5)[1] == []


def test_workers_that_retire_cause_no_new_cluster(surroundings, driver, tmp_path):
    """A worker that has done its number of tasks is replaced; the cluster goes on."""
    retiring = {**surroundings, "QUEUE_RECYCLE": "2"}
    with (tmp_path / "worker.log").open("w+") as log, worker(retiring, log) as process:
        parts, _ = until(lambda: roles(process), 60, "The cluster starts")
        workers = parts["first worker"] + parts["second worker"]
        for _ in range(8):
            until(ask(driver), 30, "Work is done")
        assert psutil.wait_procs(workers, timeout=20)[1] == []
        assert roles(process)["main"] == parts["main"]
        log.seek(0)
        assert "killed" not in log.read()
