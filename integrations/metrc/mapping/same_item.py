"""Which item of ours a Metrc item certainly is, by its name."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# A shorter SKU stands in too many names by chance.
SHORTEST_SKU = 5


@dataclass(frozen=True)
class Ours:
    """An item of ours."""

    pk: int
    name: str
    sku: str


def same_item(names: Iterable[str], items: Sequence[Ours]) -> dict[str, int]:
    """By name of a Metrc item the item of ours that it certainly is; others are left out.

    The item of the same name, in any capitals; else the item whose SKU stands in the name as a word
    of its own. Where several could be meant none is.
    """
    by_name: dict[str, set[int]] = {}
    by_sku: dict[str, set[int]] = {}
    for item in items:
        by_name.setdefault(_plain(item.name), set()).add(item.pk)
        if _is_telling(item.sku.strip()):
            by_sku.setdefault(_plain(item.sku), set()).add(item.pk)
    found = {}
    for name in names:
        same = by_name.get(_plain(name)) or _with_sku(_plain(name), by_sku)
        if len(same) == 1:
            found[name] = next(iter(same))
    return found


def _is_telling(sku: str) -> bool:
    """Whether it stands in no name by chance: "100" and "GMO" (a strain) do."""
    kinds = (any(map(str.isdigit, sku)), any(map(str.isalpha, sku)))
    return len(sku) >= SHORTEST_SKU and all(kinds)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _with_sku(name: str, by_sku: dict[str, set[int]]) -> set[int]:
    """The items whose SKU stands in a name; of SKUs within each other only the longest counts."""
    inside = [sku for sku in by_sku if sku in name and _is_word(sku, name)]
    longest = [sku for sku in inside if not any(sku != one and sku in one for one in inside)]
    return {pk for sku in longest for pk in by_sku[sku]}


def _is_word(sku: str, name: str) -> bool:
    # "GUM-1" is not in "GUM-10", nor "1-GUM" in "11-GUM".
    return re.search(rf"(?<![\w-]){re.escape(sku)}(?![\w-])", name) is not None
