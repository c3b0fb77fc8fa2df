"""Exports from the admin: for those who may see the rows and may take them along."""

from django.http import HttpRequest
from import_export.admin import ExportMixin
from unfold.contrib.import_export.forms import ExportForm

from catalog.file_formats import CsvOut, ExcelOut


class PermittedExport(ExportMixin):
    """An export button for holders of both the view and the export permission."""

    export_form_class = ExportForm
    export_formats = [CsvOut, ExcelOut]

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_export_permission(request) and self.has_view_permission(request))
