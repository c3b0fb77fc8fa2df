"""A Metrc to test against: the stand-in, mounted in this process, and an account on it."""

import functools
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
import requests
from django.contrib.auth.models import User
from django.utils import timezone
from model_bakery import baker

from catalog import inventory
from catalog.models import Brand, Facility, Item
from customers.models import Destination
from integrations.metrc.models import MetrcAccount, MetrcFacility, MetrcItem, Package
from integrations.metrc.sandbox.app import KNOWN_FAULTS, create_app, show_worlds
from integrations.metrc.sandbox.state_rules import CALIFORNIA, MICHIGAN
from integrations.metrc.sandbox.world import World
from integrations.sandbox.faults import Faults
from integrations.sandbox.transport import SandboxAdapter
from orders import services
from orders.drafts import LineDraft, OrderDraft
from orders.models import SalesOrder

VENDOR, USER = "vendor-key-of-ours", "user-key-of-dana"
SHIPPER, RECIPIENT, OTHER = "C11-0000871-LIC", "C10-0000311-LIC", "C10-0000427-LIC"


@functools.cache
def _app():
    """The stand-in, built once for all tests of a process: each bench shows it another world."""
    return create_app([])


class MetrcBench:
    """Both sides of a small licensee, and the verbs tests are written in."""

    def __init__(self, monkeypatch, rules=CALIFORNIA):
        self.world = World(rules, vendor_key=VENDOR)
        self.faults = Faults(known=KNOWN_FAULTS)
        self.app = show_worlds(_app(), [self.world], faults=self.faults)
        monkeypatch.setattr("integrations.metrc.connect.new_session", self.session)
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        self.world.add_facility(SHIPPER, "Harborlight Distribution")
        self.world.add_facility(RECIPIENT, "Copper Lantern", "Retailer")
        self.world.add_facility(OTHER, "Salt & Sage", "Retailer")
        self.world.add_user_key(USER, [SHIPPER])
        self.world.add_driver(SHIPPER, "Rosa Whitfield", "D4410093", "OCC-20417")
        self.world.add_vehicle(SHIPPER, "Ford", "Transit", "8KLM204")
        self.shop = baker.make(
            Facility,
            name="Harborlight",
            license_number=SHIPPER,
            state="CA",
            time_zone="America/Los_Angeles",
        )
        self.brand = baker.make(Brand, name="Harborlight")
        self.buyer = baker.make(Destination, name="Copper Lantern", license_number=RECIPIENT)
        self.other = baker.make(Destination, name="Salt & Sage", license_number=OTHER)
        for one in (self.buyer, self.other):
            one.save()  # works out how its license is compared
        self.account = MetrcAccount.objects.create(
            name="Metrc California",
            state=rules.code.upper(),
            environment=MetrcAccount.Environment.STAND_IN,
            stand_in_url=f"http://metrc.test/{rules.code}",
            vendor_key=VENDOR,
            user_key=USER,
            read_since=timezone.localdate() - timedelta(days=3),
        )
        self.facility = MetrcFacility.objects.create(
            account=self.account,
            license_number=SHIPPER,
            name="Harborlight Distribution",
            facility=self.shop,
        )
        self.user = baker.make(User, username="dana", is_staff=True, is_superuser=True)

    def session(self):
        session = requests.Session()
        session.mount("http://metrc.test", SandboxAdapter(self.app))
        return session

    def client(self):
        """A client as jobs use it."""
        from integrations.metrc.connect import client_for

        return client_for(self.account)

    def item(self, sku="JAR", name="", on_hand=1000, *, unit="Unit", price="10.00", case=1):
        """An item here, of which there is stock at the facility; and Metrc's item of that name."""
        item = baker.make(
            Item,
            sku=sku,
            name=name or f"Item {sku}",
            brand=self.brand,
            unit_of_measure=unit,
            wholesale_price=Decimal(price),
            case_size=case,
        )
        if on_hand:
            inventory.receive(item, self.shop, Decimal(on_hand))
        return item

    def package(self, item, quantity, *, unit="Each", **more):
        """A package in Metrc, not read yet."""
        return self.world.add_package(SHIPPER, item.name, quantity, unit=unit, **more)

    def ours(self, item, quantity, *, unit="Each", **more):
        """A package in Metrc and, as if it had been read, here."""
        remote = self.package(item, quantity, unit=unit, **more)
        known, _ = MetrcItem.objects.get_or_create(
            account=self.account, name=item.name, defaults={"unit": unit, "item": item}
        )
        return Package.objects.create(
            facility=self.facility,
            remote_id=remote.id,
            label=remote.label,
            metrc_item=known,
            quantity=Decimal(remote.quantity),
            unit=unit,
            lab_state=remote.lab_state,
            on_hold=remote.is_on_hold,
            packaged_on=remote.packaged_on,
            modified_at=remote.last_modified,
        )

    def order(self, *lines, to=None, allocate=True, price="10.00"):
        """A sales order of ours: (item, units) per line, allocated unless said otherwise."""
        draft = OrderDraft(
            destination=to or self.buyer,
            facility=self.shop,
            placed_at=timezone.now(),
            lines=[
                LineDraft(
                    item=item,
                    sku=item.sku,
                    name=item.name,
                    quantity=Decimal(units),
                    case_size=1,
                    price=Decimal(price),
                )
                for item, units in lines
            ],
        )
        order = services.create(draft)
        if allocate:
            services.allocate(order)
        return SalesOrder.objects.get(pk=order.pk)

    def shipped(self, order, *labels, **options):
        """A transfer in Metrc to the order's customer, made there from scratch."""
        return self.world.make_transfer(
            SHIPPER, order.destination.license_number, list(labels), **options
        )

    def calls(self, method=None):
        """The requests Metrc saw since the last call."""
        seen = [r for r in self.world.requests if method in (None, r.method)]
        self.world.requests.clear()
        return [f"{r.method} {r.path}" for r in seen]


@pytest.fixture
def metrc(db, monkeypatch):
    """A licensee in a state like California."""
    return MetrcBench(monkeypatch)


@pytest.fixture
def michigan(db, monkeypatch):
    """The same in a state like Michigan."""
    return MetrcBench(monkeypatch, MICHIGAN)


@pytest.fixture
def make_metrc(db, monkeypatch):
    """For tests that need a fresh bench many times."""
    return lambda rules=CALIFORNIA: MetrcBench(monkeypatch, rules)


@pytest.fixture
def filled(metrc):
    """An allocated order of two lines, and packages that fill it: 100 + 50 jars, 24 gummies."""
    jars, gummies = metrc.item("JAR"), metrc.item("GUM")
    packages = [metrc.ours(jars, 100), metrc.ours(jars, 50), metrc.ours(gummies, 24)]
    order = metrc.order((jars, 150), (gummies, 24))
    return SimpleNamespace(order=order, packages=packages, jars=jars, gummies=gummies)
