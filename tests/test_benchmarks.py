"""The benchmarks run, and print what they promise."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.late
ROOT = Path(__file__).resolve().parents[1]


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_figures_come_as_one_object_a_line():
    # In one run: each makes the same test database anew.
    done = run("push_inventory", "link_products", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    pushed, linked = map(json.loads, done.stdout.splitlines())
    assert (pushed["name"], linked["name"]) == ("push_inventory", "link_products")
    assert pushed["sizes"]["writes when nothing changed"] == 0
    assert pushed["sizes"]["writes for them"] == pushed["sizes"]["changed"] == 20
    assert pushed["queries"]["plan"] == pushed["queries"]["plan, some changed"] <= 10
    assert linked["sizes"]["linked"] == 250
    assert linked["queries"]["workbench's first page"] <= 16
    assert linked["queries"]["comparing all linked products, nothing changed"] <= 4
    for figures in (pushed, linked):
        assert all(ratio > 0 for ratio in figures["ratios"].values())


def test_an_unknown_name_is_told_with_those_there_are():
    done = run("no_such_thing")
    assert done.returncode == 2
    assert "push_inventory, plan_memory" in done.stderr
