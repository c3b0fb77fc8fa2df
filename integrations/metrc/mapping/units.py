"""Metrc's units of measure and ours: what a package holds, counted as we count its item.

Metrc: each license takes the names of its units from Metrc's own list; the names and abbreviations
here are those that are known of it. Ours are those of `catalog.models.UnitOfMeasure`.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum


class Kind(Enum):
    """What a unit measures; only units of one kind can be compared."""

    COUNT = "count"
    WEIGHT = "weight"
    VOLUME = "volume"


@dataclass(frozen=True)
class Unit:
    """`size` is in single pieces, grams or milliliters, exactly as the unit is defined."""

    kind: Kind
    size: Decimal


EACH = Unit(Kind.COUNT, Decimal(1))
MILLIGRAM = Unit(Kind.WEIGHT, Decimal("0.001"))
GRAM = Unit(Kind.WEIGHT, Decimal(1))
KILOGRAM = Unit(Kind.WEIGHT, Decimal(1000))
OUNCE = Unit(Kind.WEIGHT, Decimal("28.349523125"))
POUND = Unit(Kind.WEIGHT, Decimal("453.59237"))
MILLILITER = Unit(Kind.VOLUME, Decimal(1))
LITER = Unit(Kind.VOLUME, Decimal(1000))
FLUID_OUNCE = Unit(Kind.VOLUME, Decimal("29.5735295625"))
PINT = Unit(Kind.VOLUME, Decimal("473.176473"))
QUART = Unit(Kind.VOLUME, Decimal("946.352946"))
GALLON = Unit(Kind.VOLUME, Decimal("3785.411784"))

# By every name a unit goes by, in small letters.
_BY_NAME: dict[str, Unit] = {
    name: unit
    for unit, names in (
        (EACH, "each ea unit units"),
        (MILLIGRAM, "milligram milligrams mg"),
        (GRAM, "gram grams g"),
        (KILOGRAM, "kilogram kilograms kg"),
        (OUNCE, "ounce ounces oz"),
        (POUND, "pound pounds lb lbs"),
        (MILLILITER, "milliliter milliliters ml"),
        (LITER, "liter liters l"),
        (PINT, "pint pints pt"),
        (QUART, "quart quarts qt"),
        (GALLON, "gallon gallons gal"),
    )
    for name in names.split()
} | dict.fromkeys(("fluid ounce", "fluid ounces", "fl oz", "floz"), FLUID_OUNCE)

PLACES = Decimal("0.0001")


def unit_of(name: str) -> Unit | None:
    """The unit of that name or abbreviation, in any capitals; None for one nobody here knows."""
    return _BY_NAME.get(" ".join(name.replace(".", " ").lower().split()))


def comparable(metrc_unit: str, our_unit: str) -> bool:
    """Whether a quantity in Metrc's unit can be counted in ours."""
    theirs, ours = unit_of(metrc_unit), unit_of(our_unit)
    return bool(theirs and ours and theirs.kind is ours.kind)


def in_base_units(quantity: Decimal, metrc_unit: str, our_unit: str) -> Decimal | None:
    """`quantity` of a package in Metrc's unit ("Grams"), in the base unit of our item ("Pound").

    Exact where four places hold it, else rounded half up to four places, which is what quantities
    have here. None where the two can't be compared: pieces and grams, or a unit nobody here knows.
    """
    theirs, ours = unit_of(metrc_unit), unit_of(our_unit)
    if theirs is None or ours is None or theirs.kind is not ours.kind:
        return None
    return (quantity * theirs.size / ours.size).quantize(PLACES, rounding=ROUND_HALF_UP)
