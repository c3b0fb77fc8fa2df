"""How packages get onto a transfer, and off it again: checked first, then all or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from integrations.metrc.sandbox.checks import parcel_problem
from integrations.metrc.sandbox.errors import NotPossible
from integrations.metrc.sandbox.records import (
    ACCEPTED,
    ACTIVE,
    IN_TRANSIT,
    SHIPPED,
    Delivery,
    Parcel,
    Transfer,
)
from integrations.metrc.sandbox.templates_kept import TemplateShelf

Labels = Iterable[str] | Mapping[str, Decimal | int | str | None]


class LoadingDock(TemplateShelf):
    """What the buttons of the web interface have in common."""

    def _ship(
        self,
        license_number: str,
        deliveries: list[Delivery],
        carrier: dict[str, Any],
        by: str,
        template_id: int | None = None,
    ) -> Transfer:
        parcels = [parcel for delivery in deliveries for parcel in delivery.parcels]
        self._check(license_number, deliveries, parcels)
        for delivery in deliveries:
            delivery.id = self.next_id("delivery")
        for parcel in parcels:
            self._load_parcel(parcel)
        number, now = self.next_id("transfer"), self.now()
        transfer = Transfer(
            number,
            license_number,
            f"{number + self.rules.manifest_offset:010d}",
            dict(carrier),
            deliveries,
            now,
            by,
            now,
            template_id=template_id,
        )
        self.save(transfer)
        return transfer

    def _check(self, license_number: str, deliveries: list[Delivery], new: list[Parcel]) -> None:
        for delivery in deliveries:
            if not self.facility(delivery.recipient):
                raise NotPossible(f"Metrc doesn't know the license {delivery.recipient}.")
            if not delivery.parcels:
                raise NotPossible("A delivery needs at least one package. Void it instead.")
        labels = [label for delivery in deliveries for label in delivery.labels]
        for label in labels:
            if labels.count(label) > 1:
                raise NotPossible(f"Package {label} is on it more than once.")
        for parcel in new:
            problem = parcel_problem(self, license_number, parcel.label)
            if problem:
                raise NotPossible(problem)

    def _load_parcel(self, parcel: Parcel) -> None:
        package = self.package(parcel.label)
        parcel.package_id, parcel.item_id = package.id, package.item_id
        parcel.lab_state, parcel.packaged_on = package.lab_state, package.packaged_on
        parcel.shipped, parcel.unit = package.quantity, package.unit
        parcel.state, parcel.received = SHIPPED, None
        parcel.row_id = self.next_id("parcel")
        package.state = IN_TRANSIT
        self.touch(package)

    def _shelve(self, parcel: Parcel) -> None:
        package = self.packages[parcel.package_id]
        package.state = ACTIVE
        self.touch(package)

    def _hand_over(
        self, transfer: Transfer, delivery: Delivery, parcel: Parcel, amount: Decimal
    ) -> None:
        parcel.state, parcel.received = ACCEPTED, amount
        package = self.packages[parcel.package_id]
        package.license_number, package.state = delivery.recipient, ACTIVE
        package.quantity = amount
        package.received_at = self.now()
        package.received_from = transfer.license_number
        package.received_manifest = transfer.manifest_number
        self.touch(package)

    def _edit(
        self,
        delivery: Delivery,
        recipient: str | None,
        invoice_number: str | None,
        drop: Iterable[str],
        add: Labels,
    ) -> None:
        dropped, added = set(drop), parcels_of(add)
        for label in sorted(dropped - set(delivery.labels)):
            raise NotPossible(f"Package {label} is not on this delivery.")
        delivery.parcels = [one for one in delivery.parcels if one.label not in dropped]
        if dropped & {parcel.label for parcel in added}:
            raise NotPossible("Drop a package or add it, not both.")
        delivery.parcels += added
        if recipient is not None:
            delivery.recipient = recipient
        if invoice_number is not None:
            delivery.invoice_number = invoice_number or None


def parcels_of(labels: Labels) -> list[Parcel]:
    """Packages to be shipped, with their prices where `labels` maps to them."""
    if isinstance(labels, Mapping):
        return [
            Parcel(label, None if price is None else Decimal(price))
            for label, price in labels.items()
        ]
    return [Parcel(label) for label in labels]


def merged(deliveries: list[Delivery]) -> list[Delivery]:
    """One delivery per recipient, under the first one's terms."""
    kept: dict[str, Delivery] = {}
    for delivery in deliveries:
        first = kept.setdefault(delivery.recipient, delivery)
        if first is not delivery:
            first.parcels += delivery.parcels
    return list(kept.values())
