"""Linked items against their products, field by field: what is to be sent, taken, or decided.

Ours, LeafLink's and the last agreed value are compared for all listings at once, in a constant
number of queries; only what changed is written. Nothing here calls LeafLink.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import transaction

from catalog.models import Item
from integrations.leaflink.check_links import AWAY, replacements, trouble_of
from integrations.leaflink.chunks import in_chunks
from integrations.leaflink.mapping.prices import per_base_unit
from integrations.leaflink.mapping.product_fields import (
    BY_NAME,
    FIELDS,
    LABELS,
    MOVED,
    PRICE_OF_A_CASE,
    Decision,
    Owner,
    Pair,
    Rules,
    Value,
    decide,
)
from integrations.leaflink.models import Account, Listing
from integrations.leaflink.models.offers import ENTRY_FIELDS
from integrations.leaflink.wanted import (
    Lists,
    offer_of,
    rules_of,
    said,
    wanted,
    wanted_prices,
)

Standing = Listing.Standing
PRICE_SET = set(PRICE_OF_A_CASE)
UNDECIDED_CASE = (Decision.CONFLICT, Decision.SEND, Decision.MOVED_THERE)
COLUMNS = ("agreed", "standing", "differences", "trouble", "replacement")


@dataclass
class Comparison:
    """One listing compared. `decisions` holds the fields that don't agree."""

    listing: Listing
    ours: dict[str, Value]
    # Ours in our own words, by which it is told whether we changed anything.
    said: dict[str, Value] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)

    @property
    def theirs(self) -> dict[str, Value]:
        """What LeafLink showed when it was last read."""
        shown: dict[str, Value] = self.listing.product.shown
        return shown

    def to_send(self) -> dict[str, Value]:
        """Our values that LeafLink should be told."""
        return {
            name: self.ours[name] for name, what in self.decisions.items() if what is Decision.SEND
        }

    def unrefused(self) -> dict[str, Value]:
        """What is to be sent and was not refused as it is now: of that a person has the reason."""
        refused, values = self.listing.refused_details, self.to_send()
        bad = {name for name, value in values.items() if name in refused and refused[name] == value}
        return {k: v for k, v in values.items() if k not in all_or_none(bad, values)}

    def to_take(self) -> dict[str, Value]:
        """LeafLink's values that we should take over; none over a link that is broken."""
        if trouble_of(self.listing):
            return {}
        return {
            name: self.theirs[name]
            for name, what in self.decisions.items()
            if what is Decision.TAKE
        }


def all_or_none(bad: Collection[str], values: dict[str, Value]) -> set[str]:
    """`bad`, with all of a new case size and its prices when one of them is bad: half of that
    would be a wrong price."""
    whole = PRICE_SET & set(values)
    return set(bad) | whole if "unit_multiplier" in values and whole & set(bad) else set(bad)


def compare_one(listing: Listing, lists: Lists, rules: Rules) -> Comparison:
    """Compare a listing that came with all its parts. Pure but for what it is given."""
    item, theirs = listing.item, listing.product.shown
    offer = offer_of(item)
    ours = wanted(item, offer, lists)
    found = Comparison(listing, ours)
    if not theirs or listing.product.problem:
        return found  # never read since these fields are kept, or unreadable: nothing to compare

    def look_at(name: str) -> Decision:
        pair = listing.agreed.get(name)
        agreed: Pair | None = (pair[0], pair[1]) if pair else None
        what = decide(BY_NAME[name], ours[name], theirs.get(name), agreed, rules, found.said[name])
        if what is not Decision.AGREES:
            found.decisions[name] = what
        return what

    found.said = said(item, offer, ours)
    sends_cases = look_at("unit_multiplier") is Decision.SEND
    selling_unit = ours["unit_multiplier"] if sends_cases else theirs["unit_multiplier"]
    assert isinstance(selling_unit, int)
    ours.update(wanted_prices(item, offer, selling_unit))
    for one in FIELDS:
        if one.name in ours and one.owner is not Owner.CASES:
            look_at(one.name)
    _cases_only_with_prices(found)
    return found


def _cases_only_with_prices(found: Comparison) -> None:
    """A new case size goes with the price that belongs to it, or not at all: half of that would be
    a wrong price."""
    prices = PRICE_SET - {"unit_multiplier"}
    case = found.decisions.get("unit_multiplier")
    if case is Decision.MOVED_THERE:
        # A price of theirs is for a case that nobody has agreed to yet.
        taken = [name for name in prices if found.decisions.get(name) is Decision.TAKE]
        found.decisions |= dict.fromkeys(taken, Decision.CONFLICT)
    elif case is not Decision.SEND:
        return
    elif any(found.decisions.get(name) in (Decision.CONFLICT, Decision.TAKE) for name in prices):
        found.decisions |= dict.fromkeys(PRICE_SET & set(found.decisions), Decision.CONFLICT)
    else:
        found.decisions |= dict.fromkeys(prices & set(found.decisions), Decision.SEND)


def listings_with_parts(account: Account) -> Any:
    """The account's listings with all that a comparison reads."""
    parts = ["item__brand__leaflink", "item__product_line", "item__strain", "item__offer"]
    entries = [f"item__offer__{name}" for name in ENTRY_FIELDS]
    return (
        Listing.objects.filter(product__account=account)
        .select_related("product__account", *parts, *entries)
        .defer("product__raw")
        .order_by("pk")
    )


def compare(account: Account, listing_ids: Collection[int] | None = None) -> list[Comparison]:
    """Compare all of an account's listings, or these; nothing is changed."""
    rows = listings_with_parts(account)
    parts = (
        [rows] if listing_ids is None else [rows.filter(pk__in=x) for x in in_chunks(listing_ids)]
    )
    lists, rules = Lists.of(account), rules_of(account)
    return [compare_one(listing, lists, rules) for part in parts for listing in part]


def settle(account: Account, listing_ids: Collection[int] | None = None) -> int:
    """Compare, take over what only LeafLink changed, and note on each listing where it stands.

    Returns how many listings changed. Those that need a change are locked, then read once more.
    """
    found = compare(account, listing_ids)
    anew = replacements(account, [one.listing for one in found])
    news = [
        one.listing.pk
        for one in found
        if one.to_take() or _columns(one, anew) != _present(one.listing)
    ]
    for chunk in in_chunks(news):
        _settle_chunk(account, chunk, anew)
    return len(news)


def lock(listing_ids: Collection[int]) -> None:
    """Lock these listings until the transaction ends, their items first.

    Every verb that changes items, offers or listings locks in this order (an offer is its item's),
    so that two of them never wait for each other in a circle.
    """
    items = Item.objects.filter(listing__in=list(listing_ids)).order_by("pk")
    list(items.select_for_update(of=("self",)).values_list("pk"))
    listings = Listing.objects.filter(pk__in=list(listing_ids)).order_by("pk")
    list(listings.select_for_update().values_list("pk"))


@transaction.atomic
def _settle_chunk(account: Account, listing_ids: Collection[int], anew: dict[int, int]) -> None:
    lock(listing_ids)
    lists, rules = Lists.of(account), rules_of(account)
    rows = listings_with_parts(account).filter(pk__in=listing_ids)
    changed = []
    for listing in rows:
        found = compare_one(listing, lists, rules)
        if found.to_take():
            _take(found)
            found = compare_one(listing, lists, rules)
        for name, value in zip(COLUMNS, _columns(found, anew), strict=True):
            setattr(listing, "replacement_id" if name == "replacement" else name, value)
        changed.append(listing)
    Listing.objects.bulk_update(changed, [*COLUMNS, "lately"])


def _take(found: Comparison) -> None:
    """Take LeafLink's prices over: into the offer where it has a price of its own, or where a
    price per base unit could not hold it to the cent; else into the item."""
    listing, item = found.listing, found.listing.item
    offer = offer_of(item)
    size = found.theirs["unit_multiplier"]
    assert isinstance(size, int)
    on_item: list[str] = []
    on_offer: list[str] = []
    for name, value in found.to_take().items():
        price = Decimal(str(value))
        unit = per_base_unit(price, 1 if name == "retail_price" else size)
        if getattr(offer, name) is not None or unit is None:
            setattr(offer, name, price)
            on_offer.append(name)
        else:
            is_no_sale = name == "sale_price" and not price
            setattr(item, name, None if is_no_sale else unit)
            on_item.append(name)
    words = said(item, offer, found.ours)
    for name, value in found.to_take().items():
        listing.agreed[name] = [words[name], value]
        before = found.ours[name]
        listing.note(f"{LABELS[name]} ${before} → ${value}, taken over from LeafLink")
    if on_item:
        item.save(update_fields=[*on_item, "updated_at"])
    if on_offer:
        if offer.pk:
            offer.save(update_fields=on_offer)
        else:
            offer.enabled = True
            offer.save()
            item.offer = offer


def _columns(found: Comparison, anew: dict[int, int]) -> tuple[Any, ...]:
    """What the listing's columns should hold, in the order of COLUMNS."""
    listing = found.listing
    agreed = dict(listing.agreed)
    for name, ours in found.said.items():
        what = found.decisions.get(name, Decision.AGREES)
        if what in (Decision.AGREES, Decision.DIFFERS):
            agreed[name] = [ours, found.theirs.get(name)]
    rows = [
        {
            "field": name,
            "ours": found.ours[name],
            "theirs": found.theirs.get(name),
            "decision": what.value,
        }
        for name, what in found.decisions.items()
    ]
    trouble = trouble_of(listing)
    replacement = anew.get(listing.pk) if trouble in AWAY else None
    return agreed, _standing(found), rows, trouble, replacement


def _present(listing: Listing) -> tuple[Any, ...]:
    return (
        listing.agreed,
        listing.standing,
        listing.differences,
        listing.trouble,
        listing.replacement_id,
    )


def _standing(found: Comparison) -> str:
    decisions = set(found.decisions.values())
    if found.to_send() and not found.unrefused():
        return Standing.REFUSED
    for what, standing in (
        (Decision.CONFLICT, Standing.CONFLICT),
        (Decision.MOVED_THERE, Standing.OUT_OF_STEP),
        (Decision.SEND, Standing.TO_SEND),
        (Decision.DIFFERS, Standing.DIFFERS),
    ):
        if what in decisions:
            return standing
    return Standing.IN_STEP


Choices = dict[int, Collection[str]]


def send_ours(account: Account, choices: Choices) -> None:
    """A person wants ours in LeafLink, by listing id the fields: they count as moved here alone."""
    _agree(account, choices, lambda one, ours, theirs: [MOVED, theirs])


def keep_theirs(account: Account, choices: Choices) -> None:
    """A person keeps LeafLink's: prices count as moved there alone, other fields may differ."""
    _agree(
        account,
        choices,
        lambda one, ours, theirs: [ours, MOVED if one.owner is Owner.PRICES else theirs],
    )


def _agree(account: Account, choices: Choices, pair: Any) -> None:
    """Note the choices, and compare anew. A listing that was unlinked meanwhile is passed over."""
    for chunk in in_chunks(choices):
        with transaction.atomic():
            lock(chunk)
            found = compare(account, chunk)
            for one in found:
                _choose(one, choices[one.listing.pk], pair)
            Listing.objects.bulk_update(
                [one.listing for one in found], ["agreed", "refused_details", "refusals"]
            )
            settle(account, chunk)


def _choose(found: Comparison, names: Collection[str], pair: Any) -> None:
    listing, chosen = found.listing, set(names)
    if found.decisions.get("unit_multiplier") in UNDECIDED_CASE and chosen & PRICE_SET:
        chosen |= PRICE_SET  # a case size and its price are one thing
    for name in chosen & set(found.decisions):
        listing.agreed[name] = pair(BY_NAME[name], found.said[name], found.theirs.get(name))
    # What LeafLink refused before may be tried once more.
    listing.refused_details = {k: v for k, v in listing.refused_details.items() if k not in chosen}
    listing.refusals = {k: v for k, v in listing.refusals.items() if k and k not in chosen}
