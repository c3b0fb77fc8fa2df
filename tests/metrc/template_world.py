"""An order that could be sent, its license in the stand-in, and who asks Metrc about it."""

import functools
from datetime import timedelta
from decimal import Decimal

import requests
from django.utils import timezone
from model_bakery import baker

from catalog.models import Facility, Item
from customers.models import Destination
from integrations.metrc.draft_template import draft_for
from integrations.metrc.models import (
    Driver,
    MetrcAccount,
    MetrcFacility,
    MetrcItem,
    Package,
    PackageAssignment,
    TransferTemplate,
    TransferType,
    Vehicle,
)
from integrations.metrc.sandbox.app import KNOWN_FAULTS, create_app, show_worlds
from integrations.metrc.sandbox.state_rules import CALIFORNIA
from integrations.metrc.sandbox.world import World
from integrations.metrc.wire.client import MetrcClient
from integrations.sandbox.faults import Faults
from integrations.sandbox.transport import SandboxAdapter
from orders import services
from orders.drafts import LineDraft, OrderDraft

LICENSE, SHOP = "C11-1", "C10-1"
HOST = "http://metrc.test"


@functools.cache
def _app():
    """The stand-in, built once for all tests of a process."""
    return create_app(World(CALIFORNIA))


class NoLimit:
    """A budget without an end."""

    def take(self):
        pass

    def pause(self, seconds):
        pass


class TemplateWorld:
    """Both sides of one license, and the verbs tests are written in."""

    def __init__(self):
        self.world = World(CALIFORNIA, vendor_key="vendor")
        self.faults = Faults(known=KNOWN_FAULTS)
        self.app = show_worlds(_app(), self.world, faults=self.faults)
        self.world.add_facility(LICENSE, "Harbor")
        self.world.add_facility(SHOP, "Juniper", "Retailer")
        self.world.add_user_key("user", [LICENSE])
        self.account = MetrcAccount.objects.create(
            name="California",
            state="CA",
            environment="stand_in",
            stand_in_url=f"{HOST}/ca",
            vendor_key="vendor",
            user_key="user",
            phone_for_questions="555-0100",
        )
        self.harbor = baker.make(
            Facility, name="Harbor", license_number=LICENSE, time_zone="America/Los_Angeles"
        )
        self.facility = MetrcFacility.objects.create(
            account=self.account,
            license_number=LICENSE,
            name="Harbor",
            facility=self.harbor,
            packages_until=timezone.now(),
        )
        TransferType.objects.create(
            facility=self.facility,
            name="Wholesale Manifest",
            is_wholesale=True,
            needs_invoice_number=True,
        )
        self.driver = Driver.objects.create(
            facility=self.facility, remote_id=61, name="Rosa", license_number="D1", employee_id="O1"
        )
        self.vehicle = Vehicle.objects.create(
            facility=self.facility, remote_id=18, make="Ford", model="Transit", plate="8KLM204"
        )
        self.juniper = baker.make(
            Destination, name="Juniper", license_number=SHOP, license_expires_on=None
        )
        self.item = baker.make(Item, name="Gummies", sku="GUM", unit_of_measure="Unit", case_size=1)
        self.metrc_item = MetrcItem.objects.create(
            account=self.account, name="Gummies", unit="Each", item=self.item
        )

    def order(self, *sizes, **more):
        """An order of gummies with a package of each of these sizes; $2 a unit."""
        line = LineDraft(
            item=self.item,
            name="Gummies",
            sku="GUM",
            quantity=Decimal(sum(sizes) or 1),
            case_size=1,
            price=Decimal(2),
        )
        options = {"facility": self.harbor, "destination": self.juniper, **more}
        draft = OrderDraft(placed_at=timezone.now(), lines=[line], **options)
        order = services.create(draft, allow_short=True)
        for size in sizes:
            self.assign(order, self.package(size))
        return order

    def package(self, size, **more):
        """A package on the shelf, here and in Metrc."""
        tagged = self.world.add_package(LICENSE, "Gummies", size)
        options = {
            "facility": self.facility,
            "remote_id": tagged.id,
            "label": tagged.label,
            "metrc_item": self.metrc_item,
            "quantity": Decimal(size),
            "unit": "Each",
            "lab_state": "TestPassed",
            **more,
        }
        return Package.objects.create(**options)

    def assign(self, order, package):
        return PackageAssignment.objects.create(
            line=order.lines.get(), package=package, quantity=package.quantity
        )

    def ready(self, order):
        """The order's template with everything entered."""
        template = draft_for(order)
        TransferTemplate.objects.filter(pk=template.pk).update(planned_route="North on Elm")
        template.refresh_from_db()
        return template

    def client(self):
        session = requests.Session()
        session.mount(HOST, SandboxAdapter(self.app))
        return MetrcClient(
            self.account.base_url,
            "vendor",
            "user",
            budget=NoLimit(),
            session=session,
            sleep=lambda seconds: None,
        )

    def in_metrc(self):
        """The templates in force in Metrc: (number, name, tags) of each."""
        return [
            (one.id, one.name, sorted(label for stop in one.deliveries for label in stop.labels))
            for one in self.world.templates_of(LICENSE)
        ]

    def wait(self, template, **by):
        """Let it be so long ago that the template was sent, or its withdrawal asked for."""
        template.refresh_from_db()
        earlier = timedelta(**(by or {"minutes": 3}))
        changed = {
            name: getattr(template, name) - earlier
            for name in ("sent_at", "withdraw_asked_at")
            if getattr(template, name)
        }
        TransferTemplate.objects.filter(pk=template.pk).update(**changed)
        template.refresh_from_db()
