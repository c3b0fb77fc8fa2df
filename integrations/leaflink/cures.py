"""For each reason that holds an order: where a person fixes it."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from catalog.decimals import plain, units
from integrations.leaflink.models import Blocker

Code = Blocker.Code


@dataclass(frozen=True)
class Cure:
    """A link to the page where it is fixed, and what the link says."""

    label: str
    url: str


def cure_for(blocker: Blocker) -> Cure | None:
    """The next step for this reason, with the way back; None where only LeafLink can mend it."""
    back = reverse("admin:leaflink_order_change", args=[blocker.order_id])
    if blocker.code == Code.REP_UNMAPPED:
        if blocker.staff:
            return page(
                f"Map {blocker.staff}", "leaflink_staff_change", blocker.staff.pk, next=back
            )
        return page("Open LeafLink staff", "leaflink_staff_changelist")
    if blocker.code == Code.PRODUCT_UNLINKED:
        words = blocker.product.sku or blocker.product.name if blocker.product else None
        return page("Link it to an item", "leaflink_listing_workbench", q=words, next=back)
    if blocker.code == Code.SHORT_OF_STOCK:
        return page(
            "Receive stock",
            "catalog_stock_add",
            item=blocker.item.pk if blocker.item else None,
            facility=blocker.facility_id,
            quantity=plain(units(blocker.missing)) if blocker.missing else None,
            next=back,
        )
    if blocker.code == Code.NO_REP:
        account = blocker.order.account_id
        cure = page("Choose a rep for such orders", "leaflink_account_rules", account, next=back)
        return Cure(cure.label, f"{cure.url}#rule-fallback_rep")
    return None


def page(label: str, name: str, *args: int, **chosen: object) -> Cure:
    """A link to this admin page, with what is chosen on it already; None is left out."""
    url = reverse(f"admin:{name}", args=args)
    given = {key: value for key, value in chosen.items() if value is not None}
    return Cure(label, f"{url}?{urlencode(given)}" if given else url)
