"""Step 6: the rules, by the style of a system one knows, each in plain words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from integrations.leaflink import setup_steps
from integrations.leaflink.admin.setup.frame import on_from, show
from integrations.leaflink.change_rules import change_rules
from integrations.leaflink.mapping.rule_presets import RulePreset
from integrations.leaflink.models import Account
from integrations.leaflink.rule_presets import apply_preset, preset_of, values_of
from integrations.leaflink.rule_values import in_words, words
from integrations.leaflink.rules import RULES

KEEP = "keep"


@dataclass(frozen=True)
class Compared:
    """A rule on which the two styles differ, and what each brings about."""

    label: str
    flourish: str
    distru: str


def rules(request: HttpRequest, account: Account) -> HttpResponse:
    """Choose a style, and from when on orders come in."""
    if request.method == "POST":
        try:
            _save(request, account)
        except ValidationError as error:
            for text in error.messages:
                messages.error(request, text)
            return _page(request, account)
        setup_steps.confirm(account, "rules")
        return on_from(account, "rules")
    return _page(request, account)


def _save(request: HttpRequest, account: Account) -> None:
    since = _since(request.POST.get("since", ""), request.POST.get("day", ""))
    chosen = request.POST.get("preset", "")
    if chosen not in (KEEP, *RulePreset):
        raise ValidationError("Choose one of the styles, or keep the rules as they are.")
    if chosen != KEEP:
        apply_preset(account, RulePreset(chosen), request.user)
    if since != KEEP:
        change_rules(account, {"import_since": since}, request.user, by_way_of="Set-up")


def _since(choice: str, day: str) -> datetime | str | None:
    """From when on orders come in; None: however old they are; KEEP: as it is now."""
    if choice == "open":
        return None
    if choice == KEEP:
        return KEEP
    if choice == "now":
        return timezone.now()
    if choice != "day":
        raise ValidationError("Say which orders come in.")
    try:
        return timezone.make_aware(datetime.strptime(day, "%Y-%m-%d"))
    except ValueError:
        raise ValidationError("Give the day from which orders come in.") from None


def compared() -> list[Compared]:
    """The rules on which the styles differ, in the order of the page of rules."""
    flourish, distru = values_of(RulePreset.FLOURISH), values_of(RulePreset.DISTRU)

    def effect(rule: Any, value: Any) -> str:
        return str(rule.effect(value, words(rule, value)))

    return [
        Compared(rule.label, effect(rule, flourish[rule.name]), effect(rule, distru[rule.name]))
        for rule in RULES
        if rule.name in flourish and flourish[rule.name] != distru[rule.name]
    ]


def _page(request: HttpRequest, account: Account) -> HttpResponse:
    since = account.import_since
    confirmed = setup_steps.is_confirmed(account, "rules")
    preset = preset_of(account)
    chosen = request.POST.get("preset") or (
        (preset.value if preset else KEEP) if confirmed else RulePreset.FLOURISH.value
    )
    return show(
        request,
        account,
        "rules",
        "rules",
        compared=compared(),
        groups=in_words(account),
        chosen=chosen,
        since=request.POST.get("since") or (KEEP if since else "open"),
        kept=since,
        day=request.POST.get("day", ""),
        is_live=not account.in_setup,
    )
