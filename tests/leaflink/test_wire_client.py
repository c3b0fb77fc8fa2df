"""The client on the wire: what goes out, and what each kind of answer means."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from responses import matchers

from integrations.leaflink.wire.client import LeafLinkClient
from integrations.leaflink.wire.errors import error_messages
from integrations.wire.errors import (
    BadCredentials,
    BadPayload,
    Forbidden,
    Gone,
    Refused,
    UnknownOutcome,
    Wait,
)

BASE = "https://leaflink.test/api/v2"


class FreeBudget:
    def __init__(self):
        self.taken, self.pauses = 0, []

    def take(self):
        self.taken += 1

    def pause(self, seconds):
        self.pauses.append(seconds)


@pytest.fixture
def budget():
    return FreeBudget()


@pytest.fixture
def slept():
    return []


@pytest.fixture
def client(budget, slept):
    return LeafLinkClient(BASE, " the-key ", budget=budget, sleep=slept.append)


@pytest.fixture
def wire():
    with responses.RequestsMock() as mock:
        yield mock


def test_requests_carry_key_agent_and_a_slash(client, wire):
    wire.get(
        f"{BASE}/products/12/",
        json={"id": 12},
        match=[
            matchers.header_matcher({"Authorization": "App the-key", "User-Agent": "leafbridge"})
        ],
    )
    assert client.get("products/12") == {"id": 12}


def test_pages_follow_next_and_ask_for_a_hundred(client, wire, budget):
    wire.get(
        f"{BASE}/products/",
        json={"results": [{"id": 1}], "next": f"{BASE}/products/?limit=100&offset=100"},
        match=[matchers.query_param_matcher({"limit": "100", "sku": "A"})],
    )
    wire.get(
        f"{BASE}/products/",
        json={"results": [{"id": 2}], "next": None},
        match=[matchers.query_param_matcher({"limit": "100", "offset": "100"})],
    )
    assert [row["id"] for page in client.pages("products", sku="A") for row in page] == [1, 2]
    assert budget.taken == client.calls == 2


def test_the_key_is_never_taken_to_another_host(client, wire):
    wire.get(
        f"{BASE}/products/", json={"results": [], "next": "https://evil.test/api/v2/products/"}
    )
    with pytest.raises(BadPayload, match="another host"):
        list(client.pages("products"))


def test_a_redirect_is_not_followed(client, wire):
    wire.get(f"{BASE}/products/1/", status=302, headers={"Location": "https://evil.test/"})
    with pytest.raises(Refused, match="status 302"):
        client.get("products/1")


def test_plus_signs_in_times_survive(client, wire):
    wire.get(f"{BASE}/orders-received/", json={"results": [], "next": None})
    list(client.pages("orders-received", modified__gte="2026-07-06T11:05:09+00:00"))
    query = parse_qs(urlsplit(wire.calls[0].request.url).query)
    assert query["modified__gte"] == ["2026-07-06T11:05:09+00:00"]


def test_a_read_is_tried_again_when_leaflink_has_a_hiccup(client, wire, slept, budget):
    wire.get(f"{BASE}/products/1/", status=502, body="<html>bad gateway</html>")
    wire.get(f"{BASE}/products/1/", body=requests.ConnectionError("reset"))
    wire.get(f"{BASE}/products/1/", json={"id": 1})
    assert client.get("products/1") == {"id": 1}
    assert slept == [1, 2]
    assert budget.taken == 3


def test_a_read_gives_up_after_three_attempts(client, wire):
    wire.get(f"{BASE}/products/1/", status=500)
    with pytest.raises(Wait, match="problem of its own"):
        client.get("products/1")
    assert len(wire.calls) == 3


def test_429_pauses_the_budget_as_long_as_told_and_is_not_slept_through(
    client, wire, budget, slept
):
    wire.get(f"{BASE}/products/1/", status=429, headers={"Retry-After": "41"})
    with pytest.raises(Wait) as caught:
        client.get("products/1")
    assert caught.value.seconds == 41
    assert budget.pauses == [41]
    assert slept == []


@pytest.mark.parametrize("header", ["soon", "-3", ""])
def test_429_without_a_usable_time_waits_half_a_minute(client, wire, budget, header):
    wire.patch(f"{BASE}/products/1/", status=429, headers={"Retry-After": header})
    with pytest.raises(Wait):
        client.patch("products/1", {})
    assert budget.pauses == [30]


@pytest.mark.parametrize(
    "answer",
    [{"body": requests.ReadTimeout("x")}, {"body": requests.ConnectionError("x")}, {"status": 500}],
)
def test_a_write_without_answer_is_never_repeated(client, wire, answer):
    wire.post(f"{BASE}/order-payments/", **answer)
    with pytest.raises(UnknownOutcome):
        client.post("order-payments", {"total": 1})
    assert len(wire.calls) == 1


def test_a_write_that_could_not_even_connect_may_be_tried_again(client, wire):
    wire.post(f"{BASE}/order-payments/", body=requests.ConnectTimeout("x"))
    with pytest.raises(Wait, match="can't be reached"):
        client.post("order-payments", {})


def test_a_write_answered_with_no_json_is_in_doubt(client, wire):
    wire.patch(f"{BASE}/products/1/", body="<html>")
    with pytest.raises(UnknownOutcome):
        client.patch("products/1", {})


@pytest.mark.parametrize(
    ("status", "error", "text"),
    [
        (401, BadCredentials, "paste the App key anew"),
        (403, BadCredentials, "permission for products"),
        (404, Gone, "does not have this record"),
        (400, Refused, "sku: This field is required."),
    ],
)
def test_refusals_say_what_to_do(client, wire, status, error, text):
    body = {"sku": ["This field is required."]} if status == 400 else {"detail": "No."}
    wire.get(f"{BASE}/products/1/", status=status, json=body)
    with pytest.raises(error, match=text) as caught:
        client.get("products/1")
    assert "the-key" not in str(caught.value)


def test_money_keeps_its_digits(client, wire):
    wire.get(f"{BASE}/products/1/", body=json.dumps({"price": 10.10}).replace("10.1", "10.10"))
    assert client.get("products/1") == {"price": "10.10"}


def test_an_empty_key_is_told_at_once(budget):
    with pytest.raises(BadCredentials, match="Paste one"):
        LeafLinkClient(BASE, " ", budget=budget)


def test_a_list_that_is_none_is_said(client, wire):
    wire.get(f"{BASE}/products/", json=["x"])
    with pytest.raises(BadPayload, match="results"):
        list(client.pages("products"))


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        ({"detail": "Not found."}, ["Not found."]),
        ({"non_field_errors": ["a", "b"]}, ["a", "b"]),
        (["bare"], ["bare"]),
        ({"line_items": [{}, {"quantity": ["too much"]}]}, ["line_items 2.quantity: too much"]),
        ("", []),
    ],
)
def test_error_bodies_become_sentences(body, messages):
    assert error_messages(body) == messages


def quantities(*numbers):
    return ((f"products/{n}", {"quantity": str(n)}) for n in numbers)


def test_many_changes_are_sent_at_once_and_each_has_its_answer(client, wire, budget):
    for n in range(1, 6):
        body = matchers.json_params_matcher({"quantity": str(n)})
        wire.patch(f"{BASE}/products/{n}/", json={"id": n}, match=[body])
    answers = dict(client.patch_many(quantities(1, 2, 3, 4, 5), at_once=3))
    assert answers == {n: {"id": n + 1} for n in range(5)}
    assert budget.taken == client.calls == 5


def test_of_many_changes_one_that_fails_stops_no_other(client, wire):
    wire.patch(f"{BASE}/products/1/", status=404)
    wire.patch(f"{BASE}/products/2/", status=400, json={"quantity": ["No."]})
    wire.patch(f"{BASE}/products/3/", body=requests.ConnectionError("cut"))
    wire.patch(f"{BASE}/products/4/", status=403, json={"detail": "No permission."})
    wire.patch(f"{BASE}/products/5/", json={"id": 5})
    answers = dict(client.patch_many(quantities(1, 2, 3, 4, 5), at_once=2))
    kinds = [type(answers[n]) for n in range(5)]
    assert kinds == [Gone, Refused, UnknownOutcome, Forbidden, dict]


def test_after_being_told_to_slow_down_nothing_more_is_sent(client, wire, budget):
    wire.patch(f"{BASE}/products/1/", status=429, headers={"Retry-After": "7"})
    answers = dict(client.patch_many(quantities(1, 2, 3), at_once=1))
    assert [type(answer) for answer in answers.values()] == [Wait]
    assert budget.pauses == [7]


def test_without_budget_what_was_sent_is_still_answered(client, wire, budget):
    def take():
        budget.taken += 1
        if budget.taken > 2:
            raise BudgetIsOver

    class BudgetIsOver(Exception):
        pass

    budget.take = take
    for n in (1, 2):
        wire.patch(f"{BASE}/products/{n}/", json={"id": n})
    answers = []
    with pytest.raises(BudgetIsOver):
        answers.extend(client.patch_many(quantities(1, 2, 3), at_once=8))
    assert sorted(answers) == [(0, {"id": 1}), (1, {"id": 2})]
