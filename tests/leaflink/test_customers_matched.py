"""From LeafLink's customers to destinations: what decides, what only suggests, what is filled."""

import pytest
from model_bakery import baker

from customers.models import Address, Destination
from integrations.leaflink.mapping.customer_likeness import Who, likest
from integrations.leaflink.match_customers import create_destination, suggested_destinations
from integrations.leaflink.models import Customer
from integrations.leaflink.wire import payloads

PLAIN = {"address": "1 Main St", "city": "Pueblo", "state": "CO", "zipcode": "81001"}
OTHER = {**PLAIN, "address": "9 Side Ave"}


def told(one):
    return [reason.text for reason in one.reasons]


def customer(**fields):
    return payloads.parse(payloads.Customer, {"id": 7, "name": "Juniper", **fields})


@pytest.mark.parametrize(
    ("fields", "filled"),
    [
        ({}, {}),
        (PLAIN, {"shipping": "1 Main St", "billing": "1 Main St"}),
        (
            {**PLAIN, "delivery_address": PLAIN, "corporate_address": PLAIN},
            {"shipping": "1 Main St", "billing": "1 Main St"},
        ),
        ({"delivery_address": PLAIN}, {"shipping": "1 Main St", "billing": "1 Main St"}),
        (
            {"delivery_address": PLAIN, "corporate_address": OTHER},
            {"shipping": "1 Main St", "billing": "9 Side Ave"},
        ),
        # Two places, and LeafLink doesn't say which of them goods are shipped to.
        ({**PLAIN, "corporate_address": OTHER}, {"billing": "9 Side Ave"}),
        ({**PLAIN, "delivery_address": OTHER}, {"shipping": "9 Side Ave"}),
    ],
)
def test_addresses_are_filled_only_where_there_is_no_doubt(db, fields, filled):
    destination = create_destination(customer(**fields))
    assert dict(destination.addresses.values_list("kind", "street")) == filled


def test_reasons_are_given_and_the_likeliest_comes_first():
    juniper = Who(1, ("Juniper Street LLC",), "402R1", "", "a@j.example")
    others = [
        Who(2, ("Juniper Street Dispensary",), "402R2", "", "b@j.example"),
        Who(3, ("The Juniper Street",), "", "", "a@j.example"),
        Who(4, ("Altogether different",), "402R1"),
        Who(5, ("Altogether different",)),
    ]
    found = likest(juniper, others)
    assert [one.who.pk for one in found] == [3, 4]
    assert told(found[0]) == ["same e-mail", "same name"]
    assert told(found[1]) == ["same license"]


def test_the_same_address_or_phone_suggests_and_never_decides(bench, db):
    shop = baker.make(Destination, name="Zebra Holdings", phone="(719) 555-0101")
    baker.make(Address, destination=shop, street="1 Main St", zipcode="81001-22")
    row = Customer.objects.create(account=bench.account, remote_id=7, name="Juniper")
    [(found, why)] = suggested_destinations(row, customer(**PLAIN, phone="719-555-0101"))
    assert found == shop
    assert told(why) == ["same phone", "same address"] or told(why) == ["same address"]


def test_suggestions_cost_the_same_however_many_there_are(bench, db, django_assert_max_num_queries):
    baker.make(Destination, _quantity=300, name="Juniper")
    row = Customer.objects.create(account=bench.account, remote_id=7, name="Juniper")
    with django_assert_max_num_queries(3):
        assert len(suggested_destinations(row, customer())) == 3
