"""The client on the wire: what goes out, and what each kind of answer means."""

import base64
import json
import traceback
from decimal import Decimal

import pytest
import requests
import responses
from responses import matchers

from integrations.metrc.wire import reads
from integrations.metrc.wire.access import secured
from integrations.wire.errors import (
    BadCredentials,
    BadPayload,
    Forbidden,
    Gone,
    Refused,
    UnknownOutcome,
    VendorError,
    Wait,
)
from tests.metrc.wire_parts import BASE, LICENSE, USER_KEY, VENDOR_KEY, FreeBudget, client_of, page

TEMPLATES = f"{BASE}/transfers/v2/templates/outgoing"
HEADER = base64.b64encode(f"{VENDOR_KEY}:{USER_KEY}".encode()).decode()
PDF = b"%PDF-1.7 manifest"


@pytest.fixture
def budget():
    return FreeBudget()


@pytest.fixture
def slept():
    return []


@pytest.fixture
def told():
    return []


@pytest.fixture
def client(budget, slept, told):
    return client_of(budget=budget, sleep=slept.append, on_call=told.append)


@pytest.fixture
def wire():
    with responses.RequestsMock() as mock:
        yield mock


def asked(**query):
    return matchers.query_param_matcher({"licenseNumber": LICENSE, **query})


def call_templates(client, method):
    if method == "GET":
        client.get("transfers/v2/templates/outgoing", LICENSE)
    elif method == "POST":
        reads.create_template(client, LICENSE, {"Name": "a"})
    else:
        reads.update_template(client, LICENSE, 7, {"Name": "a"})


def test_requests_carry_both_keys_the_agent_and_the_license(client, wire, budget):
    carried = {"Authorization": f"Basic {HEADER}", "User-Agent": "leafbridge"}
    wire.get(
        f"{BASE}/packages/v2/1A4",
        body='{"Id": 1, "Quantity": 0.1}',
        match=[matchers.header_matcher(carried), asked()],
    )
    assert client.get("packages/v2/1A4", LICENSE) == {"Id": 1, "Quantity": "0.1"}
    assert (budget.taken, client.calls) == (1, 1)


def test_a_netrc_does_not_replace_the_keys(client, wire, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    wire.get(f"{BASE}/facilities/v2/", json=[])
    client.get("facilities/v2/")
    assert wire.calls[0].request.headers["Authorization"] == f"Basic {HEADER}"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://api-mi.metrc.com/", "https://api-mi.metrc.com"),
        ("api-mi.metrc.com", "https://api-mi.metrc.com"),
        (" https://api-mi.metrc.com", "https://api-mi.metrc.com"),
        ("HTTP://api-mi.metrc.com", "https://api-mi.metrc.com"),
        ("http://localhost.metrc.com", "https://localhost.metrc.com"),
        ("http://127.0.0.1:8300/", "http://127.0.0.1:8300"),
        ("http://localhost:8300", "http://localhost:8300"),
        ("http://metrc.test", "http://metrc.test"),
        ("https://metrc.test", "https://metrc.test"),
    ],
)
def test_only_this_machine_is_called_without_https(given, used):
    assert secured(given) == used == client_of(given).base_url


@pytest.mark.parametrize("keys", [("", "b"), ("a", "  "), ("a:c", "b"), ("ä", "b"), ("a\nb", "b")])
def test_what_can_not_be_a_key_is_not_sent(keys):
    with pytest.raises(BadCredentials, match="key"):
        client_of(keys=keys)


def test_a_list_is_read_in_pages_of_twenty(client, wire, told):
    for number, rows in ((1, [{"Id": 1}] * 20), (2, [{"Id": 2}])):
        wire.get(
            f"{BASE}/transfers/v2/rejected",
            json=page(rows, number, pages=2, total=21),
            match=[asked(pageNumber=number, pageSize=20)],
        )
    assert len(client.rows("transfers/v2/rejected", LICENSE)) == 21
    assert [call.sent["pageNumber"] for call in told] == [1, 2]
    assert all(call.is_page and call.path == "transfers/v2/rejected" for call in told)


def test_a_list_without_a_count_of_pages_ends_with_a_short_one(client, wire):
    for number, size in ((1, 20), (2, 3)):
        wire.get(
            f"{BASE}/transfers/v2/rejected",
            json={"Data": [{"Id": number * 100 + n} for n in range(size)]},
            match=[asked(pageNumber=number, pageSize=20)],
        )
    assert len(client.rows("transfers/v2/rejected", LICENSE)) == 23


def test_a_bare_array_is_the_whole_list(client, wire):
    wire.get(f"{BASE}/tags/v2/package/available", json=[{"Label": "A"}] * 30)
    assert len(client.rows("tags/v2/package/available", LICENSE)) == 30


def test_a_lookup_that_knows_no_pages_is_read_without(client, wire):
    path = f"{BASE}/transporters/v2/drivers"
    wire.get(path, status=404, match=[asked(pageNumber=1, pageSize=20)])
    wire.get(path, json=page([{"Id": 5}]), match=[asked()])
    assert [driver.id for driver in reads.drivers(client, LICENSE)] == [5]


def test_what_is_no_lookup_is_not_asked_for_twice(client, wire):
    wire.get(f"{BASE}/transfers/v2/7/deliveries", status=404)
    with pytest.raises(Gone):
        reads.deliveries(client, LICENSE, 7)
    assert client.calls == 1


def test_a_list_that_shrinks_while_it_is_read_is_read_again(client, wire):
    """The row that moved from the second page to the first is not lost, nor what left the list."""
    path = f"{BASE}/transfers/v2/rejected"
    ids = list(range(1, 23))
    wire.get(path, json=page([{"Id": one} for one in ids[:20]], 1, pages=2, total=22))
    wire.get(path, json=page([{"Id": 22}], 2, pages=2, total=21))
    wire.get(path, json=page([{"Id": one} for one in ids[1:21]], 1, pages=2, total=21))
    wire.get(path, json=page([{"Id": 22}], 2, pages=2, total=21))
    found = [row["Id"] for row in client.rows("transfers/v2/rejected", LICENSE)]
    assert sorted(found) == ids


def test_a_list_that_never_stays_the_same_is_still_read(client, wire):
    path = f"{BASE}/transfers/v2/rejected"
    for n in range(3):
        wire.get(path, json=page([{"Id": 1}] * 20, 1, pages=2, total=21))
        wire.get(path, json=page([{"Id": 30 + n}], 2, pages=2, total=30 + n))
    found = {row["Id"] for row in client.rows("transfers/v2/rejected", LICENSE)}
    assert found == {1, 30, 31, 32}


@pytest.mark.parametrize("body", [{}, {"Data": None}, {"Data": {}}, "x", 3, True])
def test_a_list_without_rows_can_not_be_read(client, wire, body):
    wire.get(f"{BASE}/transfers/v2/rejected", json=body)
    with pytest.raises(BadPayload, match="transfers/v2/rejected"):
        client.rows("transfers/v2/rejected", LICENSE)


def test_a_host_that_sends_the_first_page_for_ever_is_noticed(client, wire):
    wire.get(f"{BASE}/transfers/v2/rejected", json=page([{"Id": 1}] * 20, 1, pages=5, total=99))
    with pytest.raises(BadPayload, match="page 2"):
        client.rows("transfers/v2/rejected", LICENSE)


def test_a_made_template_is_known_by_its_id(client, wire, told):
    wire.post(
        TEMPLATES,
        json={"Ids": [88412], "Warnings": None},
        match=[
            asked(),
            matchers.json_params_matcher([{"Name": "SO-1", "GrossWeight": 12.5, "Count": 3}]),
        ],
    )
    body = {"Name": "SO-1", "GrossWeight": Decimal("12.50"), "Count": Decimal("3.0")}
    assert reads.create_template(client, LICENSE, body) == 88412
    assert told[0].sent == [{"Name": "SO-1", "GrossWeight": 12.5, "Count": 3}]
    assert json.loads(told[0].answer) == {"Ids": [88412], "Warnings": None}


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {}},
        {"json": {"Ids": None}},
        {"json": {"Ids": []}},
        {"json": {"Ids": [1, 2]}},
        {"json": {"Ids": ["x"]}},
        {"json": {"Ids": [True]}},
        {"json": {"Ids": [0]}},
        {"json": [1]},
        {"body": ""},
        {"body": "<html>"},
        {"status": 500},
        {"status": 504},
        {"body": requests.ConnectionError("reset")},
        {"body": requests.ReadTimeout("late")},
    ],
)
def test_a_template_that_may_have_been_made_is_never_made_twice(client, wire, answer, told):
    wire.post(TEMPLATES, **answer)
    with pytest.raises(UnknownOutcome):
        reads.create_template(client, LICENSE, {"Name": "SO-1"})
    assert len(wire.calls) == 1


def test_a_host_that_was_never_reached_made_nothing(client, wire):
    wire.post(TEMPLATES, body=requests.ConnectTimeout("no"))
    with pytest.raises(Wait):
        reads.create_template(client, LICENSE, {"Name": "SO-1"})


def test_an_empty_answer_to_a_change_means_it_was_done(client, wire):
    wire.put(
        TEMPLATES,
        body="",
        match=[asked(), matchers.json_params_matcher([{"Name": "a", "TransferTemplateId": 7}])],
    )
    wire.delete(f"{TEMPLATES}/7", body="", match=[asked()])
    reads.update_template(client, LICENSE, 7, {"Name": "a"})
    reads.archive_template(client, LICENSE, 7)
    assert client.calls == 2


def test_validation_is_told_by_row_in_metrcs_words(client, wire):
    wire.post(
        TEMPLATES,
        status=400,
        json=[
            {"row": 0, "message": "Recipient License Number not specified."},
            {"row": 0, "message": "Transfer Type Name not specified"},
            {"row": 1, "message": "Package A is marked as NotSubmitted."},
        ],
    )
    with pytest.raises(Refused) as caught:
        client.post("transfers/v2/templates/outgoing", LICENSE, [{}, {}])
    assert caught.value.by_field == {
        "0": "Recipient License Number not specified.; Transfer Type Name not specified",
        "1": "Package A is marked as NotSubmitted.",
    }
    assert len(caught.value.messages) == 3
    assert str(caught.value).startswith("Metrc refused: Recipient License Number not specified.;")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"json": {"Message": "Could not load file."}}, "Could not load file."),
        ({"json": {"message": "No."}}, "No."),
        ({"json": "No."}, "No."),
        ({"body": "Plain\n words"}, "Plain words"),
        ({"body": "<html><body>proxy"}, "status 400"),
        ({"body": ""}, "status 400"),
        ({"json": []}, "status 400"),
        ({"json": [3, {"row": 1}]}, "status 400"),
        ({"json": {"Message": None}}, "status 400"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_no_validation_names_no_row(client, wire, answer, words, method):
    wire.add(method, TEMPLATES, status=400, **answer)
    with pytest.raises(Refused) as caught:
        call_templates(client, method)
    assert caught.value.messages == [words]
    assert caught.value.by_field == {"": words}


def test_too_many_at_once_names_the_cure(client, wire):
    wire.post(TEMPLATES, status=413)
    with pytest.raises(Refused, match="at most 10 records"):
        client.post("transfers/v2/templates/outgoing", LICENSE, [{}] * 11)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_redirects_are_not_followed(client, wire, method):
    wire.add(method, TEMPLATES, status=301, headers={"Location": "https://else.test/"})
    with pytest.raises(Refused, match="check the account's host"):
        call_templates(client, method)
    assert len(wire.calls) == 1


@pytest.mark.parametrize(
    ("path", "permission"),
    [
        ("packages/v2/1A4", "View Packages"),
        ("transfers/v2/outgoing", "View Transfers"),
        ("transfers/v2/templates/outgoing", "View Transfer Templates"),
        ("transfers/v2/deliveries/7/packages/wholesale", "View Wholesale"),
        ("transporters/v2/drivers", "Transporters"),
    ],
)
def test_a_401_says_what_may_be_wrong(client, wire, path, permission):
    wire.get(f"{BASE}/{path}", status=401, json={"Message": "Unauthorized"})
    with pytest.raises(BadCredentials, match=permission) as caught:
        client.get(path, LICENSE)
    assert not isinstance(caught.value, Forbidden)
    for words in ("401: Unauthorized", LICENSE, "paste both keys anew", "not this user's"):
        assert words in str(caught.value)


def test_writing_needs_another_permission_than_reading(client, wire):
    wire.post(TEMPLATES, status=401)
    with pytest.raises(BadCredentials, match="Manage Transfer Templates"):
        reads.create_template(client, LICENSE, {})


def test_keys_alone_are_refused_without_naming_a_license(client, wire):
    wire.get(f"{BASE}/facilities/v2/", status=403)
    with pytest.raises(Forbidden) as caught:
        reads.facilities(client)
    assert str(caught.value) == (
        "Metrc refused the keys (403). A key is wrong or was revoked: paste both keys anew."
    )


@pytest.mark.parametrize(
    ("header", "seconds"), [("2", 2), ("120", 120), ("9999", 900), ("soon", 30), (None, 30)]
)
def test_retry_after_is_obeyed_by_everybody(client, wire, budget, header, seconds):
    wire.post(TEMPLATES, status=429, headers={"Retry-After": header} if header else {})
    with pytest.raises(Wait) as caught:
        reads.create_template(client, LICENSE, {})
    assert (caught.value.seconds, caught.value.slow_down) == (seconds, True)
    assert budget.pauses == [seconds]


def test_a_short_trouble_of_a_reading_is_waited_out(client, wire, slept):
    path = f"{BASE}/facilities/v2/"
    wire.get(path, status=429, headers={"Retry-After": "2"})
    wire.get(path, status=503)
    wire.get(path, json=[])
    assert reads.facilities(client) == []
    assert slept == [2, 2]


def test_a_long_pause_is_not_slept_through(client, wire, slept):
    wire.get(f"{BASE}/facilities/v2/", status=429, headers={"Retry-After": "60"})
    with pytest.raises(Wait):
        reads.facilities(client)
    assert slept == []


@pytest.mark.parametrize("body", ["", "<html>", "[" * 5000])
def test_a_reading_that_is_not_json_can_not_be_read(client, wire, body):
    wire.get(f"{BASE}/facilities/v2/", body=body)
    with pytest.raises(BadPayload):
        reads.facilities(client)


def manifest(key):
    return f"{BASE}/transfers/v2/manifest/{key}/pdf"


def in_json(content):
    return {"json": {"FileContents": base64.b64encode(content).decode(), "HttpStatusCode": 200}}


@pytest.mark.parametrize(
    "answer", [in_json(PDF), {"body": PDF, "content_type": "application/pdf"}, {"body": PDF}]
)
def test_a_manifest_comes_in_json_or_as_it_is(client, wire, told, answer):
    wire.get(manifest(24), match=[asked()], **answer)
    assert client.manifest_pdf(24, "0000000024", LICENSE) == PDF
    assert told[0].answer.startswith(b"(a file, ")
    assert told[0].error is None


def test_a_manifest_unknown_by_id_is_asked_for_by_its_number(client, wire):
    wire.get(manifest(24), status=404)
    wire.get(manifest("0000000031"), body=PDF)
    assert client.manifest_pdf(24, "0000000031", LICENSE) == PDF


def test_a_manifest_that_nobody_knows_is_gone(client, wire):
    wire.get(manifest(24), status=404)
    with pytest.raises(Gone):
        client.manifest_pdf(24, "", LICENSE)


@pytest.mark.parametrize(
    "answer",
    [
        {"body": b"<html>", "content_type": "text/html"},
        {"body": b""},
        in_json(b"GIF89a"),
        {"json": {"FileContents": None}},
        {"json": {"FileContents": "no base64!"}},
        {"json": {"Message": "none"}},
        {"json": [1]},
        {"body": "{", "content_type": "application/json; charset=utf-8"},
    ],
)
def test_what_is_no_pdf_is_not_taken_for_a_manifest(client, wire, answer, told):
    wire.get(manifest(24), **answer)
    with pytest.raises(BadPayload):
        client.manifest_pdf(24, "24", LICENSE)
    assert isinstance(told[0].error, BadPayload)


ECHO = f'{{"Message": "bad {VENDOR_KEY} and {json.dumps(USER_KEY)[1:-1]} in Basic {HEADER}"}}'


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 413, 429, 500])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_keys_are_in_no_text_of_ours(wire, told, status, method):
    """Not even when the host repeats them."""
    client = client_of(on_call=told.append, read_attempts=1)
    wire.add(method, TEMPLATES, status=status, body=ECHO)
    texts = [repr(client), str(client), repr(client.session)]
    try:
        call_templates(client, method)
    except VendorError as error:
        texts += [str(error), repr(error), "".join(traceback.format_exception(error))]
        texts += [str(vars(error))]
    assert told
    texts += [repr(told), told[0].answer.decode()]
    for secret in (VENDOR_KEY, USER_KEY, json.dumps(USER_KEY)[1:-1], HEADER):
        assert not any(secret in text for text in texts)


def test_the_observer_is_told_of_what_brought_no_answer(client, wire, told):
    wire.put(TEMPLATES, body=requests.ReadTimeout("late"))
    with pytest.raises(UnknownOutcome):
        reads.update_template(client, LICENSE, 7, {"Name": "a"})
    (call,) = told
    assert (call.method, call.status, call.answer) == ("PUT", None, b"")
    assert isinstance(call.error, UnknownOutcome)
    assert call.sent == [{"Name": "a", "TransferTemplateId": 7}]
