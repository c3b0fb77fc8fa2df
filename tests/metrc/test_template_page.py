"""The page of an order's transfer template: what a person sees, enters and presses."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.metrc import connect
from integrations.metrc.draft_template import draft_for
from integrations.metrc.models import (
    Delivery,
    Match,
    PackageAssignment,
    Transfer,
    TransferTemplate,
    TransferType,
)
from integrations.metrc.problems_of_templates import SOURCES
from integrations.metrc.send_template import send
from integrations.models import WorkItem
from tests.metrc.template_world import LICENSE, SHOP, TemplateWorld

pytestmark = pytest.mark.django_db
State = TransferTemplate.State


@pytest.fixture
def world(monkeypatch):
    world = TemplateWorld()
    monkeypatch.setattr(connect, "new_session", lambda: world.client().session)
    return world


@pytest.fixture
def order(world):
    return world.order(10, 5)


@pytest.fixture
def screen(order):
    return Page(order, user("send_transfertemplate", "sync_metrcaccount"))


def user(*names):
    made = User.objects.create_user(f"user{User.objects.count()}", is_staff=True)
    names = ("view_transfertemplate", *names)
    made.user_permissions.set(
        Permission.objects.filter(codename__in=names, content_type__app_label="metrc")
    )
    return made


class Page:
    """The page as a person with a browser uses it."""

    def __init__(self, order, who):
        self.order = order
        self.client = Client()
        self.client.force_login(who)

    def url(self, act=""):
        name = f"admin:metrc_order_template{'_' * bool(act)}{act}"
        return reverse(name, args=[self.order.pk])

    def get(self):
        answer = self.client.get(self.url())
        assert answer.status_code == 200
        return answer.content.decode()

    def text(self, html=None):
        html = re.sub(r"(?s)<(script|style).*?</\1>", "", html or self.get())
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())

    def fields(self):
        """What the form would send."""
        answer = self.client.get(self.url())
        form, html = answer.context["form"], answer.content.decode()
        sent = dict(form.was)
        for name in form.fields:
            value = form[name].value()
            widget = form.fields[name].widget
            sent[name] = widget.format_value(value) or "" if value else ""
        sent["seen"] = re.search(r'name="seen" value="(\w+)"', html)[1]
        for pk, value in re.findall(r'name="weight-(\d+)" value="([^"]*)"', html):
            sent[f"weight-{pk}"] = value
        return sent

    def save(self, act="save", **changed):
        answer = self.client.post(self.url("save"), {**self.fields(), "act": act, **changed})
        html = answer.content.decode() if answer.status_code == 200 else ""
        return self.text(html) if html else self.text()

    def press(self, act, **data):
        assert self.client.post(self.url(act), data).status_code == 302
        return self.text()

    @property
    def template(self):
        return TransferTemplate.objects.filter(order=self.order).first()


def test_looking_changes_nothing_and_begins_with_what_is_likely(screen):
    text = screen.text()
    assert TransferTemplate.objects.count() == 0
    assert "1 thing that Metrc would refuse" in text
    assert "Describe the planned route." in text
    fields = screen.fields()
    assert fields["transfer_type"] == "Wholesale Manifest"
    assert (fields["driver_name"], fields["vehicle_plate"]) == ("Rosa", "8KLM204")
    assert (fields["transporter_license"], fields["phone"]) == (LICENSE, "555-0100")
    assert fields["departs_at"].endswith("T09:00")
    assert "America/Los_Angeles" in text
    assert f"Juniper, license {SHOP}" in text
    assert "$30.00 together" in text


def test_it_is_saved_looked_at_and_sent(screen, world):
    text = screen.save(planned_route="North on Elm")
    assert "Saved." in text
    assert "Nothing is known here for which Metrc would refuse it." in text
    assert "Planned route North on Elm" in text
    text = screen.save("send")
    assert "The template is in Metrc." in text
    [(number, name, _)] = world.in_metrc()
    assert f"In Metrc as template {number}" in text
    assert "Transfers › Templates" in text
    assert name == screen.order.number
    assert screen.template.sent_by.username


def test_what_was_changed_on_the_page_is_looked_at_before_it_is_sent(screen, world):
    screen.save(planned_route="North on Elm")
    text = screen.save("send", planned_route="South")
    assert "Saved, not sent yet" in text
    assert world.in_metrc() == []
    assert "Planned route South" in text
    screen.save("send")
    assert len(world.in_metrc()) == 1


def test_packages_that_changed_meanwhile_are_looked_at_before_it_is_sent(screen, world):
    screen.save(planned_route="North on Elm")
    fields = screen.fields()
    PackageAssignment.objects.update(price=Decimal("9.00"))
    screen.client.post(screen.url("save"), {**fields, "act": "send"})
    assert world.in_metrc() == []


def test_an_old_page_overwrites_only_what_was_changed_on_it(screen):
    screen.save(planned_route="North")
    old = screen.fields()
    screen.save(driver_name="Ada")
    screen.client.post(screen.url("save"), {**old, "vehicle_plate": "NEW"})
    template = screen.template
    assert (template.driver_name, template.vehicle_plate) == ("Ada", "NEW")
    assert template.planned_route == "North"


def test_line_ends_as_browsers_send_them_are_no_change(screen):
    screen.save(planned_route="North\r\nEast")
    assert screen.template.planned_route == "North\nEast"
    old = screen.fields()
    TransferTemplate.objects.update(planned_route="West")
    as_sent = {name: value.replace("\n", "\r\n") for name, value in old.items()}
    screen.client.post(screen.url("save"), as_sent)
    assert screen.template.planned_route == "West"


def test_times_are_those_of_the_facility(screen):
    screen.save(departs_at="2030-07-01T09:00", arrives_at="2030-07-01T11:30")
    template = screen.template
    assert template.departs_at == datetime(2030, 7, 1, 16, tzinfo=UTC)
    assert template.arrives_at == datetime(2030, 7, 1, 18, 30, tzinfo=UTC)
    assert "Mon, Jul 1, 2030, 09:00 (PDT)" in screen.text()


def test_a_skipped_hour_is_said_beside_the_field(screen):
    text = screen.save(departs_at="2030-03-10T02:30")
    assert "no clock shows 02:30" in text
    assert "2030-03-10T02:30" not in str(screen.template.departs_at)


def test_the_second_of_a_doubled_hour_is_not_turned_into_the_first(screen):
    second = datetime(2030, 11, 3, 9, 30, tzinfo=UTC)
    screen.save(planned_route="North")
    TransferTemplate.objects.update(departs_at=second, arrives_at=second + timedelta(hours=2))
    screen.save(driver_name="Ada")
    assert screen.template.departs_at == second
    assert "comes twice" in screen.text()


def test_gross_weights_are_asked_for_by_type_and_kept_by_package(screen, world):
    TransferType.objects.update(needs_destination_weight=True, needs_package_weights=True)
    first, second = PackageAssignment.objects.order_by("pk")
    text = screen.text()
    assert "needs the gross weight of all packages" in text
    assert f"Package {first.package.label} has no gross weight" in text
    weights = {f"weight-{first.pk}": "1,200.5", f"weight-{second.pk}": "700"}
    screen.save(planned_route="N", gross_weight="1900.5", gross_weight_unit="Grams", **weights)
    first.refresh_from_db()
    assert first.gross_weight == Decimal("1200.5")
    assert "Gross weight 1,900.5 Grams" in screen.text()
    text = screen.save(**{f"weight-{first.pk}": "much"})
    assert "“much” is no weight." in text
    first.refresh_from_db()
    assert first.gross_weight == Decimal("1200.5")


def test_what_metrc_refuses_is_said_in_its_words_beside_what_it_is_about(screen, world):
    screen.save(planned_route="North")
    label = PackageAssignment.objects.first().package.label
    world.world.set_lab_state(label, "NotSubmitted")
    text = screen.save("send")
    words = f"Metrc says: “Package {label} is marked as NotSubmitted and cannot be transferred.”"
    assert "Metrc refused the template" in text
    # On top, and beside the package.
    assert text.count(words) == 2
    world.world.set_lab_state(label, "TestPassed")
    assert "The template is in Metrc." in screen.save("send")


def test_a_lost_answer_is_said_and_can_be_looked_up(screen, world):
    screen.save(planned_route="North")
    world.faults.next("reset-after", method="POST", path="templates")
    text = screen.save("send")
    assert "the answer was lost" in text
    assert 'name="act"' not in screen.get()
    assert "The template is in Metrc." in screen.press("settle")
    assert screen.template.state == State.SENT
    assert len(world.in_metrc()) == 1


def test_what_metrc_cannot_take_now_is_left_to_the_queue(screen, world):
    screen.save(planned_route="North")
    world.faults.next("429", method="POST", path="templates")
    text = screen.save("send")
    assert "It is sent by itself as soon as Metrc takes it." in text
    assert "It waits to be sent" in text
    assert WorkItem.objects.get(kind="metrc_template").key == str(screen.template.pk)
    assert screen.template.state == State.DRAFT


@pytest.fixture
def sent(screen, world):
    screen.save(planned_route="North")
    send(screen.template.pk, by=None, client=world.client())
    return screen.template


def test_it_can_be_withdrawn_and_made_anew(screen, world, sent):
    second = PackageAssignment.objects.order_by("pk").last()
    PackageAssignment.objects.filter(pk=second.pk).update(ended_at=timezone.now())
    text = screen.text()
    assert "Metrc's template differs from the order now" in text
    assert f"Package {second.package.label} is on the template and no longer on the order." in text
    text = screen.press("withdraw")
    assert "The template is withdrawn from Metrc." in text
    assert world.in_metrc() == []
    assert "North" in screen.fields()["planned_route"]
    sent.refresh_from_db()
    assert (sent.state, bool(sent.remote_id)) == (State.WITHDRAWN, True)


def test_the_transfer_is_looked_for_on_request(screen, world, sent):
    screen.press("look")
    assert WorkItem.objects.get(kind="metrc_transfers").key == str(world.facility.pk)
    screen.press("look", what="packages")
    assert WorkItem.objects.get(kind="metrc_packages").key == str(world.facility.pk)


def test_a_matched_template_can_no_longer_be_withdrawn(screen, world, sent):
    transfer = Transfer.objects.create(
        facility=world.facility, remote_id=5, manifest_number="0000000005"
    )
    delivery = Delivery.objects.create(transfer=transfer, remote_id=1)
    Match.objects.create(order=screen.order, delivery=delivery, how="hand")
    text = screen.text()
    assert "Used: Manifest 0000000005" in text
    assert "Withdraw" not in text
    assert "so the template is not withdrawn" in screen.press("withdraw")
    assert len(world.in_metrc()) == 1


def test_without_a_connected_facility_it_says_what_to_do(screen, world):
    world.facility.facility = None
    world.facility.save()
    text = screen.text()
    assert "Harbor is not connected with Metrc." in text
    assert "On the Metrc account, say which license it is." in text
    assert screen.client.post(screen.url("save"), {}).status_code == 302
    assert TransferTemplate.objects.count() == 0


def test_who_may_only_look_can_only_look(order):
    screen = Page(order, user())
    html = screen.get()
    assert "What would be sent" in html
    assert '<form method="post" action="/admin/metrc' not in html
    for act in ("save", "settle", "withdraw", "look"):
        assert screen.client.post(screen.url(act)).status_code == 403
        assert screen.client.get(screen.url(act)).status_code == 405
    assert TransferTemplate.objects.count() == 0


def test_without_permission_nothing_is_seen(order):
    who = User.objects.create_user("nobody", is_staff=True)
    screen = Page(order, who)
    assert screen.client.get(screen.url()).status_code == 403
    listed = reverse("admin:metrc_transfertemplate_changelist")
    assert screen.client.get(listed).status_code == 403


def test_the_list_leads_to_the_page_of_the_order(screen, sent):
    answer = screen.client.get(reverse("admin:metrc_transfertemplate_changelist"))
    assert screen.url() in answer.content.decode()
    answer = screen.client.get(reverse("admin:metrc_transfertemplate_change", args=[sent.pk]))
    assert answer.status_code == 200


# -- what needs a person ------------------------------------------------------------------------


def problems():
    return {source.name: [one.text for one in source.find()] for source in SOURCES}


def test_nothing_needs_a_person_while_all_is_well(sent):
    assert not any(problems().values())


@pytest.mark.parametrize(
    ("changed", "source", "words"),
    [
        ({"state": "refused", "problem": "No.\nNever."}, "template_not_sent", "refused"),
        ({"state": "draft", "problem": "It did not arrive."}, "template_not_sent", "not arrive"),
        ({"state": "asked", "hours": 1}, "template_in_doubt", "arrived"),
        ({"withdraw_asked_at": 1}, "template_in_doubt", "withdrawn"),
        ({"hours": 100}, "template_not_used", "for 4 days"),
        ({"labels": ["X"]}, "template_differs", "Package X is on the template"),
    ],
)
def test_it_says_what_needs_a_person(sent, changed, source, words):
    hours = changed.pop("hours", 0)
    if "withdraw_asked_at" in changed:
        changed["withdraw_asked_at"] = timezone.now() - timedelta(hours=1)
    TransferTemplate.objects.update(**changed)
    TransferTemplate.objects.update(sent_at=timezone.now() - timedelta(hours=hours))
    found = problems()
    [text] = found.pop(source)
    assert words in text
    assert not any(found.values())


def test_the_defaults_are_those_of_the_same_customer(world, sent):
    TransferTemplate.objects.filter(pk=sent.pk).update(driver_name="Ada", planned_route="East")
    again = draft_for(world.order(3))
    assert (again.driver_name, again.planned_route) == ("Ada", "East")
    other = world.order(3, destination=None)
    assert (draft_for(other).driver_name, draft_for(other).planned_route) == ("Ada", "")


@pytest.mark.parametrize(
    ("account", "license_of", "words"),
    [
        ({"is_active": False}, {}, "is switched off"),
        ({"user_key": ""}, {}, "has no keys"),
        ({"key_check": {"at": "", "problem": "Keys refused."}}, {}, "Keys refused."),
        ({}, {"is_listed": False}, "no longer reach license C11-1"),
        ({}, {"checks": {"View Transfer Templates": "It is missing."}}, "It is missing."),
    ],
)
def test_keys_and_permissions_that_lack_are_said_before(screen, world, account, license_of, words):
    for row, values in ((world.account, account), (world.facility, license_of)):
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
    assert words in screen.text()
