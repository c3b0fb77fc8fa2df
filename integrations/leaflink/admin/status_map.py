"""The table on the page of rules that says which LeafLink status follows from ours."""

from typing import Any

from django import forms

from integrations.leaflink.mapping.status_rules import (
    PRESETS,
    Preset,
    possible_targets,
    preset_of,
    problems,
)
from orders.status import Status

PREFIX = "status_map_"
MAP_FIELDS = [f"{PREFIX}{status.value}" for status in Status]
OWN = "own"
STATUS_HELP = (
    "When a sales order gets to one of these statuses, LeafLink's order is moved there, one step "
    "at a time. It never goes back: LeafLink has no way back. A preset fills the table; change a "
    "row, and the table counts."
)
PRESET_CHOICES = [
    (Preset.FLOURISH.value, "Flourish style: from the first allocation to shipping"),
    (Preset.DISTRU.value, "Distru style: from import to completion"),
    (Preset.OFF.value, "Not at all"),
    (OWN, "As in the table below"),
]


def _row(status: Status) -> forms.ChoiceField:
    nothing = "No change"
    choices = [("", nothing), *[(t.value, t.value) for t in possible_targets(status)]]
    presets = {f"data-{name}": table.get(status.value, "") for name, table in PRESETS.items()}
    return forms.ChoiceField(
        label=f"{status.label} here → in LeafLink",
        choices=choices,
        required=False,
        widget=forms.Select(attrs=presets),
    )


class StatusMapForm(forms.ModelForm):  # type: ignore[type-arg]
    """A row for each of our statuses, and a choice of presets that fills them."""

    status_preset = forms.ChoiceField(
        label="Preset",
        choices=PRESET_CHOICES,
        widget=forms.Select(attrs={"data-status-preset": ""}),
    )
    status_map_created = _row(Status.CREATED)
    status_map_partially_allocated = _row(Status.PARTIALLY_ALLOCATED)
    status_map_allocated = _row(Status.ALLOCATED)
    status_map_shipped = _row(Status.SHIPPED)
    status_map_completed = _row(Status.COMPLETED)
    status_map_canceled = _row(Status.CANCELED)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        table = self.instance.status_map
        if "status_preset" in self.fields:
            self.fields["status_preset"].initial = preset_of(table) or OWN
        for status in Status:
            name = f"{PREFIX}{status.value}"
            if name in self.fields:
                self.fields[name].initial = table.get(status.value, "")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        data = self.cleaned_data
        table = {
            status.value: data[f"{PREFIX}{status.value}"]
            for status in Status
            if data.get(f"{PREFIX}{status.value}")
        }
        preset = data.get("status_preset", OWN)
        rows_changed = set(self.changed_data) & set(MAP_FIELDS)
        if preset != OWN and not (rows_changed and "status_preset" not in self.changed_data):
            table = dict(PRESETS[preset])
        for local, text in problems(table).items():
            self.add_error(f"{PREFIX}{local}", text)
        data["status_map"] = table
        return cleaned
