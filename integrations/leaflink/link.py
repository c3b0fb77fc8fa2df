"""Linking items and products: one item ↔ one product, both unique in the database."""

from collections import Counter
from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone

from catalog.inventory import InventoryError, lock_items
from catalog.models import Item
from integrations.leaflink.chunks import in_chunks
from integrations.leaflink.compare_listings import lock, settle
from integrations.leaflink.models import Account, Listing, Offer, Product
from integrations.leaflink.refused_quantities import key as refusal_key
from integrations.leaflink.signals import links_made
from integrations.leaflink.wanted import leaflink_unit
from integrations.leaflink.work_kinds import CREATE_WORK
from integrations.models import Notice, WorkItem
from integrations.notices import resolve


class LinkError(Exception):
    """These two can't be linked; the text says why and what to do."""


def why_not(item: Item, product: Product) -> str:
    """Why these two must not be linked; "" when they may."""
    if product.gone_at:
        return f"{product} is gone from LeafLink. Choose a product that is still there."
    if product.problem:
        return f"{product} can't be read: {product.problem}"
    unit = leaflink_unit(item.unit_of_measure)
    if product.unit_of_measure and product.unit_of_measure != unit:
        return (
            f"{item.sku} is counted in {unit.lower()}s here and in "
            f"{product.unit_of_measure.lower()}s in LeafLink. Make the units agree first."
        )
    sold_by = getattr(item.brand, "leaflink", None)
    if sold_by is None:
        return f"No account sells {item.brand}. Add the brand to an account first."
    if sold_by.account_id != product.account_id:
        return f"{item.brand} is sold by {sold_by.account}, not by {product.account}."
    return ""


def warning_of(product: Product) -> str:
    """What a person should know who links this product; "" when there is nothing."""
    if product.listing_state == "Archived":
        return f"{product} is archived in LeafLink: buyers don't see it."
    return ""


@transaction.atomic
def link(item: Item, product: Product) -> Listing:
    """Pair them. Raises LinkError when either has a partner or they don't fit.

    Nothing is sent by linking: what differs now may stay so until somebody changes it.
    """
    reason = why_not(item, product)
    if reason:
        raise LinkError(reason)
    try:
        lock_items([item.pk])
    except InventoryError as error:
        raise LinkError(str(error)) from error
    try:
        with transaction.atomic():
            listing = Listing.objects.create(item=item, product=product)
    except IntegrityError:
        raise LinkError(_taken(item, product)) from None
    _after_linking(product.account, [listing])
    return listing


def _taken(item: Item, product: Product) -> str:
    linked = Listing.objects.filter(item=item).select_related("product").first()
    if linked:
        return f"{item.sku} is linked to {linked.product} already. Unlink it first."
    other = Listing.objects.filter(product=product).select_related("item").first()
    partner = f" to {other.item.sku}" if other else ""
    return f"{product} is linked{partner} already. Unlink it first."


def _after_linking(account: Account, listings: Sequence[Listing]) -> None:
    """The items are offered now, whatever was said before; none of them is to be created."""
    item_ids = [listing.item_id for listing in listings]
    Offer.objects.bulk_create(
        [Offer(item_id=pk, enabled=True) for pk in item_ids], ignore_conflicts=True, batch_size=500
    )
    for chunk in in_chunks(item_ids):
        Offer.objects.filter(item__in=chunk).update(enabled=True, refusals={}, unlinked_at=None)
        WorkItem.objects.filter(
            connection=account,
            kind=CREATE_WORK,
            key__in=[str(pk) for pk in chunk],
            leased_until__isnull=True,
        ).delete()
    settle(account, [listing.pk for listing in listings])
    if item_ids:
        transaction.on_commit(
            lambda: links_made.send_robust(
                sender="leaflink", account_id=account.pk, item_ids=item_ids
            ),
            robust=True,
        )


def exact_sku_pairs(account: Account, *, by_rule: bool = False) -> list[tuple[Item, Product]]:
    """The pairs with exactly the same SKU on both sides, once on each, by SKU.

    Anything ambiguous is left for a person: an SKU that stands twice in LeafLink, archived or
    unreadable products, different units, brands this account doesn't sell. `by_rule`: also those
    of which a person has ended the link.
    """
    products = list(
        Product.objects.filter(
            account=account, listing__isnull=True, gone_at__isnull=True, problem=""
        )
        .exclude(sku="")
        .exclude(listing_state="Archived")
        .select_related("account")
        .defer("raw", "shown")
    )
    there = Product.objects.filter(account=account, gone_at__isnull=True)
    skus = there.exclude(listing_state="Archived").values_list("sku", flat=True)
    times = Counter(skus.order_by())
    candidates = {product.sku: product for product in products if times[product.sku] == 1}
    items = (
        Item.objects.filter(listing__isnull=True, is_active=True, brand__leaflink__account=account)
        .select_related("brand__leaflink__account")
        .defer("description")
        .order_by("sku")
    )
    if by_rule:
        items = items.exclude(offer__unlinked_at__isnull=False)
    found = ((item, candidates.get(item.sku)) for item in items.iterator(chunk_size=2000))
    return [(item, product) for item, product in found if product and not why_not(item, product)]


def link_exact_skus(account: Account, *, dry: bool = False) -> int:
    """By the account's rule, pair all of `exact_sku_pairs`; returns how many."""
    pairs = exact_sku_pairs(account, by_rule=True)
    if not dry:
        link_many(account, pairs)
    return len(pairs)


@transaction.atomic
def link_many(account: Account, pairs: Sequence[tuple[Item, Product]]) -> list[Listing]:
    """Pair them all, in a constant number of statements; returns the links that were made.

    One of which either side was linked meanwhile is passed over: the database decides. The caller
    has checked `why_not` of each.
    """
    wanted = {item.pk: product.pk for item, product in pairs}
    lock_items(wanted)
    before = set(Listing.objects.filter(product__account=account).values_list("item", "product"))
    Listing.objects.bulk_create(
        [Listing(item=item, product=product) for item, product in pairs],
        ignore_conflicts=True,
        batch_size=500,
    )
    rows = Listing.objects.filter(product__account=account).defer("agreed", "differences")
    made = [
        row
        for row in rows
        if wanted.get(row.item_id) == row.product_id and (row.item_id, row.product_id) not in before
    ]
    _after_linking(account, made)
    return made


@transaction.atomic
def unlink(listing: Listing) -> None:
    """End the pairing. LeafLink is left as it is; nothing is sent for the item any more.

    What the item's offer says is kept, but it is switched off: it must not be created anew, nor
    linked by itself again.
    """
    lock([listing.pk])
    Offer.objects.filter(item=listing.item_id).update(enabled=False, unlinked_at=timezone.now())
    _forget(listing)


def _forget(listing: Listing) -> None:
    """End the pairing, and what was told of it."""
    resolve(listing.product.account, Notice.Category.REFUSED, [refusal_key(listing.pk)])
    listing.delete()


@transaction.atomic
def relink(listing: Listing, product: Product) -> Listing:
    """Pair the listing's item with another product instead. Raises LinkError, changing nothing."""
    lock([listing.pk])
    item = Item.objects.select_related("brand__leaflink__account").get(pk=listing.item_id)
    _forget(listing)
    return link(item, product)
