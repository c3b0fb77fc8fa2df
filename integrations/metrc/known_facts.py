"""What the database knows of orders and deliveries, as the facts that are compared.

A constant number of queries, whatever the number of orders and transfers: only orders that may
still be found are looked at, and only deliveries that have something in common with them.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from customers.models import normalized_license
from integrations.metrc.mapping.match_facts import DeliveryFacts, OrderFacts, invoice_key
from integrations.metrc.models import (
    Delivery,
    DeliveryPackage,
    Match,
    MetrcFacility,
    PackageAssignment,
    PossibleMatch,
    TransferTemplate,
)
from orders.models import OrderLine, SalesOrder
from orders.status import OPEN, Status

# How long a completed order is still looked for, in case it was completed before its transfer was.
COMPLETED_FOR = timedelta(days=60)
# How long before an order is written down its transfer may have been registered.
BEFORE_THE_ORDER = timedelta(days=2)
# Our numbers, as an invoice may carry them.
NUMBER = re.compile(r"so-\d+")
BACK = {DeliveryPackage.State.REJECTED, DeliveryPackage.State.RETURNED}


@dataclass(frozen=True)
class Known:
    """The orders and deliveries of a license that may have to do with each other."""

    orders: dict[int, OrderFacts]
    deliveries: dict[int, DeliveryFacts]


def of_license(facility: MetrcFacility) -> Known:
    """The facts about the orders of a license that are still to be found, and about what may be
    theirs. An order is to be found when it has packages, a template that was sent, or its number
    on the invoice of a delivery that is nobody's."""
    sought = _sought(facility)
    oldest = sought.order_by("created_at").values_list("created_at", flat=True).first()
    if oldest is None:
        return Known({}, {})
    oldest -= BEFORE_THE_ORDER
    by_number = _by_invoice(facility, sought, oldest)
    assigned, sent = _assigned(facility), _sent(facility)
    # Put together here: databases go through all packages for each order otherwise.
    ids = {
        *by_number.values(),
        *assigned.values_list("line__order", flat=True),
        *sent.values_list("order", flat=True),
    } & set(sought.order_by().values_list("pk", flat=True))
    return of_orders(facility, ids, since=oldest, with_deliveries=set(by_number))


def of_orders(
    facility: MetrcFacility,
    order_ids: Collection[int],
    *,
    since: datetime,
    with_deliveries: Collection[int] = (),
) -> Known:
    """The facts about these orders and about what may be theirs, registered since then. With them
    come the orders to which other packages of these deliveries are assigned."""
    if not order_ids:
        return Known({}, {})
    labels = _assigned(facility).filter(line__order__in=order_ids).values("package__label")
    templates = _sent(facility).filter(order__in=order_ids).values("remote_id")
    rows = recent_deliveries(facility, since).filter(
        Q(pk__in=with_deliveries)
        | Q(pk__in=_listed().filter(label__in=labels).values("delivery"))
        | Q(transfer__template_remote_id__in=templates)
    )
    # With the other stops of their transfers: they may explain the template.
    trips = set(rows.values_list("transfer", flat=True))
    stops = recent_deliveries(facility, since).filter(transfer__in=trips)
    deliveries = about_deliveries(facility, list(stops))
    on_them = _listed().filter(delivery__in=deliveries).values("label")
    owners = _assigned(facility).filter(package__label__in=on_them)
    ids = {*order_ids, *owners.values_list("line__order", flat=True)}
    return Known(about_orders(facility, ids, deliveries), deliveries)


def about_deliveries(facility: MetrcFacility, rows: Iterable[Delivery]) -> dict[int, DeliveryFacts]:
    """The facts about deliveries whose transfers are loaded."""
    found = {row.pk: row for row in rows}
    labels: dict[int, set[str]] = defaultdict(set)
    states: dict[int, set[str]] = defaultdict(set)
    packages = _listed().filter(delivery__in=found)
    for pk, label, state in packages.order_by().values_list("delivery", "label", "state"):
        labels[pk].add(label)
        states[pk].add(state)
    matched: dict[int, set[int]] = defaultdict(set)
    matches = Match.objects.filter(delivery__in=found, ended_at__isnull=True)
    for pk, order_id in matches.order_by().values_list("delivery", "order"):
        matched[pk].add(order_id)
    made_from = {row.transfer.template_remote_id for row in found.values()} - {None}
    templates = TransferTemplate.objects.filter(facility=facility, remote_id__in=made_from)
    numbers = dict(templates.order_by().values_list("remote_id", "order__number"))
    return {
        pk: DeliveryFacts(
            id=pk,
            transfer_id=row.transfer_id,
            shipper=facility.license_key,
            recipient=row.recipient_key,
            labels=frozenset(labels[pk]),
            template_id=row.transfer.template_remote_id,
            registered_at=row.transfer.created_at,
            invoice=row.invoice_number or _invoice_of_transfer(row),
            recipient_name=row.recipient_name,
            template_order=numbers.get(row.transfer.template_remote_id, ""),
            matched_orders=frozenset(matched[pk]),
            is_void=row.transfer.is_voided or not row.is_listed,
            is_back=bool(states[pk]) and states[pk] <= BACK,
        )
        for pk, row in found.items()
    }


def about_orders(
    facility: MetrcFacility, ids: Collection[int], deliveries: dict[int, DeliveryFacts]
) -> dict[int, OrderFacts]:
    """The facts about orders; what was dismissed of these deliveries stays dismissed unless they
    have changed since."""
    labels: dict[int, set[str]] = defaultdict(set)
    assigned_at: dict[int, datetime] = {}
    for pk, label, at in (
        _assigned(facility)
        .filter(line__order__in=ids)
        .values_list("line__order", "package__label", "assigned_at")
    ):
        labels[pk].add(label)
        assigned_at[pk] = max(at, assigned_at.get(pk, at))
    templates: dict[int, list[tuple[int, datetime | None, str]]] = defaultdict(list)
    for pk, remote_id, sent_at, license_number in (
        _sent(facility)
        .filter(order__in=ids)
        .order_by("pk")
        .values_list("order", "remote_id", "sent_at", "recipient_license")
    ):
        templates[pk].append((remote_id or 0, sent_at, license_number))
    never: dict[int, set[int]] = defaultdict(set)
    dismissed = PossibleMatch.objects.filter(
        order__in=ids, delivery__in=deliveries, dismissed_at__isnull=False
    )
    for pk, delivery_id, is_final, seen in dismissed.order_by().values_list(
        "order", "delivery", "is_final", "fingerprint"
    ):
        if is_final or seen == fingerprint(deliveries[delivery_id]):
            never[pk].add(delivery_id)
    matched = dict(
        Match.objects.filter(order__in=ids, ended_at__isnull=True)
        .order_by()
        .values_list("order", "delivery")
    )
    unfilled = _unfilled(ids)
    found = {}
    for order in SalesOrder.objects.filter(pk__in=ids).select_related("destination"):
        mine = templates[order.pk]
        sent = [at for _, at, _ in mine if at]
        asked = [*sent[:1], *filter(None, [assigned_at.get(order.pk)])]
        license_key = order.destination.license_key if order.destination else ""
        found[order.pk] = OrderFacts(
            id=order.pk,
            number=order.number,
            shipper=facility.license_key if order.facility_id == facility.facility_id else "",
            recipient=license_key or (normalized_license(mine[-1][2]) if mine else ""),
            labels=frozenset(labels[order.pk]),
            template_ids=frozenset(remote_id for remote_id, _, _ in mine),
            created_at=order.created_at,
            asked_at=min(asked, default=order.created_at),
            is_canceled=order.status == Status.CANCELED,
            matched_with=matched.get(order.pk),
            never=frozenset(never[order.pk]),
            is_filled=order.pk not in unfilled,
        )
    return found


def _unfilled(ids: Collection[int]) -> set[int]:
    """Which of these orders have lines that their packages don't fill."""
    assigned = Sum(
        "package_assignments__quantity", filter=Q(package_assignments__ended_at__isnull=True)
    )
    lines = OrderLine.objects.filter(order__in=ids).order_by()
    short = lines.annotate(assigned=assigned).filter(
        Q(assigned__isnull=True) | Q(assigned__lt=F("quantity"))
    )
    return set(short.values_list("order", flat=True))


def fingerprint(one: DeliveryFacts) -> str:
    """What a delivery looks like to whoever decides about it: see `fingerprint_of`."""
    return fingerprint_of(one.recipient, one.labels)


def fingerprint_of(recipient_key: str, labels: Iterable[str]) -> str:
    """Of a recipient and packages: it tells whether they have changed."""
    told = "\n".join([recipient_key, *sorted(labels)])
    return hashlib.sha256(told.encode()).hexdigest()


def _sought(facility: MetrcFacility) -> QuerySet[SalesOrder]:
    """Orders of the license's facility that may still be matched."""
    lately = timezone.now() - COMPLETED_FOR
    return SalesOrder.objects.filter(
        ~Exists(Match.objects.filter(order=OuterRef("pk"), ended_at__isnull=True)),
        Q(status__in=[*OPEN, Status.SHIPPED]) | Q(status=Status.COMPLETED, created_at__gte=lately),
        facility=facility.facility_id,
        facility__isnull=False,
    )


def _by_invoice(
    facility: MetrcFacility, sought: QuerySet[SalesOrder], since: datetime
) -> dict[int, int]:
    """By delivery the order whose number it has as its invoice number."""
    rows = (
        recent_deliveries(facility, since)
        .filter(~Exists(Match.objects.filter(delivery=OuterRef("pk"), ended_at__isnull=True)))
        .filter(~Q(invoice_number="") | ~Q(transfer__invoice_number=""))
    )
    numbers = {}
    for row in rows.only("invoice_number", "transfer__invoice_number", "transfer__delivery_count"):
        key = invoice_key(row.invoice_number or _invoice_of_transfer(row))
        if NUMBER.fullmatch(key):
            numbers[row.pk] = key.upper()
    orders = sought.filter(number__in=set(numbers.values()))
    by_number = dict(orders.order_by().values_list("number", "pk"))
    return {pk: by_number[number] for pk, number in numbers.items() if number in by_number}


def _invoice_of_transfer(row: Delivery) -> str:
    """The transfer's own invoice number, where it can only mean this delivery."""
    return row.transfer.invoice_number if row.transfer.delivery_count <= 1 else ""


def recent_deliveries(facility: MetrcFacility, since: datetime) -> QuerySet[Delivery]:
    """Deliveries registered since then that may be an order's, with their transfers and without
    what Metrc sent."""
    lately = Q(transfer__created_at__gte=since) | Q(transfer__created_at__isnull=True)
    return (
        Delivery.objects.filter(
            lately, transfer__facility=facility, transfer__is_voided=False, is_listed=True
        )
        .select_related("transfer")
        .defer("raw", "transfer__raw")
        .order_by("pk")
    )


def _listed() -> QuerySet[DeliveryPackage]:
    return DeliveryPackage.objects.filter(is_listed=True)


def _assigned(facility: MetrcFacility) -> QuerySet[PackageAssignment]:
    return PackageAssignment.objects.filter(
        ended_at__isnull=True, package__facility=facility
    ).order_by()


def _sent(facility: MetrcFacility) -> QuerySet[TransferTemplate]:
    return TransferTemplate.objects.filter(facility=facility, remote_id__isnull=False).order_by()
