"""What outer apps show on the page of a sales order, below what can be done with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from orders.models import SalesOrder


@dataclass(frozen=True)
class Panel:
    """`context` gives what `template` needs, under the name `panel`; None: nothing is shown."""

    template: str
    context: Callable[[HttpRequest, SalesOrder], Any]


_panels: list[Panel] = []


def register(panel: Panel) -> None:
    """Show a panel on every order's page; once, however often it is asked for."""
    if panel not in _panels:
        _panels.append(panel)


def shown(request: HttpRequest, order: SalesOrder) -> list[dict[str, Any]]:
    """The panels of an order's page that have something to show to this person."""
    found = ((panel.template, panel.context(request, order)) for panel in _panels)
    return [{"template": template, "panel": one} for template, one in found if one is not None]
