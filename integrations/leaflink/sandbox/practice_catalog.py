"""The practice catalog: what both sides of the practice world sell. Follows from the seed.

`typed_anew` is the same catalog as somebody else would have typed it into LeafLink.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from decimal import Decimal

# Brand, and which of the sellers has it.
BRANDS = (("Cinder Peak", 0), ("Trailhead Gummies", 0), ("Mesa Bloom", 1), ("Redrock Rosin", 1))

STRAINS = (
    ("Blue Mesa", "hybrid"),
    ("Alpine Haze", "sativa"),
    ("Granite Kush", "indica"),
    ("Wild Columbine", "sativa-hybrid"),
    ("Night Train", "indica-hybrid"),
    ("Sunrise Diesel", "sativa"),
    ("Copper Cookies", "hybrid"),
)


@dataclass(frozen=True)
class Form:
    """A kind of product: how it is counted and sold, its price per base unit in cents.

    `sub_category` is LeafLink's, an id of `categories`.
    """

    name: str
    code: str
    line: str
    unit: str
    case_size: int
    cents: int
    sub_category: int


FORMS = (
    Form("Gummies 100mg", "GUM", "Edibles", "Unit", 12, 800, 14),
    Form("Cartridge 1g", "CRT", "Vapes", "Unit", 1, 2200, 12),
    Form("Eighth 3.5g", "EIG", "Flower", "Unit", 1, 1450, 10),
    Form("Live Rosin 1g", "ROS", "Concentrates", "Unit", 12, 2600, 13),
    Form("Pre-roll 5 pack", "PRE", "Pre-rolls", "Unit", 12, 1325, 17),
    Form("Bulk Flower", "BLK", "Flower", "Gram", 1, 310, 16),
    Form("Chocolate Bar", "CHO", "Edibles", "Unit", 24, 750, 15),
)


@dataclass(frozen=True)
class DemoItem:
    """An item of the practice catalog. Prices are per base unit, `on_hand` is in base units."""

    sku: str
    name: str
    brand: str
    product_line: str
    strain: str
    strain_classification: str
    unit_of_measure: str
    case_size: int
    wholesale_price: Decimal
    retail_price: Decimal
    on_hand: Decimal
    seller: int
    is_sample: bool
    sub_category: int


def catalog(items: int = 40, seed: int = 1) -> list[DemoItem]:
    """The first `items` of the practice catalog; about one in ten is a sample."""
    chance = random.Random(seed)
    found = []
    for index in range(items):
        brand, seller = BRANDS[(index // 2) % len(BRANDS)]
        form = FORMS[index % len(FORMS)]
        strain, classification = STRAINS[(index // len(FORMS)) % len(STRAINS)]
        is_sample = index % 10 == 9
        batch = index // (len(FORMS) * len(STRAINS))
        series = f" Series {batch + 1}" if batch else ""
        initials = "".join(word[0] for word in brand.split())
        name = f"{strain} {form.name}{series}"
        cents = form.cents + chance.randrange(-3, 4) * 25
        case_size = 1 if is_sample else form.case_size
        found.append(
            DemoItem(
                sku=f"{initials}-{form.code}-{index + 1:04d}",
                name=f"Sample: {name}" if is_sample else name,
                brand=brand,
                product_line=form.line,
                strain=strain,
                strain_classification=classification,
                unit_of_measure=form.unit,
                case_size=case_size,
                wholesale_price=Decimal(1 if is_sample else cents) / 100,
                retail_price=Decimal(cents * 2) / 100,
                on_hand=Decimal(600 + chance.randrange(10) * 120),
                seller=seller,
                is_sample=is_sample,
                sub_category=form.sub_category,
            )
        )
    return found


def typed_anew(items: list[DemoItem], seed: int = 1) -> list[DemoItem]:
    """The items as they came into LeafLink when nobody cared that both sides agree.

    About every 20th is missing, and about every 8th has another SKU and another spelling of its
    name; the rest are the same. The order is kept.
    """
    shuffled = list(range(len(items)))
    random.Random(seed).shuffle(shuffled)
    # 3 + 20 n is never a multiple of 8, so that nothing is chosen twice.
    missing, misspelt = set(shuffled[3::20]), shuffled[::8]
    spellings = {index: number % 3 for number, index in enumerate(misspelt)}
    return [
        _spelt_anew(item, spellings[index]) if index in spellings else item
        for index, item in enumerate(items)
        if index not in missing
    ]


def _spelt_anew(item: DemoItem, spelling: int) -> DemoItem:
    """The item with a short SKU; 0: the strain last, 1: "100 mg", 2: the brand in front."""
    _, code, number = item.sku.split("-")
    name = item.name
    if spelling == 0:
        name = name.replace(f"{item.strain} ", "", 1) + f" {item.strain}"
    elif spelling == 1:
        name = re.sub(r"(\d)(mg|g)\b", r"\1 \2", name)
    # Also where the name has no amount to write differently.
    if name == item.name:
        name = f"{item.brand} {name}"
    return replace(item, sku=f"{code}-{int(number)}", name=name)
