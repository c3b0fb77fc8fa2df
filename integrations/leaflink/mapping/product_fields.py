"""The fields of a LeafLink product that we may set: who owns each, how it is read and sent. Pure.

A field's value is held in one form for both sides (text, number, yes/no, list of ids), so that
ours, LeafLink's and the last agreed one can be compared and stored as they are. Money is text with
two places, quantities are text without trailing zeros.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from catalog.decimals import money, plain, units
from integrations.leaflink.wire import payloads

Value = str | int | bool | list[int] | None
Pair = tuple[Value, Value]


class Owner(StrEnum):
    """Which rule of an account makes a field ours to send."""

    DETAILS = "details"  # ours while product details are sent
    PRICES = "prices"  # both sides' while prices are kept the same
    CASES = "cases"  # ours while details and prices are: one without the other is a wrong price
    STOCK = "stock"  # ours while quantities are sent
    CREATION = "creation"  # said once, when the product is made


@dataclass(frozen=True)
class Rules:
    """An account's rules, as far as fields are concerned."""

    details: bool
    prices: bool
    stock: bool


@dataclass(frozen=True)
class ProductField:
    """`name` is LeafLink's; `shown` reads LeafLink's value, `sent` makes ours a part of a body."""

    name: str
    label: str
    owner: Owner
    shown: Callable[[payloads.Product], Value]
    sent: Callable[[Any], dict[str, Any]]
    required: bool = False


def amount(value: Decimal) -> str:
    """An amount of money as it is compared ("96.00")."""
    return f"{money(value):.2f}"


def quantity(value: Decimal | None) -> str:
    """A number of units as it is compared ("0.01"); "" for none."""
    return "" if value is None else plain(units(value))


def _plainly(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {name: value}


def _price(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {name: {"amount": value, "currency": "USD"}}


def _cases(value: Any) -> dict[str, Any]:
    # LeafLink: "Case" when there is more than one unit in it, otherwise left out.
    by_case = {"sell_in_unit_of_measure": "Case"} if value > 1 else {}
    return {"unit_multiplier": value, **by_case}


FIELDS: tuple[ProductField, ...] = (
    ProductField("name", "Name", Owner.DETAILS, lambda p: p.name, _plainly("name"), True),
    ProductField("sku", "SKU", Owner.DETAILS, lambda p: p.sku, _plainly("sku"), True),
    ProductField(
        "description",
        "Description",
        Owner.DETAILS,
        lambda p: p.description,
        _plainly("description"),
    ),
    ProductField("brand", "Brand", Owner.DETAILS, lambda p: p.brand, _plainly("brand"), True),
    ProductField(
        "product_line",
        "Product line",
        Owner.DETAILS,
        lambda p: p.product_line,
        _plainly("product_line"),
    ),
    ProductField(
        "category", "Category", Owner.DETAILS, lambda p: p.category, _plainly("category"), True
    ),
    ProductField(
        "sub_category",
        "Subcategory",
        Owner.DETAILS,
        lambda p: p.sub_category,
        _plainly("sub_category"),
        True,
    ),
    ProductField(
        "license", "License", Owner.DETAILS, lambda p: p.license, _plainly("license"), True
    ),
    ProductField(
        "strain_classification",
        "Strain classification",
        Owner.DETAILS,
        lambda p: p.strain_classification,
        _plainly("strain_classification"),
    ),
    ProductField(
        "strains", "Strain", Owner.DETAILS, lambda p: sorted(p.strains), _plainly("strains")
    ),
    ProductField(
        "unit_of_measure",
        "Unit",
        Owner.CREATION,
        lambda p: p.unit_of_measure,
        _plainly("unit_of_measure"),
        True,
    ),
    ProductField(
        "unit_multiplier", "Units per case", Owner.CASES, lambda p: p.unit_multiplier, _cases
    ),
    ProductField(
        "wholesale_price",
        "Wholesale price",
        Owner.PRICES,
        lambda p: amount(p.wholesale_price),
        _price("wholesale_price"),
    ),
    ProductField(
        "sale_price",
        "Sale price",
        Owner.PRICES,
        lambda p: amount(p.sale_price),
        _price("sale_price"),
    ),
    ProductField(
        "retail_price",
        "Retail price",
        Owner.PRICES,
        lambda p: amount(p.retail_price),
        _price("retail_price"),
    ),
    ProductField(
        "minimum_order",
        "Minimum order",
        Owner.DETAILS,
        lambda p: quantity(p.minimum_order),
        _plainly("minimum_order"),
    ),
    ProductField(
        "maximum_order",
        "Maximum order",
        Owner.DETAILS,
        lambda p: quantity(p.maximum_order),
        _plainly("maximum_order"),
    ),
    ProductField(
        "show_quantity",
        "Show quantity to buyers",
        Owner.DETAILS,
        lambda p: p.show_quantity,
        _plainly("show_quantity"),
    ),
    ProductField(
        "inventory_management",
        "Inventory",
        Owner.STOCK,
        lambda p: p.inventory_management,
        _plainly("inventory_management"),
    ),
)
BY_NAME = {field.name: field for field in FIELDS}
LABELS = {field.name: field.label for field in FIELDS}

# LeafLink: "1" Managed, "2" Unlimited, "3" Inherited from the parent product.
INVENTORY_NAMES = {"1": "Managed", "2": "Unlimited", "3": "Inherited from its parent"}


def in_a_sentence(refusals: dict[str, str]) -> str:
    """LeafLink's words by field as one text; "" is what is about no field."""
    return "; ".join(
        f"{LABELS.get(name, name)}: {text}" if name else text for name, text in refusals.items()
    )


def shown(product: payloads.Product) -> dict[str, Value]:
    """What LeafLink shows in each field."""
    return {field.name: field.shown(product) for field in FIELDS}


def body(values: dict[str, Value]) -> dict[str, Any]:
    """The part of a request that sets these fields."""
    parts: dict[str, Any] = {}
    for name, value in values.items():
        parts |= BY_NAME[name].sent(value)
    return parts


def is_ours(field: ProductField, rules: Rules) -> bool:
    """Whether the rules let us change this field of a product that is there already."""
    return {
        Owner.DETAILS: rules.details,
        Owner.PRICES: rules.prices,
        Owner.CASES: rules.details and rules.prices,
        Owner.STOCK: rules.stock,
        Owner.CREATION: False,
    }[field.owner]


# What a linked product is known by: a change of these is told whatever the rules say.
IDENTITY = ("name", "sku")
# What makes a price: none of these is changed in LeafLink without the others.
PRICE_OF_A_CASE = ("unit_multiplier", "wholesale_price", "sale_price")

# As an agreed value: that side counts as moved, whatever it shows now. (No field has this value.)
MOVED = "(moved)"


class Decision(StrEnum):
    """What follows from ours, LeafLink's and what was last agreed."""

    AGREES = "agrees"
    SEND = "send"  # only ours moved, and it is ours to send
    TAKE = "take"  # only LeafLink's moved, and both sides count
    MOVED_THERE = "moved_there"  # LeafLink's moved, though the field is ours: a person decides
    CONFLICT = "conflict"  # both moved, and both count: a person decides
    DIFFERS = "differs"  # they differ, and nobody has anything to do about it


def decide(
    field: ProductField,
    ours: Value,
    theirs: Value,
    agreed: Pair | None,
    rules: Rules,
    said: Value = None,
) -> Decision:
    """Compare one field. `agreed` None: the two were never compared before.

    `said` is what we say in our own words, where `ours` was looked up in LeafLink's lists by it: a
    list that changes is no change of ours. (None: `ours` itself.)

    Linking alone moves nothing, so pairs may differ for good; and while a rule is off, what moves
    counts as agreed (switching the rule on sends nothing by itself).
    """
    if ours == theirs:
        return Decision.AGREES
    if agreed is None:
        return Decision.DIFFERS
    we_moved = (ours if said is None else said) != agreed[0]
    they_moved = theirs != agreed[1]
    if not is_ours(field, rules):
        told = they_moved and field.name in IDENTITY
        return Decision.MOVED_THERE if told else Decision.DIFFERS
    if field.owner is Owner.PRICES and they_moved:
        return Decision.CONFLICT if we_moved else Decision.TAKE
    if we_moved:
        return Decision.SEND
    return Decision.MOVED_THERE if they_moved else Decision.DIFFERS
