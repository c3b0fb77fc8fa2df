"""Sending a template and withdrawing it, with every answer lost: Metrc has one of ours, or none."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
import responses
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from model_bakery import baker
from requests.adapters import HTTPAdapter

from integrations import work
from integrations.leases import lease
from integrations.metrc import send_template, settle_template
from integrations.metrc.models import (
    PackageAssignment,
    TransferTemplate,
)
from integrations.metrc.send_template import CannotSend, CannotWithdraw, send, withdraw
from integrations.metrc.settle_template import NotYet, settle
from integrations.metrc.template_facts import planned
from integrations.models import WorkItem
from integrations.wire.errors import BadCredentials, BadPayload, Refused, Wait
from orders.models import SalesOrder
from tests.metrc.template_world import LICENSE, SHOP, TemplateWorld

pytestmark = pytest.mark.django_db
State = TransferTemplate.State
PATH = "templates/outgoing"


@pytest.fixture
def world():
    return TemplateWorld()


@pytest.fixture
def template(world):
    return world.ready(world.order(10, 5))


def state_of(template):
    template.refresh_from_db()
    return template.state


# -- the way it should go ----------------------------------------------------------------------


def test_a_template_is_in_metrc_as_it_was_entered(world, template):
    assert send(template.pk, by=None, client=world.client()) == State.SENT
    template.refresh_from_db()
    [(number, name, labels)] = world.in_metrc()
    assert (template.remote_id, template.name) == (number, name)
    assert name == template.order.number
    assert sorted(template.labels) == labels
    stop = world.world.templates[number].deliveries[0]
    assert (stop.recipient, stop.invoice_number) == (SHOP, name)
    assert [parcel.price for parcel in stop.parcels] == [Decimal(20), Decimal(10)]
    local = template.departs_at.astimezone(planned(template.order, template).facts.manner.zone)
    assert stop.departs == local.replace(tzinfo=None).isoformat(timespec="milliseconds")
    assert local.hour == 9
    assert template.body["Name"] == name


def test_metrc_is_asked_on_record_and_outside_of_any_transaction(world, template, monkeypatch):
    client, seen = world.client(), []

    def post(*args):
        seen.append((state_of(template), len(connection.savepoint_ids)))
        raise RuntimeError("the process dies here")

    monkeypatch.setattr("integrations.metrc.send_template.reads.create_template", post)
    with pytest.raises(RuntimeError):
        send(template.pk, by=None, client=client)
    # The test's own transaction, and no other.
    assert seen == [(State.ASKED, len(connection.savepoint_ids))]
    assert state_of(template) == State.ASKED
    assert template.labels
    # Somebody will look what became of it.
    assert WorkItem.objects.filter(kind="metrc_template", key=str(template.pk)).exists()


def test_what_metrc_would_refuse_is_not_sent(world, template):
    TransferTemplate.objects.filter(pk=template.pk).update(driver_name="")
    with pytest.raises(CannotSend) as error:
        send(template.pk, by=None, client=world.client())
    assert [one.code for one in error.value.troubles] == ["no_driver_name"]
    assert (world.in_metrc(), state_of(template)) == ([], State.DRAFT)


def test_the_order_is_followed_until_it_is_sent(world, template):
    world.world.add_facility("C10-2", "Elm", "Retailer")
    other = baker.make("customers.Destination", name="Elm", license_number="C10-2")
    SalesOrder.objects.filter(pk=template.order_id).update(destination=other)
    send(template.pk, by=None, client=world.client())
    [stop] = world.world.templates[world.in_metrc()[0][0]].deliveries
    assert stop.recipient == "C10-2"


def test_what_metrc_refuses_is_kept_in_its_words_and_can_be_sent_again(world, template):
    label = PackageAssignment.objects.first().package.label
    world.world.set_lab_state(label, "NotSubmitted")
    assert send(template.pk, by=None, client=world.client()) == State.REFUSED
    template.refresh_from_db()
    words = f"Package {label} is marked as NotSubmitted and cannot be transferred."
    assert template.problem == words
    world.world.set_lab_state(label, "TestPassed")
    assert send(template.pk, by=None, client=world.client()) == State.SENT
    template.refresh_from_db()
    assert (template.problem, len(world.in_metrc())) == ("", 1)


@pytest.mark.parametrize(
    ("trouble", "error", "problem"),
    [
        ("keys", BadCredentials, "Metrc refused the keys"),
        ("429", Wait, ""),
    ],
)
def test_where_metrc_did_nothing_it_is_a_draft_again(world, template, trouble, error, problem):
    if trouble == "keys":
        world.world.revoke_user_key("user")
    else:
        world.faults.next(trouble, method="POST", path=PATH)
    with pytest.raises(error):
        send(template.pk, by=None, client=world.client())
    assert state_of(template) == State.DRAFT
    assert template.problem.startswith(problem)
    assert world.in_metrc() == []


# -- lost answers -------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "500"])
def test_a_lost_answer_is_settled_by_reading(world, template, fault):
    client = world.client()
    world.faults.next(fault, method="POST", path=PATH)
    assert send(template.pk, by=None, client=client) == State.ASKED
    with pytest.raises(CannotSend):
        send(template.pk, by=None, client=client)
    if fault == "reset-after":
        assert settle(template.pk, client=client) == State.SENT
        template.refresh_from_db()
        assert [template.remote_id] == [number for number, *_ in world.in_metrc()]
        return
    with pytest.raises(NotYet):
        settle(template.pk, client=client)
    assert state_of(template) == State.ASKED
    world.wait(template)
    assert settle(template.pk, client=client) == State.DRAFT
    assert "did not arrive" in template.__class__.objects.get(pk=template.pk).problem
    assert send(template.pk, by=None, client=client) == State.SENT
    assert len(world.in_metrc()) == 1


def test_an_answer_without_a_number_is_settled_too(world, template):
    client = world.client()
    with responses.RequestsMock(assert_all_requests_are_fired=True) as wire:
        wire.post(
            f"{world.account.base_url}/transfers/v2/templates/outgoing",
            json={"Ids": None, "Warnings": None},
        )
        client.session.mount("http://metrc.test", HTTPAdapter())
        assert send(template.pk, by=None, client=client) == State.ASKED
    assert state_of(template) == State.ASKED


def test_a_template_of_the_same_name_is_not_taken_for_ours(world, template):
    client = world.client()
    world.faults.next("reset-before", method="POST", path=PATH)
    send(template.pk, by=None, client=client)
    template.refresh_from_db()
    # By hand, with one package of ours only; and for another customer with all of them.
    by_hand = dict(template.body, Destinations=[dict(template.body["Destinations"][0])])
    by_hand["Destinations"][0]["Packages"] = by_hand["Destinations"][0]["Packages"][:1]
    world.world.add_facility("C10-2", "Elm", "Retailer")
    elsewhere = dict(template.body, Destinations=[dict(template.body["Destinations"][0])])
    elsewhere["Destinations"][0]["RecipientLicenseNumber"] = "C10-2"
    numbers = world.world.create_templates(LICENSE, [by_hand, elsewhere], "Dana")
    world.wait(template)
    assert settle(template.pk, client=client) == State.DRAFT
    template.refresh_from_db()
    assert template.remote_id is None
    assert ", ".join(map(str, numbers)) in template.problem


def test_an_older_template_just_like_it_is_not_taken_for_ours(world, template):
    client = world.client()
    body = planned(template.order, template).body
    [old] = world.world.create_templates(LICENSE, [body], "Dana")
    world.world.templates[old].created_at -= timedelta(days=2)
    world.faults.next("reset-after", method="POST", path=PATH)
    send(template.pk, by=None, client=client)
    assert settle(template.pk, client=client) == State.SENT
    template.refresh_from_db()
    assert template.remote_id != old


def test_two_just_like_it_are_said_and_the_first_is_ours(world, template):
    client = world.client()
    world.faults.next("reset-after", method="POST", path=PATH)
    send(template.pk, by=None, client=client)
    template.refresh_from_db()
    [second] = world.world.create_templates(LICENSE, [template.body], "Dana")
    settle(template.pk, client=client)
    template.refresh_from_db()
    assert template.remote_id < second
    assert str(second) in template.problem


def test_ours_is_found_on_a_later_page(world, template):
    client = world.client()
    world.faults.next("reset-after", method="POST", path=PATH)
    send(template.pk, by=None, client=client)
    template.refresh_from_db()
    other = {**template.body, "Name": "Another order"}
    world.world.create_templates(LICENSE, [other] * 10, "Dana")
    client.page_size = 3
    assert settle(template.pk, client=client) == State.SENT


def test_a_reading_that_is_not_whole_settles_nothing(world, template):
    client = world.client()
    world.faults.next("reset-after", method="POST", path=PATH)
    send(template.pk, by=None, client=client)
    world.wait(template)
    client.read_attempts = 1
    for path in (PATH, "deliveries"):
        world.faults.next("500", method="GET", path=path)
        with pytest.raises(Wait):
            settle(template.pk, client=client)
        assert state_of(template) == State.ASKED
    assert settle(template.pk, client=client) == State.SENT


def test_a_row_that_may_be_ours_and_cannot_be_read_settles_nothing(world, template):
    client = world.client()
    world.faults.next("reset-before", method="POST", path=PATH)
    send(template.pk, by=None, client=client)
    world.wait(template)
    row = {"Id": "none", "Name": template.name}

    def rows(*args, **query):
        return [row]

    client.rows = rows
    with pytest.raises(BadPayload, match="can't be read"):
        settle(template.pk, client=client)
    assert state_of(template) == State.ASKED


# -- who sends ----------------------------------------------------------------------------------


def test_while_one_sends_another_does_not(world, template):
    with (
        lease(f"metrc template {template.pk}"),
        pytest.raises(CannotSend, match="being sent just now"),
    ):
        send(template.pk, by=None, client=world.client())
    assert (world.in_metrc(), state_of(template)) == ([], State.DRAFT)


def test_whose_update_comes_second_sends_nothing(world, template, monkeypatch):
    """Without the lease (it ran out), the row itself decides."""
    client, real = world.client(), send_template.planned

    def meanwhile(order, row):
        TransferTemplate.objects.filter(pk=row.pk).update(state=State.ASKED, sent_at=timezone.now())
        return real(order, row)

    monkeypatch.setattr(send_template, "planned", meanwhile)
    with pytest.raises(CannotSend, match="by somebody else"):
        send(template.pk, by=None, client=client)
    assert world.in_metrc() == []


def test_an_answer_that_comes_late_does_not_undo_what_reading_found(world, template):
    client = world.client()
    world.faults.next("reset-after", method="POST", path=PATH)
    send(template.pk, by=None, client=client)
    template.refresh_from_db()
    settle(template.pk, client=client)
    assert not send_template.note(template, State.REFUSED, problem="late")
    assert state_of(template) == State.SENT


# -- the queue ----------------------------------------------------------------------------------


@pytest.fixture
def queue(world, monkeypatch):
    monkeypatch.setattr(send_template, "client_of", lambda template: world.client())
    monkeypatch.setattr(settle_template, "client_of", lambda template: world.client())
    monkeypatch.setitem(work._handlers, "metrc_template", settle_template.send_due)


def test_the_queue_sends_what_was_asked_for(world, template, queue):
    send_template.ask_to_send(template.pk, by=None)
    work.drain()
    assert state_of(template) == State.SENT
    assert not WorkItem.objects.exists()


def test_the_queue_settles_a_lost_answer_and_sends_again_what_did_not_arrive(
    world, template, queue
):
    world.faults.next("reset-before", method="POST", path=PATH)
    send_template.ask_to_send(template.pk, by=None)
    work.drain()
    assert state_of(template) == State.ASKED
    world.wait(template)
    WorkItem.objects.update(not_before=timezone.now())
    work.drain()
    assert state_of(template) == State.SENT
    assert len(world.in_metrc()) == 1
    assert not WorkItem.objects.filter(stuck_at__isnull=False).exists()


def test_the_queue_stops_at_what_a_person_has_to_mend(world, template, queue):
    send_template.ask_to_send(template.pk, by=None)
    TransferTemplate.objects.filter(pk=template.pk).update(planned_route="")
    work.drain()
    assert WorkItem.objects.get().stuck_at
    template.refresh_from_db()
    assert (template.state, template.problem) == (State.DRAFT, "Describe the planned route.")


def test_the_queue_does_not_send_again_what_metrc_refused(world, template, queue):
    label = PackageAssignment.objects.first().package.label
    world.world.set_lab_state(label, "NotSubmitted")
    send(template.pk, by=None, client=world.client())
    world.world.set_lab_state(label, "TestPassed")
    work.drain()
    assert (world.in_metrc(), state_of(template)) == ([], State.REFUSED)
    assert not WorkItem.objects.exists()


# -- however answers are lost -------------------------------------------------------------------

ACTS = st.lists(
    st.tuples(
        st.sampled_from(["send", "settle", "withdraw", "wait"]),
        st.sampled_from(["", "reset-before", "reset-after", "500", "429", "400"]),
    ),
    max_size=8,
)


def test_metrc_never_has_two_of_our_templates_in_force(world):
    @settings(max_examples=12)
    @given(acts=ACTS)
    def whatever_is_done(acts):
        order = world.order(4)
        for act, fault in acts:
            world.faults._planned.clear()
            if fault:
                method = {"send": "POST", "withdraw": "DELETE"}.get(act, "GET")
                world.faults.next(fault, method=method, path=PATH)
            _do(world, order, act)
            assert len(_numbers(world, order)) <= 1
        world.faults._planned.clear()
        template = world.ready(order)
        if template.state in (State.ASKED, State.SENT):
            world.wait(template)
            settle(template.pk, client=world.client())
            template.refresh_from_db()
        is_there = template.state == State.SENT
        assert _numbers(world, order) == ([template.remote_id] if is_there else [])

    whatever_is_done()


def _numbers(world, order):
    """The numbers of the order's templates in Metrc."""
    return [number for number, name, _ in world.in_metrc() if name == order.number]


def _do(world, order, act):
    template = world.ready(order)
    verbs = {"send": send, "withdraw": withdraw, "settle": settle}
    if act == "wait":
        world.wait(template)
        return
    options = {} if act == "settle" else {"by": None}
    with suppress(CannotSend, CannotWithdraw, Wait, Refused):
        verbs[act](template.pk, client=world.client(), **options)
