"""The table on an account's page that says how LeafLink's statuses and ours follow each other."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from integrations.leaflink.mapping.status_rules import (
    PRESETS,
    Preset,
    possible_targets,
    preset_of,
    problems,
)
from integrations.leaflink.models.accounts import CAN_LEAD
from orders.status import Status

PREFIX = "status_map_"
MAP_FIELDS = [f"{PREFIX}{status.value}" for status in Status]
# Two by two on the page.
MAP_ROWS = list(zip(MAP_FIELDS[::2], MAP_FIELDS[1::2], strict=True))
OWN = "own"
STATUS_HELP = (
    "When a sales order gets to one of these statuses, LeafLink's order is moved there, one step "
    "at a time. It never goes back: LeafLink has no way back."
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
        widget=UnfoldAdminSelectWidget(attrs=presets),
    )


class StatusMapForm(forms.ModelForm):  # type: ignore[type-arg]
    """A row for each of our statuses, a choice of presets that fills them, and which of LeafLink's
    statuses ours follow."""

    status_preset = forms.ChoiceField(
        label="Preset",
        choices=PRESET_CHOICES,
        widget=UnfoldAdminSelectWidget(attrs={"data-status-preset": ""}),
        help_text="A preset fills the table. Change a row, and the table counts.",
    )
    status_map_created = _row(Status.CREATED)
    status_map_partially_allocated = _row(Status.PARTIALLY_ALLOCATED)
    status_map_allocated = _row(Status.ALLOCATED)
    status_map_shipped = _row(Status.SHIPPED)
    status_map_completed = _row(Status.COMPLETED)
    status_map_canceled = _row(Status.CANCELED)
    lead_statuses = forms.MultipleChoiceField(
        label="Our orders follow LeafLink's",
        choices=[(status, status) for status in CAN_LEAD],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        required=False,
        help_text=(
            "When somebody moves an order there in LeafLink by hand, ours is allocated, shipped or "
            "completed by itself, if all goods are on the shelf. Otherwise, and when this is not "
            "ticked, the order waits for you with a button that does it. Rejected, cancelled and "
            "combined orders are always canceled here."
        ),
    )

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
