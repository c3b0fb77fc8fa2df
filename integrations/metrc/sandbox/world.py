"""One state's Metrc: what the API reads, and what licensees do in the web interface.

The API can't make or receive a transfer; people do, and the methods here are their buttons. Each
raises NotPossible, in words for people, for what Metrc wouldn't let them do.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from decimal import Decimal

from integrations.metrc.sandbox.errors import NotPossible
from integrations.metrc.sandbox.loading import Labels, LoadingDock, merged, parcels_of
from integrations.metrc.sandbox.records import (
    REJECTED,
    RETURNED,
    Delivery,
    Transfer,
)
from integrations.metrc.sandbox.template_bodies import soon

USER = "Dana Osei"


class World(LoadingDock):
    """Everything in one state's Metrc."""

    # -- finding ---------------------------------------------------------------------------

    def transfer(self, transfer_id: int) -> Transfer:
        """The transfer with this id. Raises NotPossible when there is none."""
        found = self.transfers.get(transfer_id)
        if found is None:
            raise NotPossible(f"There is no transfer {transfer_id}.")
        return found

    def transfers_of(self, license_number: str) -> list[Transfer]:
        """What a license has shipped, oldest first."""
        rows = self.transfers.values()
        return [row for row in rows if row.license_number == license_number]

    # -- shipping --------------------------------------------------------------------------

    def register(
        self,
        template_id: int,
        *,
        merge: Iterable[int] = (),
        into_one: bool = False,
        drop: Iterable[str] = (),
        add: Labels = (),
        recipient: str | None = None,
        invoice_number: str | None = None,
        by: str = USER,
    ) -> Transfer:
        """Register a template as a transfer, as it is or edited on the way.

        `merge`: further templates that go onto the same transfer, each as a delivery of its own;
        `into_one`: deliveries to the same recipient become one. `drop` and `add` (labels, or a
        mapping to prices) change the packages of the first delivery, `recipient` and
        `invoice_number` ("" for none) whom it goes to and what it is called.
        """
        with self.change():
            templates = []
            for number in dict.fromkeys([template_id, *merge]):
                template = self.templates.get(number)
                if template is None or template.is_archived:
                    raise NotPossible(f"There is no template {number}.")
                templates.append(template)
            first = templates[0]
            if any(row.license_number != first.license_number for row in templates):
                raise NotPossible("All templates of a transfer must be of one facility.")
            deliveries = [copy.deepcopy(one) for row in templates for one in row.deliveries]
            if into_one:
                deliveries = merged(deliveries)
            self._edit(deliveries[0], recipient, invoice_number, drop, add)
            transfer = self._ship(
                first.license_number, deliveries, first.carrier, by, template_id=first.id
            )
            if self.rules.archives_used_templates:
                for row in templates:
                    row.is_archived = True
                    self.touch(row)
            return transfer

    def make_transfer(
        self,
        license_number: str,
        recipient: str,
        labels: Labels,
        *,
        also: Iterable[tuple[str, Labels]] = (),
        type_name: str = "",
        invoice_number: str | None = None,
        by: str = USER,
    ) -> Transfer:
        """Make a transfer from scratch; `also`: further deliveries as (recipient, labels).

        `labels` may map each label to its price. `type_name` blank: the state's first type.
        """
        with self.change():
            deliveries = []
            for to, parcels in ((recipient, labels), *also):
                now = self.now()
                delivery = Delivery(
                    0,
                    to,
                    type_name or self.rules.types[0].name,
                    invoice_number,
                    "By the usual roads.",
                    soon(now, 1),
                    soon(now, 4),
                    parcels=parcels_of(parcels),
                )
                deliveries.append(delivery)
            return self._ship(license_number, deliveries, {}, by)

    def edit_transfer(
        self,
        transfer_id: int,
        *,
        delivery_id: int | None = None,
        drop: Iterable[str] = (),
        add: Labels = (),
        recipient: str | None = None,
        invoice_number: str | None = None,
    ) -> Transfer:
        """Change a transfer nobody has received: packages, recipient, invoice number ("": none).

        `delivery_id` None: of its first delivery.
        """
        with self.change():
            transfer = self._open(transfer_id)
            delivery = self._delivery(transfer, delivery_id)
            before = list(delivery.parcels)
            changed = copy.deepcopy(delivery)
            self._edit(changed, recipient, invoice_number, drop, add)
            kept = set(delivery.labels)
            new = [parcel for parcel in changed.parcels if parcel.label not in kept]
            self._check(transfer.license_number, [changed], new)
            for parcel in before:
                if parcel.label not in changed.labels:
                    self._shelve(parcel)
            for parcel in new:
                self._load_parcel(parcel)
            transfer.deliveries = [
                changed if one.id == changed.id else one for one in transfer.deliveries
            ]
            self.touch(transfer)
            return transfer

    def depart(self, transfer_id: int) -> Transfer:
        """The vehicle leaves."""
        with self.change():
            transfer = self._open(transfer_id)
            for delivery in transfer.deliveries:
                delivery.departed_at = soon(self.now(), 0)
            self.touch(transfer)
            return transfer

    def void(self, transfer_id: int) -> Transfer:
        """Call a transfer off: its packages are back on the shipper's shelf."""
        with self.change():
            transfer = self._open(transfer_id)
            transfer.is_voided = True
            for parcel in transfer.parcels:
                self._shelve(parcel)
            self.touch(transfer)
            return transfer

    def reship(
        self,
        transfer_id: int,
        *,
        drop: Iterable[str] = (),
        add: Labels = (),
        recipient: str | None = None,
        invoice_number: str | None = None,
    ) -> Transfer:
        """Void a transfer and register the same again, edited as by `edit_transfer`."""
        with self.change():
            old = self._open(transfer_id)
            deliveries = copy.deepcopy(old.deliveries)
            self._edit(deliveries[0], recipient, invoice_number, drop, add)
            parcels = [parcel for delivery in deliveries for parcel in delivery.parcels]
            new = [parcel for parcel in parcels if parcel.label not in old.labels]
            self._check(old.license_number, deliveries, new)
            self.void(old.id)
            return self._ship(
                old.license_number,
                deliveries,
                old.carrier,
                old.created_by,
                template_id=old.template_id,
            )

    # -- receiving -------------------------------------------------------------------------

    def receive(
        self,
        transfer_id: int,
        *,
        delivery_id: int | None = None,
        short: Mapping[str, Decimal | int | str] | None = None,
        reject: Iterable[str] = (),
    ) -> Transfer:
        """The recipient takes a delivery in: all of it, but for what is short or rejected.

        `short`: label to the quantity that arrived; `reject`: labels that are sent back.
        `delivery_id` None: every delivery that hasn't been received.
        """
        with self.change():
            transfer = self.transfer(transfer_id)
            if transfer.is_voided:
                raise NotPossible("This transfer was voided.")
            if delivery_id is None:
                waiting = [one for one in transfer.deliveries if one.received_at is None]
            else:
                waiting = [self._delivery(transfer, delivery_id)]
            if not waiting or any(one.received_at for one in waiting):
                raise NotPossible("This delivery was received already.")
            arrived = {label: Decimal(amount) for label, amount in (short or {}).items()}
            refused = set(reject)
            labels = {label for delivery in waiting for label in delivery.labels}
            for label in sorted((refused | set(arrived)) - labels):
                raise NotPossible(f"Package {label} is not on this delivery.")
            if any(not amount.is_finite() or amount <= 0 for amount in arrived.values()):
                raise NotPossible("Reject a package of which nothing arrived.")
            for delivery in waiting:
                delivery.received_at = self.now()
                for parcel in delivery.parcels:
                    if parcel.label in refused:
                        parcel.state = REJECTED
                        self.touch(self.packages[parcel.package_id])
                    else:
                        amount = arrived.get(parcel.label, parcel.shipped)
                        self._hand_over(transfer, delivery, parcel, amount)
            self.touch(transfer)
            return transfer

    def return_rejected(self, transfer_id: int) -> Transfer:
        """The shipper takes rejected packages back onto the shelf."""
        with self.change():
            transfer = self.transfer(transfer_id)
            back = False
            for delivery in transfer.deliveries:
                for parcel in delivery.parcels:
                    if parcel.state == REJECTED:
                        self._shelve(parcel)
                        parcel.state = RETURNED
                        delivery.returned_at = soon(self.now(), 0)
                        back = True
            if not back:
                raise NotPossible("Nothing of this transfer waits to come back.")
            self.touch(transfer)
            return transfer

    # -- how -------------------------------------------------------------------------------

    def _open(self, transfer_id: int) -> Transfer:
        transfer = self.transfer(transfer_id)
        if transfer.is_voided:
            raise NotPossible("This transfer was voided.")
        if any(delivery.received_at for delivery in transfer.deliveries):
            raise NotPossible("This transfer was received, at least in part.")
        return transfer

    def _delivery(self, transfer: Transfer, delivery_id: int | None) -> Delivery:
        if delivery_id is None:
            return transfer.deliveries[0]
        found = transfer.delivery(delivery_id)
        if found is None:
            raise NotPossible(f"Transfer {transfer.manifest_number} has no such delivery.")
        return found
