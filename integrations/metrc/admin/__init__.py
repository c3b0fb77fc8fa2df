"""Metrc in the admin, a module for each group of pages."""

from integrations.metrc.admin import (
    accounts,
    items,
    order_panel,
    packages,
    stock,
    templates,
    transfers,
)

__all__ = [
    "accounts",
    "items",
    "order_panel",
    "packages",
    "stock",
    "templates",
    "transfers",
]
