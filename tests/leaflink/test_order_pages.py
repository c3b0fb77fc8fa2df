"""The pages of orders: what they show, what their buttons do, and who may press them."""

import html
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility, Item
from customers.models import Destination, SalesRep
from integrations.leaflink.admin.orders import short_age
from integrations.leaflink.models import Customer, Order, Staff
from integrations.models import WorkItem
from orders import services
from orders.models import SalesOrder
from tests.leaflink.pages import text_of, url

LIST = "admin:leaflink_order_changelist"


def page(bench, order):
    return url("leaflink_order_change", bench.mirror(order).pk)


def act(bench, order, name):
    return url(f"leaflink_order_{name}", bench.mirror(order).pk)


def found(client, **query):
    text = client.get(reverse(LIST), query).content.decode()
    return set(re.findall(r"/leaflink/order/(\d+)/change/", text))


def test_orders_are_found_by_everything_people_call_them_by(bench, admin_client):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 1))
    other = bench.world.add_customer(bench.seller.id, name="Elsewhere", license_number="X-1")
    bench.order(bench.line(goods, 1), customer_id=other.id)
    bench.sync("orders")
    Destination.objects.filter(name="Juniper Street").update(name="Our Juniper")
    mirror, local = bench.mirror(order), bench.local(order)
    for words in (
        str(mirror.number),
        f"#{mirror.short_id}",
        local.number,
        "our juniper",
        "402R-00981",
        "402r 00981",
        "402R00981",
        "Juniper Street",
    ):
        assert found(admin_client, q=words) == {str(mirror.pk)}, words
    assert found(admin_client, q="nothing like it") == set()


def test_the_list_narrows_by_state_reason_age_buyer_and_total(bench, admin_client, held):
    pk = str(bench.mirror(held).pk)
    customer = bench.mirror(held).customer_id
    for query in (
        {"state__exact": "held"},
        {"blockers__code__exact": "short_of_stock"},
        {"customer__id__exact": customer},
        {"total_from": "1"},
    ):
        assert found(admin_client, **query) == {pk}, query
    assert found(admin_client, state__exact="imported") == set()
    assert found(admin_client, age="1h") == set()
    Order.objects.update(placed_at=timezone.now() - timedelta(hours=30))
    assert found(admin_client, age="1d") == {pk}
    text = text_of(admin_client.get(reverse(LIST)))
    assert "Held 1" in text
    assert "Rep not mapped" in text


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        ({"seconds": -5}, "0 min"),
        ({"minutes": 59}, "59 min"),
        ({"hours": 23, "minutes": 59}, "23 h"),
        ({"days": 59}, "59 d"),
        ({"days": 61}, "2 mo"),
        ({"days": 400}, "13 mo"),
    ],
)
def test_ages_are_short(age, shown):
    assert short_age(timedelta(**age)) == shown


def test_a_held_order_is_cured_from_its_page(bench, admin_client, held):
    text = text_of(admin_client.get(page(bench, held)))
    assert "Held for 4 reasons" in text
    assert "Map to Dana Ruiz (dana@peak.example)" in text
    assert "Link to DRP" in text
    staff = Staff.objects.get(name="Dana Ruiz")
    admin_client.post(act(bench, held, "map_rep"), {"staff": staff.pk, "rep": bench.rep.pk})
    assert "rep_unmapped" not in bench.reasons(held)
    admin_client.post(act(bench, held, "create_destination"))
    assert "customer_unknown" not in bench.reasons(held)
    product = bench.mirror(held).blockers.get(code="product_unlinked").product_id
    drops = Item.objects.get(sku="DRP")
    choice = {"item": drops.pk, "product": product}
    answer = admin_client.post(act(bench, held, "link_product"), choice, follow=True)
    assert "DRP is linked to Product DRP" in text_of(answer)
    answer = admin_client.post(act(bench, held, "link_product"), choice, follow=True)
    assert "linked" in text_of(answer)  # already: said, and nothing else happens
    assert bench.reasons(held) == ["short_of_stock"]
    answer = admin_client.post(
        act(bench, held, "import_anyway"), {"reason": "Harvest tonight"}, follow=True
    )
    assert re.search(r"SO-\d+ is created here", text_of(answer))
    assert "Imported anyway, because: Harvest tonight" in text_of(answer)
    assert bench.local(held).lines.count() == 2


def test_a_product_like_no_item_is_made_one_and_leads_back(bench, admin_client):
    goods = bench.goods()
    bench.ready()
    gift = bench.world.add_product(
        bench.seller.id, name="Holiday Box", sku="GIFT-01", quantity="9", unit_multiplier=4
    )
    bench.sync("products")
    order = bench.order(bench.line(goods, 1), {"product_id": gift.id, "quantity": 4})
    bench.sync("orders")
    shown = admin_client.get(page(bench, order)).content.decode()
    assert "Make an item of it" in shown
    address = html.unescape(re.search(r'href="([^"]*catalog/item/add/[^"]*)"', shown)[1])
    form = admin_client.get(address).content.decode()
    for value in ("GIFT-01", "Holiday Box"):
        assert f'value="{value}"' in form
    assert "next=%2Fadmin%2Fleaflink%2Forder%2F" in address
    # As saving that form would:
    baker.make(Item, sku="GIFT-01", name="Holiday Box", brand=bench.brand, case_size=4)
    assert "Link to GIFT-01" in text_of(admin_client.get(page(bench, order)))


def test_what_needs_a_person_is_one_click_away(bench, admin_client, held):
    text = text_of(admin_client.get(reverse(LIST)))
    assert "Needs you 1" in text
    assert found(admin_client, state__in="held,conflict") == {str(bench.mirror(held).pk)}


def test_another_facility_is_offered_with_what_it_lacks(bench, admin_client):
    goods = bench.goods(on_hand=5)
    pueblo = baker.make(Facility, name="Pueblo", license_number="L2")
    inventory.receive(goods.item, pueblo, Decimal(50))
    bench.ready()
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    text = text_of(admin_client.get(page(bench, order)))
    assert "Pueblo: all there" in text
    assert "Denver: 5 units missing" in text
    admin_client.post(act(bench, order, "facility"), {"facility": pueblo.pk})
    assert bench.local(order).facility == pueblo


def test_a_rep_that_nobody_knows_is_made_from_the_page(bench, admin_client, held):
    SalesRep.objects.all().delete()
    assert "Make Dana Ruiz a sales rep" in text_of(admin_client.get(page(bench, held)))


def test_destinations_are_suggested_with_reasons_and_chosen(bench, admin_client, held):
    alike = baker.make(Destination, name="Juniper Street LLC")
    text = text_of(admin_client.get(page(bench, held)))
    assert "It is Juniper Street LLC" in text
    assert "same name" in text
    chooser = act(bench, held, "destination")
    text = text_of(admin_client.get(chooser))
    assert "It is Juniper Street LLC" in text
    refused = admin_client.post(chooser, {"destination": "999999"})
    assert "valid choice" in text_of(refused)
    admin_client.post(chooser, {"destination": alike.pk})
    assert Customer.objects.get().destination == alike
    assert "customer_unknown" not in bench.reasons(held)


ACTS = {
    "read_again": "leaflink.sync_account",
    "import_anyway": "leaflink.import_order_anyway",
    "facility": "leaflink.decide_order",
    "destination": "leaflink.change_customer",
    "create_destination": "customers.add_destination",
    "map_rep": "leaflink.change_staff",
    "link_product": "leaflink.add_listing",
    "take_leaflinks": "leaflink.decide_order",
    "keep_ours": "leaflink.decide_order",
    "do_the_same": "leaflink.decide_order",
    "try_again": "leaflink.sync_account",
    "news": "leaflink.view_order",
}


@pytest.mark.parametrize("name", ACTS)
def test_each_act_asks_for_its_own_permission(client, django_user_model, bench, held, name):
    address = act(bench, held, name)
    method = client.get if name == "news" else client.post
    assert method(address).status_code == 302  # to the login
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    others = set(ACTS.values()) - {ACTS[name]}
    for label in others:
        app, codename = label.split(".")
        clerk.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    client.force_login(clerk)
    before = bench.mirror(held).events.count()
    assert method(address, {"reason": "x"}).status_code == 403
    assert bench.mirror(held).events.count() == before


@pytest.mark.parametrize("name", [name for name in ACTS if name not in ("news", "destination")])
def test_acts_are_never_done_by_following_a_link(admin_client, bench, held, name):
    assert admin_client.get(act(bench, held, name)).status_code == 405


def test_without_permissions_the_page_shows_and_offers_nothing(
    client, django_user_model, bench, held
):
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(clerk)
    text = text_of(client.get(page(bench, held)))
    assert "Held for 4 reasons" in text
    for button in ("Map to", "Link to", "Create a destination", "Import anyway", "Ship from there"):
        assert button not in text


def test_reading_again_is_asked_for_and_leaves_a_trace(admin_client, bench, held, admin_user):
    answer = admin_client.post(act(bench, held, "read_again"))
    assert answer.url == page(bench, held)
    assert WorkItem.objects.get(kind="leaflink.order").key == held.number
    assert bench.mirror(held).events.first().by == admin_user


def test_no_way_leads_off_the_site(admin_client, bench, held):
    address = act(bench, held, "read_again") + "?next=https://evil.example/"
    assert admin_client.post(address).url == page(bench, held)


def test_a_late_edit_is_shown_side_by_side_and_taken(bench, admin_client):
    goods = bench.goods(case=12, price="96.00", on_hand=240)
    bench.ready()
    order = bench.order(bench.line(goods, 24))
    bench.sync("orders")
    services.allocate(bench.local(order))
    bench.world.edit_order(order.number, [bench.line(goods, 12)], notes="Less, please")
    bench.sync("orders")
    text = text_of(admin_client.get(page(bench, order)))
    assert "Product GUM 2 × 12 = 24 units at $96.00 per case 24 units set aside 1 × 12 = 12" in text
    assert "24 units" in text
    assert "Notes for the buyer – Less, please" in text
    assert "Total $192.00 $96.00" in text
    local = url("orders_salesorder_change", bench.local(order).pk)
    assert "Open both versions" in text_of(admin_client.get(local))
    answer = admin_client.post(act(bench, order, "take_leaflinks"), follow=True)
    assert "here." in text_of(answer)
    assert bench.local(order).total == 96
    assert "Keep ours" not in text_of(answer)


def test_ours_is_kept_and_can_still_be_given_up(bench, admin_client):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    services.allocate(bench.local(order))
    bench.world.edit_order(order.number, [bench.line(goods, 4)])
    bench.sync("orders")
    answer = admin_client.post(act(bench, order, "keep_ours"), follow=True)
    text = text_of(answer)
    assert "Ours was kept; LeafLink says otherwise" in text
    assert "Take LeafLink's" in text
    assert "keep-ours" not in answer.content.decode()


def test_the_sales_order_shows_its_money_beside_leaflinks(bench, admin_client):
    goods = bench.goods(price="10.00")
    bench.ready()
    order = bench.order(bench.line(goods, 10), tax_rate="15", shipping="5.00", credits="3.00")
    bench.sync("orders")
    local = bench.local(order)
    text = text_of(admin_client.get(url("orders_salesorder_change", local.pk)))
    assert "LeafLink's total is $15.00 more" in text
    assert (
        "Credit in LeafLink −$3.00 Tax in LeafLink $15.00 Shipping charge in LeafLink $5.00 "
        "Total in LeafLink $117.00" in text
    )
    assert "no tax rate has this percentage here" in text
    assert "Where it ships from: The sales rep's default facility: Dana Ruiz → Denver." in text
    assert "Credit (locked)" in text
    assert "Imported as" in text  # on the timeline
    assert found(admin_client, q=local.number) == {str(bench.mirror(order).pk)}
    numbers = admin_client.get(url("orders_salesorder_changelist"), {"q": order.number})
    assert local.number in text_of(numbers)


def test_a_sales_order_without_leaflink_and_one_of_a_clerk_open_as_well(
    bench, admin_client, client, django_user_model
):
    goods = bench.goods()
    bench.ready()
    bench.order(bench.line(goods, 1))
    bench.sync("orders")
    address = url("orders_salesorder_change", SalesOrder.objects.get().pk)
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_salesorder"))
    client.force_login(clerk)
    assert "LeafLink's own words" not in text_of(client.get(address))
    Order.objects.all().delete()
    assert admin_client.get(address).status_code == 200
    assert admin_client.get(url("orders_salesorder_change", 999)).status_code == 302
    assert admin_client.get("/admin/orders/salesorder/x9/change/").status_code == 302


def test_an_open_page_hears_that_its_order_has_changed(bench, admin_client, held):
    seen = re.search(r"seen=(\w+)", admin_client.get(page(bench, held)).content.decode())[1]
    news = act(bench, held, "news")
    assert text_of(admin_client.get(news, {"seen": seen})) == ""
    bench.map_dana()
    bench.sync("orders")
    assert "has changed since the page was opened" in text_of(
        admin_client.get(news, {"seen": seen})
    )


def test_an_order_moved_by_hand_in_leaflink_is_moved_here_by_a_button(bench, admin_client):
    goods = bench.goods()
    bench.ready()
    order = bench.order(bench.line(goods, 10))
    bench.sync("orders")
    for action in ("accept", "fulfill", "ship"):
        bench.world.transition(order.number, action)
    bench.sync("orders")
    assert "Ship it here too" in text_of(admin_client.get(page(bench, order)))
    answer = admin_client.post(act(bench, order, "do_the_same"), follow=True)
    assert "here." in text_of(answer)
    assert bench.local(order).status == "shipped"
    assert "here too" not in text_of(answer)


def test_combined_orders_are_shown_together_as_a_guess(bench, admin_client):
    goods = bench.goods()
    bench.ready()
    parents = [bench.order(bench.line(goods, n)) for n in (10, 5)]
    other = bench.world.add_customer(bench.seller.id, name="Elsewhere")
    bench.order(bench.line(goods, 1), customer_id=other.id)
    bench.sync("orders")
    merged = bench.world.combine_orders([p.number for p in parents])
    bench.sync("orders")
    text = text_of(admin_client.get(page(bench, merged)))
    assert "Probably combined from" in text
    for one in parents:
        assert bench.local(one).number in text
    assert "A guess: LeafLink doesn't say" in text
    text = text_of(admin_client.get(page(bench, parents[0])))
    assert f"Probably combined into #{bench.mirror(merged).short_id}" in text


def test_an_order_page_costs_the_same_however_long_its_story(
    bench, admin_client, held, django_assert_max_num_queries
):
    admin_client.get(page(bench, held))
    with CaptureQueriesContext(connection) as few:
        admin_client.get(page(bench, held))
    mirror = bench.mirror(held)
    for n in range(300):
        mirror.tell(mirror.events.model.Kind.READ, f"Reading {n}.")
    baker.make(Destination, _quantity=50, name="Juniper Street")
    for n in range(10):
        baker.make(Facility, name=f"Place {n}", license_number=f"P{n}")
    with django_assert_max_num_queries(len(few) + 1):
        text = text_of(admin_client.get(page(bench, held)))
    assert "Reading 299." in text
    assert "Reading 50." not in text  # the newest 200
