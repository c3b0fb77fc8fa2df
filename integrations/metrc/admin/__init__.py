"""Metrc in the admin, a module for each group of pages."""

from integrations.metrc.admin import accounts, order_panel

__all__ = ["accounts", "order_panel"]
