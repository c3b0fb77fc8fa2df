"""Metrc in the admin, a module for each group of pages."""

from integrations.metrc.admin import order_panel, transfers

__all__ = ["order_panel", "transfers"]
