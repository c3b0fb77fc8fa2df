"""The page of an account's rules: changing, history, undo, presets, and who may do it."""

import json
import re
import threading

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from model_bakery import baker

from catalog.models import Brand, Facility
from customers.models import SalesRep
from integrations.leaflink.change_rules import RuleMoved, change_rules, undo
from integrations.leaflink.models import Account, AccountBrand, RuleChange, Staff
from integrations.leaflink.rule_values import read
from integrations.leaflink.rules import BY_NAME, RULES
from tests.leaflink.pages import change_on_rules_page, text_of, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return baker.make(
        Account,
        name="Alder Peak",
        host=Account.Host.SANDBOX,
        app_key="very-secret-app-key",
        webhook_key="very-secret-webhook-key",
    )


@pytest.fixture
def person(client, django_user_model):
    """A member of staff with no permission yet, logged in."""
    user = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(user)
    return user


def may(user, *names):
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


def rules_of(account):
    return read(Account.objects.get(pk=account.pk))


def test_one_save_changes_what_was_touched_and_notes_each(admin_client, admin_user, account):
    before = rules_of(account)
    shop = baker.make(Facility, name="Oakland")
    answer = change_on_rules_page(
        admin_client,
        account,
        push_inventory=None,
        safety_units="2.5",
        facilities=[shop.pk],
        import_since="2026-03-01T08:00",
        **{"routing.rep": None},
    )
    assert answer.status_code == 302
    after = rules_of(account)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {
        "push_inventory",
        "safety_units",
        "facilities",
        "import_since",
        "routing.rep",
    }
    noted = {change.rule: change for change in account.rule_changes.all()}
    assert set(noted) == changed
    assert noted["facilities"].new == [shop.pk]
    assert noted["facilities"].new_words == "Oakland"
    assert {change.by for change in noted.values()} == {admin_user}
    said = text_of(admin_client.get(url("leaflink_account_rules", account.pk)))
    assert "Send quantities: Off. LeafLink keeps showing the numbers it has" in said
    assert "See what would be sent now" in said


def test_a_save_without_change_notes_nothing(admin_client, account):
    account.import_since = "2026-03-01T08:00:00.123456Z"
    account.save()
    change_on_rules_page(admin_client, account)
    assert not RuleChange.objects.exists()


def test_a_bad_value_is_told_at_its_rule_and_nothing_is_saved(admin_client, account):
    answer = change_on_rules_page(
        admin_client, account, push_inventory=None, safety_units="2", safety_percent="5"
    )
    assert answer.status_code == 200
    assert "leave one of them empty" in answer.context["form"].errors["safety_percent"][0]
    assert "Nothing was saved yet" in text_of(answer)
    assert 'href="#rule-safety_percent"' in answer.content.decode()
    assert rules_of(account)["push_inventory"] is True
    assert not RuleChange.objects.exists()


@pytest.mark.parametrize("seen", ["", "{", "[1]"])
def test_a_page_that_did_not_arrive_whole_changes_nothing(admin_client, account, seen):
    answer = change_on_rules_page(admin_client, account, seen=seen, push_inventory=None)
    assert "had not arrived whole" in text_of(answer)
    assert rules_of(account)["push_inventory"] is True


def test_an_old_page_does_not_put_back_what_somebody_else_changed(
    admin_client, admin_user, account
):
    seen = json.dumps(read(account))
    change_rules(account, {"push_inventory": False, "shortage_rule": "import"}, admin_user)
    # Shown when both were as before; the person touched only one other rule.
    change_on_rules_page(
        admin_client,
        account,
        seen=seen,
        push_inventory="on",
        shortage_rule="hold",
        link_exact_skus=None,
    )
    after = rules_of(account)
    assert (after["push_inventory"], after["shortage_rule"]) == (False, "import")
    assert after["link_exact_skus"] is False


def test_two_who_change_the_same_rule_are_told(admin_client, admin_user, account):
    seen = json.dumps(read(account))
    change_rules(account, {"customer_rule": "blank"}, admin_user)
    answer = change_on_rules_page(admin_client, account, seen=seen, customer_rule="hold")
    assert rules_of(account)["customer_rule"] == "blank"
    said = text_of(admin_client.get(answer.url))
    assert "“A new customer” is Import the order without one" in said
    assert "Nothing was saved" in said


def undo_on_page(client, account, change):
    page = url("leaflink_account_rules_undo", account.pk)
    return text_of(client.post(page, {"change": change.pk}, follow=True))


def test_undo_is_a_change_itself(admin_client, admin_user, account):
    [change] = change_rules(account, {"most_shown": "40"}, admin_user)
    undo_on_page(admin_client, account, change)
    assert rules_of(account)["most_shown"] is None
    undone = RuleChange.objects.get(undoes=change)
    assert (undone.old, undone.new, undone.by) == ("40", None, admin_user)
    assert "was undone already" in undo_on_page(admin_client, account, change)
    undo_on_page(admin_client, account, undone)
    assert rules_of(account)["most_shown"] == "40"


def test_undo_says_when_the_rule_has_moved_on(admin_client, admin_user, account):
    [change] = change_rules(account, {"most_shown": "40"}, admin_user)
    change_rules(account, {"most_shown": "50"}, admin_user)
    said = undo_on_page(admin_client, account, change)
    assert "“Shown at the most” was changed again since: it is 50 units now" in said
    assert rules_of(account)["most_shown"] == "50"


@pytest.mark.parametrize(
    ("rule", "make"),
    [
        ("facilities", lambda account: baker.make(Facility, name="Gone")),
        ("default_facility", lambda account: baker.make(Facility, name="Gone")),
        ("fallback_rep", lambda account: baker.make(SalesRep, name="Gone")),
        (
            "payment_recorder",
            lambda account: baker.make(Staff, account=account, name="Gone", remote_id=1),
        ),
    ],
)
def test_undo_says_when_what_the_rule_named_is_gone(admin_client, account, rule, make):
    record = make(account)
    change_rules(account, {rule: [record] if rule == "facilities" else record}, None)
    [change] = change_rules(account, {rule: [] if rule == "facilities" else None}, None)
    record.delete()
    assert "Nothing was undone." in undo_on_page(admin_client, account, change)
    assert not rules_of(account)[rule]
    assert change.old_words == "Gone"


def test_undo_of_another_accounts_change_is_not_there(admin_client, account):
    other = baker.make(Account, host=Account.Host.SANDBOX)
    [change] = change_rules(other, {"push_inventory": False}, None)
    page = url("leaflink_account_rules_undo", account.pk)
    for number in (change.pk, "x", 10**30, ""):
        assert admin_client.post(page, {"change": number}).status_code == 404
    assert rules_of(other)["push_inventory"] is False


def test_an_impossible_change_leaves_everything_as_it_was(account):
    stranger = baker.make(Staff, account=baker.make(Account), remote_id=1)
    for bad in (
        {"payment_recorder": stranger},
        {"customer_rule": "whatever"},
        {"brake_percent": 101},
        {"status_map": {"created": "Shipped"}},
        {"facilities": [10**6]},
        {"app_key": "x"},
        {"webhook_key": "x"},
        {"host": "x"},
    ):
        with pytest.raises(ValidationError):
            change_rules(account, {"push_inventory": False, **bad}, None)
        assert account.push_inventory
        assert rules_of(account)["push_inventory"] is True
    assert not RuleChange.objects.exists()


def test_a_routing_rule_that_was_deleted_comes_back_where_it_stood(account):
    account.routing_rules.filter(kind="rep").delete()
    change_rules(account, {"routing.rep": True}, None)
    kinds = account.routing_rules.values_list("kind", flat=True)
    assert list(kinds) == ["destination", "rep", "account"]


def test_payments_that_nobody_records_are_warned_about(admin_client, account):
    answer = change_on_rules_page(admin_client, account, push_payments="on")
    said = text_of(admin_client.get(answer.url))
    assert "Payments are sent only when a member of LeafLink's staff records them" in said
    assert Account.objects.get().push_payments_since


def test_a_preset_is_looked_at_and_then_set(admin_client, account):
    page = url("leaflink_account_rules_preset", account.pk, "distru")
    said = text_of(admin_client.get(page))
    assert "Keep prices the same on both sides Off On" in said
    assert not RuleChange.objects.exists()
    admin_client.post(page)
    after = rules_of(account)
    assert after["sync_prices"] is True
    assert after["customer_rule"] == "blank"
    assert "already" in text_of(admin_client.get(page))
    shown = text_of(admin_client.get(url("leaflink_account_rules", account.pk)))
    assert "These are the rules of Distru style" in shown
    assert url("leaflink_account_rules_preset", account.pk, "none")
    assert (
        admin_client.post(url("leaflink_account_rules_preset", account.pk, "x")).status_code == 404
    )


def pages(account, change):
    return (
        (url("leaflink_account_rules", account.pk), {}),
        (url("leaflink_account_rules_undo", account.pk), {"change": change.pk}),
        (url("leaflink_account_rules_preset", account.pk, "distru"), {}),
    )


def test_nobody_changes_rules_without_permission(client, person, account):
    [change] = change_rules(account, {"push_inventory": False}, None)
    before = rules_of(account)
    for page, data in pages(account, change):
        assert client.get(page).status_code in (403, 405)
        assert client.post(page, data).status_code == 403
    may(person, "view_account")
    for page, data in pages(account, change):
        assert client.post(page, data).status_code == 403
    assert rules_of(account) == before
    client.logout()
    for page, data in pages(account, change):
        assert client.post(page, data).status_code == 302
    assert rules_of(account) == before


def test_who_may_only_read_sees_rules_and_no_controls(client, person, account):
    may(person, "view_account")
    change_rules(account, {"push_inventory": False}, None)
    answer = client.get(url("leaflink_account_rules", account.pk))
    said = text_of(answer)
    assert "Nothing about stock is sent." in said
    assert "Undo" not in said
    body = answer.content.decode()
    main = body[body.index('id="lb-rules"') :]
    main = main[: main.index("</form>")]
    assert not re.search(r"<(select|button|textarea|input(?! type=.hidden))", main)


def test_undo_and_presets_need_a_post_for_changing(admin_client, account):
    [change] = change_rules(account, {"push_inventory": False}, None)
    for page, data in pages(account, change):
        admin_client.get(page, data)
    assert rules_of(account)["push_inventory"] is False
    assert RuleChange.objects.count() == 1


def test_keys_are_in_no_history(admin_client, account):
    page = url("leaflink_account_change", account.pk)
    data = {
        "name": "Alder",
        "is_active": "on",
        "new_webhook_key": "brand-new-webhook-key",
        **{
            f"{prefix}-{name}_FORMS": 0
            for prefix in ("brands", "routing_rules")
            for name in ("TOTAL", "INITIAL")
        },
    }
    assert admin_client.post(page, data).status_code == 302
    change_on_rules_page(admin_client, account, push_inventory=None, external_id_key="ours")
    account.refresh_from_db()
    assert account.webhook_key == "brand-new-webhook-key"
    noted = json.dumps(list(RuleChange.objects.values()), default=str)
    shown = admin_client.get(url("leaflink_account_rules", account.pk)).content.decode()
    for text in (noted, shown):
        assert "-app-key" not in text
        assert "-webhook-key" not in text
    assert not {"app_key", "webhook_key"} & set(BY_NAME)


def test_brands_and_routing_on_the_accounts_page_are_noted_too(admin_client, account):
    brand = baker.make(Brand, name="Juniper")
    row = AccountBrand.objects.create(account=account, brand=brand)
    rep = account.routing_rules.get(kind="rep")
    rows = account.routing_rules.all()
    data = {
        "name": account.name,
        "is_active": "on",
        "brands-TOTAL_FORMS": 1,
        "brands-INITIAL_FORMS": 1,
        "brands-0-id": row.pk,
        "brands-0-account": account.pk,
        "brands-0-brand": brand.pk,
        "brands-0-safety_units": "5",
        "routing_rules-TOTAL_FORMS": 3,
        "routing_rules-INITIAL_FORMS": 3,
    }
    for n, rule in enumerate(rows):
        data |= {
            f"routing_rules-{n}-id": rule.pk,
            f"routing_rules-{n}-account": account.pk,
            f"routing_rules-{n}-position": rule.position,
            f"routing_rules-{n}-kind": rule.kind,
        }
        if rule.is_on and rule != rep:
            data[f"routing_rules-{n}-is_on"] = "on"
    assert admin_client.post(url("leaflink_account_change", account.pk), data).status_code == 302
    noted = {change.rule: change for change in RuleChange.objects.exclude(rule="routing")}
    assert set(noted) == {"brands", "routing.rep"}
    assert noted["brands"].about == "Juniper"
    assert noted["brands"].new_words == "Keeps back 5 units."
    said = text_of(admin_client.get(url("leaflink_account_rules", account.pk)))
    assert "Juniper : Keeps back 5 units." in said
    with pytest.raises(RuleMoved, match="where it is edited"):
        undo(noted["brands"], None)
    undo(noted["routing.rep"], None)
    rep.refresh_from_db()
    assert rep.is_on


def test_the_page_costs_the_same_however_long_the_history(
    admin_client, account, admin_user, django_assert_max_num_queries
):
    from django.test.utils import CaptureQueriesContext

    page = url("leaflink_account_rules", account.pk)
    change_rules(account, {"most_shown": "1"}, admin_user)
    admin_client.get(page)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(page)
    for n in range(2, 40):
        change_rules(account, {"most_shown": str(n), "safety_units": str(n)}, admin_user)
        AccountBrand.objects.create(account=account, brand=baker.make(Brand))
    with django_assert_max_num_queries(len(few)):
        answer = admin_client.get(page)
    assert len(few) <= 22
    # Of each rule the newest are shown, the older ones are kept.
    assert len(RuleChange.objects.filter(rule="most_shown")) == 39
    assert "38 units → 39 units" in text_of(answer)
    assert "5 units → 6 units" not in text_of(answer)


def test_every_rule_has_its_place_and_a_label_on_the_page(admin_client, account):
    body = admin_client.get(url("leaflink_account_rules", account.pk)).content.decode()
    for rule in RULES:
        assert f'id="rule-{rule.name}"' in body
        assert f'id="effect-{rule.name}"' in body
    # Groups that have no rules of their own are not on it.
    assert "#group-stock" in body


def test_save_leads_back_to_where_one_came_from(admin_client, account):
    back = url("leaflink_order_changelist")
    page = url("leaflink_account_rules", account.pk)
    form = admin_client.get(page).context["form"]
    data = {name: form[name].value() for name in form.fields}
    given = {name: value for name, value in data.items() if value not in (None, False)}
    assert admin_client.post(f"{page}?next={back}", given).url == back
    elsewhere = admin_client.post(f"{page}?next=https://evil.example/", given)
    assert elsewhere.url.startswith(page)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_the_second_sees_what_the_first_did(account, admin_user):
    seen, told = read(account), []

    def second():
        try:
            change_rules(
                Account.objects.get(pk=account.pk), {"most_shown": "9"}, admin_user, seen=seen
            )
        except RuleMoved as moved:
            told.append(str(moved))
        finally:
            connection.close()

    with transaction.atomic():
        change_rules(account, {"most_shown": "5"}, admin_user, seen=seen)
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive(), "The second has to wait for the first."
        # What only refers to the account is not held up.
        baker.make(Staff, account=account, remote_id=1)
    thread.join(10)
    assert "“Shown at the most” is 5 units now" in told[0]
    assert rules_of(account)["most_shown"] == "5"
    assert RuleChange.objects.count() == 1
