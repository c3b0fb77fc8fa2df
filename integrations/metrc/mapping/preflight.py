"""Everything for which Metrc would refuse a template, all at once, before it is sent.

Each trouble says in words what is wrong and what cures it, and where: a field of the form, or one
of the places below. What might go wrong but need not is a warning.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from integrations.metrc.mapping.preflight_packages import PackageFacts, Rules, of_package
from integrations.metrc.mapping.template_body import Manner, TemplateEntry, TypeFacts
from integrations.metrc.mapping.template_times import comes_twice
from integrations.metrc.mapping.troubles import (
    ACCOUNT,
    DESTINATION,
    ITEMS,
    ORDER,
    PACKAGES,
    READ_PACKAGES,
    Trouble,
)

# Ours: Metrc says nothing of the longest it takes.
LONGEST_NAME = 100
# Metrc: at most ten objects in one body; whether packages count is not confirmed.
MOST_OBJECTS = 10
STALE = timedelta(hours=1)


@dataclass(frozen=True)
class LineFacts:
    """An order line, and how much of it assigned packages make up; both in base units."""

    name: str
    ordered: Decimal
    assigned: Decimal
    # Whether its item is one in Metrc. What is none (a T-shirt) needs no packages.
    is_in_metrc: bool = True


@dataclass(frozen=True)
class ShipperFacts:
    """The license that sends. `problem`: why nothing can be sent from it, in words with the cure;
    `packages_read_at`: until when its packages are known."""

    license_number: str = ""
    problem: str = ""
    packages_read_at: datetime | None = None


@dataclass(frozen=True)
class RecipientFacts:
    """Who gets it. `name` "": the order has no destination."""

    name: str = ""
    license_number: str = ""
    license_expires_on: date | None = None
    is_active: bool = True


@dataclass(frozen=True)
class Facts:
    """All that is known of an order that is to be sent."""

    entry: TemplateEntry
    shipper: ShipperFacts
    recipient: RecipientFacts
    manner: Manner
    now: datetime
    kind: TypeFacts | None = None
    packages: Sequence[PackageFacts] = ()
    lines: Sequence[LineFacts] = ()
    rules: Rules = field(default_factory=Rules)
    # Why the order itself can't be shipped ("It is canceled."); "" where it can.
    order_problem: str = ""


def problems_of(facts: Facts) -> list[Trouble]:
    """All troubles, those that would be refused first, in the order in which people mend them."""
    found = [
        *_of_order(facts),
        *_of_shipper(facts),
        *_of_recipient(facts),
        *_of_lines(facts),
        *_of_packages(facts),
        *_of_type(facts),
        *_of_names(facts.entry),
        *_of_driver_and_vehicle(facts),
        *_of_times(facts),
        *_of_weights(facts),
    ]
    return sorted(found, key=lambda one: one.is_warning)


def refusing(troubles: Iterable[Trouble]) -> list[Trouble]:
    """Those for which nothing is sent."""
    return [one for one in troubles if not one.is_warning]


def _of_order(facts: Facts) -> Iterator[Trouble]:
    if facts.order_problem:
        yield Trouble("order", facts.order_problem, ORDER)


def _of_shipper(facts: Facts) -> Iterator[Trouble]:
    shipper = facts.shipper
    if shipper.problem:
        yield Trouble("shipper", shipper.problem, ACCOUNT)
        return
    read_at = shipper.packages_read_at
    if read_at is None or facts.now - read_at > STALE:
        when = "never" if read_at is None else "more than an hour ago"
        yield Trouble(
            "packages_stale",
            f"Packages of {shipper.license_number} were last read {when}. What became of them "
            "since is not known: read them now.",
            READ_PACKAGES,
            is_warning=True,
        )


def _of_recipient(facts: Facts) -> Iterator[Trouble]:
    who = facts.recipient
    if not who.name:
        yield Trouble("no_destination", "The order has no destination. Choose one.", ORDER)
        return
    if not who.license_number:
        yield Trouble(
            "no_recipient_license",
            f"{who.name} has no license number. Enter it as it stands in Metrc.",
            DESTINATION,
        )
    expires = who.license_expires_on
    if expires and expires < facts.now.astimezone(facts.manner.zone).date():
        yield Trouble(
            "license_expired",
            f"The license of {who.name} expired on {expires:%b} {expires.day}, {expires.year}. Ask "
            "for the new one and enter it.",
            DESTINATION,
        )
    if not who.is_active:
        yield Trouble(
            "destination_inactive",
            f"{who.name} is switched off as a destination. Switch it on, or choose another.",
            DESTINATION,
        )
    same = who.license_number and who.license_number == facts.shipper.license_number
    if same:
        yield Trouble(
            "to_ourselves",
            f"{who.name} has the license that ships it. Correct the license, or the order's "
            "facility.",
            DESTINATION,
        )


def _of_lines(facts: Facts) -> Iterator[Trouble]:
    if not facts.packages:
        yield Trouble(
            "no_packages", "No packages are assigned. Assign them to the lines.", PACKAGES
        )
        return
    for line in facts.lines:
        if line.assigned == line.ordered:
            continue
        if not line.is_in_metrc and not line.assigned:
            yield Trouble(
                "line_not_in_metrc",
                f"{line.name} goes without packages: it is no item in Metrc as far as is known "
                "here. If it is one, say which on the page of Metrc items.",
                ITEMS,
                line.name,
                is_warning=True,
            )
            continue
        many = f"{line.assigned.normalize():f} of {line.ordered.normalize():f}"
        cure = (
            "Assign more packages, or change the line."
            if line.assigned < line.ordered
            else "Take a package away, or change the line. A package ships whole."
        )
        yield Trouble(
            "line_not_covered",
            f"{line.name}: packages make up {many} units. {cure}",
            PACKAGES,
            line.name,
        )


def _of_packages(facts: Facts) -> Iterator[Trouble]:
    for label, times in Counter(one.label for one in facts.packages).items():
        if times > 1:
            text = f"Package {label} is assigned {times} times. Take it away once."
            yield Trouble("label_twice", text, PACKAGES, label)
    for package in facts.packages:
        yield from of_package(package, facts.kind, facts.rules, facts.now)
    if len(facts.packages) > MOST_OBJECTS:
        yield Trouble(
            "many_objects",
            f"The template has {len(facts.packages)} packages. Metrc takes at most {MOST_OBJECTS} "
            "things at once, and whether packages count is not known. If it refuses, split the "
            "order.",
            PACKAGES,
            is_warning=True,
        )


def _of_type(facts: Facts) -> Iterator[Trouble]:
    name, kind = facts.entry.transfer_type, facts.kind
    if not name:
        yield Trouble("no_type", "Choose the transfer type.", "transfer_type")
    elif kind is None or not kind.is_listed:
        text = f"“{name}” is not among the license's transfer types in Metrc. Choose another one."
        yield Trouble("type_gone", text, "transfer_type")
    elif not kind.is_licensed:
        text = f"“{name}” is not for recipients with a license. Choose another transfer type."
        yield Trouble("type_unlicensed", text, "transfer_type")
    elif kind.needs_pdf:
        yield Trouble(
            "needs_pdf",
            f"“{name}” needs a PDF, which Metrc does not take with a template. Choose another "
            "type, or add the PDF in Metrc when you register the transfer.",
            "transfer_type",
            is_warning=True,
        )


def _of_names(entry: TemplateEntry) -> Iterator[Trouble]:
    for value, what in ((entry.name, "name"), (entry.invoice_number, "invoice number")):
        if len(value) > LONGEST_NAME:
            yield Trouble(
                f"{what.replace(' ', '_')}_too_long",
                f"The {what} has {len(value)} characters. Metrc gets at most {LONGEST_NAME}: give "
                "the order a shorter number.",
                ORDER,
            )


# What Metrc's support names as required of each template, by field.
WANTED = (
    ("transporter_license", "Enter the license of the transporter."),
    ("driver_name", "Enter the driver's name."),
    ("driver_license", "Enter the driver's license number."),
    ("vehicle_make", "Enter the make of the vehicle."),
    ("vehicle_model", "Enter the model of the vehicle."),
    ("vehicle_plate", "Enter the license plate of the vehicle."),
    ("planned_route", "Describe the planned route."),
)


def _of_driver_and_vehicle(facts: Facts) -> Iterator[Trouble]:
    entry, kind = facts.entry, facts.kind
    for name, text in WANTED:
        if not getattr(entry, name).strip():
            yield Trouble(f"no_{name}", text, name)
    if kind and kind.needs_vehicle_registration and not entry.vehicle_registration.strip():
        text = f"“{kind.name}” needs the registration number of the vehicle. Enter it."
        yield Trouble("no_vehicle_registration", text, "vehicle_registration")
    if kind and kind.needs_invoice_number and not entry.invoice_number.strip():
        text = f"“{kind.name}” needs an invoice number, and the order has no number."
        yield Trouble("no_invoice_number", text, ORDER)


def _of_times(facts: Facts) -> Iterator[Trouble]:
    departs, arrives = facts.entry.departs_at, facts.entry.arrives_at
    if departs is None:
        yield Trouble("no_departure", "Say when the vehicle leaves.", "departs_at")
    elif departs < facts.now:
        text = "The planned departure is in the past. Choose a later one."
        yield Trouble("departure_past", text, "departs_at")
    if arrives is None:
        yield Trouble("no_arrival", "Say when the vehicle arrives.", "arrives_at")
    elif departs and arrives <= departs:
        text = "The arrival is not after the departure. Correct one of them."
        yield Trouble("arrival_before_departure", text, "arrives_at")
    if facts.manner.times_are != "local":
        return
    for name, moment in (("departs_at", departs), ("arrives_at", arrives)):
        if moment and comes_twice(moment, facts.manner.zone):
            yield Trouble(
                "time_twice",
                "Clocks go back in this hour, so it comes twice, and Metrc can't tell which one is "
                "meant. Better choose another time.",
                name,
                is_warning=True,
            )


def _of_weights(facts: Facts) -> Iterator[Trouble]:
    entry, kind = facts.entry, facts.kind
    if kind is None:
        return
    if kind.needs_destination_weight and not (entry.gross_weight and entry.gross_weight > 0):
        text = f"“{kind.name}” needs the gross weight of all packages. Enter it."
        yield Trouble("no_gross_weight", text, "gross_weight")
    needs_unit = kind.needs_destination_weight or kind.needs_package_weights
    if needs_unit and not entry.gross_weight_unit.strip():
        text = "Enter the unit of the gross weights as Metrc calls it, for example Grams."
        yield Trouble("no_gross_weight_unit", text, "gross_weight_unit")
