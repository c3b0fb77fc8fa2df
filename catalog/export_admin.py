"""Exports from the admin: for those who may see the rows and may take them along."""

from typing import Any

from django.http import HttpRequest
from import_export.admin import ExportMixin
from unfold.contrib.import_export.forms import ExportForm

from catalog.file_formats import CsvOut, ExcelOut


class CsvUnlessTold(ExportForm):
    """CSV is chosen already: it is what most want."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("format", "0")


class PermittedExport(ExportMixin):
    """An export button for holders of both the view and the export permission."""

    export_form_class = CsvUnlessTold
    export_formats = [CsvOut, ExcelOut]

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_export_permission(request) and self.has_view_permission(request))
