"""The benchmarks run, and print what they promise."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_figures_come_as_one_object_a_line():
    done = run("push_inventory", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["name"] == "push_inventory"
    assert figures["sizes"]["calls"] == figures["sizes"]["changed"] == 20
    assert figures["queries"]["plan"] <= 10
    assert all(ratio > 0 for ratio in figures["ratios"].values())


def test_an_unknown_name_is_told_with_those_there_are():
    done = run("no_such_thing")
    assert done.returncode == 2
    assert "push_inventory, take_in_orders" in done.stderr


def test_the_workbench_costs_the_same_few_queries_at_any_size():
    done = run("link_products", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["sizes"]["linked"] == 250
    assert figures["queries"]["workbench's first page"] <= 16
    assert figures["queries"]["comparing all linked products, nothing changed"] <= 4
