"""The kinds of decimal numbers that Leafbridge rounds, each with its own number of places.

SQLite stores decimals as floating point, so sums come back as 11.1000000000000005: every number
that was computed by a database goes through one of these functions before it is compared.
"""

from decimal import ROUND_HALF_UP, Decimal

UNIT_PLACES = Decimal("0.0001")
MONEY_PLACES = Decimal("0.01")

Number = Decimal | int | str | float | None


def _rounded(value: Number, places: Decimal) -> Decimal:
    number = Decimal(0) if value is None else Decimal(str(value))
    return number.quantize(places, rounding=ROUND_HALF_UP)


def units(value: Number) -> Decimal:
    """A quantity in base units, to four places; None counts as zero."""
    return _rounded(value, UNIT_PLACES)


def money(value: Number) -> Decimal:
    """An amount of money, to cents (half up); None counts as zero."""
    return _rounded(value, MONEY_PLACES)


def plain(value: Decimal) -> str:
    """`value` as a person writes it: no exponent, no trailing zeros ("12", "3.5")."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def with_thousands(value: Decimal) -> str:
    """`plain` with thousands separators ("1,200.5"), for screens."""
    whole, _, part = plain(value).partition(".")
    return f"{int(whole):,}" + (f".{part}" if part else "")


def in_cases(quantity: Decimal, case_size: int) -> str:
    """Base units as people order them: "3 × 12 = 36 units", or "36" where there are no cases."""
    shown = with_thousands(units(quantity))
    if case_size == 1:
        return shown
    return f"{with_thousands(units(quantity / case_size))} × {case_size} = {shown} units"
