"""Matches that end by themselves, because Metrc's side is no longer what was matched.

A voided transfer is nobody's delivery. One that was altered after it was matched is looked at
again: without the order's packages, or for somebody else, it is not the order's any more; with
packages added it stays, and a person is asked.
"""

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from catalog.inventory import By
from integrations.metrc import known_facts
from integrations.metrc.known_facts import fingerprint, fingerprint_of
from integrations.metrc.locked_matches import (
    CannotMatch,
    has_return,
    labels_of,
    listed_labels,
    locked_match,
    named,
)
from integrations.metrc.mapping.match_reasons import some
from integrations.metrc.models import Match, MetrcFacility, PossibleMatch
from integrations.metrc.possible_matches import Possible
from orders.moves import note
from orders.signals import announce_order_change
from orders.status import Status

LEFT = (Status.SHIPPED, Status.COMPLETED)


def settle_altered(facility: MetrcFacility) -> tuple[int, list[Possible]]:
    """End the matches of a license that no longer hold. Returns how many were ended, and those
    that stay but are in question."""
    in_question = PossibleMatch.objects.filter(
        order=OuterRef("order"), delivery=OuterRef("delivery"), dismissed_at__isnull=True
    )
    rows = Match.objects.filter(
        Q(delivery__transfer__is_voided=True)
        | Q(delivery__is_listed=False)
        | Q(order__status=Status.CANCELED)
        | Q(compared_at__isnull=True)
        | ~Q(compared_at=F("delivery__transfer__expanded_at"))
        | Exists(in_question),
        ended_at__isnull=True,
        delivery__transfer__facility=facility,
    )
    ended, doubtful = 0, []
    for pk in list(rows.order_by("pk").values_list("pk", flat=True)):
        try:
            outcome = _settle(pk)
        except CannotMatch:
            continue  # deleted meanwhile
        ended += outcome is True
        if isinstance(outcome, Possible):
            doubtful.append(outcome)
    return ended, doubtful


def end(found: Match, reason: str, *, by: By) -> None:
    """End a locked match; the order's history says so."""
    found.ended_at, found.ended_by, found.end_reason = timezone.now(), by, reason[:500]
    found.waits_for = ""
    found.save(update_fields=["ended_at", "ended_by", "end_reason", "waits_for"])
    note(found.order, f"Unmatched from {named(found.delivery)}: {reason}", by=by)
    announce_order_change(found.order_id)


def left_over(facility: MetrcFacility) -> list[Possible]:
    """What a person has to look at although nothing may be its match: orders that had left when
    their match ended by itself."""
    rows = (
        Match.objects.filter(
            ~Exists(Match.objects.filter(order=OuterRef("order"), ended_at__isnull=True)),
            ~Exists(
                PossibleMatch.objects.filter(
                    order=OuterRef("order"), delivery=OuterRef("delivery"), is_final=True
                )
            ),
            Q(order__status__in=LEFT) | Q(how=Match.How.HAND),
            ~Q(order__status=Status.CANCELED),
            ended_at__isnull=False,
            ended_by__isnull=True,
            delivery__transfer__facility=facility,
        )
        .select_related("order", "delivery__transfer")
        .defer("delivery__raw", "delivery__transfer__raw")
        .order_by("ended_at", "pk")
    )
    # Of several the last.
    newest = {row.order_id: row for row in rows}
    facts = known_facts.about_deliveries(facility, [row.delivery for row in newest.values()])
    return [
        Possible(
            order_id,
            row.delivery_id,
            (
                f"But: the order is {row.order.get_status_display().lower()}, and "
                f"{row.end_reason[:1].lower()}{row.end_reason[1:]}",
            ),
            fingerprint(facts[row.delivery_id]),
        )
        for order_id, row in newest.items()
    ]


@transaction.atomic
def _settle(pk: int) -> bool | Possible:
    """End a match that no longer holds (True), or say what is in question; False: it holds."""
    found = locked_match(pk)
    if found.ended_at:
        return False
    labels = listed_labels(found.delivery)
    reason, doubts = _judged(found, labels)
    if reason and not has_return(found):
        end(found, reason, by=None)
        return True
    Match.objects.filter(pk=pk).update(compared_at=found.delivery.transfer.expanded_at)
    if reason:
        doubts = [reason, "Goods have come back, so it stays matched"]
    if not doubts:
        Match.objects.filter(pk=pk).update(
            labels=sorted(labels), recipient_key=found.delivery.recipient_key
        )
        return False
    return Possible(
        found.order_id,
        found.delivery_id,
        ("It is matched with it", *(f"But: {doubt}" for doubt in doubts)),
        fingerprint_of(found.delivery.recipient_key, labels),
    )


def _judged(found: Match, labels: frozenset[str]) -> tuple[str, list[str]]:
    """Why a match no longer holds ("": it does), and what is in question about it."""
    order, delivery, name = found.order, found.delivery, named(found.delivery)
    if order.status == Status.CANCELED:
        return "The order was canceled", []
    if delivery.transfer.is_voided:
        return f"{name} was voided in Metrc", []
    if not delivery.is_listed:
        return f"{name} no longer has this stop in Metrc", []
    customer = order.destination.license_key if order.destination else ""
    if delivery.recipient_key and delivery.recipient_key not in (found.recipient_key, customer):
        return f"{name} now goes to {delivery.recipient_name or delivery.recipient_license}", []
    mine, before = labels_of(order.pk), frozenset(found.labels)
    removed, added = before - labels, labels - before
    if lost := removed & mine if mine else removed if not labels else frozenset():
        return f"In Metrc packages were taken off {name}: {some(lost)}", []
    doubts = []
    if found.recipient_key and not delivery.recipient_key:
        doubts.append("Metrc no longer says who gets it")
    if removed and not mine:
        doubts.append(f"In Metrc packages were taken off: {some(removed)}")
    sharing = Match.objects.filter(delivery=delivery, ended_at__isnull=True)
    known = frozenset().union(*(labels_of(pk) for pk in sharing.values_list("order", flat=True)))
    if foreign := added - known:
        doubts.append(f"In Metrc packages were added: {some(foreign)}")
    return "", doubts
