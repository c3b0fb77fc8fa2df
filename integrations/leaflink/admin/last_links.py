"""What a person linked last, act by act, so that it can be undone: kept in the session."""

from collections.abc import Sequence

from django.http import HttpRequest

from integrations.leaflink import link as links
from integrations.leaflink.models import Listing

KEY = "leaflink_last_links"
# How many acts can be undone, one after the other.
MOST = 20


def remember(request: HttpRequest, listings: Sequence[Listing]) -> None:
    """These were linked just now, by one act."""
    acts = [*request.session.get(KEY, []), [listing.pk for listing in listings]]
    request.session[KEY] = acts[-MOST:]


def last_links(request: HttpRequest) -> list[Listing]:
    """The links of the last act of which any are still there."""
    acts = [act for act in request.session.get(KEY, []) if isinstance(act, list)]
    while acts:
        rows = Listing.objects.select_related("item", "product__account")
        if found := list(rows.defer("product__raw").filter(pk__in=acts[-1])):
            return found
        acts = acts[:-1]
        request.session[KEY] = acts
    return []


def act_of(listings: Sequence[Listing]) -> str:
    """What names an act on its page, so that a second click undoes nothing else."""
    return f"{listings[0].pk}-{len(listings)}" if listings else ""


def undo_last(request: HttpRequest) -> str:
    """End the links of the last act; returns what they were, in words, "" when there were none."""
    found = last_links(request)
    request.session[KEY] = request.session.get(KEY, [])[:-1]
    for listing in found:
        links.unlink(listing)
    if len(found) == 1:
        return f"{found[0].item.sku} and {found[0].product}"
    return f"{len(found)} products" if found else ""
