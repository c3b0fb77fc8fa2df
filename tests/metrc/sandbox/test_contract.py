"""The stand-in against hand-written samples of Metrc's answers: the same names, the same kinds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "metrc" / "samples"
SHIPPER, SHOP = "C11-1", "C10-1"

pytestmark = pytest.mark.skipif(
    not SAMPLES.exists(), reason=f"The samples of Metrc's answers are not at {SAMPLES}."
)
# Where the stand-in gives nothing and the sample something, or the other way about.
MAY_BE_NULL = {"GrossWeight", "GrossUnitOfWeightName", "InvoiceNumber", "OriginatingTemplateId"}
MAY_BE_NULL |= {"ActualDepartureDateTime", "SourceHarvestNames", "SourcePackageLabels"}
MAY_BE_NULL |= {"GrossUnitOfWeightAbbreviation", "UnitWeight", "UnitWeightUnitOfMeasureName"}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def differences(answer: Any, expected: Any, where: str = "") -> list[str]:
    """Names that only one has, and values of another kind than in all of the sample's rows."""
    if isinstance(expected, list) and expected and isinstance(expected[0], dict):
        assert answer, f"{where}: no rows to compare"
        return sorted({d for row in answer for d in _row(row, expected, where)})
    return [] if kind(answer) == kind(expected) else [f"{where}: a {kind(answer)}"]


def _row(row: dict[str, Any], expected: list[dict[str, Any]], where: str) -> list[str]:
    found = [f"{where}.{name}: only one has it" for name in set(row) ^ set(expected[0])]
    for name in set(row) & set(expected[0]):
        values = [other[name] for other in expected]
        if isinstance(values[0], dict):
            found += _row(row[name], values, f"{where}.{name}")
        elif name not in MAY_BE_NULL or row[name] is not None:
            kinds = {kind(value) for value in values}
            if kind(row[name]) not in kinds and kinds != {"NoneType"}:
                found.append(f"{where}.{name}: a {kind(row[name])}, not {sorted(kinds)}")
    return found


def enveloped(answer: dict[str, Any], name: str) -> list[str]:
    """Differences of a list's envelope and rows from the sample's."""
    expected = sample(name)
    envelope = set(answer) ^ set(expected)
    return [*envelope, *differences(answer["Data"], expected["Data"], name)]


@pytest.fixture
def shipped(place, api):
    """A template of two packages, registered, and received with one short and one rejected."""
    one, two = place.label(0), place.label(1)
    number = api.send(place.template(one, two))
    transfer = place.world.register(number)
    return number, transfer, transfer.deliveries[0].id


def test_lookups(api):
    assert differences(api.get("/facilities/v2/"), sample("facilities"), "facilities") == []
    assert enveloped(api.get("/transporters/v2/drivers"), "drivers") == []
    assert enveloped(api.get("/transporters/v2/vehicles"), "vehicles") == []
    assert enveloped(api.get("/transfers/v2/types"), "transfer-types") == []
    assert enveloped(api.get("/packages/v2/active"), "packages-active") == []


def test_transfers(place, api, shipped):
    number, transfer, delivery = shipped
    root = f"/transfers/v2/deliveries/{delivery}"
    assert enveloped(api.get("/transfers/v2/templates/outgoing"), "templates-list") == []
    assert enveloped(api.get("/transfers/v2/outgoing"), "outgoing-transfers") == []
    assert enveloped(api.get(f"/transfers/v2/{transfer.id}/deliveries"), "deliveries") == []
    assert enveloped(api.get(f"{root}/packages"), "delivery-packages") == []
    wholesale = api.get(f"{root}/packages/wholesale")
    assert enveloped(wholesale, "delivery-packages-wholesale") == []
    place.world.receive(transfer.id, short={place.label(0): 98}, reject=[place.label(1)])
    assert enveloped(api.get(f"{root}/packages"), "delivery-packages-received") == []
    place.world.return_rejected(transfer.id)
    rows = api.get("/packages/v2/transferred")
    rows["Data"] = [row for row in rows["Data"] if row["ShipmentPackageStateName"] == "Accepted"]
    assert enveloped(rows, "packages-transferred") == []
    children = f"/transfers/v2/templates/outgoing/{number}/deliveries"
    row = api.get(children)
    row["Data"][0]["ManifestNumber"] = transfer.manifest_number
    assert enveloped(row, "deliveries") == []


def test_the_sample_template_is_taken(place, api):
    """The documented body goes in, with licenses and labels of this world."""
    body = sample("template-post-body")
    destination = body[0]["Destinations"][0]
    destination["RecipientLicenseNumber"] = SHOP
    destination["Transporters"][0]["TransporterFacilityLicenseNumber"] = SHIPPER
    for number, package in enumerate(destination["Packages"]):
        package["PackageLabel"] = place.label(number)
    answer = api("POST", "/transfers/v2/templates/outgoing", json=body)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == set(sample("template-post-answer"))
    (number,) = answer.json()["Ids"]
    body = sample("template-put-body")
    body[0]["TransferTemplateId"] = number
    body[0]["Destinations"] = [
        {
            **destination,
            "TransferDestinationId": place.world.templates[number].deliveries[0].id,
            "Packages": destination["Packages"][:2],
        }
    ]
    assert api("PUT", "/transfers/v2/templates/outgoing", json=body).status_code == 200
    assert len(place.world.templates[number].deliveries[0].parcels) == 2


def test_refusals(place, api):
    cases = {row["case"]: row for row in sample("errors")}
    validation = cases["validation, one message per bad row"]
    answer = api(
        "POST",
        "/transfers/v2/templates/outgoing",
        json=[place.template(RecipientLicenseNumber=None)],
    )
    assert (answer.status_code, answer.json()) == (validation["status"], validation["body"])
    size = cases["page size above 20 (body shape assumed)"]
    answer = api("GET", "/packages/v2/active", params={"pageSize": 21})
    assert (answer.status_code, answer.json()) == (size["status"], size["body"])
    scope = cases["keys, permission or license scope"]
    answer = api("GET", "/packages/v2/active", SHOP)
    assert (answer.status_code, answer.json()) == (scope["status"], scope["body"])
