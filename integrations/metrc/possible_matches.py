"""Keeping what may be, for a person to decide: exactly what the last look has found in question."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations.metrc.models import MetrcFacility, PossibleMatch
from orders.models import SalesOrder


@dataclass(frozen=True)
class Possible:
    """A delivery that may be an order's; `words` speak for and against it. `fingerprint`: of the
    delivery as it is now."""

    order_id: int
    delivery_id: int
    words: tuple[str, ...]
    fingerprint: str


@transaction.atomic
def keep_possible(facility: MetrcFacility, found: Iterable[Possible]) -> int:
    """Store what is in question in a license, and drop what no longer is. What was dismissed stays
    so until the delivery changes. Returns how many wait for a person."""
    wanted = _joined(found)
    # Orders first, as everybody does who decides about them: what is added refers to them.
    involved = SalesOrder.objects.filter(
        Q(pk__in={order_id for order_id, _ in wanted})
        | Q(
            pk__in=PossibleMatch.objects.filter(
                dismissed_at__isnull=True, delivery__transfer__facility=facility
            ).values("order")
        )
    )
    list(involved.select_for_update().order_by("pk").values_list("pk"))
    rows = PossibleMatch.objects.select_for_update(of=("self",)).filter(
        Q(dismissed_at__isnull=True) | Q(order__in={order_id for order_id, _ in wanted}),
        delivery__transfer__facility=facility,
    )
    gone, open_now = [], 0
    for row in rows.order_by("pk"):
        key = (row.order_id, row.delivery_id)
        one = wanted.pop(key) if key in wanted else None
        if row.dismissed_at:
            if one is None or row.is_final or row.fingerprint == one.fingerprint:
                continue
            row.dismissed_at = row.dismissed_by = None
            row.found_at = timezone.now()
        elif one is None:
            gone.append(row.pk)
            continue
        open_now += 1
        if row.reasons == list(one.words) and row.fingerprint == one.fingerprint:
            continue
        row.reasons, row.fingerprint = list(one.words), one.fingerprint
        row.save(
            update_fields=["reasons", "fingerprint", "dismissed_at", "dismissed_by", "found_at"]
        )
    PossibleMatch.objects.filter(pk__in=gone).delete()
    orders = SalesOrder.objects.filter(pk__in={order_id for order_id, _ in wanted})
    present = set(orders.values_list("pk", flat=True))
    new = [one for one in wanted.values() if one.order_id in present]
    PossibleMatch.objects.bulk_create(
        [
            PossibleMatch(
                order_id=one.order_id,
                delivery_id=one.delivery_id,
                reasons=list(one.words),
                fingerprint=one.fingerprint,
            )
            for one in new
        ],
        ignore_conflicts=True,
    )
    return open_now + len(new)


def _joined(found: Iterable[Possible]) -> dict[tuple[int, int], Possible]:
    """By order and delivery what is in question, with all the words about it."""
    wanted: dict[tuple[int, int], Possible] = {}
    for one in found:
        key = (one.order_id, one.delivery_id)
        before = wanted[key].words if key in wanted else ()
        words = (*before, *(word for word in one.words if word not in before))
        wanted[key] = Possible(*key, words, one.fingerprint)
    return wanted
