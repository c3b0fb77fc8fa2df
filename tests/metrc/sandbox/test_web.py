"""The web interface: what a person does there, without scripts."""

from __future__ import annotations

import re

import pytest

SHIPPER, SHOP, OTHER_SHOP = "C11-1", "C10-1", "C10-2"


def only(rows):
    (row,) = rows.values()
    return row


def test_states_are_chosen(visitor):
    assert visitor.get("/").status == 200
    assert "California" in visitor.text
    assert "http://localhost/mi" in visitor.text
    assert visitor.get("/page/page.css").status == 200
    assert visitor.get("/nv/web/").status == 404


def test_a_template_is_registered_as_it_is(place, api, visitor):
    number = api.send(place.template(place.label(0), place.label(1)))
    assert "SO-1" in visitor.get("/ca/web/").text
    page = visitor.get(f"/ca/web/templates/{number}")
    assert place.label(0) in page.text
    assert "What the API shows" in page.text
    visitor.post(
        f"/ca/web/templates/{number}/register",
        keep=[place.label(0), place.label(1)],
        recipient=SHOP,
        invoice="SO-1",
    )
    assert visitor.message == ("good", "The transfer was registered.")
    transfer = only(place.world.transfers)
    assert transfer.labels == [place.label(0), place.label(1)]
    assert transfer.manifest_number in visitor.get("/ca/web/transfers").text
    assert visitor.get(f"/ca/web/templates/{number}").text.count(transfer.manifest_number) == 1


def test_a_template_is_edited_and_merged_on_the_way(place, api, visitor):
    first = api.send(place.template(place.label(0)))
    second = api.send(place.template(place.label(1)))
    visitor.post(
        f"/ca/web/templates/{first}/register",
        keep=[],
        add=[place.label(2)],
        merge=[str(second)],
        into_one="1",
        recipient=SHOP,
        invoice="",
    )
    transfer = only(place.world.transfers)
    # "into-one": only the two of one recipient
    assert [d.labels for d in transfer.deliveries] == [[place.label(1), place.label(2)]]
    assert transfer.deliveries[0].invoice_number is None


def test_what_cannot_be_registered_is_said(place, api, visitor):
    number = api.send(place.template(place.label(0)))
    place.world.set_hold(place.label(0))
    visitor.post(f"/ca/web/templates/{number}/register", keep=[place.label(0)], recipient=SHOP)
    kind, words = visitor.message
    assert kind == "error"
    assert "is on hold" in words
    assert place.world.transfers == {}


def test_a_transfer_is_made_edited_and_received_short(place, visitor):
    one, two, three = (place.label(n) for n in range(3))
    visitor.post("/ca/web/transfers", recipient=SHOP, type="Transfer", invoice="X", add=[one, two])
    transfer = only(place.world.transfers)
    root = f"/ca/web/transfers/{transfer.id}"
    delivery = transfer.deliveries[0].id
    visitor.post(
        f"{root}/edit/{delivery}", keep=[one], add=[three], recipient=OTHER_SHOP, invoice="Y"
    )
    assert visitor.message[0] == "good"
    assert transfer.labels == [one, three]
    visitor.post(f"{root}/depart")
    assert "on the road" in visitor.text
    visitor.post(f"{root}/receive/{delivery}", **{f"arrived-{one}": "97.5"}, reject=[three])
    assert visitor.message == ("good", "The delivery was received.")
    assert place.world.package(one).quantity == 97.5
    assert "rejected in part" in visitor.text
    visitor.post(f"{root}/take_back")
    assert place.world.package(three).state == "active"
    visitor.post(f"{root}/void")
    assert visitor.message == ("error", "This transfer was received, at least in part.")


@pytest.mark.parametrize("value", ["many", "1e99", "-1", "0", "nan"])
def test_a_quantity_that_is_none_is_refused(place, visitor, value):
    transfer = place.world.make_transfer(SHIPPER, SHOP, [place.label(0)])
    delivery = transfer.deliveries[0]
    visitor.post(
        f"/ca/web/transfers/{transfer.id}/receive/{delivery.id}",
        **{f"arrived-{place.label(0)}": value},
    )
    assert visitor.message[0] == "error"
    assert delivery.received_at is None


def test_reshipping_shows_the_new_transfer(place, visitor):
    old = place.world.make_transfer(SHIPPER, SHOP, [place.label(0)])
    visitor.post(f"/ca/web/transfers/{old.id}/reship")
    assert visitor.message[0] == "good"
    new = max(place.world.transfers.values(), key=lambda row: row.id)
    assert f"Manifest {new.manifest_number}" in visitor.text
    assert (old.is_voided, new.labels) == (True, [place.label(0)])


def test_packages_are_looked_after(place, visitor):
    label = place.label(0)
    root = f"/ca/web/packages/{label}"
    visitor.post(f"{root}/quantity", value="80")
    visitor.post(f"{root}/hold")
    visitor.post(f"{root}/recall")
    visitor.post(f"{root}/lab", value="TestFailed")
    package = place.world.package(label)
    assert (package.quantity, package.is_on_hold, package.is_on_recall) == (80, True, True)
    assert package.lab_state == "TestFailed"
    assert "TestFailed" in visitor.get("/ca/web/packages").text
    visitor.post(f"{root}/split", value="30")
    assert (package.quantity, len(place.world.packages)) == (50, 4)
    visitor.post(f"{root}/split", value="50")
    assert visitor.message[0] == "error"
    visitor.post(f"{root}/finish")
    assert "Finished" in visitor.text
    visitor.post("/ca/web/packages", item="Jar", quantity="12", lab_state="TestPassed")
    visitor.post("/ca/web/packages", new_item="Bulk", unit="Grams", quantity="9.5")
    rows = list(place.world.packages.values())[-2:]
    assert [(row.quantity, row.unit) for row in rows] == [(12, "Each"), (9.5, "Grams")]


def test_a_users_key_is_narrowed_and_taken_back(place, api, visitor):
    key = only(place.world.user_keys)
    assert "user" in visitor.get("/ca/web/users").text
    visitor.post(f"/ca/web/users/{key.id}", permission=["View Packages"], license=[SHIPPER])
    assert api("GET", "/packages/v2/active").status_code == 200
    assert api("GET", "/transfers/v2/outgoing").status_code == 401
    visitor.post(f"/ca/web/users/{key.id}", revoke="1")
    assert api("GET", "/facilities/v2/").status_code == 401
    visitor.post("/ca/web/users")
    new = visitor.message[1].removeprefix("User key: ")
    api.session.auth = ("vendor", new)
    assert [row["License"]["Number"] for row in api.get("/facilities/v2/")] == [SHIPPER]


def test_a_visitor_works_at_another_facility(place, visitor):
    place.world.make_transfer(SHIPPER, SHOP, [place.label(0)])
    visitor.post("/ca/web/facility", license=SHOP)
    page = visitor.get("/ca/web/transfers").text
    incoming = page[page.index("Incoming") :]
    assert len(re.findall(r"web/transfers/\d+", incoming)) == 1


def test_foreign_forms_are_refused(place, visitor):
    transfer = place.world.make_transfer(SHIPPER, SHOP, [place.label(0)])
    visitor.post(f"/ca/web/transfers/{transfer.id}/void", headers={"Origin": "http://evil.test"})
    assert (visitor.status, transfer.is_voided) == (403, False)


@pytest.mark.parametrize("path", ["templates/9", "transfers/9", "packages/X", "users/9", "nothing"])
def test_what_is_not_there_is_not_found(visitor, path):
    method = visitor.post if path.startswith("users") else visitor.get
    assert method(f"/ca/web/{path}").status == 404


def test_a_transfer_that_is_rejected_whole_says_so(place, visitor):
    transfer = place.world.make_transfer(SHIPPER, SHOP, [place.label(0)])
    place.world.receive(transfer.id, reject=[place.label(0)])
    assert 's-rejected">rejected</span>' in visitor.get("/ca/web/transfers").text
    visitor.post(f"/ca/web/transfers/{transfer.id}/take_back")
    assert 's-complete">received</span>' in visitor.text
