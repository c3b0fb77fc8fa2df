"""Transfers as they turn up in Metrc, beside the orders they may be: what is certain, and what not.

Each case is one morning in a facility: orders with their packages, deliveries of transfers, and
which is whose. Times are minutes after eight.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from integrations.metrc.mapping.match_facts import DeliveryFacts, OrderFacts

EIGHT = datetime(2026, 3, 11, 8, tzinfo=UTC)
OURS, JUNIPER, COPPER = "C119000001LIC", "C109000042LIC", "C109000077LIC"


def at(minutes):
    return EIGHT + timedelta(minutes=minutes)


def order(pk, labels="", **more):
    """An order over packages named by letters, for Juniper, asked for at eight."""
    facts = {
        "number": f"SO-{pk:06d}",
        "shipper": OURS,
        "recipient": JUNIPER,
        "labels": frozenset(labels),
        "template_ids": frozenset(),
        "created_at": at(-60),
        "asked_at": at(0),
        **more,
    }
    return OrderFacts(pk, **facts)


def delivery(pk, labels="", **more):
    """A stop with packages named by letters, for Juniper, registered at nine."""
    facts = {
        "transfer_id": pk,
        "shipper": OURS,
        "recipient": JUNIPER,
        "recipient_name": "Juniper Street",
        "labels": frozenset(labels),
        "template_id": None,
        "registered_at": at(60),
        **more,
    }
    return DeliveryFacts(pk, **facts)


def template(pk, of=None):
    """A template's number, as an order and a delivery know it."""
    return {"template_id": pk, "template_order": f"SO-{of:06d}" if of else ""}


@dataclass
class Case:
    """`expected` by (order, delivery): how it matches, or what is said against it."""

    name: str
    orders: list
    deliveries: list
    expected: dict = field(default_factory=dict)
    by_invoice: bool = True


# What a template's order knows of it.
T7 = {"template_ids": frozenset({7})}
SENT7 = template(7, of=1)

CASES = [
    Case(
        "registered from the template as it is",
        [order(1, "AB", **T7)],
        [delivery(1, "AB", **SENT7)],
        {(1, 1): "template"},
    ),
    Case(
        "a withdrawn template that somebody had registered before",
        [order(1, "AB", template_ids=frozenset({7, 8}), asked_at=at(90))],
        [delivery(1, "AB", **SENT7)],
        {(1, 1): "template"},
    ),
    Case(
        "Metrc doesn't say from which template",
        [order(1, "AB", **T7)],
        [delivery(1, "AB")],
        {(1, 1): "labels"},
    ),
    Case(
        "from somebody's own template in Metrc",
        [order(1, "AB", **T7)],
        [delivery(1, "AB", **template(99))],
        {(1, 1): "labels"},
    ),
    Case(
        "a package was taken out at registering",
        [order(1, "AB", **T7)],
        [delivery(1, "A", **SENT7)],
        {(1, 1): "Without the order's packages B"},
    ),
    Case(
        "a package was added at registering",
        [order(1, "AB", **T7)],
        [delivery(1, "ABX", **SENT7)],
        {(1, 1): "Also packages that aren't the order's: X"},
    ),
    Case(
        "another customer was chosen at registering",
        [order(1, "AB", **T7)],
        [delivery(1, "AB", recipient=COPPER, recipient_name="Copper Lantern", **SENT7)],
        {(1, 1): "Another customer: Copper Lantern"},
    ),
    Case(
        "the packages were unassigned after the template went",
        [order(1, "", **T7)],
        [delivery(1, "AB", **SENT7)],
        {(1, 1): "The order has no packages to compare"},
    ),
    Case(
        "only some of the order's lines have packages",
        [order(1, "AB", is_filled=False, **T7)],
        [delivery(1, "AB", **SENT7)],
        {(1, 1): "The packages assigned to the order don't fill all of its lines"},
    ),
    Case(
        "by labels too: only some of the order's lines have packages",
        [order(1, "AB", is_filled=False)],
        [delivery(1, "AB")],
        {(1, 1): "The packages assigned to the order don't fill all of its lines"},
    ),
    Case(
        "merged with an order of which only some lines have packages",
        [order(1, "AB", is_filled=False), order(2, "C")],
        [delivery(1, "ABC")],
        {
            (1, 1): "The packages assigned to the order don't fill all of its lines",
            (2, 1): "It may be another order's as well",
        },
    ),
    Case("voided", [order(1, "AB", **T7)], [delivery(1, "AB", is_void=True, **SENT7)]),
    Case(
        "voided, then shipped again",
        [order(1, "AB", **T7)],
        [
            delivery(1, "AB", is_void=True, **SENT7),
            delivery(2, "AB", registered_at=at(75)),
        ],
        {(1, 2): "labels"},
    ),
    Case(
        "came back whole, then shipped again",
        [order(1, "AB", **T7)],
        [
            delivery(1, "AB", is_back=True, **SENT7),
            delivery(2, "AB", registered_at=at(300), **SENT7),
        ],
        {(1, 2): "template"},
    ),
    Case(
        "came back whole, and that was it",
        [order(1, "AB", **T7)],
        [delivery(1, "AB", is_back=True, **SENT7)],
        {(1, 1): "All of it was rejected or came back"},
    ),
    Case(
        "the template was used twice, and both are on the way as far as we know",
        [order(1, "AB", **T7)],
        [delivery(1, "AB", **SENT7), delivery(2, "AB", registered_at=at(61), **SENT7)],
        {(1, 1): "Another transfer fits as well", (1, 2): "Another transfer fits as well"},
    ),
    Case(
        "the template was used twice, the second time for other packages",
        [order(1, "AB", **T7)],
        [delivery(1, "AB", **SENT7), delivery(2, "XY", registered_at=at(61), **SENT7)],
        {(1, 1): "template"},
    ),
    Case(
        "the packages went to the same customer before, for somebody else's order",
        [order(1, "AB")],
        [delivery(1, "AB", registered_at=at(-3000))],
        {(1, 1): "Registered before the order asked for it"},
    ),
    Case(
        "and go again now",
        [order(1, "AB")],
        [delivery(1, "AB", registered_at=at(-3000)), delivery(2, "AB")],
        {(1, 2): "labels"},
    ),
    Case(
        "a package of it once went elsewhere",
        [order(1, "AB")],
        [delivery(1, "AX", recipient=COPPER, registered_at=at(-3000))],
    ),
    Case(
        "Metrc's clock is a little behind ours",
        [order(1, "AB")],
        [delivery(1, "AB", registered_at=at(0) - timedelta(seconds=40))],
        {(1, 1): "labels"},
    ),
    Case(
        "Metrc doesn't say when it was registered",
        [order(1, "AB")],
        [delivery(1, "AB", registered_at=None)],
        {(1, 1): "Metrc doesn't say when it was registered"},
    ),
    Case(
        "two orders of one customer, one transfer each",
        [order(1, "AB"), order(2, "CD")],
        [delivery(1, "CD"), delivery(2, "AB")],
        {(1, 2): "labels", (2, 1): "labels"},
    ),
    Case(
        "two orders of one customer went together",
        [order(1, "AB", **T7), order(2, "CD")],
        [delivery(1, "ABCD", **SENT7)],
        {(1, 1): "template", (2, 1): "labels"},
    ),
    Case(
        "together, with a package of no order",
        [order(1, "AB"), order(2, "CD")],
        [delivery(1, "ABCDX")],
        {
            (1, 1): "Also packages that aren't the order's: C, D, X",
            (2, 1): "Also packages that aren't the order's: A, B, X",
        },
    ),
    Case(
        "together, but only a part of the second",
        [order(1, "AB"), order(2, "CD")],
        [delivery(1, "ABC")],
        {
            (1, 1): "Also packages that aren't the order's: C",
            (2, 1): "Without the order's packages D",
        },
    ),
    Case(
        "two customers' packages in one delivery",
        [order(1, "AB"), order(2, "CD", recipient=COPPER)],
        [delivery(1, "ABCD")],
        {
            (1, 1): "Also packages that aren't the order's: C, D",
            (2, 1): "Another customer: Juniper Street",
        },
    ),
    Case(
        "together with an order that a person has matched already",
        [order(1, "AB", matched_with=1), order(2, "CD")],
        [delivery(1, "ABCD", matched_orders=frozenset({1}))],
        {(2, 1): "labels"},
    ),
    Case(
        "two stops, an order each",
        [order(1, "AB", **T7), order(2, "CD", recipient=COPPER)],
        [
            delivery(1, "AB", transfer_id=9, **SENT7),
            delivery(2, "CD", transfer_id=9, recipient=COPPER, **SENT7),
        ],
        {(1, 1): "template", (2, 2): "labels"},
    ),
    Case(
        "two stops, the first one matched before",
        [order(1, "AB", matched_with=1, **T7), order(2, "CD", recipient=COPPER)],
        [
            delivery(1, "ABX", transfer_id=9, matched_orders=frozenset({1}), **SENT7),
            delivery(2, "CD", transfer_id=9, recipient=COPPER, **SENT7),
        ],
        {(2, 2): "labels"},
    ),
    Case(
        "two stops, neither is what the template was for",
        [order(1, "AB", **T7), order(2, "CD", recipient=COPPER)],
        [
            delivery(1, "A", transfer_id=9, **SENT7),
            delivery(2, "CD", transfer_id=9, recipient=COPPER, **SENT7),
        ],
        {
            (1, 1): "Without the order's packages B",
            (2, 2): "Made from the template of order SO-000001",
        },
    ),
    Case(
        "what fits one of them twice is certain for neither",
        [order(1, "A"), order(2, "B")],
        [delivery(1, "A"), delivery(2, "AB")],
        {
            (1, 1): "Another transfer fits as well",
            (1, 2): "Another transfer fits as well",
            (2, 2): "It may be another order's as well",
        },
    ),
    Case(
        "two stops of a transfer without a template",
        [order(1, "AB"), order(2, "CD", recipient=COPPER)],
        [
            delivery(1, "AB", transfer_id=9),
            delivery(2, "CD", transfer_id=9, recipient=COPPER),
        ],
        {(1, 1): "labels", (2, 2): "labels"},
    ),
    Case(
        "two stops, ours with a package less: the other one isn't asked about",
        [order(1, "AB", **T7)],
        [
            delivery(1, "A", transfer_id=9, **SENT7),
            delivery(2, "X", transfer_id=9, recipient=COPPER, **SENT7),
        ],
        {(1, 1): "Without the order's packages B"},
    ),
    Case(
        "the same packages from another order's template",
        [order(1, "CD", **T7), order(2, "AB")],
        [delivery(1, "AB", **SENT7)],
        {
            (1, 1): "Without the order's packages C, D",
            (2, 1): "Made from the template of order SO-000001",
        },
    ),
    Case(
        "a package of it from another order's template",
        [order(1, "CD", **T7), order(2, "AB")],
        [delivery(1, "ACD", **SENT7)],
        {(1, 1): "Also packages that aren't the order's: A"},
    ),
    Case(
        "partial overlap",
        [order(1, "ABC")],
        [delivery(1, "BCX")],
        {(1, 1): "Without the order's packages A"},
    ),
    Case("nothing of it", [order(1, "ABC")], [delivery(1, "XYZ")]),
    Case("another license ships it", [order(1, "AB", **T7)], [delivery(1, "AB", shipper="Z9")]),
    Case(
        "a customer without a license number",
        [order(1, "AB", recipient="", **T7)],
        [delivery(1, "AB", **SENT7)],
        {(1, 1): "The order's customer has no license number"},
    ),
    Case(
        "Metrc doesn't say who gets it",
        [order(1, "AB")],
        [delivery(1, "AB", recipient="", recipient_name="")],
        {(1, 1): "Metrc doesn't say who gets it"},
    ),
    Case(
        "no packages assigned: by the invoice number, typed as people type",
        [order(1)],
        [delivery(1, "AB", invoice="  so-000001 ")],
        {(1, 1): "invoice"},
    ),
    Case(
        "by the invoice number, where the account doesn't want that",
        [order(1)],
        [delivery(1, "AB", invoice="SO-000001")],
        {(1, 1): "The account doesn't match by the invoice number alone"},
        by_invoice=False,
    ),
    Case(
        "the invoice number on two transfers",
        [order(1)],
        [delivery(1, "A", invoice="SO-000001"), delivery(2, "B", invoice="SO-000001")],
        {
            (1, 1): "Another transfer may be meant as well",
            (1, 2): "Another transfer may be meant as well",
        },
    ),
    Case(
        "the invoice number on two transfers, one voided",
        [order(1)],
        [
            delivery(1, "A", invoice="SO-000001", is_void=True),
            delivery(2, "A", invoice="SO-000001"),
        ],
        {(1, 2): "invoice"},
    ),
    Case(
        "the invoice number, but other packages than assigned",
        [order(1, "AB")],
        [delivery(1, "XY", invoice="SO-000001")],
        {(1, 1): "Without the order's packages A, B"},
    ),
    Case(
        "the invoice number, for another customer",
        [order(1)],
        [delivery(1, "AB", invoice="SO-000001", recipient=COPPER, recipient_name="Copper Lantern")],
        {(1, 1): "Another customer: Copper Lantern"},
    ),
    Case(
        "the invoice number, over packages of another order",
        [order(1), order(2, "AB")],
        [delivery(1, "ABX", invoice="SO-000001")],
        {
            (1, 1): "The order has no packages to compare",
            (2, 1): "Also packages that aren't the order's: X",
        },
    ),
    Case(
        "the wrong invoice number: the packages count",
        [order(1), order(2, "AB")],
        [delivery(1, "AB", invoice="SO-000001")],
        {(2, 1): "labels"},
    ),
    Case(
        "the number stood on an invoice long before the order",
        [order(1)],
        [delivery(1, "AB", invoice="SO-000001", registered_at=at(-9000))],
    ),
    Case(
        "a canceled order", [order(1, "AB", is_canceled=True, **T7)], [delivery(1, "AB", **SENT7)]
    ),
    Case(
        "an order that is matched already",
        [order(1, "AB", matched_with=1)],
        [delivery(1, "AB", matched_orders=frozenset({1})), delivery(2, "AB")],
    ),
    Case(
        "a delivery that is another order's already",
        [order(1, "AB")],
        [delivery(1, "AB", matched_orders=frozenset({5}))],
        {(1, 1): "It is matched with another order already"},
    ),
    Case(
        "of which a person has said no",
        [order(1, "AB", never=frozenset({1}), **T7)],
        [delivery(1, "AB", **SENT7)],
    ),
    Case("without packages, licenses and numbers", [order(1, "", recipient="")], [delivery(1, "")]),
]
