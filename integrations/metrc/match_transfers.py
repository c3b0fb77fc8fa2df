"""Matching deliveries in Metrc with orders: what is certain by itself, the rest as people decide.

Each verb is one transaction that locks the order first, then the delivery, and reads them then.
One that is not possible raises `CannotMatch`, in words for people, and changes nothing.
"""

from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from catalog.inventory import By
from integrations.metrc import advance_orders, ended_matches, known_facts
from integrations.metrc.known_facts import Known, fingerprint
from integrations.metrc.locked_matches import (
    CannotMatch,
    has_return,
    labels_of,
    listed_labels,
    locked,
    locked_delivery,
    locked_match,
    named,
)
from integrations.metrc.mapping.matching import Verdict, candidates, may_share
from integrations.metrc.models import Delivery, Match, MetrcFacility, PossibleMatch
from integrations.metrc.possible_matches import Possible, keep_possible
from integrations.metrc.rank_deliveries import Ranked, rank
from orders.models import SalesOrder
from orders.moves import note
from orders.signals import announce_order_change
from orders.status import Status

__all__ = ["CannotMatch", "Looked", "Ranked", "dismiss", "look", "match", "rank", "unmatch"]


@dataclass
class Looked:
    """What a look has come to; `failed`: by order number what went wrong, in words."""

    matched: int = 0
    possible: int = 0
    ended: int = 0
    advanced: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def look(facility: MetrcFacility) -> Looked:
    """Match what is certain, keep what is possible for a person, end what was voided or altered,
    and move matched orders on. To look twice changes nothing more."""
    looked = Looked()
    ended, doubtful = ended_matches.settle_altered(facility)
    looked.ended = ended
    known = known_facts.of_license(facility)
    account = facility.account
    verdicts = candidates(
        list(known.orders.values()),
        list(known.deliveries.values()),
        by_invoice=account.match_by_invoice,
    )
    possible, settled = [], set()
    for verdict in verdicts:
        if verdict.is_certain and account.match_by_itself:
            try:
                if _match_certain(verdict, known):
                    looked.matched += 1
                    settled.add(verdict.delivery_id)
                elif not _is_matched(verdict.order_id):
                    changed = "It was changed while it was looked at, or packages differ"
                    possible.append(_possible(verdict.doubted(changed), known))
            except CannotMatch as error:
                looked.failed[known.orders[verdict.order_id].number] = str(error)
        else:
            possible.append(_possible(verdict, known))
    # What was added to a delivery may just have turned out to be another order's.
    possible += [one for one in doubtful if one.delivery_id not in settled]
    possible += ended_matches.left_over(facility)
    looked.possible = keep_possible(facility, possible)
    looked.advanced, failed = advance_orders.advance_waiting(facility)
    looked.failed |= failed
    return looked


def match(order_id: int, delivery_id: int, *, how: Match.How | str, by: By) -> Match:
    """Match an order with a delivery, and move it on as the account's rules say.

    By hand it need not fit. Matching again with the same delivery says that it is the order's as it
    is now. Raises CannotMatch.
    """
    with transaction.atomic():
        order = locked(order_id)
        delivery = locked_delivery(delivery_id)
        found = _match(order, delivery, Match.How(how), by)
    advance_orders.advance(found, by)
    found.refresh_from_db()
    return found


@transaction.atomic
def unmatch(match_id: int, *, reason: str, by: By) -> Match:
    """End a match; the packages stay assigned. By itself the order is never matched with this
    delivery again. Raises CannotMatch, also once goods have come back."""
    found = locked_match(match_id)
    reason = reason.strip()
    if not reason:
        raise CannotMatch("Say why it is unmatched.")
    if found.ended_at:
        raise CannotMatch(f"Order {found.order.number} was unmatched meanwhile.")
    if has_return(found):
        raise CannotMatch(
            f"Goods of order {found.order.number} have come back on "
            f"{named(found.delivery)}, and are booked under this match, so it stays. Decide "
            "under Receipt what became of each package."
        )
    ended_matches.end(found, reason, by=by)
    facts = known_facts.about_deliveries(found.delivery.transfer.facility, [found.delivery])
    PossibleMatch.objects.update_or_create(
        order=found.order,
        delivery=found.delivery,
        defaults={
            "reasons": [f"Unmatched: {reason}"],
            "fingerprint": fingerprint(facts[found.delivery_id]),
            "is_final": True,
            "dismissed_at": timezone.now(),
            "dismissed_by": by,
        },
    )
    return found


@transaction.atomic
def dismiss(possible_id: int, *, by: By) -> PossibleMatch:
    """Say that a delivery is not an order's: it is offered again only once it has changed in Metrc.
    Raises CannotMatch."""
    row = PossibleMatch.objects.filter(pk=possible_id).first()
    if row is None:
        raise CannotMatch("This is not in question any more.")
    order = locked(row.order_id)
    delivery = locked_delivery(row.delivery_id)
    present = Match.objects.filter(order=order, delivery=delivery, ended_at__isnull=True).first()
    is_over = delivery.transfer.is_voided or not delivery.is_listed
    # One that can't be matched again, nor unmatched, can only be noted.
    if present and not (is_over and has_return(present)):
        raise CannotMatch(
            f"Order {order.number} is matched with it. Unmatch it and say why, or match it again "
            "to keep it as it is."
        )
    facts = known_facts.about_deliveries(delivery.transfer.facility, [delivery])
    row.fingerprint = fingerprint(facts[delivery.pk])
    row.dismissed_at, row.dismissed_by = timezone.now(), by
    row.save(update_fields=["fingerprint", "dismissed_at", "dismissed_by"])
    note(order, f"{named(delivery)} is not this order's", by=by)
    announce_order_change(order.pk)
    return row


def _match(order: SalesOrder, delivery: Delivery, how: Match.How, by: By) -> Match:
    """Match a locked order with a locked delivery. Raises CannotMatch."""
    _check(order, delivery)
    snapshot = {
        "labels": sorted(listed_labels(delivery)),
        "recipient_key": delivery.recipient_key,
        "compared_at": delivery.transfer.expanded_at,
    }
    PossibleMatch.objects.filter(order=order, dismissed_at__isnull=True).delete()
    present = Match.objects.filter(order=order, ended_at__isnull=True).first()
    if present:
        if present.delivery_id != delivery.pk:
            raise CannotMatch(
                f"Order {order.number} is matched with {named(present.delivery)} already. "
                "Unmatch it first."
            )
        Match.objects.filter(pk=present.pk).update(**snapshot)
        return present
    PossibleMatch.objects.filter(order=order, delivery=delivery).delete()
    found = Match.objects.create(order=order, delivery=delivery, how=how, matched_by=by, **snapshot)
    note(order, f"Matched with {named(delivery)}: {how.label.lower()}", by=by)
    announce_order_change(order.pk)
    return found


def _check(order: SalesOrder, delivery: Delivery) -> None:
    """Raise CannotMatch unless the order may have the delivery."""
    name, facility = named(delivery), delivery.transfer.facility
    if order.status == Status.CANCELED:
        raise CannotMatch(f"Order {order.number} is canceled. Choose another order.")
    if delivery.transfer.is_voided:
        raise CannotMatch(f"{name} was voided in Metrc. Choose the one that was made instead.")
    if not delivery.is_listed:
        raise CannotMatch(f"{name} no longer has this stop in Metrc. Choose another one.")
    if order.facility_id is None or order.facility_id != facility.facility_id:
        raise CannotMatch(
            f"{name} ships from {facility}, order {order.number} from "
            f"{order.facility or 'no facility yet'}. Move the order to that facility first."
        )
    others = Match.objects.filter(delivery=delivery, ended_at__isnull=True).exclude(order=order)
    taken = list(others.select_related("order"))
    shares = [labels_of(one.order_id) for one in taken]
    if taken and not may_share(listed_labels(delivery), [*shares, labels_of(order.pk)]):
        numbers = ", ".join(one.order.number for one in taken)
        raise CannotMatch(
            f"{name} is matched with order {numbers} already. It can be both orders' once each "
            "has packages of it assigned: assign them, or unmatch the other one."
        )


def _match_certain(verdict: Verdict, known: Known) -> bool:
    """Apply a verdict, unless the facts are not what they were; the next look judges anew then."""
    order_facts = known.orders[verdict.order_id]
    facts = known.deliveries[verdict.delivery_id]
    with transaction.atomic():
        try:
            order = locked(verdict.order_id)
            delivery = locked_delivery(verdict.delivery_id)
        except CannotMatch:
            return False  # deleted meanwhile
        now = (labels_of(order.pk), listed_labels(delivery), delivery.recipient_key)
        is_free = not Match.objects.filter(order=order, ended_at__isnull=True).exists()
        was_judged = PossibleMatch.objects.filter(
            order=order, delivery=delivery, dismissed_at__isnull=False
        ).values_list("is_final", "fingerprint")
        if any(is_final or seen == fingerprint(facts) for is_final, seen in was_judged):
            return False
        is_gone = delivery.transfer.is_voided or not delivery.is_listed
        if now != (order_facts.labels, facts.labels, facts.recipient) or not is_free or is_gone:
            return False
        if order.status == Status.CANCELED:
            return False
        _match(order, delivery, Match.How(verdict.how), None)
    return True


def _is_matched(order_id: int) -> bool:
    """Whether somebody else has matched the order meanwhile."""
    return Match.objects.filter(order=order_id, ended_at__isnull=True).exists()


def _possible(verdict: Verdict, known: Known) -> Possible:
    """A verdict as it is kept for a person."""
    words = (*verdict.reasons, *(f"But: {doubt}" for doubt in verdict.doubts))
    return Possible(
        verdict.order_id,
        verdict.delivery_id,
        words,
        fingerprint(known.deliveries[verdict.delivery_id]),
    )
