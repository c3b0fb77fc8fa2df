"""Metrc in the admin, a module for each group of pages."""

from integrations.metrc.admin import (
    accounts,
    assignment_page,
    items,
    licenses,
    order_panel,
    packages,
    stock,
    template_page,
    templates,
)

__all__ = [
    "accounts",
    "assignment_page",
    "items",
    "licenses",
    "order_panel",
    "packages",
    "stock",
    "template_page",
    "templates",
]
