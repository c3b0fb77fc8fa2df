"""From Metrc's own pages to our orders: what people do with templates and transfers there, read
and matched as the worker does it."""

from datetime import UTC, datetime, timedelta

import pytest

from integrations.metrc import match_transfers
from integrations.metrc.models import Match, PossibleMatch, Transfer
from integrations.metrc.pull_transfers import pull_transfers
from integrations.metrc.wire import reads
from integrations.runs import Recorder
from tests.metrc.conftest import OTHER, SHIPPER
from tests.metrc.shipments import packed, template

CARRIER = {
    "TransporterFacilityLicenseNumber": SHIPPER,
    "DriverOccupationalLicenseNumber": "OCC-20417",
    "DriverName": "Rosa Whitfield",
    "DriverLicenseNumber": "D4410093",
    "VehicleMake": "Ford",
    "VehicleModel": "Transit",
    "VehicleLicensePlateNumber": "8KLM204",
}


class Life:
    """An order with its template in Metrc, and Metrc's clock, which a reading moves on."""

    def __init__(self, metrc):
        self.metrc, self.world = metrc, metrc.world
        self.back = timedelta(minutes=40)
        self.world.clock = lambda: datetime.now(UTC) - self.back
        metrc.account.on_match = metrc.account.on_receipt = ""
        metrc.account.overlap_minutes = 60
        metrc.account.save()
        self.order, self.labels = packed(metrc)
        self.template = self.send(self.order, self.labels)

    def send(self, order, labels):
        """A template in Metrc and here; returns its number."""
        body = {
            "Name": order.number,
            **CARRIER,
            "Destinations": [
                {
                    "RecipientLicenseNumber": order.destination.license_number,
                    "TransferTypeName": self.world.rules.types[0].name,
                    "InvoiceNumber": order.number,
                    "PlannedRoute": "By the usual roads.",
                    "EstimatedDepartureDateTime": "2026-03-12T08:30:00.000",
                    "EstimatedArrivalDateTime": "2026-03-12T11:30:00.000",
                    "GrossWeight": 100,
                    "GrossUnitOfWeightName": "Grams",
                    "Transporters": [CARRIER],
                    "Packages": [{"PackageLabel": label, "WholesalePrice": 10} for label in labels],
                }
            ],
        }
        number = reads.create_template(self.metrc.client(), SHIPPER, body)
        template(self.metrc, order, number, labels)
        return number

    def read(self):
        """Look in Metrc, a minute later."""
        self.back -= timedelta(minutes=1)
        self.metrc.facility.refresh_from_db()
        run = Recorder()
        pull_transfers(self.metrc.facility, self.metrc.client(), run)
        assert run.problems == []
        looked = match_transfers.look(self.metrc.facility)
        assert looked.failed == {}
        self.back -= timedelta(minutes=1)

    def found(self, order=None):
        """The transfer's number in Metrc that the order is matched with."""
        match = Match.objects.filter(order=order or self.order, ended_at__isnull=True).first()
        return match.delivery.transfer.remote_id if match else None

    def asked(self):
        return PossibleMatch.objects.filter(dismissed_at__isnull=True).count()


@pytest.fixture
def life(metrc):
    return Life(metrc)


def test_registered_as_it_is(life):
    remote = life.world.register(life.template)
    life.read()
    assert life.found() == remote.id
    assert Match.objects.get().how == "template"
    assert Transfer.objects.get().manifest_number == remote.manifest_number


def test_where_metrc_does_not_tell_the_template(michigan):
    life = Life(michigan)
    remote = life.world.register(life.template)
    life.read()
    assert life.found() == remote.id


def test_edited_while_registering(life):
    life.world.register(life.template, drop=life.labels[:1])
    life.read()
    assert (life.found(), life.asked()) == (None, 1)


def test_voided_and_shipped_again(life):
    first = life.world.register(life.template)
    life.read()
    second = life.world.reship(first.id)
    life.read()
    assert life.found() == second.id
    assert life.asked() == 0
    life.world.void(second.id)
    life.read()
    assert life.found() is None


def test_edited_afterwards(life):
    remote = life.world.register(life.template)
    life.read()
    life.world.edit_transfer(remote.id, recipient=OTHER)
    life.read()
    assert (life.found(), life.asked()) == (None, 1)
    life.world.edit_transfer(remote.id, recipient=life.metrc.buyer.license_number)
    life.read()
    assert (life.found(), life.asked()) == (remote.id, 0)


def test_two_orders_on_one_transfer(life):
    other, labels = packed(life.metrc, sku="GUM")
    remote = life.world.register(life.template, merge=[life.send(other, labels)], into_one=True)
    life.read()
    assert life.found() == life.found(other) == remote.id
    assert len(set(Match.objects.values_list("delivery", flat=True))) == 1


def test_two_customers_on_one_transfer(life):
    other, labels = packed(life.metrc, sku="GUM", to=life.metrc.other)
    remote = life.world.register(life.template, merge=[life.send(other, labels)])
    life.read()
    # Metrc names one template for both stops; the first is what it was for.
    assert life.found() == life.found(other) == remote.id
    assert len(set(Match.objects.values_list("delivery", flat=True))) == 2


def test_received_and_seen(life):
    remote = life.world.register(life.template)
    life.read()
    life.world.receive(remote.id)
    life.read()
    assert life.found() == remote.id
    assert Match.objects.get().delivery.received_at is not None
