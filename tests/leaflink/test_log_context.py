"""What is logged while LeafLink's work is done names the account and the order."""

import pytest
from structlog.contextvars import get_contextvars

from integrations import work
from integrations.leaflink import jobs
from integrations.leaflink.work_kinds import ORDER_WORK
from integrations.models import WorkItem

pytestmark = pytest.mark.django_db


def test_work_names_its_account_and_order(make_bench, monkeypatch):
    bench = make_bench()
    seen = []
    monkeypatch.setattr(jobs, "read_order", lambda *args: seen.append(get_contextvars()))
    work.ask(bench.account.pk, ORDER_WORK, ["abc"], WorkItem.Priority.ORDERS)
    work.drain()
    assert seen == [{"account": bench.account.pk, "work": ORDER_WORK, "order": "abc"}]
    assert get_contextvars() == {}


def test_each_step_and_webhook_names_its_account(make_bench, monkeypatch):
    bench = make_bench()
    goods = bench.goods()
    bench.ready()
    seen = []
    monkeypatch.setattr(
        "integrations.leaflink.cycle.pull_orders", lambda *a, **k: seen.append(get_contextvars())
    )
    bench.sync("orders")
    assert seen == [{"account": bench.account.pk, "step": "orders"}]
    seen.clear()
    order = bench.order(bench.line(goods, 1))
    monkeypatch.setattr(
        "integrations.leaflink.webhooks.expect_order", lambda *a: seen.append(get_contextvars())
    )
    bench.hooks.deliver_pending(bench.deliver)
    mine = [one for one in seen if one.get("order") == str(order.number)]
    assert mine
    assert mine[0]["account"] == bench.account.pk
    assert mine[0]["request_id"]
