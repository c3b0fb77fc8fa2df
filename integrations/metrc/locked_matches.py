"""Orders, deliveries and matches, locked in this order and read then."""

from integrations.metrc.models import (
    Delivery,
    DeliveryPackage,
    Discrepancy,
    Match,
    PackageAssignment,
)
from orders.models import SalesOrder
from orders.moves import lock
from orders.status import IllegalMove


class CannotMatch(Exception):
    """Matching or unmatching is not possible (any more); the text says why, and the cure."""


def locked(order_id: int) -> SalesOrder:
    """The order, locked. Raises CannotMatch when it was deleted meanwhile."""
    try:
        return lock(order_id)
    except IllegalMove as error:
        raise CannotMatch(str(error)) from error


def locked_delivery(delivery_id: int) -> Delivery:
    """The delivery, locked, with its transfer. Raises CannotMatch when there is none."""
    rows = Delivery.objects.select_for_update(of=("self",)).filter(pk=delivery_id)
    row = rows.select_related("transfer__facility__account").defer("raw", "transfer__raw").first()
    if row is None:
        raise CannotMatch("This transfer is not known any more. Look in Metrc again.")
    return row


def locked_match(match_id: int) -> Match:
    """The match with its order, both locked. Raises CannotMatch when there is none."""
    order_id = Match.objects.filter(pk=match_id).values_list("order", flat=True).first()
    if order_id is None:
        raise CannotMatch("This match is not known any more.")
    order = locked(order_id)
    rows = Match.objects.select_for_update(of=("self",)).filter(pk=match_id)
    found = rows.select_related("delivery__transfer__facility__account").get()
    found.order = order
    return found


def labels_of(order_id: int) -> frozenset[str]:
    """Of the packages assigned to an order."""
    rows = PackageAssignment.objects.filter(line__order=order_id, ended_at__isnull=True)
    return frozenset(rows.order_by().values_list("package__label", flat=True))


def listed_labels(delivery: Delivery) -> frozenset[str]:
    """Of the packages that Metrc still has in a delivery."""
    rows = DeliveryPackage.objects.filter(delivery=delivery, is_listed=True).order_by()
    return frozenset(rows.values_list("label", flat=True))


def named(delivery: Delivery) -> str:
    """What people call it: its manifest."""
    return f"{delivery.transfer}"


def has_return(found: Match) -> bool:
    """Whether goods of the order came back: then its match is part of the books."""
    mine = labels_of(found.order_id)
    packages = DeliveryPackage.objects.filter(delivery=found.delivery_id)
    back = set(
        packages.filter(state=DeliveryPackage.State.RETURNED).values_list("label", flat=True)
    )
    if found.delivery.rejected_returned:
        rejected = packages.filter(state=DeliveryPackage.State.REJECTED)
        back |= set(rejected.values_list("label", flat=True))
    if back & mine if mine else back:
        return True
    return found.discrepancies.filter(decision=Discrepancy.Decision.RETURNED).exists()
