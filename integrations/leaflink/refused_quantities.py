"""Quantities that LeafLink refuses: one open notice for each product, with what to do about it."""

from collections.abc import Collection

from django.urls import reverse

from integrations.leaflink.models import Account
from integrations.leaflink.quantities import Row
from integrations.models import Notice
from integrations.notices import notify, resolve
from integrations.wire.errors import Forbidden, Gone, VendorError


def key(listing_id: int) -> str:
    """By what a listing's notice is known."""
    return f"quantity of listing {listing_id}"


def cure(error: VendorError) -> str:
    """What a person can do about it."""
    if isinstance(error, Gone):
        return "Unlink the item, or link it to the product that took its place."
    if isinstance(error, Forbidden):
        return "Then press “Send again” under Linked products."
    return "Correct the product in LeafLink; it is sent again when it changed there."


def tell_refused(account: Account, refused: Collection[tuple[Row, VendorError]]) -> None:
    """Note these refusals."""
    for row, error in refused:
        text = f"The quantity of {row.item_name} ({row.item_sku}) was not taken. {error}"
        text = f"{text.rstrip('.')}. {cure(error)}"
        page = reverse("admin:leaflink_listing_why", args=[row.listing_id])
        notify(
            account,
            Notice.Category.REFUSED,
            key(row.listing_id),
            text,
            cure="Why this quantity",
            url=page,
        )


def no_longer_refused(account: Account, rows: Collection[Row]) -> None:
    """These were taken at last."""
    if rows:
        resolve(account, Notice.Category.REFUSED, [key(row.listing_id) for row in rows])
