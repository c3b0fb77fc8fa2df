"""What people decide about an order: import it anyway, whence it ships, whose version counts.

Each verb locks the order, writes the decision down with who and why, and settles the order again.
`seen` is the fingerprint of what the person was shown: a choice never counts for anything else.
A decision that is not possible raises `CannotDecide`, in words for people, and changes nothing.
"""

from django.db import transaction

from catalog.inventory import By, InventoryError, lock_items
from catalog.models import Facility
from customers.models import Destination
from integrations import work
from integrations.leaflink import match_customers
from integrations.leaflink.blockers import WAIVABLE
from integrations.leaflink.draft_orders import Book
from integrations.leaflink.edit_orders import CannotApply, apply_edit
from integrations.leaflink.follow_orders import catch_up
from integrations.leaflink.import_orders import book_for, settle
from integrations.leaflink.mapping import fingerprints, order_terms
from integrations.leaflink.mapping.status_rules import CAUGHT_UP
from integrations.leaflink.models import Account, Customer, Order, OrderEvent
from integrations.leaflink.models.orders import QUIET
from integrations.leaflink.wire import payloads
from integrations.leaflink.work_kinds import STATUS_WORK
from integrations.models import WorkItem
from integrations.wire.errors import BadPayload
from orders import services
from orders.models import SalesOrder
from orders.revise import SetAside
from orders.status import OPEN, IllegalMove, Status
from orders.terms import LABELS, change_terms

Kind = OrderEvent.Kind
CHANGED_SINCE = (
    "LeafLink has changed the order since this page was opened. Look at it again, then choose."
)


class CannotDecide(Exception):
    """The decision is not possible (any more); the text says why."""


@transaction.atomic
def import_anyway(order_id: int, reason: str, *, by: By, seen: str = "") -> Order:
    """Import a held order although stock is short or its total differs. Other reasons stay.

    The waiver is for the order as it is: a later change of it in LeafLink asks anew.
    """
    order = _lock(order_id)
    reason = reason.strip()
    if not reason:
        raise CannotDecide("Say why the order is to be imported anyway.")
    if order.sales_order_id:
        raise CannotDecide(f"It is imported already, as {order.sales_order}.")
    waived = set(order.blockers.filter(code__in=WAIVABLE).values_list("code", flat=True))
    if not waived:
        raise CannotDecide("Nothing holds it that could be waved through.")
    order.waived_codes = sorted(waived)
    order.waived_fingerprint = _as_seen(order, seen)
    order.waiver = reason[:300]
    order.save(update_fields=["waived_codes", "waived_fingerprint", "waiver"])
    order.tell(Kind.PERSON, f"Import it anyway: {reason}", by=by)
    return _settle(order)


@transaction.atomic
def choose_facility(order_id: int, facility: Facility | None, *, by: By) -> Order:
    """Ship an order that is not imported yet from this facility; None: as the rules say."""
    order = _lock(order_id)
    if order.sales_order_id:
        raise CannotDecide(f"It is imported already. Move {order.sales_order} instead.")
    if facility and not (facility.is_active and facility.sells):
        raise CannotDecide(f"{facility} is no longer active, or its stock is not for sale.")
    order.chosen_facility = facility
    order.save(update_fields=["chosen_facility"])
    order.tell(Kind.PERSON, f"Ship it from {facility or 'where the rules say'}.", by=by)
    return _settle(order)


@transaction.atomic
def choose_destination(order_id: int, destination: Destination, *, by: By) -> Order:
    """Say whom the order's customer stands for: for this order and the next ones, not for others.

    Orders of the customer that were imported before keep their destination.
    """
    order = _lock(order_id)
    if order.customer_id is None:
        raise CannotDecide("LeafLink does not say who the customer is.")
    customer = Customer.objects.select_for_update().defer("raw").get(pk=order.customer_id)
    if order.sales_order_id:
        try:
            services.set_destination(_local(order), destination, by=by)
        except IllegalMove as error:
            raise CannotDecide(str(error)) from error
    if customer.destination_id != destination.pk:
        customer.destination = destination
        # Saved as a person would: other held orders of this customer get another look.
        customer.save(update_fields=["destination"])
    order.customer = order.applied_customer = customer
    order.save(update_fields=["applied_customer"])
    order.tell(Kind.PERSON, f"{customer} is the destination {destination}.", by=by)
    return _settle(order)


@transaction.atomic
def create_destination(order_id: int, *, by: By, seen: str = "") -> Order:
    """Make a destination as LeafLink describes the order's customer, and choose it."""
    order = _lock(order_id)
    payload = _payload(order)
    if payload.customer is None or order.customer_id is None:
        raise CannotDecide("LeafLink does not say who the customer is.")
    _as_seen(order, seen)
    # Locked first, as the import does: two at once must not make two, nor wait in a circle.
    customer = Customer.objects.select_for_update(of=("self",)).get(pk=order.customer_id)
    if customer.destination:
        raise CannotDecide(
            f"{customer} is {customer.destination} already. Choose another destination, or change "
            "that one."
        )
    known = match_customers.known_as(customer, payload.customer)
    return choose_destination(order_id, match_customers.create_destination(known), by=by)


@transaction.atomic
def take_leaflinks(order_id: int, *, by: By, seen: str = "") -> Order:
    """Make the sales order what LeafLink says now; what was set aside is set aside anew for it."""
    order = _lock(order_id)
    local = _local(order)
    at = local.status
    _as_seen(order, seen)
    was_set_aside = local.status in (Status.PARTIALLY_ALLOCATED, Status.ALLOCATED)
    payload = _payload(order)
    book = book_for(order.account, [order.pk])
    try:
        if local.status == Status.CANCELED:
            raise CannotDecide(f"{local} is canceled and can't be changed any more.")
        if local.status not in OPEN:
            raise CannotDecide(
                f"{local} is {local.get_status_display().lower()}: its goods have left. Keep ours, "
                "and settle the difference with the buyer."
            )
        if was_set_aside:
            # All of its items at once: locked bit by bit, two would wait for each other.
            mine = set(local.lines.filter(item__isnull=False).values_list("item", flat=True))
            lock_items({*(pk for pk in mine if pk), *(item.pk for item in book.items.values())})
            local = services.deallocate(local, by=by, reason="To take LeafLink's version")
        apply_edit(order.account, order, local, payload, book, at=at, by=by)
        if was_set_aside:
            _allocate_again(local, by)
    except (CannotApply, SetAside, IllegalMove, InventoryError) as error:
        raise CannotDecide(f"LeafLink's version can't be taken: {error}") from error
    order.tell(Kind.PERSON, "Take LeafLink's version.", by=by)
    return _settle(order)


def _allocate_again(local: SalesOrder, by: By) -> None:
    try:
        with transaction.atomic():
            services.allocate(local, by=by)
    except InventoryError:
        return  # nothing on the shelf: it stays Created, as its history says


@transaction.atomic
def do_the_same(order_id: int, *, by: By, seen: str = "") -> Order:
    """Bring ours to where LeafLink's was moved by hand: allocated, shipped or completed.

    All the way or not at all: when stock is missing, nothing is moved.
    """
    order = _lock(order_id)
    local = _local(order)
    _as_seen(order, seen)
    if order.state != Order.State.CONFLICT or order.status not in CAUGHT_UP:
        raise CannotDecide("LeafLink's order was not moved on by hand, or ours has caught up.")
    try:
        catch_up(local, order.status, by=by)
    except (IllegalMove, InventoryError) as error:
        raise CannotDecide(str(error)) from error
    order.tell(Kind.PERSON, f"Do the same here: {order.status}.", by=by)
    return _settle(order)


@transaction.atomic
def keep_ours(order_id: int, *, by: By, seen: str = "") -> Order:
    """Leave the sales order as it is here; LeafLink is not changed. Counts until LeafLink's next
    change of the order."""
    order = _lock(order_id)
    _local(order)
    if order.state != Order.State.CONFLICT:
        raise CannotDecide("There is nothing to choose any more: the order is not in conflict.")
    order.kept_fingerprint = _as_seen(order, seen)
    order.save(update_fields=["kept_fingerprint"])
    order.tell(Kind.PERSON, "Keep ours.", by=by)
    return _settle(order)


def _lock(order_id: int) -> Order:
    order = (
        Order.objects.select_for_update(of=("self",))
        .select_related("sales_order", "customer")
        .get(pk=order_id)
    )
    order.account = Account.objects.get(pk=order.account_id)
    if order.read_at is None or order.gone_at:
        raise CannotDecide("LeafLink does not have this order (yet). Read it again first.")
    return order


def _as_seen(order: Order, seen: str) -> str:
    """The fingerprint of what is chosen about. Raises CannotDecide when the person saw another."""
    now = fingerprints.of_choice(_payload(order))
    if seen and seen != now:
        raise CannotDecide(CHANGED_SINCE)
    return now


def _local(order: Order) -> SalesOrder:
    if order.sales_order_id is None:
        raise CannotDecide("The order is not imported.")
    return services.lock(order.sales_order_id)


def _payload(order: Order) -> payloads.Order:
    try:
        return payloads.parse(payloads.Order, order.raw)
    except BadPayload as error:
        raise CannotDecide(str(error)) from error


def _settle(order: Order) -> Order:
    book: Book = book_for(order.account, [order.pk])
    return settle(order.account, order.pk, book)


def seen_of(row: dict[str, str]) -> str:
    """The fingerprint of one thing to choose about, as a page showed it."""
    return fingerprints.of_body([row["name"], row["ours"], row["theirs"]])[:16]


@transaction.atomic
def take_their_term(order_id: int, name: str, *, by: By, seen: str) -> Order:
    """Take LeafLink's payment term, due date or delivery, on which both sides have moved."""
    order, payload = _disputed(order_id, name, seen)
    theirs = order_terms.theirs(payload)[name]
    value = order_terms.local_value(name, theirs)
    try:
        change_terms(_local(order), {name: value}, by=by, why="LeafLink's was taken.")
    except IllegalMove as error:
        raise CannotDecide(str(error)) from error
    return _agree(order, name, theirs, f"Take LeafLink's: {LABELS[name]}.", by)


@transaction.atomic
def keep_our_term(order_id: int, name: str, *, by: By, seen: str) -> Order:
    """Keep ours of what both sides have moved: it is sent to LeafLink."""
    order, payload = _disputed(order_id, name, seen)
    if not order.account.push_order_terms:
        raise CannotDecide(
            f"The account {order.account} does not send terms, so ours would not reach LeafLink. "
            "Switch that on there, or take LeafLink's."
        )
    theirs = order_terms.theirs(payload)[name]
    return _agree(order, name, theirs, f"Keep ours, and send it: {LABELS[name]}.", by)


def _disputed(order_id: int, name: str, seen: str) -> tuple[Order, payloads.Order]:
    order = _lock(order_id)
    rows = {row["name"]: row for row in order.disputed}
    if name not in rows or name not in LABELS:
        raise CannotDecide("There is nothing to choose any more: both sides say the same by now.")
    if seen != seen_of(rows[name]):
        raise CannotDecide(CHANGED_SINCE)
    return order, _payload(order)


def _agree(order: Order, name: str, theirs: str, told: str, by: By) -> Order:
    order.agreed = {**order.agreed, name: theirs}
    order.save(update_fields=["agreed"])
    order.tell(Kind.PERSON, told, by=by)
    settled = _settle(order)
    # Ours may have to be sent now.
    work.ask(order.account_id, STATUS_WORK, [str(order.number)], WorkItem.Priority.ORDERS)
    return settled


@transaction.atomic
def try_again(order_id: int, *, by: By, seen: str = "") -> Order:
    """Ask LeafLink once more for what it refused."""
    order = _lock(order_id)
    if not order.refused:
        raise CannotDecide("Nothing is refused any more.")
    order.refuse({what: said for what, said in order.refusals.items() if what in QUIET})
    order.save(update_fields=["refusals", "refused"])
    order.tell(Kind.PERSON, "Try again.", by=by)
    work.ask(order.account_id, STATUS_WORK, [str(order.number)], WorkItem.Priority.ORDERS)
    return order
