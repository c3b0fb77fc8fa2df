"""Two small states: a shipper with a user key, two recipients, packages; and who talks to them."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from integrations.metrc.sandbox.app import KNOWN_FAULTS, create_app, show_worlds
from integrations.metrc.sandbox.records import Package
from integrations.metrc.sandbox.state_rules import CALIFORNIA, MICHIGAN, StateRules
from integrations.metrc.sandbox.world import World
from integrations.sandbox.faults import Faults
from integrations.sandbox.transport import SandboxAdapter

HOST = "http://metrc.test"
VENDOR, USER = "vendor", "user"
SHIPPER, SHOP, OTHER_SHOP = "C11-1", "C10-1", "C10-2"


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
    """A small state and everything in it that tests name."""

    world: World
    clock: Clock
    jars: list[Package]

    def label(self, number: int) -> str:
        return self.jars[number].label

    def template(self, *labels: str, **changes: Any) -> dict[str, Any]:
        """A template body that this state takes; `changes` of its destination by name."""
        labels = labels or (self.label(0),)
        times = {
            "EstimatedDepartureDateTime": "2026-07-07T08:30:00.000",
            "EstimatedArrivalDateTime": "2026-07-07T11:45:00.000",
        }
        transporter = {
            "TransporterFacilityLicenseNumber": SHIPPER,
            "DriverOccupationalLicenseNumber": "OCC-1",
            "DriverName": "Rosa",
            "DriverLicenseNumber": "D1",
            "PhoneNumberForQuestions": "5305550142",
            "VehicleMake": "Ford",
            "VehicleModel": "Transit",
            "VehicleLicensePlateNumber": "8KLM204",
            "IsLayover": False,
            "TransporterDetails": [],
            **times,
        }
        destination = {
            "RecipientLicenseNumber": SHOP,
            "InvoiceNumber": "SO-1",
            "TransferTypeName": self.world.rules.types[-1].name,
            "PlannedRoute": "By the river.",
            "GrossWeight": 30.5,
            "GrossUnitOfWeightName": "Grams",
            "Transporters": [transporter],
            "Packages": [
                {
                    "PackageLabel": label,
                    "WholesalePrice": 640.0,
                    "GrossWeight": 10,
                    "GrossUnitOfWeightName": "Grams",
                }
                for label in labels
            ],
            **times,
            **changes,
        }
        return {"Name": "SO-1", "Destinations": [destination]}


class Api:
    """Calls the API of an app in this process, with keys, at the shipper's license."""

    def __init__(self, app: Any, state: str = "ca", keys: tuple[str, str] = (VENDOR, USER)) -> None:
        self.root = f"{HOST}/{state}"
        self.session = requests.Session()
        self.session.mount(HOST, SandboxAdapter(app))
        self.session.auth = keys

    def __call__(
        self, method: str, path: str, license_number: str | None = SHIPPER, **options: Any
    ) -> requests.Response:
        params = {"licenseNumber": license_number, **options.pop("params", {})}
        return self.session.request(method, self.root + path, params=params, **options)

    def get(self, path: str, license_number: str | None = SHIPPER, **query: Any) -> Any:
        """The JSON of an answer that must be a 200."""
        answer = self("GET", path, license_number, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, path: str, license_number: str | None = SHIPPER, **query: Any) -> list[Any]:
        """The rows of a list."""
        found: list[Any] = self.get(path, license_number, **query)["Data"]
        return found

    def send(self, *templates: dict[str, Any]) -> int:
        """Post templates that must be taken; the first one's id."""
        answer = self("POST", "/transfers/v2/templates/outgoing", json=list(templates))
        assert answer.status_code == 200, answer.text
        number: int = answer.json()["Ids"][0]
        return number


class Visitor:
    """A browser without scripts: sends forms and reads what comes back."""

    def __init__(self, app: Any) -> None:
        self.client = app.test_client()
        self.status = 0
        self.text = ""

    def get(self, path: str) -> Visitor:
        return self._read(self.client.get(path))

    def post(self, path: str, headers: Any = None, **fields: Any) -> Visitor:
        data = {name.replace("_", "-"): value for name, value in fields.items()}
        answer = self.client.post(path, data=data, headers=headers, follow_redirects=True)
        return self._read(answer)

    def _read(self, answer: Any) -> Visitor:
        self.status, self.text = answer.status_code, html.unescape(answer.get_data(as_text=True))
        answer.close()
        return self

    @property
    def message(self) -> tuple[str, str]:
        """The one message shown at the top of the page, with its kind."""
        parts = self.text.split('<p class="flash ')[1:]
        assert len(parts) == 1, self.text
        kind, _, rest = parts[0].partition('"')
        return kind, rest.split(">", 1)[1].split("<", 1)[0]


def make_place(rules: StateRules = CALIFORNIA, store: Any = None) -> Place:
    clock = Clock()
    world = World(rules, vendor_key=VENDOR, clock=clock, store=store)
    world.add_facility(SHIPPER, "Pine Distribution")
    world.add_facility(SHOP, "Corner Shop", "Retailer")
    world.add_facility(OTHER_SHOP, "Harbor Shop", "Retailer")
    world.add_user_key(USER, [SHIPPER])
    world.add_driver(SHIPPER, "Rosa", "D1", "OCC-1")
    world.add_vehicle(SHIPPER, "Ford", "Transit", "8KLM204")
    return Place(
        world, clock, [world.add_package(SHIPPER, "Jar", quantity) for quantity in (100, 50, 24)]
    )


@pytest.fixture
def place() -> Place:
    return make_place()


@pytest.fixture
def michigan() -> Place:
    return make_place(MICHIGAN)


@pytest.fixture
def make() -> Any:
    """Makes a further small state."""
    return make_place


@pytest.fixture
def faults() -> Faults:
    return Faults(known=KNOWN_FAULTS)


@pytest.fixture(scope="session")
def built_app() -> Any:
    """Built once: each test shows it other worlds."""
    return create_app([])


@pytest.fixture
def app(place: Place, michigan: Place, faults: Faults, built_app: Any) -> Any:
    return show_worlds(built_app, [place.world, michigan.world], faults=faults)


@pytest.fixture
def api(app: Any) -> Api:
    return Api(app)


@pytest.fixture
def michigan_api(app: Any) -> Api:
    return Api(app, "mi")


@pytest.fixture
def api_for() -> type[Api]:
    """For a session of another app or with other keys."""
    return Api


@pytest.fixture
def visitor(app: Any) -> Visitor:
    return Visitor(app)
