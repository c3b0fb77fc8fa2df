"""Facilities, users, and the packages on the shelves, as licensees look after them in Metrc."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from integrations.metrc.sandbox.errors import NotPossible
from integrations.metrc.sandbox.records import (
    ACTIVE,
    INACTIVE,
    PERMISSIONS,
    Driver,
    Facility,
    Item,
    Package,
    UserKey,
    Vehicle,
)
from integrations.metrc.sandbox.state import State
from integrations.metrc.sandbox.state_rules import LAB_STATES, UNITS


class Stockroom(State):
    """Who is there, and what they hold."""

    # -- who ------------------------------------------------------------------------------

    def add_facility(
        self,
        license_number: str,
        name: str,
        license_type: str = "Distributor",
        *,
        ships_on_hold: bool | None = None,
    ) -> Facility:
        """Make a facility known to this state's Metrc."""
        with self.change():
            found = Facility(
                self.next_id("facility"), license_number, name, license_type, ships_on_hold
            )
            self.save(found)
            return found

    def add_user_key(
        self,
        value: str,
        licenses: Iterable[str],
        *,
        name: str = "Dana Osei",
        permissions: Iterable[str] = PERMISSIONS,
    ) -> UserKey:
        """Give a user a key that opens these licenses, with these of Metrc's permissions."""
        with self.change():
            key = UserKey(self.next_id("user_key"), value, name, list(licenses), list(permissions))
            self.save(key)
            return key

    def make_user_key(self, licenses: Iterable[str], name: str = "New user") -> UserKey:
        """Give a user a new key with every permission, as Metrc makes one up."""
        return self.add_user_key(secrets.token_urlsafe(24), licenses, name=name)

    def set_permissions(self, value: str, permissions: Iterable[str]) -> None:
        """Let a user key have these permissions, and no others."""
        self._change_key(value, permissions=list(permissions))

    def set_licenses(self, value: str, licenses: Iterable[str]) -> None:
        """Let a user key open these licenses, and no others."""
        self._change_key(value, licenses=list(licenses))

    def revoke_user_key(self, value: str) -> None:
        """Take a user key back: it is refused from now on."""
        self._change_key(value, is_revoked=True)

    def _change_key(self, value: str, **fields: Any) -> None:
        with self.change():
            key = next(key for key in self.user_keys.values() if key.value == value)
            vars(key).update(fields)
            self.save(key)

    def facility(self, license_number: str | None) -> Facility | None:
        """The facility with this license number; None when Metrc doesn't know it."""
        rows = self.facilities.values()
        return next((row for row in rows if row.license_number == license_number), None)

    def name_of(self, license_number: str) -> str:
        """The name of the facility with this license."""
        found = self.facility(license_number)
        return found.name if found else ""

    def add_driver(
        self, license_number: str, name: str, drivers_license: str, employee_id: str
    ) -> Driver:
        """Make a driver known to a facility."""
        with self.change():
            driver = Driver(
                self.next_id("driver"),
                license_number,
                name,
                drivers_license,
                employee_id,
                self.now(),
            )
            self.save(driver)
            return driver

    def add_vehicle(self, license_number: str, make: str, model: str, plate: str) -> Vehicle:
        """Make a vehicle known to a facility."""
        with self.change():
            vehicle = Vehicle(self.next_id("vehicle"), license_number, make, model, plate)
            self.save(vehicle)
            return vehicle

    # -- what -----------------------------------------------------------------------------

    def add_item(
        self, license_number: str, name: str, unit: str = "Each", category: str = "Flower"
    ) -> Item:
        """Make an item at a facility. Raises NotPossible for a unit Metrc doesn't have."""
        if unit not in UNITS:
            raise NotPossible(f"Metrc has no unit of measure {unit!r}.")
        with self.change():
            item = Item(self.next_id("item"), license_number, name, unit, category, self.now())
            self.save(item)
            return item

    def add_package(
        self,
        license_number: str,
        item: Item | str,
        quantity: Decimal | int | str,
        *,
        label: str = "",
        lab_state: str = "TestPassed",
        packaged_on: str = "",
        is_on_hold: bool = False,
        unit: str = "",
    ) -> Package:
        """Tag a new package. An item that is only named is made when the facility lacks it.

        `label` blank: the next free tag; `packaged_on` (an ISO date) blank: today.
        """
        amount = Decimal(quantity)
        if amount <= 0:
            raise NotPossible("A package needs a quantity above zero.")
        with self.change():
            if isinstance(item, str):
                item = self._item_named(license_number, item, unit)
            number = self.next_id("package")
            label = label or self._tag(number)
            if self.find_package(label):
                raise NotPossible(f"The tag {label} is used already.")
            package = Package(
                number,
                label,
                license_number,
                item.id,
                amount,
                amount,
                unit or item.unit,
                packaged_on or self.now().date().isoformat(),
                lab_state,
                license_number,
                self.now(),
                is_on_hold=is_on_hold,
            )
            self.save(package)
            return package

    def find_package(self, label: str) -> Package | None:
        """The package with this label, wherever it is."""
        return next((row for row in self.packages.values() if row.label == label), None)

    def package(self, label: str) -> Package:
        """The package with this label. Raises NotPossible when there is none."""
        found = self.find_package(label)
        if found is None:
            raise NotPossible(f"There is no package {label}.")
        return found

    def item_of(self, package: Any) -> Item:
        """What a package (or a parcel) is made of."""
        return self.items[package.item_id]

    def packages_of(self, license_number: str, state: str = ACTIVE) -> list[Package]:
        """The packages a license holds that are active, inactive or in transit."""
        rows = self.packages.values()
        return [row for row in rows if (row.license_number, row.state) == (license_number, state)]

    def set_quantity(self, label: str, quantity: Decimal | int | str) -> Package:
        """Adjust how much a package holds."""
        amount = Decimal(quantity)
        if not amount.is_finite() or amount < 0:
            raise NotPossible("A package can't hold less than nothing.")
        return self._on_the_shelf(label, quantity=amount)

    def set_hold(self, label: str, on_hold: bool = True) -> Package:
        """Put a package on hold, or let it go."""
        return self._on_the_shelf(label, is_on_hold=on_hold)

    def set_recall(self, label: str, on_recall: bool = True) -> Package:
        """Recall a package, or end that."""
        return self._on_the_shelf(label, is_on_recall=on_recall)

    def set_lab_state(self, label: str, lab_state: str) -> Package:
        """What the laboratory says of a package now."""
        if lab_state not in LAB_STATES:
            raise NotPossible(f"Metrc has no lab testing state {lab_state!r}.")
        return self._on_the_shelf(label, lab_state=lab_state)

    def finish(self, label: str) -> Package:
        """Take a package off the shelf for good, as one that is used up."""
        return self._on_the_shelf(label, state=INACTIVE)

    def split(self, label: str, quantity: Decimal | int | str, *, new_label: str = "") -> Package:
        """Take a part of a package into a new one, and return that."""
        with self.change():
            whole = self.package(label)
            part = Decimal(quantity)
            if not 0 < part < whole.quantity:
                raise NotPossible("Take less than the package holds, and more than nothing.")
            self.set_quantity(label, whole.quantity - part)
            return self.add_package(
                whole.license_number,
                self.items[whole.item_id],
                part,
                label=new_label,
                lab_state=whole.lab_state,
                packaged_on=whole.packaged_on,
                unit=whole.unit,
            )

    def _on_the_shelf(self, label: str, **fields: Any) -> Package:
        with self.change():
            package = self.package(label)
            if package.state != ACTIVE:
                raise NotPossible(f"Package {label} is not on the shelf.")
            vars(package).update(fields)
            self.touch(package)
            return package

    def _item_named(self, license_number: str, name: str, unit: str) -> Item:
        for item in self.items.values():
            if (item.license_number, item.name) == (license_number, name):
                return item
        return self.add_item(license_number, name, unit or "Each")

    def _tag(self, number: int) -> str:
        """A label of 24 characters, as printed on Metrc's tags."""
        return f"{self.rules.label_prefix}00000A1{number:010d}"
