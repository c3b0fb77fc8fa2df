"""Stock out: send the quantity of linked products where it differs from what was last sent.

Absolute values only. A product's number is computed only once its listing is claimed, so of two
processes that are at the same product the later number is the one that stays. Before it is sent its
`last_sent` is cleared: a crash or a lost answer then leaves "in doubt", which is sent again, never
a wrong belief. The answer says how much LeafLink reserves; when that is not what we believed,
somebody acted in between: the product's orders are read again and a second number is sent.
"""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from catalog.decimals import plain, units
from integrations import call_log
from integrations.budget import BudgetExhausted
from integrations.leaflink import brake, drift
from integrations.leaflink.claim_listings import SENDING, claimed
from integrations.leaflink.due_quantities import (
    LATE,
    SKIPPED,
    Plan,
    Why,
    is_allowed,
    plan,
    skip_unsent,
    why,
)
from integrations.leaflink.models import Account, Listing, Product
from integrations.leaflink.pull_catalog import note_gone
from integrations.leaflink.quantities import Wanted, wanted
from integrations.leaflink.record_kinds import ITEM
from integrations.leaflink.refused_quantities import cure, no_longer_refused, tell_refused
from integrations.leaflink.reread_orders import reread_orders_of
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.wire.errors import VENDOR
from integrations.runs import Recorder
from integrations.wire.errors import (
    BadCredentials,
    BadPayload,
    Forbidden,
    Gone,
    Refused,
    UnknownOutcome,
    VendorError,
)

BATCH = 50
# What is not corrected any more once that is said of it.
NOT_CORRECTED = (Why.OFF, Why.UNLIMITED, Why.NOT_COUNTED, Why.PAUSED, Why.BRAKED)
# How often a number is corrected on the spot when LeafLink's reservations keep moving.
MOST_ROUNDS = 3
# So many products refused for want of a permission, and none taken, are not about the products.
MOST_FORBIDDEN = 3


@dataclass
class PushResult:
    """By item id: `left` were not sent for lack of time or since something more urgent waits,
    `busy` are being sent by another process, `lost` may have arrived or not."""

    sent: int = 0
    left: set[int] = field(default_factory=set)
    busy: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)


@dataclass
class _Sent:
    """A number on its way: what became of it is filled in when the answer is there."""

    one: Wanted
    quantity: Decimal
    began: datetime
    answer: payloads.Product | None = None
    # The product's `modified` as of which a refusal holds.
    modified: datetime | None = None
    refusal: VendorError | None = None

    @property
    def is_surprise(self) -> bool:
        """LeafLink reserves something else than we believed, or took the number for another."""
        return self.answer is not None and (
            units(self.answer.reserved_qty) != self.one.target.expected_reserved
            or units(self.answer.quantity) != self.quantity
        )


class _Session:
    """One push: its account, client and counts, and when it has to stop."""

    def __init__(
        self,
        account: Account,
        client: LeafLinkClient,
        run: Recorder,
        deadline: float,
        should_yield: Callable[[], bool],
        on_sent: Callable[[int], None],
    ) -> None:
        self.account, self.client, self.run = account, client, run
        self.deadline, self.should_yield, self.on_sent = deadline, should_yield, on_sent
        self.result = PushResult()
        self.forbidden: list[Forbidden] = []
        # What makes it senseless to go on: told to slow down, no network, a bad key.
        self.stopped: VendorError | None = None

    @property
    def key_is_bad(self) -> bool:
        """Whether it is the key that may change nothing, and not this or that product."""
        return len(self.forbidden) >= MOST_FORBIDDEN and not self.result.sent

    def is_over(self) -> bool:
        is_stopped = self.key_is_bad or self.stopped is not None
        return is_stopped or time.monotonic() > self.deadline or self.should_yield()


def push(
    account: Account,
    client: LeafLinkClient,
    item_ids: Collection[int],
    run: Recorder,
    *,
    deadline: float = float("inf"),
    should_yield: Callable[[], bool] = lambda: False,
    on_sent: Callable[[int], None] = lambda item_id: None,
) -> PushResult:
    """Send the quantities of these items, those that are due; one that LeafLink refuses is noted on
    its listing and stops no other.

    `deadline` (time.monotonic) and `should_yield` end the push early. `on_sent` hears of each item
    (its id) whose quantity LeafLink has taken, again when it was corrected. Raises Wait,
    BudgetExhausted or BadCredentials when going on makes no sense; what was sent until then is
    recorded.
    """
    session = _Session(account, client, run, deadline, should_yield, on_sent)
    with call_log.kept():
        _push_in_batches(session, list(item_ids))
    if session.key_is_bad:
        raise BadCredentials(str(session.forbidden[0]))
    return session.result


def _push_in_batches(session: _Session, waiting: list[int]) -> None:
    for start in range(0, len(waiting), BATCH):
        batch = waiting[start : start + BATCH]
        if session.is_over():
            session.result.left.update(waiting[start:])
            break
        with claimed(session.account, batch) as claim:
            session.result.busy.update(claim.busy)
            session.run.seen += len(claim.busy)
            session.run.skip("being sent by another process", len(claim.busy))
            _push_claimed(session, claim.item_ids)


def _push_claimed(session: _Session, item_ids: Collection[int]) -> None:
    """Send what is due of these claimed listings, and correct what came as a surprise."""
    until = time.monotonic() + SENDING.total_seconds()
    found = plan(session.account, item_ids)
    session.run.seen += len(found.changes)
    skip_unsent(session.run, found)
    changes = brake.hold(session.account, found)
    session.run.skip(SKIPPED[Why.BRAKED], len(found.changes) - len(changes))
    sent = _send_all(session, changes, until)
    for _ in range(MOST_ROUNDS - 1):
        surprises = [one for one in sent if one.is_surprise]
        if not surprises:
            return
        _reread(session, surprises)
        sent = _send_all(session, _corrected(session, surprises), until)
    for one in sent:
        if one.answer and units(one.answer.quantity) != one.quantity:
            _note_odd(session, one)


def _reread(session: _Session, surprises: list[_Sent]) -> None:
    if session.account.in_setup:
        return  # one product is tried out: its orders are not taken in by that
    remote_ids = [one.one.row.remote_id for one in surprises]
    try:
        reread_orders_of(session.account, session.client, remote_ids)
    except (VendorError, BudgetExhausted) as error:
        # What LeafLink says that it reserves is known all the same, and decides below.
        session.run.problem("orders", f"Orders could not be read again: {error}")


def _corrected(session: _Session, surprises: list[_Sent]) -> list[Wanted]:
    """The numbers that should be there instead, where they are others; the rest is confirmed.

    No more is added for LeafLink's orders than LeafLink has just said that it reserves: an order
    that it has let go and we have not heard of must not be offered twice.
    """
    told = {one.one.row.listing_id: one for one in surprises if one.answer}
    again, right = [], []
    item_ids = [sent.one.row.item_id for sent in surprises]
    for one in list(wanted(session.account, item_ids)):
        sent = told.get(one.row.listing_id)
        if sent is None or sent.answer is None:
            continue  # linked anew meanwhile: another listing
        reserved = units(sent.answer.reserved_qty)
        held = min(one.target.held_for_leaflink, reserved)
        target = replace(one.target, held_for_leaflink=held, expected_reserved=reserved)
        fresh = Wanted(one.row, target)
        if fresh.quantity != sent.quantity or units(sent.answer.quantity) != sent.quantity:
            again.append(fresh)
        else:
            right.append(sent)
    _record(session, right, confirmed=True)
    # A person may have paused it, or a file have emptied the shop, since the first number.
    again = [one for one in again if why(session.account, one) not in NOT_CORRECTED]
    selling_out = [one.row.item_id for one in again if one.sells_out]
    return brake.hold(session.account, Plan(changes=again, selling_out=selling_out))


def _send_all(session: _Session, changes: list[Wanted], until: float) -> list[_Sent]:
    """Send these, several at once; returns those that were answered, recorded as they are."""
    began = timezone.now()
    on_the_way: list[_Sent] = []
    in_doubt = [one.row.listing_id for one in changes]
    # Nothing is believed of these until the answers are there.
    Listing.objects.filter(pk__in=in_doubt).update(last_sent=None)

    def bodies() -> Iterator[tuple[str, dict[str, str]]]:
        for at, one in enumerate(changes):
            if session.is_over() or time.monotonic() > until:
                session.result.left.update(other.row.item_id for other in changes[at:])
                return
            now, modified = timezone.now(), one.row.product_modified
            on_the_way.append(_Sent(one, one.quantity, now, modified=modified))
            yield f"products/{one.row.remote_id}", {"quantity": plain(one.quantity)}

    answered: list[_Sent] = []
    # Of what ends it early, the answers that are still on their way are waited for first.
    try:
        at_once = settings.LEAFLINK_REQUESTS_AT_ONCE
        for position, answer in session.client.patch_many(bodies(), at_once=at_once):
            if _note(session, on_the_way[position], answer):
                answered.append(on_the_way[position])
    finally:
        _record(session, answered)
        reached = {one.one.row.listing_id for one in on_the_way}
        _undoubt([one for one in changes if one.row.listing_id not in reached], began)
    if session.stopped:
        raise session.stopped
    return answered


def _undoubt(unsent: list[Wanted], began: datetime) -> None:
    """Give back what was believed of listings that were not sent after all, and that have not come
    into doubt since."""
    before = {
        one.row.listing_id: one.row.last_sent for one in unsent if one.row.last_sent is not None
    }
    sound = Q(doubted_at__isnull=True) | Q(doubted_at__lt=began)
    rows = list(Listing.objects.filter(sound, pk__in=before).only("pk"))
    for row in rows:
        row.last_sent = before[row.pk]
    Listing.objects.bulk_update(rows, ["last_sent"])


def _note(session: _Session, sent: _Sent, answer: object) -> bool:
    """Note what became of one; True when there is something to record on its listing."""
    row, run = sent.one.row, session.run
    try:
        if isinstance(answer, VendorError):
            raise answer
        sent.answer = payloads.parse(payloads.Product, answer)
    except (UnknownOutcome, BadPayload) as error:
        session.result.lost.add(row.item_id)
        Listing.objects.filter(pk=row.listing_id).update(unsettled_at=timezone.now())
        run.problem(row.item_sku, f"{error} It is sent again.", ITEM, row.item_id)
        return False
    except (Refused, Gone, Forbidden) as error:
        sent.refusal = error
        if isinstance(error, Forbidden):
            session.forbidden.append(error)
        run.problem(row.item_sku, f"{error} {cure(error)}", ITEM, row.item_id)
        return True
    except VendorError as error:
        session.stopped = session.stopped or error
        return False
    run.changed += 1
    session.result.sent += 1
    session.on_sent(row.item_id)
    return True


def _note_odd(session: _Session, sent: _Sent) -> None:
    """LeafLink took the number and shows another, twice: a person should know."""
    assert sent.answer
    shows = plain(units(sent.answer.quantity))
    text = f"LeafLink took {plain(sent.quantity)} and shows {shows}."
    # What we have just changed ourselves is no reason to try again.
    sent.modified = sent.answer.modified or sent.modified
    sent.refusal, sent.answer = Refused([text], vendor=VENDOR), None
    session.run.problem(sent.one.row.item_sku, text, ITEM, sent.one.row.item_id)
    _record(session, [sent])


def _record(session: _Session, answered: list[_Sent], *, confirmed: bool = False) -> None:
    """Store what the answers said, in a few statements for the batch.

    A surprising answer leaves its listing in doubt until the number is `confirmed` or corrected.

    A listing that came into doubt since its number was sent stays in doubt: LeafLink has changed
    its quantity by itself meanwhile. A key that may change nothing says nothing about the products.
    """
    if session.key_is_bad:
        answered = [one for one in answered if not isinstance(one.refusal, Forbidden)]
    if not answered:
        return
    by_id = {one.one.row.listing_id: one for one in answered}
    _store(by_id, confirmed)
    for one in answered:
        if isinstance(one.refusal, Gone):
            note_gone(session.account, str(one.one.row.remote_id))
    # In no transaction with the listings: the drift report locks both the other way round.
    drift.forget_quantities([pk for pk, one in by_id.items() if one.answer])
    tell_refused(session.account, [(one.one.row, one.refusal) for one in answered if one.refusal])
    taken = [one for one in answered if one.answer and (confirmed or not one.is_surprise)]
    no_longer_refused(session.account, [one.one.row for one in taken if one.one.row.refusal])


@transaction.atomic
def _store(by_id: dict[int, _Sent], confirmed: bool) -> None:
    listings = Listing.objects.select_for_update().filter(pk__in=by_id).order_by("pk")
    rows = list(listings.select_related("product").defer("product__raw", "product__shown"))
    for listing in rows:
        _settle(listing, by_id[listing.pk], confirmed)
    Listing.objects.bulk_update(rows, LISTING_COLUMNS)
    Product.objects.bulk_update([row.product for row in rows], PRODUCT_COLUMNS)


LISTING_COLUMNS = [
    "last_sent",
    "last_sent_at",
    "last_answer",
    "unsettled_at",
    "refusal",
    "refused_quantity",
    "refused_modified",
    "zeroed_at",
    "braked_at",
]
PRODUCT_COLUMNS = ["quantity", "reserved"]


def _settle(listing: Listing, sent: _Sent, confirmed: bool) -> None:
    """What is to be stored on a listing and its product after an answer."""
    now, answer, product = timezone.now(), sent.answer, listing.product
    if answer is None:
        listing.refusal, listing.refused_modified = f"{sent.refusal}", sent.modified
        listing.refused_quantity, listing.last_sent = sent.quantity, None
        return
    is_doubted = listing.doubted_at is not None and listing.doubted_at >= sent.began
    is_doubted = is_doubted or (sent.is_surprise and not confirmed)
    listing.last_sent = None if is_doubted else sent.quantity
    # A zero for want of a common unit is no quantity that was sent once and for all.
    listing.last_sent_at = None if sent.one.counts_differently else now
    listing.last_answer = {
        "quantity": plain(units(answer.quantity)),
        "reserved": plain(units(answer.reserved_qty)),
        "available": plain(units(answer.quantity - answer.reserved_qty)),
        "at": now.isoformat(),
    }
    if confirmed or not sent.is_surprise:
        listing.refusal, listing.refused_quantity, listing.refused_modified = "", None, None
    # While an earlier write may still arrive, this one is not the last word.
    if listing.unsettled_at and sent.began - listing.unsettled_at >= LATE:
        listing.unsettled_at = None
    listing.braked_at = None
    if not sent.one.sells_out:
        listing.zeroed_at = None if sent.one.available > 0 else listing.zeroed_at
    elif not is_allowed(sent.one, now):
        listing.zeroed_at = now
    product.quantity, product.reserved = answer.quantity, answer.reserved_qty
