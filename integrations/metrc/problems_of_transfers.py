"""What of orders' transfers needs a person. Each source costs the same few queries however many
orders there are.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from catalog.decimals import units, with_thousands
from integrations.metrc.models import Discrepancy, Match, PossibleMatch, Transfer
from integrations.metrc.work_kinds import MANIFEST_WORK
from integrations.models import Notice, WorkItem
from integrations.problems import Act, Problem, Source
from orders.models import SalesOrder

VIEW, TRANSFER = "metrc.view_transfer", Notice.Category.TRANSFER


def _page(order_id: int, name: str = "match") -> str:
    return reverse(f"admin:metrc_order_{name}", args=[order_id])


def _open_questions() -> QuerySet[PossibleMatch]:
    rows = PossibleMatch.objects.filter(
        dismissed_at__isnull=True, delivery__transfer__facility__account__is_active=True
    )
    rows = rows.select_related("order", "delivery__transfer__facility")
    return rows.defer("delivery__raw", "delivery__transfer__raw").order_by("found_at", "pk")


def possible() -> Iterator[Problem]:
    """A problem for each order of which a transfer may be its."""
    found: dict[int, list[PossibleMatch]] = {}
    for row in _open_questions().filter(delivery__transfer__is_voided=False):
        found.setdefault(row.order_id, []).append(row)
    for rows in found.values():
        order = rows[0].order
        named = " or ".join(dict.fromkeys(str(row.delivery.transfer).lower() for row in rows[:3]))
        why = "; ".join(rows[0].reasons[:2]).replace("But: ", "")
        yield Problem(
            key=f"order {order.pk}",
            text=f"{order}: {named} may be its transfer. {why}".strip(),
            cure="Say whether it is",
            url=_page(order.pk),
            waiting=1,
            value=order.total,
            needs=("metrc.match_transfer",),
            **_of(rows[0].delivery.transfer, rows[0].found_at),
        )


def _of(transfer: Transfer, since: Any) -> dict[str, Any]:
    return {"connection_id": transfer.facility.account_id, "since": since}


def waiting() -> Iterator[Problem]:
    """A problem for each matched order that can't be moved on."""
    rows = Match.objects.filter(
        ended_at__isnull=True, delivery__transfer__facility__account__is_active=True
    ).exclude(waits_for="")
    rows = rows.select_related("order", "delivery__transfer__facility")
    for row in rows.defer("delivery__raw", "delivery__transfer__raw").order_by("matched_at", "pk"):
        yield Problem(
            key=f"match {row.pk}",
            text=f"{row.order} is on {str(row.delivery.transfer).lower()}. {row.waits_for}",
            cure="Look at the order",
            url=reverse("admin:orders_salesorder_change", args=[row.order_id]),
            waiting=1,
            value=row.order.total,
            **_of(row.delivery.transfer, row.matched_at),
        )


def differences() -> Iterator[Problem]:
    """A problem for each order of which not all has arrived, and nobody has decided about it."""
    rows = Discrepancy.objects.filter(
        decision="",
        match__ended_at__isnull=True,
        match__delivery__transfer__facility__account__is_active=True,
    )
    rows = rows.select_related("match__order", "match__delivery__transfer__facility")
    rows = rows.defer("match__delivery__raw", "match__delivery__transfer__raw")
    found: dict[int, list[Discrepancy]] = {}
    for row in rows.order_by("found_at", "pk"):
        found.setdefault(row.match_id, []).append(row)
    for some in found.values():
        match = some[0].match
        told = "; ".join(
            f"{with_thousands(units(one.quantity))} {one.get_kind_display().lower()}"
            + (" and back" if one.is_back else "")
            for one in some[:3]
        )
        more = f" and {len(some) - 3} more" if len(some) > 3 else ""
        transfer = match.delivery.transfer
        yield Problem(
            key=f"match {match.pk}",
            text=f"{match.order}: not all of {str(transfer).lower()} arrived. {told}{more}.",
            cure="Decide what becomes of it",
            url=_page(match.order_id, "received"),
            waiting=len(some),
            value=match.order.total,
            needs=("metrc.settle_discrepancy",),
            **_of(transfer, some[0].found_at),
        )


def voided() -> Iterator[Problem]:
    """A problem for each order that had left when its transfer was voided, and is on no other."""
    stands = Match.objects.filter(order=OuterRef("order"), ended_at__isnull=True)
    rows = _open_questions().filter(~Exists(stands), delivery__transfer__is_voided=True)
    for row in rows:
        order: SalesOrder = row.order
        transfer = row.delivery.transfer
        yield Problem(
            key=f"order {order.pk}",
            text=(
                f"{order} is {order.get_status_display().lower()}, and {str(transfer).lower()} was "
                "voided in Metrc. Find the transfer that was made instead, or take the goods back."
            ),
            cure="Look at its transfer",
            url=_page(order.pk),
            waiting=1,
            value=order.total,
            needs=("metrc.match_transfer",),
            **_of(transfer, row.found_at),
        )


def manifests() -> Iterator[Problem]:
    """A problem for each manifest that can't be fetched."""
    stuck = WorkItem.objects.filter(
        kind=MANIFEST_WORK, stuck_at__isnull=False, connection__is_active=True
    )
    items = {int(one.key): one for one in stuck if one.key.isascii() and one.key.isdecimal()}
    rows = Match.objects.filter(delivery__transfer__in=items, ended_at__isnull=True)
    rows = rows.select_related("order", "delivery__transfer__facility")
    told = set()
    for row in rows.defer("delivery__raw", "delivery__transfer__raw").order_by("pk"):
        transfer = row.delivery.transfer
        if transfer.pk in told:
            continue
        told.add(transfer.pk)
        item = items[transfer.pk]
        yield Problem(
            key=f"transfer {transfer.pk}",
            text=f"{row.order}: its manifest could not be fetched. {item.error}",
            cure="Look at it",
            url=_page(row.order_id, "manifest"),
            waiting=1,
            act=Act(
                "Fetch it again",
                _page(row.order_id, "manifest_fetch"),
                permissions=("metrc.view_match", "metrc.sync_metrcaccount"),
            ),
            **_of(transfer, item.stuck_at),
        )


def _source(name: str, label: str, find: Any, of: str = "order") -> Source:
    return Source(name, label, TRANSFER, find, VIEW, of=of)


SOURCES = (
    _source("metrc_possible", "Say which transfer in Metrc is the order's", possible),
    _source("metrc_waiting", "Help matched orders on", waiting),
    _source("metrc_difference", "Decide about what did not arrive whole", differences, "package"),
    _source("metrc_voided", "Look at orders whose transfer was voided", voided),
    _source("metrc_manifest", "Help manifests on", manifests, "manifest"),
)
