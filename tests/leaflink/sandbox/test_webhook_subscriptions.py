"""A webhook over the days: failing, disabled, turned on again; and when a delivery is retried."""

import json

import pytest

from integrations.leaflink.sandbox.webhooks import PAUSE, Dispatcher, signature

URL = "http://us.test/hooks/"


@pytest.fixture
def hook(place):
    return place.world.add_webhook(place.seller.id, URL, "secret", types=("order",))


class Receiver:
    """Answers with the given statuses, the last one from then on."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.bodies = []

    def __call__(self, url, body, headers):
        assert headers["LL-Signature"] == signature("secret", body)
        self.bodies.append(json.loads(body))
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@pytest.fixture
def failing_for_five_days(place, hook):
    dispatcher = Dispatcher(place.world, post=Receiver(500))
    place.order((place.single, 1))
    dispatcher.deliver_pending()
    place.clock.forward(days=5)
    dispatcher.deliver_pending()
    assert not hook.enabled
    return dispatcher


@pytest.mark.parametrize("status", [0, 301, 404, 500])
def test_whatever_is_no_success_is_sent_again_until_it_is_one(place, hook, status):
    receiver = Receiver(status, status, 202)
    dispatcher = Dispatcher(place.world, post=receiver)
    place.order((place.single, 1))
    for _ in range(6):
        dispatcher.deliver_pending()
        place.clock.forward(seconds=PAUSE.total_seconds())
    assert len(receiver.bodies) == 3
    assert receiver.bodies[0] == receiver.bodies[1] == receiver.bodies[2]
    assert (dispatcher.pending, hook.failing_since) == ([], None)


def test_a_webhook_that_was_turned_on_again_has_five_new_days(place, hook, failing_for_five_days):
    place.clock.forward(days=1)
    assert place.world.add_webhook(place.seller.id, URL, "secret", types=("order",)) is hook
    place.order((place.single, 1))
    assert failing_for_five_days.deliver_pending() == 1
    assert hook.enabled


def test_what_waits_for_a_disabled_webhook_is_not_delivered(place, hook):
    receiver = Receiver(500)
    dispatcher = Dispatcher(place.world, post=receiver)
    place.order((place.single, 1))
    place.order((place.single, 1))
    hook.enabled = False
    dispatcher.deliver_pending()
    assert receiver.bodies == []
    assert dispatcher.pending == []


def test_one_bad_receiver_does_not_keep_the_others_from_hearing(place, hook):
    place.world.add_webhook(place.seller.id, "http://other.test/", "secret", types=("order",))
    heard = []

    def post(url, body, headers):
        heard.append(url)
        return 500 if url == URL else 200

    dispatcher = Dispatcher(place.world, post=post)
    place.order((place.single, 1))
    assert dispatcher.deliver_pending() == 2
    assert sorted(heard) == sorted([URL, "http://other.test/"])
    assert [one.webhook for one in dispatcher.pending] == [hook]


def test_a_combination_tells_of_every_order_that_took_part(place, hook):
    first, second = place.order((place.single, 5)), place.order((place.single, 7))
    receiver = Receiver(200)
    dispatcher = Dispatcher(place.world, post=receiver)
    merged = place.world.combine_orders([first.number, second.number])
    dispatcher.deliver_pending()
    told = {(body["data"]["number"], body["data"]["status"]) for body in receiver.bodies}
    assert told == {
        (first.number, "Combined"),
        (second.number, "Combined"),
        (merged.number, "Submitted"),
    }
