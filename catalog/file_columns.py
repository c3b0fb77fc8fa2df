"""The columns of files that people import: what a cell may hold, and what to say when it does not.

Each kind of cell takes the raw cell in (text from CSV; text, numbers, dates or None from Excel),
gives the value of the model's field out, or raises ValueError with a sentence for whoever made the
file. The other way, `render` gives the cell of an exported value.
"""

# mypy: allow-subclassing-any

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from import_export.fields import Field
from import_export.widgets import Widget

from catalog.decimals import plain
from catalog.file_formats import is_blank


class KEEP:
    """What `when_empty` is when an empty cell leaves what is there."""


class Column(Field):
    """One column: the cell goes through `cell` into the attribute of the same name.

    `when_empty` is what an empty cell sets; without it an empty cell leaves what is there (in a
    new record: the model's default). A `key` finds the record and is set on new ones only, so
    that a file spelled in other capitals renames nothing. With `sets=False` the resource itself
    does what the column says. `readonly`: exported only. `hint` is shown above the upload.
    """

    def __init__(
        self,
        attribute: str,
        cell: Widget,
        *,
        column_name: str = "",
        when_empty: Any = KEEP,
        key: bool = False,
        needed: bool = False,
        sets: bool = True,
        readonly: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(attribute, column_name or attribute, cell, readonly=readonly)
        self.when_empty, self.key, self.sets, self.hint = when_empty, key, sets, hint
        self.needed = needed or key

    def save(self, instance: Any, row: dict[str, Any], is_m2m: bool = False, **kwargs: Any) -> None:
        """Set the attribute from the row; raises ValueError with what is wrong with the cell."""
        if self.readonly or not self.sets or (self.key and instance.pk):
            return
        cell = row[self.column_name]
        if is_blank(cell):
            if self.when_empty is KEEP:
                return
            value = self.when_empty
        else:
            value = self.widget.clean(
                cell,
                row=row,
                column=self.column_name,
                instance=instance,
                resource=kwargs["resource"],
            )
        if not _same_text(getattr(instance, self.attribute, None), value):
            setattr(instance, self.attribute, value)


def _same_text(before: Any, after: Any) -> bool:
    """Whether these are texts that differ at most in what files do not keep: outer blanks, \\r."""
    if not (isinstance(before, str) and isinstance(after, str)):
        return False
    return _kept(before) == _kept(after)


def _kept(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def as_text(cell: Any) -> str:
    """The cell as a person reads it: 1001.0 of Excel is "1001"."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, datetime):
        cell = cell.date()
    return "" if cell is None else str(cell).strip()


def folded(cell: Any) -> str:
    """The cell as compared where capitals and outer blanks do not count."""
    return as_text(cell).lower()


class TextCell(Widget):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return as_text(value)


class NumberCell(Widget):
    """A decimal number, as 1234.5, 1,234.50 or $12."""

    _THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d*)?")
    # Beyond this the model would refuse it anyway, and arithmetic on it could take for ever.
    _MOST_DIGITS = 30

    def clean(self, value: Any, row: Any = None, *, column: str = "", **kwargs: Any) -> Any:
        # Excel keeps 15 digits, and shows 0.30000000000000004 as 0.3.
        text = f"{value:.15g}" if isinstance(value, float) else as_text(value)
        digits = text.removeprefix("$").strip()
        if self._THOUSANDS.fullmatch(digits):
            digits = digits.replace(",", "")
        try:
            number = Decimal(digits)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or isinstance(value, bool) or "_" in digits:
            raise ValueError(f"“{text}” in {column} is no number. Write it like 1234.5.")
        if abs(number.adjusted()) > self._MOST_DIGITS:
            raise ValueError(f"“{text}” in {column} is too large or has too many places.")
        return number

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        if value is None:
            return ""
        if kwargs.get("force_native_type"):
            return value
        return plain(value) if isinstance(value, Decimal) else str(value)


class NotNegativeCell(NumberCell):
    def clean(self, value: Any, row: Any = None, *, column: str = "", **kwargs: Any) -> Any:
        number = super().clean(value, row, column=column, **kwargs)
        if number < 0:
            raise ValueError(f"“{as_text(value)}” in {column} is below zero.")
        return number


class WholeNumberCell(NumberCell):
    """A whole number, at least 1, that fits the database; `name` begins the message."""

    MOST = 2_147_483_647

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def clean(self, value: Any, row: Any = None, *, column: str = "", **kwargs: Any) -> int:
        number = super().clean(value, row, column=column, **kwargs)
        if number < 1 or number != number.to_integral_value():
            raise ValueError(f"{self.name} must be a whole number, at least 1.")
        if number > self.MOST:
            raise ValueError(f"{self.name} is too large.")
        return int(number)


class YesNoCell(Widget):
    """Yes or no. (import-export's own takes every word it does not know for a no.)"""

    YES = {"yes", "y", "true", "1"}
    NO = {"no", "n", "false", "0"}

    def clean(self, value: Any, row: Any = None, *, column: str = "", **kwargs: Any) -> bool:
        word = folded(value)
        if word in self.YES:
            return True
        if word in self.NO:
            return False
        raise ValueError(f"“{as_text(value)}” in {column} is neither yes nor no.")

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "yes" if value else "no"


class ChoiceCell(Widget):
    """One of the choices of a model's field, by value or by label, capitals not counting."""

    def __init__(self, choices: Iterable[tuple[Any, Any]], what: str) -> None:
        super().__init__()
        self.what = what
        self.labels = {str(value): str(label) for value, label in choices}
        self.values = {
            word.lower(): value for value, label in self.labels.items() for word in (value, label)
        }

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        try:
            return self.values[folded(value)]
        except KeyError:
            known = ", ".join(self.labels.values())
            raise ValueError(
                f"“{as_text(value)}” is no {self.what}. Use one of: {known}."
            ) from None

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return self.labels.get(str(value), "") if value is not None else ""


class DayCell(Widget):
    """A day, as 2026-12-31 or 12/31/2026."""

    def clean(self, value: Any, row: Any = None, *, column: str = "", **kwargs: Any) -> date:
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        for form in ("%Y-%m-%d", "%m/%d/%Y"):
            try:
                return datetime.strptime(as_text(value), form).date()
            except ValueError:
                continue
        raise ValueError(f"“{as_text(value)}” in {column} is no day. Write it like 2026-12-31.")

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        if value is None:
            return ""
        return value if kwargs.get("force_native_type") else value.isoformat()


class RecordCell(Widget):
    """Another record, by what people call it.

    `find` names the method of the resource that finds it: (cell text, record being imported) gives
    the record, or raises ValueError. It should look in what `CheckedResource.load` loaded, since it
    is called for each row. `show` gives the cell of a record.
    """

    def __init__(self, find: str, show: Callable[[Any], str] = str) -> None:
        super().__init__()
        self.find, self.show = find, show

    def clean(
        self,
        value: Any,
        row: Any = None,
        *,
        instance: Any = None,
        resource: Any = None,
        **kwargs: Any,
    ) -> Any:
        return getattr(resource, self.find)(as_text(value), instance)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else self.show(value)


def exported(attribute: str, name: str, cell: Widget | None = None) -> Column:
    """A column that is exported only."""
    return Column(attribute, cell or TextCell(), column_name=name, readonly=True)
