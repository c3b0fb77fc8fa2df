"""Debian's chromium, and pages that must behave: no error, no request to the outside."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="session")
def browser_type_launch_args():
    path = shutil.which("chromium")
    assert path, "These tests drive Debian's chromium: apt-get install chromium"
    return {"executable_path": path, "args": QUIET, "headless": True}


@pytest.fixture
def well_behaved(page):
    """The page; fails the test when anything went wrong on it or left this machine."""
    problems = []
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("request", lambda r: None if _is_local(r.url) else problems.append(f"left us: {r.url}"))
    page.on(
        "response", lambda r: problems.append(f"{r.status} {r.url}") if r.status >= 400 else None
    )
    yield page
    assert problems == []


def _is_local(url):
    return urlsplit(url).scheme in ("data", "blob") or urlsplit(url).hostname in (
        "localhost",
        "127.0.0.1",
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """`manage.py demo`, as a user starts it, in a folder of its own."""

    def __init__(self, folder, *options):
        self.port, self.leaflink_port, self.metrc_port = free_port(), free_port(), free_port()
        self.admin = f"http://127.0.0.1:{self.port}/admin"
        self.leaflink = f"http://127.0.0.1:{self.leaflink_port}"
        self.metrc = f"http://127.0.0.1:{self.metrc_port}"
        self.log = (folder / "demo.log").open("w+")
        ports = ("--port", self.port, "--leaflink-port", self.leaflink_port)
        ports = (*ports, "--metrc-port", self.metrc_port)
        command = ["manage.py", "demo", *ports, *options]
        environment = {**os.environ, "LEAFBRIDGE_DATA_DIR": str(folder), "DATABASE_URL": ""}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=ROOT,
            env=environment,
            stdout=self.log,
            stderr=self.log,
        )

    def wait(self):
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                # Ready when the worker has shown signs of life as well.
                if requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).ok:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.3)
        self.log.seek(0)
        pytest.fail(f"The demo did not start:\n{self.log.read()}")

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


@contextmanager
def running(factory, name, *options):
    """The demo, started in a folder of this name and stopped at the end."""
    started = Running(factory.mktemp(name), *options)
    try:
        started.wait()
        yield started
    finally:
        started.stop()


def log_in(page, demo):
    """Log in as the demo's staff."""
    page.goto(f"{demo.admin}/login/")
    page.locator("[name=username]").fill("demo")
    page.locator("[name=password]").fill("demo")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Needs attention")).to_be_visible()
    return page


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    with running(tmp_path_factory, "demo") as started:
        yield started
