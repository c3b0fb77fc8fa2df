"""Stock out: send the quantity of each linked product where it differs from what was last sent.

Absolute values only. Before a batch is sent its `last_sent` is cleared: a crash or a lost answer
then leaves "in doubt", which is sent again, never a wrong belief. The answer to each PATCH says how
much LeafLink reserves; when that is not what we believed, somebody acted in between, and the caller
reads the orders again.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from catalog.decimals import plain, units
from integrations.leaflink.check_links import trouble_of
from integrations.leaflink.models import Account, Listing, Offer, Product
from integrations.leaflink.quantities import Target, targets
from integrations.leaflink.wanted import offer_of
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.wire.errors import BadPayload, Gone, Refused, UnknownOutcome
from integrations.runs import Recorder

BATCH = 50
# LeafLink: "1" managed. "2" is unlimited and "3" has its parent's stock: both take no quantity.
MANAGED_IN_LEAFLINK = ("1", "")

# What a plan reads none of, and what would take the most time to read.
NOT_NEEDED = (
    "agreed",
    "differences",
    "lately",
    "refusals",
    "refused_details",
    "product__raw",
    "product__shown",
    "item__description",
    "item__offer__description",
    "item__offer__refusals",
)


@dataclass
class Change:
    """A quantity that LeafLink should show and, as far as we know, does not."""

    listing: Listing
    target: Target

    @property
    def quantity(self) -> Decimal:
        """Base units to be sent. Where the two sides count in different units no number is right,
        and the last one sent may be far too high: nothing is offered then."""
        if trouble_of(self.listing) == Listing.Trouble.UNITS:
            return Decimal(0)
        return self.target.quantity


@dataclass
class PushResult:
    """`surprises`: products whose reservations were not what we believed. `left`: not sent, for
    lack of time."""

    sent: int = 0
    surprises: list[int] = field(default_factory=list)
    left: int = 0


def plan(account: Account) -> list[Change]:
    """What a push would send now, in a constant number of queries; nothing is changed."""
    if not account.push_inventory:
        return []
    listings = list(
        Listing.objects.filter(
            product__account=account,
            product__gone_at__isnull=True,
            product__inventory_management__in=MANAGED_IN_LEAFLINK,
        )
        .exclude(item__offer__mode=Offer.Mode.UNLIMITED)
        .select_related("product", "item__offer", "item__brand__leaflink")
        .defer(*NOT_NEEDED)
    )
    wanted = targets(account, listings)
    changes = [Change(listing, wanted[listing.pk]) for listing in listings]
    return [change for change in changes if _is_due(change)]


def _is_due(change: Change) -> bool:
    listing, quantity = change.listing, change.quantity
    if offer_of(listing.item).mode == Offer.Mode.INHERITED and listing.last_sent_at:
        return False
    if listing.refusal and listing.refused_quantity == quantity:
        return False  # it would be refused again; a person has the reason on the listing
    if listing.last_sent is None or units(listing.last_sent) != quantity:
        return True
    # Somebody typed another number in LeafLink.
    return units(listing.product.quantity) != quantity


def push(
    client: LeafLinkClient,
    changes: list[Change],
    run: Recorder,
    *,
    deadline: float = float("inf"),
) -> PushResult:
    """Send these changes; one that LeafLink refuses is noted on its listing and stops no other.

    `deadline` (time.monotonic) ends the push early. Raises Wait, BudgetExhausted or BadCredentials
    when going on makes no sense; what was sent until then is recorded.
    """
    result = PushResult()
    for batch in _batches(changes):
        if time.monotonic() > deadline:
            result.left += len(batch)
            continue
        began = timezone.now()
        in_doubt = [change.listing.pk for change in batch]
        Listing.objects.filter(pk__in=in_doubt).update(last_sent=None)
        answered: list[Change] = []
        try:
            for change in batch:
                if _send(client, change, run, result):
                    answered.append(change)
        finally:
            _record(answered, began)
    return result


def _batches(changes: list[Change]) -> Iterator[list[Change]]:
    for start in range(0, len(changes), BATCH):
        yield changes[start : start + BATCH]


def _send(client: LeafLinkClient, change: Change, run: Recorder, result: PushResult) -> bool:
    """Send one; True when there is something to record on the listing."""
    listing, product, quantity = change.listing, change.listing.product, change.quantity
    run.seen += 1
    try:
        answer = payloads.parse(
            payloads.Product,
            client.patch(f"products/{product.remote_id}", {"quantity": plain(quantity)}),
        )
    except (UnknownOutcome, BadPayload) as error:
        run.problem(listing.item.sku, f"{error} It is sent again with the next push.")
        return False
    except (Refused, Gone) as error:
        listing.refusal, listing.refused_quantity, listing.last_sent = str(error), quantity, None
        if isinstance(error, Gone):
            product.gone_at = timezone.now()
        run.problem(listing.item.sku, str(error))
        return True
    # A zero for want of a common unit is no quantity that was sent once and for all.
    is_stopgap = trouble_of(listing) == Listing.Trouble.UNITS
    listing.last_sent, listing.last_sent_at = quantity, None if is_stopgap else timezone.now()
    listing.refusal, listing.refused_quantity = "", None
    product.quantity, product.reserved = answer.quantity, answer.reserved_qty
    run.changed += 1
    result.sent += 1
    if units(answer.reserved_qty) != change.target.expected_reserved:
        result.surprises.append(product.remote_id)
    return True


@transaction.atomic
def _record(changes: list[Change], began: datetime) -> None:
    """Store what the answers said, in a few statements for the batch.

    A listing that came into doubt since the batch `began` stays in doubt: LeafLink has changed its
    quantity by itself meanwhile.
    """
    listings = Listing.objects.select_for_update().filter(
        pk__in=[change.listing.pk for change in changes]
    )
    doubted = {
        row.pk for row in listings.order_by("pk") if row.doubted_at and row.doubted_at >= began
    }
    for change in changes:
        if change.listing.pk in doubted:
            change.listing.last_sent = None
    Listing.objects.bulk_update(
        [change.listing for change in changes],
        ["last_sent", "last_sent_at", "refusal", "refused_quantity"],
    )
    Product.objects.bulk_update(
        [change.listing.product for change in changes], ["quantity", "reserved", "gone_at"]
    )
