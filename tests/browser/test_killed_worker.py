"""Pull the plug: the queue's processes are killed, and orders still come in."""

import os
import signal
import subprocess
import time

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def cluster(demo):
    """The main process of the demo's task queue, and its children."""
    listed = subprocess.run(
        ["ps", "-ewwo", "pid,ppid,args"], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()[1:]]
    children: dict[int, list[int]] = {}
    for pid, parent, _ in rows:
        children.setdefault(int(parent), []).append(int(pid))
    below, todo = set(), [demo.process.pid]
    while todo:
        found = children.get(todo.pop(), [])
        below.update(found)
        todo += found
    queue = [int(pid) for pid, _, args in rows if int(pid) in below and "qcluster" in args]
    mains = [pid for pid in queue if any(child in queue for child in children.get(pid, []))]
    # The oldest of them: its helpers have children as well.
    main = min(mains, default=0)
    return main, [pid for pid in queue if pid != main]


def running_cluster(demo):
    """The same, once it has started all it needs."""
    for _ in range(120):
        main, others = cluster(demo)
        if main and len(others) >= 4:
            return main, others
        time.sleep(0.5)
    raise AssertionError("The task queue did not start.")


def order(context, demo):
    """Order as a retailer; returns the order's number as people say it."""
    shop = context.new_page()
    shop.goto(demo.leaflink)
    shop.locator("input[name^=new-]").nth(1).fill("1")
    shop.locator("select[name=rep]").select_option(label="Dana Ruiz")
    shop.get_by_role("button", name="Place order").click()
    expect(shop.locator(".flash.good")).to_contain_text("was placed")
    return shop.locator("h1").inner_text().split()[1]


def test_orders_come_in_after_the_queue_was_killed(page, context, demo):
    page.goto(f"{demo.admin}/login/")
    page.fill("[name=username]", "demo")
    page.fill("[name=password]", "demo")
    page.press("[name=password]", "Enter")
    expect(page.get_by_role("link", name="Needs attention")).to_be_visible()

    main, workers = running_cluster(demo)
    os.kill(main, signal.SIGKILL)
    number = order(context, demo)
    row = page.locator("#result_list tr", has_text=number)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        page.goto(f"{demo.admin}/leaflink/order/?q={number}")
        if row.count() and "imported" in row.first.inner_text().lower():
            break
        time.sleep(0.5)
    expect(row.first).to_contain_text("Imported", ignore_case=True)
    again, _ = running_cluster(demo)
    assert again != main
    # None of the old processes works on beside the new ones.
    assert not [pid for pid in workers if os.path.exists(f"/proc/{pid}")]
