"""What the files in deploy/ name must exist, and what they promise must hold."""

import configparser
import re
import runpy
import shlex
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands
from django.utils.module_loading import import_string

from config.watchdog import STOP_GRACE

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
UNITS = ("web", "worker")


def unit(name):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(DEPLOY / f"leafbridge-{name}.service")
    return parser["Service"]


def seconds(text):
    return int(text.removesuffix("s"))


def commands():
    """Every command line in the deploy files, as words."""
    for name, service in COMPOSE["services"].items():
        for part in (service.get("command"), (service.get("healthcheck") or {}).get("test")):
            if part and name in ("web", "worker", "migrate"):
                yield from _split(part)
    for name in UNITS:
        yield shlex.split(unit(name)["ExecStart"])
    found = re.search(r"^CMD (.*)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    yield yaml.safe_load(found[1])


def _split(words):
    words = [word for word in words if word != "CMD"]
    if words[:2] == ["sh", "-c"]:
        yield from (shlex.split(one) for one in words[2].split("&&"))
    else:
        yield words


def test_the_commands_they_name_exist():
    seen = set()
    for words in commands():
        program = Path(words[0]).name
        assert program in ("python", "gunicorn"), words
        if program == "gunicorn":
            assert words[1:3] == ["--config", "deploy/gunicorn.py"]
            assert import_string(f"{words[3]}.application")
            seen.add("gunicorn")
        elif words[1] == "manage.py":
            assert words[2] in get_commands(), words
            seen.add(words[2])
        else:
            assert (ROOT / words[1]).exists(), words
    assert seen == {"gunicorn", "worker", "migrate", "collectstatic"}


@pytest.mark.parametrize("name", UNITS)
def test_units_end_all_processes_in_time(name):
    service = unit(name)
    assert service["KillMode"] in ("mixed", "control-group")
    assert int(service["TimeoutStopSec"]) > STOP_GRACE
    assert service["Restart"] == "always"
    assert service["User"] != "root"


def test_compose_waits_watches_and_stops_in_time():
    services = COMPOSE["services"]
    assert set(services) == {"db", "redis", "migrate", "web", "worker"}
    for name in ("db", "redis", "web", "worker"):
        assert services[name]["healthcheck"]["test"]
    assert seconds(services["worker"]["stop_grace_period"]) > STOP_GRACE
    assert services["web"]["depends_on"]["migrate"] == {
        "condition": "service_completed_successfully"
    }


def test_gunicorns_settings(monkeypatch):
    monkeypatch.setenv("WEB_WORKERS", "3")
    found = runpy.run_path(str(DEPLOY / "gunicorn.py"))
    assert (found["workers"], found["bind"]) == (3, "0.0.0.0:8000")


def test_the_image_runs_as_nobody_special_and_names_no_registry():
    text = (DEPLOY / "Dockerfile").read_text()
    last = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER leafbridge$", last, re.MULTILINE)
    images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    images += [s["image"] for s in COMPOSE["services"].values()]
    for image in images:
        assert "/" not in image, image
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    assert {".env", "data", ".git"} <= set(ignored)


def test_the_example_names_every_variable_that_settings_read():
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "config/settings.py").read_text()))
    named = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read - named == set()
    assert {"POSTGRES_PASSWORD", "SECRET_KEY"} <= named
