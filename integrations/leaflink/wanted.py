"""What we want LeafLink to show for an item: the offer's own words, else the item's.

A field that neither says anything about is left out: it is LeafLink's to keep.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from catalog.decimals import plain
from catalog.models import Item, Strain, UnitOfMeasure
from integrations.leaflink.mapping import product_fields
from integrations.leaflink.mapping.prices import per_selling_unit
from integrations.leaflink.mapping.product_fields import Rules, Value
from integrations.leaflink.models import Account, AccountBrand, ListEntry, Offer
from integrations.leaflink.models.offers import ENTRY_FIELDS

List = ListEntry.List
# LeafLink's advice for a product without limits.
NO_MINIMUM, NO_MAXIMUM = "0.01", "100000"
# Which list an id in a field is of.
LISTS = {
    "brand": List.BRAND,
    "product_line": List.PRODUCT_LINE,
    "category": List.CATEGORY,
    "sub_category": List.SUBCATEGORY,
    "license": List.LICENSE,
    "strains": List.STRAIN,
}


def leaflink_unit(unit_of_measure: str) -> str:
    """LeafLink's unit for one of ours: those it doesn't know are sold as "Unit"."""
    return "Unit" if unit_of_measure == UnitOfMeasure.FLUID_OUNCE else unit_of_measure


def rules_of(account: Account) -> Rules:
    """The account's rules as far as fields are concerned."""
    return Rules(
        details=account.push_details, prices=account.sync_prices, stock=account.push_inventory
    )


def offer_of(item: Item) -> Offer:
    """The item's offer; where there is none yet, one that says nothing (not saved)."""
    found: Offer | None = getattr(item, "offer", None)
    return found or Offer(item=item)


@dataclass
class Lists:
    """LeafLink's lists of one account, loaded once for any number of items."""

    entries: dict[tuple[str, int], ListEntry] = field(default_factory=dict)
    _by_name: dict[tuple[str, str, int | None], int] = field(default_factory=dict)
    _chosen_brands: dict[int, int] = field(default_factory=dict)
    _license: int | None = None

    @classmethod
    def of(cls, account: Account) -> "Lists":
        """Read them, in three queries."""
        lists = cls()
        rows = list(ListEntry.objects.filter(account=account, gone_at__isnull=True))
        for entry in rows:
            lists.entries[(entry.list, entry.remote_id)] = entry
            lists._by_name.setdefault(_key(entry), entry.remote_id)
        chosen = AccountBrand.objects.filter(account=account, leaflink_brand__isnull=False)
        for brand_id, remote_id in chosen.values_list("brand", "leaflink_brand__remote_id"):
            lists._chosen_brands[brand_id] = remote_id
        licenses = [entry for entry in rows if entry.list == List.LICENSE]
        facility = account.default_facility
        fitting = [e for e in licenses if facility and e.name == facility.license_number]
        if len(licenses) == 1 or fitting:
            lists._license = (fitting or licenses)[0].remote_id
        return lists

    def name(self, field_name: str, remote_id: Any) -> str:
        """What people call the entry with this id in this field."""
        entry = self.entries.get((LISTS[field_name], remote_id))
        return entry.name if entry else f"not in LeafLink's list (number {remote_id})"

    def find(self, kind: str, name: str, parent: int | None = None) -> int | None:
        """LeafLink's id of the entry with this name (capitals don't count)."""
        return self._by_name.get((kind, name.strip().casefold(), parent))

    def brand_of(self, item: Item) -> int | None:
        """The LeafLink brand that was chosen for the item's brand, else the one of its name."""
        return self._chosen_brands.get(item.brand_id) or self.find(List.BRAND, item.brand.name)

    @property
    def license(self) -> int | None:
        """The license when there is only one, or the default facility's."""
        return self._license


def _key(entry: ListEntry) -> tuple[str, str, int | None]:
    # Only product lines can have the same name under several parents and be told by it.
    parent = entry.parent_remote_id if entry.list == List.PRODUCT_LINE else None
    return entry.list, entry.name.strip().casefold(), parent


def from_item(item: Item, lists: Lists) -> dict[str, Value]:
    """What each field is when the offer leaves it blank, but for prices; unsaid ones left out."""
    brand = lists.brand_of(item)
    line, strain = item.product_line, item.strain
    found: dict[str, Value | None] = {
        "name": item.name,
        "sku": item.sku,
        "brand": brand,
        "product_line": lists.find(List.PRODUCT_LINE, line.name, brand) if line else None,
        "license": lists.license,
        "strain_classification": strain.classification if strain else "na",
        "unit_of_measure": leaflink_unit(item.unit_of_measure),
        "unit_multiplier": item.case_size,
    }
    strain_id = lists.find(List.STRAIN, strain.name) if strain else None
    if strain_id:
        found["strains"] = [strain_id]
    return {name: value for name, value in found.items() if value is not None}


def wanted(item: Item, offer: Offer, lists: Lists) -> dict[str, Value]:
    """What we want in each field but prices; fields that nobody says anything about left out."""
    values = from_item(item, lists)
    for name in ("name", "sku", "strain_classification"):
        if own := getattr(offer, name):
            values[name] = own
    if description := offer.description or item.description:
        values["description"] = description
    for name in ("brand", "product_line", "category", "license"):
        entry = getattr(offer, name)
        if entry:
            values[name] = entry.remote_id
    if offer.brand and not offer.product_line and item.product_line:
        # The item's line has to be looked up under the brand that was chosen.
        found = lists.find(List.PRODUCT_LINE, item.product_line.name, offer.brand.remote_id)
        values.pop("product_line", None)
        if found:
            values["product_line"] = found
    if offer.subcategory:
        values["sub_category"] = offer.subcategory.remote_id
    if offer.strain:
        values["strains"] = [offer.strain.remote_id]
    values["unit_multiplier"] = case_size(item, offer)
    for name in ("minimum_order", "maximum_order"):
        if getattr(offer, name) is not None:
            values[name] = product_fields.quantity(getattr(offer, name))
    if offer.show_quantity is not None:
        values["show_quantity"] = offer.show_quantity
    values["inventory_management"] = "2" if offer.mode == Offer.Mode.UNLIMITED else "1"
    return values


def said(item: Item, offer: Offer, values: dict[str, Value]) -> dict[str, Value]:
    """What we say in each field in our own words, None for nothing.

    Of a brand, line or strain that was looked up in LeafLink's lists that is its name; of a price
    what it is per base unit here, whatever case LeafLink sells; else the value itself.
    """
    found: dict[str, Value] = {name: values.get(name) for name in product_fields.BY_NAME}
    if not offer.brand:
        found["brand"] = item.brand.name
    if not offer.product_line:
        found["product_line"] = item.product_line.name if item.product_line else None
    if not offer.strain:
        found["strains"] = item.strain.name if item.strain else None
    if not offer.license:
        found["license"] = "the account's"
    for name in ("wholesale_price", "sale_price", "retail_price"):
        own, per_unit = getattr(offer, name), getattr(item, name)
        found[name] = plain(own) if own is not None else f"{plain(per_unit or Decimal(0))} a unit"
    return found


def case_size(item: Item, offer: Offer) -> int:
    """Base units that buyers order at once: a case's, or 1."""
    size = offer.units_per_case or item.case_size
    by_case = offer.sell_in_cases if offer.sell_in_cases is not None else size > 1
    return size if by_case else 1


def wanted_prices(item: Item, offer: Offer, selling_unit: int) -> dict[str, Value]:
    """Our prices as LeafLink should show them, for selling units of so many base units."""

    def price(own: Decimal | None, per_unit: Decimal | None, size: int) -> str:
        found = own if own is not None else per_selling_unit(per_unit or Decimal(0), size)
        return product_fields.amount(found)

    return {
        "wholesale_price": price(offer.wholesale_price, item.wholesale_price, selling_unit),
        "sale_price": price(offer.sale_price, item.sale_price, selling_unit),
        "retail_price": price(offer.retail_price, item.retail_price, 1),
    }


def for_creation(item: Item, offer: Offer, lists: Lists) -> dict[str, Value]:
    """All that a new product of this item would show."""
    values = wanted(item, offer, lists)
    return {
        # LeafLink wants a description, and advises the name where there is none.
        "description": values["name"],
        "minimum_order": NO_MINIMUM,
        "maximum_order": NO_MAXIMUM,
        **values,
        **wanted_prices(item, offer, case_size(item, offer)),
    }


def missing(item: Item, values: dict[str, Value]) -> list[str]:
    """What a new product of the item still lacks, in words that say what to do."""
    cures = {
        "category": "Choose a category.",
        "sub_category": "Choose a subcategory.",
        "license": "Choose a license: without one buyers can't see the product.",
        "brand": "Choose the LeafLink brand: none there has this brand's name.",
    }
    lacking = [
        cures.get(found.name, f"{found.label} is missing.")
        for found in product_fields.FIELDS
        if found.required and values.get(found.name) in (None, "")
    ]
    if values.get("wholesale_price") == "0.00" and not item.is_sample:
        lacking.append("Give it a wholesale price: buyers could order it for nothing.")
    return lacking


def in_words(field_name: str, value: Value, lists: Lists) -> str:
    """A field's value as a person reads it."""
    if value is None or value == "" or value == []:
        return "–"
    if field_name == "strains" and isinstance(value, list):
        return ", ".join(lists.name(field_name, one) for one in value)
    if field_name in LISTS:
        return lists.name(field_name, value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if field_name in ("wholesale_price", "sale_price", "retail_price"):
        return f"${value}"
    if field_name == "strain_classification":
        return dict(Strain.Classification.choices).get(str(value), str(value))
    if field_name == "inventory_management":
        return product_fields.INVENTORY_NAMES.get(str(value), str(value))
    return str(value)


def with_parts(items: Any) -> Any:
    """The query with all that `wanted` reads of an item, so that nothing is asked for per row."""
    names = ["brand__leaflink", "product_line", "strain", "offer"]
    return items.select_related(*names, *(f"offer__{name}" for name in ENTRY_FIELDS))
