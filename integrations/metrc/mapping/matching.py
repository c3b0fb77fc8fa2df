"""Which delivery in Metrc is which order: facts in, verdicts out. No I/O, no models.

The evidence, strongest first: the transfer was made from the order's template; the same customer
gets exactly the order's packages; the invoice number is the order's number. Only what leaves no
doubt is certain, and moves goods and money by itself; all else is for a person to decide. What
speaks neither way (Metrc doesn't say from which template) is no evidence at all.

Labels are unique at any moment but may sit on several transfers over time, so what was registered
before the order asked for its packages is another shipment's.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from integrations.metrc.mapping.match_facts import (
    CLOCKS_DIFFER,
    NONE,
    DeliveryFacts,
    How,
    OrderFacts,
    Verdict,
    invoice_key,
    is_in_time,
    is_own_template,
    is_same_customer,
    may_share,
)
from integrations.metrc.mapping.match_reasons import doubts_about, reasons_for

__all__ = ["DeliveryFacts", "How", "OrderFacts", "Verdict", "candidates", "may_share"]


@dataclass(frozen=True)
class _Book:
    """All facts, found by what they have in common."""

    orders: dict[int, OrderFacts]
    deliveries: dict[int, DeliveryFacts]
    by_label: dict[str, set[int]]
    by_template: dict[int, set[int]]
    by_invoice: dict[str, set[int]]
    owners: dict[str, set[int]]
    # By transfer the stops that are just what its template was for: the others are not.
    explained: dict[int, set[int]]
    # By delivery the orders that together are all of it, when there are several.
    merged: dict[int, frozenset[int]]


def candidates(
    orders: Collection[OrderFacts],
    deliveries: Collection[DeliveryFacts],
    *,
    by_invoice: bool = True,
) -> list[Verdict]:
    """For each order that is not matched the deliveries that are certainly or possibly its.

    An order has one certain delivery at most, and then nothing possible beside it. `by_invoice`:
    an order without packages may be matched by the invoice number alone. The answer doesn't depend
    on the order in which the facts come.
    """
    book = _open_book(orders, deliveries)
    found: dict[int, list[Verdict]] = {}
    for order in book.orders.values():
        if order.is_canceled or order.matched_with is not None:
            continue
        judged = (_judge(order, book.deliveries[pk], book) for pk in _looked_at(order, book))
        verdicts = [verdict for verdict in judged if verdict]
        if verdicts:
            found[order.id] = _one_of(verdicts, book, by_invoice=by_invoice)
    _doubt_what_collides(found, book)
    for order_id, verdicts in found.items():
        certain = [verdict for verdict in verdicts if verdict.is_certain]
        found[order_id] = certain or _without_other_stops(verdicts, book)
    chosen = {v.delivery_id for some in found.values() for v in some if v.is_certain}
    return sorted(
        (
            verdict
            for some in found.values()
            for verdict in some
            if verdict.is_certain
            or verdict.how is not How.INVOICE
            or verdict.delivery_id not in chosen
        ),
        key=lambda verdict: (verdict.order_id, verdict.delivery_id),
    )


def _open_book(orders: Collection[OrderFacts], deliveries: Collection[DeliveryFacts]) -> _Book:
    book = _Book(
        {order.id: order for order in sorted(orders, key=lambda order: order.id)},
        {one.id: one for one in sorted(deliveries, key=lambda one: one.id) if not one.is_void},
        defaultdict(set),
        defaultdict(set),
        defaultdict(set),
        defaultdict(set),
        defaultdict(set),
        {},
    )
    for one in book.deliveries.values():
        for label in one.labels:
            book.by_label[label].add(one.id)
        if one.template_id is not None:
            book.by_template[one.template_id].add(one.id)
        if invoice_key(one.invoice):
            book.by_invoice[invoice_key(one.invoice)].add(one.id)
    for order in book.orders.values():
        for label in order.labels if not order.is_canceled else ():
            book.owners[label].add(order.id)
    by_number = {order.number: order for order in book.orders.values()}
    for one in book.deliveries.values():
        maker = by_number.get(one.template_order)
        if maker and _is_just_it(maker, one):
            book.explained[one.transfer_id].add(one.id)
    for one in book.deliveries.values():
        if group := _merged_in(one, book):
            book.merged[one.id] = group
    return book


def _is_just_it(order: OrderFacts, one: DeliveryFacts) -> bool:
    """Whether a stop is matched with an order, or is exactly what the order asked for."""
    if order.matched_with is not None:
        return order.matched_with == one.id
    return order.labels == one.labels and is_same_customer(order, one)


def _template_speaks(one: DeliveryFacts, book: _Book) -> bool:
    """Whether the template says whose the stop is: not when another stop is what it was for.

    Metrc: a transfer that was made from several templates names one.
    """
    return bool(one.template_order) and not book.explained[one.transfer_id] - {one.id}


def _merged_in(one: DeliveryFacts, book: _Book) -> frozenset[int]:
    """The orders whose packages together are exactly the delivery's, when they are several."""
    touched = set().union(*(book.owners.get(label, set()) for label in one.labels))
    members = [book.orders[pk] for pk in touched if _is_part_of(book.orders[pk], one)]
    together = [label for order in members for label in order.labels]
    is_all = set(together) == one.labels and len(together) == len(one.labels)
    ids = frozenset(order.id for order in members)
    is_theirs = not _template_speaks(one, book) or one.template_order in {
        order.number for order in members
    }
    if len(members) < 2 or not is_all or not is_theirs or not one.matched_orders <= ids:
        return NONE
    return ids


def _is_part_of(order: OrderFacts, one: DeliveryFacts) -> bool:
    """Whether all of an order's packages go to its customer with this delivery."""
    if one.id in order.never or not is_same_customer(order, one) or not order.labels <= one.labels:
        return False
    if order.matched_with is not None:
        return order.matched_with == one.id
    return is_own_template(order, one) or is_in_time(order, one)


def _looked_at(order: OrderFacts, book: _Book) -> set[int]:
    """The deliveries that have anything in common with an order."""
    found = set(book.by_invoice.get(invoice_key(order.number), ()))
    for template_id in order.template_ids:
        found |= book.by_template.get(template_id, set())
    for label in order.labels:
        found |= book.by_label.get(label, set())
    return {pk for pk in found - order.never if book.deliveries[pk].shipper == order.shipper != ""}


def _is_of_another(order: OrderFacts, one: DeliveryFacts, book: _Book) -> bool:
    """Whether it was made from the template of an order that it isn't merged with."""
    if one.template_order == order.number or not _template_speaks(one, book):
        return False
    return order.id not in book.merged.get(one.id, NONE)


def _judge(order: OrderFacts, one: DeliveryFacts, book: _Book) -> Verdict | None:
    """What a delivery is to an order, looking at these two alone; None: nothing."""
    is_merged = order.id in book.merged.get(one.id, NONE)
    is_whole = bool(order.labels) and (order.labels == one.labels or is_merged)
    # To complete an order says that all of it has gone, and has not come back.
    has_gone = bool(one.labels) and not one.is_back
    fits = is_whole and order.is_filled and has_gone and is_same_customer(order, one)
    is_taken = bool(one.matched_orders - {order.id}) and not is_merged
    doubts = _doubts(order, one, book, is_taken=is_taken)
    reasons = reasons_for(order, one)
    if is_own_template(order, one):
        return Verdict(order.id, one.id, How.TEMPLATE, fits and not is_taken, reasons, doubts)
    is_another = _is_of_another(order, one, book)
    if is_whole:
        certain = fits and is_in_time(order, one) and not is_another and not is_taken
        return Verdict(order.id, one.id, How.LABELS, certain, reasons, doubts)
    # Another order's, unless both went together and somebody added to it.
    may_be_part = not is_another or (order.labels <= one.labels and is_same_customer(order, one))
    if order.labels & one.labels and is_in_time(order, one) and may_be_part:
        return Verdict(order.id, one.id, How.LABELS, False, reasons, doubts)
    if invoice_key(one.invoice) != invoice_key(order.number) or is_taken:
        return None
    # Before the order there was, its number was another's.
    at = one.registered_at
    if at is not None and at < order.created_at - CLOCKS_DIFFER:
        return None
    is_owned = any(book.owners.get(label, set()) - {order.id} for label in one.labels)
    stands_alone = at is not None and has_gone and not (order.labels or is_another or is_owned)
    certain = stands_alone and is_same_customer(order, one)
    return Verdict(order.id, one.id, How.INVOICE, certain, reasons, doubts)


def _one_of(verdicts: list[Verdict], book: _Book, *, by_invoice: bool) -> list[Verdict]:
    """An order's verdicts with one certain at most: what fits twice is for a person to decide."""
    if len(verdicts) > 1 or not by_invoice:
        why = (
            "Another transfer may be meant as well"
            if by_invoice
            else "The account doesn't match by the invoice number alone"
        )
        verdicts = [
            v.doubted(why) if v.is_certain and v.how is How.INVOICE else v for v in verdicts
        ]
    certain = [verdict for verdict in verdicts if verdict.is_certain]
    if len(certain) < 2:
        return verdicts
    # Shipped again after it came back: the new one counts.
    newest = max(_registered(verdict, book) for verdict in certain)
    left = [
        verdict
        for verdict in certain
        if _registered(verdict, book) == newest or not book.deliveries[verdict.delivery_id].is_back
    ]
    if len(left) > 1:
        return [v.doubted("Another transfer fits as well") if v in left else v for v in verdicts]
    return left


def _registered(verdict: Verdict, book: _Book) -> float:
    at = book.deliveries[verdict.delivery_id].registered_at
    return at.timestamp() if at else float("-inf")


def _doubt_what_collides(found: dict[int, list[Verdict]], book: _Book) -> None:
    """Two orders never get one delivery, unless it is exactly both of them and both are certain."""
    while doubtful := _colliding(found, book):
        for order_id, delivery_id in doubtful:
            found[order_id] = [
                v.doubted("It may be another order's as well")
                if v.is_certain and v.delivery_id == delivery_id
                else v
                for v in found[order_id]
            ]


def _colliding(found: dict[int, list[Verdict]], book: _Book) -> set[tuple[int, int]]:
    by_delivery: dict[int, set[int]] = defaultdict(set)
    for order_id, verdicts in found.items():
        for verdict in verdicts:
            if verdict.is_certain:
                by_delivery[verdict.delivery_id].add(order_id)
    return {
        (order_id, delivery_id)
        for delivery_id, order_ids in by_delivery.items()
        if not _are_all_of(order_ids, book.deliveries[delivery_id], book)
        for order_id in order_ids
    }


def _are_all_of(order_ids: set[int], one: DeliveryFacts, book: _Book) -> bool:
    """Whether these orders, with those it is matched with, may have the delivery."""
    everyone = order_ids | one.matched_orders
    group = book.merged.get(one.id)
    return everyone == group if group else len(everyone) == 1


def _without_other_stops(verdicts: list[Verdict], book: _Book) -> list[Verdict]:
    """Without the stops of the same transfer at which nothing is the order's but the template."""
    speaking = {v.delivery_id for v in verdicts if len(v.reasons) > 1 or v.how is not How.TEMPLATE}
    trips = {book.deliveries[pk].transfer_id for pk in speaking}
    return [
        v
        for v in verdicts
        if v.delivery_id in speaking or book.deliveries[v.delivery_id].transfer_id not in trips
    ]


def _doubts(
    order: OrderFacts, one: DeliveryFacts, book: _Book, *, is_taken: bool
) -> tuple[str, ...]:
    """What speaks against it, in words."""
    found = list(doubts_about(order, one))
    if order.id in book.merged.get(one.id, NONE):
        found = [doubt for doubt in found if not doubt.startswith("Also packages")]
    if _is_of_another(order, one, book):
        found.append(f"Made from the template of order {one.template_order}")
    if is_taken:
        found.append("It is matched with another order already")
    return tuple(found)
