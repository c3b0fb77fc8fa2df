"""Every rule of an account: its name, what it is called, and what it brings about.

A rule is a field of `Account`, or ("routing.…") whether one of its standard routing rules is on.
Reading and writing them in words is `rule_values`; changing them is `change_rules`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from integrations.leaflink.rule_sentences import (
    CUSTOMERS,
    IGNORED_PRICES,
    NEW_PRODUCTS,
    SHORTAGE,
    Sentence,
    follows_ours,
    follows_theirs,
    given,
    on_off,
)


class Group(StrEnum):
    PRODUCTS = "Products"
    STOCK = "Stock"
    ORDERS = "Orders"
    ROUTING = "Routing"
    PRICES = "Prices"
    PAYMENTS = "Payments"
    NOTICES = "Notices"


# What switching from an old to a new value sets off at once; "" when that is nothing much.
Outcome = Callable[[object, object], str]


def _nothing(old: object, new: object) -> str:
    return ""


def _when(on: str, off: str = "") -> Outcome:
    return lambda old, new: on if new else off


def _always(text: str) -> Outcome:
    return lambda old, new: text


@dataclass(frozen=True)
class Rule:
    """`empty` is the value's words when there is none, `unit` what follows its number;
    `sends_stock` marks rules whose change is seen in what would be sent to LeafLink."""

    name: str
    group: Group
    label: str
    effect: Sentence
    empty: str = "Not set"
    unit: str = ""
    outcome: Outcome = _nothing
    sends_stock: bool = False

    @property
    def routing_kind(self) -> str:
        """The kind of routing rule that this switches; "" for a field of the account."""
        return self.name.removeprefix("routing.") if self.name.startswith("routing.") else ""


_RECOUNT = _always(
    "Quantities of all linked products are worked out again and sent within ten minutes."
)

RULES: tuple[Rule, ...] = (
    Rule(
        "link_exact_skus",
        Group.PRODUCTS,
        "Link products whose SKU is exactly the same",
        on_off(
            "A LeafLink product is linked by itself to the item that has exactly its SKU.",
            "Products are linked only when a person says so.",
        ),
    ),
    Rule(
        "push_details",
        Group.PRODUCTS,
        "Send product details",
        on_off(
            "Names, descriptions and categories changed here are sent to LeafLink; listing states "
            "are never touched.",
            "Nothing about product details is sent.",
        ),
        outcome=_when(
            "What differs now is left as it is. From the next change on, what is changed here is "
            "sent."
        ),
    ),
    Rule(
        "create_products",
        Group.PRODUCTS,
        "Create products by themselves",
        on_off(
            "An item that is to be offered in LeafLink and lacks nothing is created there at once.",
            "An item is created in LeafLink when a person asks for it.",
        ),
        outcome=_when("Items that are to be offered and have no product yet are created there."),
    ),
    Rule(
        "new_product_state",
        Group.PRODUCTS,
        "Listing state of new products",
        NEW_PRODUCTS,
    ),
    Rule(
        "external_id_key",
        Group.PRODUCTS,
        "LeafLink's name for our ids",
        given(
            "Our ids are noted with LeafLink's products as “{}”.",
            "Our ids are not noted in LeafLink.",
        ),
    ),
    Rule(
        "push_inventory",
        Group.STOCK,
        "Send quantities",
        on_off(
            "Quantities are sent to LeafLink within seconds of a change.",
            "Nothing about stock is sent.",
        ),
        outcome=_when(
            "Quantities of all linked products are sent within ten minutes.",
            "LeafLink keeps showing the numbers it has, and buyers can order what is gone.",
        ),
        sends_stock=True,
    ),
    Rule(
        "facilities",
        Group.STOCK,
        "Facilities that count",
        given(
            "Only the stock of {} is offered in LeafLink.",
            "The stock of every facility is offered in LeafLink.",
        ),
        empty="All facilities",
        outcome=_RECOUNT,
        sends_stock=True,
    ),
    Rule(
        "safety_units",
        Group.STOCK,
        "Kept back, in units",
        given(
            "Of each item, {} are never shown in LeafLink.",
            "No fixed number is kept back.",
        ),
        empty="Nothing",
        unit=" units",
        outcome=_RECOUNT,
        sends_stock=True,
    ),
    Rule(
        "safety_percent",
        Group.STOCK,
        "Kept back, in percent",
        given(
            "Of what is on hand, {} is never shown in LeafLink, rounded up to whole units.",
            "No share is kept back.",
        ),
        empty="Nothing",
        unit=" %",
        outcome=_RECOUNT,
        sends_stock=True,
    ),
    Rule(
        "most_shown",
        Group.STOCK,
        "Shown at the most",
        given(
            "LeafLink never offers more than {} of an item.",
            "All that can be sold is offered, however much it is.",
        ),
        empty="No limit",
        unit=" units",
        outcome=_RECOUNT,
        sends_stock=True,
    ),
    Rule(
        "brake_products",
        Group.STOCK,
        "Ask before so many products sell out",
        given(
            "More than {} selling out within an hour wait for a person's yes.",
            "However many sell out at once, nobody is asked because of their number.",
        ),
        empty="Never ask",
        unit=" products",
        outcome=lambda old, new: "" if new else "A mistake in a count can empty the whole shop.",
        sends_stock=True,
    ),
    Rule(
        "brake_percent",
        Group.STOCK,
        "Ask before such a share sells out",
        given(
            "More than {} of all products selling out within an hour wait for a person's yes.",
            "However large the share that sells out, nobody is asked because of it.",
        ),
        empty="Never ask",
        unit=" %",
        outcome=lambda old, new: "" if new else "A mistake in a count can empty the whole shop.",
        sends_stock=True,
    ),
    Rule(
        "import_orders",
        Group.ORDERS,
        "Import orders",
        on_off(
            "LeafLink's orders become sales orders here by themselves.",
            "LeafLink's orders are listed, and none of them becomes a sales order.",
        ),
        outcome=_when(
            "New orders come in from now on; those left out until now, when they change in "
            "LeafLink.",
            "New orders are only listed from now on.",
        ),
    ),
    Rule(
        "import_statuses",
        Group.ORDERS,
        "Statuses that are imported",
        given(
            "An order is imported when it is {} in LeafLink.",
            "No order is imported, since no status is chosen.",
        ),
        empty="No status",
    ),
    Rule(
        "import_since",
        Group.ORDERS,
        "Import orders placed since",
        given(
            "Orders placed before {} are left alone.",
            "Orders are imported however old they are.",
        ),
        empty="From the beginning",
    ),
    Rule(
        "fallback_rep",
        Group.ORDERS,
        "Rep of an order without one",
        given(
            "An order without sales rep is given to {}.",
            "An order without sales rep is held.",
        ),
        empty="Nobody",
    ),
    Rule("customer_rule", Group.ORDERS, "A new customer", CUSTOMERS),
    Rule("shortage_rule", Group.ORDERS, "Not enough stock", SHORTAGE),
    Rule(
        "hold_on_total_mismatch",
        Group.ORDERS,
        "Hold an order whose total differs",
        on_off(
            "An order whose total is not LeafLink's own is held.",
            "An order whose total is not LeafLink's own comes in, with the difference shown on it.",
        ),
    ),
    Rule(
        "status_map",
        Group.ORDERS,
        "LeafLink follows our orders",
        follows_ours,
        empty="Not at all",
    ),
    Rule(
        "lead_statuses",
        Group.ORDERS,
        "Our orders follow LeafLink's",
        follows_theirs,
        empty="Not at all",
    ),
    Rule(
        "push_order_terms",
        Group.ORDERS,
        "Send payment terms and delivery dates",
        on_off(
            "Payment term, due date and delivery changed here are sent to LeafLink.",
            "Nothing about terms and delivery is sent; what changes in LeafLink still comes in.",
        ),
    ),
    Rule(
        "routing.destination",
        Group.ROUTING,
        "Ask the destination's default facility",
        on_off(
            "An order ships from its destination's default facility, where there is one.",
            "The destination's default facility is not asked.",
        ),
    ),
    Rule(
        "routing.rep",
        Group.ROUTING,
        "Ask the sales rep's default facility",
        on_off(
            "An order ships from its sales rep's default facility, where there is one.",
            "The sales rep's default facility is not asked.",
        ),
    ),
    Rule(
        "routing.account",
        Group.ROUTING,
        "Ask the account's default facility",
        on_off(
            "Where no earlier rule decides, an order ships from the account's default facility.",
            "The account's default facility is not asked.",
        ),
    ),
    Rule(
        "default_facility",
        Group.ROUTING,
        "The account's default facility",
        given(
            "Orders ship from {} when no earlier routing rule says otherwise.",
            "Orders that no other routing rule speaks of come without facility.",
        ),
    ),
    Rule(
        "sync_prices",
        Group.PRICES,
        "Keep prices the same on both sides",
        on_off(
            "A price changed on either side is taken over by the other, case sizes included.",
            "Prices of products are neither sent nor taken over.",
        ),
        outcome=_when(
            "What differs now is left as it is. From the next change on, each side follows the "
            "other."
        ),
    ),
    Rule(
        "ignore_prices_from",
        Group.PRICES,
        "Ignore later price changes in LeafLink's orders",
        IGNORED_PRICES,
    ),
    Rule(
        "push_payments",
        Group.PAYMENTS,
        "Send payments",
        on_off(
            "Payments recorded here are noted in LeafLink, and voided ones are taken back there.",
            "Nothing about payments is sent.",
        ),
        outcome=_when("Payments from before now are not sent."),
    ),
    Rule(
        "payment_recorder",
        Group.PAYMENTS,
        "Who records payments in LeafLink",
        given(
            "Payments recorded by people who are not LeafLink staff are noted as by {}.",
            "Payments recorded by people who are not LeafLink staff wait, and say so.",
        ),
        empty="Nobody",
    ),
    Rule(
        "notice_recipients",
        Group.NOTICES,
        "Also tell by mail",
        given(
            "Notices of this account are mailed to {} too.",
            "Only the people who asked for notices get them by mail.",
        ),
        empty="Nobody else",
    ),
)
BY_NAME = {rule.name: rule for rule in RULES}

# Fields of an account that are no rules: what it is, its keys, and what is noted about it. The keys
# never come near the history of rules.
NO_RULES = frozenset(
    {
        "id",
        "connection_ptr",
        "name",
        "is_active",
        "created_at",
        "host",
        "stand_in_url",
        "company_id",
        "company_name",
        "app_key",
        "webhook_key",
        "webhook_id",
        "last_webhook_at",
        "key_owner",
        "push_payments_since",
        "in_setup",
        "setup_confirmed",
        "key_check",
        "went_live_at",
    }
)
