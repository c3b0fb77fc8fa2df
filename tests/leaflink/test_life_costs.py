"""What keeping orders in agreement costs: requests per change, queries per sweep."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.leaflink.out_of_step import behind
from integrations.leaflink.payments_due import orders_with_payments
from orders import services
from orders.models import SalesOrder


@pytest.fixture
def goods(bench):
    made = bench.goods(on_hand=500)
    bench.ready()
    return made


def place(bench, goods, count):
    orders = [bench.order(bench.line(goods, 1)) for _ in range(count)]
    bench.sync("orders")
    return orders


def requests_of(bench):
    bench.world.requests.clear()
    bench.sync("statuses")
    return [r.method for r in bench.world.requests if not r.path.endswith("/orders-received/")]


def test_a_step_is_a_reading_a_write_and_a_reading(bench, goods):
    (order,) = place(bench, goods, 1)
    services.allocate(bench.local(order))
    # Accepted and fulfilled; read before, between and after.
    assert requests_of(bench) == ["GET", "POST", "GET", "POST", "GET"]
    assert requests_of(bench) == []


def test_a_term_is_a_reading_a_write_and_a_reading(bench, goods):
    (order,) = place(bench, goods, 1)
    services.change_terms(bench.local(order), {"delivery_date": date(2026, 12, 3)})
    assert requests_of(bench) == ["GET", "PATCH", "GET"]
    assert requests_of(bench) == []


def test_looking_for_what_to_tell_costs_the_same_however_many_orders_there_are(bench, goods):
    bench.account.push_payments = True
    bench.account.save()
    place(bench, goods, 2)
    looks = (lambda: behind(bench.account), lambda: list(orders_with_payments(bench.account)))
    for look in looks:
        with CaptureQueriesContext(connection) as few:
            assert look() == []
        assert len(few) == 1
    place(bench, goods, 20)
    services.complete(services.ship(services.allocate(SalesOrder.objects.first())))
    bench.sync("statuses")
    for look in looks:
        with CaptureQueriesContext(connection) as many:
            assert look() == []
        assert len(many) == 1
