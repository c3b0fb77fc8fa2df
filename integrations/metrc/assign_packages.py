"""Assigning packages to order lines, and taking them off again.

Each verb is one transaction that locks the order, then the packages, and reads them then. It raises
NotAssignable, whose text is for people, and nothing has changed.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from catalog.decimals import money, units, with_thousands
from catalog.inventory import By
from integrations.metrc import candidate_packages as candidate
from integrations.metrc.mapping.units import in_base_units
from integrations.metrc.models import (
    DeliveryPackage,
    MetrcFacility,
    Package,
    PackageAssignment,
)
from integrations.metrc.order_steps import facility_of
from integrations.metrc.suggest_packages import LineSuggestion, suggest
from orders.models import OrderLine, SalesOrder
from orders.services import lock, note
from orders.status import OPEN, IllegalMove, Status

__all__ = [
    "LineSuggestion",
    "NotAssignable",
    "assign",
    "assignments_of",
    "end_of_canceled",
    "set_prices",
    "suggest",
    "unassign",
]

LARGEST_PRICE = Decimal(10) ** 12


class NotAssignable(Exception):
    """A package can't be assigned, or not taken off; the text says why and what to do."""


def assignments_of(order: SalesOrder) -> QuerySet[PackageAssignment]:
    """The packages that are assigned to an order now, line by line, each with what it is."""
    rows = PackageAssignment.objects.filter(line__order=order, ended_at__isnull=True)
    return (
        rows.select_related(
            "line__item", "package__metrc_item__item", "package__facility", "package__lot"
        )
        .defer("package__raw")
        .order_by("line__position", "pk")
    )


@transaction.atomic
def assign(
    order: SalesOrder,
    line_id: int,
    package_ids: Collection[int],
    *,
    by: By,
    after_match: bool = False,
) -> list[PackageAssignment]:
    """Assign whole packages to a line of the order: all of them, or none.

    `after_match`: the order's goods have left and their transfer is known, so that shipped and
    completed orders, and packages that are on their way or gone, are taken too. Raises
    NotAssignable.
    """
    order = _locked(order)
    _check_open(order, after_match)
    line = order.lines.select_related("item").filter(pk=line_id).first()
    if line is None:
        raise NotAssignable(f"{order} was changed since the page was opened. Look again.")
    facility = facility_of(order)
    if facility is None:
        raise NotAssignable(
            f"{order.facility or 'The facility of the order'} is not connected with Metrc. Map it "
            "to a license under Metrc accounts first."
        )
    packages = _locked_packages(package_ids)
    left = candidate.left_on(line, line.package_assignments.filter(ended_at__isnull=True))
    orders = candidate.taken(packages)
    made = []
    for package in packages:
        number = orders.get(package.pk)
        quantity = _checked(order, line, package, facility, number, left, after_match)
        left -= quantity
        made.append(PackageAssignment(line=line, package=package, quantity=quantity))
    for one in made:
        one.assigned_by = by
    try:
        with transaction.atomic():
            PackageAssignment.objects.bulk_create(made)
    except IntegrityError:
        raise NotAssignable(
            "One of these packages was assigned to another order in this moment. Look again."
        ) from None
    _tell(order, line, made, "assigned", by)
    return made


def _locked(order: SalesOrder) -> SalesOrder:
    try:
        return lock(order.pk)
    except IllegalMove as error:
        raise NotAssignable(str(error)) from None


def _check_open(order: SalesOrder, after_match: bool) -> None:
    if order.status in OPEN or (after_match and order.status != Status.CANCELED):
        return
    raise NotAssignable(
        f"{order} is {order.get_status_display().lower()}: its packages can no longer be changed."
        + (
            ""
            if order.status == Status.CANCELED
            else " Match it with its transfer in Metrc, then packages can be added there."
        )
    )


def _locked_packages(package_ids: Collection[int]) -> list[Package]:
    """The packages, locked in the order of their tags as readings of Metrc do, so that nobody waits
    for another forever; then the oldest first. Raises NotAssignable when one is not there."""
    wanted = set(package_ids)
    if not wanted:
        raise NotAssignable("No package was chosen. Tick one, then assign.")
    locked = Package.objects.select_for_update(of=("self",)).filter(pk__in=wanted).order_by("label")
    if len(list(locked.values_list("pk"))) < len(wanted):
        raise NotAssignable("One of these packages is not there any more. Look again.")
    return list(candidate.in_order(Package.objects.filter(pk__in=wanted)))


def _checked(
    order: SalesOrder,
    line: OrderLine,
    package: Package,
    facility: MetrcFacility,
    number: str | None,
    left: Decimal,
    after_match: bool,
) -> Decimal:
    """What the package counts for, in base units. Raises NotAssignable."""
    if why := candidate.why_not(package, line, facility, number, has_left=after_match):
        raise NotAssignable(f"Package {package.label} {why}")
    quantity = candidate.holds(package, line) or Decimal(0)
    if quantity <= 0 and after_match:
        quantity = _shipped(order, line, package)
    if quantity <= 0:
        raise NotAssignable(
            f"Package {package.label} holds nothing that could be counted in "
            f"{line.item.get_unit_of_measure_display().lower() if line.item else 'unit'}s."
        )
    if quantity > left:
        raise NotAssignable(
            f"Package {package.label} {candidate.too_much(package, quantity, left)}"
        )
    return quantity


def _shipped(order: SalesOrder, line: OrderLine, package: Package) -> Decimal:
    """What the matched delivery says was in a package that is empty here by now."""
    rows = DeliveryPackage.objects.filter(
        label=package.label,
        delivery__matches__order=order,
        delivery__matches__ended_at__isnull=True,
    )
    row = rows.order_by("-pk").first()
    if row is None or row.shipped_quantity is None or line.item is None:
        return Decimal(0)
    unit = row.shipped_unit or package.unit
    return in_base_units(units(row.shipped_quantity), unit, line.item.unit_of_measure) or Decimal(0)


@transaction.atomic
def unassign(
    order: SalesOrder,
    assignment_ids: Collection[int],
    *,
    by: By,
    after_match: bool = False,
) -> int:
    """Take packages off the order; returns how many. What was taken off already counts for nothing.
    Raises NotAssignable for an order that is shipped or over, unless `after_match`."""
    order = _locked(order)
    _check_open(order, after_match)
    rows = assignments_of(order).filter(pk__in=set(assignment_ids))
    found = list(rows)
    mine = PackageAssignment.objects.filter(pk__in=[one.pk for one in found])
    mine.update(ended_at=timezone.now())
    for line in {one.line_id: one.line for one in found}.values():
        _tell(order, line, [one for one in found if one.line_id == line.pk], "taken off", by)
    return len(found)


@transaction.atomic
def set_prices(order: SalesOrder, prices: Mapping[int, Decimal | None], *, by: By) -> int:
    """Give assigned packages prices of their own, by assignment id: money for the whole package,
    None for its share of the line. Returns how many changed. Raises NotAssignable."""
    order = _locked(order)
    _check_open(order, after_match=False)
    changed = []
    for one in assignments_of(order).filter(pk__in=list(prices)):
        price = prices[one.pk]
        if price is not None and not 0 <= price < LARGEST_PRICE:
            raise NotAssignable(f"Package {one.package.label}: a price can't be below zero.")
        wanted = None if price is None else money(price)
        if wanted != one.price:
            one.price = wanted
            changed.append(one)
    PackageAssignment.objects.bulk_update(changed, ["price"])
    for one in changed:
        told = "its share of the line" if one.price is None else f"${one.price:,.2f}"
        note(order, f"Package {one.package.label} costs {told}", by=by)
    return len(changed)


def end_of_canceled(order_id: int | None = None) -> int:
    """Free the packages of canceled orders, or of this one if it is canceled; returns how many."""
    rows = PackageAssignment.objects.filter(
        ended_at__isnull=True, line__order__status=Status.CANCELED
    )
    if order_id is not None:
        rows = rows.filter(line__order=order_id)
    return rows.update(ended_at=timezone.now())


def _tell(
    order: SalesOrder, line: OrderLine, rows: Collection[PackageAssignment], what: str, by: By
) -> None:
    """Note in the order's history what was done with which packages."""
    told = ", ".join(f"{one.package.label} ({with_thousands(one.quantity)})" for one in rows)
    note(order, f"{line.name}: packages {what}: {told}", by=by)
