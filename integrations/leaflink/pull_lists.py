"""Pulling LeafLink's lists: the brands, product lines, strains, categories and licenses that a
product's fields are chosen from. Read with every full reading, and when there are none yet.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.leaflink import hints
from integrations.leaflink.chunks import in_chunks
from integrations.leaflink.models import Account, LineItem, ListEntry
from integrations.leaflink.unstorable import UNSTORABLE
from integrations.leaflink.wire import payloads
from integrations.leaflink.wire.client import LeafLinkClient
from integrations.runs import Recorder
from integrations.wire.errors import BadCredentials, BadPayload, Gone, Refused
from integrations.wire.fields import Payload, storable

List = ListEntry.List


@dataclass(frozen=True)
class Source:
    """Where a list is read, and how an answer's row becomes an entry. `by_company`: LeafLink
    shows other companies' too unless it is told whose."""

    list: str
    path: str
    payload: type[Payload]
    name: Callable[[Any], str]
    parent: Callable[[Any], int | None]
    by_company: bool = True


def _no_parent(row: Any) -> None:
    return None


SOURCES = (
    Source(List.BRAND, "brands", payloads.Named, lambda r: r.name, _no_parent),
    Source(List.PRODUCT_LINE, "product-lines", payloads.Named, lambda r: r.name, lambda r: r.brand),
    Source(List.STRAIN, "strains", payloads.Named, lambda r: r.name, _no_parent),
    Source(
        List.CATEGORY,
        "product-categories",
        payloads.Named,
        lambda r: r.name,
        _no_parent,
        by_company=False,
    ),
    Source(
        List.SUBCATEGORY,
        "product-subcategories",
        payloads.Named,
        lambda r: r.name,
        lambda r: r.category,
        by_company=False,
    ),
    Source(
        List.LICENSE,
        "licenses",
        payloads.License,
        lambda r: r.number,
        _no_parent,
        by_company=False,
    ),
    # Numbers of batches are the numbers of our lots.
    Source(
        List.BATCH,
        "batches",
        payloads.Batch,
        lambda r: r.production_batch_number,
        _no_parent,
        by_company=False,
    ),
)
# Read from orders, not here.
LEARNT = (List.PAYMENT_TERM, List.PAYMENT_METHOD)


def read_batches(account: Account, client: LeafLinkClient) -> list[int]:
    """Read the numbers of the batches that orders name and nobody has read yet; returns LeafLink's
    ids of them. One that LeafLink does not show is noted without a number, so it is asked for once.
    Raises as the client does."""
    entries = ListEntry.objects.filter(account=account, list=List.BATCH)
    named = LineItem.objects.filter(order__account=account, batch_remote_id__isnull=False)
    unread = set(named.order_by().values_list("batch_remote_id", flat=True).distinct())
    unread -= set(entries.values_list("remote_id", flat=True))
    for some in in_chunks(sorted(pk for pk in unread if pk)):
        numbers = dict.fromkeys(some, "")
        for page in client.pages("batches", id=",".join(map(str, some))):
            for body in page:
                batch = payloads.parse(payloads.Batch, storable(body))
                if batch.id in numbers:
                    numbers[batch.id] = batch.production_batch_number[:300]
        ListEntry.objects.bulk_create(
            [
                ListEntry(account=account, list=List.BATCH, remote_id=pk, name=number)
                for pk, number in numbers.items()
            ],
            ignore_conflicts=True,
        )
    return sorted(pk for pk in unread if pk)


def pull_lists(
    account: Account, client: LeafLinkClient, run: Recorder, *, full: bool, dry: bool = False
) -> None:
    """Read all lists, where that is due. One that the key may not read stops no other."""
    known = ListEntry.objects.filter(account=account).exclude(list__in=(*LEARNT, List.BATCH))
    if dry or not (full or not known.exists()):
        return
    slug = ""
    with _noted(run, "companies"):
        slug = _know_company(account, client)
    for source in SOURCES:
        params: dict[str, str] = {}
        if source.by_company and account.company_id:
            params["company"] = str(account.company_id)
        if source.list == List.LICENSE and slug:
            params["company_slug"] = slug
        with _noted(run, source.path):
            rows = [row for page in client.pages(source.path, **params) for row in page]
            _store(account, source, rows, run)


@contextmanager
def _noted(run: Recorder, path: str) -> Iterator[None]:
    """A list that can't be read is noted, and the next one is tried."""
    try:
        yield
    except (BadCredentials, Refused, Gone, BadPayload) as error:
        if "(401" in str(error):
            raise  # the key itself is bad, so nothing else will be read either
        run.problem(f"list of {path}", str(error))


def _know_company(account: Account, client: LeafLinkClient) -> str:
    """Which company the key belongs to: noted on the account where it is not known yet.

    Returns LeafLink's short name for it, "" when that can't be told.
    """
    companies = []
    for page in client.pages("companies"):
        companies += [payloads.parse(payloads.Company, body) for body in page]
    mine = [c for c in companies if c.id == account.company_id] or companies
    if len(mine) != 1:
        return ""
    company = mine[0]
    if not account.company_id:
        account.company_id = company.id
        account.company_name = account.company_name or company.name[:400]
        Account.objects.filter(pk=account.pk).update(
            company_id=account.company_id, company_name=account.company_name
        )
    return company.slug


def _store(account: Account, source: Source, bodies: list[Any], run: Recorder) -> None:
    entries: dict[int, ListEntry] = {}
    unreadable = 0
    for body in bodies:
        try:
            row: Any = payloads.parse(source.payload, storable(body))
        except BadPayload as error:
            run.problem(f"list of {source.path}", str(error))
            unreadable += 1
            continue
        if name := source.name(row)[:300]:
            entries[row.id] = ListEntry(
                account=account,
                list=source.list,
                remote_id=row.id,
                name=name,
                parent_remote_id=source.parent(row),
            )
    known = ListEntry.objects.filter(account=account, list=source.list)
    present = {e.remote_id: (e.name, e.parent_remote_id) for e in known.filter(gone_at=None)}
    fresh = [
        e for pk, e in sorted(entries.items()) if present.get(pk) != (e.name, e.parent_remote_id)
    ]
    # What can't be read may be any of them.
    gone: set[int] = set() if unreadable else set(present) - set(entries)
    try:
        with transaction.atomic():
            ListEntry.objects.bulk_create(
                fresh,
                update_conflicts=True,
                unique_fields=["account", "list", "remote_id"],
                update_fields=["name", "parent_remote_id", "gone_at"],
                batch_size=500,
            )
            for some in in_chunks(gone):
                known.filter(remote_id__in=some).update(gone_at=timezone.now())
    except UNSTORABLE as error:
        run.problem(f"list of {source.path}", f"It can't be stored: {error}")
        return
    if source.list == List.BATCH:
        hints.batches_read(account, [entry.remote_id for entry in fresh])
