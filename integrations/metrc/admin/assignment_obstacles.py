"""What keeps packages from being assigned to an order at all, each with a link to its cure."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from integrations.metrc.assign_packages import LineSuggestion
from integrations.metrc.models import MetrcFacility, MetrcItem
from orders.models import SalesOrder


@dataclass(frozen=True)
class Obstacle:
    """In words; `link` names the page that mends it, for those who have the permission."""

    text: str
    link: str = ""
    url: str = ""
    permission: str = "metrc.view_package"


def obstacles_of(
    order: SalesOrder, lines: Sequence[LineSuggestion], facility: MetrcFacility | None
) -> list[Obstacle]:
    """All of them; [] when packages can be chosen for every line."""
    if facility is None:
        return [_not_connected(order)]
    found = []
    if facility.packages_until is None:
        found.append(
            Obstacle(
                f"Packages of {facility} have not been read yet.",
                f"Read them under {facility.account}",
                reverse("admin:metrc_metrcaccount_change", args=[facility.account_id]),
                "metrc.view_metrcaccount",
            )
        )
    items = {one.line.item_id: one.line for one in lines if one.line.item_id and one.left}
    mapped = set(
        MetrcItem.objects.filter(account=facility.account_id, item__in=items).values_list(
            "item", flat=True
        )
    )
    for item_id, line in items.items():
        if item_id not in mapped:
            found.append(
                Obstacle(
                    f"No Metrc item is mapped to {line.item}, so none of its packages is known.",
                    "Map Metrc's items",
                    reverse("admin:metrc_metrcitem_map"),
                    "metrc.change_metrcitem",
                )
            )
    found += [
        Obstacle(f"{one.line.name} ({one.line.sku}) is no item here, so no package is its.")
        for one in lines
        if one.line.item_id is None
    ]
    return found


def _not_connected(order: SalesOrder) -> Obstacle:
    if order.facility is None:
        return Obstacle(
            "The order has no facility yet, so there are no packages to choose from. Move it to "
            "the facility that ships it.",
            "To the order",
            reverse("admin:orders_salesorder_change", args=[order.pk]),
            "orders.view_salesorder",
        )
    return Obstacle(
        f"{order.facility} is not connected with Metrc: no license in Metrc is mapped to it.",
        "Map it under Metrc accounts",
        reverse("admin:metrc_metrcaccount_changelist"),
        "metrc.view_metrcaccount",
    )
