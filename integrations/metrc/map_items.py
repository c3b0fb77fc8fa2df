"""Which item of ours each Metrc item is, and which lot of ours each package is.

Metrc: a package repeats its item's name; names are unique within a license. Lots here often carry
the package's tag as their number, else its production batch.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from catalog.models import Item, Lot
from integrations.metrc.mapping.same_item import Ours, same_item
from integrations.metrc.models import MetrcAccount, MetrcItem, Package

AT_A_TIME = 500


def match_items(account: MetrcAccount) -> int:
    """Map the account's unmapped Metrc items whose item of ours is certain: the one of the same
    name, else the only one whose SKU stands in the name. Returns how many; their packages meet
    their lots."""
    unmapped = list(MetrcItem.objects.filter(account=account, item__isnull=True))
    if not unmapped:
        return 0
    ours = [Ours(*row) for row in Item.objects.order_by().values_list("pk", "name", "sku")]
    found = same_item([one.name for one in unmapped], ours)
    mapped = 0
    for one in unmapped:
        if item_id := found.get(one.name):
            # Whoever has chosen meanwhile was a person.
            rows = MetrcItem.objects.filter(pk=one.pk, item__isnull=True)
            mapped += rows.update(item=item_id)
    if mapped:
        meet_lots(Package.objects.filter(metrc_item__in=[one.pk for one in unmapped]))
    return mapped


def map_item(metrc_item: MetrcItem, item: Item | None) -> None:
    """Say which item of ours a Metrc item is, or that it is none; its packages meet their lots."""
    with transaction.atomic():
        MetrcItem.objects.filter(pk=metrc_item.pk).update(item=item)
        meet_lots(Package.objects.filter(metrc_item=metrc_item.pk))
    metrc_item.item = item


def meet_lots(packages: QuerySet[Package]) -> int:
    """Set the lot of these packages anew; returns how many changed. Two queries, and one for each
    lot that packages are given or lose."""
    rows = list(
        packages.order_by().values_list("pk", "lot", "label", "batch_number", "metrc_item__item")
    )
    lots = LotsByNumber({item for *_, item in rows if item})
    wanted: dict[int | None, list[int]] = {}
    for pk, lot, label, batch, item in rows:
        new = lots.find(item, label, batch)
        if new != lot:
            wanted.setdefault(new, []).append(pk)
    for new, pks in wanted.items():
        for start in range(0, len(pks), AT_A_TIME):
            Package.objects.filter(pk__in=pks[start : start + AT_A_TIME]).update(lot=new)
    return sum(map(len, wanted.values()))


def meet_lots_of(items: Iterable[int]) -> int:
    """The same for all packages of these items of ours: their lots may be new, or renamed."""
    return meet_lots(Package.objects.filter(metrc_item__item__in=set(items)))


class LotsByNumber:
    """The lots of some items, read once, by number in any capitals."""

    def __init__(self, items: Iterable[int]) -> None:
        self._found: dict[tuple[int, str], int] = {}
        wanted = sorted(items)
        rows: Sequence[Any] = ()
        if wanted:
            lots = Lot.objects.filter(item__in=wanted).order_by("-pk")
            rows = list(lots.values_list("item", "number", "pk"))
        for item, number, pk in rows:  # the oldest last, so that it counts
            self._found[item, number.strip().casefold()] = pk

    def find(self, item: int | None, label: str, batch: str) -> int | None:
        """The lot of the item whose number is the tag, else the production batch."""
        if item is None:
            return None
        numbers = [one.strip().casefold() for one in (label, batch) if one.strip()]
        return next((pk for n in numbers if (pk := self._found.get((item, n)))), None)
