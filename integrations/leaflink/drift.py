"""The drift report: all that the two sides show differently, found by comparing, kept until gone.

Compared are our own rows and the mirrors of what LeafLink said last; LeafLink is not asked here.
The hourly audit reads everything first. What is about to be sent is no difference yet.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from catalog.decimals import units, with_thousands
from integrations.leaflink import agree_terms, out_of_step
from integrations.leaflink.check_links import AWAY
from integrations.leaflink.chunks import in_chunks
from integrations.leaflink.due_quantities import Why, why
from integrations.leaflink.mapping.payment_terms import is_other
from integrations.leaflink.mapping.product_fields import LABELS, PRICE_OF_A_CASE, Decision
from integrations.leaflink.mapping.status_rules import target
from integrations.leaflink.mapping.statuses import ENDED, RemoteStatus
from integrations.leaflink.models import Account, Drift, LineItem, Listing, Order, Product
from integrations.leaflink.quantities import wanted
from integrations.leaflink.wanted import Lists, in_words, leaflink_unit
from integrations.leaflink.work_kinds import DETAILS_WORK, LISTING_WORK, STATUS_WORK
from integrations.models import WorkItem
from orders.status import Status
from orders.terms import LABELS as TERMS

Kind = Drift.Kind
# Whose stock is not kept by us.
NOT_OURS = (Why.OFF, Why.UNLIMITED, Why.INHERITED, Why.NOT_COUNTED)
# What keeps a quantity that differs from being sent.
WAITS = {Why.PAUSED: ", paused", Why.REFUSED: ", refused", Why.BRAKED: ", waits for a yes"}
# Told of whatever is being sent: nothing that we send changes them.
OF_STATE = (Kind.UNIT, Kind.LISTING_STATE)
NOT_OFFERED = ("Archived", "Unavailable", "Internal")
KIND_OF = {"name": Kind.NAME, "sku": Kind.SKU, **dict.fromkeys(PRICE_OF_A_CASE, Kind.PRICE)}
KIND_OF |= {"retail_price": Kind.PRICE}


@dataclass(frozen=True)
class Found:
    """One difference, as it is now."""

    kind: str
    field: str
    label: str
    ours: str
    theirs: str
    listing_id: int | None = None
    order_id: int | None = None

    @property
    def key(self) -> tuple[int | None, int | None, str]:
        return self.listing_id, self.order_id, self.field


def record(account: Account, *, reserved: bool = False) -> int:
    """Compare everything, and keep what differs; returns how many differences there are.

    `reserved`: all products were read, and the orders after them, so that their reservations can be
    compared as well; otherwise only differences of these that are gone are noted. Of which an order
    came after the product was read, it is not known what LeafLink reserves by now.
    """
    sending = _UnderWay.of(account)
    found = {
        one.key: one
        for one in (*_of_listings(account, reserved, sending), *_of_orders(account, sending))
    }
    with transaction.atomic():
        _keep(account, dict(found), sending)
    return len(found)


@dataclass(frozen=True)
class _UnderWay:
    """What is not compared just now, so that its rows are neither added nor dropped: what work in
    the queue will bring together by itself, and reservations that have moved on."""

    quantities: set[str]
    details: set[str]
    orders: set[str]
    # LeafLink's numbers of the products of which an order was read after them.
    ordered_since: set[int]

    @classmethod
    def of(cls, account: Account) -> "_UnderWay":
        rows = WorkItem.objects.filter(connection=account, stuck_at__isnull=True)
        keys: dict[str, set[str]] = {LISTING_WORK: set(), DETAILS_WORK: set(), STATUS_WORK: set()}
        for kind, key in rows.filter(kind__in=keys).values_list("kind", "key"):
            keys[kind].add(key)
        ordered = _ordered_since_read(account)
        return cls(keys[LISTING_WORK], keys[DETAILS_WORK], keys[STATUS_WORK], ordered)

    def has(self, row: Any) -> bool:
        """Whether a row (with `item_id`, `remote_id` and `number`) was left out."""
        if row.order_id:
            return str(row.number) in self.orders
        if row.kind == Kind.RESERVED and row.remote_id in self.ordered_since:
            return True
        if row.kind in (Kind.QUANTITY, Kind.RESERVED):
            return str(row.item_id) in self.quantities
        return row.kind not in OF_STATE and str(row.item_id) in self.details


def _keep(account: Account, found: dict[Any, Found], sending: _UnderWay) -> None:
    """Add what is new, correct what is different, drop what is gone."""
    gone, changed = [], []
    rows = Drift.objects.select_for_update(of=("self",)).filter(account=account).order_by("pk")
    rows = rows.annotate(
        item_id=F("listing__item"),
        remote_id=F("listing__product__remote_id"),
        number=F("order__number"),
    )
    for row in rows:
        one = found.pop((row.listing_id, row.order_id, row.field), None)
        if one is None:
            if not sending.has(row):
                gone.append(row.pk)
        elif (row.ours, row.theirs, row.label) != (one.ours, one.theirs, one.label):
            # It was ignored as it was then.
            row.ours, row.theirs, row.ignored_until, row.ignored_by = (
                one.ours,
                one.theirs,
                None,
                None,
            )
            row.label, row.kind = one.label, one.kind
            changed.append(row)
    for chunk in in_chunks(gone):
        Drift.objects.filter(pk__in=chunk).delete()
    columns = ["ours", "theirs", "ignored_until", "ignored_by", "label", "kind"]
    Drift.objects.bulk_update(changed, columns, batch_size=200)
    fresh = [
        Drift(
            account=account,
            listing_id=one.listing_id,
            order_id=one.order_id,
            kind=one.kind,
            field=one.field,
            label=one.label,
            ours=one.ours,
            theirs=one.theirs,
        )
        for one in found.values()
    ]
    Drift.objects.bulk_create(fresh, batch_size=500, ignore_conflicts=True)


def _ordered_since_read(account: Account) -> set[int]:
    """LeafLink's numbers of the linked products of which an order was read after they were."""
    products = Product.objects.filter(account=account, gone_at__isnull=True, listing__isnull=False)
    rows = products.values_list("remote_id", "read_at")
    read_at = {pk: at for pk, at in rows if at}
    if not read_at:
        return set()
    lines = LineItem.objects.filter(
        order__account=account, order__read_at__gt=min(read_at.values())
    )
    newest = lines.order_by().values_list("product_remote_id").annotate(Max("order__read_at"))
    return {pk for pk, last in newest if pk in read_at and last > read_at[pk]}


def _of_listings(account: Account, reserved: bool, sending: _UnderWay) -> Iterator[Found]:
    yield from _of_quantities(account, reserved, sending)
    lists = Lists.of(account)
    differing = ~Q(differences=[]) | ~Q(trouble="") | Q(item__is_active=False)
    rows = Listing.objects.filter(differing, product__account=account).select_related(
        "item", "product"
    )
    for listing in rows.defer("product__raw", "product__shown", "agreed").iterator(chunk_size=500):
        yield from _of_state(listing)
        if str(listing.item_id) in sending.details:
            continue
        for row in listing.differences:
            kind = KIND_OF.get(row["field"], Kind.DETAILS)
            # Descriptions and the like are often different on purpose.
            if kind == Kind.DETAILS and row["decision"] == Decision.DIFFERS.value:
                continue
            ours, theirs = (in_words(row["field"], row[side], lists) for side in ("ours", "theirs"))
            label = LABELS[row["field"]]
            yield Found(kind, row["field"], label, ours, theirs, listing_id=listing.pk)


def _of_quantities(account: Account, reserved: bool, sending: _UnderWay) -> Iterator[Found]:
    kept = set(
        Drift.objects.filter(account=account, kind=Kind.RESERVED).values_list("listing", flat=True)
    )
    for one in _differing(account):
        row, pk = one.row, one.row.listing_id
        if str(row.item_id) in sending.quantities:
            continue
        here, there = one.quantity, units(row.quantity)
        reason = why(account, one)
        if here != there and reason not in NOT_OURS:
            words = with_thousands(units(here)), with_thousands(there)
            label = f"Quantity{WAITS.get(reason, '')}"
            yield Found(Kind.QUANTITY, "quantity", label, *words, listing_id=pk)
        ours, theirs = one.target.expected_reserved, units(row.reserved)
        if row.remote_id in sending.ordered_since:
            continue
        if ours != theirs and (reserved or pk in kept):
            words = with_thousands(units(ours)), with_thousands(theirs)
            label = "Reserved for orders"
            yield Found(Kind.RESERVED, "reserved", label, *words, listing_id=pk)


def _differing(account: Account) -> list[Any]:
    """The listings whose quantity or reservation is another one in LeafLink."""
    return [
        one
        for one in wanted(account)
        if one.quantity != units(one.row.quantity)
        or one.target.expected_reserved != units(one.row.reserved)
    ]


def _of_state(listing: Listing) -> Iterator[Found]:
    item, product = listing.item, listing.product
    if listing.trouble == Listing.Trouble.UNITS:
        words = leaflink_unit(item.unit_of_measure), product.unit_of_measure
        yield Found(Kind.UNIT, "unit", "Unit of measure", *words, listing_id=listing.pk)
    state = "Gone" if listing.trouble == Listing.Trouble.GONE else product.listing_state
    ours = "Offered" if item.is_active else "Not active"
    is_away = listing.trouble in AWAY
    if (item.is_active and is_away) or (not item.is_active and state not in NOT_OFFERED):
        words = (ours, state or "–")
        kind = Kind.LISTING_STATE
        yield Found(kind, "listing_state", "Listing state", *words, listing_id=listing.pk)


def _of_orders(account: Account, sending: _UnderWay) -> Iterator[Found]:
    synced = (Order.State.IMPORTED, Order.State.CONFLICT)
    rows = (
        Order.objects.filter(account=account, state__in=synced, gone_at__isnull=True)
        .exclude(status__in=[*ENDED, RemoteStatus.DRAFT])
        .exclude(sales_order__status__in=[Status.COMPLETED, Status.CANCELED], is_disputed=False)
        .filter(sales_order__isnull=False)
        .select_related("sales_order")
        .defer("raw")
    )
    for order in rows.iterator(chunk_size=500):
        if str(order.number) in sending.orders:
            continue
        disputed = {row["name"]: row for row in order.disputed}
        yield from _of_status(account, order, disputed)
        here = agree_terms.ours(order.sales_order) if order.sales_order else {}
        for name, ours in here.items():
            theirs = order.there.get(name, ours)
            if ours == theirs or (is_other(theirs) and not ours):
                continue
            here_said, there_said = (agree_terms.in_words(name, x) or "–" for x in (ours, theirs))
            yield Found(Kind.TERMS, name, TERMS[name], here_said, there_said, order_id=order.pk)


def _of_status(account: Account, order: Order, disputed: dict[str, Any]) -> Iterator[Found]:
    local = order.sales_order
    row = disputed.get("status")
    if row:
        words = (row["ours"], row["theirs"])
        yield Found(Kind.STATUS, "status", "Order status", *words, order_id=order.pk)
    elif local and out_of_step.is_status_behind(account, order):
        there = target(account.status_map, local.status)
        ours = f"{local.get_status_display()}, which makes LeafLink's {there}"
        yield Found(Kind.STATUS, "status", "Order status", ours, order.status, order_id=order.pk)


def forget_quantities(listing_ids: Collection[int]) -> None:
    """These show in LeafLink what they should, as its answers have just said."""
    rows = Drift.objects.filter(listing__in=list(listing_ids), kind=Kind.QUANTITY)
    rows.delete()


def product_read(account: Account, item_id: int) -> None:
    """An item's product was read again: drop its difference of reservations if that is gone."""
    rows = Drift.objects.filter(listing__item=item_id, kind=Kind.RESERVED)
    if not rows.exists():
        return
    for one in list(wanted(account, [item_id])):
        if one.target.expected_reserved == units(one.row.reserved):
            rows.delete()


def ignore(drifts: Any, until: datetime, *, by: User) -> int:
    """Leave these out of the report until then, or until either value changes."""
    count: int = drifts.update(ignored_until=until, ignored_by=by)
    return count


def open_ones() -> Any:
    """The differences that nobody ignores, of accounts that are active."""
    now = timezone.now()
    rows = Drift.objects.filter(account__is_active=True)
    return rows.filter(Q(ignored_until__isnull=True) | Q(ignored_until__lt=now))
