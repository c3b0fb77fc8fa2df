"""The registry of an account's rules: complete, in words, and set all at once by presets."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given as examples
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from model_bakery import baker

from catalog.models import Facility
from customers.models import SalesRep
from integrations.leaflink.mapping.rule_presets import LEFT_ALONE, RULE_PRESETS, RulePreset
from integrations.leaflink.mapping.status_rules import PRESETS as STATUS_PRESETS
from integrations.leaflink.models import Account, RuleChange, Staff
from integrations.leaflink.rule_presets import apply_preset, preset_of, preview_preset
from integrations.leaflink.rule_values import default_of, field_of, in_words, read, store, words
from integrations.leaflink.rules import BY_NAME, NO_RULES, RULES, Group

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return baker.make(
        Account, name="Alder Peak", host=Account.Host.SANDBOX, app_key="secret-app-key"
    )


def test_every_field_of_an_account_is_a_rule_or_said_to_be_none():
    fields = {field.name for field in [*Account._meta.fields, *Account._meta.many_to_many]}
    rules = {rule.name for rule in RULES if not rule.routing_kind}
    assert fields - NO_RULES == rules, "Add a new field to RULES in rules.py, or to NO_RULES."
    assert len(BY_NAME) == len(RULES)


def test_presets_speak_of_every_rule_that_is_not_about_one_business():
    for table in RULE_PRESETS.values():
        assert set(table) == set(BY_NAME) - LEFT_ALONE


def values_to_try(rule):
    if rule.routing_kind or field_of(rule).get_internal_type() == "BooleanField":
        return [True, False]
    if rule.name == "import_statuses":
        return [[], ["Submitted"], ["Submitted", "Backorder"]]
    if rule.name == "lead_statuses":
        return [[], ["Shipped", "Complete"]]
    if rule.name == "status_map":
        return [*STATUS_PRESETS.values(), {"shipped": "Shipped"}]
    field = field_of(rule)
    if field.choices:
        return [choice for choice, _ in field.flatchoices]
    kind = field.get_internal_type()
    if kind == "ManyToManyField":
        shops = [baker.make(Facility, name=name).pk for name in ("Oakland", "Reno")]
        return [[], shops[:1], shops, [*shops, 10**6]]
    if kind == "ForeignKey":
        return [None, baker.make(field.related_model, name="Dana Ruiz").pk, 10**6]
    if kind == "DateTimeField":
        return [None, "2026-03-01T08:00:00+00:00"]
    if kind == "CharField" or kind == "TextField":
        return ["", "a-word"]
    return [None, "1", "25"] if kind == "DecimalField" else [None, 1, 25]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_value_has_words_and_a_sentence_of_its_own(rule):
    effects = set()
    tried = values_to_try(rule)
    for value in tried:
        said = words(rule, value)
        effect = rule.effect(value, said)
        effects.add(effect)
        for text in (said, effect):
            assert text
            assert text == text.strip()
            assert not any(raw in text for raw in ("{", "}", "[", "_", "None", "True", "False"))
        assert effect[0].isupper()
        assert effect.endswith(".")
        for other in tried:
            outcome = rule.outcome(other, value)
            assert not outcome or outcome.endswith(".")
    assert len(effects) >= 2
    assert words(rule, default_of(rule))


def test_choices_are_called_by_their_labels_never_by_what_is_stored():
    for rule in RULES:
        if not rule.routing_kind and field_of(rule).choices:
            for value, label in field_of(rule).flatchoices:
                assert words(rule, value) == label


def test_a_new_account_has_the_defaults(account):
    assert read(account) == {rule.name: default_of(rule) for rule in RULES}
    assert all(rule.is_default for group in in_words(account) for rule in group.rules)


def test_an_account_in_words(account):
    oakland = baker.make(Facility, name="Oakland")
    account.facilities.add(oakland, baker.make(Facility, name="Reno"))
    account.safety_units, account.push_inventory = Decimal("2.5000"), False
    account.save()
    groups = in_words(Account.objects.get(pk=account.pk))
    assert [group.name for group in groups] == [
        group for group in Group if any(rule.group == group for rule in RULES)
    ]
    said = {rule.name: rule for group in groups for rule in group.rules}
    assert set(said) == set(BY_NAME)
    assert said["facilities"].words == "Oakland and Reno"
    assert said["safety_units"].words == "2.5 units"
    assert said["push_inventory"].effect == "Nothing about stock is sent."
    assert not said["push_inventory"].is_default
    assert said["push_inventory"].default == "On"


def test_words_cost_the_same_however_many_records_they_name(account, django_assert_max_num_queries):
    baker.make(Facility, _quantity=30)
    account.facilities.set(Facility.objects.all())
    account.default_facility = Facility.objects.first()
    account.fallback_rep = baker.make(SalesRep)
    account.payment_recorder = baker.make(Staff, account=account, remote_id=1)
    account.save()
    with django_assert_max_num_queries(6):
        in_words(account)


@pytest.mark.parametrize("preset", RulePreset)
def test_a_preset_sets_all_its_rules_at_once_and_nothing_else(account, admin_user, preset):
    account.safety_units = Decimal(3)
    account.save()
    left = {name: value for name, value in read(account).items() if name in LEFT_ALONE}
    steps = preview_preset(account, preset)
    changes = apply_preset(account, preset, admin_user)
    assert preset_of(Account.objects.get(pk=account.pk)) is preset
    assert [(step.before, step.after) for step in steps] == [
        (change.old_words, change.new_words) for change in changes
    ]
    present = read(Account.objects.get(pk=account.pk))
    assert {name: present[name] for name in LEFT_ALONE & set(BY_NAME)} == left
    assert {change.by_way_of for change in changes} == {preset.label}
    assert preview_preset(account, preset) == []
    assert apply_preset(account, preset, admin_user) == []


def test_presets_differ_where_the_two_systems_do(account, admin_user):
    apply_preset(account, RulePreset.FLOURISH, admin_user)
    changed = {step.label: step.after for step in preview_preset(account, RulePreset.DISTRU)}
    assert changed["Keep prices the same on both sides"] == "On"
    assert changed["A new customer"].startswith("Import the order without one")
    assert changed["LeafLink follows our orders"].startswith("Created → Accepted")
    assert preset_of(account) is RulePreset.FLOURISH
    assert len(changed) == len([n for n in BY_NAME if n not in LEFT_ALONE and _differs(n)])


def _differs(name):
    one, other = (RULE_PRESETS[preset] for preset in RulePreset)
    return one[name] != other[name]


SWITCHES = [rule for rule in RULES if rule.name in RULE_PRESETS[RulePreset.FLOURISH]]
STARTS = {
    rule.name: st.sampled_from(
        [table[rule.name] for table in RULE_PRESETS.values()] + [default_of(rule)]
    )
    for rule in SWITCHES
}


class FromAnywhere(TestCase):
    @hypothesis_settings(max_examples=15)
    @examples(start=st.fixed_dictionaries(STARTS), order=st.permutations(list(RulePreset)))
    def test_presets_lead_to_the_same_rules_from_wherever_one_starts(self, start, order):
        from integrations.leaflink.change_rules import change_rules

        account = baker.make(Account, host=Account.Host.SANDBOX)
        change_rules(account, start, None)
        for preset in order:
            before = read(account)
            changes = apply_preset(account, preset, None)
            present = read(Account.objects.get(pk=account.pk))
            expected = {n: store(BY_NAME[n], v) for n, v in RULE_PRESETS[preset].items()}
            assert {name: present[name] for name in expected} == expected
            moved = {name for name in present if present[name] != before[name]}
            assert {change.rule for change in changes} == moved
        pairs = itertools.pairwise(
            RuleChange.objects.filter(account=account).order_by("rule", "pk")
        )
        assert all(one.new == two.old for one, two in pairs if one.rule == two.rule)
