"""LeafLink's rows: accounts, mirrors of LeafLink's records, links, and orders."""

from integrations.leaflink.models.accounts import Account, AccountBrand, Cursor, WebhookDelivery
from integrations.leaflink.models.drift import Drift
from integrations.leaflink.models.lists import ListEntry
from integrations.leaflink.models.mirrors import Customer, Listing, Mirror, Product, Staff
from integrations.leaflink.models.offers import Offer
from integrations.leaflink.models.orders import (
    NUMBER,
    STATUS,
    Blocker,
    LineItem,
    Order,
    OrderEvent,
    OrderPayment,
)
from integrations.leaflink.models.routing import RoutingRule
from integrations.leaflink.models.rule_changes import RuleChange

__all__ = [
    "NUMBER",
    "STATUS",
    "Account",
    "AccountBrand",
    "Blocker",
    "Cursor",
    "Customer",
    "Drift",
    "LineItem",
    "ListEntry",
    "Listing",
    "Mirror",
    "Offer",
    "Order",
    "OrderEvent",
    "OrderPayment",
    "Product",
    "RoutingRule",
    "RuleChange",
    "Staff",
    "WebhookDelivery",
]
