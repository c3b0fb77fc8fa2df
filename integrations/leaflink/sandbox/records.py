"""The records the stand-in keeps. Quantities are base units, money is US dollars, both Decimal.

Every record is a plain dataclass with a ``kind`` and a ``key``, which is all the store needs.
Nested values are lists and dicts (never tuples or sets) so that they survive a JSON round trip.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

ZERO = Decimal(0)

MANAGED, UNLIMITED, INHERITED = 1, 2, 3


@dataclass
class Company:
    """A LeafLink account: a seller (brand) or a buyer (retailer)."""

    kind: ClassVar[str] = "company"
    id: int
    name: str
    slug: str
    is_seller: bool
    is_buyer: bool
    license_id: int | None
    license_number: str
    address: dict[str, str]
    # None: any external_ids key may be written. A list: only those LeafLink has provisioned.
    external_id_keys: list[str] | None = None
    # LeafLink's setting "Require Order Payment Term": no order is accepted without one.
    needs_payment_term: bool = False

    @property
    def key(self) -> str:
        return str(self.id)


@dataclass
class AppKey:
    """An App key. ``permissions`` maps orders/products/inventory/crm to "read" or "write"."""

    kind: ClassVar[str] = "app_key"
    value: str
    company_id: int
    owner: str
    permissions: dict[str, str]
    is_revoked: bool = False

    @property
    def key(self) -> str:
        return self.value


@dataclass
class Staff:
    """A person of a company. ``id`` is what orders call a rep; ``user_id`` is another number."""

    kind: ClassVar[str] = "staff"
    id: int
    user_id: int
    company_id: int
    name: str
    email: str
    username: str
    phone: str
    is_active: bool
    is_admin: bool

    @property
    def key(self) -> str:
        return str(self.id)


@dataclass
class Brand:
    """A brand of a seller."""

    kind: ClassVar[str] = "brand"
    id: int
    company_id: int
    name: str

    @property
    def key(self) -> str:
        return str(self.id)


@dataclass
class ProductLine:
    """A named group of products of one brand."""

    kind: ClassVar[str] = "product_line"
    id: int
    brand_id: int
    name: str
    menu_position: int

    @property
    def key(self) -> str:
        return str(self.id)


@dataclass
class Strain:
    """A strain known to a seller."""

    kind: ClassVar[str] = "strain"
    id: int
    company_id: int
    name: str
    classification: str

    @property
    def key(self) -> str:
        return str(self.id)


@dataclass
class Batch:
    """A production batch of a seller; lines of orders may name one."""

    kind: ClassVar[str] = "batch"
    id: int
    company_id: int
    number: str
    batch_date: str

    @property
    def key(self) -> str:
        return str(self.id)


@dataclass
class Product:
    """A product on a seller's menu.

    ``quantity`` is the physical level and ``reserved`` what open orders for *this* product
    hold, both in base units. ``wholesale_price`` and ``sale_price`` are per selling unit (per
    case when ``unit_multiplier`` > 1). ``details`` holds the fields that have no rule here,
    under their API names.
    """

    kind: ClassVar[str] = "product"
    id: int
    seller_id: int
    brand_id: int | None
    name: str
    sku: str
    quantity: Decimal
    reserved: Decimal
    unit_of_measure: str
    unit_multiplier: int
    wholesale_price: Decimal
    retail_price: Decimal
    sale_price: Decimal
    listing_state: str
    inventory_management: int
    parent_id: int | None
    created_on: datetime
    last_edit: datetime
    modified: datetime
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return str(self.id)

    @property
    def archived(self) -> bool:
        return self.listing_state == "Archived"


@dataclass
class Customer:
    """A seller's CRM record of a buyer. ``partner_id`` is the buyer's company, or None."""

    kind: ClassVar[str] = "customer"
    id: int
    owner_id: int
    partner_id: int | None
    name: str
    license_number: str | None
    email: str
    managers: list[int]
    created_on: datetime
    modified: datetime
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return str(self.id)

    @property
    def display_name(self) -> str:
        return str(self.details.get("nickname") or self.name)


@dataclass
class OrderLine:
    """One line: ``quantity`` in base units, prices per selling unit, as when it was ordered."""

    id: int
    product_id: int
    quantity: Decimal
    unit_multiplier: int
    price: Decimal
    sale_price: Decimal
    wholesale_price: Decimal
    unit_of_measure: str
    product_name: str
    product_sku: str
    position: int
    is_sample: bool = False
    is_medical: bool = False
    is_backorder: bool = False
    notes: str | None = None
    batch: int | None = None
    is_packed: bool = False
    packed_at: datetime | None = None
    packed_by: int | None = None


@dataclass
class Order:
    """An order as the seller received it. ``tax_rate`` is a percentage, the rest is money."""

    kind: ClassVar[str] = "order"
    id: int
    number: str
    seller_id: int
    buyer_id: int | None
    customer_id: int
    brand_id: int | None
    status: str
    manual: bool
    user: str
    created_on: datetime
    modified: datetime
    classification: str
    sales_rep_ids: list[int]
    discount: Decimal
    discount_type: str
    tax_rate: Decimal
    shipping: Decimal
    credits: Decimal
    payment_term: str
    payment_methods: list[str]
    selected_payment_option: dict[str, Any] | None
    corporate_address: dict[str, str]
    delivery_address: dict[str, str]
    lines: list[OrderLine] = field(default_factory=list)
    payment_due_date: datetime | None = None
    paid: bool = False
    paid_date: str | None = None
    ship_date: datetime | None = None
    shipping_details: str | None = None
    notes: str | None = None
    internal_notes: str | None = None
    delivery_preferences: str | None = None
    delivery_provider: int | None = None
    delivery_info: dict[str, Any] | None = None
    facility_id: int | None = None
    external_id_seller: str | None = None
    external_id_buyer: str | None = None
    ext_acct_id: str | None = None
    external_ids: dict[str, str] = field(default_factory=dict)
    is_combination: bool = False

    @property
    def key(self) -> str:
        return self.number

    @property
    def short_id(self) -> str:
        return self.number[-8:]

    def line(self, line_id: int) -> OrderLine | None:
        """The line with this id, or None."""
        return next((line for line in self.lines if line.id == line_id), None)


@dataclass
class Payment:
    """A payment somebody wrote down against an order; negative ones correct earlier ones."""

    kind: ClassVar[str] = "payment"
    id: int
    order_number: str
    recorded_by: int
    total: Decimal
    payment_date: datetime
    reason: str
    payment_type: str
    created_on: datetime
    modified: datetime

    @property
    def key(self) -> str:
        return str(self.id)


@dataclass
class OrderEvent:
    """One entry of an order's event log."""

    kind: ClassVar[str] = "event"
    id: int
    order_number: str
    event_type: str
    by: str
    author_name: str
    source: str
    changed_fields: dict[str, Any]
    created_on: datetime

    @property
    def key(self) -> str:
        return str(self.id)


@dataclass
class Webhook:
    """A subscription of a company. ``failing_since``: the first failure after the last success."""

    kind: ClassVar[str] = "webhook"
    id: int
    company_id: int
    url: str
    secret: str
    types: list[str]
    enabled: bool = True
    failing_since: datetime | None = None

    @property
    def key(self) -> str:
        return str(self.id)


@dataclass
class LoggedRequest:
    """One API request as answered. ``status`` 0: the connection was cut. Headers aren't kept."""

    method: str
    path: str
    query: str
    status: int
    body: Any


Record = (
    Company
    | AppKey
    | Staff
    | Brand
    | ProductLine
    | Strain
    | Batch
    | Product
    | Customer
    | Order
    | Payment
    | OrderEvent
    | Webhook
)
