"""What a request body may change on a product, or make one of; see `bodies` for how strictly."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from integrations.leaflink.sandbox import stock
from integrations.leaflink.sandbox.bodies import (
    amount,
    external_ids,
    flag,
    one_of,
    or_null,
    sorted_out,
    text,
    whole,
)
from integrations.leaflink.sandbox.categories import CATEGORIES, SUBCATEGORIES
from integrations.leaflink.sandbox.errors import Invalid
from integrations.leaflink.sandbox.product_representations import DEFAULT_MINIMUM
from integrations.leaflink.sandbox.records import Product
from integrations.leaflink.sandbox.representations import units

if TYPE_CHECKING:
    from integrations.leaflink.sandbox.world import World

LISTING_STATES = ("Available", "Archived", "Sample", "Backorder", "Internal", "Unavailable")
UNITS = ("Milligram", "Gram", "Kilogram", "Ounce", "Pound", "Unit", "Liter", "Milliliter")
STRAIN_CLASSES = (
    "sativa",
    "indica",
    "hybrid",
    "na",
    "11-cbd",
    "high-cbd",
    "sativa-hybrid",
    "indica-hybrid",
)
REQUIRED = (
    "name",
    "sku",
    "description",
    "retail_price",
    "wholesale_price",
    "sale_price",
    "minimum_order",
    "maximum_order",
    "listing_state",
    "inventory_management",
    "unit_of_measure",
    "unit_denomination",
    "category",
    "sub_category",
    "seller",
    "brand",
    "manufacturer",
    "strain_classification",
    "license",
)
# Writable, but of no consequence here: kept as they come and shown again.
PLAIN_FIELDS = frozenset(
    {
        "AVAILABLE_FOR_SAMPLES",
        "allow_fractional_quantities",
        "base_units_per_unit",
        "drop_date",
        "extern_acct_id",
        "extern_income_acct_id",
        "extern_sts_ids",
        "featured",
        "grow_type",
        "manufacturer",
        "product_data_items",
        "reverse_threshold_action",
        "reverse_threshold_value",
        "tagline",
        "threshold_action",
        "threshold_value",
    }
)
LONGEST_NAME, LONGEST_DESCRIPTION = 255, 20_000


def new_product(world: World, body: dict[str, Any], seller_id: int) -> dict[str, Any]:
    """The fields of a product to be made. Raises Invalid: what is missing and what is wrong."""
    missing = {name: ["This field is required."] for name in REQUIRED if _is_empty(body.get(name))}
    given = {name: value for name, value in body.items() if name not in missing}
    return _changes(world, given, seller_id, None, missing)


def product_changes(
    world: World, body: dict[str, Any], seller_id: int, found: Product
) -> dict[str, Any]:
    """The changes a body asks for; `found` is the present product. Raises Invalid."""
    return _changes(world, body, seller_id, found, {})


def _is_empty(value: Any) -> bool:
    return value is None or value == ""


def _changes(
    world: World,
    body: dict[str, Any],
    seller_id: int,
    found: Product | None,
    missing: dict[str, list[str]],
) -> dict[str, Any]:
    def change(name: str, value: Any) -> dict[str, Any]:
        if name == "available_inventory":
            # What is free to sell: the reservations come on top.
            return {"quantity": amount(value) + (stock.reserved(world, found) if found else 0)}
        if name == "sku":
            return {name: _sku(world, value, seller_id, found)}
        if name == "seller" and found is None:
            one_of_ids({seller_id}, value)
            return {}
        if name == "parent":
            parents = {
                p.id
                for p in world.products.values()
                if p.seller_id == seller_id and p is not found and p.parent_id is None
            }
            return {"parent_id": or_null(lambda one: one_of_ids(parents, one))(_id(value))}
        if name == "external_ids":
            present = found.details.get(name, {}) if found else {}
            return {name: external_ids(value, present, world.companies[seller_id])}
        if name in ("brand", "product_line", "license", "strains"):
            return _related(world, name, value, seller_id)
        if name in CHECKS:
            return {name: CHECKS[name](value)}
        return {name: value} if name in PLAIN_FIELDS else {}

    changes, errors = sorted_out(body, change)
    errors = missing | errors
    if "quantity" in body and "available_inventory" in body:
        errors["non_field_errors"] = ["Send either quantity or available_inventory, not both."]
    errors |= _clashes(world, changes, errors, found)
    if errors:
        raise Invalid(errors)
    return changes


# -- values: each raises ValueError with the message for the field ---------------------------


def _id(value: Any) -> Any:
    """The id of a reference, which comes bare or as {"id": …}."""
    return value.get("id") if isinstance(value, dict) else value


def one_of_ids(known: Any, value: Any) -> int:
    """The id that `value` is or has, which must be one of the known."""
    number = _id(value)
    if isinstance(number, int) and not isinstance(number, bool) and number in known:
        return number
    raise ValueError(f'Invalid pk "{number}" - object does not exist.')


def _filled(value: Any) -> str:
    if not text(value, LONGEST_NAME).strip():
        raise ValueError("This field may not be blank.")
    return str(value)


def _sku(world: World, value: Any, seller_id: int, found: Product | None) -> str:
    sku = _filled(value)
    if "," in sku:
        raise ValueError("A SKU can't have a comma.")
    # What was archived doesn't stand in the way: people delete products and make them again.
    for other in world.products.values():
        is_other = other is not found and other.seller_id == seller_id and not other.archived
        if is_other and other.sku == sku:
            raise ValueError("A product with this SKU exists already.")
    return sku


def _units(value: Any) -> str:
    return units(amount(value))


def _related(world: World, name: str, value: Any, seller_id: int) -> dict[str, Any]:
    """A reference to something that must be the seller's own."""
    brands = {brand.id for brand in world.brands.values() if brand.company_id == seller_id}
    if name == "license":
        return {name: one_of_ids({world.companies[seller_id].license_id}, value)}
    if name == "brand":
        return {"brand_id": or_null(lambda one: one_of_ids(brands, one))(_id(value))}
    if name == "product_line":
        lines = {line.id for line in world.product_lines.values() if line.brand_id in brands}
        return {name: or_null(lambda one: one_of_ids(lines, one))(_id(value))}
    if not isinstance(value, list):
        raise ValueError("Expected a list of ids.")
    strains = {strain.id for strain in world.strains.values() if strain.company_id == seller_id}
    return {name: [one_of_ids(strains, one) for one in value]}


CHECKS: dict[str, Callable[[Any], Any]] = {
    "category": lambda value: one_of_ids(CATEGORIES, value),
    "description": lambda value: text(value, LONGEST_DESCRIPTION),
    "inventory_management": lambda value: one_of(1, 2, 3)(whole(value)),
    "listing_state": one_of(*LISTING_STATES),
    "maximum_order": or_null(_units),
    "minimum_order": _units,
    "name": _filled,
    "quantity": amount,
    "retail_price": amount,
    "sale_price": amount,
    "seller_internal_id": lambda value: text(value, LONGEST_NAME),
    "show_quantity": flag,
    "strain_classification": one_of(*STRAIN_CLASSES),
    "sub_category": lambda value: one_of_ids(SUBCATEGORIES, value),
    "unit_denomination": whole,
    "unit_multiplier": whole,
    "unit_of_measure": one_of(*UNITS),
    "wholesale_price": amount,
}


# -- values that must go together -----------------------------------------------------------


def _clashes(
    world: World,
    changes: dict[str, Any],
    errors: dict[str, list[str]],
    found: Product | None,
) -> dict[str, list[str]]:
    """Messages for pairs that don't fit in the product that would result.

    A pair that isn't touched is not looked at, nor one of which half is refused already.
    """
    present = {**found.details, "brand_id": found.brand_id} if found else {}
    after = {**present, **changes}

    def touched(*names: str) -> bool:
        is_refused = any(name.removesuffix("_id") in errors for name in names)
        return any(name in changes for name in names) and not is_refused

    clashes: dict[str, list[str]] = {}
    category, sub_category = after.get("category"), after.get("sub_category")
    if touched("category", "sub_category") and sub_category is not None:
        _, belongs_to = SUBCATEGORIES.get(sub_category, ("", None))
        if belongs_to != category:
            clashes["sub_category"] = ["Sub category does not belong to category."]
    line = world.product_lines.get(after.get("product_line") or 0)
    if touched("brand_id", "product_line") and line and line.brand_id != after.get("brand_id"):
        clashes["product_line"] = ["Product line does not belong to brand."]
    if touched("minimum_order", "maximum_order") and after.get("maximum_order") is not None:
        least = Decimal(after.get("minimum_order") or DEFAULT_MINIMUM)
        if Decimal(after["maximum_order"]) < least:
            clashes["maximum_order"] = ["Ensure maximum order is not below minimum order."]
    return clashes
