"""Suggestions for mapping: the items of ours that are called most alike a Metrc item."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from rapidfuzz import fuzz, process, utils

from catalog.models import Item
from integrations.metrc.mapping.units import comparable
from integrations.metrc.models import MetrcItem, Package

# Below this nobody would call them the same.
WORTH_SHOWING = 60
MOST = 5
ACTIVE = Q(packages__place=Package.Place.ACTIVE)


@dataclass(frozen=True)
class Likely:
    """An item that a Metrc item may be; `fits`: its packages can be counted in the item's unit."""

    item: Item
    fits: bool


@dataclass
class Unmapped:
    metrc_item: MetrcItem
    likely: list[Likely] = field(default_factory=list)


def with_packages() -> QuerySet[Any, Any]:
    """Metrc items, each with `waiting` packages on the shelf that hold `amount` in Metrc's unit."""
    return MetrcItem.objects.annotate(
        waiting=Count("packages", filter=ACTIVE),
        amount=Coalesce(Sum("packages__quantity", filter=ACTIVE), Decimal(0)),
    )


def unmapped(most: int) -> list[Unmapped]:
    """The unmapped Metrc items with the most packages, each with the likest items of ours, best
    first. The number of queries is the same for any number of them."""
    rows = with_packages().filter(item__isnull=True).select_related("account")
    found = list(rows.order_by("-waiting", "name", "pk")[:most])
    return suggestions(found)


def suggestions(metrc_items: Sequence[MetrcItem]) -> list[Unmapped]:
    """Each of these with the items of ours whose name is likest. Only their own names count."""
    names = dict(
        Item.objects.filter(is_active=True).order_by("name", "pk").values_list("pk", "name")
    )
    by_metrc_item = {
        one.pk: [
            pk
            for _, _, pk in process.extract(
                one.name,
                names,
                scorer=fuzz.token_set_ratio,
                processor=utils.default_process,
                score_cutoff=WORTH_SHOWING,
                limit=MOST,
            )
        ]
        for one in metrc_items
    }
    wanted = {pk for pks in by_metrc_item.values() for pk in pks}
    items = Item.objects.in_bulk(wanted)
    return [
        Unmapped(
            one,
            [
                Likely(items[pk], comparable(one.unit, items[pk].unit_of_measure))
                for pk in by_metrc_item[one.pk]
            ],
        )
        for one in metrc_items
    ]
