"""Ordered, set aside, shipped and received of an order, and what did not arrive whole.

Figures are computed each time they are asked for; what is kept are the discrepancies, because
people decide about them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from catalog.decimals import units
from integrations.metrc.mapping import reconcile as figures
from integrations.metrc.mapping.reconcile import Amount, Packed
from integrations.metrc.mapping.units import in_base_units
from integrations.metrc.models import (
    Delivery,
    DeliveryPackage,
    Discrepancy,
    Match,
    MetrcFacility,
    PackageAssignment,
)
from integrations.metrc.order_steps import match_of
from orders.models import OrderLine, SalesOrder

State = DeliveryPackage.State


@dataclass(frozen=True)
class LineFigures:
    """An order line with its figures; `unit` is the base unit of its item ("" without an item)."""

    line: OrderLine
    unit: str
    figures: figures.Line


@dataclass
class Reconciled:
    """An order's figures. `unplaced` are packages of the delivery that are on no line of any order;
    `elsewhere` are those of other orders that were put on the same delivery, by their order."""

    order: SalesOrder
    match: Match | None
    lines: list[LineFigures] = field(default_factory=list)
    unplaced: list[Packed] = field(default_factory=list)
    elsewhere: dict[str, list[str]] = field(default_factory=dict)

    def packages(self) -> Iterable[tuple[OrderLine | None, str, Packed]]:
        """Each package with its line and the base unit of its item; those on no line last."""
        for one in self.lines:
            for package in one.figures.packages:
                yield one.line, one.unit, package
        for package in self.unplaced:
            yield None, "", package


def of(order: SalesOrder) -> Reconciled:
    """Put an order's lines beside what Metrc says of their packages: few queries, however many."""
    match = match_of(order)
    lines = list(order.lines.select_related("item").prefetch_related("allocations"))
    listed = _listed(match.delivery) if match else {}
    found = Reconciled(order, match)
    placed: set[str] = set()
    by_line = _assignments(order, match)
    for line in lines:
        unit = line.item.unit_of_measure if line.item else ""
        packages = [
            _packed(one.package.label, listed.get(one.package.label), unit, units(one.quantity))
            for one in by_line.get(line.pk, [])
        ]
        placed |= {one.label for one in packages}
        allocated = sum((units(a.quantity) for a in line.allocations.all()), Decimal(0))
        line_figures = figures.line_of(units(line.quantity), allocated, packages)
        found.lines.append(LineFigures(line, unit, line_figures))
    rest = {label: row for label, row in listed.items() if label not in placed}
    of_others = _of_others(match, rest) if match and rest else {}
    for label, row in rest.items():
        if label in of_others:
            found.elsewhere.setdefault(of_others[label], []).append(label)
        else:
            found.unplaced.append(_packed(label, row, "", None))
    return found


def _listed(delivery: Delivery) -> dict[str, DeliveryPackage]:
    """The packages of a delivery by their tag, as Metrc has them now."""
    rows = delivery.packages.filter(is_listed=True)
    for row in rows:
        row.delivery = delivery
    return {row.label: row for row in rows}


def _assignments(order: SalesOrder, match: Match | None) -> dict[int, list[PackageAssignment]]:
    """By line the order's packages, those that came back to us among them."""
    stands = Q(ended_at__isnull=True)
    if match:
        back = match.discrepancies.filter(
            kind=Discrepancy.Kind.REJECTED, decision=Discrepancy.Decision.RETURNED
        )
        stands |= Q(ended_at__gte=match.matched_at, package__label__in=back.values("label"))
    rows = PackageAssignment.objects.filter(stands, line__order=order)
    newest: dict[str, PackageAssignment] = {}
    for row in rows.select_related("package").order_by("assigned_at", "pk"):
        newest[row.package.label] = row
    by_line: dict[int, list[PackageAssignment]] = {}
    for row in newest.values():
        by_line.setdefault(row.line_id, []).append(row)
    return by_line


def _of_others(match: Match, labels: Iterable[str]) -> dict[str, str]:
    """By tag the number of the other order on the same delivery that the package is for."""
    rows = PackageAssignment.objects.filter(
        package__label__in=list(labels),
        ended_at__isnull=True,
        line__order__metrc_matches__delivery=match.delivery_id,
        line__order__metrc_matches__ended_at__isnull=True,
    ).exclude(line__order=match.order_id)
    return dict(rows.values_list("package__label", "line__order__number"))


def _packed(
    label: str, row: DeliveryPackage | None, our_unit: str, assigned: Decimal | None
) -> Packed:
    """A package in the figures' terms: in base units as far as Metrc's units can be counted so."""
    if row is None:
        return Packed(label, assigned=assigned, is_on_transfer=False)
    shipped = _amount(row.shipped_quantity, row.shipped_unit, our_unit)
    if shipped is None and assigned is not None:
        shipped = Amount(assigned)  # Metrc does not say
    received = _amount(row.received_quantity, row.received_unit, our_unit)
    rounding = Decimal(0)
    if received and row.received_quantity is not None and row.received_unit != row.shipped_unit:
        place = figures.last_place(row.received_quantity)
        rounding = in_base_units(place, row.received_unit, our_unit) or Decimal(0)
    is_back = row.state == State.RETURNED or (
        row.state == State.REJECTED and row.delivery.rejected_returned
    )
    return Packed(label, row.state, assigned, shipped, received, rounding, is_back)


def _amount(quantity: Decimal | None, metrc_unit: str, our_unit: str) -> Amount | None:
    if quantity is None:
        return None
    ours = in_base_units(units(quantity), metrc_unit, our_unit) if our_unit else None
    return Amount(units(quantity), metrc_unit) if ours is None else Amount(ours)


@dataclass(frozen=True)
class _Found:
    quantity: Decimal
    unit: str
    is_back: bool


@transaction.atomic
def note_discrepancies(match: Match) -> int:
    """Keep what of a matched delivery did not arrive whole; returns how many wait for a decision.

    May be called as often as one likes. What Metrc has corrected since is corrected here, or taken
    away, as long as nobody has decided about it.
    """
    order = SalesOrder.objects.select_for_update().filter(pk=match.order_id).first()
    if order is None:
        return 0  # deleted meanwhile
    Match.objects.filter(pk=match.pk).update(noted_at=timezone.now())
    match = Match.objects.get(pk=match.pk)
    if match.ended_at:
        return 0
    wanted = _differences(of(order), match)
    kept = {(row.label, row.kind): row for row in match.discrepancies.all()}
    # Decided under an earlier match with the same delivery: not asked again.
    earlier = Discrepancy.objects.filter(
        match__order=order, match__delivery=match.delivery_id
    ).exclude(match=match)
    decided = set(earlier.exclude(decision="").values_list("label", "kind"))
    for key, row in kept.items():
        if row.decision:
            continue
        if key not in wanted:
            row.delete()
        elif _has_changed(row, wanted[key]):
            now = wanted[key]
            row.quantity, row.unit, row.is_back = now.quantity, now.unit, now.is_back
            row.save(update_fields=["quantity", "unit", "is_back"])
    Discrepancy.objects.bulk_create(
        Discrepancy(
            match=match,
            label=label,
            kind=kind,
            quantity=now.quantity,
            unit=now.unit,
            is_back=now.is_back,
        )
        for (label, kind), now in wanted.items()
        if (label, kind) not in kept and (label, kind) not in decided
    )
    return match.discrepancies.filter(decision="").count()


def note_due(facility: MetrcFacility) -> int:
    """Note what did not arrive whole on the matched deliveries of a license that were read
    since it was last noted there; returns how many differences wait for a decision there."""
    packages = DeliveryPackage.objects.filter(delivery=OuterRef("delivery"), is_listed=True)
    differs = Q(state__in=[State.REJECTED, State.RETURNED]) | (
        Q(state=State.ACCEPTED)
        & (~Q(received_quantity=F("shipped_quantity")) | ~Q(received_unit=F("shipped_unit")))
    )
    undecided = Discrepancy.objects.filter(match=OuterRef("pk"), decision="")
    rows = Match.objects.filter(
        Q(noted_at__isnull=True) | Q(noted_at__lte=F("delivery__transfer__read_at")),
        Exists(packages.filter(differs)) | Exists(undecided),
        delivery__transfer__facility=facility,
        ended_at__isnull=True,
    )
    return sum(note_discrepancies(match) for match in rows.order_by("pk"))


def _has_changed(row: Discrepancy, now: _Found) -> bool:
    before = (units(row.quantity), row.unit, row.is_back)
    return before != (units(now.quantity), now.unit, now.is_back)


def _differences(found: Reconciled, match: Match) -> dict[tuple[str, str], _Found]:
    """By tag and kind what did not arrive whole. A package on no line counts as the order's when
    the delivery is no other order's as well."""
    others = Match.objects.filter(delivery=match.delivery_id, ended_at__isnull=True)
    is_shared = others.exclude(pk=match.pk).exists()
    wanted = {}
    for line, our_unit, package in found.packages():
        difference = figures.sums_of(package).difference
        if difference is None or package.shipped is None or (line is None and is_shared):
            continue
        kind, quantity = difference
        unit = package.shipped.unit or our_unit
        wanted[package.label, kind.value] = _Found(quantity, unit, package.is_back)
    return wanted
