"""What could send goods out twice, or the wrong ones, or leave an order stuck unseen."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import work
from integrations.metrc import assign_packages, candidate_packages, send_template, settle_template
from integrations.metrc.mapping.same_item import Ours, same_item
from integrations.metrc.models import PackageAssignment, TransferTemplate
from integrations.metrc.send_template import CannotSend, send, withdraw
from integrations.metrc.settle_template import settle
from integrations.models import WorkItem
from integrations.wire.errors import BadCredentials, Refused, VendorError
from orders import services
from tests.metrc.goods import Goods
from tests.metrc.template_world import LICENSE, TemplateWorld

pytestmark = pytest.mark.django_db
State = TransferTemplate.State
PATH = "templates/outgoing"


@pytest.fixture
def world():
    return TemplateWorld()


@pytest.fixture
def template(world):
    return world.ready(world.order(10, 5))


@pytest.fixture
def queue(world, monkeypatch):
    monkeypatch.setattr(send_template, "client_of", lambda template: world.client())
    monkeypatch.setattr(settle_template, "client_of", lambda template: world.client())
    monkeypatch.setitem(work._handlers, "metrc_template", settle_template.send_due)


def test_one_package_is_not_on_two_templates(world):
    """A's template is in Metrc; its package is freed (A canceled) and goes to B."""
    first = world.order(10)
    template = world.ready(first)
    send(template.pk, by=None, client=world.client())
    package = first.lines.get().package_assignments.get().package
    services.cancel(first, reason="The customer called.")
    assign_packages.end_of_canceled(first.pk)
    second = world.order(10)
    PackageAssignment.objects.filter(line__order=second).delete()
    assign_packages.assign(second, second.lines.get().pk, [package.pk], by=None)
    other = world.ready(second)
    with suppress(CannotSend):
        send(other.pk, by=None, client=world.client())
    tags = [tag for _, _, labels in world.in_metrc() for tag in labels]
    assert len(tags) == len(set(tags))


def test_the_queue_does_not_send_for_ever_what_the_list_does_not_show(
    world, template, queue, monkeypatch
):
    """Every answer is lost, and Metrc's list does not show the templates (or shows them late)."""
    monkeypatch.setattr(
        "integrations.metrc.wire.reads.templates", lambda *args: iter([(timezone.now(), [])])
    )
    for _ in range(6):
        world.faults.next("reset-after", method="POST", path=PATH)
    send_template.ask_to_send(template.pk, by=None)
    for _ in range(6):
        WorkItem.objects.update(not_before=timezone.now())
        work.drain()
        template.refresh_from_db()
        if template.sent_at:
            world.wait(template)
    assert len(world.in_metrc()) <= 2


def test_a_clock_that_is_nine_minutes_ahead_sends_nothing_twice(world, template, queue):
    world.faults.next("reset-after", method="POST", path=PATH)
    send_template.ask_to_send(template.pk, by=None)
    work.drain()
    for one in world.world.templates.values():
        one.created_at -= timedelta(minutes=9)
        one.last_modified -= timedelta(minutes=9)
    WorkItem.objects.update(not_before=timezone.now())
    world.wait(template, minutes=0)
    TransferTemplate.objects.filter(pk=template.pk).update(
        sent_at=timezone.now() - timedelta(seconds=100)
    )
    work.drain()
    assert len(world.in_metrc()) == 1


@pytest.mark.parametrize("error", [BadCredentials("401"), Refused(["is archived"], vendor="Metrc")])
def test_what_somebody_archived_is_withdrawn_however_metrc_says_so(
    world, template, monkeypatch, error
):
    """Metrc: 401 also for a record that is not in the license (any more); 400 is possible."""
    client = world.client()
    send(template.pk, by=None, client=client)
    template.refresh_from_db()
    world.world.archive_template(LICENSE, template.remote_id)

    def refuse(*args):
        raise error

    monkeypatch.setattr("integrations.metrc.send_template.reads.archive_template", refuse)
    with suppress(VendorError):
        withdraw(template.pk, by=None, client=client)
    template.refresh_from_db()
    assert template.state == State.WITHDRAWN


def test_many_packages_of_one_item_do_not_hide_those_of_another(monkeypatch):
    goods = Goods()
    monkeypatch.setattr(candidate_packages, "MOST", 3)
    chews = goods.item("Chews")
    for _ in range(4):
        goods.package(7)
    goods.package(10, item=chews)
    order = goods.order((goods.gummies, 7), (chews, 10))
    [_, second] = assign_packages.suggest(order)
    assert second.chosen


def test_a_sku_that_is_a_number_or_a_strain_maps_nothing_by_itself():
    items = [Ours(1, "Blue Dream Flower", "100"), Ours(2, "Garlic Flower 3.5g", "GMO")]
    names = ["Mango Gummies 100 mg", "GMO Badder 1g", "GMO Pre-Roll 0.5g"]
    assert same_item(names, items) == {}


def test_a_400_that_is_no_validation_may_have_made_it(world, template, monkeypatch):
    """Metrc: sandboxes answer faults of the server as 400 with an object. Sent again, after all."""
    client = world.client()
    made = []
    real = client.session.request

    def odd(method, url, **kw):
        answer = real(method, url, **kw)
        if method == "POST" and not made:
            made.append(1)
            answer.status_code = 400
            answer._content = b'{"Message": "An error has occurred."}'
        return answer

    monkeypatch.setattr(client.session, "request", odd)
    send(template.pk, by=None, client=client)
    template.refresh_from_db()
    if template.state == State.ASKED:
        world.wait(template)
        settle(template.pk, client=client)
    if TransferTemplate.objects.get(pk=template.pk).state != State.SENT:
        send(template.pk, by=None, client=client)
    assert len(world.in_metrc()) == 1


def test_an_order_whose_template_is_in_metrc_is_not_deleted_unseen(world, template):
    send(template.pk, by=None, client=world.client())
    with suppress(Exception):
        services.delete(template.order, reason="Made by mistake.")
    assert world.in_metrc() == [] or TransferTemplate.objects.filter(pk=template.pk).exists()


def told():
    from integrations.metrc.problems_of_templates import SOURCES

    return [problem.text for source in SOURCES for problem in source.find()]


def test_a_second_template_just_like_it_is_told_of(world, template):
    client = world.client()
    world.faults.next("reset-after", method="POST", path=PATH)
    send(template.pk, by=None, client=client)
    template.refresh_from_db()
    world.world.create_templates(LICENSE, [template.body], "Dana")
    settle(template.pk, client=client)
    template.refresh_from_db()
    assert "another template just like it" in template.problem
    assert told()


def test_a_withdrawal_that_did_not_arrive_is_told_of(world, template):
    client = world.client()
    send(template.pk, by=None, client=client)
    world.faults.next("reset-before", method="DELETE", path=PATH)
    withdraw(template.pk, by=None, client=client)
    world.wait(template, minutes=5)
    settle(template.pk, client=client)
    template.refresh_from_db()
    assert template.problem == settle_template.NOT_WITHDRAWN
    assert told()


def test_one_license_that_can_not_be_read_does_not_stop_the_others(metrc):
    from model_bakery import baker

    from catalog.models import Facility
    from integrations.metrc.cycle import run_cycle
    from integrations.metrc.models import MetrcFacility
    from integrations.metrc.wire import reads
    from integrations.wire.errors import BadPayload
    from tests.metrc.conftest import OTHER

    second = MetrcFacility.objects.create(
        account=metrc.account,
        license_number=OTHER,
        name="Zinc",
        facility=baker.make(Facility, name="Zinc", license_number=OTHER),
    )
    metrc.world.add_user_key("both", ["C11-0000871-LIC", OTHER])
    metrc.account.user_key = "both"
    metrc.account.save()
    real = reads.changed_packages

    def odd(client, number, *rest):
        if number != OTHER:
            raise BadPayload("Metrc's list packages/v2/active came without rows.")
        return real(client, number, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("integrations.metrc.wire.reads.changed_packages", odd)
        run_cycle(metrc.account, ["packages"])
    second.refresh_from_db()
    assert second.packages_until


def test_a_wide_window_is_read_in_parts_that_are_kept(metrc):
    """The task queue kills after five minutes; what was read until then must be marked."""
    from integrations.metrc.pull_packages import pull_packages
    from integrations.runs import Recorder

    metrc.account.window_hours = 9600
    metrc.account.read_since = timezone.localdate() - timedelta(days=365)
    metrc.account.save()
    client = metrc.client()
    real, asked = client.session.request, []

    def killed(*args, **kwargs):
        asked.append(args)
        if len(asked) > 20:
            raise SystemExit
        return real(*args, **kwargs)

    jars = metrc.item("JAR")
    for number in range(45):  # modified now: pages enough
        one = metrc.package(jars, 10)
        one.last_modified -= timedelta(days=8 * number)
    client.session.request = killed
    client.page_size = 1
    metrc.facility.refresh_from_db()
    metrc.facility.account.refresh_from_db()
    with pytest.raises(SystemExit):
        pull_packages(metrc.facility, client, Recorder())
    metrc.facility.refresh_from_db()
    assert metrc.facility.packages_until


def test_settling_waits_longer_than_an_answer_may_take():
    from integrations.budget import SharedBudget
    from integrations.wire.http import TIMEOUT

    budget = SharedBudget("someone", 600, WorkItem.Priority.ORDERS)
    longest = budget.longest_wait + timedelta(seconds=sum(TIMEOUT))
    assert longest < settle_template.SETTLING


def test_a_package_whose_item_was_mapped_wrong_is_not_sent(world, template):
    """Assigned while Metrc's item was mapped to the line's item; a person has corrected that."""
    from model_bakery import baker

    from integrations.metrc.models import MetrcItem

    other = baker.make("catalog.Item", name="Chews", sku="CHW", unit_of_measure="Unit")
    MetrcItem.objects.create(account=world.account, name="Gummies 2", item=world.item)
    MetrcItem.objects.filter(pk=world.metrc_item.pk).update(item=other)
    with suppress(CannotSend):
        send(template.pk, by=None, client=world.client())
    assert world.in_metrc() == []
