"""What Metrc would say against a package on a template."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from integrations.metrc.mapping.lab_states import in_words
from integrations.metrc.mapping.template_body import PER_UNIT, TypeFacts
from integrations.metrc.mapping.troubles import PACKAGES, WEIGHTS, Trouble

# Many states want a lab test that is no older than a year.
OLD_TEST = timedelta(days=365)


@dataclass(frozen=True)
class PackageFacts:
    """A package that is assigned. Quantities in base units of our item: as it was assigned, and now
    (None: can't be told). `price` is money for all of it; `in_metrc` its quantity in Metrc's unit.
    """

    label: str
    assigned: Decimal
    now: Decimal | None
    in_metrc: Decimal
    # "" where it is here and active, else in words ("finished").
    not_here: str = ""
    # Of another license than the one that ships: its number.
    other_license: str = ""
    # The number of another order whose template, in Metrc, has it too; "" for none.
    on_template_of: str = ""
    # Its item here, where that is not the line's (its mapping was changed); "" for the line's.
    other_item: str = ""
    on_hold: bool = False
    on_recall: bool = False
    needs_remediation: bool = False
    is_testing_sample: bool = False
    lab_state: str = ""
    lab_state_on: date | None = None
    expires_on: date | None = None
    price: Decimal | None = None
    gross_weight: Decimal | None = None


@dataclass(frozen=True)
class Rules:
    """What the account says: which lab states may go, and whether packages on hold may."""

    passing_lab_states: Collection[str] = ("TestPassed",)
    ships_on_hold: bool = False
    price_is: str = "package"


def of_package(
    package: PackageFacts, kind: TypeFacts | None, rules: Rules, now: datetime
) -> Iterator[Trouble]:
    """All troubles of one package."""
    for code, text in (
        *_where_it_is(package),
        *_whose_it_is(package),
        *_what_it_is(package, rules),
        *_how_much(package),
        *_what_the_type_wants(package, kind, rules),
    ):
        where = WEIGHTS if code == "no_package_weight" else PACKAGES
        yield Trouble(code, f"Package {package.label} {text}", where, package.label)
    for code, text in _doubts(package, kind, now):
        yield Trouble(
            code, f"Package {package.label} {text}", PACKAGES, package.label, is_warning=True
        )


def _where_it_is(package: PackageFacts) -> Iterator[tuple[str, str]]:
    if package.not_here:
        yield "package_not_here", f"is {package.not_here} in Metrc. Assign another one."
    if package.other_license:
        yield (
            "package_elsewhere",
            f"is in license {package.other_license}, not in the one that ships. Assign another "
            "one, or change the order's facility.",
        )


def _whose_it_is(package: PackageFacts) -> Iterator[tuple[str, str]]:
    if package.on_template_of:
        yield (
            "on_other_template",
            f"is on the template of {package.on_template_of}, which is in Metrc. Withdraw that one "
            "first, or assign another package.",
        )
    if package.other_item:
        yield "package_other_item", f"is of {package.other_item}. Assign one of the line's item."


def _what_it_is(package: PackageFacts, rules: Rules) -> Iterator[tuple[str, str]]:
    if package.on_hold and not rules.ships_on_hold:
        yield "on_hold", "is on hold. Have the hold lifted in Metrc, or assign another one."
    if package.on_recall:
        yield "on_recall", "is recalled. Assign another one."
    if package.needs_remediation:
        yield "needs_remediation", "needs remediation. Assign another one."
    if package.lab_state not in rules.passing_lab_states:
        state = in_words(package.lab_state)
        yield (
            "lab_state",
            f"may not go: its lab state is “{state}”. Assign another one, or wait for the lab and "
            "read packages again.",
        )


def _how_much(package: PackageFacts) -> Iterator[tuple[str, str]]:
    if package.now is not None and package.now != package.assigned:
        was, is_now = f"{package.assigned.normalize():f}", f"{package.now.normalize():f}"
        yield (
            "quantity_changed",
            f"had {was} units when it was assigned and has {is_now} now. Take it away and assign "
            "packages anew.",
        )
    elif package.in_metrc <= 0:
        yield "package_empty", "is empty. Assign another one."


def _what_the_type_wants(
    package: PackageFacts, kind: TypeFacts | None, rules: Rules
) -> Iterator[tuple[str, str]]:
    if package.price is not None and package.price < 0:
        yield "price_negative", "has a price below zero. Enter another one."
    if kind is None:
        return
    if kind.is_wholesale and package.price is None:
        yield "no_price", f"has no price, which “{kind.name}” needs. Enter it."
    elif kind.is_wholesale and rules.price_is == PER_UNIT and not package.in_metrc:
        yield "no_price", "has no units to divide its price by. Assign another one."
    if kind.needs_package_weights and not (package.gross_weight and package.gross_weight > 0):
        yield (
            "no_package_weight",
            f"has no gross weight, which “{kind.name}” needs. Enter it.",
        )


def _doubts(
    package: PackageFacts, kind: TypeFacts | None, now: datetime
) -> Iterator[tuple[str, str]]:
    if kind and kind.is_wholesale and package.price == 0:
        yield "price_zero", "goes for nothing: its price is zero."
    if package.lab_state_on and now.date() - package.lab_state_on > OLD_TEST:
        yield "lab_state_old", "got its lab state more than a year ago. Some states refuse that."
    if package.expires_on and package.expires_on < now.date():
        yield "package_expired", "is past its expiration date."
    if package.is_testing_sample:
        yield "testing_sample", "is a lab sample. Is it meant for this customer?"
    if package.now is None:
        yield "quantity_unknown", "is counted in another unit, so its quantity can't be compared."
