"""What LeafLink sends, as typed models that accept what it really sends.

LeafLink's answers differ from its own schema: money as object, number or text, numbers as text,
booleans as "False", arrays as comma lists, nulls where none are declared, missing keys. Each model
takes all of these and ignores what it doesn't know; what it can't read is named by its path.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field

from integrations.leaflink.wire.errors import VENDOR
from integrations.wire import fields
from integrations.wire.errors import BadPayload
from integrations.wire.fields import Flag, Id, Model, OptionalTime, Payload, Text, or_default


def _amount(value: Any) -> Any:
    """LeafLink: money may come as {"amount": ..., "currency": ...}."""
    return value.get("amount") if isinstance(value, dict) else value


def _words(value: Any) -> Any:
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value or []


def _optional(value: Any) -> Any:
    return None if value == "" else value


def _identity(value: Any) -> Any:
    return value.get("id") if isinstance(value, dict) else _optional(value)


def _units(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0001"))


Number = Annotated[fields.Number, BeforeValidator(_amount)]
OptionalNumber = Annotated[fields.OptionalNumber, BeforeValidator(_amount)]
Words = Annotated[list[str], BeforeValidator(_words), or_default(list)]
OptionalId = Annotated[Id | None, BeforeValidator(_identity)]
RelatedId = Annotated[Id, BeforeValidator(_identity)]
Units = Annotated[Number, AfterValidator(_units)]
Multiplier = Annotated[
    int, BeforeValidator(lambda v: 1 if v in (None, "", 0) else v), Field(ge=1, lt=2**31)
]


class Company(Payload):
    id: Id
    name: Text = ""
    slug: Text = ""
    seller: Flag = False


class Staff(Payload):
    """A member of the company. `id` is what orders call a sales rep; `user` is another number."""

    id: Id
    email: Text = ""
    display_name: Text = ""
    username: Text = ""
    phone: Text = ""
    is_active: Flag = True


class Address(Payload):
    address: Text = ""
    unit_number: Text = ""
    city: Text = ""
    state: Text = ""
    zipcode: Text = ""


class Customer(Payload):
    """The seller's CRM record of a buyer."""

    id: Id
    name: Text = ""
    display_name: Text = ""
    nickname: Text = ""
    dba: Text = ""
    license_number: Text = ""
    external_id: Text = ""
    email: Text = ""
    phone: Text = ""
    address: Text = ""
    unit_number: Text = ""
    city: Text = ""
    state: Text = ""
    zipcode: Text = ""
    delinquent: Flag = False
    archived: Flag = False
    modified: OptionalTime = None
    delivery_address: Annotated[Address, or_default(Address)] = Field(default_factory=Address)
    corporate_address: Annotated[Address, or_default(Address)] = Field(default_factory=Address)

    @property
    def label(self) -> str:
        """What people call this customer."""
        return self.name or self.display_name or self.nickname or self.dba or f"Customer {self.id}"


class Product(Payload):
    """Quantities are in base units, also for products sold by the case."""

    id: Id
    name: Text = ""
    sku: Text = ""
    description: Text = ""
    quantity: Number = Decimal(0)
    reserved_qty: Number = Decimal(0)
    available_inventory: OptionalNumber = None
    unit_multiplier: Multiplier = 1
    unit_of_measure: Text = ""
    wholesale_price: Number = Decimal(0)
    sale_price: Number = Decimal(0)
    retail_price: Number = Decimal(0)
    listing_state: Text = ""
    inventory_management: Text = ""
    brand: OptionalId = None
    seller_internal_id: Text = ""
    external_ids: Annotated[dict[str, Any], or_default(dict)] = Field(default_factory=dict)
    # What decides nothing when it can't be read: a product is not lost for it.
    product_line: Annotated[OptionalId, or_default(lambda: None)] = None
    category: Annotated[OptionalId, or_default(lambda: None)] = None
    sub_category: Annotated[OptionalId, or_default(lambda: None)] = None
    license: Annotated[OptionalId, or_default(lambda: None)] = None
    strain_classification: Text = ""
    strains: Annotated[list[RelatedId], or_default(list)] = Field(default_factory=list)
    minimum_order: Annotated[OptionalNumber, or_default(lambda: None)] = None
    maximum_order: Annotated[OptionalNumber, or_default(lambda: None)] = None
    show_quantity: Flag = False
    modified: OptionalTime = None


class Named(Payload):
    """An entry of one of LeafLink's lists: a brand, product line, strain, category, subcategory."""

    id: Id
    name: Text = ""
    brand: OptionalId = None  # of a product line
    category: OptionalId = None  # of a subcategory


class License(Payload):
    id: Id
    number: Text = ""
    display_type: Text = ""


class OrderRep(Payload):
    id: Id
    user: Text = ""
    email: Text = ""


class LineItem(Payload):
    """`quantity` is in base units; prices are per selling unit (a case of `unit_multiplier`)."""

    id: Id
    product: OptionalId = None
    quantity: Units
    unit_multiplier: Multiplier = 1
    ordered_unit_price: Number = Decimal(0)
    sale_price: Number = Decimal(0)
    is_sample: Flag = False
    is_medical_line_item: Flag = False
    is_backorder: Flag = False
    position: Annotated[int | None, or_default(lambda: None)] = None
    notes: Text = ""
    batch: OptionalId = None
    frozen_data: Annotated[dict[str, Any], or_default(dict)] = Field(default_factory=dict)

    @property
    def price(self) -> Decimal:
        """What counts: the sale price when there is one, else the ordered price."""
        return self.sale_price if self.sale_price > 0 else self.ordered_unit_price

    @property
    def frozen_product(self) -> dict[str, Any]:
        """Name, SKU and the like of the product as it was when ordered."""
        product = self.frozen_data.get("product")
        return product if isinstance(product, dict) else {}


class OrderTax(Payload):
    name: Text = ""
    rate: OptionalNumber = None
    tax: OptionalNumber = None


class Term(Payload):
    id: Annotated[OptionalId, or_default(lambda: None)] = None
    code: Text = ""
    days: Annotated[int | None, or_default(lambda: None)] = None
    term: Text = ""


class Method(Payload):
    id: Annotated[OptionalId, or_default(lambda: None)] = None
    method: Text = ""


class PaymentOption(Payload):
    """A payment term and the way to pay, as one choice."""

    payment_term: Annotated[Term, or_default(Term)] = Field(default_factory=Term)
    payment_method: Annotated[Method, or_default(Method)] = Field(default_factory=Method)


class OrderPayment(Payload):
    """A payment that somebody noted in LeafLink; a correction is below zero."""

    id: Id
    total: Number = Decimal(0)
    reason: Text = ""


class Batch(Payload):
    id: Id
    production_batch_number: Text = ""


class Order(Payload):
    number: UUID
    short_id: Text = ""
    status: Text = ""
    manual: Flag = False
    created_on: OptionalTime = None
    modified: OptionalTime = None
    buyer: OptionalId = None
    seller: OptionalId = None
    customer: Annotated[Customer | None, BeforeValidator(_optional)] = None
    brand: OptionalId = None
    discount: Number = Decimal(0)
    discount_type: Text = "$"
    tax_amount: Number = Decimal(0)
    tax_type: Text = "%"
    final_tax: Number = Decimal(0)
    order_taxes: Annotated[list[OrderTax], or_default(list)] = Field(default_factory=list)
    shipping_charge: Number = Decimal(0)
    total: OptionalNumber = None
    credits: Number = Decimal(0)
    payment_term: Text = ""
    selected_payment_option: Annotated[PaymentOption, or_default(PaymentOption)] = Field(
        default_factory=PaymentOption
    )
    available_payment_options: Annotated[list[PaymentOption], or_default(list)] = Field(
        default_factory=list
    )
    payment_due_date: OptionalTime = None
    payment_balance: OptionalNumber = None
    paid: Flag = False
    ship_date: OptionalTime = None
    shipping_details: Text = ""
    notes: Text = ""
    internal_notes: Text = ""
    sales_reps: Annotated[list[OrderRep], or_default(list)] = Field(default_factory=list)
    classification: Text = ""
    available_transitions: Words = Field(default_factory=list)
    is_combination: Flag = False
    external_ids: Annotated[dict[str, Any], or_default(dict)] = Field(default_factory=dict)
    delivery_address: Annotated[Address, or_default(Address)] = Field(default_factory=Address)
    # None: the answer came without lines, which is not the same as an order without any.
    line_items: list[LineItem] | None = None


class Webhook(Payload):
    """Only what may be trusted of a hook: of what kind, and which record to read again."""

    type: Literal["order", "product"]
    action: Text = ""
    data: dict[str, Any]

    @property
    def key(self) -> str:
        """The order's number or the product's id. Raises BadPayload without one."""
        try:
            if self.type == "order":
                return str(UUID(str(self.data.get("number"))))
            number = int(str(self.data.get("id")))
            if not 0 < number < 2**63:
                raise ValueError
            return str(number)
        except ValueError:
            raise BadPayload(f"The hook names no {self.type} that could be read.") from None


def parse(model: type[Model], body: Any) -> Model:
    """Read a payload of LeafLink's. Raises BadPayload that names every path it can't make sense
    of."""
    return fields.parse(model, body, VENDOR)
