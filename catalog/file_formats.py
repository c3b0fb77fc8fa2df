"""Files that people exchange with us: CSV and Excel in, CSV and Excel out.

A spreadsheet runs a cell that begins with "=" (or +, −, @) as a formula, so such text goes out
with an apostrophe before it, and an apostrophe before such a sign is taken off coming in: what was
exported comes back as it was. (import-export's own escape deletes the "=", and writes "None" into
empty Excel cells.)
"""

# mypy: allow-subclassing-any

import csv
import re
import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO, StringIO
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import tablib  # type: ignore[import-untyped]
from import_export.formats.base_formats import BINARY_FORMATS, CSV, XLSX, Format
from openpyxl.utils.exceptions import InvalidFileException  # type: ignore[import-untyped]

MOST_ROWS = 10_000
MOST_MEGABYTES = 20
# No header is longer; it guards against a file whose every cell is a column.
MOST_COLUMNS = 200

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
SEPARATORS = ",;\t"


class UnusableFile(Exception):
    """A file that cannot be read as a table; the text says why and what to do."""


def escaped(cell: Any) -> Any:
    """The cell as it goes out: text that a spreadsheet would run gets an apostrophe before it."""
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


def unescaped(cell: Any) -> Any:
    """The cell as it was before `escaped`."""
    if isinstance(cell, str) and cell.startswith("'") and _FORMULA.match(cell):
        return cell[1:]
    return cell


def is_blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


class _Escapes:
    def _escape_formulae(self, dataset: tablib.Dataset) -> None:
        rows = [[escaped(cell) for cell in row] for row in dataset]
        headers = dataset.headers
        dataset.wipe()
        dataset.headers = headers
        dataset.extend(rows)


class CsvOut(_Escapes, CSV):
    """CSV as we write it."""


class ExcelOut(_Escapes, XLSX):
    """Excel as we write it; numbers and dates stay numbers and dates."""


# import-export looks a format up here, itself and not what it derives from, to know that.
BINARY_FORMATS.append(ExcelOut)


class SheetIn(Format):
    """CSV (comma, semicolon or tab) or Excel (.xlsx), told apart by what is in the file."""

    CONTENT_TYPE = "application/octet-stream"

    def __init__(self, encoding: str | None = None) -> None:
        self.encoding = encoding

    def get_title(self) -> str:
        return "CSV or Excel (.xlsx)"

    def get_extension(self) -> str:
        return "csv"

    def can_import(self) -> bool:
        return True

    def create_dataset(self, in_stream: bytes) -> tablib.Dataset:
        """The table in the file, its blank rows left out; raises UnusableFile.

        `dataset.lines` has the row number in the spreadsheet (the header is row 1) of each row.
        """
        if len(in_stream) > MOST_MEGABYTES * 1024 * 1024:
            raise UnusableFile(f"The file is larger than {MOST_MEGABYTES} MB. Split it.")
        rows = (
            _excel_rows(in_stream) if in_stream.startswith(b"PK\x03\x04") else _csv_rows(in_stream)
        )
        return _table(rows)


def _table(rows: Iterable[list[Any]]) -> tablib.Dataset:
    numbered = (
        (line, row) for line, row in enumerate(rows, 1) if not all(is_blank(cell) for cell in row)
    )
    _, headers = next(numbered, (0, []))
    while headers and is_blank(headers[-1]):
        headers.pop()
    if not headers:
        raise UnusableFile("The file is empty.")
    if len(headers) > MOST_COLUMNS:
        raise UnusableFile(f"The file has more than {MOST_COLUMNS} columns.")
    cells: list[list[Any]] = []
    lines: list[int] = []
    for line, row in numbered:
        if len(cells) == MOST_ROWS:
            raise UnusableFile(
                f"The file has more than {MOST_ROWS:,} rows. Split it into smaller files."
            )
        if not all(is_blank(cell) for cell in row[len(headers) :]):
            raise UnusableFile(
                f"Row {line} has more cells than the header has columns. "
                "Put text that contains the separator in quotes."
            )
        filled = [unescaped(cell) for cell in row[: len(headers)]]
        cells.append(filled + [""] * (len(headers) - len(filled)))
        lines.append(line)
    if not cells:
        raise UnusableFile("The file has a header, and no rows below it.")
    dataset = tablib.Dataset(*cells, headers=["" if h is None else str(h) for h in headers])
    dataset.lines = lines
    return dataset


def _csv_rows(data: bytes) -> Iterator[list[Any]]:
    text = _decoded(data)
    header = text.lstrip().partition("\n")[0]
    separator = max(SEPARATORS, key=header.count)
    try:
        # `strict`: a quote that is never closed would swallow the rest of the file unseen.
        yield from csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    except csv.Error as error:
        raise UnusableFile(f"The file is no proper CSV: {error}.") from error


def _decoded(data: bytes) -> str:
    # Excel writes a mark at the beginning of its UTF-8 files, and UTF-16 as "Unicode text".
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnusableFile(
            "The file is not in UTF-8. In Excel, save it as “CSV UTF-8” or as .xlsx."
        ) from error
    if "\0" in text:
        raise UnusableFile("The file is neither CSV nor Excel (.xlsx).")
    return text


def _excel_rows(data: bytes) -> Iterator[list[Any]]:
    try:
        # `data_only`: what a formula came to, not the formula.
        book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True)
        sheet: Any = book.worksheets[0]
        yield from (list(row) for row in sheet.iter_rows(values_only=True))
    except (zipfile.BadZipFile, InvalidFileException, KeyError, IndexError, ValueError) as error:
        raise UnusableFile(
            "The file is no Excel workbook (.xlsx) that can be read. Save it again, or as CSV."
        ) from error
