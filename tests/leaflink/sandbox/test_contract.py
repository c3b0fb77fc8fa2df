"""The stand-in against LeafLink's own OpenAPI file: what it answers, and what our client asks."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from integrations.leaflink.sandbox import practice_catalog, seed
from integrations.leaflink.sandbox.app import create_app
from integrations.leaflink.sandbox.records import LoggedRequest
from integrations.leaflink.sandbox.world import World
from integrations.sandbox.transport import SandboxAdapter

SPEC_FILE = Path(__file__).resolve().parents[4] / "shared" / "leaflink" / "openapi-v2.json"
URL = "http://leaflink.test"

pytestmark = pytest.mark.skipif(
    not SPEC_FILE.exists(), reason=f"LeafLink's OpenAPI file is not at {SPEC_FILE}."
)

# Where the stand-in leaves the published schema, and why. "*" stands for any place in a list.
NUMBER = "a number in real traffic, text in the schema"
NULL = "null where there is nothing"


def nulls(places: str) -> dict[str, str]:
    return dict.fromkeys(places.split(), NULL)


PRODUCT = {
    "available_inventory": NUMBER,
    "children_count": NUMBER,
    "has_deals_eligible_children": "true or false in the examples",
    "image_count": NUMBER,
    "inventory_management": NUMBER,
    "price_schedule_price": "money in the examples, text in the schema",
    "retail_price/amount": NUMBER,
    "sale_price/amount": NUMBER,
    "sell_in_unit_of_measure": NULL,
    "wholesale_price/amount": NUMBER,
    **nulls("base_units_per_unit category drop_date dropped extern_acct_id extern_sts_ids"),
    **nulls("grow_type maximum_order parent product_line reverse_threshold_value sub_category"),
    **nulls("tagline threshold_value"),
}
# One record, three schemas: two of them leave this field out.
CHANGED_PRODUCT = {**PRODUCT, "product_data_items": "in ProductResponse only"}
KNOWN: dict[str, dict[str, str]] = {
    "CompanyResponse": nulls("image"),
    "BrandResponse": nulls("banner image"),
    "CustomerResponse": {
        "email": "empty where there is none",
        **nulls("ext_acct_id lat leaflink_last_views license_number license_type long"),
        **nulls("next_contact_date partner price_schedule service_zone status tier website"),
    },
    "ProductResponse": PRODUCT,
    "ProductUpdateResponse": CHANGED_PRODUCT,
    "ProductArchiveResponse": CHANGED_PRODUCT,
    "OrderResponse": {
        "available_payment_options": "in the examples only",
        "available_transitions": "a list of state names in the examples",
        "is_combination": "true or false in the examples",
        "payment_balance": NUMBER,
        "shipping_charge/amount": NUMBER,
        "total/amount": NUMBER,
        **nulls("delivery_info facility_id"),
    },
    "LineItemResponse": {
        "ordered_unit_price/amount": NUMBER,
        "product": "a number in the examples",
        "sale_price/amount": NUMBER,
    },
}


@cache
def spec() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SPEC_FILE.read_text(encoding="utf-8"))
    # The published file has an example here where a schema belongs.
    found["components"]["schemas"]["OrderResponse"]["properties"]["selected_payment_option"] = {
        "type": "object",
        "nullable": True,
    }
    return found


def errors(value: Any, schema: dict[str, Any]) -> Iterator[Any]:
    """What is wrong with a value."""
    root = {"allOf": [schema], "components": copy.copy(spec()["components"])}
    return OAS30Validator(root, format_checker=oas30_format_checker).iter_errors(value)


def named(schema: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{schema}"}


def differences(value: dict[str, Any], schema: str) -> Iterator[tuple[str, str]]:
    """(place, what is wrong) where a record differs; also for fields the schema doesn't have."""
    for error in errors(value, named(schema)):
        steps = ("*" if isinstance(step, int) else step for step in error.absolute_path)
        yield "/".join(steps), error.message[:100]
    declared = spec()["components"]["schemas"][schema]["properties"]
    yield from ((name, "not in the schema") for name in value if name not in declared)


@pytest.fixture(scope="module")
def world() -> World:
    """The practice world, with every kind of record in some order, product or customer."""
    world = World()
    seed.build(world, items=20, orders=40)
    seller = world.sellers()[0]
    rep = next(person for person in world.staff.values() if person.company_id == seller.id)
    mine = [order for order in world.orders.values() if order.seller_id == seller.id]
    submitted = [order for order in mine if order.status == "Submitted"]
    for order, steps in zip(submitted, range(6), strict=False):
        for step in ("accept", "fulfill", "ship", "complete")[:steps]:
            world.transition(order.number, step)
    world.add_payment(mine[0].number, rep.id, Decimal("20.50"), reason="Half", payment_type="check")
    world.add_payment(mine[0].number, rep.id, Decimal("-20.50"), reason="Bounced")
    world.edit_order(
        mine[-1].number,
        external_ids={"leafbridge": "SO-1"},
        internal_notes="Back door",
        shipping_details="Van 2",
        ship_date=world.now(),
        payment_due_date=world.now(),
        paid=True,
        paid_date="2026-07-06",
        delivery_info={
            "acquire_date": "2026-07-06T12:00:00Z",
            "acquire_type": 1,
            "manifest_number": "M1",
        },
    )
    parent = next(p for p in world.products.values() if p.seller_id == seller.id)
    for mode in (2, 3):
        world.add_product(
            seller.id,
            name=f"Variety {mode}",
            sku=f"VAR-{mode}",
            brand_id=parent.brand_id,
            parent_id=parent.id,
            inventory_management=mode,
            listing_state="Internal",
        )
    world.add_customer(seller.id, name="Not on LeafLink", managers=[rep.id])
    return world


@pytest.fixture(scope="module")
def app(world: World) -> Any:
    return create_app(world, rate_limit=None)


class Survey:
    """Calls the stand-in and holds each record of each answer against the specification."""

    def __init__(self, app: Any) -> None:
        self.session = requests.Session()
        self.session.mount(URL, SandboxAdapter(app))
        self.session.headers["Authorization"] = f"App {seed.APP_KEYS[0]}"
        # (schema, place, what is wrong)
        self.found: set[tuple[str, str, str]] = set()

    def get(self, path: str, **query: Any) -> Any:
        return self("GET", path, params={"limit": 100, **query})

    def rows(self, path: str, **query: Any) -> list[Any]:
        """The rows of a list, of which there must be some."""
        rows: list[Any] = self.get(path, **query)["results"]
        assert rows, f"{path} is empty, so nothing is tested"
        return rows

    def __call__(self, method: str, path: str, **options: Any) -> Any:
        answer = self.session.request(method, f"{URL}/api/v2{path}", **options)
        operation = operation_of(method, path)
        assert operation, f"{method} {path} is not in the specification"
        status = str(answer.status_code)
        assert status in operation["responses"], f"{method} {path}: {status} {answer.text}"
        schema = operation["responses"][status]["content"]["application/json"]["schema"]
        self._compare(answer.json(), schema)
        return answer.json()

    def _compare(self, body: Any, schema: dict[str, Any]) -> None:
        if "$ref" in schema:
            name = schema["$ref"].split("/")[-1]
            lines = body.pop("line_items", []) if name == "OrderResponse" else []
            self.found |= {(name, place, words) for place, words in differences(body, name)}
            for line in lines:
                self._compare(line, named("LineItemResponse"))
            return
        if schema["type"] == "object":
            assert (
                set(body) == {"count", "next", "previous", "results"} == set(schema["properties"])
            )
            body, schema = body["results"], schema["properties"]["results"]
        assert isinstance(body, list)
        for row in body:
            self._compare(row, schema["items"])


RECORDS = "/companies/ /batches/ /brands/ /product-lines/ /strains/ /company-staff/ /customers/"


@pytest.fixture(scope="module")
def survey(world: World, app: Any) -> Survey:
    """A survey that has seen every kind of answer to one company's key."""
    survey = Survey(app)
    for path in ("/licenses/", "/product-categories/", "/product-subcategories/"):
        survey.get(path)
    for path in RECORDS.split():
        survey.get(f"{path}{survey.rows(path)[0]['id']}/")
    products, orders = survey.rows("/products/"), survey.rows("/orders-received/")
    paid = survey.rows("/order-payments/")[0]["order"]
    line, rep = survey.rows("/line-items/")[0], survey.rows("/company-staff/")[0]
    survey.rows("/order-event-logs/")
    survey.rows("/inventory/facilities/")
    survey.rows("/orders-received/", include_children="line_items,customer,sales_reps")
    survey.get(f"/products/{products[0]['id']}/")
    survey.get(f"/orders-received/{orders[0]['number']}/")
    survey.get(f"/order-payments/{survey.rows('/order-payments/')[0]['id']}/")
    survey.get(f"/line-items/{line['id']}/")
    assert survey.get(f"/orders-received/{paid}/line-items/")
    assert survey.get(f"/orders-received/{paid}/payments/")
    assert survey.get(f"/orders-received/{paid}/comments/") == []
    # Those that change something come last.
    submitted = next(o for o in orders if o["status"] == "Submitted")
    path = f"/orders-received/{submitted['number']}/"
    edit = {"notes": "Ring twice", "discount": 5, "tax_amount": 10}
    survey("PATCH", path, json=edit)
    first = survey.get(f"{path}line-items/")[0]
    survey("PATCH", f"/line-items/{first['id']}/", json={"notes": "The blue ones"})
    survey("POST", f"{path}transition/accept/")
    payment = {
        "order": submitted["number"],
        "recorded_by": rep["id"],
        "total": {"amount": "5.00", "currency": "USD"},
        "payment_date": "2026-07-06T12:00:00Z",
    }
    survey("POST", "/order-payments/", json=payment)
    change = {"quantity": "77", "sale_price": {"amount": "1.50", "currency": "USD"}}
    for row in products:
        survey("PATCH", f"/products/{row['id']}/", json=change)
    made = survey("POST", "/products/", json=new_product(products[0]))
    for row in [made, *products]:
        survey("DELETE", f"/products/{row['id']}/")
    return survey


def new_product(like: dict[str, Any]) -> dict[str, Any]:
    price = {"amount": "0.00", "currency": "USD"}
    body = {
        **dict.fromkeys(("retail_price", "wholesale_price", "sale_price"), price),
        **{name: like[name] for name in ("seller", "brand", "manufacturer", "unit_of_measure")},
        **{name: like[name] for name in ("category", "sub_category", "product_line", "strains")},
        "license": like["license"]["id"],
        "unit_denomination": 1,
        "name": "New",
        "sku": "NEW-1",
        "description": "New",
        "minimum_order": "0.01",
        "maximum_order": "100000",
        "listing_state": "Internal",
        "inventory_management": "1",
        "strain_classification": "na",
        "quantity": "5",
        "external_ids": {"leafbridge": "ITEM-1"},
    }
    assert [error.message for error in errors(body, named("ProductCreate"))] == []
    return body


def test_every_answer_differs_from_the_schema_only_where_that_is_known(survey):
    def is_known(schema: str, place: str, words: str) -> bool:
        reason = KNOWN.get(schema, {}).get(place)
        return words.startswith("None ") if reason == NULL else reason is not None

    assert [row for row in sorted(survey.found) if not is_known(*row)] == [], "new differences"
    listed = {(schema, place) for schema, places in KNOWN.items() for place in places}
    seen = {(schema, place) for schema, place, _ in survey.found}
    assert listed - seen == set(), "these differ no more"


def test_no_route_of_the_stand_in_was_left_out(survey, app, world):
    adapter = app.url_map.bind("leaflink.test")
    seen = {
        (
            adapter.match(f"/api/v2{one.path}", method=one.method, return_rule=True)[0].rule,
            one.method,
        )
        for one in world.requests
    }
    routes = {
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v2/")
    }
    assert routes - seen == set()


LISTS = f"{RECORDS} /products/ /orders-received/ /line-items/ /order-payments/ /order-event-logs/"


@pytest.mark.parametrize("path", LISTS.split())
@pytest.mark.parametrize("offset", [0, 1, 2])
def test_the_envelope_of_a_list_is_as_the_schema_says(survey, path, offset):
    operation = operation_of("GET", path)
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    envelope = {**schema, "properties": {**schema["properties"], "results": {"type": "array"}}}
    body = survey.get(path, limit=1, offset=offset)
    assert [error.message for error in errors(body, envelope)] == []
    for link in (body["next"], body["previous"]):
        assert link is None or link.startswith(f"{URL}/api/v2{path}?")


# -- what our client sends --------------------------------------------------------------------


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """The specification's entry for a request, with the parameters of its path; None: no such."""
    for template, item in spec()["paths"].items():
        pattern = "".join(
            "[^/]+" if piece.startswith("{") else re.escape(piece)
            for piece in re.split(r"(\{[^}]+\})", template)
        )
        if re.fullmatch(pattern, path) and method.lower() in item:
            operation = item[method.lower()]
            shared = [*(item.get("parameters") or []), *operation.get("parameters", [])]
            return {**operation, "parameters": [resolved(one) for one in shared]}
    return None


def resolved(parameter: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in parameter:
        return parameter
    found: dict[str, Any] = spec()["components"]["parameters"][parameter["$ref"].split("/")[-1]]
    return found


def complaints(request: Any) -> Iterator[str]:
    """What the specification has against a request."""
    name = f"{request.method} {request.path}"
    operation = operation_of(request.method, request.path)
    if operation is None:
        yield f"{name}: not in the specification"
        return
    queries = {
        one["name"]: one.get("schema", {})
        for one in operation["parameters"]
        if one["in"] == "query"
    }
    for key, text in parse_qsl(request.query, keep_blank_values=True):
        if key not in queries:
            yield f"{name}: unknown parameter {key}"
        elif queries[key].get("type") in ("integer", "number") and not text.isdecimal():
            yield f"{name}: {key} must be a number, not {text!r}"
        elif key.endswith(("__gte", "__gt", "__lte", "__lt")):
            # The file says text; LeafLink's guide says ISO 8601 with an offset.
            for error in errors(text, {"type": "string", "format": "date-time"}):
                yield f"{name}: {key}: {error.message}"
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        if request.body is not None:
            yield f"{name}: takes no body"
        return
    if not isinstance(request.body, dict):
        yield f"{name}: needs a body"
        return
    for error in errors(request.body, content["schema"]):
        yield f"{name}: {'/'.join(map(str, error.absolute_path))}: {error.message}"
    schema = content["schema"]
    if "$ref" in schema:
        schema = spec()["components"]["schemas"][schema["$ref"].split("/")[-1]]
    for field, value in request.body.items():
        declared = schema["properties"].get(field)
        if declared is None or declared.get("readOnly"):
            yield f"{name}: {field} ({value!r}) can't be written"


@pytest.fixture
def account(db, monkeypatch):
    """A practice back office, and an account of it that calls a stand-in in this process."""
    from catalog.models import Brand
    from config.demo import make_back_office
    from integrations.leaflink.models import Account, AccountBrand

    world = World()
    seed.build(world, items=12, orders=12)
    app = create_app(world, rate_limit=None)

    def new_session() -> requests.Session:
        session = requests.Session()
        session.mount(URL, SandboxAdapter(app))
        return session

    monkeypatch.setattr("integrations.leaflink.connect.new_session", new_session)
    make_back_office(12, 1)
    account = Account.objects.create(
        name="X",
        host=Account.Host.STAND_IN,
        stand_in_url=URL,
        app_key=seed.APP_KEYS[0],
        company_id=world.sellers()[0].id,
    )
    for name, seller in practice_catalog.BRANDS:
        brand = Brand.objects.filter(name=name).first()
        if brand and seller == 0:
            AccountBrand.objects.create(brand=brand, account=account)
    return account, world


@pytest.mark.django_db
def test_everything_our_client_sends_is_in_the_specification(account):
    from integrations.leaflink import connect, cycle, pull_catalog, pull_orders

    account, world = account
    mine = [p for p in world.products.values() if p.seller_id == account.company_id]
    for full in (True, False):
        steps = cycle.run_cycle(account, full=full)
        assert [step.error for step in steps if step.error] == []
        # Something new, so that the second cycle has something to read and to send.
        world.set_quantity(mine[0].id, "1")
    client = connect.client_for(account)
    number = next(o.number for o in world.orders.values() if o.seller_id == account.company_id)
    pull_orders.read_order(account, client, number)
    pull_catalog.read_product(account, client, str(mine[0].id))
    assert [line for request in world.requests for line in complaints(request)] == []
    assert {request.status for request in world.requests} == {200}
    sent = {(request.method, request.path) for request in world.requests}
    assert ("PATCH", f"/products/{mine[0].id}/") in sent, "no quantity was sent"
    assert {("GET", "/orders-received/"), ("GET", f"/orders-received/{number}/")} <= sent
    queries = {key for request in world.requests for key, _ in parse_qsl(request.query)}
    assert {"limit", "modified__gte", "include_children"} <= queries


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "part"),
    [
        ("GET", "/products", "", None, "not in the specification"),
        ("PUT", "/products/1/", "", {}, "not in the specification"),
        ("GET", "/products/", "page=2", None, "unknown parameter page"),
        ("GET", "/products/", "limit=all", None, "limit must be a number"),
        ("GET", "/products/", "modified__gte=2026-07-06", None, "date-time"),
        ("PATCH", "/products/1/", "", {"quantity": 5}, "not of type 'string'"),
        ("PATCH", "/products/1/", "", {"reserved_qty": "5"}, "can't be written"),
        ("PATCH", "/products/1/", "", None, "needs a body"),
        ("POST", "/orders-received/x/transition/accept/", "", {"a": 1}, "takes no body"),
        ("PATCH", "/products/1/", "", {"quantity": "5"}, ""),
        ("POST", "/orders-received/x/transition/accept/", "", None, ""),
    ],
)
def test_the_check_of_requests_finds_what_is_wrong(method, path, query, body, part):
    found = list(complaints(LoggedRequest(method, path, query, 200, body)))
    assert (len(found), part in "".join(found)) == (1 if part else 0, True)
