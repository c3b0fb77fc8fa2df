"""The pages of a Metrc account: what it is, its keys, its licenses."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from model_bakery import baker

from catalog.models import Facility
from integrations.metrc import check_keys
from integrations.metrc.models import MetrcAccount, MetrcFacility
from integrations.models import Call, WorkItem
from tests.metrc.connected import NORTH, SOUTH, USER_KEY, VENDOR_KEY, Connected

LIST = reverse("admin:metrc_metrcaccount_changelist")
ADD = reverse("admin:metrc_metrcaccount_add")


@pytest.fixture
def here(db, monkeypatch):
    here = Connected(monkeypatch)
    check_keys.check(here.account)
    return here


@pytest.fixture
def boss(db):
    return logged_in(User.objects.create_superuser("boss"))


def logged_in(user):
    client = Client()
    client.force_login(user)
    return client


def person(*permissions):
    user = User.objects.create_user("person", is_staff=True)
    names = [one.split(".")[1] for one in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return logged_in(user)


def page(here, name="licenses"):
    return reverse(f"admin:metrc_account_{name}", args=[here.account.pk])


def post(client, here, name, **data):
    answer = client.post(page(here, name), data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode(), [str(one) for one in answer.context["messages"]]


def fresh(here):
    return MetrcAccount.objects.get(pk=here.account.pk)


def form_of(account, **changed):
    """What the account's form posts."""
    from integrations.metrc.admin.accounts import RULES, UNCERTAIN

    names = ["name", "is_active", "state", "environment", "stand_in_url", *RULES, *UNCERTAIN]
    values = {name: getattr(account, name) for name in names} | changed
    return {name: value for name, value in values.items() if value not in (False, None)}


def test_the_page_tells_licenses_permissions_and_their_cures(here, boss):
    here.without("View Packages")
    check_keys.check(here.account)
    text = boss.get(page(here)).content.decode()
    for word in ("North Dock", SOUTH, "Admin &gt; Employees", "View Wholesale", "Missing", "Given"):
        assert word in text, word
    assert "never" in text


def test_keys_are_on_no_page(here, boss):
    change = reverse("admin:metrc_metrcaccount_change", args=[here.account.pk])
    history = reverse("admin:metrc_metrcaccount_history", args=[here.account.pk])
    pages = [LIST, ADD, change, history, page(here)]
    text = "".join(boss.get(one).content.decode() for one in pages)
    text += post(boss, here, "keys", vendor_key=VENDOR_KEY, user_key="wrong-key-4713")[0]
    text += post(boss, here, "test")[0]
    assert "North Dock" in text
    for key in (VENDOR_KEY, USER_KEY, "wrong-key-4713"):
        assert key not in text
        assert not Call.objects.filter(answer__contains=key).exists()


def test_bad_keys_are_told_and_the_old_ones_stay(here, boss):
    _, [said] = post(boss, here, "keys", vendor_key="", user_key="wrong-key-4713")
    assert "Metrc does not take these keys" in said
    assert "kept" in said
    stored = fresh(here)
    assert (stored.vendor_key, stored.user_key) == (VENDOR_KEY, USER_KEY)
    assert check_keys.stored(stored).is_good


@pytest.mark.parametrize("key", ["has blanks in it", "ключ"])
def test_what_can_be_no_key_is_not_tried(here, boss, key):
    before = len(here.world.requests)
    _, [said] = post(boss, here, "keys", user_key=key)
    assert "Copy it from Metrc again" in said
    assert len(here.world.requests) == before
    assert fresh(here).user_key == USER_KEY


def test_good_keys_are_stored_and_everything_is_read(here, boss):
    here.world.add_user_key("another-user-key", [NORTH])
    _, [said] = post(boss, here, "keys", user_key="another-user-key")
    assert "Metrc takes the keys" in said
    stored = fresh(here)
    assert (stored.vendor_key, stored.user_key) == (VENDOR_KEY, "another-user-key")
    assert not here.license(SOUTH).is_listed
    kinds = WorkItem.objects.filter(key=str(here.license().pk)).values_list("kind", flat=True)
    assert set(kinds) == {"metrc_lists", "metrc_packages", "metrc_transfers"}


def test_an_outage_keeps_the_keys_and_does_not_call_the_new_ones_wrong(here, boss):
    here.faults.next("reset-before", path="facilities", times=5)
    _, [said] = post(boss, here, "keys", user_key="another-user-key")
    assert "could not be tested" in said
    assert "wrong" not in said
    assert fresh(here).user_key == USER_KEY


def test_mapping_is_saved_and_what_is_new_is_read(here, boss):
    south = baker.make(Facility, name="South", license_number="other")
    row = here.license(SOUTH)
    _, [said] = post(boss, here, "map", **{f"facility-{row.pk}": south.pk})
    assert said == "Saved. What is new is being read."
    assert here.license(SOUTH).facility == south
    assert here.license().facility == here.north
    assert set(WorkItem.objects.values_list("key", flat=True)) == {str(row.pk)}


def test_a_mapping_that_cant_be_is_refused_in_words(here, boss):
    row = here.license(SOUTH)
    _, [said] = post(boss, here, "map", **{f"facility-{row.pk}": here.north.pk})
    assert "Nothing was saved" in said
    assert here.license(SOUTH).facility is None


def test_licenses_of_another_account_are_not_mapped_here(here, boss):
    other = baker.make(MetrcAccount, name="Michigan", state="MI", environment="sandbox")
    theirs = baker.make(MetrcFacility, account=other, license_number="X")
    _, [said] = post(boss, here, "map", **{f"facility-{theirs.pk}": here.north.pk})
    assert said == "Nothing was changed."
    theirs.refresh_from_db()
    assert theirs.facility is None


def test_reading_at_once_is_asked_for(here, boss):
    _, [said] = post(boss, here, "read", license=here.license().pk)
    assert "Being read now" in said
    assert WorkItem.objects.count() == 3
    WorkItem.objects.all().delete()
    _, [said] = post(boss, here, "read", license=here.license(SOUTH).pk)
    assert "Choose first" in said
    MetrcAccount.objects.update(is_active=False)
    _, [said] = post(boss, here, "read")
    assert "switched off" in said
    assert WorkItem.objects.count() == 0


def test_a_new_account_is_made_and_then_asks_for_its_keys(here, boss):
    text = boss.get(ADD).content.decode()
    # What can't be changed later is not chosen beforehand; what may be transferred is.
    assert text.count('<option value="" selected>Choose</option>') == 2
    assert text.count(" checked") >= 4
    data = form_of(here.account, name="Michigan", state="MI", environment="sandbox")
    answer = boss.post(ADD, data, follow=True)
    made = MetrcAccount.objects.get(name="Michigan")
    assert (made.stand_in_url, made.vendor_key) == ("", "")
    assert "Paste the keys" in answer.content.decode()


def test_the_stand_in_needs_an_address_and_is_for_practice_only(here, boss, settings):
    data = form_of(here.account, name="Two", stand_in_url="")
    assert "Give the address" in boss.post(ADD, data).content.decode()
    settings.PRODUCTION = True
    data = form_of(here.account, name="Two")
    assert boss.post(ADD, data).status_code == 200
    change = reverse("admin:metrc_metrcaccount_change", args=[here.account.pk])
    said = boss.post(change, form_of(here.account, name="Renamed")).content.decode()
    assert "this is a production installation" in said
    assert MetrcAccount.objects.count() == 1
    assert fresh(here).name == "California"
    boss.post(change, form_of(here.account, is_active=False))
    assert not fresh(here).is_active


def test_state_environment_and_keys_are_not_changed_by_the_form(here, boss):
    change = reverse("admin:metrc_metrcaccount_change", args=[here.account.pk])
    text = boss.get(change).content.decode()
    assert "Not known for certain" in text
    assert "No test required" in text
    data = form_of(
        here.account,
        state="MI",
        environment="production",
        passing_lab_states=["TestPassed"],
        page_size=7,
        vendor_key="x",
    )
    assert boss.post(change, data).status_code == 302
    now = fresh(here)
    assert (now.state, now.environment, now.vendor_key) == ("CA", "stand_in", VENDOR_KEY)
    assert (now.page_size, now.passing_lab_states) == (7, ["TestPassed"])


def test_an_account_is_not_deleted(here, boss):
    delete = reverse("admin:metrc_metrcaccount_delete", args=[here.account.pk])
    assert boss.post(delete, {"post": "yes"}).status_code == 403
    assert fresh(here)


@pytest.mark.parametrize(
    ("name", "permissions"),
    [
        ("licenses", []),
        ("test", ["metrc.view_metrcaccount"]),
        ("keys", ["metrc.view_metrcaccount", "metrc.sync_metrcaccount"]),
        ("map", ["metrc.view_metrcaccount", "metrc.sync_metrcaccount"]),
        ("read", ["metrc.view_metrcaccount"]),
    ],
)
def test_nothing_goes_without_its_permission(here, name, permissions):
    client = person(*permissions)
    method = client.get if name == "licenses" else client.post
    assert method(page(here, name)).status_code == 403
    if name != "licenses":
        assert client.get(page(here, name)).status_code == 405


def test_who_only_looks_sees_no_buttons(here):
    text = person("metrc.view_metrcaccount").get(page(here)).content.decode()
    assert "North Dock" in text
    for word in ("vendor_key", "Test the keys", "<select", "Read now"):
        assert word not in text


def test_the_pages_cost_the_same_for_few_and_for_many(
    here, boss, django_assert_num_queries, django_assert_max_num_queries
):
    def costs():
        found = []
        for address in (LIST, page(here)):
            with django_assert_max_num_queries(14) as queries:
                assert boss.get(address).status_code == 200
            found.append(len(queries))
        return found

    before = costs()
    for number in range(5):
        facility = baker.make(Facility, name=f"F{number}", license_number=f"F-{number}")
        row = {"account": here.account, "license_number": f"L-{number}"}
        baker.make(MetrcFacility, facility=facility, **row)
        other = MetrcAccount.objects.create(name=f"A{number}", state="MI", environment="sandbox")
        baker.make(MetrcFacility, account=other, license_number="X")
    assert costs() == before
