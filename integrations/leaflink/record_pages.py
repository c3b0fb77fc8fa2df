"""Where LeafLink's records are seen here, and which work does again what failed with one."""

import uuid
from collections.abc import Collection

from django.db.models import Model
from django.urls import reverse

from catalog.models import Item
from integrations import records
from integrations.leaflink.models import Customer, Order, Product, Staff
from integrations.leaflink.record_kinds import CUSTOMER, ITEM, NEW_PRODUCT, ORDER, PRODUCT, STAFF
from integrations.leaflink.work_kinds import (
    DETAILS_WORK,
    LISTING_WORK,
    ORDER_WORK,
    PAYMENT_WORK,
    PRODUCT_WORK,
    STATUS_WORK,
)
from integrations.models import WorkItem

Priority = WorkItem.Priority
AGAIN = (
    ("orders", ORDER, ORDER_WORK, Priority.ORDERS),
    ("statuses", ORDER, STATUS_WORK, Priority.ORDERS),
    ("payments", ORDER, PAYMENT_WORK, Priority.ORDERS),
    ("products", PRODUCT, PRODUCT_WORK, Priority.REST),
    ("inventory", ITEM, LISTING_WORK, Priority.STOCK),
    ("details", ITEM, DETAILS_WORK, Priority.REST),
)


def register() -> None:
    """Tell the run pages about LeafLink's records."""
    records.register(ORDER, _orders, "leaflink.view_order")
    records.register(PRODUCT, _of(Product, "leaflink_product"), "leaflink.view_product")
    records.register(CUSTOMER, _of(Customer, "leaflink_customer"), "leaflink.view_customer")
    records.register(STAFF, _of(Staff, "leaflink_staff"), "leaflink.view_staff")
    records.register(ITEM, _items, "catalog.view_item")
    records.register(NEW_PRODUCT, _items_by_sku, "catalog.view_item")
    for run_kind, record_kind, work_kind, priority in AGAIN:
        records.register_again(run_kind, record_kind, work_kind, priority)


def _page(page: str, pk: int, name: str) -> records.Page:
    return records.Page(reverse(f"admin:{page}_change", args=[pk]), name)


def _numbers(keys: Collection[str]) -> list[int]:
    return [int(key) for key in keys if key.isascii() and key.isdigit() and len(key) < 19]


def _of(model: type[Model], page: str) -> records.Finder:
    """Finds mirrors by LeafLink's id."""

    def find(connection_id: int, keys: Collection[str]) -> dict[str, records.Page]:
        rows = model._default_manager.filter(account=connection_id, remote_id__in=_numbers(keys))
        found = rows.values_list("pk", "remote_id", "name")
        return {str(key): _page(page, pk, name or str(key)) for pk, key, name in found}

    return find


def _orders(connection_id: int, keys: Collection[str]) -> dict[str, records.Page]:
    numbers = list(filter(None, map(as_number, keys)))
    rows = Order.objects.filter(account=connection_id, number__in=numbers)
    found = rows.values_list("pk", "number", "short_id")
    return {str(key): _page("leaflink_order", pk, f"Order {name}") for pk, key, name in found}


def as_number(key: str) -> uuid.UUID | None:
    """An order's number, None for what is none (LeafLink was asked for something else)."""
    try:
        return uuid.UUID(key)
    except ValueError:
        return None


def _items(connection_id: int, keys: Collection[str]) -> dict[str, records.Page]:
    rows = Item.objects.filter(pk__in=_numbers(keys))
    return {str(pk): _page("catalog_item", pk, sku) for pk, sku in rows.values_list("pk", "sku")}


def _items_by_sku(connection_id: int, keys: Collection[str]) -> dict[str, records.Page]:
    rows = Item.objects.filter(sku__in=list(keys))
    return {sku: _page("catalog_item", pk, sku) for pk, sku in rows.values_list("pk", "sku")}
