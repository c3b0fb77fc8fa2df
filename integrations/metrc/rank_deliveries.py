"""The deliveries that a person may choose from for an order, likely ones first, and why."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from integrations.metrc import known_facts
from integrations.metrc.facility_times import zone_of
from integrations.metrc.mapping.match_facts import DeliveryFacts, OrderFacts, invoice_key
from integrations.metrc.mapping.match_reasons import doubts_about, reasons_for
from integrations.metrc.mapping.matching import may_share
from integrations.metrc.models import Delivery, MetrcFacility, PackageAssignment
from orders.models import SalesOrder

MOST = 50
# How many of the newest are looked at, and since when.
LOOKED_AT = 400
LATELY = timedelta(days=90)
LIKELY = 40


@dataclass(frozen=True)
class Ranked:
    """A delivery (with its transfer), what speaks for it and against it in words."""

    delivery: Delivery
    score: int
    reasons: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def is_likely(self) -> bool:
        """Whether much speaks for it."""
        return self.score >= LIKELY


def rank(order: SalesOrder) -> list[Ranked]:
    """Recent deliveries from the order's facility that may be its, likely ones first; 50 at most.
    Empty when the facility is no license in Metrc that we know."""
    facility = MetrcFacility.objects.filter(
        facility=order.facility_id, facility__isnull=False
    ).first()
    if facility is None:
        return []
    since = min(order.created_at, timezone.now()) - LATELY
    rows = list(
        known_facts.recent_deliveries(facility, since).order_by(
            "-transfer__created_at", "-transfer__pk", "position"
        )[:LOOKED_AT]
    )
    deliveries = known_facts.about_deliveries(facility, rows)
    facts = known_facts.about_orders(facility, [order.pk], {})[order.pk]
    taken_by = {pk for one in deliveries.values() for pk in one.matched_orders} - {order.pk}
    labels: dict[int, set[str]] = {pk: set() for pk in taken_by}
    assigned = PackageAssignment.objects.filter(line__order__in=taken_by, ended_at__isnull=True)
    for pk, label in assigned.order_by().values_list("line__order", "package__label"):
        labels[pk].add(label)
    ranked = [_ranked(order, facts, row, deliveries[row.pk], labels) for row in rows]
    # `sorted` keeps the newest first among equals.
    return sorted(ranked, key=lambda one: -one.score)[:MOST]


def _ranked(
    order: SalesOrder,
    facts: OrderFacts,
    row: Delivery,
    one: DeliveryFacts,
    labels: dict[int, set[str]],
) -> Ranked:
    reasons, doubts = list(reasons_for(facts, one)), list(doubts_about(facts, one))
    score = 0
    if one.template_id is not None and one.template_id in facts.template_ids:
        score += 100
    if facts.labels:
        score += 60 * len(facts.labels & one.labels) // len(facts.labels)
        score += 20 * (facts.labels == one.labels)
        if len(facts.labels) == len(one.labels) and facts.labels != one.labels:
            reasons.append(f"As many packages: {len(one.labels)}")
            score += 5
    if invoice_key(one.invoice) == invoice_key(facts.number):
        score += 40
    if facts.recipient and facts.recipient == one.recipient:
        score += 30
    if near := _near_delivery_date(order, row):
        reasons.append(near)
        score += 10
    if one.template_order and one.template_order != order.number:
        doubts.append(f"Made from the template of order {one.template_order}")
        score -= 20
    others = one.matched_orders - {order.pk}
    if others and not may_share(one.labels, [*(labels[pk] for pk in others), facts.labels]):
        doubts.append("It is matched with another order already")
        score -= 100
    return Ranked(row, score, tuple(reasons), tuple(doubts))


def _near_delivery_date(order: SalesOrder, row: Delivery) -> str:
    """That it is planned to arrive when the order is wanted, in words."""
    if order.delivery_date is None or row.arrives_at is None or order.facility is None:
        return ""
    day = row.arrives_at.astimezone(zone_of(order.facility)).date()
    if day == order.delivery_date:
        return "Arrives on the delivery date"
    if abs((day - order.delivery_date).days) <= 1:
        return "Arrives within a day of the delivery date"
    return ""
