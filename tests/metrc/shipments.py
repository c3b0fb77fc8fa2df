"""Orders with packages, and transfers as if they had been read from Metrc."""

import itertools
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from customers.models import normalized_license
from integrations.metrc.models import (
    Delivery,
    DeliveryPackage,
    PackageAssignment,
    Transfer,
    TransferTemplate,
)

_numbers = itertools.count(500)


def assign(order, *packages):
    """Assign packages to the first line, an hour ago."""
    line = order.lines.first()
    for package in packages:
        PackageAssignment.objects.create(
            line=line,
            package=package,
            quantity=Decimal(package.quantity),
            assigned_at=timezone.now() - timedelta(hours=1),
        )


def packed(metrc, units=10, count=2, *, sku="JAR", **options):
    """An order of so many units in so many packages; returns it and their labels."""
    item = metrc.item(sku)
    packages = [metrc.ours(item, units // count) for _ in range(count)]
    order = metrc.order((item, units), **options)
    assign(order, *packages)
    return order, [package.label for package in packages]


def template(metrc, order, remote_id, labels=()):
    """A template of the order's that was sent an hour ago."""
    return TransferTemplate.objects.create(
        order=order,
        facility=metrc.facility,
        state="sent",
        name=order.number,
        remote_id=remote_id,
        labels=list(labels),
        sent_at=timezone.now() - timedelta(hours=1),
    )


def shipment(metrc, labels, *, to=None, template_id=None, invoice="", ago=0, **more):
    """A transfer of one delivery, registered so many minutes ago; returns the delivery."""
    number = next(_numbers)
    at = timezone.now() - timedelta(minutes=ago)
    transfer = Transfer.objects.create(
        facility=metrc.facility,
        remote_id=number,
        manifest_number=f"{number:010d}",
        template_remote_id=template_id,
        created_at=at,
        modified_at=at,
        expanded_at=at,
        delivery_count=1,
        package_count=len(labels),
    )
    return stop(transfer, labels, to=to or metrc.buyer, invoice=invoice, **more)


def stop(transfer, labels, *, to, invoice="", state="Shipped", **more):
    """A delivery of a transfer."""
    delivery = Delivery.objects.create(
        transfer=transfer,
        remote_id=next(_numbers),
        recipient_license=to.license_number,
        recipient_key=normalized_license(to.license_number),
        recipient_name=to.name,
        invoice_number=invoice,
        package_count=len(labels),
        **more,
    )
    DeliveryPackage.objects.bulk_create(
        DeliveryPackage(delivery=delivery, label=label, state=state) for label in labels
    )
    return delivery


def alter(delivery, *, drop=(), add=(), to=None, void=False):
    """Change a delivery as if it had been altered in Metrc, and read."""
    delivery.packages.filter(label__in=drop).update(is_listed=False)
    for label in add:
        DeliveryPackage.objects.create(delivery=delivery, label=label, state="Shipped")
    if to:
        Delivery.objects.filter(pk=delivery.pk).update(
            recipient_license=to.license_number,
            recipient_key=normalized_license(to.license_number),
            recipient_name=to.name,
        )
    at = timezone.now()
    Transfer.objects.filter(pk=delivery.transfer_id).update(
        is_voided=void, modified_at=at, expanded_at=at
    )
