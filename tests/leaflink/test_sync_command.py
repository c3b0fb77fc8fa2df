"""manage.py sync: one cycle in the foreground."""

import json
import re

import pytest
from django.core.management import CommandError, call_command


@pytest.fixture
def bench_sync(bench, capsys):
    def run(*args):
        capsys.readouterr()
        call_command("sync", *args)
        return capsys.readouterr().out

    return bench, run


def test_sync_reports_each_step_and_fails_when_something_is_stuck(bench_sync, capsys):
    bench, run = bench_sync
    bench.goods(on_hand=100)
    text = run("--json")
    report = json.loads(text.splitlines()[-1])
    assert report["problems"] == []
    assert [s["name"] for s in report["steps"]] == [
        "staff",
        "customers",
        "products",
        "orders",
        "statuses",
        "inventory",
        "details",
    ]
    assert report["steps"][-2]["changed"] == 1
    bench.world.app_keys.clear()
    with pytest.raises(SystemExit) as ended:
        run("--only", "orders")
    assert ended.value.code == 1
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "paste the App key anew" in text


def test_a_dry_sync_shows_what_would_be_sent(bench_sync):
    bench, run = bench_sync
    bench.goods(on_hand=100)
    bench.sync("products")
    text = run("--only", "inventory", "--dry-run")
    assert "GUM" in text
    assert "100" in text
    assert bench.calls("PATCH") == []


def test_an_unknown_account_is_named_with_those_there_are(bench_sync):
    _, run = bench_sync
    with pytest.raises(CommandError, match=r"There is no account Nobody\. Accounts: Alder Peak"):
        run("Nobody")
