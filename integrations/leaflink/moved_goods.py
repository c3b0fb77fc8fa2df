"""What LeafLink does to its quantities by itself when an order is fulfilled, or that is undone."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from catalog.decimals import units
from integrations.leaflink.models import Account, LineItem, Listing, Product


def goods_moved(
    account: Account, order_ids: Collection[int], taken_out: Mapping[int, datetime]
) -> None:
    """LeafLink has moved the goods of these orders: what we last sent is no longer there.

    `taken_out`: those of them that were fulfilled, with when they were last seen not to be. Their
    goods are taken from what the products were known to show before that, so that what LeafLink's
    own buyers have bought up does not look as if it were still offered. (A product that was read
    later had the order among its reservations; what it offers is not changed by fulfilling.)

    Call it in the transaction that stores the orders. Listings are locked before products, as
    where an answer to a quantity is stored.
    """
    if not order_ids:
        return
    goods: dict[int, dict[int, Decimal]] = {}
    lines = LineItem.objects.filter(order__in=order_ids).order_by()
    for remote_id, order_id, total in lines.values_list("product_remote_id", "order").annotate(
        Sum("quantity")
    ):
        goods.setdefault(remote_id or 0, {})[order_id] = units(total)
    rows = Listing.objects.select_for_update().filter(
        product__account=account, product__remote_id__in=goods
    )
    rows = rows.select_related("product").order_by("pk")
    listings = list(rows.defer("product__raw", "product__shown", "agreed"))
    now = timezone.now()
    for listing in listings:
        listing.last_sent, listing.doubted_at = None, now
        known_at = _known_at(listing)
        for order_id, quantity in goods[listing.product.remote_id].items():
            seen_at = taken_out.get(order_id)
            if seen_at and known_at and known_at < seen_at:
                _take_out(listing.product, quantity)
    Listing.objects.bulk_update(listings, ["last_sent", "doubted_at"])
    Product.objects.bulk_update([one.product for one in listings], ["quantity", "reserved"])


def _known_at(listing: Listing) -> datetime | None:
    """When LeafLink last said what the product's quantity is."""
    answered = parse_datetime(listing.last_answer.get("at", ""))
    return max(filter(None, (listing.product.read_at, answered)), default=None)


def _take_out(product: Product, quantity: Decimal) -> None:
    product.quantity = max(Decimal(0), product.quantity - quantity)
    product.reserved = max(Decimal(0), product.reserved - quantity)
