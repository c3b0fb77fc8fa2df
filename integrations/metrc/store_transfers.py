"""Storing transfers, their deliveries and packages as Metrc shows them: only what changed.

An older LastModified never overwrites a newer one. What Metrc no longer shows of a transfer is no
longer listed, never deleted: an order may be matched with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from customers.models import normalized_license
from integrations.metrc.facility_times import moment_at
from integrations.metrc.models import Delivery, DeliveryPackage, MetrcFacility, Transfer
from integrations.metrc.wire import payloads

# Metrc's times are whole seconds: what was changed just now may be changed again in this second.
MAY_CHANGE_UNSEEN = timedelta(seconds=3)
FOUR_PLACES = Decimal("0.0001")
ON_THE_WAY = {"", DeliveryPackage.State.SHIPPED}


@transaction.atomic
def store_rows(facility: MetrcFacility, rows: Sequence[payloads.Transfer]) -> list[Transfer]:
    """Store rows of the list of transfers; returns those whose deliveries are to be read now, and
    those that were voided. Of several rows of one transfer the newest counts."""
    newest: dict[int, payloads.Transfer] = {}
    for row in rows:
        if row.id not in newest or not _is_older(row.last_modified, newest[row.id].last_modified):
            newest[row.id] = row
    known = {
        one.remote_id: one
        for one in Transfer.objects.select_for_update(of=("self",))
        .filter(facility=facility, remote_id__in=newest)
        .order_by("pk")
    }
    changed: list[Transfer] = []
    for remote_id, row in newest.items():
        one = known.get(remote_id)
        is_new = one is None
        if one is None:
            # Whoever reads the same at the same moment adds nothing.
            one, is_new = Transfer.objects.get_or_create(
                facility=facility, remote_id=remote_id, defaults=_of_transfer(row)
            )
        if _is_older(row.last_modified, one.modified_at):
            continue
        has_changed = _write(one, _of_transfer(row), always=("read_at",)) or is_new
        if has_changed or (one.expanded_at != one.modified_at and not one.is_voided):
            # Kept at hand: reading its deliveries asks for license and time zone.
            one.facility = facility
            changed.append(one)
    return changed


def store_deliveries(
    transfer: Transfer,
    found: Iterable[tuple[payloads.Delivery, Sequence[payloads.DeliveryPackage]]],
    read_at: datetime,
) -> None:
    """Store all deliveries of a transfer with all their packages, as they were read at `read_at`
    for the transfer as it is given; nothing when it has changed since."""
    with transaction.atomic():
        stored = Transfer.objects.select_for_update(of=("self",)).defer("raw").get(pk=transfer.pk)
        is_newer = stored.modified_at != transfer.modified_at or (
            stored.expanded_at is not None
            and stored.expanded_at != transfer.expanded_at
            and stored.read_at > read_at
        )
        if is_newer:
            return
        known = {one.remote_id: one for one in Delivery.objects.filter(transfer=transfer)}
        listed = []
        for row, packages in found:
            values = _of_delivery(row, packages, transfer)
            one = known.get(row.id)
            if one is None:
                one = Delivery.objects.create(transfer=transfer, remote_id=row.id, **values)
                known[row.id] = one
            else:
                _write(one, values)
            listed.append(one.pk)
            _store_packages(one, packages)
        gone = Delivery.objects.filter(transfer=transfer, is_listed=True).exclude(pk__in=listed)
        gone.update(is_listed=False)
        at = transfer.modified_at
        is_settled = at is not None and at < read_at - MAY_CHANGE_UNSEEN
        stored.expanded_at, stored.read_at = (at if is_settled else read_at), read_at
        stored.save(update_fields=["expanded_at", "read_at"])
    transfer.expanded_at, transfer.read_at = stored.expanded_at, stored.read_at


def _store_packages(delivery: Delivery, rows: Sequence[payloads.DeliveryPackage]) -> None:
    """Store all packages of a delivery: a few statements, however many they are."""
    known = {one.label: one for one in delivery.packages.all()}
    new: list[DeliveryPackage] = []
    changed: list[DeliveryPackage] = []
    fields: set[str] = {"is_listed"}
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        values = _fitting(DeliveryPackage, _of_package(row))
        found[values.pop("label")] = values
    for label, shown in found.items():
        one = known.get(label)
        fields |= set(shown)
        if one is None:
            new.append(DeliveryPackage(delivery=delivery, label=label, **shown))
        elif _set(one, shown):
            changed.append(one)
    for label, one in known.items():
        if label not in found and one.is_listed:
            one.is_listed = False
            changed.append(one)
    DeliveryPackage.objects.bulk_create(new, batch_size=200)
    DeliveryPackage.objects.bulk_update(changed, sorted(fields), batch_size=200)


def _of_transfer(row: payloads.Transfer) -> dict[str, Any]:
    return _fitting(
        Transfer,
        {
            "manifest_number": row.manifest_number,
            "template_remote_id": row.originating_template_id,
            "invoice_number": row.invoice_number,
            "is_voided": row.is_voided,
            "delivery_count": max(row.delivery_count, 0),
            "received_delivery_count": max(row.received_delivery_count, 0),
            "package_count": max(row.package_count, 0),
            "received_package_count": max(row.received_package_count, 0),
            "created_by": row.created_by_user_name,
            "created_at": row.created_date_time,
            "modified_at": row.last_modified,
            "read_at": timezone.now(),
            "raw": row.raw,
        },
    )


def _of_delivery(
    row: payloads.Delivery, packages: Sequence[payloads.DeliveryPackage], transfer: Transfer
) -> dict[str, Any]:
    place = transfer.facility.facility
    return _fitting(
        Delivery,
        {
            "is_listed": True,
            "position": max(row.delivery_number, 1),
            "recipient_license": row.recipient_facility_license_number,
            "recipient_key": normalized_license(row.recipient_facility_license_number),
            "recipient_name": row.recipient_facility_name,
            "transfer_type": row.shipment_type_name,
            "invoice_number": row.invoice_number,
            "planned_route": row.planned_route,
            "departs_at": moment_at(place, row.estimated_departure_date_time),
            "arrives_at": moment_at(place, row.estimated_arrival_date_time),
            "package_count": max(row.delivery_package_count, len(packages)),
            "received_package_count": max(row.delivery_received_package_count, 0),
            "received_at": _received_at(row, packages, transfer),
            "rejected_returned": row.rejected_packages_returned,
            "raw": row.raw,
        },
    )


def _received_at(
    row: payloads.Delivery, packages: Sequence[payloads.DeliveryPackage], transfer: Transfer
) -> datetime | None:
    """When a delivery was received. Metrc: ReceivedDateTime; where that lacks although every
    package was accepted, rejected or returned, when Metrc last changed the transfer."""
    if row.received_date_time:
        return row.received_date_time
    states = {package.shipment_package_state for package in packages}
    is_received = bool(states) and not states & ON_THE_WAY
    return transfer.modified_at if is_received else None


def _of_package(row: payloads.DeliveryPackage) -> dict[str, Any]:
    return {
        "label": row.package_label,
        "item_name": row.item_name,
        "state": row.shipment_package_state,
        "shipped_quantity": _stored(row.shipped_quantity),
        "shipped_unit": row.shipped_unit_of_measure_name,
        "received_quantity": _stored(row.received_quantity),
        "received_unit": row.received_unit_of_measure_name,
        "is_listed": True,
    }


def _stored(quantity: Decimal | None) -> Decimal | None:
    """A quantity with as many places as its column."""
    return quantity if quantity is None else quantity.quantize(FOUR_PLACES)


def _is_older(one: datetime | None, other: datetime | None) -> bool:
    """Whether a LastModified is older; one that Metrc doesn't give is never."""
    return one is not None and other is not None and one < other


def _set(row: models.Model, values: Mapping[str, Any]) -> set[str]:
    """Set what differs; returns its fields."""
    changed = {name for name, value in values.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, values[name])
    return changed


def _write(row: models.Model, values: Mapping[str, Any], always: Iterable[str] = ()) -> bool:
    """Write what differs; returns whether anything but the fields in `always` did."""
    changed = _set(row, values)
    if changed:
        row.save(update_fields=sorted(changed))
    return bool(changed - set(always))


def _fitting(model: type[models.Model], values: dict[str, Any]) -> dict[str, Any]:
    """Texts cut to what their columns hold."""
    for name, value in values.items():
        longest = getattr(model._meta.get_field(name), "max_length", None)
        if longest and isinstance(value, str):
            values[name] = value[:longest]
    return values
