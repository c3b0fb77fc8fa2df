"""Changing an account's rules: the one way, from whichever page, with a history and a way back.

The account's row is locked first, then read: of two people who change rules at the same time the
second sees what the first did. Nothing here calls LeafLink.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from integrations.leaflink.compare_listings import settle
from integrations.leaflink.models import Account, RoutingRule, RuleChange
from integrations.leaflink.models.routing import STARTING_RULES
from integrations.leaflink.rule_values import (
    Value,
    check_known,
    field_of,
    load,
    read,
    store,
    words,
)
from integrations.leaflink.rules import BY_NAME, RULES, Rule


class RuleMoved(Exception):
    """A rule is no longer what the person saw; the text says what it is now."""


@transaction.atomic
def change_rules(
    account: Account,
    values: Mapping[str, Any],
    by: Any,
    *,
    seen: Mapping[str, Value] | None = None,
    by_way_of: str = "",
) -> list[RuleChange]:
    """Give rules of `account` new values (models', forms' or stored ones, by rule name), and note
    each change as `by`'s. Returns the changes; none when all were so already.

    `seen` are the stored values that the person had before them: what they left as it was there is
    not theirs to change, and RuleMoved says when somebody else changed a rule meanwhile.
    ValidationError (by rule) when a value is impossible. Either way nothing is changed.
    `account` itself gets the new values.
    """
    check_known(values)
    locked, before = _lock(account)
    wanted = {name: store(BY_NAME[name], value) for name, value in values.items()}
    if seen is not None:
        wanted = {name: value for name, value in wanted.items() if seen.get(name) != value}
        _check_unmoved(wanted, seen, before)
    wanted = {name: value for name, value in wanted.items() if before[name] != value}
    if not wanted:
        return []
    if {"push_details", "sync_prices"} & set(wanted):
        # What differed while the rule was off is left so: switching it on sends nothing.
        settle(locked)
    _write(locked, wanted)
    changes = [
        RuleChange(
            account=account,
            rule=rule.name,
            old=before[rule.name],
            new=wanted[rule.name],
            old_words=words(rule, before[rule.name]),
            new_words=words(rule, wanted[rule.name]),
            by=by,
            by_way_of=by_way_of,
        )
        for rule in RULES
        if rule.name in wanted
    ]
    for change in changes:
        change.save()
    account.refresh_from_db()
    return changes


@transaction.atomic
def undo(change: RuleChange, by: Any) -> RuleChange:
    """Give the rule back the value it had before `change`, which is a change of its own.

    RuleMoved when the rule is no longer what the change made it; ValidationError when the old value
    is not possible any more.
    """
    account, rule = change.account, BY_NAME.get(change.rule)
    if rule is None:
        raise RuleMoved("It can't be undone here: change it where it is edited.")
    present = _lock(account)[1][rule.name]
    if RuleChange.objects.filter(undoes=change).exists():
        raise RuleMoved(f"“{rule.label}” was undone already.")
    if present != change.new:
        raise RuleMoved(
            f"“{rule.label}” was changed again since: it is {words(rule, present)} now. Undo the "
            "newer change first, or set it by hand."
        )
    [undone] = change_rules(account, {rule.name: change.old}, by, by_way_of="Undo")
    undone.undoes = change
    RuleChange.objects.filter(pk=undone.pk).update(undoes=change)
    return undone


def _lock(account: Account) -> tuple[Account, dict[str, Value]]:
    """The account, its row locked until the transaction ends, and its rules as they are then. Rows
    that only refer to the account (orders, work) can be written meanwhile."""
    rows = Account.objects.select_for_update(no_key=True, of=("self",))
    locked = rows.get(pk=account.pk)
    return locked, read(locked)


def _check_unmoved(
    wanted: Iterable[str], seen: Mapping[str, Value], present: Mapping[str, Value]
) -> None:
    moved = [
        f"“{BY_NAME[name].label}” is {words(BY_NAME[name], present[name])} now"
        for name in wanted
        if name in seen and present[name] != seen[name]
    ]
    if moved:
        raise RuleMoved(
            f"Somebody changed rules while you looked at them: {'; '.join(moved)}. Nothing was "
            "saved. Look at them again."
        )


def _write(account: Account, wanted: Mapping[str, Value]) -> None:
    rules = [BY_NAME[name] for name in wanted]
    fields = [rule for rule in rules if not rule.routing_kind and not _is_many(rule)]
    for rule in fields:
        setattr(account, field_of(rule).attname, load(rule, wanted[rule.name]))
    others = {field.name for field in Account._meta.fields} - {rule.name for rule in fields}
    account.clean_fields(exclude=others)
    account.clean()
    if fields:
        account.save(update_fields=[rule.name for rule in fields])
    for rule in rules:
        if _is_many(rule):
            _set_many(account, rule, wanted[rule.name])
        elif rule.routing_kind:
            _switch_routing(account, rule.routing_kind, is_on=wanted[rule.name])


def _is_many(rule: Rule) -> bool:
    return not rule.routing_kind and isinstance(field_of(rule), models.ManyToManyField)


def _set_many(account: Account, rule: Rule, keys: list[int]) -> None:
    related: Any = field_of(rule).related_model
    there = set(related.objects.filter(pk__in=keys).values_list("pk", flat=True))
    if there != set(keys):
        raise ValidationError({rule.name: f"{words(rule, keys)}: choose among those that exist."})
    getattr(account, rule.name).set(keys)


def _switch_routing(account: Account, kind: str, *, is_on: bool) -> None:
    """One that somebody deleted comes back where it stood at the start."""
    places = {one: 10 * n for n, (one, _) in enumerate(STARTING_RULES, start=1)}
    RoutingRule.objects.update_or_create(
        account=account,
        kind=kind,
        defaults={"is_on": is_on},
        create_defaults={"is_on": is_on, "position": places[RoutingRule.Kind(kind)]},
    )
