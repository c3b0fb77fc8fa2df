"""Metrc in the admin, a module for each group of pages."""

from integrations.metrc.admin import items, order_panel, packages, stock

__all__ = ["items", "order_panel", "packages", "stock"]
