"""The list of transfers and the page of one: found by what people have in hand, in few queries."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.metrc.mapping import transfer_states
from integrations.metrc.models import Delivery, Match, Transfer
from tests.leaflink.pages import text_of, url
from tests.metrc.conftest import OTHER, RECIPIENT
from tests.metrc.hands import may

LIST = "metrc_transfer_changelist"


@pytest.fixture
def transfers(metrc, filled):
    """Four transfers as they were read: on the way and the order's, received, in part, voided."""
    made = []
    for number, more in enumerate(
        (
            {},
            {"received_delivery_count": 1, "received_package_count": 2},
            {"delivery_count": 2, "received_delivery_count": 1},
            {"is_voided": True},
        )
    ):
        options = {"delivery_count": 1, "package_count": 2, **more}
        one = Transfer.objects.create(
            facility=metrc.facility,
            remote_id=100 + number,
            manifest_number=f"000000010{number}",
            **options,
        )
        delivery = Delivery.objects.create(
            transfer=one,
            remote_id=200 + number,
            recipient_license=RECIPIENT,
            recipient_key=RECIPIENT.replace("-", ""),
            recipient_name="Copper Lantern",
            invoice_number=f"INV-{number}",
        )
        delivery.packages.create(
            label=f"1A4AB030000000{number}",
            state="Shipped",
            shipped_quantity=5,
            shipped_unit="Each",
        )
        made.append(one)
    delivery = made[0].deliveries.get()
    Match.objects.create(order=filled.order, delivery=delivery, how="hand")
    return made


def shown(client, **query):
    found = client.get(url(LIST), query).context["cl"].result_list
    return sorted(one.remote_id - 100 for one in found)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("0000000102", [2]),
        ("#102", [2]),
        ("1A4AB0300000003", [3]),
        ("copper", [0, 1, 2, 3]),
        (RECIPIENT, [0, 1, 2, 3]),
        (RECIPIENT.replace("-", " ").lower(), [0, 1, 2, 3]),
        ("INV-1", [1]),
        (OTHER, []),
    ],
)
def test_transfers_are_found_by_what_one_has_in_hand(client, metrc, transfers, words, found):
    client.force_login(metrc.user)
    assert shown(client, q=words) == found


def test_transfers_are_found_by_order_and_filtered(client, metrc, filled, transfers):
    client.force_login(metrc.user)
    assert shown(client, q=filled.order.number) == [0]
    assert shown(client, matched="yes") == [0]
    assert shown(client, matched="no") == [1, 2, 3]
    states = {name: shown(client, state=name) for name in ("on_the_way", "received", "in_part")}
    assert states == {"on_the_way": [0], "received": [1], "in_part": [2]}
    assert shown(client, state="voided") == [3]
    filled.order.possible_metrc_matches.create(delivery=transfers[1].deliveries.get())
    assert shown(client, matched="maybe") == [1]


def test_the_list_says_state_recipient_and_order_in_words(client, metrc, filled, transfers):
    client.force_login(metrc.user)
    text = text_of(client.get(url(LIST)))
    for words in ("On the way", "Received in part", "Voided in Metrc", "2, 2 received"):
        assert words in text
    assert filled.order.number in text


def test_the_list_and_the_page_cost_the_same_however_much_there_is(client, metrc, transfers):
    client.force_login(metrc.user)
    page = url("metrc_transfer_change", transfers[0].pk)
    costs = []
    for round_ in range(2):
        counted = []
        for address in (url(LIST), page):
            client.get(address)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            counted.append(len(queries))
        costs.append(counted)
        for one in transfers * 2 if round_ == 0 else []:
            number = Delivery.objects.count() + 500
            more = one.deliveries.create(remote_id=number, recipient_name="Salt & Sage")
            more.packages.create(label=f"MORE{number}", state="Accepted")
    assert costs[0] == costs[1]


def test_the_page_shows_deliveries_with_packages_and_orders(client, metrc, filled, transfers):
    client.force_login(metrc.user)
    text = text_of(client.get(url("metrc_transfer_change", transfers[0].pk)))
    assert "Delivery 1: Copper Lantern" in text
    assert "1A4AB0300000000" in text
    assert filled.order.number in text
    assert "Save" not in text


def test_transfers_are_seen_with_their_permission_only(client, transfers, django_user_model):
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(may(clerk, "metrc.view_match"))
    assert client.get(url(LIST)).status_code == 403
    may(clerk, "metrc.view_transfer")
    assert client.get(url(LIST)).status_code == 200


@pytest.mark.parametrize(
    ("received", "states", "name"),
    [
        (False, [], "on_the_way"),
        (False, ["Shipped", "Shipped"], "on_the_way"),
        (False, ["Shipped", "Accepted"], "in_part"),
        (False, ["Shipped", "Rejected"], "in_part"),
        (True, ["Accepted"], "received"),
        (True, ["Accepted", "Returned"], "not_whole"),
        (False, ["Rejected"], "not_whole"),
    ],
)
def test_the_state_of_a_delivery(received, states, name):
    found = transfer_states.of_delivery(voided=False, received=received, states=states)
    assert found.name == name
    voided = transfer_states.of_delivery(voided=True, received=received, states=states)
    assert voided == transfer_states.VOIDED
