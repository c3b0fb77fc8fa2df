"""Whichever process of the worker is killed, new work is done within a minute.

The real `manage.py worker` on a database of its own, SQLite or PostgreSQL as the other tests. Each
kind of process takes up to half a minute: CI kills the one that hangs a cluster for sure (and, with
the browser's tests, the main one); WORKER_KILLS=all kills each of them.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import psycopg
import pytest
from django.conf import settings
from psycopg import sql

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 2
pytestmark = pytest.mark.late
# The order in which the guard starts its processes.
ROLES = ("first worker", "second worker", "keeper of results", "fetcher of tasks")
KINDS = ("main", "guard", *ROLES, "every idle worker", "busy worker", "watchdog")
IN_CI = ("every idle worker",)
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


class Worker:
    """`manage.py worker`, started and stopped."""

    def __init__(self, surroundings, log):
        self.surroundings, self.log = surroundings, log
        self.start()

    def start(self):
        command = [sys.executable, "manage.py", "worker"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.surroundings, stdout=self.log, stderr=self.log
        )

    def stop(self):
        """Politely; nothing of it may be left."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        assert psutil.wait_procs(below, timeout=5)[1] == []

    def roles(self):
        """The running cluster's processes by what they are; None while it is not complete."""
        try:
            mains = psutil.Process(self.process.pid).children()
            guards = mains[0].children() if mains else []
            parts = guards[0].children() if guards else []
        except psutil.NoSuchProcess:
            return None
        parts = [part for part in parts if part.status() != psutil.STATUS_ZOMBIE]
        if len(parts) != len(ROLES):
            return None
        parts.sort(key=lambda part: (part.create_time(), part.pid))
        return {
            "main": [mains[0]],
            "guard": [guards[0]],
            **{role: [part] for role, part in zip(ROLES, parts, strict=True)},
        }


@pytest.fixture
def running(surroundings, tmp_path):
    """Starts the worker, in these surroundings unless told otherwise; shows its log."""
    with (tmp_path / "worker.log").open("w+") as log:
        started = []

        def run(**more):
            started.append(Worker({**surroundings, **more}, log))
            return started[-1]

        yield run
        for worker in started:
            worker.stop()
        log.seek(0)
        sys.stdout.write(log.read())


def until(condition, seconds, what):
    """Wait for it; returns what it returned, and after how many seconds."""
    begun = time.monotonic()
    while not (found := condition()):
        assert time.monotonic() - begun < seconds, f"{what}: not within {seconds} s"
        time.sleep(0.2)
    return found, time.monotonic() - begun


def ask(tell):
    """Ask for new work; returns whether it is done, to be called until it is."""
    key = uuid.uuid4()
    tell(f"ask {key}")
    return lambda: tell(f"waits {key}") == "no"


def queue(tell):
    """Queue a task; returns whether its result was kept, to be called until it is."""
    task = tell("queue")
    return lambda: tell(f"kept {task}") == "yes"


def kill(processes):
    for process in processes:
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("kind", CHOSEN)
def test_work_goes_on_within_a_minute(kind, running, driver, tmp_path):
    worker = running()
    parts, _ = until(worker.roles, 60, "The cluster starts")
    until(ask(driver), 60, "Work is done before the kill")
    until(queue(driver), 60, "A result is kept before the kill")
    # The workers are idle now; one of them waits at the head of the queue.
    parts, _ = until(worker.roles, 60, "The cluster is complete")
    everybody = [part for some in parts.values() for part in some]
    if kind == "every idle worker":
        kill(parts["first worker"] + parts["second worker"])
    elif kind == "busy worker":
        napping = tmp_path / "napping"
        driver(f"sleep {napping}")
        pid, _ = until(lambda: napping.exists() and napping.read_text(), 30, "A long task")
        kill([psutil.Process(int(pid))])
    elif kind == "watchdog":
        kill([psutil.Process(worker.process.pid)])
        worker.process.wait(10)
        # Its cluster ends with it, so that the next one is alone.
        assert psutil.wait_procs(everybody, timeout=5)[1] == []
        worker.start()
    else:
        kill(parts[kind])
    killed_at = time.monotonic()
    until(ask(driver), 60, f"Work without the {kind}")
    work = time.monotonic() - killed_at
    # Again and again: the one that was queued first may have been lost with who had fetched it.
    until(lambda: _kept_soon(driver), 60 - work, f"Results without the {kind}")
    results = time.monotonic() - killed_at
    sys.stdout.write(f"{kind}: work after {work:.1f} s, results after {results:.1f} s\n")
    until(worker.roles, 60 - results, "The cluster is complete again")
    if kind in ("main", "guard"):
        # None of the old processes works on beside the new ones.
        assert psutil.wait_procs(everybody, timeout=5)[1] == []


def _kept_soon(driver):
    """Whether a task queued now has its result kept within two seconds."""
    is_kept, end = queue(driver), time.monotonic() + 2
    while time.monotonic() < end:
        if is_kept():
            return True
        time.sleep(0.1)
    return False


def test_workers_that_retire_cause_no_new_cluster(running, driver, tmp_path):
    """A worker that has done its number of tasks is replaced; the cluster goes on."""
    worker = running(QUEUE_RECYCLE="2")
    parts, _ = until(worker.roles, 60, "The cluster starts")
    for _ in range(8):
        until(ask(driver), 30, "Work is done")
    retired = parts["first worker"] + parts["second worker"]
    assert psutil.wait_procs(retired, timeout=20)[1] == []
    again, _ = until(worker.roles, 20, "The cluster is complete")
    assert again["main"] == parts["main"]
    assert "killed" not in (tmp_path / "worker.log").read_text()
