"""LeafLink in the admin, a module for each group of pages."""

from integrations.leaflink.admin import accounts, orders, people, products

__all__ = ["accounts", "orders", "people", "products"]
