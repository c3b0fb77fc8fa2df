"""Every admin page: opens for those who may, is closed to the others, costs what it should."""

import html
import re
import uuid
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Brand, Facility, Item, Lot, Movement, ProductLine, Stock, Strain
from customers.models import Destination, SalesRep
from integrations.leaflink.models import (
    Account,
    AccountBrand,
    Blocker,
    Customer,
    LineItem,
    Listing,
    Order,
    Product,
    Staff,
    WebhookDelivery,
)
from integrations.models import Notice, Run, WorkItem
from orders import services
from orders.drafts import LineDraft, OrderDraft
from orders.models import TaxRate

pytestmark = pytest.mark.django_db
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
NAMES = [model._meta.label_lower.replace(".", "_") for model in MODELS]


@pytest.fixture
def world():
    """A few of everything; call it again for more."""
    made = iter(range(10_000))
    rep = baker.make(SalesRep, name="Dana", email="dana@x.example")
    account = baker.make(
        Account,
        name="Alder Peak",
        host=Account.Host.SANDBOX,
        app_key="very-secret-app-key",
        webhook_key="very-secret-webhook-key",
    )

    def make(count):
        for _ in range(count):
            _make_one(next(made), account, rep)

    make(3)
    return make


def _make_one(n, account, rep):
    shop = baker.make(Facility, name=f"Shop {n}", license_number=f"L{n}")
    brand = baker.make(Brand, name=f"Brand {n}")
    AccountBrand.objects.create(account=account, brand=brand)
    item = baker.make(
        Item,
        sku=f"S{n}",
        name=f"Item {n}",
        brand=brand,
        product_line=baker.make(ProductLine, brand=brand, name="Line"),
        strain=baker.make(Strain, name=f"Strain {n}"),
    )
    lot = baker.make(Lot, item=item, number=f"LOT{n}")
    inventory.receive(item, shop, Decimal(100), lot)
    destination = baker.make(Destination, name=f"Store {n}", license_number=f"D{n}")
    line = LineDraft(item, item.name, item.sku, Decimal(24), 12, Decimal("96.00"))
    draft = OrderDraft(
        placed_at=timezone.now(),
        lines=[line],
        destination=destination,
        facility=shop,
        sales_rep=rep,
        channel_number=f"abc{n}",
    )
    product = baker.make(
        Product, account=account, remote_id=n + 1, name=f"Product {n}", sku=f"S{n}", raw={"id": n}
    )
    baker.make(Listing, item=item, product=product)
    staff = baker.make(Staff, account=account, remote_id=n + 1, name=f"Rep {n}")
    customer = baker.make(Customer, account=account, remote_id=n + 1, name=f"Buyer {n}")
    order = baker.make(
        Order,
        account=account,
        number=uuid.uuid4(),
        short_id=f"short{n}",
        state=Order.State.HELD,
        status="Submitted",
        buyer=f"Buyer {n}",
        total=Decimal("12.00"),
        customer=customer,
        placed_at=timezone.now() - timedelta(hours=n),
        raw={"number": "x"},
        read_at=timezone.now(),
        sales_order=services.create(draft),
    )
    baker.make(
        LineItem, order=order, remote_id=1, position=1, name="Gummies", quantity=24, price=96
    )
    baker.make(Blocker, order=order, code="rep_unmapped", text="Rep not mapped", staff=staff)
    baker.make(Blocker, order=order, code="product_unlinked", text="Not linked", product=product)
    baker.make(Blocker, order=order, code="short_of_stock", text="Short", item=item)
    baker.make(TaxRate, name=f"Tax {n}", percent=n)
    baker.make(Run, connection=account, kind="orders", problems=[{"key": "a", "reason": "b"}])
    baker.make(Notice, connection=account, category="credentials", key=f"{n}", text=f"Notice {n}")
    baker.make(
        WorkItem,
        connection=account,
        kind="leaflink.order",
        key=f"{n}",
        request=uuid.uuid4(),
        requested_at=timezone.now(),
        not_before=timezone.now(),
    )
    baker.make(WebhookDelivery, account=account, body="{}", kind="order", key=str(order.number))


def page(name, view, *args):
    return reverse(f"admin:{name}_{view}", args=args)


@pytest.mark.parametrize("name", NAMES)
def test_each_list_and_page_opens(admin_client, world, name):
    model = MODELS[NAMES.index(name)]
    assert admin_client.get(page(name, "changelist")).status_code == 200
    assert admin_client.get(page(name, "changelist"), {"q": "x"}).status_code == 200
    if admin.site._registry[model].has_add_permission(_superuser_request(admin_client)):
        assert admin_client.get(page(name, "add")).status_code == 200
    first = model._default_manager.first()
    if first:
        assert admin_client.get(page(name, "change", first.pk)).status_code == 200


def _superuser_request(client):
    return client.get(reverse("admin:index")).wsgi_request


@pytest.mark.parametrize("name", NAMES)
def test_each_list_costs_the_same_however_long_it_is(
    admin_client, world, name, django_assert_max_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    url = page(name, "changelist")
    admin_client.get(url)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(url)
    world(9)
    with django_assert_max_num_queries(len(few)):
        admin_client.get(url)
    assert len(few) <= 18


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_gets_in_without_login_or_permission(client, django_user_model, world, name, method):
    url = page(name, "changelist")
    assert getattr(client, method)(url).status_code == 302
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(clerk)
    assert getattr(client, method)(url).status_code == 403
    assert client.get(page(name, "add")).status_code == 403


def test_the_overview_opens_for_everybody_and_shows_orders_to_those_who_may(
    admin_client, client, django_user_model, world
):
    full = admin_client.get(reverse("admin:index"))
    assert "Rep 0 is not mapped" in full.content.decode()
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(clerk)
    assert "is not mapped" not in client.get(reverse("admin:index")).content.decode()


def test_the_overview_costs_the_same_however_much_there_is(
    admin_client, world, django_assert_max_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    admin_client.get(reverse("admin:index"))
    with CaptureQueriesContext(connection) as few:
        admin_client.get(reverse("admin:index"))
    world(9)
    with django_assert_max_num_queries(len(few)):
        admin_client.get(reverse("admin:index"))


def test_the_overview_of_an_empty_system_says_where_to_begin(admin_client):
    text = admin_client.get(reverse("admin:index")).content.decode()
    assert "Set up your LeafLink account" in text
    assert "Nothing waits for you" not in text


def test_keys_are_on_no_page(admin_client, world):
    account = Account.objects.get()
    for name in ("change", "rules", "history"):
        text = admin_client.get(page("leaflink_account", name, account.pk)).content.decode()
        assert "very-secret" not in text
    assert (
        "very-secret"
        not in admin_client.get(page("leaflink_account", "changelist")).content.decode()
    )


def account_form(account, **more):
    return {
        "name": account.name,
        "is_active": "on",
        "brands-TOTAL_FORMS": "0",
        "routing_rules-TOTAL_FORMS": "0",
        "routing_rules-INITIAL_FORMS": "0",
        "brands-INITIAL_FORMS": "0",
        **more,
    }


def test_an_empty_key_field_keeps_the_key_and_a_pasted_one_replaces_it(admin_client, world):
    account = Account.objects.get()
    AccountBrand.objects.all().delete()
    url = page("leaflink_account", "change", account.pk)
    assert admin_client.post(url, account_form(account)).status_code == 302
    assert Account.objects.get().app_key == "very-secret-app-key"
    answer = admin_client.post(url, account_form(account, new_webhook_key=" another-key\n"))
    assert answer.status_code == 302
    account.refresh_from_db()
    assert account.webhook_key == "another-key"
    assert account.app_key == "very-secret-app-key"
    assert account.host == Account.Host.SANDBOX


def test_stock_is_received_adjusted_and_counted(admin_client, world):
    item, shop = Item.objects.get(sku="S1"), Facility.objects.get(name="Shop 2")
    url = page("catalog_stock", "add")
    move = {"item": item.pk, "facility": shop.pk, "lot": "", "reason": ""}
    for verb, quantity, reason, after in (
        ("receive", "12", "", 12),
        ("adjust", "-2", "broken", 10),
        ("count", "7.5", "", Decimal("7.5")),
    ):
        data = {**move, "verb": verb, "quantity": quantity, "reason": reason}
        assert admin_client.post(url, data).status_code == 302
        assert Stock.objects.get(item=item, facility=shop).on_hand == after
    assert Movement.objects.filter(item=item, facility=shop, by__isnull=False).count() == 3


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"verb": "receive", "quantity": "0"}, "quantity", "above zero"),
        ({"verb": "adjust", "quantity": "1"}, "reason", "Say why"),
        ({"verb": "count", "quantity": "-1"}, "quantity", "below zero"),
        ({"verb": "receive", "quantity": "x"}, "quantity", "Enter a number"),
        ({"verb": "steal", "quantity": "1"}, "verb", "valid choice"),
    ],
)
def test_a_bad_stock_change_is_told_at_its_field_and_changes_nothing(
    admin_client, world, change, field, text
):
    item, shop = Item.objects.get(sku="S1"), Facility.objects.get(name="Shop 2")
    data = {"item": item.pk, "facility": shop.pk, "lot": "", "reason": "", **change}
    answer = admin_client.post(page("catalog_stock", "add"), data)
    errors = answer.context["adminform"].form.errors
    assert text in str(errors[field])
    assert not Stock.objects.filter(item=item, facility=shop).exists()


def test_taking_more_than_lies_there_is_told(admin_client, world):
    item, shop = Item.objects.get(sku="S1"), Facility.objects.get(name="Shop 1")
    data = {"item": item.pk, "facility": shop.pk, "lot": "", "verb": "adjust"}
    answer = admin_client.post(
        page("catalog_stock", "add"), {**data, "quantity": "-5", "reason": "lost"}, follow=True
    )
    assert "Only 0 of Item 1 are on hand at Shop 1" in answer.content.decode()


def test_a_count_below_what_is_promised_warns_and_is_found_from_the_overview(admin_client, world):
    order = services.SalesOrder.objects.first()
    item, lot = order.lines.get().item, Lot.objects.get(item=order.lines.get().item)
    count = {"verb": "count", "item": item.pk, "facility": order.facility_id, "lot": lot.pk}
    answer = admin_client.post(
        page("catalog_stock", "add"), {**count, "quantity": "4", "reason": ""}, follow=True
    )
    text = answer.content.decode()
    assert f"lot {lot}: 4 on hand now" in text
    assert "are promised to open orders, 20 more than there are" in text
    overview = admin_client.get(reverse("admin:index")).content.decode()
    assert f"More of {item.name} ({item.sku}) is promised to orders than there is." in overview
    short = admin_client.get(page("catalog_item", "changelist"), {"promised": "short"})
    assert list(short.context["cl"].result_list) == [item]


def test_a_cure_knows_what_is_missing_and_leads_back_to_the_order(admin_client, world):
    order = Order.objects.get(short_id="short1")
    shop = Facility.objects.get(name="Shop 1")
    order.blockers.filter(code="short_of_stock").update(facility=shop, missing=Decimal(12))
    back = page("leaflink_order", "change", order.pk)
    text = html.unescape(admin_client.get(back).content.decode())
    url = re.search(rf'href="({re.escape(page("catalog_stock", "add"))}[^"]+)"', text).group(1)
    form = admin_client.get(url).context["adminform"].form
    item = Item.objects.get(sku="S1")
    assert form.get_initial_for_field(form.fields["quantity"], "quantity") == "12"
    data = {"verb": "receive", "item": item.pk, "facility": shop.pk, "lot": "", "quantity": "12"}
    assert admin_client.post(url, {**data, "_save": "1"}).headers["Location"] == back


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_nobody_is_led_away_from_here(admin_client, world, away):
    staff = Staff.objects.first()
    url = f"{page('leaflink_staff', 'change', staff.pk)}?{urlencode({'next': away})}"
    answer = admin_client.post(url, {"sales_rep": "", "_save": "1"})
    assert answer.headers["Location"].startswith("/admin/")


def test_a_rep_is_made_of_what_leaflink_says_by_one_button(admin_client, client, world):
    staff = Staff.objects.get(remote_id=2)
    Staff.objects.filter(pk=staff.pk).update(email="rep1@peak.example")
    url = reverse("admin:leaflink_staff_create_rep", args=[staff.pk])
    assert (
        "Make Rep 1 a sales rep"
        in admin_client.get(page("leaflink_staff", "change", staff.pk)).content.decode()
    )
    assert admin_client.get(url).status_code == 405
    assert admin_client.post(url).status_code == 302
    staff.refresh_from_db()
    assert (staff.sales_rep.name, staff.sales_rep.email) == ("Rep 1", "rep1@peak.example")


def test_a_rep_cannot_be_made_without_an_address_or_a_permission(
    admin_client, client, django_user_model, world
):
    staff = Staff.objects.get(remote_id=2)
    url = reverse("admin:leaflink_staff_create_rep", args=[staff.pk])
    told = admin_client.post(url, follow=True).content.decode()
    assert "LeafLink gives no e-mail address" in told
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="change_staff"))
    client.force_login(clerk)
    assert client.post(url).status_code == 403
    staff.refresh_from_db()
    assert staff.sales_rep is None


def do(client, order, verb, **data):
    return client.post(
        reverse("admin:orders_salesorder_do", args=[order.pk, verb]), data, follow=True
    )


def test_an_order_is_worked_by_its_buttons(admin_client, world):
    order = services.SalesOrder.objects.first()
    shown = admin_client.get(page("orders_salesorder", "change", order.pk)).content.decode()
    assert "Allocate stock" in shown
    assert "Mark as shipped" not in shown
    assert "is allocated now" in do(admin_client, order, "allocate").content.decode()
    assert "is shipped now" in do(admin_client, order, "ship").content.decode()
    refused = do(admin_client, order, "cancel", reason="x").content.decode()
    assert "can&#x27;t become canceled" in refused
    order.refresh_from_db()
    assert order.status == "shipped"
    assert order.status_changes.first().by.username == "admin"


def test_an_order_is_moved_only_by_post_and_permission(client, django_user_model, world):
    order = services.SalesOrder.objects.first()
    url = reverse("admin:orders_salesorder_do", args=[order.pk, "allocate"])
    assert client.post(url).status_code == 302
    reader = django_user_model.objects.create_user("reader", password="x", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_salesorder"))
    client.force_login(reader)
    assert client.get(url).status_code == 405
    assert client.post(url).status_code == 403
    text = client.get(page("orders_salesorder", "change", order.pk)).content.decode()
    assert "Allocate stock" not in text
    order.refresh_from_db()
    assert order.status == "created"


def test_a_held_order_shows_each_reason_with_its_cure(admin_client, world):
    order = Order.objects.get(short_id="short1")
    text = admin_client.get(page("leaflink_order", "change", order.pk)).content.decode()
    assert "Held for 3 reasons" in text
    staff, product = Staff.objects.get(remote_id=2), Product.objects.get(remote_id=2)
    assert page("leaflink_staff", "change", staff.pk) in text
    assert f"{reverse('admin:leaflink_listing_workbench')}?q={product.sku}" in text
    assert "Receive stock" in text


@pytest.mark.parametrize("spelled", ["short1", " #short1 ", "SHORT1"])
def test_orders_are_found_by_their_number_as_people_write_it(admin_client, world, spelled):
    answer = admin_client.get(page("leaflink_order", "changelist"), {"q": spelled})
    assert [o.short_id for o in answer.context["cl"].result_list] == ["short1"]


def test_orders_are_found_by_their_whole_number(admin_client, world):
    order = Order.objects.get(short_id="short1")
    answer = admin_client.get(page("leaflink_order", "changelist"), {"q": str(order.number)})
    assert [o.pk for o in answer.context["cl"].result_list] == [order.pk]


def test_linked_products_are_exported_by_permission_only(client, django_user_model, world):
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_listing"))
    client.force_login(clerk)
    url = page("leaflink_listing", "export")
    assert client.get(url).status_code == 403
    clerk.user_permissions.add(Permission.objects.get(codename="export_listing"))
    assert client.get(url).status_code == 200
    fields = {
        field.name: "on"
        for field in client.get(url).context["form"]
        if field.name.startswith("listingresource_")
    }
    answer = client.post(url, {"format": "0", **fields})
    header, *rows = answer.content.decode("utf-8-sig").splitlines()
    assert header.startswith("item sku,item name,brand,product id")
    assert len(rows) == 3


def test_every_page_has_a_policy_that_keeps_it_at_home(admin_client):
    policy = admin_client.get(reverse("admin:index")).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
