"""manage.py sync: one cycle in the foreground."""

import json
import re
from datetime import datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from catalog import inventory


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
        "payments",
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


def test_orders_before_the_cut_off_are_brought_in_on_purpose(bench_sync):
    bench, run = bench_sync
    goods = bench.goods(on_hand=100)
    bench.ready()
    old, older = bench.order(bench.line(goods, 1)), bench.order(bench.line(goods, 2))
    for order, day in ((old, "2026-03-02"), (older, "2026-02-27")):
        order.created_on = datetime.fromisoformat(f"{day}T12:00:00-07:00")
    bench.account.import_since = datetime.fromisoformat("2026-04-01T00:00:00-06:00")
    bench.account.save()
    bench.sync("orders")
    assert {bench.mirror(o).state for o in (old, older)} == {"ignored"}
    run("--since", "2026-03-01", "--dry-run")
    assert bench.mirror(old).state == "ignored"
    run("--since", "2026-03-01")
    assert (bench.mirror(old).state, bench.mirror(older).state) == ("imported", "ignored")
    run("--since", "2026-03-01")
    bench.sync("orders")
    assert bench.mirror(old).sales_order.lines.count() == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "March"), "is no day. Write it like 2026-01-31"),
        (("--since", "2026-03-01", "--only", "products"), "--since brings in orders"),
    ],
)
def test_a_backfill_that_makes_no_sense_is_told(bench_sync, arguments, words):
    _, run = bench_sync
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def test_a_dry_sync_names_the_number_that_would_be_sent_and_why(bench_sync, monkeypatch):
    bench, run = bench_sync
    monkeypatch.setenv("COLUMNS", "250")
    goods = bench.goods("G[/b]", on_hand=100, name="Gum [red] mix")
    bench.ready()
    bench.order(bench.line(goods, 30))
    bench.sync("inventory")
    inventory.receive(goods.item, bench.shop, Decimal(5))
    text = run("--only", "inventory", "--dry-run")
    row = next(line for line in text.splitlines() if "G[/b]" in line)
    cells = [cell.strip() for cell in row.strip("│┃ ").split("│")]
    total = "105 on hand − 30 committed + 30 held for LeafLink orders."
    why = f"What can be sold has changed here. {total}"
    assert cells == ["G[/b]", "Gum [red] mix", "75", "70", "105", why]


def test_a_dry_sync_does_not_list_what_the_brake_stops_as_sent(bench_sync, monkeypatch):
    bench, run = bench_sync
    monkeypatch.setenv("COLUMNS", "250")
    goods = [bench.goods(f"G{n}", on_hand=10) for n in range(6)]
    bench.ready()
    for one in goods:
        inventory.count(one.item, bench.shop, Decimal(0))
    text = run("--only", "inventory", "--dry-run")
    row = next(line for line in text.splitlines() if "G3" in line)
    assert "nothing" in row
    assert "waits for a person's yes" in row
