"""Moving a matched order on: shipped, completed, as the account's rules say.

Always through the verbs of orders, never around their table of states. What is in the way is kept
on the match in words, with the cure, and tried again whenever we look; an order that is there
already is fine. LeafLink and other channels hear of it as of any change of an order.
"""

import logging
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from catalog.decimals import with_thousands
from catalog.inventory import By, InventoryError
from integrations.metrc.known_facts import BACK
from integrations.metrc.locked_matches import CannotMatch, locked
from integrations.metrc.models import DeliveryPackage, Match, MetrcAccount, MetrcFacility
from orders import services
from orders.allocation import set_aside
from orders.models import SalesOrder
from orders.status import OPEN, IllegalMove, Status

logger = logging.getLogger(__name__)
GOES_ON = "It goes on by itself then."


@transaction.atomic
def advance(match: Match, by: By = None) -> bool:
    """Bring the order of a match to where the account's rules want it, as far as it can go.

    Returns whether it is there. What is missing is kept as the match's `waits_for`.
    """
    rows = Match.objects.select_related("order__facility", "delivery__transfer__facility__account")
    # Nobody unmatches, cancels or moves the order meanwhile.
    locked(match.order_id)
    match = rows.get(pk=match.pk)
    target = target_of(match)
    problem = ""
    if match.ended_at is None and target is not None:
        problem = _move_on(match.order, target, match, by)
    if problem != match.waits_for:
        Match.objects.filter(pk=match.pk).update(waits_for=problem)
    return not problem


def advance_waiting(facility: MetrcFacility) -> tuple[int, dict[str, str]]:
    """Advance all matched orders of a license that are not yet where the rules want them.

    Returns how many got there, and by order number what went wrong unexpectedly.
    """
    rows = (
        Match.objects.filter(
            _not_there(facility.account) | ~Q(waits_for=""),
            ended_at__isnull=True,
            delivery__transfer__facility=facility,
        )
        .select_related("order")
        .order_by("pk")
    )
    done, failed = 0, {}
    for match in list(rows):
        try:
            done += advance(match)
        except CannotMatch:
            continue  # deleted meanwhile
        except Exception as error:
            logger.exception("Moving on order %s failed", match.order.number)
            failed[match.order.number] = f"{type(error).__name__}: {error}"
    return done, failed


def _not_there(account: MetrcAccount) -> Q:
    """Matches whose orders are not where the account wants them."""
    due = Q(pk__in=[])
    if account.on_match == MetrcAccount.OnMatch.COMPLETED:
        due |= Q(order__status__in=[*OPEN, Status.SHIPPED])
    elif account.on_match == MetrcAccount.OnMatch.SHIPPED:
        due |= Q(order__status__in=OPEN)
    if account.on_receipt == MetrcAccount.OnReceipt.COMPLETED:
        due |= Q(
            Exists(_kept_there(OuterRef("delivery"))),
            order__status__in=[*OPEN, Status.SHIPPED],
            delivery__received_at__isnull=False,
        )
    return due


def _kept_there(delivery: Any) -> QuerySet[DeliveryPackage]:
    """The packages of a delivery that the customer has not sent back."""
    rows = DeliveryPackage.objects.filter(delivery=delivery, is_listed=True)
    return rows.exclude(state__in=BACK)


def target_of(match: Match) -> Status | None:
    """Where the account wants the order of a match; None: where it is."""
    account = match.delivery.transfer.facility.account
    received = match.delivery.received_at is not None and _kept_there(match.delivery).exists()
    if received and account.on_receipt == MetrcAccount.OnReceipt.COMPLETED:
        return Status.COMPLETED
    if account.on_match == MetrcAccount.OnMatch.NOTHING:
        return None
    return Status(account.on_match)


def _is_there(status: str, target: Status | None) -> bool:
    order = [Status.SHIPPED, Status.COMPLETED]
    return target is None or status in order[order.index(target) :]


def _move_on(order: SalesOrder, target: Status, match: Match, by: By) -> str:
    """Walk the order to `target`, a verb at a time; returns what is in the way, in words."""
    try:
        order.refresh_from_db(fields=["status"])
        if order.status in (Status.CREATED, Status.PARTIALLY_ALLOCATED):
            order = services.allocate(order, by=by)
        if order.status == Status.PARTIALLY_ALLOCATED:
            return _what_is_missing(order)
        if order.status == Status.ALLOCATED:
            order = services.ship(order, by=by)
        if order.status == Status.SHIPPED and target == Status.COMPLETED:
            order = services.complete(order, by=by, reason=str(match.delivery.transfer))
    except (IllegalMove, InventoryError) as error:
        order.refresh_from_db(fields=["status"])
        # Somebody else was there first.
        if _is_there(order.status, target):
            return ""
        if order.status in (Status.CREATED, Status.PARTIALLY_ALLOCATED):
            return _what_is_missing(order)
        return f"{error}"
    if order.status == Status.CANCELED:
        return f"Order {order.number} is canceled, but its goods are on a transfer. Unmatch it."
    return ""


def _what_is_missing(order: SalesOrder) -> str:
    """What is not set aside for an order yet, with the cure."""
    found = []
    for line in order.lines.prefetch_related("allocations"):
        if line.item_id is None:
            found.append(f"{line.name} is no item of yours: link it, or take the line off")
        elif (there := set_aside(line)) < line.quantity:
            lot = f" of lot {line.lot_number}" if line.lot_number else ""
            found.append(
                f"{line.name}: {with_thousands(there)} of {with_thousands(line.quantity)} "
                f"units{lot} are set aside"
            )
    where = order.facility or "any facility"
    return (
        f"{'; '.join(found) or 'Not all of it is set aside'}. Receive the rest at {where}, or "
        f"deallocate another order. {GOES_ON}"
    )
