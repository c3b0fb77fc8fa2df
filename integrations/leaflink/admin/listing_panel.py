"""Where an item stands with LeafLink, as the item's and the link's page show it."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from catalog.models import Item
from integrations.leaflink import create_product
from integrations.leaflink.compare_listings import compare
from integrations.leaflink.mapping.product_fields import BY_NAME, LABELS, Decision, is_ours
from integrations.leaflink.models import Listing
from integrations.leaflink.wanted import (
    Lists,
    in_words,
    leaflink_unit,
    offer_of,
    rules_of,
    with_parts,
)

# What a decision means to a person, with the colour of its chip.
WORDS = {
    Decision.SEND: ("Will be sent", "info"),
    Decision.TAKE: ("Will be taken over here", "info"),
    Decision.MOVED_THERE: ("Changed in LeafLink", "warning"),
    Decision.CONFLICT: ("Changed on both sides", "danger"),
    Decision.DIFFERS: ("Differs, and is left so", "default"),
}
TROUBLES = {
    Listing.Trouble.GONE: "LeafLink no longer has this product. Nothing is sent.",
    Listing.Trouble.ARCHIVED: (
        "The product is archived in LeafLink: buyers don't see it, and no details are sent."
    ),
    Listing.Trouble.UNITS: (
        "The item and the product are counted in different units, so LeafLink is told that there "
        "are none. "
        "Make the units agree, or unlink them."
    ),
    Listing.Trouble.ACCOUNT: (
        "The item's brand is sold by another account now. Quantities are still sent, details are "
        "not. Unlink it, and link it to a product of that account."
    ),
}


def trouble_in_words(listing: Listing) -> str:
    """What is wrong with a link and what to do about it; "" for a sound one."""
    if not listing.trouble:
        return ""
    text = TROUBLES[Listing.Trouble(listing.trouble)]
    if listing.trouble == Listing.Trouble.UNITS:
        here = leaflink_unit(listing.item.unit_of_measure)
        text = f"{here} here, {listing.product.unit_of_measure} in LeafLink. {text}"
    return text


def panel(request: HttpRequest, item: Item) -> dict[str, Any]:
    """All that the panel shows of an item: its product, what differs, what can be done."""
    item = with_parts(Item.objects).get(pk=item.pk)
    seller = getattr(item.brand, "leaflink", None)
    shown: dict[str, Any] = {
        "item": item,
        "account": seller.account if seller else None,
        "may_link": request.user.has_perm("leaflink.add_listing"),
        "may_unlink": request.user.has_perm("leaflink.delete_listing"),
        "may_rule": request.user.has_perm("leaflink.change_account"),
        "may_decide": request.user.has_perm("leaflink.change_listing"),
        "here": request.get_full_path(),
    }
    listing = Listing.objects.filter(item=item).first()
    if listing:
        return {**shown, **_linked(listing)}
    if seller is None:
        return shown
    return {**shown, **_unlinked(item, Lists.of(seller.account))}


def _linked(listing: Listing) -> dict[str, Any]:
    account = listing.product.account
    found = compare(account, [listing.pk])[0]
    lists, rules = Lists.of(account), rules_of(account)
    refused = {LABELS.get(name, ""): text for name, text in listing.refusals.items()}
    return {
        "listing": found.listing,
        "product": found.listing.product,
        "trouble": trouble_in_words(listing),
        "replacement": listing.replacement,
        "refusals": refused,
        "lately": [(parse_datetime(one["at"]), one["text"]) for one in found.listing.lately[:5]],
        "rows": [
            {
                "field": name,
                "label": LABELS[name],
                "ours": in_words(name, found.ours[name], lists),
                "theirs": in_words(name, found.theirs.get(name), lists),
                "words": WORDS[what][0],
                "color": WORDS[what][1],
                "waits": what in (Decision.CONFLICT, Decision.MOVED_THERE),
                "may_send": is_ours(BY_NAME[name], rules)
                and (what is not Decision.SEND or name in listing.refused_details),
            }
            for name, what in found.decisions.items()
        ],
        "rules": account,
    }


def _unlinked(item: Item, lists: Lists) -> dict[str, Any]:
    offer = offer_of(item)
    bench = reverse("admin:leaflink_listing_workbench")
    # A refusal is on the work and, by field, on the offer.
    asked = create_product.under_way(item.brand.leaflink.account).get(item.pk)
    stuck = asked.error if asked and asked.stuck_at and not offer.refusals else ""
    return {
        "missing": create_product.why_not(item, lists),
        "creating": asked is not None and asked.stuck_at is None,
        "stuck": stuck,
        "refusals": {LABELS.get(name, name): text for name, text in offer.refusals.items()},
        "workbench": f"{bench}?{urlencode({'tab': 'items', 'q': item.sku})}",
    }
