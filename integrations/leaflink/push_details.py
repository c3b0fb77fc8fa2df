"""Product details out: send the fields that were changed here, and only these.

A PATCH is decided on a fresh comparison and settled by what LeafLink answers, so that an echo is no
news. The listing state is never part of it. What LeafLink refuses is kept with its words at the
field; the other fields of the same product are sent all the same.
"""

import time
from collections.abc import Collection
from typing import Any

from django.db import transaction

from integrations import work
from integrations.leaflink import pull_catalog
from integrations.leaflink.check_links import trouble_of
from integrations.leaflink.compare_listings import (
    Comparison,
    all_or_none,
    compare,
    lock,
    settle,
)
from integrations.leaflink.mapping import product_fields
from integrations.leaflink.mapping.product_fields import BY_NAME, Decision, Owner, Value
from integrations.leaflink.models import Account, Listing, Product
from integrations.leaflink.record_kinds import ITEM
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.work_kinds import LISTING_WORK
from integrations.models import WorkItem
from integrations.runs import Recorder
from integrations.wire.errors import BadPayload, Gone, Refused, UnknownOutcome

MANAGED = "1"
# Decisions that only a person makes.
WAITS = (Decision.CONFLICT, Decision.MOVED_THERE)
# Fields that are changed in LeafLink as well.
TWO_WAY = (Owner.PRICES, Owner.CASES)


def plan(
    account: Account, listing_ids: Collection[int] | None = None, *, run: Recorder | None = None
) -> list[Comparison]:
    """What a push would send now; nothing is changed. A listing with a broken link is left out.
    What is not to be sent is counted on `run`, with the reason."""
    due = []
    for found in compare(account, listing_ids):
        skipped = _skipped(found)
        if not skipped:
            due.append(found)
        elif run:
            run.seen += 1
            run.skip(skipped)
    return due


def _skipped(found: Comparison) -> str:
    """Why nothing is sent of a listing, in the words of a run's counts; "" when something is."""
    if trouble_of(found.listing):
        return "with a link that needs a look"
    if found.unrefused():
        return ""
    if found.to_send():
        return "refused before, and the same since"
    if any(what in WAITS for what in found.decisions.values()):
        return "waiting for a person's choice"
    return "unchanged"


def push(
    account: Account,
    client: LeafLinkClient,
    changes: list[Comparison],
    run: Recorder,
    *,
    deadline: float = float("inf"),
) -> int:
    """Send these; returns how many were left for lack of time (`deadline`: time.monotonic).

    A plan may be minutes old: links, rules and values are looked at once more before each call.
    """
    for done, planned in enumerate(changes):
        if time.monotonic() > deadline:
            return len(changes) - done
        run.seen += 1
        account.refresh_from_db(fields=["push_details", "sync_prices", "push_inventory"])
        again = plan(account, [planned.listing.pk])
        if not again:
            run.skip("settled meanwhile")
        for found in again:
            _send(account, client, found, run)
    return 0


def _send(account: Account, client: LeafLinkClient, found: Comparison, run: Recorder) -> None:
    if any(BY_NAME[name].owner in TWO_WAY for name in found.to_send()):
        fresh = _read_first(account, client, found)
        if fresh is None:
            run.skip("settled meanwhile")
            return
        found = fresh
    values = found.unrefused()
    refusals: dict[str, str] = {}
    refused: dict[str, Value] = {}
    path = f"products/{found.listing.product.remote_id}"
    answer: Any = None
    try:
        while values and answer is None:
            try:
                answer = client.patch(path, _body(found, values))
            except Refused as error:
                said = _at_our_fields(error, values)
                refusals |= said
                # What LeafLink objects to is left out; when it doesn't say what, all of it is.
                bad = [name for name in said if name in values] or list(values)
                refused |= {name: values.pop(name) for name in all_or_none(bad, values)}
    except (UnknownOutcome, BadPayload) as error:
        text = f"{error} The next reading of the product tells."
        run.problem(found.listing.item.sku, text, ITEM, found.listing.item_id)
    except Gone:
        pull_catalog.note_gone(account, str(found.listing.product.remote_id))
        settle(account, [found.listing.pk])
        run.skip("gone from LeafLink")
        return
    if refusals:
        words = product_fields.in_a_sentence(refusals)
        text = f"LeafLink refused: {words}"
        run.problem(found.listing.item.sku, text, ITEM, found.listing.item_id)
    if answer is not None:
        run.changed += 1
    if answer is not None and values.get("inventory_management") == MANAGED:
        item = str(found.listing.item_id)
        work.ask(account.pk, LISTING_WORK, [item], WorkItem.Priority.STOCK)
    sent = {name: found.said[name] for name in values}
    _settle(account, found.listing.pk, answer, sent, refusals, refused)


def _body(found: Comparison, values: dict[str, Value]) -> dict[str, Any]:
    body = product_fields.body(values)
    if values.get("inventory_management") == MANAGED:
        # LeafLink would offer the number it had when stock was last kept up. The right one follows.
        Listing.objects.filter(pk=found.listing.pk).update(last_sent=None, last_sent_at=None)
        body["quantity"] = "0"
    return body


def _read_first(account: Account, client: LeafLinkClient, found: Comparison) -> Comparison | None:
    """Read the product before a price is sent: one that was changed there meanwhile must not be
    overwritten unseen. Returns the comparison as it is now, None when nothing is to be sent."""
    remote_id = str(found.listing.product.remote_id)
    try:
        pull_catalog.read_product(account, client, remote_id)
    except Gone:
        pull_catalog.note_gone(account, remote_id)
    settle(account, [found.listing.pk])
    return next(iter(plan(account, [found.listing.pk])), None)


def _at_our_fields(error: Refused, values: dict[str, Value]) -> dict[str, str]:
    """LeafLink's words by our fields; what is about no field that was sent stands under ""."""
    said: dict[str, str] = {}
    for name, text in error.by_field.items():
        name = "unit_multiplier" if name == "sell_in_unit_of_measure" else name
        key = name if name in values else ""
        text = text if key or not name else f"{name}: {text}"
        said[key] = f"{said[key]}; {text}" if key in said else text
    return said or {"": str(error)}


def _settle(
    account: Account,
    listing_id: int,
    answer: Any,
    sent: dict[str, Value],
    refusals: dict[str, str],
    refused: dict[str, Value],
) -> None:
    """Store LeafLink's answer, and what it refused; then compare anew, in short transactions.

    `sent` is what was said with the fields that LeafLink took, `refused` the values it did not.
    """
    if answer is not None:
        store_answer(account, answer)
    with transaction.atomic():
        lock([listing_id])
        listing = Listing.objects.select_related("product").filter(pk=listing_id).first()
        if listing is None:
            return  # unlinked meanwhile; LeafLink keeps what it was told
        if answer is not None:
            for name, value in sent.items():
                listing.agreed[name] = [value, listing.product.shown.get(name)]
            labels = ", ".join(product_fields.LABELS[name].lower() for name in sent)
            listing.note(f"Sent to LeafLink: {labels}")
        kept = set(listing.refused_details) - set(sent)
        listing.refused_details = {
            **{name: listing.refused_details[name] for name in kept},
            **refused,
        }
        listing.refusals = {
            **{k: v for k, v in listing.refusals.items() if k in kept and k},
            **refusals,
        }
        listing.save(update_fields=["agreed", "refused_details", "refusals", "lately"])
    settle(account, [listing_id])


def store_answer(account: Account, body: Any) -> Product | None:
    """Keep a product as LeafLink answered it; returns the mirror row, None when it has no id."""
    pull_catalog.store_page(pull_catalog.PRODUCTS, account, [body], Recorder())
    try:
        remote_id = payloads.parse(payloads.Product, body).id
    except BadPayload:
        return None
    return Product.objects.filter(account=account, remote_id=remote_id).first()
