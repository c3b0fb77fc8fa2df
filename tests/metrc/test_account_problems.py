"""What waits for a person between us and Metrc: keys, licenses, readings."""

from datetime import timedelta

import pytest
from django.utils import timezone
from model_bakery import baker

from catalog.models import Facility
from integrations.metrc import check_keys, problems_of_accounts
from integrations.metrc.models import MetrcAccount, MetrcFacility
from integrations.models import Notice, Run
from integrations.notices import notify
from integrations.problems import Problem
from orders.models import SalesOrder
from tests.metrc.connected import NORTH, SOUTH, USER_KEY, Connected

A_WHILE, LONG = timedelta(minutes=5), timedelta(hours=2)


@pytest.fixture
def here(db, monkeypatch):
    here = Connected(monkeypatch)
    check_keys.check(here.account)
    Facility.objects.update(state="CA")
    baker.make(Run, connection=here.account, kind="lists", outcome="done")
    MetrcAccount.objects.update(created_at=timezone.now() - LONG)
    return here


def found() -> dict[str, list[Problem]]:
    by_source = {one.name: list(one.find()) for one in problems_of_accounts.SOURCES}
    return {name: problems for name, problems in by_source.items() if problems}


def only(name):
    [(source, [problem])] = found().items()
    assert source == name
    return problem


def test_nothing_waits_while_all_is_well(here):
    assert found() == {}


@pytest.mark.parametrize("key", ["vendor_key", "user_key"])
def test_an_account_that_lacks_a_key(here, key):
    MetrcAccount.objects.update(**{key: ""})
    problem = only("metrc key")
    assert "California lacks a key" in problem.text
    assert problem.url == f"/admin/metrc/metrcaccount/{here.account.pk}/licenses/"
    MetrcAccount.objects.update(is_active=False)
    assert found() == {}


def test_refused_keys_and_missing_permissions(here):
    here.without("Transporters")
    check_keys.check(here.account)
    assert "“Transporters” is missing" in only("metrc key").text
    here.world.revoke_user_key(USER_KEY)
    check_keys.check(here.account)
    assert "key" in {problem.key for problem in found()["metrc key"]}


def test_what_leaflink_says_of_its_keys_is_not_told_of_metrc(here):
    other = baker.make("integrations.Connection", name="LeafLink")
    notify(other, Notice.Category.CREDENTIALS, "key", "The App key: wrong")
    assert found() == {}


def test_a_facility_with_open_orders_that_is_no_license(here):
    south = baker.make(Facility, name="South", license_number="other", state="CA")
    elsewhere = baker.make(Facility, name="Boston", license_number="ma", state="MA")
    assert found() == {}
    for facility in (south, elsewhere, here.north):
        baker.make(SalesOrder, facility=facility, status="created")
    baker.make(SalesOrder, facility=south, status="completed", number="SO-done")
    problem = only("metrc license")
    assert "South has open orders" in problem.text
    assert problem.waiting == 1
    MetrcFacility.objects.filter(license_number=SOUTH).update(facility=south)
    assert found() == {}


def test_an_account_none_of_whose_licenses_is_ours(here):
    MetrcFacility.objects.update(facility=None)
    assert "none of its licenses is a facility of ours" in only("metrc license").text


def test_readings_that_fail_for_some_minutes(here):
    before = timezone.now() - A_WHILE
    Run.objects.all().delete()
    run = {"connection": here.account, "kind": "transfers", "finished_at": timezone.now()}
    baker.make(Run, outcome="failed", started_at=before, error="Metrc has trouble.", **run)
    problem = only("metrc failing")
    assert "transfers can't be read since" in problem.text
    assert "Metrc has trouble." in problem.text
    baker.make(Run, outcome="done", **run)
    assert found() == {}


def test_nothing_was_read_for_an_hour(here):
    Run.objects.update(started_at=timezone.now() - LONG)
    assert "nothing was read from Metrc for over an hour" in only("metrc silent").text
    baker.make(Run, connection=here.account, kind="packages", outcome="running")
    assert found() == {}


def test_silence_is_not_told_where_the_keys_are_the_reason(here):
    Run.objects.update(started_at=timezone.now() - LONG)
    here.world.revoke_user_key(USER_KEY)
    check_keys.check(here.account)
    assert only("metrc key")


def test_a_new_account_or_one_without_facilities_is_not_silent(here):
    Run.objects.all().delete()
    MetrcAccount.objects.update(created_at=timezone.now())
    assert found() == {}
    MetrcAccount.objects.update(created_at=timezone.now() - LONG)
    MetrcFacility.objects.filter(license_number=NORTH).update(is_listed=False)
    assert "metrc silent" not in found()
