"""LeafLink in the admin, a module for each group of pages."""

from integrations.leaflink.admin import (
    accounts,
    destinations,
    drift,
    items,
    lists,
    orders,
    people,
    products,
    sales_orders,
)

__all__ = [
    "accounts",
    "destinations",
    "drift",
    "items",
    "lists",
    "orders",
    "people",
    "products",
    "sales_orders",
]
