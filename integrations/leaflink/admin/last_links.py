"""The links a person made last, so that they can be undone: kept in the session."""

from collections.abc import Sequence

from django.http import HttpRequest

from integrations.leaflink import link as links
from integrations.leaflink.models import Listing

KEY = "leaflink_last_links"


def remember(request: HttpRequest, listings: Sequence[Listing]) -> None:
    """These were linked just now, by one act."""
    request.session[KEY] = [listing.pk for listing in listings]


def last_links(request: HttpRequest) -> list[Listing]:
    """The links of the last act that are still there."""
    pks = request.session.get(KEY, [])
    if not pks:
        return []
    rows = Listing.objects.select_related("item", "product__account")
    return list(rows.defer("product__raw").filter(pk__in=pks))


def undo_last(request: HttpRequest) -> str:
    """End them; returns what they were, in words, "" when there were none."""
    found = last_links(request)
    request.session.pop(KEY, None)
    for listing in found:
        links.unlink(listing)
    if len(found) == 1:
        return f"{found[0].item.sku} and {found[0].product}"
    return f"{len(found)} products" if found else ""
