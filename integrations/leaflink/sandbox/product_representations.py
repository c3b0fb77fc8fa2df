"""Products, and the lists they refer to, as LeafLink really sends them; see `representations`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integrations.leaflink.sandbox import stock
from integrations.leaflink.sandbox.records import Brand, Company, Product, ProductLine, Strain
from integrations.leaflink.sandbox.representations import Json, money, number, time, units

if TYPE_CHECKING:
    from integrations.leaflink.sandbox.world import World

# Denominations other than one are kept out: they don't change what a quantity means.
UNIT_OF_ONE = {"id": 1, "value": "1.00000", "name": "One", "label": "1"}
DEFAULT_MINIMUM = "1.0000"


def brand(row: Brand) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "company": row.company_id,
        "description": "",
        "image": None,
        "banner": None,
    }


def product_line(row: ProductLine) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "brand": row.brand_id,
        "menu_position": row.menu_position,
    }


def strain(row: Strain) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "parents": [],
        "company": row.company_id,
        "strain_classification": row.classification,
    }


def license_of(row: Company) -> Json | None:
    """A company's license, or None."""
    if row.license_id is None:
        return None
    return {
        "id": row.license_id,
        "number": row.license_number,
        "type": "Recreational",
        "display_type": "Adult Use",
        "classification": "Store" if row.is_buyer else "Producer",
    }


def product(world: World, row: Product) -> Json:
    details = row.details
    holder = stock.holder(world, row)
    reserved = stock.reserved(world, row)
    return {
        "id": row.id,
        "created_on": time(row.created_on),
        "last_edit": time(row.last_edit),
        "modified": time(row.modified),
        "drop_date": details.get("drop_date"),
        "dropped": None,
        "name": row.name,
        "display_name": row.name,
        "sku": row.sku,
        "description": details.get("description", row.name),
        "quantity": units(row.quantity),
        "reserved_qty": units(reserved),
        "available_inventory": number(stock.available(world, holder)),
        "unit_multiplier": row.unit_multiplier,
        "unit_of_measure": row.unit_of_measure,
        "sell_in_unit_of_measure": "Case" if row.unit_multiplier > 1 else None,
        "unit_denomination": UNIT_OF_ONE,
        "retail_price": money(row.retail_price),
        "wholesale_price": money(row.wholesale_price),
        "sale_price": money(row.sale_price),
        "minimum_order": details.get("minimum_order", DEFAULT_MINIMUM),
        "maximum_order": details.get("maximum_order"),
        "is_medical_line_item": False,
        "AVAILABLE_FOR_SAMPLES": details.get("AVAILABLE_FOR_SAMPLES", True),
        "allow_fractional_quantities": details.get("allow_fractional_quantities", False),
        "parent": {"id": row.parent_id} if row.parent_id else None,
        "listing_state": row.listing_state,
        "display_listing_state": row.listing_state,
        "inventory_management": row.inventory_management,
        "category": details.get("category"),
        "sub_category": details.get("sub_category"),
        "seller": row.seller_id,
        "seller_internal_id": details.get("seller_internal_id", ""),
        "brand": row.brand_id,
        "product_line": details.get("product_line"),
        "manufacturer": details.get("manufacturer", row.seller_id),
        "strain_classification": details.get("strain_classification", "na"),
        "strains": details.get("strains", []),
        "strain_classification_display": details.get("strain_classification", "na").title(),
        "license": license_of(world.companies[row.seller_id]),
        "children_count": len(world.children.get(row.id, ())),
        "base_units_per_unit": details.get("base_units_per_unit"),
        "external_ids": details.get("external_ids", {}),
        "show_quantity": details.get("show_quantity", False),
        "threshold_value": details.get("threshold_value"),
        "threshold_action": details.get("threshold_action", "default"),
        "reverse_threshold_value": details.get("reverse_threshold_value"),
        "reverse_threshold_action": details.get("reverse_threshold_action", "default"),
        "price_schedule_price": money(row.wholesale_price),
        "discount_percent": 0,
        "extern_acct_id": details.get("extern_acct_id"),
        "extern_income_acct_id": details.get("extern_income_acct_id", ""),
        "extern_sts_ids": details.get("extern_sts_ids"),
        "featured": details.get("featured", False),
        "featured_on_deals": False,
        "has_deals_eligible_children": False,
        "tagline": details.get("tagline"),
        "grow_type": details.get("grow_type"),
        "image_count": 0,
        "is_ancillary": False,
        "s2s_conversion_amount": "1.0000",
        "product_data_items": details.get("product_data_items", []),
    }
