"""The sales order's page: by lot, terms, payments, deletion, and many at once."""

import uuid
from datetime import date
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Facility, Item, Lot, Stock
from orders import payments, services
from orders.admin.bulk import MOST
from orders.drafts import LineDraft, OrderDraft
from orders.models import Allocation, Payment, SalesOrder
from tests.leaflink.pages import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return baker.make(Facility, name="Denver", license_number="1")


@pytest.fixture
def gummies(shop):
    item = baker.make(Item, sku="GUM", name="Gummies", case_size=12)
    for number, expires in (("OLD", date(2098, 1, 1)), ("NEW", date(2099, 1, 1))):
        lot = Lot.objects.create(item=item, number=number, expires_on=expires)
        inventory.receive(item, shop, Decimal(500), lot)
    return item


@pytest.fixture
def place(shop, gummies):
    def make(units=24, lot=""):
        line = LineDraft(gummies, "Gummies", "GUM", Decimal(units), 12, Decimal(96), lot_number=lot)
        return services.create(OrderDraft(placed_at=timezone.now(), lines=[line], facility=shop))

    return make


def url(order, name, *args):
    return reverse(f"admin:orders_salesorder_{name}", args=[order.pk, *args])


def said(answer):
    return [str(m) for m in answer.context["messages"]]


def field(order, lot):
    return f"q-{order.lines.get().pk}-{Stock.objects.get(lot__number=lot).pk}"


def test_lots_are_chosen_on_a_page_of_their_own(admin_client, place):
    order = place()
    page = admin_client.get(url(order, "allocation"))
    assert [c.shelf.stock.lot.number for c in page.context["lines"][0].choices] == ["OLD", "NEW"]
    assert "2 × 12 = 24 units" in text_of(page)
    answer = admin_client.post(
        url(order, "allocation"), {field(order, "NEW"): "1,0", field(order, "OLD"): " 4 "}
    )
    assert answer.url == url(order, "change")
    order.refresh_from_db()
    assert order.status == "partially_allocated"
    assert dict(Allocation.objects.values_list("stock__lot__number", "quantity")) == {
        "NEW": 10,
        "OLD": 4,
    }
    admin_client.post(url(order, "allocation"), {"oldest": "1"})
    order.refresh_from_db()
    assert order.status == "allocated"
    assert "all (14 of OLD, 10 of NEW)" in text_of(admin_client.get(url(order, "change")))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("x", "Gummies: “x” is no number"),
        ("NaN", "more than any lot"),
        ("99", "24 were ordered"),
        ("1.5", "no whole number"),
    ],
)
def test_what_was_typed_stays_when_it_is_impossible(admin_client, place, typed, words):
    order = place()
    answer = admin_client.post(url(order, "allocation"), {field(order, "NEW"): typed})
    assert words in said(answer)[0]
    assert f'value="{typed}"' in answer.content.decode()
    assert not Allocation.objects.exists()


def test_nothing_typed_changes_nothing(admin_client, place):
    order = place()
    admin_client.post(url(order, "allocation"), {field(order, "NEW"): ""})
    assert order.status_changes.count() == 1


def test_a_line_that_asks_for_a_lot_offers_only_that(admin_client, place):
    order = place(lot="NEW")
    page = admin_client.get(url(order, "allocation"))
    assert [c.shelf.stock.lot.number for c in page.context["lines"][0].choices] == ["NEW"]
    assert "Only from lot NEW" in text_of(page)
    admin_client.post(url(order, "any_lot", order.lines.get().pk))
    page = admin_client.get(url(order, "allocation"))
    assert len(page.context["lines"][0].choices) == 2


def test_a_shipped_order_is_not_allocated(admin_client, place):
    order = services.ship(services.allocate(place()))
    answer = admin_client.get(url(order, "allocation"), follow=True)
    assert "nothing can be set aside" in said(answer)[0]


def test_many_lots_cost_no_more_queries_and_are_cut(admin_client, place, gummies, shop):
    order = place()
    with CaptureQueriesContext(connection) as few:
        admin_client.get(url(order, "allocation"))
    for n in range(40):
        lot = Lot.objects.create(item=gummies, number=f"L{n}")
        inventory.receive(gummies, shop, Decimal(1), lot)
    with CaptureQueriesContext(connection) as many:
        page = admin_client.get(url(order, "allocation"))
    assert len(many) <= len(few)
    assert "12 newer lots not shown" in text_of(page)


def terms(order, **changes):
    """The form as a browser sends it."""
    shown = {
        "delivery_date": order.delivery_date or "",
        "shipping_details": order.shipping_details,
        "payment_term": order.payment_term,
        "payment_due_on": order.payment_due_on or "",
    }
    return {**shown, **{f"initial-{name}": value for name, value in shown.items()}, **changes}


def test_terms_are_saved_and_only_those_that_were_changed(admin_client, place):
    order = place()
    page = terms(order, payment_term="net30", delivery_date="2026-12-03")
    services.change_terms(order, {"payment_due_on": date(2026, 12, 31)})
    admin_client.post(url(order, "terms"), page)
    order.refresh_from_db()
    assert (order.payment_term, order.delivery_date) == ("net30", date(2026, 12, 3))
    assert order.payment_due_on == date(2026, 12, 31)
    assert order.status_changes.first().by.username == "admin"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"delivery_date": "soon"}, "Delivery date: Enter a valid date"),
        ({"payment_term": "net1000"}, "Payment term: Select a valid choice"),
        ({"shipping_details": "Dock 4"}, "Delivery date: Give the day too"),
    ],
)
def test_bad_terms_are_told_and_change_nothing(admin_client, place, changes, words):
    order = place()
    answer = admin_client.post(url(order, "terms"), terms(order, **changes), follow=True)
    assert words in said(answer)[0]
    assert order.status_changes.count() == 1


def test_the_page_sends_what_it_shows(admin_client, place):
    order = place()
    services.change_terms(order, {"delivery_date": date(2026, 12, 3), "payment_term": "net7"})
    page = admin_client.get(url(order, "change")).content.decode()
    assert 'name="initial-delivery_date" value="2026-12-03"' in page
    assert 'name="initial-payment_term" value="net7"' in page


def payment(**changes):
    return {
        "amount": "100.00",
        "method": "check",
        "paid_on": "2026-07-06",
        "reference": "1042",
        "token": str(uuid.uuid4()),
        **changes,
    }


def test_a_payment_is_recorded_once_and_voided_with_a_reason(admin_client, place):
    order = place()
    sent = payment()
    admin_client.post(url(order, "pay"), sent)
    admin_client.post(url(order, "pay"), sent)
    made = Payment.objects.get()
    assert (made.amount, made.method, made.reference, made.recorded_by.username) == (
        100,
        "check",
        "1042",
        "admin",
    )
    assert "$92.00 still to come" in text_of(admin_client.get(url(order, "change")))
    answer = admin_client.post(url(order, "void", made.pk), {"reason": ""}, follow=True)
    assert said(answer) == ["Say why the payment is voided."]
    admin_client.post(url(order, "void", made.pk), {"reason": "Bounced"})
    page = text_of(admin_client.get(url(order, "change")))
    assert "$192.00 still to come" in page
    assert "Bounced" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": "0"}, "Amount"),
        ({"amount": "a lot"}, "Amount: Enter a number"),
        ({"method": "gold"}, "Paid by: Select a valid choice"),
        ({"paid_on": "2999-01-01"}, "still to come"),
        ({"token": "x"}, "Token"),
    ],
)
def test_a_bad_payment_is_told_and_not_recorded(admin_client, place, changes, words):
    answer = admin_client.post(url(place(), "pay"), payment(**changes), follow=True)
    assert words in said(answer)[0]
    assert not Payment.objects.exists()


def test_paying_too_much_needs_to_be_said(admin_client, place):
    order = place()
    answer = admin_client.post(url(order, "pay"), payment(amount="200"), follow=True)
    assert "$8.00 more than is still to come" in said(answer)[0]
    assert not Payment.objects.exists()
    sent = payment(amount="200", may_exceed="on")
    answer = admin_client.post(url(order, "pay"), sent, follow=True)
    assert "overpaid by $8.00" in said(answer)[1]
    assert "$8.00 too much" in text_of(answer)


def test_a_cent_can_be_paid(admin_client, place):
    admin_client.post(url(place(), "pay"), payment(amount="0.01"))
    assert Payment.objects.get().amount == Decimal("0.01")


def test_the_same_payment_twice_is_asked_about(admin_client, place):
    order = place()
    admin_client.post(url(order, "pay"), payment())
    answer = admin_client.post(url(order, "pay"), payment(), follow=True)
    assert "recorded already. If this is another payment" in said(answer)[-1]
    admin_client.post(url(order, "pay"), payment(amount="10", reference="1043"))
    assert Payment.objects.count() == 2


def test_a_form_that_was_used_before_records_nothing_else(admin_client, place):
    order, first = place(), payment()
    admin_client.post(url(order, "pay"), first)
    answer = admin_client.post(url(order, "pay"), {**first, "amount": "55"}, follow=True)
    assert "This form was used before, for $100.00" in said(answer)[-1]
    assert Payment.objects.count() == 1


@pytest.mark.parametrize("name", ["delivery_date", "payment_due_on"])
def test_days_before_the_order_are_refused(admin_client, place, name):
    order = place()
    answer = admin_client.post(
        url(order, "terms"), terms(order, **{name: "1999-12-03"}), follow=True
    )
    assert "give a later day" in said(answer)[0]
    assert order.status_changes.count() == 1


def test_a_term_is_changed_and_never_emptied(admin_client, place):
    order = place()
    services.change_terms(order, {"payment_term": "net7"})
    order.refresh_from_db()
    answer = admin_client.post(url(order, "terms"), terms(order, payment_term=""), follow=True)
    order.refresh_from_db()
    assert order.payment_term == "net7"
    assert said(answer)


def test_an_order_is_deleted_after_a_question(admin_client, place):
    order = services.allocate(place())
    page = text_of(admin_client.get(url(order, "remove")))
    assert "Its stock is free again at once" in page
    assert "in LeafLink" not in page
    answer = admin_client.post(url(order, "remove"), {"reason": " "})
    assert "Say why" in said(answer)[0]
    admin_client.post(url(order, "remove"), {"reason": "Twice"})
    assert not SalesOrder.objects.exists()
    assert LogEntry.objects.get().change_message == "Twice"


def test_what_left_cannot_be_deleted(admin_client, place):
    order = services.ship(services.allocate(place()))
    assert "Delete…" not in text_of(admin_client.get(url(order, "change")))
    answer = admin_client.post(url(order, "remove"), {"reason": "x"})
    assert "stays on record" in said(answer)[0]


def in_bulk(client, action, orders, **more):
    sent = {"action": action, "_selected_action": [order.pk for order in orders], **more}
    return client.post(reverse("admin:orders_salesorder_changelist"), sent, follow=True)


def test_many_orders_at_once_each_by_itself(admin_client, place):
    orders = [place(), place(), place(units=600), place(units=300)]
    for order in orders[:3]:
        services.cancel(order, reason="x") if order is orders[1] else None
    answer = in_bulk(admin_client, "allocate_selected", orders)
    assert said(answer)[0] == "3 orders allocated."
    assert "is canceled and can't become allocated" in said(answer)[1]
    in_bulk(admin_client, "ship_selected", orders)
    in_bulk(admin_client, "complete_selected", orders[:1])
    in_bulk(admin_client, "deallocate_selected", orders[2:3])
    assert list(SalesOrder.objects.order_by("pk").values_list("status", flat=True)) == [
        "completed",
        "canceled",
        "shipped",
        "shipped",
    ]


def test_canceling_many_asks_why_first(admin_client, place):
    orders = [place(), place()]
    page = in_bulk(admin_client, "cancel_selected", orders)
    assert "Cancel 2 orders?" in text_of(page)
    assert SalesOrder.objects.filter(status="canceled").count() == 0
    gone = services.ship(services.allocate(place()))
    page = in_bulk(admin_client, "cancel_selected", [*orders, gone])
    assert f"can't be canceled and stay as they are: {gone}, shipped" in text_of(page)
    page = in_bulk(admin_client, "cancel_selected", orders, reason=" ")
    assert "Say why." in text_of(page)
    answer = in_bulk(admin_client, "cancel_selected", orders, reason="Recall")
    assert said(answer) == ["2 orders canceled."]
    assert orders[0].status_changes.first().reason == "Recall"


def test_too_many_at_once_is_refused(admin_client, place):
    order = place()
    SalesOrder.objects.bulk_create(
        SalesOrder(number=f"X{n}", placed_at=timezone.now()) for n in range(MOST)
    )
    answer = in_bulk(admin_client, "allocate_selected", SalesOrder.objects.all())
    assert said(answer) == [f"Choose at most {MOST} orders at once; nothing was done."]
    order.refresh_from_db()
    assert order.status == "created"
    page = in_bulk(admin_client, "cancel_selected", SalesOrder.objects.all())
    assert "Too many orders" in text_of(page)


ACTS = {
    "move": ("orders.work_salesorder", "post"),
    "terms": ("orders.work_salesorder", "post"),
    "allocation": ("orders.work_salesorder", "both"),
    "pay": ("orders.add_payment", "post"),
    "remove": ("orders.delete_salesorder", "both"),
}


def clerk_with(django_user_model, labels):
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    for label in labels:
        app, codename = label.split(".")
        clerk.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return clerk


@pytest.mark.parametrize("name", ACTS)
def test_each_act_asks_for_its_own_permission(client, django_user_model, place, name):
    order = place()
    mine, methods = ACTS[name]
    assert client.post(url(order, name)).status_code == 302
    others = {label for label, _ in ACTS.values()} - {mine} | {"orders.void_payment"}
    client.force_login(clerk_with(django_user_model, others))
    assert client.post(url(order, name), {"reason": "x", **payment()}).status_code == 403
    assert client.get(url(order, name)).status_code == (403 if methods == "both" else 405)
    assert SalesOrder.objects.get().status_changes.count() == 1
    assert not Payment.objects.exists()


def test_voiding_asks_for_its_own_permission(client, django_user_model, place):
    made = payments.record(place(), Decimal(5), "cash", date(2026, 7, 6))
    client.force_login(clerk_with(django_user_model, {label for label, _ in ACTS.values()}))
    address = url(made.order, "void", made.pk)
    assert client.post(address, {"reason": "x"}).status_code == 403
    assert client.get(address).status_code == 405
    made.refresh_from_db()
    assert made.voided_at is None


def test_a_payment_of_another_order_is_not_voided_by_its_address(admin_client, place):
    made = payments.record(place(), Decimal(5), "cash", date(2026, 7, 6))
    other = place()
    assert admin_client.post(url(other, "void", made.pk), {"reason": "x"}).status_code == 404


def test_those_who_may_only_look_are_offered_nothing(client, django_user_model, place):
    order = place()
    client.force_login(clerk_with(django_user_model, ["orders.view_salesorder"]))
    page = text_of(client.get(url(order, "change")))
    for offer in ("Allocate", "Cancel order", "Delete", "Save terms", "Record a payment", "Move"):
        assert offer not in page
    assert "Payment term" in page
