"""Pages of runs and calls: what they show, what they cost, and trying again from there."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from model_bakery import baker

from catalog.models import Item
from integrations import records, work
from integrations.leaflink.models import Account, Order, Product
from integrations.models import Call, Run, WorkItem, cut_problem
from integrations.readable_json import readable
from tests.leaflink.pages import text_of, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return Account.objects.create(name="Alder Peak", host=Account.Host.SANDBOX, app_key="k")


@pytest.fixture
def clerk(client, django_user_model):
    """Somebody in the back office; `may` gives permissions."""
    user = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(user)

    def may(*codenames):
        for codename in codenames:
            user.user_permissions.add(Permission.objects.get(codename=codename))
        return client

    may("view_run", "view_order", "view_item", "view_product")
    return may


def a_run(account, kind="statuses", count=3, calls=0):
    orders = [
        baker.make(Order, account=account, number=uuid.uuid4(), short_id=f"ord{n}", raw={})
        for n in range(count)
    ]
    run = Run.objects.create(
        connection=account,
        kind=kind,
        outcome="partly",
        finished_at=timezone.now() + timedelta(seconds=3),
        seen=count + 121,
        changed=1,
        skipped=120,
        skipped_why={"unchanged": 117, "paused": 3},
        failed=count + 2,
        calls=calls,
        problems=[cut_problem(f"order {o.short_id}", "Refused.", "order", o.number) for o in orders]
        + [cut_problem("time", "3 are sent with the next run.")],
    )
    for n in range(calls):
        a_call(account, run=run, record_key=str(orders[n % count].number), path=f"orders/{n}")
    return run, orders


def a_call(account, **more):
    kwargs = {
        "connection": account,
        "at": timezone.now(),
        "method": "POST",
        "what": "Orders sent",
        "outcome": "refused",
        "status": 400,
        "said": "LeafLink refused: no.",
        "milliseconds": 1234,
        "record_kind": "order",
        "request": '{"a": 1}',
        "answer": '{"b": [1, {"c": "Juniper"}]}',
        **more,
    }
    return Call.objects.create(**kwargs)


def run_url(run):
    return url("integrations_run_change", run.pk)


def test_a_run_says_what_was_skipped_what_failed_and_which_calls_it_made(admin_client, account):
    run, (first, *_) = a_run(account, calls=30)
    answer = admin_client.get(run_url(run))
    text = text_of(answer)
    assert "117 unchanged, 3 paused" in text
    assert "order ord0 Refused." in text
    assert "And 1 more, whose reasons were not kept." in text
    assert url("leaflink_order_change", first.pk) in answer.content.decode()
    assert "30 on record" in text
    assert "Page 1 of 2" in text
    assert "orders/24" in text
    assert "orders/25" not in text
    second = text_of(admin_client.get(run_url(run), {"calls": "2"}))
    assert "orders/25" in second
    for odd in ("x", "-1", "99"):
        assert admin_client.get(run_url(run), {"calls": odd}).status_code == 200


def test_a_run_costs_the_same_queries_for_few_and_for_many(admin_client, account):
    counts = []
    for count in (1, 40):
        run, _ = a_run(account, count=count, calls=count)
        with CaptureQueriesContext(database) as queries:
            admin_client.get(run_url(run))
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["run", "call"])
def test_lists_cost_the_same_for_few_and_for_many(admin_client, account, name):
    page = url(f"integrations_{name}_changelist")
    counts = []
    for count in (1, 30):
        for _ in range(count):
            a_run(account, calls=1)
        admin_client.get(page)
        with CaptureQueriesContext(database) as queries:
            admin_client.get(page)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_runs_that_found_nothing_can_be_left_out(admin_client, account):
    a_run(account)
    Run.objects.create(connection=account, kind="orders", outcome="done")
    page = url("integrations_run_changelist")
    assert len(admin_client.get(page).context["cl"].result_list) == 2
    (only,) = admin_client.get(page, {"did": "something"}).context["cl"].result_list
    assert only.kind == "statuses"


def try_again(client, run, **data):
    return client.post(url("integrations_run_try_again", run.pk), data, follow=True)


def waiting():
    return sorted(WorkItem.objects.values_list("kind", "key"))


def test_one_the_ticked_or_all_failures_are_tried_again(clerk, account):
    client = clerk("retry_workitem")
    run, orders = a_run(account)
    numbers = [str(order.number) for order in orders]
    assert "1 record is tried again now" in text_of(try_again(client, run, only="1", problem="0"))
    assert waiting() == [("leaflink.status", numbers[1])]
    assert "2 records are" in text_of(try_again(client, run, problem=["0", "1"]))
    assert waiting() == sorted(("leaflink.status", number) for number in numbers[:2])
    try_again(client, run, all="1")
    assert waiting() == sorted(("leaflink.status", number) for number in numbers)


def test_trying_again_revives_what_is_stuck(clerk, account):
    run, (order, *_) = a_run(account)
    item = stuck_work(account, "leaflink.status", str(order.number))
    try_again(clerk("retry_workitem"), run, only="0")
    item.refresh_from_db()
    assert (item.stuck_at, item.attempts, item.error) == (None, 0, "")


def stuck_work(account, kind, key, **more):
    now = timezone.now()
    return WorkItem.objects.create(
        **{
            "connection": account,
            "kind": kind,
            "key": key,
            "request": uuid.uuid4(),
            "requested_at": now,
            "not_before": now,
            "stuck_at": now,
            "attempts": 8,
            "error": "LeafLink refused: no.",
            **more,
        }
    )


@pytest.mark.parametrize("data", [{}, {"only": "x"}, {"problem": "99"}, {"only": "3"}])
def test_what_cannot_be_tried_again_is_said_and_changes_nothing(clerk, account, data):
    run, _ = a_run(account)
    said = text_of(try_again(clerk("retry_workitem"), run, **data))
    assert "Nothing is tried again" in said or "None of it can be tried again" in said
    assert waiting() == []


def test_trying_again_needs_the_permission_and_a_post(clerk, account):
    client = clerk()
    run, _ = a_run(account)
    item = stuck_work(account, "leaflink.status", "1")
    address = url("integrations_run_try_again", run.pk)
    retry = url("integrations_workitem_try_again")
    assert client.post(address, {"all": "1"}).status_code == 403
    assert client.post(retry, {"work": item.pk}).status_code == 403
    assert "Try again" not in text_of(client.get(run_url(run)))
    clerk("retry_workitem")
    assert client.get(address).status_code == 405
    assert client.get(retry).status_code == 405
    assert "Try again" in text_of(client.get(run_url(run)))
    item.refresh_from_db()
    assert item.stuck_at
    assert waiting() == [("leaflink.status", "1")]


def test_who_may_not_see_calls_sees_none(clerk, account):
    client = clerk()
    run, _ = a_run(account, calls=1)
    call = Call.objects.get()
    assert "Calls made" not in text_of(client.get(run_url(run)))
    assert client.get(url("integrations_call_bodies", call.pk)).status_code == 403
    assert client.get(url("integrations_call_change", call.pk)).status_code == 403
    clerk("view_call")
    assert "Juniper" in text_of(client.get(url("integrations_call_bodies", call.pk)))
    assert "Calls made" in text_of(client.get(run_url(run)))


def test_a_call_shows_what_was_sent_and_answered(admin_client, account):
    product = baker.make(Product, account=account, remote_id=7, name="Gummies", raw={})
    call = a_call(account, record_kind="product", record_key="7")
    answer = admin_client.get(url("integrations_call_change", call.pk))
    assert "Juniper" in text_of(answer)
    assert "LeafLink refused: no." in text_of(answer)
    assert url("leaflink_product_change", product.pk) in answer.content.decode()
    evil = a_call(account, answer="<script>alert(1)</script>", record_key="not a number")
    answer = admin_client.get(url("integrations_call_change", evil.pk))
    assert "<script>alert(1)" not in answer.content.decode()


def test_work_is_tried_now_whether_stuck_or_waiting_but_not_while_it_is_done(clerk, account):
    client = clerk("retry_workitem")
    later = timezone.now() + timedelta(minutes=20)
    stuck = stuck_work(account, "a", "1")
    waits = stuck_work(account, "a", "2", stuck_at=None, not_before=later)
    busy = stuck_work(account, "a", "3", stuck_at=None, not_before=later, leased_until=later)
    back = reverse("admin:index")
    answer = client.post(
        url("integrations_workitem_try_again") + f"?next={back}",
        {"work": [stuck.pk, waits.pk, busy.pk]},
    )
    assert answer.headers["Location"] == back
    for item in (stuck, waits, busy):
        item.refresh_from_db()
    assert stuck.stuck_at is None
    assert waits.not_before <= timezone.now()
    assert busy.not_before == later
    odd = client.post(
        url("integrations_workitem_try_again") + "?next=//evil.example", {"work": "x"}
    )
    assert odd.headers["Location"] == url("integrations_workitem_changelist")
    assert work.retry_now(WorkItem.objects.filter(pk=busy.pk)) == 0


def test_records_of_all_kinds_are_found_by_their_keys(account):
    order = baker.make(Order, account=account, number=uuid.uuid4(), short_id="abc", raw={})
    item = baker.make(Item, sku="GUM")
    wanted = [
        ("order", str(order.number)),
        ("item", str(item.pk)),
        ("new product", "GUM"),
        ("order", "no number"),
        ("product", "9" * 30),
        ("", ""),
        ("unheard of", "1"),
    ]
    found = records.pages(account.pk, wanted)
    assert {key: page.name for key, page in found.items()} == {
        wanted[0]: "Order abc",
        wanted[1]: "GUM",
        wanted[2]: "GUM",
    }
    assert records.pages(account.pk, wanted, lambda permission: False) == {}


def test_json_is_readable_also_when_it_was_cut():
    assert readable('{"a":[1,2]}') == '{\n  "a": [\n    1,\n    2\n  ]\n}'
    cut = readable('{"a": {"b, c": "x: [y]", "d": [1, "it was cu …')
    assert cut.splitlines() == [
        "{",
        '  "a": {',
        '    "b, c": "x: [y]",',
        '    "d": [',
        "      1,",
        '      "it was cu …',
    ]
    assert readable("<html>") == "<html>"
    assert readable("") == ""
