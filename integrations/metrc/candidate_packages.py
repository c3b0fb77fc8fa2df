"""Which packages an order line may be filled from, and why another one can't be chosen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from catalog.decimals import units, with_thousands
from integrations.metrc.mapping.lab_states import in_words
from integrations.metrc.mapping.units import in_base_units
from integrations.metrc.models import MetrcFacility, Package, PackageAssignment
from orders.models import OrderLine

ZERO = Decimal(0)
# More packages of an item than this at one facility nobody chooses from.
MOST = 1000


@dataclass(frozen=True)
class Candidate:
    """A package for a line. `quantity` is in base units of the line's item, None where Metrc's unit
    can't be counted in ours; `refusal` says why it can't be chosen, "" that it can."""

    package: Package
    quantity: Decimal | None
    refusal: str


def packages_at(facility: MetrcFacility, items: Iterable[int]) -> dict[int, list[Package]]:
    """By item of ours the packages that are at the license, the oldest first."""
    rows = in_order(Package.objects.filter(facility=facility, place=Package.Place.ACTIVE))
    found: dict[int, list[Package]] = {}
    rank = Window(
        RowNumber(),
        partition_by="metrc_item__item",
        order_by=[F("packaged_on").asc(nulls_last=True), "label"],
    )
    rows = rows.filter(metrc_item__item__in=set(items)).annotate(rank=rank)
    for package in rows.filter(rank__lte=MOST):
        found.setdefault(package.metrc_item.item_id or 0, []).append(package)
    return found


def in_order(packages: QuerySet[Package]) -> QuerySet[Package]:
    """The oldest first, with what is needed to look at them."""
    rows = packages.select_related("metrc_item__item", "lot").defer("raw")
    return rows.order_by(F("packaged_on").asc(nulls_last=True), "label")


def taken(packages: Iterable[Package]) -> dict[int, str]:
    """By package the number of the order that it is assigned to, for those that are."""
    rows = PackageAssignment.objects.filter(
        package__in=[package.pk for package in packages], ended_at__isnull=True
    )
    return dict(rows.order_by().values_list("package", "line__order__number"))


def left_on(line: OrderLine, assignments: Iterable[PackageAssignment]) -> Decimal:
    """Base units of a line that no package is assigned for yet; never below zero."""
    there = sum((units(a.quantity) for a in assignments if a.ended_at is None), ZERO)
    return max(units(line.quantity) - there, ZERO)


def holds(package: Package, line: OrderLine) -> Decimal | None:
    """What a package holds in base units of the line's item; None where that can't be said."""
    unit = line.item.unit_of_measure if line.item else ""
    return in_base_units(units(package.quantity), package.unit, unit)


def candidates(
    line: OrderLine,
    packages: Sequence[Package],
    facility: MetrcFacility,
    orders: Mapping[int, str],
) -> list[Candidate]:
    """Each of these packages for the line, in their order; `orders` as from `taken`."""
    return [
        Candidate(
            package, holds(package, line), why_not(package, line, facility, orders.get(package.pk))
        )
        for package in packages
    ]


def why_not(
    package: Package,
    line: OrderLine,
    facility: MetrcFacility,
    order_number: str | None,
    *,
    has_left: bool = False,
) -> str:
    """Why a package can't go to a line, with the cure, in words that follow its tag; "" when it
    can. `has_left`: it went on a transfer already, so only whose and what it is counts.

    Metrc: a package on hold or recall, or whose tests are not passed, can't be transferred.
    """
    if order_number:
        return f"is assigned to {order_number} already. Remove it there first."
    if package.facility_id != facility.pk:
        return f"is not at {facility}, from which the order ships."
    if package.metrc_item.item_id != line.item_id or line.item is None:
        return _other_item(package, line)
    if holds(package, line) is None:
        return (
            f"is counted in {package.unit.lower() or 'no unit'}, the item in "
            f"{line.item.get_unit_of_measure_display().lower()}s: they can't be compared. Map "
            "another item, or change the item's unit."
        )
    return "" if has_left else _not_transferable(package, line, facility)


def _other_item(package: Package, line: OrderLine) -> str:
    item = package.metrc_item.item
    if item is None:
        return f"is of the Metrc item {package.metrc_item}, which is not mapped yet. Map it first."
    return f"is of {item}, not of {line.name}. Choose a package of the line's item."


def _not_transferable(package: Package, line: OrderLine, facility: MetrcFacility) -> str:
    if line.lot_number and not is_of_lot(package, line.lot_number):
        return f"is not of lot {line.lot_number}, which was ordered."
    if package.place != Package.Place.ACTIVE:
        where = package.get_place_display()
        return f"is not on the shelf: Metrc says “{where.lower()}”. Choose another."
    if package.on_hold and not facility.ships_on_hold:
        return "is on hold. Have the hold lifted in Metrc, or choose another."
    if package.on_recall:
        return "is recalled. Choose another."
    if package.lab_state not in facility.account.passing_lab_states:
        state = in_words(package.lab_state)
        return f"can't be transferred yet: its lab state is “{state}”. Choose one that passed."
    if package.needs_remediation:
        return "needs remediation first. Choose another."
    if package.is_testing_sample:
        return "is a sample for a lab. Choose another."
    if package.is_trade_sample and not line.is_sample:
        return "is a trade sample, and the line is none. Choose another."
    if package.quantity <= 0:
        return "is empty. Choose another."
    return ""


def changed_since(
    package: Package, line: OrderLine, facility: MetrcFacility, assigned: Decimal
) -> str:
    """What speaks against a package that is assigned to the line already, in words that follow its
    tag: Metrc may have changed it since. "" when all is well; `assigned` are base units."""
    if why := why_not(package, line, facility, None):
        return why
    now = holds(package, line)
    if now is not None and now != units(assigned):
        return (
            f"holds {with_thousands(now)} now, and {with_thousands(units(assigned))} when it was "
            "assigned. Remove it, and choose again."
        )
    return ""


def is_of_lot(package: Package, number: str) -> bool:
    """Whether a package is of the lot: that is its lot here, its tag or its production batch."""
    own = (package.lot.number if package.lot else "", package.label, package.batch_number)
    return number.casefold() in {one.casefold() for one in own if one}


def too_much(package: Package, quantity: Decimal, left: Decimal) -> str:
    """Why a package doesn't go to a line on which less is left, in words that follow its tag."""
    if left <= 0:
        return "is not needed: the line is filled. Remove another package from it first."
    return (
        f"holds {with_thousands(quantity)}, and {with_thousands(left)} are left on the line. A "
        f"package goes whole: repack {with_thousands(left)} of it in Metrc first, then read "
        "packages and assign the new one."
    )
