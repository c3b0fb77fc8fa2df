"""Setting an account up, step by step, against the stand-in; what is not done before it is live."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import inventory
from catalog.models import Brand, Facility, Item, Stock
from customers.models import SalesRep
from integrations import work
from integrations.leaflink import first_run, go_live, jobs, opening_stock, setup_steps
from integrations.leaflink.admin.setup import connect
from integrations.leaflink.blocking_settings import blocking_settings
from integrations.leaflink.cycle import run_cycle
from integrations.leaflink.models import (
    Account,
    AccountBrand,
    Listing,
    Order,
    Product,
    Staff,
    WebhookDelivery,
)
from integrations.leaflink.sandbox import order_rules
from integrations.leaflink.sandbox.webhooks import signature
from integrations.models import Lease, Notice, Run, WorkItem
from orders import allocation
from orders.models import SalesOrder
from tests.leaflink.pages import text_of, url


@pytest.fixture
def empty(bench):
    """LeafLink has a business; here is nothing at all."""
    AccountBrand.objects.all().delete()
    Account.objects.all().delete()
    SalesRep.objects.all().delete()
    Facility.objects.all().delete()
    Brand.objects.all().delete()
    brand = bench.world.add_brand(bench.seller.id, "Alder")
    for n in range(6):
        bench.world.add_product(
            bench.seller.id, name=f"Gummies {n}", sku=f"G{n}", brand_id=brand.id, quantity="40"
        )
    return bench


def of(bench, n=0):
    """The stand-in's product number n."""
    return list(bench.world.products.values())[n]


def place(bench, n=0, units=4, **options):
    options.setdefault("sales_rep_ids", [bench.dana.id])
    line = {"product_id": of(bench, n).id, "quantity": units}
    return bench.world.place_order(bench.seller.id, bench.buyer.id, [line], **options)


def step(client, account, key, data=None, **query):
    address = url("leaflink_account_setup", account.pk, key)
    if data is None:
        return client.get(address, query)
    return client.post(address, data, follow=True)


KEY = {"host": "stand-in", "stand_in_url": "http://leaflink.test", "app_key": "app-key"}


def connected(client):
    """An account made by the first step, its lists read by the worker."""
    client.post(url("leaflink_account_begin"), KEY)
    work.drain()
    return Account.objects.get()


def chosen(client):
    """Brands and facility as well, and everybody mapped."""
    account = connected(client)
    entry = account.list_entries.get(list="brand")
    place = {"new_facility": "Denver", "new_license": "L1"}
    step(client, account, "catalog", {f"entry-{entry.pk}": "on", **place})
    staff = Staff.objects.get()
    step(client, account, "reps", {f"rep-{staff.pk}": "new"})
    return account


def made(client):
    """Items made and linked, rules chosen: all but going live."""
    account = chosen(client)
    products = Product.objects.values_list("pk", flat=True)
    data = {"product": list(products), "stock": "on", "facility": Facility.objects.get().pk}
    step(client, account, "make-items", data)
    step(client, account, "rules", {"preset": "flourish", "since": "open"})
    step(client, account, "dry-run", {})
    account.refresh_from_db()
    return account


def go(client, account, **data):
    page = step(client, account, "go-live")
    seen = page.context["ready"].seen
    answer = step(client, account, "go-live", {"seen": seen, **data})
    account.refresh_from_db()
    return answer


def reads_only(bench):
    """Nothing was changed in LeafLink since the last look."""
    changed = [c for c in bench.calls() if not c.startswith("GET")]
    return [c for c in changed if not c.endswith(("/products/0/", "-000000000000/"))] == []


def test_from_nothing_to_live(empty, admin_client):
    order = place(empty)
    account = made(admin_client)
    assert account.in_setup
    assert reads_only(empty)
    page = go(admin_client, account)
    assert not account.in_setup
    assert "The first exchange is under way" in text_of(page)
    work.drain()
    assert "You're live" in text_of(step(admin_client, account, "go-live"))
    assert Order.objects.get(number=order.number).state == Order.State.IMPORTED
    assert Listing.objects.filter(last_sent=40).count() == 6
    assert [p.quantity for p in empty.world.products.values()] == [40] * 6
    assert not WorkItem.objects.exists()


def test_each_step_says_where_one_is(empty, admin_client):
    account = connected(admin_client)
    states = {one.step.key: one.state for one in setup_steps.progress(account)}
    assert states["connect"] == "done"
    assert states["webhook"] == states["go-live"] == "todo"
    assert setup_steps.first_open(account) == "webhook"
    for key in setup_steps.BY_KEY:
        text = step(admin_client, account, key).content.decode()
        assert text.count('aria-current="step"') == 1
        assert "app-key" not in text
    answer = admin_client.get(url("leaflink_account_go_on", account.pk))
    assert answer.url == url("leaflink_account_setup", account.pk, "webhook")


def test_the_name_is_the_companys_unless_one_is_given(empty, admin_client):
    assert connected(admin_client).name == "Alder Peak"


def test_a_bad_form_makes_no_account(empty, admin_client):
    for data in (
        {},
        {**KEY, "app_key": ""},
        {**KEY, "app_key": "with blank"},
        {**KEY, "stand_in_url": "javascript:alert(1)"},
        {**KEY, "host": "nowhere"},
    ):
        answer = admin_client.post(url("leaflink_account_begin"), data)
        assert answer.status_code == 200
        assert 'class="lb-error"' in answer.content.decode()
    assert not Account.objects.exists()


def test_two_clicks_make_one_account(empty, admin_client):
    for _ in range(2):
        admin_client.post(url("leaflink_account_begin"), {**KEY, "name": "Mine"})
    assert Account.objects.count() == 1


def test_two_clicks_at_once_make_one_account(empty, admin_client, monkeypatch):
    names, second = connect._names, []

    def click_again(wanted):
        # The first click has found no such account, and has not made one yet.
        monkeypatch.setattr(connect, "_names", names)
        second.append(admin_client.post(url("leaflink_account_begin"), KEY, follow=True))
        return names(wanted)

    monkeypatch.setattr(connect, "_names", click_again)
    admin_client.post(url("leaflink_account_begin"), KEY)
    assert "An account is being made at this moment" in text_of(second[0])
    assert [one.name for one in Account.objects.all()] == ["Alder Peak"]
    assert not Lease.objects.filter(name="new leaflink account").exists()


def test_a_wrong_key_leaves_an_account_to_go_on_with(empty, admin_client):
    answer = admin_client.post(
        url("leaflink_account_begin"), {**KEY, "app_key": "wrong"}, follow=True
    )
    assert "does not know this key" in text_of(answer)
    account = Account.objects.get()
    assert account.in_setup
    assert not WorkItem.objects.exists()
    answer = step(admin_client, account, "connect", KEY)
    assert "Connected to Alder Peak" in text_of(answer)
    assert Account.objects.get().app_key == "app-key"


def test_a_key_revoked_midway_is_told_and_keeps_it_from_going_live(empty, admin_client):
    account = made(admin_client)
    empty.world.app_keys.clear()
    answer = go(admin_client, account)
    assert "does not know this key" in text_of(answer)
    assert account.in_setup
    assert "Not yet" in text_of(answer)
    assert setup_steps.first_open(account) == "connect"


def test_leaflink_being_down_keeps_it_from_going_live_until_it_is_back(empty, admin_client):
    account = made(admin_client)
    empty.faults.next("500", times=50)
    answer = go(admin_client, account)
    assert "The key was not tested" in text_of(answer)
    assert account.in_setup
    text = text_of(step(admin_client, account, "dry-run", part="orders"))
    assert "a problem of its own (500)" in text
    empty.faults._planned.clear()
    step(admin_client, account, "connect", {"again": "1"})
    go(admin_client, account)
    assert not account.in_setup


def test_nothing_linked_is_nothing_to_go_live_with(empty, admin_client):
    account = chosen(admin_client)
    answer = go(admin_client, account)
    assert "No product is linked" in text_of(answer)
    assert account.in_setup


def test_going_live_twice_is_once(empty, admin_client, admin_user):
    account = made(admin_client)
    stale = Account.objects.get()
    seen = go_live.readiness(account).seen
    go(admin_client, account)
    at = account.went_live_at
    go_live.go_live(stale, sell_out=True, seen=seen, by=admin_user)
    account.refresh_from_db()
    assert account.went_live_at == at
    assert not Listing.objects.filter(zero_allowed_until__isnull=False).exists()


# -- before it is live ----------------------------------------------------------------------


def test_before_it_is_live_jobs_read_lists_and_do_nothing_else(empty, admin_client):
    order = place(empty)
    account = chosen(admin_client)
    Item.objects.create(sku="G0", name="Same SKU", brand=Brand.objects.get(), is_active=True)
    account.link_exact_skus = account.create_products = account.push_details = True
    account.save()
    empty.calls()
    jobs.poll_orders()
    jobs.push_inventory()
    jobs.pull_catalog()
    jobs.audit()
    work.drain()
    read = {call.split("/")[1] for call in empty.calls() if call.startswith("GET")}
    assert "products" in read
    assert "orders-received" not in read
    assert not Listing.objects.exists()
    assert not Order.objects.filter(number=order.number).exists()
    assert not SalesOrder.objects.exists()
    assert not Notice.objects.exists()
    assert not Run.objects.filter(kind__in=("orders", "inventory", "statuses")).exists()


def test_before_it_is_live_no_work_touches_leaflink(empty, admin_client):
    order = place(empty)
    account = made(admin_client)
    empty.calls()
    item = str(Item.objects.first().pk)
    asked = {
        "leaflink.order": order.number,
        "leaflink.status": order.number,
        "leaflink.payment": order.number,
        "leaflink.reconsider": order.number,
        "leaflink.batch": "unread",
        "leaflink.inventory": "all",
        "leaflink.listing": item,
        "leaflink.details": item,
        "leaflink.create": item,
    }
    for kind, key in asked.items():
        work.ask(account.pk, kind, [key], WorkItem.Priority.ORDERS)
    work.drain()
    assert empty.calls() == []
    assert not Order.objects.exists()
    assert not WorkItem.objects.exists()


def test_before_it_is_live_a_step_that_is_asked_for_says_why_not(empty, admin_client):
    account = made(admin_client)
    by_name = {one.name: one for one in run_cycle(account, ["inventory"])}
    assert "in set-up" in by_name["inventory"].error
    assert "orders" not in by_name
    assert {one.name for one in run_cycle(account)} == {"staff", "customers", "products"}


def test_an_account_made_by_hand_is_live_as_ever(bench, admin_client):
    assert not bench.account.in_setup
    text = text_of(step(admin_client, bench.account, "go-live"))
    assert "is live already" in text
    assert "In set-up" not in text_of(admin_client.get(url("leaflink_account_changelist")))


# -- webhooks -------------------------------------------------------------------------------


def hook(client, account, key="hook"):
    body = b'{"type": "order", "action": "create", "data": {"number": "x"}}'
    return client.post(
        f"/leaflink/webhooks/{account.webhook_id}/",
        body,
        content_type="application/json",
        headers={"LL-Signature": signature(key, body)},
    ).status_code


def test_the_first_signed_webhook_is_waited_for(empty, admin_client, client):
    account = connected(admin_client)
    text = step(admin_client, account, "webhook").content.decode()
    assert account.webhook_url in text
    step(admin_client, account, "webhook", {"webhook_key": "hook"})
    assert "Waiting for the first signed webhook" in text_of(
        step(admin_client, account, "webhook", part="hook")
    )
    assert hook(client, account, "another") == 403
    told = text_of(step(admin_client, account, "webhook", part="hook"))
    assert "signed with another key" in told
    assert not WebhookDelivery.objects.exists()
    assert hook(client, account) == 200
    told = step(admin_client, account, "webhook", part="hook")
    assert "The first signed webhook has come" in text_of(told)
    assert "hx-trigger" not in told.content.decode()
    assert WebhookDelivery.objects.count() == 1
    assert not WorkItem.objects.exists()
    assert not Order.objects.exists()


def test_webhooks_can_be_passed_over(empty, admin_client):
    account = connected(admin_client)
    answer = step(admin_client, account, "webhook", {"skip": "1"})
    assert answer.redirect_chain[-1][0] == url("leaflink_account_setup", account.pk, "catalog")
    account.refresh_from_db()
    assert setup_steps.is_confirmed(account, "webhook")


# -- brands, facilities, reps, products -----------------------------------------------------


def test_leaflinks_brands_are_suggested_and_made(empty, admin_client):
    account = connected(admin_client)
    page = step(admin_client, account, "catalog")
    [row] = page.context["brands"]
    assert (row.name, row.products, row.is_ticked, row.brand) == ("Alder", 6, True, None)
    assert page.context["new_facility"] == "Alder Peak"
    chosen(admin_client)
    account = Account.objects.get()
    assert [str(one) for one in account.brands.all()] == ["Alder"]
    assert account.default_facility == Facility.objects.get(name="Denver")


def test_a_brand_of_the_same_name_is_taken_and_another_accounts_is_left(empty, admin_client):
    ours = Brand.objects.create(name="alder ")
    theirs = Brand.objects.create(name="Theirs")
    other = Account.objects.create(name="Other", host=Account.Host.SANDBOX)
    AccountBrand.objects.create(account=other, brand=theirs)
    admin_client.post(url("leaflink_account_begin"), KEY)
    work.drain()
    account = Account.objects.get(in_setup=True)
    page = step(admin_client, account, "catalog")
    rows = {row.name: row for row in page.context["brands"]}
    assert (rows["Alder"].brand, rows["Alder"].is_ticked) == (ours, True)
    assert rows["Theirs"].sold_by == other
    data = {row.field: "on" for row in rows.values()}
    step(admin_client, account, "catalog", {**data, "new_facility": "D", "new_license": "L"})
    assert AccountBrand.objects.get(account=account).brand == ours
    assert AccountBrand.objects.get(account=other).brand == theirs


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"new_facility": "D", "new_license": "L"}, "Tick at least one brand"),
        ({"entry": True}, "A facility needs a name and its license number"),
        ({"entry": True, "new_facility": "D"}, "License number: This field cannot be blank"),
    ],
)
def test_what_is_missing_is_told_and_nothing_is_changed(empty, admin_client, data, told):
    account = connected(admin_client)
    if data.pop("entry", False):
        data[f"entry-{account.list_entries.get(list='brand').pk}"] = "on"
    assert told in text_of(step(admin_client, account, "catalog", data))
    assert not Facility.objects.exists()
    assert not Brand.objects.exists()
    assert not AccountBrand.objects.exists()


def test_a_brand_with_linked_products_stays(empty, admin_client):
    account = made(admin_client)
    data = {"default_facility": Facility.objects.get().pk}
    answer = step(admin_client, account, "catalog", data)
    assert "has linked products" in text_of(answer)
    assert account.brands.count() == 1


def test_a_company_without_brands_is_told_what_to_do(empty, admin_client):
    empty.world.brands.clear()
    account = connected(admin_client)
    text = text_of(step(admin_client, account, "catalog"))
    assert "LeafLink has no brands of this company" in text


def test_pages_wait_for_the_first_reading(empty, admin_client):
    admin_client.post(url("leaflink_account_begin"), KEY)
    account = Account.objects.get()
    for key in ("catalog", "reps", "products"):
        assert "are being read" in text_of(step(admin_client, account, key))
        assert "HX-Refresh" not in step(admin_client, account, key, part="reading").headers
    work.drain()
    for key in ("catalog", "reps", "products"):
        assert "HX-Refresh" in step(admin_client, account, key, part="reading").headers


def test_reps_are_suggested_by_email_and_not_made_beside_others(empty, admin_client):
    rep = SalesRep.objects.create(name="D. Ruiz", email="Dana@peak.example")
    account = connected(admin_client)
    page = step(admin_client, account, "reps")
    assert [(str(p), r, m) for p, r, m in page.context["people"]] == [("Dana Ruiz", rep, False)]
    step(admin_client, account, "reps", {f"rep-{Staff.objects.get().pk}": str(rep.pk)})
    assert Staff.objects.get().sales_rep == rep
    assert SalesRep.objects.count() == 1


def test_exact_matches_are_linked_at_one_click_and_twice_is_once(empty, admin_client):
    account = chosen(admin_client)
    for n in range(3):
        Item.objects.create(sku=f"G{n}", name=f"Ours {n}", brand=Brand.objects.get())
    page = step(admin_client, account, "products")
    assert page.context["exact"] == 3
    assert "3 products are linked" in text_of(
        step(admin_client, account, "products", {"exact": "1"})
    )
    assert "No exact match is left" in text_of(
        step(admin_client, account, "products", {"exact": "1"})
    )
    assert Listing.objects.count() == 3
    assert Item.objects.count() == 3


def test_unticked_products_make_no_items(empty, admin_client):
    account = chosen(admin_client)
    products = list(Product.objects.order_by("sku"))
    data = {"shown": [p.pk for p in products], "product": [p.pk for p in products[:2]]}
    answer = step(admin_client, account, "make-items", data)
    assert "2 items are made and linked" in text_of(answer)
    assert sorted(Item.objects.values_list("sku", flat=True)) == ["G0", "G1"]


def test_opening_stock_is_taken_over_only_where_it_is_counted(empty, admin_client):
    account = chosen(admin_client)
    counted = Facility.objects.get()
    other = Facility.objects.create(name="Boulder", license_number="L2")
    Facility.objects.create(name="Lab", license_number="L3", sells=False)
    account.facilities.set([])
    both = step(admin_client, account, "make-items").context["facilities"]
    assert set(both) == {counted, other}
    account.facilities.set([counted])
    assert list(step(admin_client, account, "make-items").context["facilities"]) == [counted]
    products = list(Product.objects.values_list("pk", flat=True))
    data = {"product": products, "stock": "on", "facility": other.pk}
    told = text_of(step(admin_client, account, "make-items", data))
    assert "among those that are counted for this account" in told
    assert not Item.objects.exists()
    step(admin_client, account, "make-items", {**data, "facility": counted.pk})
    assert step(admin_client, account, "go-live").context["ready"].push.zero == 0


# -- rules and the dry run ------------------------------------------------------------------


def test_rules_are_set_by_style_and_by_day(empty, admin_client):
    account = chosen(admin_client)
    assert "Flourish style" in text_of(step(admin_client, account, "rules"))
    data = {"preset": "distru", "since": "day", "day": "2026-03-01"}
    step(admin_client, account, "rules", data)
    account.refresh_from_db()
    assert account.status_map["created"] == "Accepted"
    assert timezone.localtime(account.import_since).isoformat()[:10] == "2026-03-01"
    assert setup_steps.is_confirmed(account, "rules")
    for bad in ({"preset": "x", "since": "open"}, {"preset": "keep", "since": "day", "day": "?"}):
        step(admin_client, account, "rules", bad)
    account.refresh_from_db()
    assert timezone.localtime(account.import_since).isoformat()[:10] == "2026-03-01"


def test_from_now_on_means_now_whatever_day_was_set(empty, admin_client):
    account = chosen(admin_client)
    step(
        admin_client, account, "rules", {"preset": "flourish", "since": "day", "day": "2026-01-01"}
    )
    before = timezone.now()
    step(admin_client, account, "rules", {"preset": "flourish", "since": "now"})
    account.refresh_from_db()
    assert account.import_since >= before


def test_saving_the_rules_again_keeps_the_moment(empty, admin_client):
    account = chosen(admin_client)
    assert step(admin_client, account, "rules").context["since"] == "open"
    step(admin_client, account, "rules", {"preset": "flourish", "since": "now"})
    account.refresh_from_db()
    moment = account.import_since
    page = step(admin_client, account, "rules")
    since = f"{timezone.localtime(moment):%-d %B %Y, %H:%M}"
    assert f"As it is now: those placed since {since}" in text_of(page)
    again = {"preset": "keep", "since": page.context["since"], "day": page.context["day"]}
    step(admin_client, account, "rules", again)
    account.refresh_from_db()
    assert account.import_since == moment


def test_the_dry_run_tells_what_would_be_and_stores_nothing(empty, admin_client):
    place(empty, 0)
    place(empty, 1, sales_rep_ids=[])
    account = made(admin_client)
    empty.world.set_quantity(of(empty, 2).id, "7")
    empty.world.set_quantity(of(empty, 3).id, "99")
    jobs.pull_catalog()
    empty.calls()
    before = (Run.objects.count(), Notice.objects.count(), WorkItem.objects.count())
    found = first_run.preview_import(account)
    push = first_run.preview_push(account)
    assert (found.there, found.would_import, found.held) == (2, 1, 1)
    assert found.reasons == [("No sales rep", 1)]
    assert (push.changes, push.up, push.down, push.zero) == (2, 1, 1, 0)
    assert not Order.objects.exists()
    assert not SalesOrder.objects.exists()
    assert (Run.objects.count(), Notice.objects.count(), WorkItem.objects.count()) == before
    assert reads_only(empty)
    text = text_of(step(admin_client, account, "dry-run"))
    assert "2 of 6 products would change in LeafLink" in text
    part = text_of(step(admin_client, account, "dry-run", part="orders"))
    assert "1 would come in" in part
    assert "1 would be held" in part


def test_the_network_is_done_with_before_the_try_out_begins(empty, admin_client, monkeypatch):
    account = made(admin_client)
    place(empty)
    send = first_run.LeafLinkClient._request
    depth = len(connection.savepoint_ids)

    def outside(self, *args, **kwargs):
        assert len(connection.savepoint_ids) == depth
        return send(self, *args, **kwargs)

    monkeypatch.setattr(first_run.LeafLinkClient, "_request", outside)
    assert first_run.preview_import(account).would_import == 1


def test_the_cut_off_day_counts_in_the_dry_run(empty, admin_client):
    place(empty)
    account = made(admin_client)
    account.import_since = timezone.now() + timedelta(days=1)
    account.save()
    assert first_run.preview_import(account).there == 0


def test_just_one_product_is_sent(empty, admin_client):
    account = made(admin_client)
    # What it reserves comes as a surprise, and brings no order in.
    place(empty, 0)
    empty.world.set_quantity(of(empty, 0).id, "1")
    empty.world.set_quantity(of(empty, 1).id, "1")
    jobs.pull_catalog()
    answer = step(admin_client, account, "dry-run", {"sku": "g0"})
    assert "G0: 40 was sent, and LeafLink took it." in text_of(answer)
    assert [p.quantity for p in empty.world.products.values()][:2] == [40, 1]
    assert not Order.objects.exists()
    assert "There is no item with the SKU" in text_of(
        step(admin_client, account, "dry-run", {"sku": "nope"})
    )


@pytest.mark.parametrize("spelled", ["whole", "short", "hash"])
def test_just_one_order_is_taken_in(empty, admin_client, spelled):
    order, other = place(empty, 0), place(empty, 1)
    account = made(admin_client)
    words = {"whole": order.number, "short": order.number[-8:], "hash": f"#{order.number[-8:]}"}
    answer = step(admin_client, account, "dry-run", {"order": words[spelled].upper()})
    assert "came in" in text_of(answer)
    assert Order.objects.get().state == Order.State.IMPORTED
    assert str(Order.objects.get().number) == order.number != other.number
    work.drain()
    assert empty.world.order(order.number).status == "Submitted"


def test_an_order_that_is_not_there_says_so(empty, admin_client):
    account = made(admin_client)
    for words in ("12345678", "00000000-0000-4000-8000-000000000000", ""):
        answer = step(admin_client, account, "dry-run", {"order": words})
        assert re.search("No open order|has no order|Give the order's number", text_of(answer))
    assert not Order.objects.exists()


# -- the brake, and LeafLink's settings -----------------------------------------------------


@pytest.fixture
def without_stock(empty, admin_client):
    """Everything is linked, and nothing lies on the shelf."""
    account = chosen(admin_client)
    products = list(Product.objects.values_list("pk", flat=True))
    step(admin_client, account, "make-items", {"product": products})
    step(admin_client, account, "rules", {"preset": "flourish", "since": "open"})
    account.refresh_from_db()
    return account


def test_what_would_sell_out_has_to_be_answered(empty, admin_client, without_stock):
    answer = go(admin_client, without_stock)
    assert "6 products would be sold out in LeafLink at once" in text_of(answer)
    assert without_stock.in_setup


def test_a_yes_sells_out_just_those(empty, admin_client, without_stock):
    go(admin_client, without_stock, zero="yes")
    work.drain()
    assert [p.quantity for p in empty.world.products.values()] == [0] * 6
    assert not Notice.objects.filter(category=Notice.Category.BRAKE).exists()


def test_a_no_leaves_them_to_the_brake(empty, admin_client, without_stock):
    go(admin_client, without_stock, zero="no")
    work.drain()
    assert [p.quantity for p in empty.world.products.values()] == [40] * 6
    assert Listing.objects.filter(braked_at__isnull=False).count() == 6


def test_few_that_are_not_sold_out_keep_it_from_going_live(empty, admin_client):
    account = made(admin_client)
    inventory.count(Item.objects.get(sku="G0"), Facility.objects.get(), Decimal(0), reason="Count")
    answer = go(admin_client, account, zero="no")
    assert "Then correct the stock first" in text_of(answer)
    assert account.in_setup
    go(admin_client, account, zero="yes")
    work.drain()
    assert [p.quantity for p in empty.world.products.values()] == [0, 40, 40, 40, 40, 40]


def test_a_yes_to_other_products_is_no_yes(empty, admin_client, without_stock):
    seen = go_live.readiness(without_stock).seen
    extra = empty.world.add_product(
        empty.seller.id, name="Late", sku="LATE", brand_id=of(empty).brand_id, quantity="5"
    )
    jobs.pull_catalog()
    late = Product.objects.get(remote_id=extra.id)
    step(admin_client, without_stock, "make-items", {"product": [late.pk]})
    answer = step(admin_client, without_stock, "go-live", {"seen": seen, "zero": "yes"})
    assert "has changed since this page was opened" in text_of(answer)
    without_stock.refresh_from_db()
    assert without_stock.in_setup


# -- opening stock that LeafLink has sold from since -----------------------------------------


def quantities(bench):
    return [p.quantity for p in bench.world.products.values()]


def test_what_leaflink_shipped_during_set_up_is_not_offered_again(empty, admin_client):
    order = place(empty, units=30)
    account = made(admin_client)
    for action in ("accept", "fulfill", "ship"):
        order_rules.transition(empty.world, str(order.number), action)
    assert of(empty).quantity == 10
    answer = go(admin_client, account)
    assert "LeafLink had sold of 1 item meanwhile" in text_of(answer)
    work.drain()
    assert quantities(empty) == [10, 40, 40, 40, 40, 40]
    item = Item.objects.get(sku="G0")
    assert inventory.levels([item.pk])[item.pk].on_hand == 10
    assert item.movements.first().reason == opening_stock.WHEN_LIVE


def test_the_page_tells_of_how_many_the_stock_is_counted_down(empty, admin_client):
    account = made(admin_client)
    empty.world.set_quantity(of(empty, 0).id, "0")
    empty.world.set_quantity(of(empty, 1).id, "7")
    empty.world.set_quantity(of(empty, 2).id, "99")
    jobs.pull_catalog()
    page = step(admin_client, account, "go-live")
    assert "Of 2 items LeafLink has less than when the opening stock" in text_of(page)
    assert page.context["ready"].push.up == 0
    assert set(Stock.objects.values_list("on_hand", flat=True)) == {40}
    go(admin_client, account)
    work.drain()
    assert quantities(empty) == [0, 7, 40, 40, 40, 40]


def test_stock_that_was_changed_here_waits_for_a_yes_before_it_rises(empty, admin_client):
    account = made(admin_client)
    inventory.receive(Item.objects.get(sku="G0"), Facility.objects.get(), Decimal(5))
    empty.world.set_quantity(of(empty, 0).id, "10")
    answer = go(admin_client, account, raised="yes")
    assert "has changed since this page was opened" in text_of(answer)
    assert "More would be offered than LeafLink has" in text_of(answer)
    assert "say yes to it" in text_of(go(admin_client, account))
    assert "Then correct the stock first" in text_of(go(admin_client, account, raised="no"))
    assert account.in_setup
    assert of(empty).quantity == 10
    go(admin_client, account, raised="yes")
    work.drain()
    assert quantities(empty) == [45, 40, 40, 40, 40, 40]


def test_what_was_sent_in_set_up_is_not_counted_down(empty, admin_client):
    account = made(admin_client)
    account.safety_units = 5
    account.save()
    step(admin_client, account, "dry-run", {"sku": "g0"})
    assert of(empty).quantity == 35
    go(admin_client, account)
    work.drain()
    assert quantities(empty) == [35] * 6
    assert set(Stock.objects.values_list("on_hand", flat=True)) == {40}


def test_counted_down_it_may_sell_out_and_then_has_to_be_answered(empty, admin_client):
    account = made(admin_client)
    account.safety_units = 15
    account.save()
    empty.world.set_quantity(of(empty, 0).id, "10")
    jobs.pull_catalog()
    assert step(admin_client, account, "go-live").context["ready"].push.zero == 1
    go(admin_client, account)
    assert account.in_setup
    assert set(Stock.objects.values_list("on_hand", flat=True)) == {40}
    go(admin_client, account, zero="yes")
    work.drain()
    assert quantities(empty) == [0, 25, 25, 25, 25, 25]


def test_quantities_that_can_not_be_read_keep_it_from_going_live(
    empty, admin_client, monkeypatch, admin_user
):
    account = made(admin_client)
    seen = go_live.readiness(account).seen
    empty.world.set_quantity(of(empty, 0).id, "10")
    # The test of the key was good, and then LeafLink goes down.
    monkeypatch.setattr(go_live.check_key, "check", lambda account: None)
    empty.faults.next("500", times=50)
    with pytest.raises(go_live.NotReady, match="Try again in a few minutes"):
        go_live.go_live(account, sell_out=False, seen=seen, by=admin_user)
    account.refresh_from_db()
    assert account.in_setup
    assert set(Stock.objects.values_list("on_hand", flat=True)) == {40}


def test_quantities_are_read_again_outside_any_transaction(empty, admin_client, monkeypatch):
    account = made(admin_client)
    send = first_run.LeafLinkClient._request
    depth = len(connection.savepoint_ids)
    asked = []

    def outside(self, *args, **kwargs):
        asked.append(len(connection.savepoint_ids) - depth)
        return send(self, *args, **kwargs)

    monkeypatch.setattr(first_run.LeafLinkClient, "_request", outside)
    go(admin_client, account)
    assert not account.in_setup
    assert set(asked) == {0}


def test_a_required_payment_term_is_told_with_the_clicks(empty, admin_client):
    order = place(empty, payment_term="")
    account = made(admin_client)
    page = text_of(step(admin_client, account, "dry-run", part="orders"))
    assert "no payment term" in page
    assert blocking_settings(account) == []
    empty.world.companies[empty.seller.id].needs_payment_term = True
    go(admin_client, account)
    work.drain()
    local = Order.objects.get(number=order.number).sales_order
    allocation.allocate(local)
    run_cycle(account, ["statuses"])
    [told] = blocking_settings(account)
    assert "An order can't be accepted in LeafLink" in told
    assert "switch it off" in told
    assert empty.world.order(order.number).status == "Submitted"


# -- who may, and what it costs -------------------------------------------------------------


def test_only_those_who_may_change_accounts_see_it(empty, admin_client, client, django_user_model):
    account = connected(admin_client)
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_account"))
    addresses = [url("leaflink_account_begin"), url("leaflink_account_go_on", account.pk)]
    addresses += [
        url("leaflink_account_setup", account.pk, key)
        for key in (*setup_steps.BY_KEY, "make-items")
    ]
    for address in addresses:
        assert client.get(address).status_code == 302
    client.force_login(clerk)
    for address in addresses:
        assert client.get(address).status_code == 403
        assert client.post(address).status_code == 403
    assert client.get(url("leaflink_account_setup", account.pk, "nothing")).status_code == 403
    assert admin_client.get(url("leaflink_account_setup", account.pk, "x")).status_code == 404


def test_changing_the_account_is_not_enough_to_make_records(
    empty, admin_client, client, django_user_model
):
    account = chosen(admin_client)
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="change_account"))
    client.force_login(clerk)
    for key, data in (
        ("products", {"exact": "1"}),
        ("make-items", {}),
        ("dry-run", {"sku": "G0"}),
        ("dry-run", {"order": "x"}),
        ("catalog", {"new_facility": "X", "new_license": "Y"}),
    ):
        address = url("leaflink_account_setup", account.pk, key)
        assert client.post(address, data).status_code == 403
    assert not Item.objects.exists()
    assert Facility.objects.count() == 1


def test_the_way_back_is_on_the_overview_and_in_the_list(empty, admin_client):
    account = connected(admin_client)
    back = url("leaflink_account_go_on", account.pk)
    for page in ("/admin/", url("leaflink_account_changelist")):
        text = admin_client.get(page).content.decode()
        assert back in text
        assert "Practice" in text
    assert back in admin_client.get(url("leaflink_account_change", account.pk)).content.decode()


def test_the_pages_cost_the_same_for_any_catalog(empty, admin_client):
    account = made(admin_client)

    def cost(key):
        with CaptureQueriesContext(connection) as queries:
            step(admin_client, account, key)
        return len(queries)

    def more(count):
        for _ in range(count):
            sku = f"M{len(empty.world.products)}"
            empty.world.add_product(
                empty.seller.id, name=sku, sku=sku, brand_id=of(empty).brand_id, quantity="3"
            )
        jobs.pull_catalog()

    keys = ("catalog", "products", "make-items", "dry-run", "go-live")
    more(1)
    before = {key: cost(key) for key in keys}
    more(40)
    assert {key: cost(key) for key in keys} == before
