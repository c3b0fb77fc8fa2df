"""Trouble on demand, the request budget, and the stand-in over real HTTP."""

import time

import pytest
import requests

from integrations.leaflink.sandbox.app import create_app
from integrations.leaflink.sandbox.server import serve
from integrations.sandbox.faults import Faults


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("nonsense=0.1", "nonsense"),
        ("429=lots", "429=lots"),
        ("500=1.5", "500=1.5"),
        ("500=-1", "500=-1"),
        ("500=nan", "500=nan"),
        ("slow=0.1@fast", "slow=0.1@fast"),
        ("429=0.1,,bad=1", "bad"),
    ],
)
def test_a_wrong_specification_is_named(spec, part):
    with pytest.raises(ValueError, match=r"chance|There are") as caught:
        Faults(spec)
    assert part in str(caught.value)


def test_a_specification_is_repeatable():
    spec = "429=0.2,500=0.2,reset-before=0.1,reset-after=0.1,slow=0.1@5ms"
    first, second = Faults(spec, seed=7), Faults(spec, seed=7)
    many = [first.for_request("GET", "/x/") for _ in range(400)]
    assert many == [second.for_request("GET", "/x/") for _ in range(400)]
    assert set(many) == {"429", "500", "reset-before", "reset-after", "slow", ""}
    assert first.delay == 0.005


def test_a_planned_fault_hits_what_it_names_and_as_often(place, api, faults):
    path = f"/products/{place.single.id}/"
    faults.next("500", method="PATCH", path="/products/", times=2)
    statuses = [api(m, path, json={"quantity": 1}).status_code for m in ("GET", *["PATCH"] * 3)]
    assert statuses == [200, 500, 500, 200]
    with pytest.raises(ValueError, match="reset-after"):
        faults.next("nonsense")


def test_a_server_error_is_a_page_and_changes_nothing(place, api, faults):
    faults.next("500")
    answer = api("PATCH", f"/products/{place.single.id}/", json={"quantity": 1})
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (500, "text/html")
    assert place.single.quantity == 100


def test_a_throttled_request_says_when_to_come_back(place, api, faults):
    faults.next("429")
    answer = api("PATCH", f"/products/{place.single.id}/", json={"quantity": 1})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json()["detail"].startswith("Request was throttled.")
    assert place.single.quantity == 100


@pytest.mark.parametrize(("fault", "left"), [("reset-before", 100), ("reset-after", 1)])
def test_a_cut_connection_in_this_process(place, api, faults, fault, left):
    faults.next(fault)
    with pytest.raises(requests.ConnectionError):
        api("PATCH", f"/products/{place.single.id}/", json={"quantity": 1})
    assert place.single.quantity == left
    assert api("GET", "/products/").status_code == 200


def test_the_budget_is_shared_by_the_keys_of_one_owner(place, api_for):
    app = create_app(place.world, rate_limit=3)
    place.world.add_app_key("second", place.seller.id, owner="ana")
    place.world.add_app_key("third", place.seller.id, owner="bo")
    first, second, third = api_for(app), api_for(app, "second"), api_for(app, "third")
    place.clock.forward(seconds=1)
    assert [a("GET", "/brands/").status_code for a in (first, first, second)] == [200] * 3
    place.clock.forward(seconds=20)
    refused = second("GET", "/brands/")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
    assert refused.json() == {"detail": "Request was throttled. Expected available in 40 seconds."}
    assert third("GET", "/brands/").status_code == 200
    place.clock.forward(seconds=40)
    assert first("GET", "/brands/").status_code == 200


@pytest.fixture
def server(place, faults):
    running = serve(place.world, port=0, faults=faults, rate_limit=None)
    yield running
    running.stop()


def test_over_real_http(place, server, faults, capfd):
    session = requests.Session()
    session.headers["Authorization"] = "App key-of-pine"
    for number in range(60):
        place.world.add_product(place.seller.id, name=f"P {number}", sku=f"X-{number}")
    page = session.get(f"{server.url}/api/v2/products/").json()
    assert page["next"].startswith(server.url)
    assert len(session.get(page["next"]).json()["results"]) == 12
    url = f"{server.url}/api/v2/products/{place.single.id}/"
    for fault, left in (("reset-before", 100), ("reset-after", 1)):
        faults.next(fault)
        with pytest.raises(requests.ConnectionError):
            session.patch(url, json={"quantity": 1})
        assert place.single.quantity == left
    faults.next("500")
    assert session.get(url).status_code == 500
    assert session.get(url).status_code == 200
    session.close()
    assert "Traceback" not in "".join(capfd.readouterr())


def test_slowness(place):
    slow = serve(place.world, port=0, faults=Faults("slow=1@120ms"), rate_limit=None)
    try:
        started = time.monotonic()
        headers = {"Authorization": "App key-of-pine"}
        with requests.get(f"{slow.url}/api/v2/brands/", headers=headers, timeout=5) as answer:
            assert answer.status_code == 200
        assert time.monotonic() - started >= 0.12
    finally:
        slow.stop()


def test_a_port_that_is_taken_is_named(place, server):
    port = int(server.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match=f"Port {port} is taken"):
        serve(place.world, port=port)
