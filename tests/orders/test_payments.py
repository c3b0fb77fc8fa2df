"""Recording and voiding payments, changing terms, deleting orders."""

import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Commitment, Facility, Item
from orders import payments, services
from orders.drafts import LineDraft, OrderDraft
from orders.models import Payment, SalesOrder
from orders.status import IllegalMove

pytestmark = pytest.mark.django_db
DAY = date(2026, 7, 6)


@pytest.fixture
def order():
    shop = baker.make(Facility, name="Denver", license_number="1")
    item = baker.make(Item, sku="GUM", name="Gummies")
    inventory.receive(item, shop, Decimal(100))
    line = LineDraft(item, "Gummies", "GUM", Decimal(10), 1, Decimal(5))
    return services.create(OrderDraft(placed_at=timezone.now(), lines=[line], facility=shop))


def test_what_was_paid_leaves_out_what_was_voided(order):
    payments.record(order, Decimal("20.005"), "cash", DAY)
    wrong = payments.record(order, Decimal(5), "check", DAY, reference="17")
    payments.void(wrong, "Bounced")
    assert payments.paid(order) == Decimal("20.01")
    told = [change.reason for change in order.status_changes.all()[:2]]
    assert told == [
        "Payment voided: $5.00 (Check), Jul 6, 2026. Bounced",
        "Payment recorded: $5.00 (Check), Jul 6, 2026",
    ]
    with pytest.raises(IllegalMove, match="voided already"):
        payments.void(wrong, "Again")


def test_a_button_pressed_twice_records_one_payment(order):
    token = uuid.uuid4()
    first = payments.record(order, Decimal(5), "cash", DAY, token=token)
    assert payments.record(order, Decimal(5), "cash", DAY, token=token) == first
    assert Payment.objects.count() == 1


def test_impossible_payments_are_refused_in_words(order):
    for amount, day, words in (
        (Decimal(0), DAY, "above zero"),
        (Decimal(-5), DAY, "void it"),
        (Decimal(5), timezone.localdate() + timedelta(days=1), "still to come"),
    ):
        with pytest.raises(IllegalMove, match=words):
            payments.record(order, amount, "cash", day)
    made = payments.record(order, Decimal(5), "cash", DAY)
    with pytest.raises(IllegalMove, match="Say why"):
        payments.void(made, " ")
    services.cancel(order, reason="x")
    with pytest.raises(IllegalMove, match="takes no payments"):
        payments.record(order, Decimal(5), "cash", DAY)


def test_terms_are_noted_with_what_they_were(order):
    services.change_terms(order, {"payment_term": "net30", "delivery_date": DAY}, why="Phoned.")
    assert order.status_changes.first().reason == (
        "Phoned. Payment term: none → Net 30; Delivery date: none → Jul 6, 2026"
    )
    count = order.status_changes.count()
    services.change_terms(order, {"payment_term": "net30"})
    assert order.status_changes.count() == count


def test_deleting_frees_the_stock(order):
    services.allocate(order)
    assert (
        services.delete(order, reason="Twice") == f"{order.number}, allocated, $50.00, is deleted."
    )
    assert not SalesOrder.objects.exists()
    assert not Commitment.objects.exists()
    item = Item.objects.get()
    assert inventory.levels([item.pk])[item.pk].free == 100
