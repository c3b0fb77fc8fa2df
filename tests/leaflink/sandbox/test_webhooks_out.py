"""Webhooks the stand-in sends: signed, in bursts, with the troubles real ones have."""

import base64
import hashlib
import hmac
import json
import time
from collections import Counter

import pytest

from integrations.leaflink.sandbox.server import serve
from integrations.leaflink.sandbox.webhooks import ATTEMPTS, Dispatcher, signature
from integrations.sandbox.faults import Faults

URL = "http://us.test/hooks/"


class Inbox:
    """Takes deliveries and answers with a status."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[str, bytes, dict[str, str]]] = []

    def __call__(self, url, body, headers):
        self.got.append((url, body, headers))
        return self.status

    @property
    def bodies(self):
        return [json.loads(body) for _, body, _ in self.got]

    @property
    def kinds(self):
        return [(body["type"], body["action"]) for body in self.bodies]


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def hook(place):
    return place.world.add_webhook(place.seller.id, URL, "secret-é")


def test_an_order_sends_one_hook_and_one_per_line(place, hook, inbox):
    dispatcher = Dispatcher(place.world, post=inbox)
    order = place.order((place.single, 1), (place.cased, 24), sales_rep_ids=[place.rep.id])
    assert dispatcher.deliver_pending() == 3
    assert inbox.kinds == [("order", "create"), ("product", "edit"), ("product", "edit")]
    data = inbox.bodies[0]["data"]
    assert data["number"] == order.number
    assert data["total"] == "202.00"
    assert not {"modified", "line_items"} & set(data)
    assert data["orderedproduct_set"][1]["quantity"] == "24.0000"
    assert data["orderedproduct_set"][1]["product"] == {"name": "Gummies", "sku": "PH-2"}
    assert data["sales_reps"][0]["email"] == "ana@pine.example"
    assert inbox.bodies[2]["data"]["reserved_qty"] == "24.0000"
    assert dispatcher.deliver_pending() == 0


def test_the_signature_is_over_the_raw_body(place, hook, inbox):
    dispatcher = Dispatcher(place.world, post=inbox)
    place.order((place.single, 1), notes="グリーン 🌿")
    dispatcher.deliver_pending()
    url, body, headers = inbox.got[0]
    expected = base64.b64encode(hmac.new("secret-é".encode(), body, hashlib.sha256).digest())
    assert (url, headers["LL-Signature"]) == (URL, expected.decode())


def test_the_signature_against_a_known_value():
    # RFC 4231, test case 2.
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    expected = base64.b64encode(bytes.fromhex(digest)).decode()
    assert signature("Jefe", b"what do ya want for nothing?") == expected


def test_each_change_of_an_order_or_a_product_is_told(place, hook, inbox):
    dispatcher = Dispatcher(place.world, post=inbox)
    order = place.order((place.single, 1))
    place.world.edit_order(order.number, notes="x")
    place.world.transition(order.number, "accept")
    place.world.set_quantity(place.cased.id, 5)
    dispatcher.deliver_pending()
    assert Counter(inbox.kinds) == {
        ("order", "create"): 1,
        ("order", "edit"): 2,
        ("product", "edit"): 4,
    }


def test_only_the_company_and_the_kinds_subscribed_to(place, inbox):
    other = place.world.add_seller("Other")
    place.world.add_webhook(other.id, URL, "k")
    place.world.add_webhook(place.seller.id, "http://orders.test/", "k", types=("order",))
    dispatcher = Dispatcher(place.world, post=inbox)
    place.order((place.single, 1))
    dispatcher.deliver_pending()
    assert [url for url, _, _ in inbox.got] == ["http://orders.test/"]


def test_a_refused_change_is_not_told(place, hook, inbox):
    dispatcher = Dispatcher(place.world, post=inbox)
    with pytest.raises(Exception, match="available"):
        place.order((place.single, 1000))
    assert dispatcher.deliver_pending() == 0


def test_failures_are_retried_for_seven_minutes(place, hook, inbox):
    place.world.webhooks[hook.id].types = ["order"]
    dispatcher = Dispatcher(place.world, post=inbox)
    inbox.status = 500
    place.order((place.single, 1))
    assert dispatcher.deliver_pending() == 1
    assert dispatcher.deliver_pending() == 0, "not before its time"
    for _ in range(30):
        place.clock.forward(seconds=30)
        dispatcher.deliver_pending()
    assert len(inbox.got) == ATTEMPTS == 14
    assert dispatcher.pending == []
    assert len({body for _, body, _ in inbox.got}) == 1
    assert hook.enabled


def test_five_days_of_failure_disable_it(place, hook, inbox):
    dispatcher = Dispatcher(place.world, post=inbox)
    inbox.status = 500
    place.order((place.single, 1))
    dispatcher.deliver_pending()
    place.clock.forward(days=4)
    dispatcher.deliver_pending()
    assert hook.enabled
    place.clock.forward(days=1)
    place.order((place.single, 1))
    dispatcher.deliver_pending()
    assert not hook.enabled
    dispatcher.pending.clear()
    place.order((place.single, 1))
    assert dispatcher.pending == []


def test_a_success_starts_the_five_days_anew(place, hook, inbox):
    dispatcher = Dispatcher(place.world, post=inbox)
    inbox.status = 500
    place.order((place.single, 1))
    dispatcher.deliver_pending()
    inbox.status = 204
    place.clock.forward(days=4)
    dispatcher.deliver_pending()
    assert hook.failing_since is None


@pytest.mark.parametrize(("spec", "times"), [("hook-drop=1", 0), ("hook-duplicate=1", 4)])
def test_hooks_get_lost_and_come_twice(place, hook, inbox, spec, times):
    dispatcher = Dispatcher(place.world, post=inbox, faults=Faults(spec))
    place.order((place.single, 1))
    dispatcher.deliver_pending()
    assert len(inbox.got) == times


def test_hooks_come_in_another_order(place, hook, inbox):
    dispatcher = Dispatcher(place.world, post=inbox, faults=Faults("hook-reorder=1"))
    place.order((place.single, 1))
    dispatcher.deliver_pending()
    assert inbox.kinds == [("product", "edit"), ("order", "create")]


def test_the_server_delivers_by_itself(place, hook, inbox):
    """The receiver here is the stand-in's own port: any answer shows that the hook went out."""
    server = serve(place.world, port=0, rate_limit=None)
    try:
        place.world.add_webhook(place.seller.id, f"{server.url}/api/v2/products/", "k", ("order",))
        hook.enabled = False
        place.order((place.single, 1))
        for _ in range(100):
            if place.world.requests:
                break
            time.sleep(0.05)
        assert [(r.method, r.status) for r in place.world.requests] == [("POST", 401)]
    finally:
        server.stop()
