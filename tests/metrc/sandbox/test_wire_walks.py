"""Our client and the stand-in: each call of the wire, in both states, with answers lost."""

from datetime import timedelta
from decimal import Decimal

import pytest
import requests

from integrations.metrc.wire import reads
from integrations.metrc.wire.client import MetrcClient
from integrations.sandbox.transport import SandboxAdapter
from integrations.wire.errors import BadCredentials, Gone, Refused, UnknownOutcome, Wait
from tests.metrc.wire_parts import FreeBudget

HOST = "http://metrc.test"
SHIPPER, SHOP = "C11-1", "C10-1"


@pytest.fixture(params=["ca", "mi"])
def here(request, place, michigan, app):
    """A state and a client of it."""
    found = {"ca": place, "mi": michigan}[request.param]
    found.session = requests.Session()
    found.session.mount(HOST, SandboxAdapter(app))
    found.client = client_of(found)
    return found


def client_of(place, user="user", **more):
    return MetrcClient(
        f"{HOST}/{place.world.rules.code}",
        "vendor",
        user,
        budget=FreeBudget(),
        session=place.session,
        sleep=lambda seconds: None,
        **more,
    )


def body(place, *numbers):
    """A template body, with decimals as our side works with them."""
    made = place.template(*(place.label(n) for n in numbers or (0,)))
    for package in made["Destinations"][0]["Packages"]:
        package["WholesalePrice"] = Decimal("640.10")
    return made


def span(place):
    return place.clock() - timedelta(hours=1), place.clock() + timedelta(minutes=1)


def named(place, name="SO-1"):
    walk = reads.templates(place.client, SHIPPER, *span(place))
    return [row.id for _, rows in walk for row in rows if row.name == name]


def test_the_lists_of_a_license(here):
    (facility,) = reads.facilities(here.client)
    assert (facility.license_number, facility.label) == (SHIPPER, "Pine Distribution")
    types = [kind.name for kind in reads.transfer_types(here.client, SHIPPER)]
    assert types == [kind.name for kind in here.world.rules.types]
    assert "Grams" in [unit.name for unit in reads.units_of_measure(here.client)]
    assert [row.name for row in reads.drivers(here.client, SHIPPER)] == ["Rosa"]
    assert [row.license_plate_number for row in reads.vehicles(here.client, SHIPPER)] == ["8KLM204"]


def test_packages_by_window_and_by_tag(here):
    jars = [here.world.add_package(SHIPPER, "Jar", n) for n in range(1, 41)]
    ((_, rows),) = reads.changed_packages(here.client, SHIPPER, "active", *span(here))
    assert {row.label for row in rows} == {jar.label for jar in [*here.jars, *jars]}
    found = reads.package(here.client, SHIPPER, here.label(1))
    assert (found.quantity, found.item_name, found.is_on_hold) == (50, "Jar", False)


def test_a_walk_of_days_finds_what_each_of_them_changed(here):
    since = here.clock()
    for jar in here.jars:
        here.clock.forward(days=2)
        here.world.set_hold(jar.label)
    client = client_of(here, longest_window=timedelta(days=400))
    walk = reads.changed_packages(client, SHIPPER, "onhold", since, here.clock())
    assert [row.label for _, rows in walk for row in rows] == [jar.label for jar in here.jars]
    assert min(client.longest_window, here.clock() - since) <= here.world.rules.window


def test_a_template_becomes_a_transfer_with_a_manifest(here):
    number = reads.create_template(here.client, SHIPPER, body(here, 0, 1))
    assert named(here) == [number]
    (stop,) = reads.template_deliveries(here.client, SHIPPER, number)
    packages = reads.template_packages(here.client, SHIPPER, stop.id)
    assert [row.package_label for row in packages] == [here.label(0), here.label(1)]

    changed = {**body(here, 0, 1), "Name": "SO-1 again"}
    changed["Destinations"][0]["TransferDestinationId"] = stop.id
    reads.update_template(here.client, SHIPPER, number, changed)
    assert named(here, "SO-1 again") == [number]

    made = here.world.register(number)
    ((_, (transfer,)),) = reads.outgoing(here.client, SHIPPER, *span(here))
    assert (transfer.id, transfer.manifest_number) == (made.id, made.manifest_number)
    assert transfer.originating_template_id in (number, None)
    (delivery,) = reads.deliveries(here.client, SHIPPER, transfer.id)
    assert delivery.recipient_facility_license_number == SHOP
    assert delivery.invoice_number == "SO-1"
    assert delivery.estimated_departure_date_time.tzinfo is None
    here.world.receive(made.id, short={here.label(0): 98}, reject=[here.label(1)])
    rows = reads.delivery_packages(here.client, SHIPPER, delivery.id)
    assert [(row.shipment_package_state, row.received_quantity) for row in rows] == [
        ("Accepted", 98),
        ("Rejected", None),
    ]
    prices = reads.wholesale_prices(here.client, SHIPPER, delivery.id)
    assert {row.shipper_wholesale_price for row in prices} == {Decimal("640.1")}
    pdf = here.client.manifest_pdf(transfer.id, transfer.manifest_number, SHIPPER)
    assert pdf.startswith(b"%PDF")


def test_a_lost_answer_to_a_template_is_settled_by_its_name(here, faults):
    faults.next("reset-after", method="POST")
    with pytest.raises(UnknownOutcome):
        reads.create_template(here.client, SHIPPER, body(here))
    assert len(named(here)) == 1
    faults.next("reset-before", method="POST")
    with pytest.raises(UnknownOutcome):
        reads.create_template(here.client, SHIPPER, {**body(here, 1), "Name": "SO-2"})
    assert named(here, "SO-2") == []


def test_an_archived_template_is_not_listed(here):
    number = reads.create_template(here.client, SHIPPER, body(here))
    reads.archive_template(here.client, SHIPPER, number)
    assert named(here) == []
    with pytest.raises(Gone):
        reads.template_deliveries(here.client, SHIPPER, number + 999)


def test_what_metrc_does_not_take_is_told_in_its_words(here):
    wrong = body(here)
    wrong["Destinations"][0]["RecipientLicenseNumber"] = "nobody"
    with pytest.raises(Refused, match="Recipient License Number not specified") as caught:
        reads.create_template(here.client, SHIPPER, wrong)
    assert set(caught.value.by_field) == {"0"}
    with pytest.raises(Refused, match="at most 10"):
        here.client.post("transfers/v2/templates/outgoing", SHIPPER, [body(here)] * 11)


def test_a_wrong_key_a_missing_permission_and_a_foreign_license(here):
    with pytest.raises(BadCredentials):
        reads.facilities(client_of(here, user="nobody's"))
    with pytest.raises(BadCredentials, match=SHOP):
        reads.drivers(here.client, SHOP)
    here.world.set_permissions("user", ["View Transfers"])
    with pytest.raises(BadCredentials, match="View Packages"):
        reads.package(here.client, SHIPPER, here.label(0))


def test_a_short_trouble_is_waited_out_and_a_long_one_told(here, faults):
    for fault in ("429", "500"):
        faults.next(fault, path="facilities")
    assert len(reads.facilities(here.client)) == 1
    assert here.client.budget.pauses == [1]
    faults.next("500", path="facilities", times=3)
    with pytest.raises(Wait):
        reads.facilities(here.client)
