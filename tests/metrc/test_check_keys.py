"""Testing keys against the stand-in: whose fault a 401 is, and every cure."""

import pytest
from cryptography.fernet import Fernet

from integrations.metrc import check_keys
from integrations.metrc.models import MetrcAccount
from integrations.metrc.permissions import NEEDS
from integrations.models import Notice
from tests.metrc.connected import NORTH, SOUTH, USER_KEY, VENDOR_KEY, Connected


@pytest.fixture
def here(db, monkeypatch):
    return Connected(monkeypatch)


def check(here):
    return check_keys.check(MetrcAccount.objects.get(pk=here.account.pk))


def told():
    return list(Notice.objects.filter(resolved_at=None).values_list("key", flat=True))


def test_good_keys_bring_their_licenses(here):
    found = check(here)
    assert found.is_good
    assert here.license().checks == dict.fromkeys(NEEDS, "")
    assert here.license().facility == here.north
    assert check_keys.stored(MetrcAccount.objects.get()) == found
    assert told() == []
    assert all(one.method == "GET" for one in here.world.requests)


@pytest.mark.parametrize("key", ["vendor_key", "user_key"])
def test_a_wrong_key_is_refused_altogether(here, key):
    setattr(here.account, key, "wrong-key")
    here.account.save()
    found = check(here)
    assert found.is_refused
    assert "vendor key or the user key is wrong" in found.problem
    assert "wrong-key" not in found.problem
    assert told() == ["key"]
    assert here.account.facilities.count() == 0


def test_a_missing_permission_is_named_with_its_cure_at_the_license(here):
    here.without("View Packages")
    here.world.set_licenses(USER_KEY, [NORTH])
    check(here)
    checks = here.license().checks
    assert "“View Packages” is missing" in checks["View Packages"]
    assert "Admin > Employees" in checks["View Packages"]
    assert {one: text for one, text in checks.items() if one != "View Packages"} == {
        one: "" for one in NEEDS if one != "View Packages"
    }
    [notice] = Notice.objects.all()
    assert NORTH in notice.text
    assert "View Packages" in notice.text
    here.without()
    check(here)
    assert told() == []
    assert here.license().checks["View Packages"] == ""


def test_what_is_missing_at_every_license_is_rather_the_vendors(here):
    here.without("Transporters")
    check(here)
    assert "most likely the vendor key lacks it" in here.license().checks["Transporters"]
    assert "most likely the vendor key lacks it" in here.license(SOUTH).checks["Transporters"]


def test_a_license_where_everything_is_refused_is_not_reached(here, monkeypatch):
    check(here)
    user = next(iter(here.world.user_keys.values()))
    # Metrc lists a facility of the user, and refuses whatever is asked of it.
    with monkeypatch.context() as patch:
        listed = [NORTH, SOUTH]
        patch.setattr("integrations.metrc.check_keys.reads.facilities", _listing(here, listed))
        user.licenses = [SOUTH]
        check(here)
    assert set(here.license().checks.values()) == {check_keys.NOT_REACHED}
    assert set(here.license(SOUTH).checks.values()) == {""}
    [notice] = Notice.objects.filter(resolved_at=None)
    assert "don't reach this license" in notice.text


def _listing(here, licenses):
    from integrations.metrc.sandbox import representations
    from integrations.metrc.wire import payloads

    rows = [representations.facility(here.world.facility(number)) for number in licenses]
    return lambda client: payloads.parsed(payloads.Facility, rows)


def test_what_licenses_lack_that_are_not_ours_is_nobodys_problem(here):
    here.without("Transporters")
    here.north.delete()
    check(here)
    assert here.license().checks["Transporters"]
    assert told() == []


def test_an_outage_says_nothing_of_the_keys(here):
    check(here)
    before = here.license().checks
    here.faults.next("reset-before", path="facilities", times=9)
    found = check(here)
    assert not found.is_tested
    assert not found.is_refused
    assert "could not be tested" in found.problem
    assert "metrc_sandbox" in found.problem
    assert here.license().checks == before
    assert told() == []


def test_an_outage_half_way_leaves_the_rest_as_last_known(here):
    here.without("View Packages")
    check(here)
    here.without()
    here.faults.next("500", path="templates", times=9)
    found = check(here)
    assert found.is_tested
    checks = here.license().checks
    assert checks["View Packages"] == ""
    assert checks["Transporters"] == ""
    assert found.licenses[0]["checks"] == {"View Packages": ""}


def test_an_outage_neither_raises_nor_resolves(here):
    here.world.revoke_user_key(USER_KEY)
    check(here)
    assert told() == ["key"]
    here.faults.next("500", path="facilities", times=9)
    check(here)
    assert told() == ["key"]


def test_other_keys_are_tried_without_keeping_anything(here):
    assert check_keys.try_keys(here.account, "", "wrong").is_refused
    assert check_keys.try_keys(here.account, VENDOR_KEY, USER_KEY).is_good
    stored = MetrcAccount.objects.get()
    assert (stored.user_key, stored.key_check) == (USER_KEY, {})
    assert stored.facilities.count() == 0


def test_a_key_pasted_meanwhile_is_not_told_what_the_old_one_was(here):
    before = MetrcAccount.objects.get()
    before.user_key = "old-and-wrong"
    assert check_keys.check(before).is_refused
    assert MetrcAccount.objects.get().key_check == {}
    assert told() == []


def test_without_keys_and_with_unreadable_ones(here, settings):
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert "can't be decrypted" in check(here).problem
    MetrcAccount.objects.update(user_key="")
    assert check_keys.stored(MetrcAccount.objects.get()) is None


def test_keys_without_licenses(here):
    here.world.set_licenses(USER_KEY, [])
    found = check(here)
    assert "reach no license" in found.problem


def test_good_keys_give_stuck_work_another_try(here):
    from integrations import work
    from integrations.models import WorkItem

    work.ask(here.account.pk, "metrc_lists", ["1"], WorkItem.Priority.REST)
    WorkItem.objects.update(stuck_at=here.account.created_at, error_class="credentials")
    check(here)
    assert not WorkItem.objects.filter(stuck_at__isnull=False).exists()
