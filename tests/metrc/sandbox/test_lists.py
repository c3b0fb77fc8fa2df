"""Lists: the lastModified window, pages, and what each list holds."""

from __future__ import annotations

import io

import pytest

SHIPPER, SHOP = "C11-1", "C10-1"
ACTIVE = "/packages/v2/active"


def window(start, end):
    return {"lastModifiedStart": start, "lastModifiedEnd": end}


def test_without_a_window_only_what_is_recent(place, api):
    place.clock.forward(hours=23)
    place.world.set_quantity(place.label(1), 40)
    place.clock.forward(hours=2)
    assert [row["Label"] for row in api.rows(ACTIVE)] == [place.label(1)]
    everything = api.rows(ACTIVE, **window("2026-07-06T00:00:00Z", "2026-07-08T00:00:00Z"))
    # Oldest change first.
    assert [row["Label"] for row in everything] == [place.label(n) for n in (0, 2, 1)]


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ("2026-07-06T12:00:00Z", "2026-07-06T12:00:00Z", 3),
        ("2026-07-06T05:00:00-07:00", "2026-07-06T12:00:00+00:00", 3),
        ("2026-07-06T12:00:01Z", "2026-07-06T13:00:00Z", 0),
        ("2026-07-06T11:00:00Z", "2026-07-06T11:59:59Z", 0),
    ],
)
def test_the_ends_of_a_window_belong_to_it(api, start, end, found):
    assert len(api.rows(ACTIVE, **window(start, end))) == found


def test_a_window_wider_than_the_state_answers(michigan_api, api):
    wide = window("2026-07-05T12:00:00Z", "2026-07-06T12:00:01Z")
    answer = michigan_api("GET", ACTIVE, params=wide)
    assert (answer.status_code, "24 hours" in answer.json()["Message"]) == (400, True)
    assert len(api.rows(ACTIVE, **wide)) == 3


@pytest.mark.parametrize(
    "query",
    [
        window("yesterday", "2026-07-06T12:00:00Z"),
        window("2026-07-06T12:00:00 00:00", "2026-07-06T12:00:00Z"),
        window("2026-07-06T12:00:00Z", "2026-07-06T11:00:00Z"),
        {"pageSize": "21"},
        {"pageSize": "0"},
        {"pageSize": "ten"},
        {"pageNumber": "0"},
    ],
)
def test_a_query_that_is_refused_says_why(api, query):
    answer = api("GET", ACTIVE, params=query)
    assert answer.status_code == 400
    assert isinstance(answer.json()["Message"], str)


def test_pages(place, api):
    first = api.get(ACTIVE, pageSize=2)
    assert {name: value for name, value in first.items() if name != "Data"} == {
        "Total": 3,
        "TotalRecords": 3,
        "PageSize": 2,
        "RecordsOnPage": 2,
        "Page": 1,
        "CurrentPage": 1,
        "TotalPages": 2,
    }
    assert [row["Label"] for row in first["Data"]] == [place.label(0), place.label(1)]
    assert [r["Label"] for r in api.rows(ACTIVE, pageSize=2, pageNumber=2)] == [place.label(2)]
    assert api.rows(ACTIVE, pageSize=2, pageNumber=3) == []
    assert len(api.rows(ACTIVE)) == 3


def test_each_package_is_on_its_lists(place, api):
    held, gone, done = (place.label(n) for n in range(3))
    place.world.set_hold(held)
    place.world.make_transfer(SHIPPER, SHOP, [gone])
    place.world.finish(done)
    found = {
        name: [row["Label"] for row in api.rows(f"/packages/v2/{name}")]
        for name in ("active", "onhold", "intransit", "inactive")
    }
    assert found == {"active": [held], "onhold": [held], "intransit": [gone], "inactive": [done]}
    one = api.get(f"/packages/v2/{held}")
    assert (one["IsOnHold"], one["Quantity"]) == (True, 100)
    assert api.get(f"/packages/v2/{one['Id']}") == one


def test_lookups(place, api, michigan_api):
    assert {row["Name"] for row in api.get("/unitsofmeasure/v2/active", None)} > {"Each", "Grams"}
    assert [row["Name"] for row in api.rows("/items/v2/active")] == ["Jar"]
    assert [row["Name"] for row in api.rows("/transporters/v2/drivers")] == ["Rosa"]
    assert [row["Make"] for row in api.rows("/transporters/v2/vehicles")] == ["Ford"]
    states = api.get("/transfers/v2/deliveries/packages/states", None)
    assert states == ["Shipped", "Rejected", "Accepted", "Returned"]
    flags = ("RequiresDestinationGrossWeight", "RequiresPackagesGrossWeight")
    types = {
        row["Name"]: (row["TransactionType"], *(row[name] for name in flags))
        for one in (api, michigan_api)
        for row in one.rows("/transfers/v2/types")
    }
    assert types == {
        "Transfer": ("Standard", False, False),
        "Return": ("Standard", False, False),
        "Wholesale Manifest": ("Wholesale", False, False),
        "Wholesale Transfer": ("Wholesale", True, False),
        "AU Affiliated Transfer": ("Standard", True, False),
        "Processor to Processor": ("Standard", True, True),
    }


def test_the_manifest_is_a_pdf_in_either_form(place, michigan, api, michigan_api):
    import base64

    first = place.world.make_transfer(SHIPPER, SHOP, [place.label(0)])
    second = michigan.world.make_transfer(SHIPPER, SHOP, [michigan.label(0)])
    wrapped = api.get(f"/transfers/v2/manifest/{first.id}/pdf")
    assert wrapped["ContentType"] == "application/pdf"
    raw = michigan_api("GET", f"/transfers/v2/manifest/{second.manifest_number}/pdf")
    assert raw.headers["Content-Type"] == "application/pdf"
    for content, place_ in (
        (base64.b64decode(wrapped["FileContents"]), place),
        (raw.content, michigan),
    ):
        assert content.startswith(b"%PDF-1.4")
        assert place_.label(0).encode() in content
        _check_table(content)
    page = api("GET", f"/transfers/v2/manifest/{first.id}/html")
    assert place.label(0) in page.text


def _check_table(content):
    """Each object is where the file's table says it is."""
    file = io.BytesIO(content)
    file.seek(int(content.rsplit(b"startxref\n", 1)[1].split()[0]))
    assert file.readline() == b"xref\n"
    count = int(file.readline().split()[1])
    starts = [int(file.readline()[:10]) for _ in range(count)][1:]
    assert len(starts) >= 5
    for number, start in enumerate(starts, 1):
        assert content[start:].startswith(b"%d 0 obj" % number)


def test_letters_that_the_pdf_lacks_do_no_harm(place, api):
    place.world.add_facility("C10-9", "グリーン (\\)")
    transfer = place.world.make_transfer(SHIPPER, "C10-9", [place.label(0)])
    assert api("GET", f"/transfers/v2/manifest/{transfer.id}/pdf").status_code == 200
