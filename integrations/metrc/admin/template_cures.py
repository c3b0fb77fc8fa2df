"""Where each trouble with a template is mended: a link, for those who may follow it."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from integrations.metrc.mapping import troubles
from integrations.metrc.mapping.troubles import Trouble
from integrations.metrc.models import MetrcFacility
from orders.models import SalesOrder


@dataclass(frozen=True)
class Shown:
    """A trouble with its cure; `url` "": there is no page for it, or not for this person. `reads`:
    the cure is a button that has packages read."""

    trouble: Trouble
    label: str = ""
    url: str = ""
    reads: bool = False


def shown(
    request: HttpRequest, order: SalesOrder, facility: MetrcFacility | None, trouble: Trouble
) -> Shown:
    """The trouble with a link to where it is mended."""
    where = trouble.where
    if where == troubles.READ_PACKAGES:
        may = request.user.has_perm("metrc.sync_metrcaccount")
        return Shown(trouble, "Read packages now", reads=may)
    if where == troubles.WEIGHTS:
        return Shown(trouble, "Go to it", "#lb-packages")
    if where and not where.startswith("@"):
        return Shown(trouble, "Go to it", f"#id_{where}")
    label, permission, name, args = _page(where, order, facility)
    if not name or not request.user.has_perm(permission):
        return Shown(trouble)
    back = "?next=" + reverse("admin:metrc_order_template", args=[order.pk])
    return Shown(trouble, label, reverse(f"admin:{name}", args=args) + back)


def _page(
    where: str, order: SalesOrder, facility: MetrcFacility | None
) -> tuple[str, str, str, list[int]]:
    """What the link says, who may follow it, and the page with its arguments."""
    if where == troubles.ACCOUNT and facility:
        account = facility.account_id
        may = "metrc.view_metrcaccount"
        return "Open the Metrc account", may, "metrc_metrcaccount_change", [account]
    if where == troubles.ACCOUNT:
        return "Open Metrc accounts", "metrc.view_metrcaccount", "metrc_metrcaccount_changelist", []
    if where == troubles.DESTINATION and order.destination_id:
        may = "customers.view_destination"
        return "Open the destination", may, "customers_destination_change", [order.destination_id]
    if where == troubles.PACKAGES:
        return "Open its packages", "metrc.view_package", "metrc_order_packages", [order.pk]
    if where == troubles.ITEMS:
        return "Open Metrc items", "metrc.view_metrcitem", "metrc_metrcitem_changelist", []
    if where in (troubles.ORDER, troubles.DESTINATION):
        may = "orders.view_salesorder"
        return "Open the order", may, "orders_salesorder_change", [order.pk]
    return "", "", "", []
