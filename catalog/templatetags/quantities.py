"""Quantities as people read them in templates."""

from typing import Any

from django import template

from catalog.decimals import units as rounded
from catalog.decimals import with_thousands

register = template.Library()


@register.filter
def units(value: Any) -> str:
    """Base units with thousands and without trailing zeros; "" for none."""
    return "" if value is None else with_thousands(rounded(value))
