"""Metrc on the page of a sales order: the steps, where each stands, and the next one."""

from django.http import HttpRequest

from integrations.metrc.order_steps import OrderSteps, is_shown, steps_of
from orders.admin import panels
from orders.models import SalesOrder


def _context(request: HttpRequest, order: SalesOrder) -> OrderSteps | None:
    if not (request.user.has_perm("metrc.view_match") and is_shown(order)):
        return None
    return steps_of(order, request)


panels.register(panels.Panel("admin/metrc/order_panel.html", _context))
