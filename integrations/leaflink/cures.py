"""For each reason that holds an order: where a person fixes it."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from integrations.leaflink.models import Blocker

Code = Blocker.Code


@dataclass(frozen=True)
class Cure:
    """A link to the page where it is fixed, and what the link says."""

    label: str
    url: str


def cure_for(blocker: Blocker) -> Cure | None:
    """The next step for this reason; None where only LeafLink can mend it."""
    if blocker.code == Code.REP_UNMAPPED:
        if blocker.staff:
            return _page(f"Map {blocker.staff}", "leaflink_staff_change", blocker.staff.pk)
        return _page("Open LeafLink staff", "leaflink_staff_changelist")
    if blocker.code == Code.PRODUCT_UNLINKED:
        chosen = {"product": blocker.product.pk} if blocker.product else {}
        return _page("Link it to an item", "leaflink_listing_add", **chosen)
    if blocker.code == Code.SHORT_OF_STOCK:
        chosen = {"item": blocker.item.pk} if blocker.item else {}
        return _page("Receive stock", "catalog_stock_add", **chosen)
    if blocker.code == Code.CUSTOMER_UNKNOWN and blocker.order.customer_id:
        customer = blocker.order.customer_id
        return _page("Choose a destination", "leaflink_customer_change", customer)
    if blocker.code == Code.NO_REP:
        account = blocker.order.account_id
        return _page("Choose a fallback rep", "leaflink_account_change", account)
    return None


def _page(label: str, name: str, *args: int, **chosen: int) -> Cure:
    url = reverse(f"admin:{name}", args=args)
    return Cure(label, f"{url}?{urlencode(chosen)}" if chosen else url)
