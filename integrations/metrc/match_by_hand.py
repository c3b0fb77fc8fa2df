"""Matching by hand: a delivery's packages are put to the order's lines, and both are matched.

`preview` does all of it and takes it back, so that what it says is what will happen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction

from catalog.decimals import units
from catalog.inventory import InventoryError
from integrations.metrc import assign_packages, match_transfers, reconcile
from integrations.metrc.assign_packages import NotAssignable
from integrations.metrc.candidate_packages import left_on
from integrations.metrc.mapping import transfer_states
from integrations.metrc.mapping.place_packages import OpenLine, ToPlace, place
from integrations.metrc.mapping.units import in_base_units
from integrations.metrc.match_transfers import CannotMatch
from integrations.metrc.models import (
    Delivery,
    DeliveryPackage,
    Match,
    MetrcItem,
    Package,
    PackageAssignment,
)
from orders.models import OrderLine, SalesOrder
from orders.moves import lock
from orders.status import IllegalMove

REFUSALS = (CannotMatch, NotAssignable, IllegalMove, InventoryError)
Placed = Mapping[str, int | None]


@dataclass
class Row:
    """A package of the delivery: what Metrc calls its item, and the line it would go to.

    `package` is None where it was not read from Metrc yet, `others` the number of the other order
    that it is assigned to.
    """

    listed: DeliveryPackage
    package: Package | None
    item_id: int | None
    quantity: Decimal | None
    line_id: int | None
    other: str = ""

    @property
    def state(self) -> str:
        return transfer_states.of_package(self.listed.state)

    @property
    def can_be_placed(self) -> bool:
        return self.package is not None and not self.other


@dataclass
class Proposal:
    """A delivery beside an order: its packages with their lines, and what is assigned to the order
    and not on the delivery."""

    order: SalesOrder
    delivery: Delivery
    lines: list[OrderLine]
    rows: list[Row] = field(default_factory=list)
    missing: list[PackageAssignment] = field(default_factory=list)

    @property
    def placed(self) -> Placed:
        return {row.listed.label: row.line_id for row in self.rows if row.can_be_placed}


@dataclass(frozen=True)
class Outcome:
    """What matching has led to: the order's state in words, and what it waits for."""

    match_id: int
    status: str
    status_before: str
    waits_for: str
    unplaced: tuple[str, ...]
    other_orders: tuple[str, ...]


def propose(order: SalesOrder, delivery: Delivery) -> Proposal:
    """Put a delivery's packages to the order's lines: those that are assigned where they are, the
    others by item and quantity."""
    lines = list(order.lines.select_related("item").prefetch_related("package_assignments"))
    listed = list(delivery.packages.filter(is_listed=True))
    facility = delivery.transfer.facility
    labels = [one.label for one in listed]
    packages = {
        one.label: one
        for one in Package.objects.filter(facility=facility, label__in=labels)
        .select_related("metrc_item__item")
        .defer("raw")
    }
    assigned = PackageAssignment.objects.filter(
        ended_at__isnull=True, package__facility=facility, package__label__in=labels
    )
    where = {
        one.package.label: one.line for one in assigned.select_related("package", "line__order")
    }
    by_name = dict(
        MetrcItem.objects.filter(
            account=facility.account_id, name__in={one.item_name for one in listed}
        ).values_list("name", "item")
    )
    units_of = {line.item_id: line.item.unit_of_measure for line in lines if line.item}
    found = Proposal(order, delivery, lines)
    for one in listed:
        package = packages.get(one.label)
        line = where.get(one.label)
        item_id = package.metrc_item.item_id if package else by_name.get(one.item_name)
        is_mine = line is not None and line.order_id == order.pk
        found.rows.append(
            Row(
                one,
                package,
                item_id,
                _quantity(one, units_of.get(item_id, "")),
                line.pk if line and is_mine else None,
                "" if line is None or is_mine else line.order.number,
            )
        )
    _fill_in(found)
    found.missing = [
        one for one in assign_packages.assignments_of(order) if one.package.label not in set(labels)
    ]
    return found


def _quantity(listed: DeliveryPackage, our_unit: str) -> Decimal | None:
    """What was shipped in base units; None where that can't be said."""
    if listed.shipped_quantity is None or not our_unit:
        return None
    return in_base_units(units(listed.shipped_quantity), listed.shipped_unit, our_unit)


def _fill_in(found: Proposal) -> None:
    """Choose a line for what is on none."""
    open_lines = [
        OpenLine(line.pk, line.item_id, left_on(line, line.package_assignments.all()))
        for line in found.lines
        if line.item_id
    ]
    rows = [row for row in found.rows if row.can_be_placed]
    to_place = [ToPlace(r.listed.label, r.item_id, r.quantity, r.line_id) for r in rows]
    placed = place(open_lines, to_place)
    for row in rows:
        row.line_id = placed[row.listed.label]


def carry_out(order_id: int, delivery_id: int, placed: Placed, *, by: User) -> Outcome:
    """Put the packages (by tag: the line, or None for none) to their lines, match, and move the
    order on as the account's rules say. All of it or nothing; done twice it changes nothing more.

    Raises one of REFUSALS.
    """
    with transaction.atomic():
        order = lock(order_id)
        before = order.get_status_display()
        others = Match.objects.filter(delivery=delivery_id, ended_at__isnull=True)
        numbers = list(others.exclude(order=order).values_list("order__number", flat=True))
        if numbers:
            # Whose delivery it is as well, is told by the packages: they are assigned first.
            _assign(order, delivery_id, placed, by)
            match = _match(order, delivery_id, by)
        else:
            match = _match(order, delivery_id, by)
            _assign(order, delivery_id, placed, by)
        reconcile.note_discrepancies(match)
        match.refresh_from_db()
        order.refresh_from_db()
        return Outcome(
            match.pk,
            order.get_status_display(),
            before,
            match.waits_for,
            tuple(label for label, line_id in placed.items() if line_id is None),
            tuple(numbers),
        )


def preview(order_id: int, delivery_id: int, placed: Placed, *, by: User) -> Outcome:
    """What `carry_out` would come to; nothing is changed. Raises one of REFUSALS."""
    with transaction.atomic():
        outcome = carry_out(order_id, delivery_id, placed, by=by)
        transaction.set_rollback(True)
    return outcome


def _match(order: SalesOrder, delivery_id: int, by: User) -> Match:
    return match_transfers.match(order.pk, delivery_id, how=Match.How.HAND, by=by)


def _assign(order: SalesOrder, delivery_id: int, placed: Placed, by: User) -> None:
    """Bring the assignments of the delivery's packages to where they were put."""
    delivery = Delivery.objects.select_related("transfer").get(pk=delivery_id)
    here = Package.objects.filter(facility=delivery.transfer.facility_id, label__in=list(placed))
    packages = dict(here.values_list("label", "pk"))
    mine = PackageAssignment.objects.filter(
        line__order=order, ended_at__isnull=True, package__in=packages.values()
    )
    now = {
        label: (pk, line) for label, pk, line in mine.values_list("package__label", "pk", "line")
    }
    moved = [pk for label, (pk, line) in now.items() if placed.get(label) != line]
    if moved:
        assign_packages.unassign(order, moved, by=by, after_match=True)
    by_line: dict[int, list[int]] = {}
    for label, line_id in placed.items():
        is_there = label in now and now[label][1] == line_id
        if line_id is not None and label in packages and not is_there:
            by_line.setdefault(line_id, []).append(packages[label])
    for line_id, package_ids in by_line.items():
        assign_packages.assign(order, line_id, package_ids, by=by, after_match=True)
