"""LeafLink's rows: accounts, mirrors of LeafLink's records, links, and orders."""

from integrations.leaflink.models.accounts import Account, AccountBrand, Cursor, WebhookDelivery
from integrations.leaflink.models.mirrors import Customer, Listing, Mirror, Product, Staff
from integrations.leaflink.models.orders import Blocker, LineItem, Order

__all__ = [
    "Account",
    "AccountBrand",
    "Blocker",
    "Cursor",
    "Customer",
    "LineItem",
    "Listing",
    "Mirror",
    "Order",
    "Product",
    "Staff",
    "WebhookDelivery",
]
