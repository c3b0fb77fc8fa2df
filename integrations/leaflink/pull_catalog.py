"""Pulling products, customers and staff: LeafLink's lists into our mirrors, a page at a time.

A page costs a constant number of queries. A row that can't be read is kept with its problem and
never stops the others; an older `modified` never overwrites a newer one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from integrations import work
from integrations.leaflink import brake, cursors, record_kinds
from integrations.leaflink.mapping import product_fields
from integrations.leaflink.models import Account, Customer, Listing, Mirror, Product, Staff
from integrations.leaflink.unstorable import UNSTORABLE, note_unstorable
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.work_kinds import DETAILS_WORK
from integrations.models import Notice, WorkItem
from integrations.notices import notify
from integrations.runs import Recorder
from integrations.wire.errors import BadPayload, Gone
from integrations.wire.fields import Payload, storable

M = TypeVar("M", bound=Mirror)


@dataclass(frozen=True)
class Resource:
    """How one of LeafLink's lists becomes mirror rows."""

    path: str
    name: str
    model: type[Mirror]
    payload: type[Payload]
    fields: Callable[[Any], dict[str, Any]]
    columns: tuple[str, ...]


def _product_fields(product: payloads.Product) -> dict[str, Any]:
    return {
        "sku": product.sku[:255],
        "name": product.name[:500],
        "listing_state": product.listing_state[:30],
        "inventory_management": product.inventory_management[:5],
        "unit_of_measure": product.unit_of_measure[:30],
        "unit_multiplier": product.unit_multiplier,
        "wholesale_price": product.wholesale_price,
        "remote_brand_id": product.brand,
        "quantity": product.quantity,
        "reserved": product.reserved_qty,
        "shown": product_fields.shown(product),
        "gone_at": None,
    }


def _customer_fields(customer: payloads.Customer) -> dict[str, Any]:
    return {
        "name": customer.label[:400],
        "license_number": customer.license_number[:100],
        "external_id": customer.external_id[:100],
        "email": customer.email[:255],
    }


def _staff_fields(staff: payloads.Staff) -> dict[str, Any]:
    return {
        "name": (staff.display_name or staff.username)[:200],
        "email": staff.email[:255],
        "is_active": staff.is_active,
    }


PRODUCTS = Resource(
    "products",
    record_kinds.PRODUCT,
    Product,
    payloads.Product,
    _product_fields,
    (
        "sku",
        "name",
        "listing_state",
        "inventory_management",
        "unit_of_measure",
        "unit_multiplier",
        "wholesale_price",
        "remote_brand_id",
        "quantity",
        "reserved",
        "shown",
        "gone_at",
    ),
)
CUSTOMERS = Resource(
    "customers",
    record_kinds.CUSTOMER,
    Customer,
    payloads.Customer,
    _customer_fields,
    ("name", "license_number", "external_id", "email"),
)
STAFF = Resource(
    "company-staff",
    record_kinds.STAFF,
    Staff,
    payloads.Staff,
    _staff_fields,
    ("name", "email", "is_active"),
)
# Calls that one audit spends on products the list did not show.
MOST_ASKED = 50
ALWAYS = ("modified", "raw", "read_at", "problem")


def pull_products(
    account: Account,
    client: LeafLinkClient,
    run: Recorder,
    *,
    full: bool = False,
    dry: bool = False,
) -> None:
    """Read the products that changed since the last time, or all of them (`full`).

    A full read also notes which products are gone. LeafLink: `modified` does not move when only a
    reservation does, which is why a full read is needed now and then.
    """
    seen = _pull(PRODUCTS, account, client, run, full=full, dry=dry)
    if full and not dry:
        _check_missing(account, client, seen)


def _check_missing(account: Account, client: LeafLinkClient, seen: set[int]) -> None:
    """Ask for each product that the list did not show: rows move between pages while it is read,
    so only a 404 proves that one is gone."""
    known = Product.objects.filter(account=account, gone_at__isnull=True)
    for remote_id in sorted(set(known.values_list("remote_id", flat=True)) - seen)[:MOST_ASKED]:
        try:
            read_product(account, client, str(remote_id))
        except Gone:
            note_gone(account, str(remote_id))


def note_gone(account: Account, remote_id: str) -> None:
    """LeafLink has said that it doesn't have this product (any more): its link is looked at again,
    so that the item shows it, and it waits for no yes any more."""
    there = Product.objects.filter(account=account, remote_id=remote_id, gone_at__isnull=True)
    if not there.update(gone_at=timezone.now()):
        return
    brake.tell(account)
    linked = Listing.objects.filter(product__account=account, product__remote_id=remote_id)
    items = map(str, linked.values_list("item", flat=True))
    work.ask(account.pk, DETAILS_WORK, items, WorkItem.Priority.REST)


def pull_customers(
    account: Account,
    client: LeafLinkClient,
    run: Recorder,
    *,
    full: bool = False,
    dry: bool = False,
) -> None:
    """Read the customers that changed since the last time, or all of them (`full`)."""
    _pull(CUSTOMERS, account, client, run, full=full, dry=dry)


def pull_staff(
    account: Account,
    client: LeafLinkClient,
    run: Recorder,
    *,
    full: bool = False,
    dry: bool = False,
) -> None:
    """Read all staff (LeafLink's list has no filter by change)."""
    _pull(STAFF, account, client, run, full=True, dry=dry)


def read_product(account: Account, client: LeafLinkClient, remote_id: str) -> None:
    """Read one product again, and store it. Raises as the client does."""
    store_page(PRODUCTS, account, [client.get(f"products/{remote_id}")], Recorder())


def _pull(
    resource: Resource,
    account: Account,
    client: LeafLinkClient,
    run: Recorder,
    *,
    full: bool,
    dry: bool,
) -> set[int]:
    """Read a list and store it; returns the ids that it showed."""
    started = timezone.now()
    seen: set[int] = set()
    since = None if full else cursors.start_of(account, resource.path)
    params = {"modified__gte": since.isoformat()} if since else {}
    if account.company_id and resource is STAFF:
        params["company"] = str(account.company_id)
    newest: datetime | None = None
    for bodies in client.pages(resource.path, **params):
        page_newest = store_page(resource, account, bodies, run, dry=dry)
        seen.update(body["id"] for body in bodies if _has_id(body))
        newest = max(filter(None, (newest, page_newest)), default=None)
    if not dry:
        cursors.advance(account, resource.path, newest, started)
    return seen


def _has_id(body: Any) -> bool:
    return isinstance(body, dict) and type(body.get("id")) is int


def store_page(
    resource: Resource, account: Account, bodies: Sequence[Any], run: Recorder, *, dry: bool = False
) -> datetime | None:
    """Store a page of a list; returns the newest `modified` in it. Counts on `run`."""
    now = timezone.now()
    rows: dict[int, Mirror] = {}
    for body in bodies:
        run.seen += 1
        row = _row(resource, account, body, run, now)
        if row is not None:
            run.skip("listed twice", int(row.remote_id in rows))
            rows[row.remote_id] = row
    known = {
        old.remote_id: old
        for old in resource.model._default_manager.filter(account=account, remote_id__in=list(rows))
    }
    fresh = []
    for remote_id, row in rows.items():
        old = known.get(remote_id)
        if old and old.modified and row.modified and row.modified < old.modified:
            run.skip("older than what is known")
            continue
        if old is None or _differs(resource, old, row):
            run.changed += 1
        elif not row.problem:
            run.skip("unchanged")
        fresh.append(row)
    if not dry:
        try:
            with transaction.atomic():
                _upsert(resource, fresh)
        except UNSTORABLE:
            _upsert_one_by_one(resource, account, fresh, run)
    return max((row.modified for row in rows.values() if row.modified), default=None)


def _row(
    resource: Resource, account: Account, body: Any, run: Recorder, now: datetime
) -> Mirror | None:
    """The mirror row of a body: readable, kept with its problem, or None without even an id."""
    body = storable(body)
    try:
        payload: Any = payloads.parse(resource.payload, body)
    except BadPayload as error:
        remote_id = body.get("id") if isinstance(body, dict) else None
        name = f"{resource.name} {remote_id or '?'}"
        run.problem(name, str(error), resource.name, remote_id or "")
        if not isinstance(remote_id, int) or not 0 < remote_id < 2**63:
            text = f"A {resource.name} in LeafLink's list has no id. {error}"
            notify(account, Notice.Category.UNREADABLE, f"{resource.name} without id", text)
            return None
        return resource.model(
            account=account, remote_id=remote_id, raw=body, read_at=now, problem=str(error)
        )
    return resource.model(
        account=account,
        remote_id=payload.id,
        raw=body,
        read_at=now,
        modified=getattr(payload, "modified", None),
        **resource.fields(payload),
    )


def _differs(resource: Resource, old: Mirror, new: Mirror) -> bool:
    columns = ("problem",) if new.problem else (*resource.columns, "problem")
    return any(getattr(old, name) != getattr(new, name) for name in columns)


def _upsert_one_by_one(
    resource: Resource, account: Account, rows: Sequence[Mirror], run: Recorder
) -> None:
    """Something in the page can't be stored: find out what, and store the rest."""
    for row in rows:
        try:
            with transaction.atomic():
                _upsert(resource, [row])
        except UNSTORABLE as error:
            note_unstorable(account, resource.name, row.remote_id, error, run)


def _upsert(resource: Resource, rows: Sequence[Mirror]) -> None:
    """Insert or update: the whole row when it was readable, else only its problem."""
    # In the order of the ids, so that two pulls of the same page never wait for each other.
    ordered = sorted(rows, key=lambda row: row.remote_id)
    for good in (True, False):
        batch = [row for row in ordered if (not row.problem) is good]
        if batch:
            resource.model._default_manager.bulk_create(
                batch,
                update_conflicts=True,
                unique_fields=["account", "remote_id"],
                update_fields=(*resource.columns, *ALWAYS)
                if good
                else ("raw", "read_at", "problem"),
            )
