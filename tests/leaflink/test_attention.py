"""Needs attention: everything a person has to mend is on it, once, with where it is mended; and
what is mended is off it by itself."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility
from customers.models import Destination
from integrations import attention, notices, problems
from integrations.leaflink import cycle
from integrations.leaflink.models import Account, Listing, Order, Product, Staff
from integrations.models import Notice, Run, WorkItem
from orders.models import SalesOrder

INDEX = reverse("admin:index")


def everything(permission):
    return True


def waits(name=None):
    """The texts of what waits, of one source or of all."""
    groups = problems.find(everything)
    return [
        problem.text
        for group in groups
        if name in (None, group.source.name)
        for problem in group.problems
    ]


def the(name):
    (group,) = [group for group in problems.find(everything) if group.source.name == name]
    return group


def held_for_dana(bench, orders=3):
    gum = bench.goods()
    bench.sync("staff", "customers", "products")
    bench.sync("inventory")
    placed = [bench.order(bench.line(gum, n + 1)) for n in range(orders)]
    bench.sync("orders")
    return placed


def test_all_is_calm_when_both_sides_agree(bench):
    bench.goods()
    bench.ready()
    assert waits() == []


def test_one_rep_is_one_problem_however_many_orders_wait(bench):
    held_for_dana(bench, orders=3)
    group = the("rep_unmapped")
    (problem,) = group.problems
    assert problem.text == "Rep Dana Ruiz is not mapped to a sales rep."
    assert (problem.waiting, problem.value) == (3, Decimal("60.00"))
    assert problem.act.label == "Map to Dana Ruiz"


def test_a_rep_is_mapped_in_place_and_the_orders_come_in(bench, admin_client):
    held_for_dana(bench)
    act = the("rep_unmapped").problems[0].act
    answer = admin_client.post(f"{act.url}?next={INDEX}", dict(act.fields))
    assert answer.headers["Location"] == INDEX
    bench.settle()
    assert Order.objects.filter(state=Order.State.IMPORTED).count() == 3
    assert waits() == []


def test_a_rep_whom_nobody_is_like_is_made_in_place(bench, admin_client):
    bench.rep.delete()
    held_for_dana(bench)
    act = the("rep_unmapped").problems[0].act
    assert act.label == "Make Dana Ruiz a sales rep"
    admin_client.post(f"{act.url}?next={INDEX}")
    bench.settle()
    assert waits("rep_unmapped") == []


def test_what_holds_orders_is_grouped_by_product_and_by_item(bench):
    bench.account.link_exact_skus = False
    bench.account.save()
    gum = bench.goods("GUM")
    bench.sync("staff", "customers", "products")
    bench.map_dana()
    bench.world.set_quantity(gum.remote.id, "100")
    for _ in range(2):
        bench.order(bench.line(gum, 5))
    bench.sync("orders")
    (problem,) = the("product_unlinked").problems
    assert problem.text == "Product GUM (GUM) is not linked to an item."
    assert problem.waiting == 2
    assert "q=GUM" in problem.url


def test_short_stock_says_where_and_leads_to_receiving_it(bench):
    gum = bench.goods(on_hand=5)
    bench.ready()
    bench.world.set_quantity(gum.remote.id, "100")
    bench.order(bench.line(gum, 50))
    bench.sync("orders")
    (problem,) = the("short_of_stock").problems
    assert problem.text == "There is not enough of Item GUM (GUM) at Denver."
    assert f"item={gum.item.pk}" in problem.url


def test_the_oldest_day_comes_first_and_of_a_day_the_most_valuable(bench):
    now = timezone.now().replace(hour=12)
    made = [
        problems.Problem("a", "new", "", "", now, value=Decimal(900)),
        problems.Problem("b", "old", "", "", now - timedelta(days=3), value=Decimal(1)),
        problems.Problem("c", "new and dear", "", "", now, value=Decimal(1000)),
        problems.Problem("d", "whenever", "", "", None),
    ]
    assert [p.key for p in problems._sorted(made)] == ["b", "c", "a", "d"]


def test_a_refused_key_is_one_urgent_problem_until_the_key_works(bench):
    bench.goods()
    bench.ready()
    bench.world.revoke_app_key("app-key")
    for _ in range(3):
        cycle.run_cycle(bench.account)
    group = the("key")
    assert group.source.is_urgent
    (problem,) = group.problems
    assert "paste the App key anew" in problem.text
    assert problem.url == reverse(
        "admin:leaflink_account_setup", args=[bench.account.pk, "connect"]
    )
    assert waits("failing") == []
    bench.world.add_app_key("fresh", bench.seller.id, owner="x")
    bench.account.app_key = "fresh"
    bench.account.save()
    bench.sync()
    assert waits() == []


def test_work_that_was_given_up_while_leaflink_was_away_is_tried_again_when_it_answers(bench):
    gum = bench.goods()
    bench.ready()
    WorkItem.objects.create(
        connection=bench.account,
        kind="leaflink.listing",
        key=str(gum.item.pk),
        request=uuid.uuid4(),
        requested_at=timezone.now(),
        not_before=timezone.now(),
        stuck_at=timezone.now(),
        error_class="wait",
        error="LeafLink did not answer.",
        attempts=8,
    )
    assert waits("stuck") == ["Alder Peak: “Send quantity” is stuck. LeafLink did not answer."]
    bench.sync("orders")
    assert waits("stuck"), "LeafLink had answered all the time: it is this one's own trouble"
    bench.faults.next("500", path="orders-received", times=3)
    cycle.run_cycle(bench.account, ["orders"])
    bench.sync("orders")
    assert waits("stuck") == []
    bench.settle()
    assert not WorkItem.objects.exists()


def stuck(bench, count, error="It makes no sense."):
    for n in range(count):
        WorkItem.objects.create(
            connection=bench.account,
            kind="leaflink.product",
            key=str(n),
            request=uuid.uuid4(),
            requested_at=timezone.now(),
            not_before=timezone.now(),
            stuck_at=timezone.now(),
            error_class="badpayload",
            error=error,
        )


def test_stuck_work_of_a_kind_is_tried_again_by_one_button(bench, admin_client):
    stuck(bench, 30)
    (problem,) = the("stuck").problems
    assert problem.waiting == 30
    assert problem.act.label == "Try all again"
    admin_client.post(problem.act.url, dict(problem.act.fields))
    assert not WorkItem.objects.filter(stuck_at__isnull=False).exists()


def test_syncs_that_fail_for_minutes_are_told_with_the_reason_and_the_time(bench):
    bench.goods()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        bench.ready()
        bench.faults.next("500", path="orders-received", times=1000)
        cycle.run_cycle(bench.account, ["orders"])
        assert waits("failing") == []
        clock.shift(timedelta(minutes=10))
        cycle.run_cycle(bench.account, ["orders"])
        (text,) = waits("failing")
    assert text.startswith("Alder Peak: orders can't be read since ")
    assert "LeafLink has a problem of its own (500)." in text


def test_a_product_made_anew_is_linked_in_place(bench, admin_client):
    gum = bench.goods()
    bench.ready()
    bench.world.archive_product(gum.remote.id)
    again = bench.world.add_product(bench.seller.id, name="Product GUM", sku="GUM", quantity="0")
    bench.sync("products")
    (problem,) = the("link").problems
    assert "seems to have taken its place" in problem.text
    admin_client.post(f"{problem.act.url}?next={INDEX}")
    assert Listing.objects.get().product.remote_id == again.id
    assert waits("link") == []


def test_staff_are_told_of_before_their_first_order(bench):
    bench.sync("staff")
    assert waits("staff") == ["Alder Peak: 1 person is not mapped. Their next order would be held."]


def test_an_expired_license_counts_while_there_are_open_orders(bench):
    gum = bench.goods()
    bench.ready()
    bench.order(bench.line(gum, 1))
    bench.sync("orders")
    place = SalesOrder.objects.get().destination
    Destination.objects.filter(pk=place.pk).update(license_expires_on="2020-03-01")
    assert waits("license") == [
        f"The license of {place} expired on March 1, and it has open orders."
    ]
    SalesOrder.objects.update(status="completed")
    assert waits("license") == []


def test_more_promised_than_there_is(bench):
    gum = bench.goods(on_hand=10)
    bench.ready()
    bench.order(bench.line(gum, 10))
    bench.sync("orders")
    inventory.count(gum.item, bench.shop, Decimal(4))
    assert waits("promised") == ["More of Item GUM (GUM) is promised to orders than there is."]


def test_an_account_that_is_switched_off_has_no_problems(bench):
    held_for_dana(bench)
    stuck(bench, 1)
    Account.objects.update(is_active=False)
    assert waits() == []


def test_what_is_found_becomes_notices_and_what_is_gone_is_resolved(bench):
    held_for_dana(bench)
    notices.refresh()
    notices.refresh()
    notice = Notice.objects.get(source="rep_unmapped")
    assert (notice.waiting, notice.resolved_at) == (3, None)
    bench.map_dana()
    bench.sync("orders")
    bench.settle()
    cycle.run_cycle(bench.account, ["orders"])
    Staff.objects.get().save()
    bench.settle()
    notices.refresh()
    notice.refresh_from_db()
    assert notice.resolved_at
    assert not notices.open_ones().exists()


def test_a_source_that_fails_keeps_its_notices_and_the_others_are_looked_at(bench, monkeypatch):
    held_for_dana(bench)
    notices.refresh()
    stuck(bench, 1)

    def broken():
        raise RuntimeError("boom")

    sources = problems.sources()
    replaced = [
        problems.Source(s.name, s.label, s.category, broken, s.needs)
        if s.name == "rep_unmapped"
        else s
        for s in sources
    ]
    monkeypatch.setattr(problems, "sources", lambda: replaced)
    with pytest.raises(RuntimeError, match="boom"):
        notices.refresh()
    assert set(notices.open_ones().values_list("source", flat=True)) == {"rep_unmapped", "stuck"}


# The page


def which(name="rep_unmapped"):
    group = the(name)
    problem = group.problems[0]
    connection = problem.connection_id or ""
    return {"source": name, "key": problem.key, "connection": connection}


def test_the_page_says_what_to_do_and_where(bench, admin_client):
    held_for_dana(bench)
    text = admin_client.get(INDEX).content.decode()
    assert "Rep Dana Ruiz is not mapped" in text
    assert "3 orders wait</a>, worth $60.00" in text
    assert "Map to Dana Ruiz" in text


def test_a_problem_is_put_off_with_a_reason_and_comes_back(bench, admin_client):
    held_for_dana(bench)
    url = reverse("admin:integrations_notice_snooze")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        admin_client.force_login(User.objects.get(username="admin"))
        told = admin_client.post(url, {**which(), "until": "tomorrow", "reason": " "}, follow=True)
        assert "Say why it can wait" in told.content.decode()
        admin_client.post(url, {**which(), "until": "hour", "reason": "Dana calls back"})
        page = attention.look(everything)
        assert (page.count, len(page.snoozed)) == (0, 1)
        text = admin_client.get(INDEX).content.decode()
        assert "Put off (1)" in text
        assert "Dana calls back" in text
        clock.shift(timedelta(minutes=61))
        assert attention.look(everything).count == 1


def test_a_problem_put_off_is_put_back(bench, admin_client):
    held_for_dana(bench)
    data = which()
    admin_client.post(
        reverse("admin:integrations_notice_snooze"), {**data, "until": "monday", "reason": "x"}
    )
    admin_client.post(reverse("admin:integrations_notice_wake"), data)
    assert attention.look(everything).count == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"until": "never"}, "Choose until when it can wait."),
        ({"key": "staff 999"}, "That is mended already"),
        ({"source": "nonsense"}, "That is mended already"),
        ({"connection": "9" * 30}, "That is mended already"),
        ({"connection": "x"}, "That is mended already"),
    ],
)
def test_bad_input_is_told_and_changes_nothing(bench, admin_client, change, told):
    held_for_dana(bench)
    data = {**which(), "until": "hour", "reason": "x", **change}
    answer = admin_client.post(reverse("admin:integrations_notice_snooze"), data, follow=True)
    assert told in answer.content.decode()
    assert not Notice.objects.filter(snoozed_until__isnull=False).exists()


def test_a_problem_is_handed_to_a_person_who_sees_only_theirs(bench, admin_client, client):
    held_for_dana(bench)
    stuck(bench, 1)
    pat = User.objects.create_user("pat", password="x", is_staff=True, first_name="Pat")
    names = ("view_order", "change_notice", "view_workitem")
    pat.user_permissions.add(*Permission.objects.filter(codename__in=names))
    url = reverse("admin:integrations_notice_assign")
    admin_client.post(url, {**which(), "to": "pat"})
    client.force_login(pat)
    assert "is stuck" in client.get(INDEX).content.decode()
    mine = client.get(INDEX, {"mine": "1"}).content.decode()
    assert "Rep Dana Ruiz is not mapped" in mine
    assert "is stuck" not in mine
    told = admin_client.post(url, {**which(), "to": "nobody"}, follow=True).content.decode()
    assert "Choose somebody who can log in here." in told
    admin_client.post(url, {**which(), "to": ""})
    assert Notice.objects.get(source="rep_unmapped").assigned_to is None


def test_people_see_what_they_may_mend_and_press_what_they_may_press(bench, client):
    held_for_dana(bench)
    stuck(bench, 1)
    clerk = User.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(clerk)
    text = client.get(INDEX).content.decode()
    assert "Rep Dana Ruiz is not mapped" in text
    assert "Map to Dana Ruiz" not in text
    assert "Later…" not in text
    assert "is stuck" not in text
    for name in ("snooze", "wake", "assign", "retry", "dealt_with"):
        url = reverse(f"admin:integrations_notice_{name}")
        assert client.get(url).status_code == 405
        assert client.post(url, which()).status_code == 403
    assert not Notice.objects.exists()


def test_a_record_that_can_not_be_read_is_dealt_with_by_one_button(bench, admin_client):
    notices.notify(bench.account, Notice.Category.UNREADABLE, "order 1", "Order 1 makes no sense.")
    (problem,) = the("record").problems
    assert problem.text == "Alder Peak: Order 1 makes no sense."
    admin_client.post(problem.act.url, dict(problem.act.fields))
    assert waits() == []


def test_hundreds_are_cut_and_shown_when_asked_for(bench, admin_client):
    account = bench.account
    for n in range(40):
        order = baker.make(
            Order, account=account, number=uuid.uuid4(), state="held", total=Decimal(n)
        )
        product = baker.make(Product, account=account, remote_id=n + 900, name=f"P{n}", sku=f"P{n}")
        baker.make("leaflink.Blocker", order=order, code="product_unlinked", product=product)
    text = admin_client.get(INDEX).content.decode()
    assert text.count("is not linked to an item.") == 2 * attention.AT_FIRST
    assert "Show all 40" in text
    text = admin_client.get(INDEX, {"open": "product_unlinked"}).content.decode()
    assert text.count("is not linked to an item.") == 2 * 40


def test_the_page_costs_the_same_however_much_waits(
    bench, admin_client, django_assert_max_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    held_for_dana(bench, orders=1)
    stuck(bench, 1)
    notices.refresh()
    admin_client.get(INDEX)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(INDEX)
    for n in range(20):
        person = bench.world.add_staff(bench.seller.id, f"Rep {n}", f"rep{n}@peak.example")
        bench.order(
            {"product_id": Product.objects.get().remote_id, "quantity": 1},
            sales_rep_ids=[person.id],
        )
    bench.sync("staff", "orders")
    baker.make(Run, connection=bench.account, kind="orders", outcome="failed")
    notices.refresh()
    with django_assert_max_num_queries(len(few)):
        admin_client.get(INDEX)
    with django_assert_max_num_queries(150):
        notices.refresh()


def test_facilities_are_no_problem_of_their_own(bench):
    baker.make(Facility, name="Empty", license_number="L9")
    assert waits() == []


# What a review found


def test_a_missing_permission_hides_no_failing_sync(bench):
    bench.ready()
    notices.notify(bench.account, Notice.Category.CREDENTIALS, "customers", "CRM is forbidden.")
    old = timezone.now() - timedelta(hours=3)
    Run.objects.all().delete()
    for kind in ("orders", "customers"):
        baker.make(
            Run,
            connection=bench.account,
            kind=kind,
            outcome="failed",
            started_at=old,
            finished_at=old,
            error="LeafLink has a problem of its own (500).",
        )
    (text,) = waits("failing")
    assert "orders can't be read" in text


def test_two_problems_of_one_order_are_two(bench, admin_user):
    held_for_dana(bench, orders=1)
    order = Order.objects.get()
    order.blockers.all().delete()
    for code in ("customer_unknown", "total_mismatch"):
        baker.make("leaflink.Blocker", order=order, code=code, text="Look.")
    notices.refresh()
    assert notices.open_ones().filter(category="held").count() == 2
    notice = attention.notice_of("customer_unknown", f"order {order.pk}", bench.account.pk)
    attention.snooze(notice, timezone.now() + timedelta(days=2), "x", by=admin_user)
    page = attention.look(everything)
    assert [row.source.name for row in page.snoozed] == ["customer_unknown"]
    assert "total_mismatch" in [shown.group.source.name for shown in page.groups]


def test_an_account_without_a_key_is_told(bench):
    bench.ready()
    Account.objects.update(app_key="")
    assert waits("key") == [
        "Alder Peak has no App key, so nothing is read from LeafLink or sent to it."
    ]


def test_a_key_that_can_not_be_decrypted_is_told_at_once(bench, settings):
    from cryptography.fernet import Fernet

    bench.ready()
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    account = Account.objects.get()
    cycle.run_cycle(account, ["orders"])
    (text,) = waits("key")
    assert "Put the encryption key it was stored with back" in text


def test_nothing_is_called_resolved_because_there_is_much_of_it(bench):
    now = timezone.now()

    def held(placed_at):
        order = baker.make(
            Order, account=bench.account, number=uuid.uuid4(), state="held", placed_at=placed_at
        )
        baker.make("leaflink.Blocker", order=order, code="customer_unknown", text="x")

    for n in range(510):
        held(now - timedelta(minutes=n))
    notices.refresh()
    held(now - timedelta(days=5))
    notices.refresh()
    assert notices.open_ones().count() == 511


def test_all_of_a_group_is_shown_page_by_page(bench, admin_client):
    for n in range(130):
        order = baker.make(Order, account=bench.account, number=uuid.uuid4(), state="held")
        baker.make("leaflink.Blocker", order=order, code="customer_unknown", text=f"Who {n}?")
    first = admin_client.get(INDEX, {"open": "customer_unknown"}).content.decode()
    assert "Page 1 of 2" in first
    second = admin_client.get(INDEX, {"open": "customer_unknown", "page": "2"}).content.decode()
    assert "Page 2 of 2" in second
    assert first.count('class="lb-problem"') == 100
    assert second.count('class="lb-problem"') == 30
    assert admin_client.get(INDEX, {"open": "customer_unknown", "page": "x"}).status_code == 200


def test_who_may_not_paste_a_key_is_told_who_can(bench, client):
    bench.ready()
    Account.objects.update(app_key="")
    reader = User.objects.create_user("reader", password="x", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_account"))
    client.force_login(reader)
    text = client.get(INDEX).content.decode()
    assert "An administrator can mend it." in text
    assert "Paste the key anew" not in text
