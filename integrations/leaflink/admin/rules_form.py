"""The form on the page of an account's rules: a control for each, whichever kind it is."""

import json
from decimal import Decimal
from typing import Any

from django import forms
from django.db import models

from catalog.decimals import plain
from integrations.leaflink.admin.status_map import MAP_FIELDS, StatusMapForm
from integrations.leaflink.mapping.statuses import IMPORTABLE
from integrations.leaflink.models import Account
from integrations.leaflink.models.accounts import CAN_LEAD
from integrations.leaflink.rule_values import read
from integrations.leaflink.rules import RULES, Rule

FIELDS = [rule.name for rule in RULES if not rule.routing_kind and rule.name != "status_map"]
STATUS_FIELDS = ["status_preset", *MAP_FIELDS]
MANY = {"import_statuses": IMPORTABLE, "lead_statuses": CAN_LEAD}


def _control(field: "models.Field[Any, Any]", **options: Any) -> Any:
    """Plain controls, so that the page works on a phone, by keyboard, and without scripts."""
    if isinstance(field, models.ManyToManyField):
        options["widget"] = forms.CheckboxSelectMultiple
    elif isinstance(field, models.DateTimeField):
        options["widget"] = forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"
        )
    elif isinstance(field, models.TextField):
        options["widget"] = forms.Textarea(attrs={"rows": 3})
    return field.formfield(**options)


class RulesForm(StatusMapForm):
    """All rules of an account. `values()` is what the person set; it saves nothing by itself."""

    seen = forms.CharField(
        widget=forms.HiddenInput,
        error_messages={"required": "The page had not arrived whole. Open it again."},
    )
    import_statuses = forms.MultipleChoiceField(
        choices=[(status, status) for status in IMPORTABLE],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    lead_statuses = forms.MultipleChoiceField(
        choices=[(status, status) for status in CAN_LEAD],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    class Meta:
        model = Account
        fields = tuple(FIELDS)
        formfield_callback = _control

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        present = read(self.instance)
        self.fields["seen"].initial = json.dumps(present)
        for rule in RULES:
            if rule.routing_kind:
                self.fields[rule.name] = forms.BooleanField(
                    required=False, initial=present[rule.name]
                )
        for name, value in self.initial.items():
            if isinstance(value, Decimal):
                self.initial[name] = plain(value)
        recorder: Any = self.fields["payment_recorder"]
        recorder.queryset = recorder.queryset.filter(account=self.instance)
        for rule in RULES:
            for name in fields_of(rule.name):
                self._dress(name, rule.name)

    def _dress(self, name: str, rule: str) -> None:
        field = self.fields[name]
        field.help_text = ""
        described = f"effect-{rule}" + (f" error-{rule}" if self.is_bound else "")
        field.widget.attrs["aria-describedby"] = described
        if not isinstance(field.widget, forms.CheckboxInput | forms.CheckboxSelectMultiple):
            field.widget.attrs["class"] = "lb-input"
        if isinstance(field, forms.ModelChoiceField) and not isinstance(
            field, forms.ModelMultipleChoiceField
        ):
            field.empty_label = "Nobody" if rule != "default_facility" else "None"

    def clean_seen(self) -> dict[str, Any]:
        try:
            seen = json.loads(self.cleaned_data["seen"])
        except json.JSONDecodeError:
            seen = None
        if not isinstance(seen, dict):
            raise forms.ValidationError("The page had not arrived whole. Open it again.")
        return seen

    def mistakes(self) -> list[tuple[Rule, str]]:
        """What is wrong, by rule, in the order of the page."""
        errors = {name: texts[0] for name, texts in self.errors.items()}
        return [
            (rule, str(errors[name]))
            for rule in RULES
            for name in fields_of(rule.name)
            if name in errors
        ]

    def values(self) -> dict[str, Any]:
        """The rules that are not as they were, by name. Only after `is_valid()`."""
        changed = {name for name in self.changed_data if name in {*FIELDS, *_SWITCHES}}
        values = {name: self.cleaned_data[name] for name in changed}
        if set(self.changed_data) & set(STATUS_FIELDS):
            values["status_map"] = self.cleaned_data["status_map"]
        return values


_SWITCHES = [rule.name for rule in RULES if rule.routing_kind]


def fields_of(rule: str) -> list[str]:
    """The names of the controls that make up a rule."""
    return STATUS_FIELDS if rule == "status_map" else [rule]
