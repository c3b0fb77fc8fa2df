"""Setting all of an account's rules at once, in the style of a system one knows."""

from dataclasses import dataclass
from typing import Any

from integrations.leaflink.change_rules import change_rules
from integrations.leaflink.mapping import rule_presets
from integrations.leaflink.mapping.rule_presets import RULE_PRESETS, RulePreset
from integrations.leaflink.models import Account, RuleChange
from integrations.leaflink.rule_values import Value, read, store, words
from integrations.leaflink.rules import BY_NAME, RULES


@dataclass(frozen=True)
class PresetStep:
    """A rule that a preset would change: before and after in words, what the new value brings
    about, and what the change itself sets off ("" for nothing much)."""

    label: str
    before: str
    after: str
    effect: str
    outcome: str


def values_of(preset: RulePreset) -> dict[str, Value]:
    """The stored values of the rules that the preset speaks of, by name."""
    table = RULE_PRESETS[preset]
    return {name: store(BY_NAME[name], value) for name, value in table.items()}


def preset_of(account: Account) -> RulePreset | None:
    """The preset that the account's rules are; None when they are its own mixture."""
    return rule_presets.preset_of(read(account))


def preview_preset(account: Account, preset: RulePreset) -> list[PresetStep]:
    """What applying the preset would change, in the order of the page of rules; nothing is."""
    present, wanted = read(account), values_of(preset)
    steps = []
    for rule in RULES:
        if rule.name not in wanted or present[rule.name] == wanted[rule.name]:
            continue
        old, new = present[rule.name], wanted[rule.name]
        after = words(rule, new)
        steps.append(
            PresetStep(
                rule.label,
                words(rule, old),
                after,
                rule.effect(new, after),
                rule.outcome(old, new),
            )
        )
    return steps


def apply_preset(account: Account, preset: RulePreset, by: Any) -> list[RuleChange]:
    """Set all rules that the preset speaks of, and note each change. Returns the changes."""
    return change_rules(account, values_of(preset), by, by_way_of=preset.label)
