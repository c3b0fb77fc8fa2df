"""docs/rules.md says of every rule what the registry says."""

from pathlib import Path

from integrations.leaflink.mapping.rule_presets import RULE_PRESETS, RulePreset
from integrations.leaflink.rule_values import default_of, field_of, store, words
from integrations.leaflink.rules import RULES, Group

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def others(rule, default):
    """The sentences of the other values: of each choice, or of one that stands for all."""
    if isinstance(default, bool):
        yield "On" if not default else "Off", not default
    elif rule.name in ("status_map", "lead_statuses"):
        for preset in ({}, RULE_PRESETS[RulePreset.DISTRU][rule.name], ["Shipped"]):
            if isinstance(preset, type(default)) and preset != default:
                yield words(rule, preset), preset
    elif not rule.routing_kind and field_of(rule).choices:
        for value, label in field_of(rule).flatchoices:
            if value != default:
                yield label, value
    elif default in (None, "", []):
        yield "…", "…"
    else:
        yield rule.empty, [] if isinstance(default, list) else None


def tables():
    lines = []
    for group in Group:
        rules = [rule for rule in RULES if rule.group == group]
        if rules:
            lines += [f"## {group.value}", "", "| Rule | Default | Otherwise |", "|---|---|---|"]
        for rule in rules:
            default = default_of(rule)
            said = words(rule, default)
            rest = "<br>".join(
                f"*{word}*: {rule.effect(value, word)}" for word, value in others(rule, default)
            )
            row = f"| **{rule.label}** | *{said}*: {rule.effect(default, said)} | {rest} |"
            lines.append(row)
        if rules:
            lines.append("")
    lines += ["## The presets", "", "| Rule | Flourish style | Distru style |", "|---|---|---|"]
    for rule in RULES:
        if rule.name in RULE_PRESETS[RulePreset.FLOURISH]:
            both = [words(rule, store(rule, RULE_PRESETS[p][rule.name])) for p in RulePreset]
            lines.append(f"| {rule.label} | {' | '.join(both)} |")
    return "\n".join(lines)


def test_the_guide_says_of_every_rule_what_the_page_says():
    text = tables()
    assert text in PAGE.read_text(), f"Put this into docs/rules.md:\n\n{text}"
