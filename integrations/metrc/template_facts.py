"""What is known of an order that is to get a transfer template, read in a few queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import Exists, OuterRef
from django.utils import timezone

from catalog.decimals import units
from catalog.models import Facility
from customers.models import normalized_license
from integrations.metrc import check_keys
from integrations.metrc.connect import has_keys
from integrations.metrc.mapping.preflight import (
    Facts,
    LineFacts,
    RecipientFacts,
    ShipperFacts,
)
from integrations.metrc.mapping.preflight_packages import PackageFacts, Rules
from integrations.metrc.mapping.template_body import (
    Manner,
    PackageEntry,
    TemplateEntry,
    TypeFacts,
    body_of,
)
from integrations.metrc.mapping.units import in_base_units
from integrations.metrc.models import (
    Match,
    MetrcAccount,
    MetrcFacility,
    MetrcItem,
    Package,
    PackageAssignment,
    TransferTemplate,
    TransferType,
)
from integrations.metrc.package_prices import prices_of
from orders.models import SalesOrder
from orders.status import Status

# By its name in Metrc: what the last test of the keys said of it. (The one for writing, Manage
# Transfer Templates, can't be tested without writing; who has it may read as well.)
PERMISSION = "View Transfer Templates"
NOT_HERE = {
    Package.Place.IN_TRANSIT.value: "on a transfer already",
    Package.Place.INACTIVE.value: "finished",
    Package.Place.GONE.value: "not there any more",
}


@dataclass(frozen=True)
class Planned:
    """A template as it would be sent now. `prices` is by assignment, for the whole package."""

    facts: Facts
    body: dict[str, Any]
    labels: list[str]
    assignments: list[PackageAssignment]
    prices: dict[int, Decimal]


def zone_of(facility: Facility | None) -> ZoneInfo:
    """The time zone of a facility of ours; where it names none, the time zone of this system."""
    try:
        return ZoneInfo(facility.time_zone if facility else "")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(timezone.get_default_timezone_name())


def assigned_to(order_id: int) -> list[PackageAssignment]:
    """The packages assigned to an order now, line by line."""
    rows = PackageAssignment.objects.filter(line__order=order_id, ended_at__isnull=True)
    rows = rows.select_related("line__item", "package__facility", "package__metrc_item__item")
    return list(rows.order_by("line__position", "pk"))


def planned(
    order: SalesOrder, template: TransferTemplate, *, now: datetime | None = None
) -> Planned:
    """What would be sent for an order, and all that is known of it. Only reads the database."""
    facility = template.facility
    account = facility.account
    assignments = assigned_to(order.pk)
    prices = prices_of(assignments)
    kind = type_of(template)
    manner = manner_of(account, order.facility)
    labels = {one.package.label for one in assignments}
    elsewhere = _on_other_templates(order.pk, facility, labels)
    entry = replace(_entry(template), packages=_entries(assignments, prices))
    facts = Facts(
        entry=entry,
        shipper=ShipperFacts(
            facility.license_number, problem_of_license(facility), facility.packages_until
        ),
        recipient=_recipient(order),
        manner=manner,
        now=now or timezone.now(),
        kind=kind,
        packages=[_package(one, prices.get(one.pk), facility, elsewhere) for one in assignments],
        lines=_lines(order, assignments, account),
        rules=Rules(account.passing_lab_states, facility.ships_on_hold, account.price_is),
        order_problem=_order_problem(order),
    )
    [body] = body_of(entry, kind, manner)
    return Planned(facts, body, [one.label for one in entry.packages], assignments, prices)


def type_of(template: TransferTemplate) -> TypeFacts | None:
    """The chosen transfer type and what it requires; None when the license has no such type."""
    row = TransferType.objects.filter(
        facility=template.facility_id, name=template.transfer_type
    ).first()
    return type_facts(row) if row else None


def type_facts(row: TransferType) -> TypeFacts:
    """A transfer type as the pure functions take it."""
    return TypeFacts(
        row.name,
        is_listed=row.is_listed,
        is_licensed=row.is_licensed,
        is_wholesale=row.is_wholesale,
        needs_destination_weight=row.needs_destination_weight,
        needs_package_weights=row.needs_package_weights,
        needs_invoice_number=row.needs_invoice_number,
        needs_pdf=row.needs_pdf,
        needs_vehicle_registration=row.needs_vehicle_registration,
    )


def manner_of(account: MetrcAccount, facility: Facility | None) -> Manner:
    """How the account's Metrc wants templates."""
    return Manner(
        zone_of(facility),
        times_are=account.times_are,
        price_is=account.price_is,
        type_on_template=account.type_on_template,
        transporter_on_template=account.transporter_on_template,
    )


def problem_of_license(facility: MetrcFacility) -> str:
    """Why nothing can be sent from a license, in words with the cure; "" when it can."""
    account = facility.account
    if not account.is_active:
        return f"The Metrc account {account} is switched off. Switch it on."
    if not has_keys(account):
        return f"The Metrc account {account} has no keys. Paste them."
    tested = check_keys.stored(account)
    if tested and tested.is_refused:
        return tested.problem
    if not facility.is_listed:
        return (
            f"The keys of {account} no longer reach license {facility.license_number}. Have the "
            "user given access to it in Metrc, then test the keys."
        )
    return str(facility.checks.get(PERMISSION) or "")


def _entry(template: TransferTemplate) -> TemplateEntry:
    return TemplateEntry(
        name=template.name,
        recipient_license=template.recipient_license,
        transfer_type=template.transfer_type,
        invoice_number=template.invoice_number,
        planned_route=template.planned_route,
        departs_at=template.departs_at,
        arrives_at=template.arrives_at,
        transporter_license=template.transporter_license,
        driver_name=template.driver_name,
        driver_license=template.driver_license,
        driver_employee_id=template.driver_employee_id,
        vehicle_make=template.vehicle_make,
        vehicle_model=template.vehicle_model,
        vehicle_plate=template.vehicle_plate,
        vehicle_registration=template.vehicle_registration,
        phone=template.phone,
        gross_weight=template.gross_weight,
        gross_weight_unit=template.gross_weight_unit,
    )


def _entries(
    assignments: Iterable[PackageAssignment], prices: dict[int, Decimal]
) -> Sequence[PackageEntry]:
    return [
        PackageEntry(one.package.label, prices.get(one.pk), one.package.quantity, one.gross_weight)
        for one in assignments
    ]


def _recipient(order: SalesOrder) -> RecipientFacts:
    who = order.destination
    if who is None:
        return RecipientFacts()
    return RecipientFacts(who.name, who.license_number, who.license_expires_on, who.is_active)


def _package(
    one: PackageAssignment,
    price: Decimal | None,
    facility: MetrcFacility,
    elsewhere: dict[str, str],
) -> PackageFacts:
    package = one.package
    item = one.line.item
    is_elsewhere = package.facility_id != facility.pk
    return PackageFacts(
        package.label,
        assigned=units(one.quantity),
        now=in_base_units(package.quantity, package.unit, item.unit_of_measure) if item else None,
        in_metrc=package.quantity,
        not_here=NOT_HERE.get(package.place, ""),
        on_template_of=elsewhere.get(package.label, ""),
        other_item=_other_item(one),
        other_license=package.facility.license_number if is_elsewhere else "",
        on_hold=package.on_hold,
        on_recall=package.on_recall,
        needs_remediation=package.needs_remediation,
        is_testing_sample=package.is_testing_sample,
        lab_state=package.lab_state,
        lab_state_on=_day(package.raw.get("LabTestingStateDate")),
        expires_on=package.expires_on,
        price=price,
        gross_weight=one.gross_weight,
    )


def _other_item(one: PackageAssignment) -> str:
    mapped = one.package.metrc_item
    return "" if mapped.item_id == one.line.item_id else str(mapped.item or mapped)


def _on_other_templates(order_id: int, facility: MetrcFacility, labels: set[str]) -> dict[str, str]:
    """By tag the order whose template has it too: in Metrc, or maybe, and no transfer was found."""
    matched = Match.objects.filter(order=OuterRef("order"), ended_at__isnull=True)
    rows = TransferTemplate.objects.filter(
        ~Exists(matched),
        facility=facility,
        state__in=(TransferTemplate.State.ASKED, TransferTemplate.State.SENT),
    ).exclude(order=order_id)
    return {
        label: number
        for number, sent in rows.values_list("order__number", "labels")
        for label in labels.intersection(sent)
    }


def _day(text: object) -> date | None:
    """A day of Metrc's; None for none. (Metrc: year 1 means that there is none.)"""
    try:
        day = date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
    return day if day.year > 1 else None


def _lines(
    order: SalesOrder, assignments: Iterable[PackageAssignment], account: MetrcAccount
) -> list[LineFacts]:
    by_line: dict[int, Decimal] = {}
    for one in assignments:
        by_line[one.line_id] = by_line.get(one.line_id, Decimal(0)) + units(one.quantity)
    lines = list(order.lines.all())
    known = MetrcItem.objects.filter(account=account, item__in=[line.item_id for line in lines])
    in_metrc = set(known.values_list("item", flat=True))
    return [
        LineFacts(
            line.name,
            units(line.quantity),
            by_line.get(line.pk, Decimal(0)),
            is_in_metrc=line.item_id in in_metrc,
        )
        for line in lines
    ]


def _order_problem(order: SalesOrder) -> str:
    if order.status == Status.CANCELED:
        return "The order is canceled, so nothing is to be sent for it."
    matches = Match.objects.filter(order=order.pk, ended_at__isnull=True)
    match = matches.select_related("delivery__transfer").first()
    if match:
        transfer = str(match.delivery.transfer)
        return (
            f"The order's transfer is in Metrc already ({transfer[0].lower()}{transfer[1:]}). If "
            "that is wrong, unmatch it first."
        )
    return ""


def is_for(template: TransferTemplate, order: SalesOrder) -> bool:
    """Whether a template goes to the customer that the order is for."""
    license_number = order.destination.license_number if order.destination else ""
    return normalized_license(template.recipient_license) == normalized_license(license_number)
