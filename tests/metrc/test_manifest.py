"""The manifest as a PDF: fetched in either form, kept, never anything else than a PDF."""

import base64
from datetime import timedelta

import pytest
import responses
from django.utils import timezone
from model_bakery import baker

from customers.models import SalesRep
from integrations import work
from integrations.metrc import fetch_manifest
from integrations.metrc.models import ManifestFile, MetrcFacility
from integrations.metrc.problems_of_transfers import manifests
from integrations.metrc.work_kinds import MANIFEST_WORK
from integrations.models import WorkItem
from integrations.wire.errors import BadCredentials, BadPayload, Gone, Refused
from tests.leaflink.pages import text_of, url
from tests.metrc.hands import matched, may

PDF = b"%PDF-1.7 a manifest"


@pytest.fixture
def shipped(metrc, filled):
    filled.match, filled.remote = matched(metrc, filled)
    filled.transfer = filled.match.delivery.transfer
    return filled


@pytest.fixture
def wire(metrc, monkeypatch):
    """Metrc's answers by hand instead of the stand-in's."""
    import requests

    monkeypatch.setattr("integrations.metrc.connect.new_session", requests.Session)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def answers(wire, transfer, **options):
    address = f"http://metrc.test/ca/transfers/v2/manifest/{transfer.remote_id}/pdf"
    wire.get(address, **options)


def test_it_is_fetched_once_and_anew_when_the_transfer_changed(metrc, shipped):
    transfer = shipped.transfer
    metrc.calls()
    for _ in range(2):
        fetch_manifest.fetch_due(metrc.account, str(transfer.pk))
    kept = ManifestFile.objects.get(transfer=transfer)
    assert bytes(kept.content).startswith(b"%PDF")
    assert len(metrc.calls("GET")) == 1
    transfer.modified_at = timezone.now() + timedelta(hours=1)
    transfer.save(update_fields=["modified_at"])
    assert fetch_manifest.is_due(transfer)
    fetch_manifest.fetch_due(metrc.account, str(transfer.pk))
    assert not fetch_manifest.is_due(transfer)
    transfer.is_voided = True
    transfer.modified_at = None
    assert not fetch_manifest.is_due(transfer)


def test_those_of_matched_transfers_are_asked_for_until_they_are_here(metrc, shipped):
    assert fetch_manifest.ask_for_due(metrc.facility) == 1
    item = WorkItem.objects.get(kind=MANIFEST_WORK)
    WorkItem.objects.update(stuck_at=timezone.now())
    assert fetch_manifest.ask_for_due(metrc.facility) == 1
    item.refresh_from_db()
    assert item.stuck_at
    fetch_manifest.fetch(shipped.transfer, metrc.client())
    assert fetch_manifest.ask_for_due(metrc.facility) == 0


@pytest.mark.parametrize(
    "options",
    [
        {"body": PDF, "content_type": "application/pdf"},
        {"json": {"FileContents": base64.b64encode(PDF).decode()}},
    ],
)
def test_both_forms_are_the_same_file(metrc, shipped, wire, options):
    answers(wire, shipped.transfer, **options)
    fetch_manifest.fetch(shipped.transfer, metrc.client())
    assert bytes(ManifestFile.objects.get().content) == PDF


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"body": b"<html>Log in</html>", "content_type": "text/html"}, BadPayload, "not a PDF"),
        ({"json": {"FileContents": "%%"}}, BadPayload, "fetch it again"),
        ({"status": 404, "json": {}}, Gone, "has no PDF"),
        ({"status": 401, "json": {"Message": "no"}}, BadCredentials, "Transfer Templates"),
        ({"status": 400, "json": {"Message": "not now"}}, Refused, "not now"),
    ],
)
def test_what_is_no_pdf_is_told_with_the_cure(metrc, shipped, wire, options, error, told):
    answers(wire, shipped.transfer, **options)
    wire.get(
        url=f"http://metrc.test/ca/transfers/v2/manifest/{shipped.transfer.manifest_number}/pdf",
        status=404,
        json={},
    )
    with pytest.raises(error, match=told):
        fetch_manifest.fetch(shipped.transfer, metrc.client())
    assert not ManifestFile.objects.exists()


def test_a_file_that_is_too_large_is_not_kept(metrc, shipped, wire, monkeypatch):
    monkeypatch.setattr(fetch_manifest, "MOST_BYTES", len(PDF) - 1)
    ManifestFile.objects.create(transfer=shipped.transfer, content=b"%PDF before")
    answers(wire, shipped.transfer, body=PDF, content_type="application/pdf")
    with pytest.raises(BadPayload, match="Download it in Metrc"):
        fetch_manifest.fetch(shipped.transfer, metrc.client())
    assert bytes(ManifestFile.objects.get().content) == b"%PDF before"


def test_a_lost_answer_is_asked_for_again(metrc, shipped, wire):
    answers(wire, shipped.transfer, status=503)
    with pytest.raises(work.Later):
        fetch_manifest.fetch_due(metrc.account, str(shipped.transfer.pk))
    answers(wire, shipped.transfer, body=PDF, content_type="application/pdf")
    wire.remove("GET", wire.registered()[0].url)
    answers(wire, shipped.transfer, body=PDF, content_type="application/pdf")
    fetch_manifest.fetch_due(metrc.account, str(shipped.transfer.pk))
    assert bytes(ManifestFile.objects.get().content) == PDF


def test_what_cannot_be_fetched_is_a_problem_with_a_button(client, metrc, shipped, wire):
    answers(wire, shipped.transfer, status=401, json={})
    monkey = {MANIFEST_WORK: fetch_manifest.fetch_due}
    work._handlers.update(monkey)
    fetch_manifest.ask(shipped.transfer)
    work.drain()
    assert WorkItem.objects.get(kind=MANIFEST_WORK).stuck_at
    (problem,) = manifests()
    assert "Transfer Templates" in problem.text
    client.force_login(metrc.user)
    assert "Transfer Templates" in text_of(client.get(problem.url))
    text = text_of(client.post(problem.act.url, follow=True))
    assert "is being fetched" in text
    assert list(manifests()) == []


def test_the_pdf_is_shown_as_a_file(client, metrc, shipped):
    client.force_login(metrc.user)
    page = url("metrc_order_manifest", shipped.order.pk)
    assert "is not here yet" in text_of(client.get(page))
    fetch_manifest.fetch(shipped.transfer, metrc.client())
    answer = client.get(page)
    assert answer.content.startswith(b"%PDF")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["X-Content-Type-Options"] == "nosniff"
    number = shipped.transfer.manifest_number
    assert answer["Content-Disposition"] == f'inline; filename="Manifest {number}.pdf"'


def test_a_rep_sees_the_manifests_of_own_orders_only(client, metrc, shipped, django_user_model):
    from django.contrib.auth.models import Group

    user = django_user_model.objects.create_user("rep", is_staff=True)
    user.groups.add(Group.objects.get(name="Sales rep"))
    page = url("metrc_order_manifest", shipped.order.pk)
    client.force_login(user)
    assert client.get(page).status_code == 404
    shipped.order.sales_rep = baker.make(SalesRep, user=user)
    shipped.order.save(update_fields=["sales_rep"])
    assert client.get(page).status_code == 200
    assert client.post(url("metrc_order_manifest_fetch", shipped.order.pk)).status_code == 403


def test_the_manifest_needs_a_permission_and_a_match(client, metrc, filled, django_user_model):
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    page = url("metrc_order_manifest", filled.order.pk)
    assert client.get(page).status_code == 403
    may(clerk, "metrc.view_match")
    assert "No transfer yet" in text_of(client.get(page))
    assert MetrcFacility.objects.count() == 1
