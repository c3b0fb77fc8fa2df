"""The form of a transfer template. Only what was changed on the page that was shown is written."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from integrations.metrc.mapping.template_times import NoSuchTime, moment_of, on_the_clock
from integrations.metrc.mapping.template_words import plain_number
from integrations.metrc.models import PackageAssignment, TransferTemplate

_INPUT = {"class": "lb-input", "autocomplete": "off"}
LARGEST = Decimal(10) ** 8
# What a field showed when the page was made, so that an old page overwrites nothing.
WAS = "was-"


def _text(name: str, **more: Any) -> forms.CharField:
    column: Any = TransferTemplate._meta.get_field(name)
    label = str(column.verbose_name)
    return forms.CharField(
        label=label[0].upper() + label[1:],
        required=False,
        max_length=column.max_length or 2000,
        widget=more.pop("widget", None) or forms.TextInput(_INPUT),
        **more,
    )


class ClockField(forms.DateTimeField):
    """A time by the facility's clock, as the browser's own picker takes it."""

    def __init__(self, label: str) -> None:
        picker = forms.DateTimeInput({**_INPUT, "type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(label=label, required=False, widget=picker)

    def to_python(self, value: Any) -> datetime | None:
        # Without the project's time zone, which is not the facility's.
        if not value:
            return None
        try:
            return datetime.fromisoformat(str(value)).replace(tzinfo=None)
        except ValueError:
            raise forms.ValidationError("Enter a day and a time, like 2026-07-01 09:00.") from None

    def prepare_value(self, value: Any) -> Any:
        return value


class TemplateForm(forms.Form):
    """`template` as it stands (saved or not); `zone` is the facility's."""

    transfer_type = _text("transfer_type")
    departs_at = ClockField("Planned departure")
    arrives_at = ClockField("Planned arrival")
    planned_route = _text("planned_route", widget=forms.Textarea({**_INPUT, "rows": 3}))
    driver_name = _text("driver_name")
    driver_license = _text("driver_license")
    driver_employee_id = _text("driver_employee_id")
    vehicle_make = _text("vehicle_make")
    vehicle_model = _text("vehicle_model")
    vehicle_plate = _text("vehicle_plate")
    vehicle_registration = _text("vehicle_registration")
    transporter_license = _text("transporter_license")
    phone = _text("phone")
    gross_weight = forms.DecimalField(
        label="Gross weight of all packages",
        required=False,
        min_value=Decimal(0),
        max_value=LARGEST,
        decimal_places=4,
        max_digits=12,
        widget=forms.TextInput({**_INPUT, "inputmode": "decimal"}),
    )
    gross_weight_unit = _text("gross_weight_unit")

    def __init__(
        self, template: TransferTemplate, zone: ZoneInfo, data: QueryDict | None = None
    ) -> None:
        self.template, self.zone = template, zone
        super().__init__(data, initial=self._shown())
        for name, field in self.fields.items():
            field.widget.attrs["aria-describedby"] = f"lb-about-{name}"

    def _shown(self) -> dict[str, Any]:
        """What the fields show of the template."""
        shown: dict[str, Any] = {name: getattr(self.template, name) for name in self.base_fields}
        for name in ("departs_at", "arrives_at"):
            if shown[name]:
                shown[name] = on_the_clock(shown[name], self.zone).replace(second=0, microsecond=0)
        shown["gross_weight"] = plain_number(shown["gross_weight"])
        return shown

    @property
    def was(self) -> list[tuple[str, str]]:
        """Hidden fields: what each field shows."""
        return [
            (f"{WAS}{name}", str(self[name].field.widget.format_value(value) or ""))
            for name, value in self._shown().items()
        ]

    def _clean_time(self, name: str) -> datetime | None:
        entered: datetime | None = self.cleaned_data.get(name)
        if entered is None:
            return None
        known: datetime | None = getattr(self.template, name)
        if known and on_the_clock(known, self.zone).replace(second=0, microsecond=0) == entered:
            # The same time on the clock: of an hour that comes twice, the same one.
            return known
        try:
            return moment_of(entered, self.zone)
        except NoSuchTime as error:
            raise forms.ValidationError(str(error)) from error

    def clean_departs_at(self) -> datetime | None:
        return self._clean_time("departs_at")

    def clean_arrives_at(self) -> datetime | None:
        return self._clean_time("arrives_at")

    def clean_planned_route(self) -> str:
        return _one_line_end(self.cleaned_data["planned_route"])

    def entered(self) -> dict[str, Any]:
        """By field what was changed on the page, as it is to be stored."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if self._sent(name) != self._sent(f"{WAS}{name}")
        }

    def _sent(self, name: str) -> str:
        return _one_line_end(self.data.get(name, "")).strip()


def _one_line_end(text: str) -> str:
    """Browsers send the end of a line as two characters."""
    return text.replace("\r\n", "\n")


def weights_entered(
    data: QueryDict, assignments: Iterable[PackageAssignment]
) -> tuple[dict[int, Decimal | None], list[str]]:
    """By assignment the gross weight that was entered, where it differs; and what is wrong with
    those that are none."""
    found: dict[int, Decimal | None] = {}
    problems = []
    for one in assignments:
        text = data.get(f"weight-{one.pk}")
        if text is None or text.strip() == plain_number(one.gross_weight):
            continue
        try:
            weight = Decimal(text.strip().replace(",", "")) if text.strip() else None
        except InvalidOperation:
            weight = Decimal(-1)
        if weight is not None and not (weight.is_finite() and 0 <= weight < LARGEST):
            problems.append(f"Package {one.package.label}: “{text}” is no weight.")
            continue
        found[one.pk] = weight
    return found, problems
