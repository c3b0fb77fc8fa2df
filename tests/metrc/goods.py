"""Facilities, items, packages and orders to test assigning with; nothing of Metrc is asked."""

import itertools
from datetime import date
from decimal import Decimal

from django.utils import timezone
from model_bakery import baker

from catalog.models import Facility, Item
from integrations.metrc.models import MetrcAccount, MetrcFacility, MetrcItem, Package
from orders import services
from orders.drafts import LineDraft, OrderDraft

_numbers = itertools.count(1)


def account(**more):
    """An account in Colorado."""
    options = {"name": "Colorado", "state": "CO", "environment": "stand_in", **more}
    return MetrcAccount.objects.create(stand_in_url="http://metrc.test", **options)


class Goods:
    """A facility connected with Metrc, its gummies, and what tests do with them."""

    def __init__(self):
        self.account = account()
        self.shop = baker.make(Facility, name="Denver", license_number="402R-1")
        self.facility = MetrcFacility.objects.create(
            account=self.account, license_number="402R-1", name="Denver", facility=self.shop
        )
        self.gummies = self.item("Gummies")

    def item(self, name, **more):
        """An item of ours and the Metrc item of the same name, mapped."""
        item = baker.make(
            Item, name=name, sku=name.upper()[:20], **{"unit_of_measure": "Unit", **more}
        )
        MetrcItem.objects.create(account=self.account, name=name, unit="Each", item=item)
        return item

    def package(self, quantity, label="", item=None, **more):
        """A package on the shelf that may be transferred; numbered ones are ever newer."""
        number = next(_numbers)
        options = {
            "facility": self.facility,
            "metrc_item": MetrcItem.objects.get(item=item or self.gummies),
            "label": label or f"TAG{number:06d}",
            "remote_id": number,
            "quantity": Decimal(str(quantity)),
            "unit": "Each",
            "lab_state": "TestPassed",
            "packaged_on": date(2026, 1, 1),
            **more,
        }
        return Package.objects.create(**options)

    def order(self, *lines, **more):
        """An order of (item, units) or (item, units, more of the line), at the facility."""
        rows = [
            LineDraft(
                item=item,
                name=item.name,
                sku=item.sku,
                quantity=Decimal(str(units)),
                case_size=1,
                price=Decimal(5),
                **(rest[0] if rest else {}),
            )
            for item, units, *rest in lines
        ]
        draft = OrderDraft(placed_at=timezone.now(), lines=rows, **{"facility": self.shop, **more})
        return services.create(draft, allow_short=True)
