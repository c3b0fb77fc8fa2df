"""Who is let in: keys, permissions and licenses; and how often."""

from __future__ import annotations

import pytest
import requests

from integrations.metrc.sandbox.access import Limits
from integrations.metrc.sandbox.app import KNOWN_FAULTS, create_app
from integrations.metrc.sandbox.records import PERMISSIONS
from integrations.metrc.sandbox.server import serve
from integrations.sandbox.faults import Faults

SHIPPER, SHOP = "C11-1", "C10-1"
TEMPLATES = "/transfers/v2/templates/outgoing"


@pytest.mark.parametrize(
    "keys", [("vendor", "nobody"), ("other", "user"), ("", ""), ("user", "vendor")]
)
def test_both_keys_must_be_known(app, api_for, keys):
    answer = api_for(app, keys=keys)("GET", "/facilities/v2/")
    assert (answer.status_code, answer.text) == (401, "null")


def test_michigan_says_nothing_at_all(app, api_for):
    answer = api_for(app, "mi", ("vendor", "nobody"))("GET", "/facilities/v2/")
    assert (answer.status_code, answer.text) == (401, "")


def test_without_keys_or_with_another_scheme(api):
    api.session.auth = None
    assert api("GET", "/facilities/v2/").status_code == 401
    api.session.headers["Authorization"] = "Bearer user"
    assert api("GET", "/facilities/v2/").status_code == 401


def test_only_the_users_own_licenses(place, api):
    assert [row["License"]["Number"] for row in api.get("/facilities/v2/", None)] == [SHIPPER]
    for license_number in (SHOP, "C9-9", None):
        assert api("GET", "/packages/v2/active", license_number).status_code == 401
    place.world.set_licenses("user", [SHIPPER, SHOP])
    assert api("GET", "/packages/v2/active", SHOP).status_code == 200


# Without which permission (or all of the named ones) a path is closed.
CLOSED = {
    "/packages/v2/active": ["View Packages"],
    "/packages/v2/intransit": ["View Packages"],
    "/items/v2/active": ["View Packages"],
    "/transporters/v2/drivers": ["Transporters"],
    "/transporters/v2/vehicles": ["Transporters"],
    TEMPLATES: ["View Transfer Templates", "Manage Transfer Templates"],
    "/transfers/v2/outgoing": ["View Transfers", "Manage Transfers"],
    "/transfers/v2/incoming": ["View Transfers", "Manage Transfers"],
    "/transfers/v2/rejected": ["View Transfers", "Manage Transfers"],
    "/transfers/v2/deliveries/{delivery}/packages": ["View Transfers", "Manage Transfers"],
    "/transfers/v2/deliveries/{delivery}/packages/wholesale": ["View Wholesale"],
    "/transfers/v2/manifest/{transfer}/pdf": [
        "View Transfer Templates",
        "Manage Transfer Templates",
    ],
    "/transfers/v2/manifest/{transfer}/html": ["View Transfers", "Manage Transfers"],
}


@pytest.mark.parametrize("path", CLOSED)
def test_each_path_needs_its_permission(place, api, path):
    transfer = place.world.make_transfer(SHIPPER, SHOP, [place.label(0)])
    path = path.format(transfer=transfer.id, delivery=transfer.deliveries[0].id)
    needed = CLOSED[
        path.replace(str(transfer.deliveries[0].id), "{delivery}").replace(
            str(transfer.id), "{transfer}"
        )
    ]
    assert api("GET", path).status_code == 200
    place.world.set_permissions("user", [one for one in PERMISSIONS if one not in needed])
    assert api("GET", path).status_code == 401


def test_reading_templates_is_not_writing_them(place, api):
    place.world.set_permissions("user", ["View Transfer Templates"])
    assert api("GET", TEMPLATES).status_code == 200
    assert api("POST", TEMPLATES, json=[place.template()]).status_code == 401
    assert place.world.templates == {}


def test_what_belongs_to_others_is_closed(place, api):
    world = place.world
    world.add_facility("C11-2", "Rival")
    foreign = world.add_package("C11-2", "Jar", 5)
    transfer = world.make_transfer("C11-2", SHOP, [foreign.label])
    delivery = transfer.deliveries[0].id
    for path in (
        f"/packages/v2/{foreign.label}",
        f"/packages/v2/{foreign.id}",
        f"/transfers/v2/{transfer.id}/deliveries",
        f"/transfers/v2/deliveries/{delivery}/packages",
        f"/transfers/v2/manifest/{transfer.id}/pdf",
    ):
        assert api("GET", path).status_code == 401, path
    for path in ("/packages/v2/none", "/transfers/v2/1/deliveries"):
        assert api("GET", path).status_code == 404, path


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/transfers/v2/external/outgoing", 404),
        ("GET", "/transfers/v2/templates", 404),
        ("GET", "/transfers/v2/2450001", 404),
        ("GET", "/nothing/v2/", 404),
        ("POST", "/transfers/v2/outgoing", 405),
    ],
)
def test_paths_that_metrc_does_not_have(place, api, method, path, status):
    answer = api(method, path, json=[place.template()])
    assert answer.status_code == status
    assert "Message" in answer.json()


def test_too_many_reads_a_second(place, api_for):
    app = create_app(place.world, limits=Limits(per_facility=2, per_vendor=3))
    api = api_for(app)
    path = "/packages/v2/active"
    assert [api("GET", path).status_code for _ in range(2)] == [200, 200]
    refused = api("GET", path)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    # Writing is not limited, and other facilities have a budget of their own within the vendor's.
    assert api("POST", TEMPLATES, json=[place.template()]).status_code == 200
    assert [api("GET", "/facilities/v2/", None).status_code for _ in range(2)] == [200, 429]
    place.clock.forward(seconds=1)
    assert api("GET", path).status_code == 200


def test_faults_are_met_once(place, api, faults):
    for fault, status in (("500", 500), ("429", 429), ("400", 400)):
        faults.next(fault, method="GET", path="/outgoing")
        answer = api("GET", "/transfers/v2/outgoing")
        assert answer.status_code == status
    assert "Message" in answer.json()
    assert api("GET", "/transfers/v2/outgoing").status_code == 200


@pytest.mark.parametrize(("fault", "made"), [("reset-before", 0), ("reset-after", 1)])
def test_a_lost_answer(place, api, faults, fault, made):
    faults.next(fault, method="POST")
    with pytest.raises(requests.ConnectionError):
        api("POST", TEMPLATES, json=[place.template()])
    assert [row["Name"] for row in api.rows(TEMPLATES)] == ["SO-1"] * made
    lost = [row for row in place.world.requests if row.status == 0]
    assert [(row.method, row.path) for row in lost] == [("POST", TEMPLATES)] * made


def test_over_http(place, michigan):
    faults = Faults(known=KNOWN_FAULTS)
    server = serve([place.world, michigan.world], port=0, faults=faults)
    try:
        url = f"{server.url}/mi/facilities/v2/"
        answer = requests.get(url, auth=("vendor", "user"), timeout=5)
        assert answer.json()[0]["License"]["Number"] == SHIPPER
        faults.next("reset-after")
        with pytest.raises(requests.ConnectionError):
            requests.get(url, auth=("vendor", "user"), timeout=5)
        port = int(server.url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="another Metrc stand-in"):
            serve(place.world, port=port)
    finally:
        server.stop()
