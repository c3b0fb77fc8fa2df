"""An account's rules as plain values, and in words.

A stored value is what JSON can hold: true or false, a text, a number as text ("2.5"), the key of a
record or a list of keys, a moment in ISO format, a list of statuses, a table of statuses; None (or
"", or an empty list) where there is none.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import formats, timezone

from catalog.decimals import plain, units, with_thousands
from integrations.leaflink.mapping.statuses import IMPORTABLE
from integrations.leaflink.models import Account, RoutingRule
from integrations.leaflink.models.accounts import CAN_LEAD
from integrations.leaflink.models.routing import STARTING_RULES
from integrations.leaflink.rules import BY_NAME, RULES, Group, Rule
from orders.status import Status

Value = Any

_IN_ORDER = {"import_statuses": list(IMPORTABLE), "lead_statuses": list(CAN_LEAD)}


@dataclass(frozen=True)
class RuleInWords:
    """One rule of one account, ready to be shown."""

    name: str
    label: str
    words: str
    effect: str
    default: str
    is_default: bool


@dataclass(frozen=True)
class GroupInWords:
    name: Group
    rules: list[RuleInWords]


def field_of(rule: Rule) -> "models.Field[Any, Any]":
    """The rule's field of `Account`."""
    field = Account._meta.get_field(rule.name)
    assert isinstance(field, models.Field)
    return field


def store(rule: Rule, value: Any) -> Value:
    """`value` (a model's, a form's, or stored already) as it is stored; equal ones become the same.

    A related record may be given as itself or as its key.
    """
    if rule.routing_kind:
        return bool(value)
    if rule.name in _IN_ORDER:
        known = _IN_ORDER[rule.name]
        return sorted(value, key=lambda one: known.index(one) if one in known else len(known))
    if rule.name == "status_map":
        return {local: remote for local, remote in value.items() if remote}
    field = field_of(rule)
    if isinstance(field, models.ManyToManyField):
        return sorted({_key(one) for one in value})
    if isinstance(field, models.ForeignKey):
        return None if value in (None, "") else _key(value)
    if isinstance(field, models.TextField) and isinstance(value, str):
        return value.replace("\r\n", "\n").strip()
    value = field.to_python(value)
    if isinstance(value, Decimal):
        return plain(units(value))
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def _key(record: Any) -> int:
    return int(record.pk if isinstance(record, models.Model) else record)


def load(rule: Rule, value: Value) -> Any:
    """A stored value as the model's field takes it. ValidationError: it never fitted there."""
    if rule.routing_kind or rule.name in _IN_ORDER or rule.name == "status_map":
        return value
    field = field_of(rule)
    if isinstance(field, models.ManyToManyField | models.ForeignKey):
        return value
    return field.to_python(value)


def default_of(rule: Rule) -> Value:
    """The value that a new account has."""
    if rule.routing_kind:
        return dict(STARTING_RULES)[RoutingRule.Kind(rule.routing_kind)]
    field = field_of(rule)
    many = isinstance(field, models.ManyToManyField)
    return store(rule, [] if many else field.get_default())


def read(account: Account) -> dict[str, Value]:
    """All of an account's rules as stored values, by name. The account is not read again, but what
    is kept beside it is, in two queries."""
    is_on = dict(RoutingRule.objects.filter(account=account).values_list("kind", "is_on"))
    found: dict[str, Value] = {}
    for rule in RULES:
        if rule.routing_kind:
            found[rule.name] = is_on.get(rule.routing_kind, False)
            continue
        field = field_of(rule)
        if isinstance(field, models.ManyToManyField):
            kept: Any = account.facilities.all() if account.pk else []
        else:
            kept = getattr(account, field.attname)
        found[rule.name] = store(rule, kept)
    return found


def words(rule: Rule, value: Value) -> str:
    """A stored value as a person would say it. Names are looked up; a record that was deleted is
    called so."""
    if isinstance(value, bool):
        return "On" if value else "Off"
    if rule.name == "status_map":
        steps = [f"{one.label} → {value[one]}" for one in Status if value.get(one)]
        return ", ".join(steps) or rule.empty
    if rule.name in _IN_ORDER:
        return " or ".join(value) or rule.empty
    field = field_of(rule)
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if value in (None, "", []):
        return rule.empty
    if isinstance(field, models.ManyToManyField | models.ForeignKey):
        return _names(field, value if isinstance(value, list) else [value])
    found = field.to_python(value)
    if isinstance(found, datetime):
        return formats.date_format(timezone.localtime(found), "j F Y, H:i")
    if isinstance(found, Decimal | int):
        return with_thousands(Decimal(found)) + rule.unit
    return ", ".join(str(found).split("\n"))


def _names(field: Any, keys: Collection[int]) -> str:
    there = {row.pk: str(row) for row in field.related_model._default_manager.filter(pk__in=keys)}
    names = sorted(there[key] for key in keys if key in there)
    gone = len(keys) - len(names)
    if gone:
        names.append("one that was deleted" if gone == 1 else f"{gone} that were deleted")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def in_words(account: Account) -> list[GroupInWords]:
    """Every rule of an account, in its groups: value and default in words, and the effect. Groups
    without rules are left out. A constant number of queries."""
    values = read(account)
    return [
        GroupInWords(group, rules)
        for group in Group
        if (rules := [_shown(rule, values) for rule in RULES if rule.group == group])
    ]


def _shown(rule: Rule, values: Mapping[str, Value]) -> RuleInWords:
    value, default = values[rule.name], default_of(rule)
    said = words(rule, value)
    return RuleInWords(
        rule.name,
        rule.label,
        said,
        rule.effect(value, said),
        words(rule, default),
        value == default,
    )


def check_known(names: Collection[str]) -> None:
    """Raise ValidationError when one of these is no rule. Keys never are."""
    if unknown := sorted(set(names) - set(BY_NAME)):
        raise ValidationError(f"{', '.join(unknown)} can't be changed as a rule of an account.")
