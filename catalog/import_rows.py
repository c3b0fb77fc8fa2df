"""Importing the rows of a file: checked one by one, saved all or none.

`CheckedResource` is what each kind of import derives from; see its docstring. `FileResult` is what
it gives out: import-export's Result, with row numbers as in the spreadsheet.
"""

# mypy: allow-subclassing-any

from typing import Any

import tablib  # type: ignore[import-untyped]
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from import_export.resources import ModelResource
from import_export.results import Result, RowResult

from catalog.file_columns import Column, as_text
from catalog.file_formats import UnusableFile, is_blank

MOST_SHOWN = 300


class FileResult(Result):
    """What became (or would become) of a file.

    `ignored`: columns of the file that nothing is done with. Each row result has `line`, its row
    number in the spreadsheet, and `diff`: (column, before, after) of what changes. Each of
    `invalid_rows` has `line`, `title` (its key cells) and `problems`: (column or "", text).
    """

    def __init__(self) -> None:
        super().__init__()
        self.ignored: list[str] = []

    def failed(self) -> bool:
        return bool(self.has_errors() or self.has_validation_errors())

    # For the page: not more rows than a browser can show.

    def changed_rows(self) -> list[RowResult]:
        return [row for row in self.valid_rows() if not row.is_skip()]

    def shown_changes(self) -> list[RowResult]:
        return self.changed_rows()[:MOST_SHOWN]

    def changes_not_shown(self) -> int:
        return max(0, len(self.changed_rows()) - MOST_SHOWN)

    def problem_rows(self) -> list[tuple[int, str, list[tuple[str, str]]]]:
        """(row number, what it is about, [(column or "", what is wrong)]), in the file's order."""
        wrong = [(row.line, row.title, row.problems) for row in self.invalid_rows]
        for row in self.rows:
            if row.errors:  # what nobody foresaw
                texts = [("", f"This could not be saved: {one.error}") for one in row.errors]
                wrong.append((row.line, "", texts))
        return sorted(wrong, key=lambda row: row[0])

    def shown_problems(self) -> list[tuple[int, str, list[tuple[str, str]]]]:
        return self.problem_rows()[:MOST_SHOWN]

    def problems_not_shown(self) -> int:
        return max(0, len(self.problem_rows()) - MOST_SHOWN)


class Changes:
    """What a row changes: (column, before, after), texts, for the columns in the file."""

    def __init__(self, resource: "CheckedResource", record: Any, new: bool) -> None:
        self.columns = resource.get_import_fields()
        self.before = [""] * len(self.columns) if new else self._shown(record)
        self.after: list[str] = []

    def compare_with(self, resource: "CheckedResource", record: Any) -> None:
        self.after = self._shown(record)

    def as_html(self) -> list[tuple[str, str, str]]:
        three = zip(self.columns, self.before, self.after, strict=True)
        return [(str(c.column_name), old, new) for c, old, new in three if old != new]

    def _shown(self, record: Any) -> list[str]:
        return [str(column.export(record)) for column in self.columns]


class CheckedResource(ModelResource):
    """Rows of a file become records of a model.

    A subclass declares `Column`s, of which those with `key=True` find the record, and gives

    - `load(dataset)`: read, once for the file, what the rows are looked up in;
    - `find(row)`: (what names the record, so that a second row of the same is told; the known
      record, or a new one that is not saved, or None for an empty new one). Raises ValidationError
      when the row names nothing.

    A dry run only reads. Only columns that the file has are looked at, compared and saved, and of
    these only what differs. Column names are read without regard to capitals, blanks and
    underscores. While anything is wrong, nothing is saved: call
    `import_data(…, rollback_on_validation_errors=True)`, as `PermittedImport` does.
    """

    lines: list[int]
    record: Any

    class Meta:
        use_transactions = True
        skip_unchanged = True
        report_skipped = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.present: set[str] | None = None
        self.unusable = ""
        self.ignored: list[str] = []
        self.seen: dict[Any, int] = {}
        self.changed: set[str] = set()

    # What subclasses give.

    def load(self, dataset: tablib.Dataset) -> None:
        """Read what the rows are looked up in."""

    def find(self, row: dict[str, Any]) -> tuple[Any, Any]:
        raise NotImplementedError

    # The file as a whole.

    @classmethod
    def get_result_class(cls) -> type[FileResult]:
        return FileResult

    @classmethod
    def get_diff_class(cls) -> type[Changes]:
        return Changes

    def import_data(self, dataset: tablib.Dataset, *args: Any, **kwargs: Any) -> FileResult:
        self.lines = list(getattr(dataset, "lines", range(2, len(dataset) + 2)))
        self._read_header(dataset)
        result: FileResult = super().import_data(dataset, *args, **kwargs)
        return result

    def _read_header(self, dataset: tablib.Dataset) -> None:
        """Name the columns as we do; set `unusable` when one is missing or there twice."""
        columns: list[Column] = list(self.fields.values())
        ours = {_squeezed(c.column_name): str(c.column_name) for c in columns}
        written = [str(header) for header in dataset.headers or []]
        headers = [ours.get(_squeezed(header), header) for header in written]
        known = [header for header in headers if header in ours.values()]
        twice = sorted({header for header in known if known.count(header) > 1})
        missing = [str(c.column_name) for c in columns if c.needed and c.column_name not in known]
        if twice:
            self.unusable = f"The file has the column “{twice[0]}” twice."
        elif missing:
            self.unusable = f"The file has no column “{missing[0]}”."
        used = {str(c.column_name) for c in columns if not c.readonly}
        self.present = used & set(known)
        self.ignored = [w for w, h in zip(written, headers, strict=True) if h not in used and w]
        dataset.headers = headers

    def get_import_fields(self) -> list[Column]:
        """The columns that are imported; of a file that is being read: those it has."""
        columns = [column for column in super().get_import_fields() if not column.readonly]
        if self.present is None:
            return columns
        return [column for column in columns if column.column_name in self.present]

    def get_user_visible_fields(self) -> list[Column]:
        """The columns that the export page names: all of them."""
        return list(self.get_export_fields())

    def get_import_id_fields(self) -> list[str]:
        return [name for name, column in self.fields.items() if column.key]

    def before_import(self, dataset: tablib.Dataset, **kwargs: Any) -> None:
        try:
            if self.unusable:
                raise UnusableFile(self.unusable)
            self.load(dataset)
        except Exception:
            # import-export goes on to the rows, and each would complain of the same.
            dataset.wipe()
            raise

    def _check_import_id_fields(self, headers: list[str]) -> None:
        """Done in `_read_header`, in words for whoever made the file."""

    def after_import(self, dataset: tablib.Dataset, result: FileResult, **kwargs: Any) -> None:
        super().after_import(dataset, result, **kwargs)
        result.ignored = self.ignored
        column_of = {column.attribute: column.column_name for column in self.fields.values()}
        for row in result.invalid_rows:
            row.line = self.lines[row.number - 1]
            named = zip(self.get_import_fields(), row.values, strict=True)
            row.title = " · ".join(as_text(value) for column, value in named if column.key)
            row.problems = [
                (column_of.get(name, name) if name != NON_FIELD_ERRORS else "", text)
                for name, texts in row.error_dict.items()
                for text in texts
            ]
        for line, row in zip(self.lines, result.rows, strict=False):
            row.line = line

    # Row by row.

    def import_row(self, row: dict[str, Any], loader: Any, **kwargs: Any) -> RowResult:
        """As import-export does, with a complaint about the second row of the same record."""
        kwargs["line"] = self.lines[kwargs["row_number"] - 1]
        return super().import_row(row, loader, **kwargs)

    def before_import_row(self, row: dict[str, Any], **kwargs: Any) -> None:
        try:
            named, self.record = self.find(row)
        except ValidationError as error:
            raise ValidationError(error.update_error_dict(self._other_errors(row))) from error
        first = self.seen.setdefault(named, kwargs["line"])
        if first != kwargs["line"]:
            raise ValidationError(f"This is in row {first} already. Each may be there once.")

    def get_or_init_instance(self, loader: Any, row: dict[str, Any]) -> tuple[Any, bool]:
        if self.record is None:
            return self.init_instance(row), True
        return self.record, self.record.pk is None

    def _other_errors(self, row: dict[str, Any]) -> dict[str, Any]:
        """What else is wrong with a row that finds nothing, so that all is told at once."""
        try:
            self.import_instance(self.init_instance(row), row)
        except ValidationError as error:
            return dict(error.update_error_dict({}))
        return {}

    def import_instance(self, instance: Any, row: dict[str, Any], **kwargs: Any) -> None:
        super().import_instance(instance, row, resource=self, **kwargs)

    def skip_row(
        self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None
    ) -> bool:
        """Whether nothing in the row differs; notes what does, for `do_instance_save`."""
        self.changed = {
            column.attribute
            for column in self.get_import_fields()
            if column.get_value(instance) != column.get_value(original)
        }
        known = instance.pk is not None
        return known and not self.changed and not import_validation_errors

    def validate_instance(
        self, instance: Any, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        """Check the record as the admin's form would, without a question to the database.

        The constraints would be eight of them per row, ten times what all else takes. What they
        hold is held otherwise: `find` knows what is there already, the columns and the model's
        validators know what is too small, and the database still refuses what slips through.
        """
        errors: dict[str, Any] = dict(import_validation_errors or {})
        fields = instance._meta.concrete_fields
        found = {f.name for f in fields if f.is_relation and getattr(instance, f.attname)}
        try:
            instance.full_clean({*errors, *found}, False, False)
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        if errors:
            raise ValidationError(_in_our_words(ValidationError(errors), instance))

    def save_instance(self, instance: Any, is_create: bool, row: Any, **kwargs: Any) -> None:
        """Save, unless this is but a look: that would lock others out while it takes its time."""
        if not kwargs["dry_run"]:
            super().save_instance(instance, is_create, row, **kwargs)

    def do_instance_save(self, instance: Any, is_create: bool) -> None:
        """Save a known record's changed fields only: others may have been edited meanwhile."""
        if is_create:
            instance.save(force_insert=True)
            return
        touched = {f.name for f in instance._meta.fields if getattr(f, "auto_now", False)}
        instance.save(update_fields=self.changed | touched)


def _squeezed(header: Any) -> str:
    return str(header).strip().lower().replace("_", "").replace(" ", "")


def _in_our_words(error: ValidationError, instance: Any) -> dict[str, list[Any]]:
    """The errors by field, with a column that a new record lacks called that."""
    found: dict[str, list[Any]] = {}
    for name, errors in error.update_error_dict({}).items():
        for one in errors:
            if one.code in ("blank", "null") and name != NON_FIELD_ERRORS:
                one = ValidationError(f"A new {instance._meta.verbose_name} needs a {name}.")
            elif one.code == "max_length":
                sizes = one.params or {}
                one = ValidationError(
                    f"Too long: {sizes['show_value']} characters, "
                    f"and {sizes['limit_value']} are the most."
                )
            found.setdefault(name, []).append(one)
    return found


def cells(dataset: tablib.Dataset, column: str) -> list[Any]:
    """What the file has in that column, blanks left out; nothing when it has no such column."""
    if column not in dataset.headers:
        return []
    return [cell for cell in dataset[column] if not is_blank(cell)]
