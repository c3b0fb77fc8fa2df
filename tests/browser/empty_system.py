"""An empty system as an operator finds it: one login, a worker, and LeafLink elsewhere."""

import os
import sqlite3
import subprocess
import sys
import time

import pytest
import requests

from tests.browser.conftest import ROOT, free_port

LOGIN, PASSWORD = "pat", "a-long-password-for-pat"


class EmptySystem:
    """Leafbridge with nothing in it, and a practice LeafLink of a few products and orders."""

    def __init__(self, folder, *, items=8, orders=3):
        self.folder, self.port, self.leaflink_port = folder, free_port(), free_port()
        self.site = f"http://127.0.0.1:{self.port}"
        self.admin = f"{self.site}/admin"
        self.leaflink = f"http://127.0.0.1:{self.leaflink_port}"
        self.leaflink_options = ("--items", items, "--orders", orders)
        self.environment = {
            **os.environ,
            "LEAFBRIDGE_DATA_DIR": str(folder),
            "DATABASE_URL": "",
            "SITE_URL": self.site,
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        }
        self.environment.pop("DJANGO_SETTINGS_MODULE", None)
        self.log = (folder / "system.log").open("w+")
        self.processes = {}

    def start(self):
        self.run("migrate", "-v0")
        self.run("createsuperuser", "--noinput", "--username", LOGIN, "--email", "pat@peak.example")
        self.start_leaflink()
        self.begin("worker", "worker")
        self.begin("web", "runserver", "--noreload", self.port)
        self.wait_for(f"{self.site}/readyz", 90)

    def run(self, *command):
        """Run a management command to its end; returns its exit code."""
        return self._process(*command).wait(120)

    def begin(self, name, *command):
        self.processes[name] = self._process(*command)

    def _process(self, *command):
        return subprocess.Popen(
            [sys.executable, "manage.py", *map(str, command)],
            cwd=ROOT,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
        )

    def start_leaflink(self):
        options = ("--port", self.leaflink_port, *self.leaflink_options)
        self.begin("leaflink", "leaflink_sandbox", *options)
        self.wait_for(self.leaflink, 30)

    def stop_leaflink(self):
        process = self.processes.pop("leaflink")
        process.terminate()
        process.wait(30)

    def wait_for(self, url, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if requests.get(url, timeout=2).ok:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.3)
        self.log.seek(0)
        pytest.fail(f"{url} did not answer:\n{self.log.read()[-4000:]}")

    def let_an_hour_pass(self):
        """Put what has happened an hour back, as if it had happened then."""
        database = sqlite3.connect(self.folder / "leafbridge.sqlite3", timeout=20)
        earlier = "strftime('%Y-%m-%d %H:%M:%f', {0}, '-1 hour')"
        with database:
            for table, columns in (
                ("integrations_run", ("started_at", "finished_at")),
                ("integrations_workitem", ("requested_at", "not_before")),
            ):
                changes = ", ".join(f"{name} = {earlier.format(name)}" for name in columns)
                database.execute(f"UPDATE {table} SET {changes}")  # noqa: S608
        database.close()

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(60)
        self.log.close()
