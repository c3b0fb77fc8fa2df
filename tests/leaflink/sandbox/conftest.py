"""A small world: one seller with a key, one retailer, two products; and who talks to it."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from integrations.leaflink.sandbox.app import create_app, show_world
from integrations.leaflink.sandbox.records import Company, Customer, Order, Product, Staff
from integrations.leaflink.sandbox.world import World
from integrations.sandbox.faults import Faults
from integrations.sandbox.transport import SandboxAdapter

ROOT = "http://leaflink.test/api/v2"
KEY = "key-of-pine"


class Clock:
    """A clock that stands still until it is moved on."""

    def __init__(self) -> None:
        self.time = datetime(2026, 7, 6, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **by: float) -> None:
        self.time += timedelta(**by)


@dataclass
class Place:
    """The small world and everything in it that tests name."""

    world: World
    clock: Clock
    seller: Company
    buyer: Company
    rep: Staff
    customer: Customer
    single: Product
    cased: Product

    def order(self, *rows: tuple[Product, int], **options: Any) -> Order:
        """Place an order for (product, base units) rows."""
        lines = [{"product_id": product.id, "quantity": units} for product, units in rows]
        return self.world.place_order(self.seller.id, self.customer.id, lines, **options)


class Api:
    """Calls the API of an app in this process, with a key."""

    def __init__(self, app: Any, key: str = KEY) -> None:
        self.session = requests.Session()
        self.session.mount("http://leaflink.test", SandboxAdapter(app))
        self.session.headers["Authorization"] = f"App {key}"

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else ROOT + path
        return self.session.request(method, url, **options)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of an answer that must be a 200."""
        answer = self("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def numbers(self, path: str, name: str, /, **query: Any) -> list[Any]:
        """One field of each row of a list."""
        return [row[name] for row in self.get(path, **query)["results"]]


class Visitor:
    """A browser without scripts: sends forms and reads what comes back."""

    def __init__(self, app: Any) -> None:
        self.client = app.test_client()
        self.status = 0
        self.text = ""

    def get(self, path: str = "/") -> Visitor:
        return self._read(self.client.get(path))

    def post(self, path: str, headers: Any = None, **fields: str) -> Visitor:
        data = {name.replace("_", "-"): value for name, value in fields.items()}
        answer = self.client.post(path, data=data, headers=headers, follow_redirects=True)
        return self._read(answer)

    def _read(self, answer: Any) -> Visitor:
        self.status, self.text = answer.status_code, html.unescape(answer.get_data(as_text=True))
        return self

    @property
    def message(self) -> tuple[str, str]:
        """The one message shown at the top of the page, with its kind."""
        parts = self.text.split('<p class="flash ')[1:]
        assert len(parts) == 1, self.text
        kind, _, rest = parts[0].partition('"')
        return kind, rest.split(">", 1)[1].split("<", 1)[0]


def make_place(world: World | None = None) -> Place:
    clock = Clock()
    world = world or World(clock=clock)
    seller = world.add_seller("Pine Hollow", license_number="404R-1")
    buyer = world.add_buyer(
        "Corner Shop", license_number="402R-1", address="1 Main St", city="Denver", state="CO"
    )
    world.add_app_key(KEY, seller.id, owner="ana")
    brand = world.add_brand(seller.id, "Pine")
    return Place(
        world=world,
        clock=clock,
        seller=seller,
        buyer=buyer,
        rep=world.add_staff(seller.id, "Ana Lima", "ana@pine.example"),
        customer=world.add_customer(
            seller.id, name="Corner Shop LLC", license_number="402R-1", partner_id=buyer.id
        ),
        single=world.add_product(
            seller.id, name="Cart", sku="PH-1", brand_id=brand.id, quantity="100"
        ),
        cased=world.add_product(
            seller.id,
            name="Gummies",
            sku="PH-2",
            brand_id=brand.id,
            quantity="240",
            unit_multiplier=12,
            wholesale_price="96.00",
            retail_price="18",
        ),
    )


@pytest.fixture
def place() -> Place:
    return make_place()


@pytest.fixture
def make() -> Any:
    """Makes a further small world, in a given `World` when there is one."""
    return make_place


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="session")
def built_app() -> Any:
    """Built once: each test shows it another world."""
    return create_app(World())


@pytest.fixture
def app(place: Place, faults: Faults, built_app: Any) -> Any:
    return show_world(built_app, place.world, faults=faults, rate_limit=None)


@pytest.fixture
def api(app: Any) -> Api:
    return Api(app)


@pytest.fixture
def api_for() -> type[Api]:
    """For a session of another app or with another key."""
    return Api


@pytest.fixture
def visitor(app: Any) -> Visitor:
    return Visitor(app)


@pytest.fixture
def visitor_of() -> type[Visitor]:
    """For a visitor of another app."""
    return Visitor
