"""The practice world: one catalog, from which LeafLink's side is built here and ours by `demo`.

Everything follows from the seed. Of the `orders`, the special ones come first, in the order of
SPECIALS, as far as there is room; the rest are ordinary orders that fit our stock.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from integrations.leaflink.sandbox.categories import SUBCATEGORIES
from integrations.leaflink.sandbox.practice_catalog import BRANDS, DemoItem, catalog, typed_anew
from integrations.leaflink.sandbox.records import Company, Customer, Order, Product, Staff
from integrations.leaflink.sandbox.world import World

SELLERS = ("Cinder Peak Cannabis", "Mesa Bloom Extracts")
APP_KEYS = ("demo-app-key-cinder-peak", "demo-app-key-mesa-bloom")
WEBHOOK_KEYS = ("demo-webhook-key-cinder-peak", "demo-webhook-key-mesa-bloom")
UNLINKABLE = 3
GIFT_SETS = 18


@dataclass(frozen=True)
class DemoFacility:
    name: str
    license_number: str
    city: str
    state: str = "CO"


FACILITIES = (
    DemoFacility("Denver Warehouse", "404R-00871", "Denver"),
    DemoFacility("Pueblo Distribution", "404R-01123", "Pueblo"),
    DemoFacility("Durango Kitchen", "404R-01490", "Durango"),
)


@dataclass(frozen=True)
class DemoStaff:
    """`seller`: index of the company. `mapped`: whether the back office knows this person."""

    name: str
    email: str
    seller: int
    mapped: bool = True


STAFF = (
    DemoStaff("Dana Ruiz", "dana@cinderpeak.example", 0),
    DemoStaff("Omar Haddad", "omar@cinderpeak.example", 0),
    DemoStaff("Jess Novak", "jess@cinderpeak.example", 0, mapped=False),
    DemoStaff("Priya Shah", "priya@mesabloom.example", 1),
    DemoStaff("Tom Becker", "tom@mesabloom.example", 1),
    DemoStaff("Lena Fox", "lena@mesabloom.example", 1, mapped=False),
)


@dataclass(frozen=True)
class DemoRetailer:
    name: str
    license_number: str
    city: str
    zipcode: str


RETAILERS = (
    DemoRetailer("Juniper & Sage", "402R-00311", "Denver", "80202"),
    DemoRetailer("High Plains Collective", "402R-00427", "Aurora", "80010"),
    DemoRetailer("The Green Caboose", "402R-00518", "Golden", "80401"),
    DemoRetailer("Columbine Wellness", "402-00633", "Littleton", "80120"),
    DemoRetailer("Rocky Top Dispensary", "402R-00702", "Boulder", "80301"),
    DemoRetailer("Rocky Top Dispensary", "402R-00703", "Longmont", "80501"),
    DemoRetailer("Garden of the Gods Cannabis", "402R-00815", "Colorado Springs", "80903"),
    DemoRetailer("グリーン・リーフ 🌿", "402R-00920", "Fort Collins", "80521"),
    DemoRetailer("Steel City Provisions", "402R-01034", "Pueblo", "81003"),
    DemoRetailer("San Juan Supply", "402R-01177", "Durango", "81301"),
    DemoRetailer("Pop-up Market Grand Junction", "", "Grand Junction", "81501"),
    DemoRetailer("Café Verde", "402R-01266", "Salida", "81201"),
)


def build(
    world: World, *, items: int = 40, orders: int = 25, seed: int = 1, varied: bool = False
) -> None:
    """Build LeafLink's side of the practice world; a world that was built stays as it is.

    `varied`: some products are missing there and some have another SKU and another name.
    """
    if world.sellers():
        return
    wanted = catalog(items, seed)
    with world.change():
        _Builder(world, typed_anew(wanted, seed) if varied else wanted, seed).build(orders)


class _Builder:
    def __init__(self, world: World, items: list[DemoItem], seed: int) -> None:
        self.world = world
        self.items = items
        self.chance = random.Random(seed + 1)
        self.sellers: list[Company] = []
        self.staff: dict[str, Staff] = {}
        self.customers: list[list[Customer]] = []
        # Units by product id that further orders may take, so that all of them together fit.
        self.room: dict[int, int] = {}
        self.batches: dict[int, int] = {}
        self.products: list[list[Product]] = [[], []]
        self.samples: list[list[Product]] = [[], []]
        self.foreign: list[Product] = []
        self.placed: list[Order] = []

    def build(self, orders: int) -> None:
        self._companies()
        self._products()
        wanted = [special for special in SPECIALS if special.orders <= orders]
        for special in wanted:
            if len(self.placed) + special.orders <= orders:
                special.place(self)
        while len(self.placed) < orders:
            self.ordinary(len(self.placed) % 2)

    def _companies(self) -> None:
        world = self.world
        buyers = [
            world.add_buyer(
                shop.name,
                license_number=shop.license_number,
                address=f"{100 + index} Main St",
                city=shop.city,
                state="CO",
                zipcode=shop.zipcode,
            )
            for index, shop in enumerate(RETAILERS)
        ]
        for index, name in enumerate(SELLERS):
            seller = world.add_seller(name, license_number=FACILITIES[index].license_number)
            self.sellers.append(seller)
            world.add_app_key(APP_KEYS[index], seller.id, owner=f"owner {index + 1}")
            for person in (p for p in STAFF if p.seller == index):
                self.staff[person.name] = world.add_staff(seller.id, person.name, person.email)
            self.customers.append(
                [
                    world.add_customer(
                        seller.id,
                        name=shop.name,
                        license_number=shop.license_number or None,
                        partner_id=buyer.id,
                        email=f"orders@shop{number + 1}.example",
                        details=dict(buyer.address),
                    )
                    for number, (shop, buyer) in enumerate(zip(RETAILERS, buyers, strict=True))
                ]
            )

    def _products(self) -> None:
        world = self.world
        brands = {
            name: world.add_brand(self.sellers[seller].id, name).id for name, seller in BRANDS
        }
        for position, item in enumerate(self.items, start=1):
            seller_id = self.sellers[item.seller].id
            product = world.add_product(
                seller_id,
                name=item.name,
                sku=item.sku,
                brand_id=brands[item.brand],
                quantity=item.on_hand,
                unit_of_measure=item.unit_of_measure,
                unit_multiplier=item.case_size,
                wholesale_price=item.wholesale_price * item.case_size,
                retail_price=item.retail_price,
                listing_state="Sample" if item.is_sample else "Available",
                strain_classification=item.strain_classification,
                category=SUBCATEGORIES[item.sub_category][1],
                sub_category=item.sub_category,
                product_line=self._line(brands[item.brand], item.product_line),
                strains=[self._strain(seller_id, item)],
                license=self.sellers[item.seller].license_id,
            )
            (self.samples if item.is_sample else self.products)[item.seller].append(product)
            # The back office's practice lots have the same numbers.
            self.batches[product.id] = world.add_batch(seller_id, f"L{position:05d}").id
            # Most of it lies at the facility orders ship from; demo puts 40 % at each of two.
            self.room[product.id] = int(item.on_hand * 4 / 10)
        for number in range(UNLINKABLE):
            self.foreign.append(
                world.add_product(
                    self.sellers[0].id,
                    name=f"Holiday Gift Box {number + 1}",
                    sku=f"GIFT-{number + 1:02d}",
                    brand_id=brands[BRANDS[0][0]],
                    quantity="200",
                    wholesale_price="45.00",
                    category=SUBCATEGORIES[GIFT_SETS][1],
                    sub_category=GIFT_SETS,
                    license=self.sellers[0].license_id,
                )
            )

    def _line(self, brand_id: int, name: str) -> int:
        """The id of a brand's product line, which is made when there is none."""
        for line in self.world.product_lines.values():
            if (line.brand_id, line.name) == (brand_id, name):
                return line.id
        return self.world.add_product_line(brand_id, name).id

    def _strain(self, seller_id: int, item: DemoItem) -> int:
        """The id of a seller's strain, which is made when there is none."""
        for strain in self.world.strains.values():
            if (strain.company_id, strain.name) == (seller_id, item.strain):
                return strain.id
        return self.world.add_strain(seller_id, item.strain, item.strain_classification).id

    # -- orders -----------------------------------------------------------------------------

    def rep(self, seller: int) -> int:
        """A rep whom the back office knows."""
        known = [p for p in STAFF if p.seller == seller and p.mapped]
        return self.staff[self.chance.choice(known).name].id

    def customer(self, seller: int, index: int | None = None) -> Customer:
        """One of a seller's customers."""
        shops = self.customers[seller]
        return shops[self.chance.randrange(len(shops)) if index is None else index]

    def goods(self, seller: int, *, cases: bool = False) -> Product:
        """A product of which there is room left; `cases`: one that is sold by the case."""
        fitting = [
            p
            for p in self.products[seller]
            if self.room[p.id] >= 2 * p.unit_multiplier and (not cases or p.unit_multiplier > 1)
        ]
        if not fitting:
            raise ValueError(
                "The practice catalog has too little stock for so many orders: ask for more items "
                "or for fewer orders."
            )
        return self.chance.choice(fitting)

    def row(self, product: Product, units: int | None = None, **more: Any) -> dict[str, Any]:
        """A line of an order for one or two selling units, which are taken from the room."""
        quantity = units or product.unit_multiplier * self.chance.randint(1, 2)
        self.room[product.id] = self.room.get(product.id, 0) - quantity
        return {"product_id": product.id, "quantity": quantity, **more}

    def place(
        self, seller: int, rows: list[dict[str, Any]], *, shop: int | None = None, **options: Any
    ) -> Order:
        """Place an order; its rep is one we know unless told otherwise."""
        options.setdefault("sales_rep_ids", [self.rep(seller)])
        customer = self.customer(seller, shop)
        order = self.world.place_order(self.sellers[seller].id, customer.id, rows, **options)
        self.placed.append(order)
        return order

    def ordinary(self, seller: int) -> Order:
        """An order like most."""
        rows = [self.row(self.goods(seller)) for _ in range(self.chance.randint(1, 4))]
        term = self.chance.choice(("Net 15", "Net 30", "COD", "Net 7"))
        return self.place(seller, rows, payment_term=term)


@dataclass(frozen=True)
class Special:
    """A case the practice world must show, and how many of the orders it takes."""

    name: str
    orders: int
    place: Callable[[_Builder], object]


def _unmapped_rep(name: str, seller: int) -> Callable[[_Builder], object]:
    def place(b: _Builder) -> None:
        b.place(seller, [b.row(b.goods(seller))], sales_rep_ids=[b.staff[name].id])

    return place


def _larger_than_our_stock(b: _Builder) -> None:
    product = b.goods(0)
    b.room[product.id] = 0
    # LeafLink was told of more than there is, as when somebody typed a number there.
    wanted = int(product.quantity) * 2 // product.unit_multiplier * product.unit_multiplier
    b.world.set_quantity(product.id, product.quantity * 3)
    b.place(0, [{"product_id": product.id, "quantity": wanted}])


def _many_parts(b: _Builder) -> None:
    rows = [b.row(b.goods(1, cases=True)), b.row(b.goods(1), sale_price="5.00")]
    rows[0]["batch"] = b.batches[rows[0]["product_id"]]
    if b.samples[1]:
        rows.append(b.row(b.samples[1][0], 2, is_sample=True))
    b.place(
        1,
        rows,
        discount="15.00",
        shipping="25.00",
        notes="Call on arrival",
        classification="Adult Use",
        shop=0,
    )


def _duplicate_lines(b: _Builder) -> None:
    product = b.goods(0, cases=True)
    b.place(0, [b.row(product, product.unit_multiplier), b.row(product, product.unit_multiplier)])


def _negative_line(b: _Builder) -> None:
    product = b.goods(0)
    rebate = {"product_id": b.foreign[0].id, "quantity": 1, "price": "-12.50"}
    b.place(0, [b.row(product), {**rebate, "notes": "Display rebate"}])


def _combined(b: _Builder) -> None:
    first = b.place(0, [b.row(b.goods(0))], shop=2)
    second = b.place(0, [b.row(b.goods(0))], shop=2)
    b.placed.append(b.world.combine_orders([first.number, second.number]))


def _ended(action: str, by: str) -> Callable[[_Builder], object]:
    def place(b: _Builder) -> None:
        order = b.place(1, [b.row(b.goods(1))])
        b.world.transition(order.number, action, by=by)

    return place


SPECIALS = (
    Special("rep not mapped", 1, _unmapped_rep("Jess Novak", 0)),
    Special("rep not mapped, other account", 1, _unmapped_rep("Lena Fox", 1)),
    Special("product not linked", 1, lambda b: b.place(0, [b.row(b.foreign[0], 4)])),
    Special("short of stock", 1, _larger_than_our_stock),
    Special("cases, sale price, samples, discount, shipping", 1, _many_parts),
    Special("tax", 1, lambda b: b.place(0, [b.row(b.goods(0))], tax_rate="15")),
    Special(
        "percent discount",
        1,
        lambda b: b.place(1, [b.row(b.goods(1))], discount="10", discount_type="%"),
    ),
    Special("credit", 1, lambda b: b.place(0, [b.row(b.goods(0))], credits="7.50")),
    Special("duplicate lines", 1, _duplicate_lines),
    Special("negative line", 1, _negative_line),
    Special(
        "medical",
        1,
        lambda b: b.place(
            1, [b.row(b.goods(1), is_medical=True)], classification="Medical", shop=3
        ),
    ),
    Special("two merged into one", 3, _combined),
    Special("rejected", 1, _ended("reject", "seller")),
    Special("cancelled", 1, _ended("cancel", "buyer")),
    Special(
        "accepted already",
        1,
        lambda b: b.place(0, [b.row(b.goods(0))], manual=True, status="Accepted", shop=10),
    ),
)
