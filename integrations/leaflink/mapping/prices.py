"""Prices: per base unit here ↔ per selling unit in LeafLink (per case when sold by the case). Pure.

LeafLink: wholesale and sale price are per selling unit; the retail price is per unit.
"""

from decimal import ROUND_HALF_UP, Decimal

from catalog.decimals import money

# As many places as our prices per base unit have.
PER_UNIT_PLACES = Decimal("0.000001")


def per_selling_unit(price: Decimal, case_size: int) -> Decimal:
    """What LeafLink should show, in cents, for a price per base unit."""
    return money(price * case_size)


def per_base_unit(price: Decimal, case_size: int) -> Decimal | None:
    """The price per base unit for LeafLink's price per selling unit.

    None when a price per base unit can't hold it so that it comes back the same to the cent
    (cases of ten thousand and more): such a price has to be kept per selling unit.
    """
    unit = (price / case_size).quantize(PER_UNIT_PLACES, rounding=ROUND_HALF_UP)
    return unit if per_selling_unit(unit, case_size) == money(price) else None
