"""Going live: what keeps an account from it, what will happen, and how the first cycle goes."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils import timezone

from catalog.decimals import plain, units
from integrations import work
from integrations.budget import BudgetExhausted
from integrations.leaflink import check_key, opening_stock, setup_steps
from integrations.leaflink.chunks import in_chunks
from integrations.leaflink.first_run import PushPreview, preview_push
from integrations.leaflink.mapping.status_rules import OUR_WAY
from integrations.leaflink.models import Account, Listing
from integrations.leaflink.quantities import Wanted
from integrations.leaflink.work_kinds import (
    CATALOG_WORK,
    INVENTORY_WORK,
    LISTING_WORK,
    ORDER_WORK,
)
from integrations.models import Run, WorkItem
from integrations.wire.errors import VendorError
from orders.status import Status

# Longer than the first push of a large catalog takes.
YES_HOLDS = timedelta(hours=2)


class NotReady(Exception):
    """The account can't go live; `cures` are (text, key of the step where it is put right)."""

    def __init__(self, cures: list[tuple[str, str]]) -> None:
        super().__init__(" ".join(text for text, _ in cures))
        self.cures = cures


@dataclass
class Readiness:
    """What is said before going live. `cures`: what has to be put right first, and where."""

    cures: list[tuple[str, str]] = field(default_factory=list)
    will_happen: list[str] = field(default_factory=list)
    to_know: list[tuple[str, str]] = field(default_factory=list)
    push: PushPreview = field(default_factory=PushPreview)
    # Items with opening stock of which more would be offered than LeafLink has.
    raised: list[Wanted] = field(default_factory=list)
    # Stands for the products that would sell out or be raised, so that a yes is to these and no
    # others.
    seen: str = ""


def readiness(account: Account) -> Readiness:
    """Look at everything; LeafLink is not asked (see `go_live`)."""
    push, retaken = _preview(account)
    has_opening_stock = set(
        opening_stock.with_opening_stock(account).values_list("pk", flat=True)
        if push.raised
        else ()
    )
    raised = [one for one in push.raised if one.row.listing_id in has_opening_stock]
    return Readiness(
        cures=_cures(account),
        will_happen=_retaken_in_words(retaken) + _will_happen(account, push),
        to_know=_to_know(account),
        push=push,
        raised=raised,
        seen=token(push.selling_out, raised),
    )


def _preview(account: Account) -> tuple[PushPreview, int]:
    """The first push, with outdated opening stock brought down as going live does, and of how many
    items that is. It is tried out and undone."""
    if not opening_stock.outdated(account).exists():
        return preview_push(account), 0
    with transaction.atomic():
        retaken = opening_stock.take_again(account)
        push = preview_push(account)
        transaction.set_rollback(True)
    return push, retaken


def _retaken_in_words(count: int) -> list[str]:
    if not count:
        return []
    return [
        f"Of {count:,} item{'' if count == 1 else 's'} LeafLink has less than when the opening "
        "stock was taken over: the stock here is counted down to LeafLink's quantity first."
    ]


def token(selling_out: Collection[int], raised: Collection[Wanted] = ()) -> str:
    """A short text that stands for just these listings that sell out and these that are raised,
    from and to just these quantities."""
    text = ",".join(map(str, sorted(selling_out)))
    for one in sorted(raised, key=lambda one: one.row.listing_id):
        text += f";{one.row.listing_id}:{plain(units(one.row.quantity))}-{plain(one.quantity)}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _cures(account: Account) -> list[tuple[str, str]]:
    cures: list[tuple[str, str]] = []
    found = check_key.stored(account)
    if not account.app_key:
        cures.append(("There is no App key. Paste one.", "connect"))
    elif found is None:
        cures.append(("The App key was not tested. Test the connection.", "connect"))
    elif found.problem:
        cures.append((found.problem, "connect"))
    else:
        cures += [(row["cure"], "connect") for row in found.lacks]
    if not account.brands.exists():
        cures.append(("No brand is sold yet. Choose the brands.", "catalog"))
    if not setup_steps.linked(account):
        cures.append(
            ("No product is linked, so nothing could be sent or sold. Link some.", "products")
        )
    return cures


def _will_happen(account: Account, push: PushPreview) -> list[str]:
    said = []
    if account.import_orders:
        since = (
            f"placed since {timezone.localtime(account.import_since):%-d %B %Y, %H:%M}"
            if account.import_since
            else "of any age that are still open"
        )
        which = " or ".join(account.import_statuses) or "of no status"
        said.append(f"Orders that are {which} in LeafLink, {since}, come in.")
    else:
        said.append("Orders are read and shown, but not imported.")
    if account.push_inventory and not push.linked:
        said.append("Quantities are sent for products once they are linked.")
    elif account.push_inventory and not push.changes:
        said.append(
            f"LeafLink shows the right quantities of all {push.linked:,} linked products already. "
            "From then on they are sent whenever stock changes."
        )
    elif account.push_inventory:
        said.append(
            f"Quantities are sent for {push.changes:,} of {push.linked:,} linked products: "
            f"{push.up:,} up, {push.down:,} down, {push.zero:,} sold out. From then on whenever "
            "stock changes."
        )
    else:
        said.append("No quantities are sent.")
    said.append(_details_in_words(account))
    said.append(_statuses_in_words(account))
    if account.create_products:
        said.append("Items that are to be offered and that LeafLink lacks are created there.")
    if account.link_exact_skus:
        said.append("New products with exactly an item's SKU are linked by themselves.")
    if account.push_payments:
        said.append("Payments recorded here from now on are noted in LeafLink.")
    return said


def _details_in_words(account: Account) -> str:
    if account.push_details and account.sync_prices:
        return (
            "Product details and prices changed here from now on are sent; what differs stays so."
        )
    if account.push_details:
        return "Product details changed here from now on are sent; prices are not."
    if account.sync_prices:
        return "Prices changed from now on are kept the same on both sides."
    return "Product details and prices are left as they are in LeafLink."


def _statuses_in_words(account: Account) -> str:
    order = (*OUR_WAY, Status.CANCELED)
    moves = [
        f"{Status(local).label.lower()} → {account.status_map[local]}"
        for local in order
        if account.status_map.get(local)
    ]
    if not moves:
        return "LeafLink's orders are never moved."
    return f"LeafLink's orders follow ours: {', '.join(moves)}."


def _to_know(account: Account) -> list[tuple[str, str]]:
    """What does not keep it from going live, but is better known."""
    told = []
    if not account.last_webhook_at:
        told.append(("No webhook has come yet: orders are polled each minute.", "webhook"))
    if count := setup_steps.unmapped(account):
        told.append(
            (f"Not mapped to a sales rep: {count} of LeafLink's staff. Their orders wait.", "reps")
        )
    if account.default_facility is None:
        told.append(("No default facility: orders may come in without one.", "catalog"))
    found = check_key.stored(account)
    for row in found.permissions if found else []:
        if row["state"] != "ok" and not row["is_vital"]:
            told.append((row["cure"], "connect"))
    return told


def go_live(
    account: Account, *, sell_out: bool, seen: str, by: Any, raise_too: bool = False
) -> int:
    """Test the key and read the products once more, then go live and ask for the first cycle.
    Returns of how many items outdated opening stock was brought down to LeafLink's quantity.

    `sell_out`: whether products that have no stock here are to be sold out in LeafLink at once;
    else the brake's rules decide, and those it stops wait for a yes. `raise_too`: more may be
    offered of `Readiness.raised` than LeafLink has. `seen`: the `Readiness.seen` of the page on
    which that was said. Raises NotReady, changing nothing. Going live twice is once.
    """
    if not account.in_setup:
        return 0
    check_key.check(account)
    if cures := _cures(account):
        raise NotReady(cures)
    _reread(account)
    with transaction.atomic():
        fresh = Account.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
        if not fresh.in_setup:
            return 0
        retaken = opening_stock.take_again(account, by)
        ready = readiness(account)
        _check_seen(ready, seen, raise_too=raise_too)
        if sell_out:
            _allow(ready.push.selling_out)
        fresh.in_setup, fresh.went_live_at = False, timezone.now()
        # Saved as a whole object's save would be told: hints look at held orders and quantities.
        fresh.save(update_fields=["in_setup", "went_live_at"])
        account.in_setup, account.went_live_at = False, fresh.went_live_at
        work.ask(account.pk, INVENTORY_WORK, ["all"], WorkItem.Priority.ORDERS)
        work.ask(account.pk, CATALOG_WORK, ["all"], WorkItem.Priority.REST)
        said = (
            f"Went live; yes to {len(ready.push.selling_out)} products that sell out in LeafLink."
            if sell_out
            else "Went live."
        )
        LogEntry.objects.log_actions(by.pk, [fresh], CHANGE, change_message=said)
    return retaken


def _reread(account: Account) -> None:
    try:
        opening_stock.reread(account)
    except opening_stock.NotReread as error:
        raise NotReady([(str(error), "go-live")]) from error
    except (VendorError, BudgetExhausted) as error:
        text = (
            f"LeafLink's present quantities could not be read: {error} Nothing was started. Try "
            "again in a few minutes."
        )
        raise NotReady([(text, "go-live")]) from error


def _check_seen(ready: Readiness, seen: str, *, raise_too: bool) -> None:
    if ready.cures:
        raise NotReady(ready.cures)
    if ready.seen != seen:
        text = (
            "What would sell out or be raised has changed since this page was opened. Look again."
        )
        raise NotReady([(text, "go-live")])
    if ready.raised and not raise_too:
        raise NotReady([("More would be offered than LeafLink has: say yes to it.", "go-live")])


def _allow(listing_ids: Collection[int]) -> None:
    until = timezone.now() + YES_HOLDS
    for chunk in in_chunks(listing_ids):
        rows = Listing.objects.filter(pk__in=chunk)
        rows.update(zero_allowed_until=until, braked_at=None)


@dataclass
class FirstCycle:
    """How far the first cycle is. `parts`: what, what is known of it, and whether it is done."""

    parts: list[tuple[str, str, bool]]
    problems: list[str]

    @property
    def is_done(self) -> bool:
        return all(done for _, _, done in self.parts)


def first_cycle(account: Account) -> FirstCycle:
    """Look how far it is, by what has run since it went live and what waits. No network."""
    runs: dict[str, Run] = {}
    ended = Run.objects.filter(connection=account, finished_at__isnull=False)
    for run in ended.filter(started_at__gte=account.went_live_at or timezone.now()).order_by("pk"):
        runs[run.kind] = run
    waiting = WorkItem.objects.filter(connection=account, stuck_at__isnull=True)
    to_send = waiting.filter(kind=LISTING_WORK).count()
    to_read = waiting.filter(kind=ORDER_WORK).count()
    orders, products = runs.get("orders"), runs.get("products")
    sent = runs.get("inventory")
    parts = [
        ("Orders read", f"{orders.seen:,} seen" if orders else "", bool(orders and not to_read)),
        ("Products read", f"{products.seen:,} seen" if products else "", products is not None),
        (
            "Quantities sent",
            f"{to_send:,} still to send" if sent and to_send else "",
            bool(sent and not to_send),
        ),
    ]
    if not account.push_inventory:
        parts = parts[:2]
    stuck = WorkItem.objects.filter(connection=account, stuck_at__isnull=False)
    problems = [run.error for run in runs.values() if run.error]
    problems += list(stuck.values_list("error", flat=True)[:5])
    return FirstCycle(parts, list(dict.fromkeys(problems)))
