"""Withdrawing a template, with every answer lost; and how an order differs from what was sent."""

from decimal import Decimal

import pytest
from django.utils import timezone

from integrations.metrc.draft_template import draft_for
from integrations.metrc.models import (
    Delivery,
    Match,
    PackageAssignment,
    Transfer,
    TransferTemplate,
)
from integrations.metrc.send_template import CannotWithdraw, send, withdraw
from integrations.metrc.settle_template import NotYet, settle
from integrations.metrc.template_differences import differences_of
from integrations.wire.errors import Refused, Wait
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


@pytest.fixture
def sent(world, template):
    send(template.pk, by=None, client=world.client())
    template.refresh_from_db()
    return template


def test_a_withdrawn_template_is_out_of_metrc_and_another_can_be_sent(world, sent):
    client = world.client()
    assert withdraw(sent.pk, by=None, client=client) == State.WITHDRAWN
    assert world.in_metrc() == []
    again = draft_for(sent.order)
    assert again.pk != sent.pk
    assert (again.planned_route, again.driver_name) == ("North on Elm", "Rosa")
    world.faults.next("reset-after", method="POST", path=PATH)
    send(again.pk, by=None, client=client)
    assert settle(again.pk, client=client) == State.SENT
    sent.refresh_from_db()
    again.refresh_from_db()
    assert [again.remote_id] == [number for number, *_ in world.in_metrc()]
    assert sent.remote_id
    assert sent.remote_id != again.remote_id


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "500"])
def test_a_lost_answer_to_a_withdrawal_is_settled_by_reading(world, sent, fault):
    client = world.client()
    world.faults.next(fault, method="DELETE", path=PATH)
    assert withdraw(sent.pk, by=None, client=client) == State.SENT
    assert state_of(sent) == State.SENT
    if fault == "reset-after":
        assert settle(sent.pk, client=client) == State.WITHDRAWN
        assert world.in_metrc() == []
        return
    with pytest.raises(NotYet):
        settle(sent.pk, client=client)
    world.wait(sent)
    assert settle(sent.pk, client=client) == State.SENT
    sent.refresh_from_db()
    assert sent.withdraw_asked_at is None
    assert "Withdraw it again" in sent.problem
    assert withdraw(sent.pk, by=None, client=client) == State.WITHDRAWN
    assert world.in_metrc() == []


def test_what_somebody_archived_in_metrc_counts_as_withdrawn(world, sent):
    world.world.archive_template(LICENSE, sent.remote_id)
    assert withdraw(sent.pk, by=None, client=world.client()) == State.WITHDRAWN


def test_where_metrc_did_not_withdraw_it_stays(world, sent):
    world.faults.next("400", method="DELETE", path=PATH)
    with pytest.raises(Refused):
        withdraw(sent.pk, by=None, client=world.client())
    sent.refresh_from_db()
    assert (sent.state, sent.withdraw_asked_at) == (State.SENT, None)
    assert "Could not load file" in sent.problem
    world.faults.next("429", method="DELETE", path=PATH)
    with pytest.raises(Wait):
        withdraw(sent.pk, by=None, client=world.client())
    assert state_of(sent) == State.SENT
    assert len(world.in_metrc()) == 1


def test_what_is_not_in_metrc_is_not_withdrawn(world, template):
    with pytest.raises(CannotWithdraw, match="not in Metrc"):
        withdraw(template.pk, by=None, client=world.client())
    world.faults.next("reset-after", method="POST", path=PATH)
    send(template.pk, by=None, client=world.client())
    with pytest.raises(CannotWithdraw, match="still looked up"):
        withdraw(template.pk, by=None, client=world.client())


@pytest.mark.parametrize("is_matched", [True, False])
def test_a_template_that_was_used_is_not_withdrawn(world, sent, is_matched):
    transfer = Transfer.objects.create(
        facility=world.facility,
        remote_id=5,
        manifest_number="0000000005",
        template_remote_id=None if is_matched else sent.remote_id,
    )
    if is_matched:
        delivery = Delivery.objects.create(transfer=transfer, remote_id=1)
        Match.objects.create(order=sent.order, delivery=delivery, how="hand")
    with pytest.raises(CannotWithdraw, match="manifest 0000000005"):
        withdraw(sent.pk, by=None, client=world.client())
    assert len(world.in_metrc()) == 1


def test_it_says_how_the_order_differs_from_what_was_sent(world, sent):
    sent = TransferTemplate.objects.select_related(
        "order__destination", "order__facility", "facility__account"
    ).get(pk=sent.pk)
    assert differences_of(sent) == []
    first, second = PackageAssignment.objects.order_by("pk")
    PackageAssignment.objects.filter(pk=second.pk).update(ended_at=timezone.now())
    PackageAssignment.objects.filter(pk=first.pk).update(price=Decimal("1.00"))
    third = world.assign(sent.order, world.package(5))
    assert differences_of(sent) == [
        f"Package {third.package.label} is assigned since and not on the template.",
        f"Package {second.package.label} is on the template and no longer on the order.",
        f"The price of package {first.package.label} is another one now.",
    ]
    sent.order.destination = None
    sent.order.facility = None
    assert differences_of(sent)[2:4] == [
        f"The order goes to license (none), the template to {SHOP}.",
        f"The order ships from no facility, the template from Harbor ({LICENSE}).",
    ]
    sent.order.status = "canceled"
    assert differences_of(sent) == ["The order is canceled."]
