"""Two ways of working with LeafLink, as values for an account's rules. Pure tables.

"Flourish style" and "Distru style" are how those two systems are known to behave, so that somebody
who comes from one of them finds what they are used to. A preset speaks of every rule that is about
how things are done. It leaves alone what is about one business: its places, people, numbers, dates
and addresses.
"""

from collections.abc import Mapping
from enum import StrEnum

from integrations.leaflink.mapping import status_rules
from integrations.leaflink.mapping.statuses import RemoteStatus
from orders.status import Status


class RulePreset(StrEnum):
    FLOURISH = "flourish"
    DISTRU = "distru"

    @property
    def label(self) -> str:
        return f"{self.value.title()} style"


_BOTH: Mapping[str, object] = {
    "push_inventory": True,
    "push_details": True,
    "new_product_state": "Available",
    "import_orders": True,
    "push_order_terms": True,
    "hold_on_total_mismatch": False,
    # Moved on by hand in LeafLink, an order is flagged: no stock has moved here.
    "lead_statuses": [],
    "routing.destination": False,
    "routing.account": True,
}

RULE_PRESETS: Mapping[RulePreset, Mapping[str, object]] = {
    # What is enabled here is made there; the sales rep says where an order ships from; an unknown
    # customer becomes a destination; backorders come in and wait for stock.
    RulePreset.FLOURISH: {
        **_BOTH,
        "link_exact_skus": True,
        "create_products": True,
        "import_statuses": [
            RemoteStatus.SUBMITTED.value,
            RemoteStatus.ACCEPTED.value,
            RemoteStatus.BACKORDER.value,
        ],
        "customer_rule": "create",
        "shortage_rule": "import",
        "status_map": status_rules.PRESETS[status_rules.Preset.FLOURISH],
        "sync_prices": False,
        "ignore_prices_from": "",
        "push_payments": False,
        "routing.rep": True,
    },
    # A person links and creates products; an order needs enough stock, but no known customer, and
    # is accepted by being imported; prices and payments follow; one place ships unless told.
    RulePreset.DISTRU: {
        **_BOTH,
        "link_exact_skus": False,
        "create_products": False,
        "import_statuses": [RemoteStatus.SUBMITTED.value, RemoteStatus.ACCEPTED.value],
        "customer_rule": "blank",
        "shortage_rule": "hold",
        "status_map": status_rules.PRESETS[status_rules.Preset.DISTRU],
        "sync_prices": True,
        "ignore_prices_from": Status.ALLOCATED.value,
        "push_payments": True,
        "routing.rep": False,
    },
}

# About one business: no preset can know them.
LEFT_ALONE = frozenset(
    {
        "external_id_key",
        "facilities",
        "safety_units",
        "safety_percent",
        "most_shown",
        "brake_products",
        "brake_percent",
        "import_since",
        "fallback_rep",
        "default_facility",
        "payment_recorder",
        "notice_recipients",
    }
)


def preset_of(values: Mapping[str, object]) -> RulePreset | None:
    """The preset that an account's rules are; None when they are its own mixture."""
    for preset, table in RULE_PRESETS.items():
        if all(values[name] == value for name, value in table.items()):
            return preset
    return None
