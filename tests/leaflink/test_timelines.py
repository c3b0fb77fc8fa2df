"""Timelines of orders and products: calls, webhooks, decisions, differences, stuck work."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations import work
from integrations.leaflink import link, timeline
from integrations.leaflink.models import Drift, Offer, WebhookDelivery
from integrations.leaflink.work_kinds import CREATE_WORK, DETAILS_WORK
from integrations.models import Call, WorkItem
from tests.leaflink.pages import text_of, url


@pytest.fixture
def goods(bench):
    made = bench.goods()
    bench.ready()
    return made


def whats(entries):
    return [entry.what for entry in entries]


def stuck(bench, kind, key):
    work.ask(bench.account.pk, kind, [key], WorkItem.Priority.REST)
    item = WorkItem.objects.get(connection=bench.account, kind=kind, key=key)
    item.stuck_at, item.error = timezone.now(), "LeafLink refused: the price."
    item.save()
    return item


def test_an_orders_timeline_has_its_calls(bench, goods, admin_client):
    order = bench.order(bench.line(goods, 1))
    other = bench.order(bench.line(goods, 1))
    bench.settle()
    mirror = bench.mirror(order)
    entries = timeline.of(mirror)
    calls = [entry.call for entry in entries if entry.call]
    assert calls == [Call.objects.get(record_key=str(order.number)).pk]
    assert {"Told by LeafLink", "Read from LeafLink", "Decided by rule"} <= set(whats(entries))
    page = admin_client.get(url("leaflink_order_change", mirror.pk)).content.decode()
    assert url("integrations_call_bodies", calls[0]) in page
    theirs = Call.objects.get(record_key=str(other.number))
    assert url("integrations_call_bodies", theirs.pk) not in page
    local = admin_client.get(url("orders_salesorder_change", mirror.sales_order_id))
    assert url("integrations_call_bodies", calls[0]) in local.content.decode()


def test_a_products_timeline_has_all_that_happened_with_it(bench, goods, admin_client):
    product, listing = bench.product(goods), bench.listing(goods)
    bench.world.set_quantity(goods.remote.id, "7")
    bench.settle()
    Offer.objects.filter(item=goods.item).update(
        pause="as_is", pause_reason="Recount", paused_at=timezone.now()
    )
    Drift.objects.update_or_create(
        account=bench.account,
        listing=listing,
        field="name",
        defaults={"kind": "name", "label": "Name", "ours": "Gummies", "theirs": "Gum"},
    )
    item = stuck(bench, DETAILS_WORK, str(goods.item.pk))
    entries = timeline.of_product(product)
    assert set(whats(entries)) >= {
        "Call",
        "Told by LeafLink",
        "Linked",
        "Paused",
        "Differs",
        "Stuck",
    }
    assert entries == sorted(entries, key=lambda entry: entry.at, reverse=True)
    for page in (
        url("leaflink_product_change", product.pk),
        url("leaflink_listing_change", listing.pk),
    ):
        text = text_of(admin_client.get(page))
        assert "Recount" in text
        assert "Name: Gummies here, Gum in LeafLink." in text
        assert "Send product details: LeafLink refused: the price." in text
        assert "Try again now" in text
    back = url("leaflink_product_change", product.pk)
    retry = url("integrations_workitem_try_again") + f"?next={back}"
    assert admin_client.post(retry, {"work": item.pk}).headers["Location"] == back
    item.refresh_from_db()
    assert item.stuck_at is None


def test_the_way_a_product_was_made_is_on_its_timeline(bench, goods):
    refused = Call.objects.create(
        connection=bench.account,
        at=timezone.now(),
        method="POST",
        path="products",
        what="Products sent",
        status=400,
        outcome="refused",
        said="LeafLink refused: name: too long",
        milliseconds=20,
        record_kind="new product",
        record_key="GUM",
    )
    item = stuck(bench, CREATE_WORK, str(goods.item.pk))
    entries = timeline.of_product(bench.product(goods))
    (mine,) = [entry for entry in entries if entry.call == refused.pk]
    assert mine.text == "Products sent: refused (400, 20 ms). LeafLink refused: name: too long"
    assert item.pk in [entry.work for entry in entries]


def test_an_unlinked_product_has_a_timeline_too(bench, goods, admin_client):
    product = bench.product(goods)
    link.unlink(bench.listing(goods))
    assert "Call" in whats(timeline.of_product(product))
    assert admin_client.get(url("leaflink_product_change", product.pk)).status_code == 200


def test_somebody_without_the_permissions_sees_neither_bodies_nor_buttons(
    bench, goods, client, django_user_model
):
    from django.contrib.auth.models import Permission

    user = django_user_model.objects.create_user("rep", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_product"))
    client.force_login(user)
    stuck(bench, DETAILS_WORK, str(goods.item.pk))
    answer = client.get(url("leaflink_product_change", bench.product(goods).pk))
    assert "Products sent" in text_of(answer)
    assert "bodies" not in answer.content.decode()
    assert "Try again now" not in text_of(answer)


def test_a_timeline_costs_the_same_queries_however_much_happened(bench, goods):
    product = bench.product(goods)

    def cost():
        with CaptureQueriesContext(database) as queries:
            entries = timeline.of_product(product)
        return len(queries), len(entries)

    few, _ = cost()
    for n in range(300):
        at = timezone.now() - timedelta(minutes=n)
        Call.objects.create(
            connection=bench.account,
            at=at,
            method="GET",
            path="products/1",
            what="Products read",
            outcome="ok",
            milliseconds=1,
            record_kind="product",
            record_key=str(product.remote_id),
        )
        WebhookDelivery.objects.create(
            account=bench.account, body="{}", kind="product", key=str(product.remote_id)
        )
    many, shown = cost()
    assert many == few <= 6
    assert shown == timeline.MOST
