"""Imports into the admin: upload → what would change → confirm.

`class WidgetAdmin(PermittedImport, ModelAdmin)` (in this order: import-export's mixins wrap the
admin's methods) with `resource_classes = [a CheckedResource]` has the import and the export button.
"""

# mypy: allow-subclassing-any

from typing import Any

from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from import_export.admin import ImportMixin
from import_export.results import RowResult
from unfold.contrib.import_export.forms import ImportForm

from catalog.export_admin import PermittedExport
from catalog.file_formats import SheetIn, UnusableFile
from catalog.import_rows import FileResult

# Uploads that were looked at and not confirmed yet, as names of files, by session.
UPLOADS = "uploads_to_confirm"
MOST_UPLOADS = 20


class PermittedImport(ImportMixin, PermittedExport):
    """Import and export buttons, each for holders of its own permission.

    Importing takes `import_…` of the model and, since it does the same by other means, each of
    `import_needs` ("add", "change"). All rows are imported or none.
    """

    import_export_change_list_template = "admin/import_export/change_list_import_export.html"
    import_template_name = "admin/import_export/checked_import.html"
    import_form_class = ImportForm
    import_formats = [SheetIn]
    import_needs: tuple[str, ...] = ("add", "change")
    # Without the mark at its beginning, Excel takes a CSV file for one in the local encoding.
    to_encoding = "utf-8-sig"

    def has_import_permission(self, request: HttpRequest) -> bool:
        needed = [get_permission_codename(verb, self.opts) for verb in self.import_needs]
        return bool(
            super().has_import_permission(request)
            and request.user.has_perms([f"{self.opts.app_label}.{name}" for name in needed])
        )

    def get_import_context_data(self, **kwargs: Any) -> dict[str, Any]:
        resource = self.resource_classes[0]()
        return {"columns": resource.get_import_fields()}

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_import_data_kwargs(**kwargs),
            # Without this import-export saves the good rows and reports success.
            "rollback_on_validation_errors": True,
        }

    def add_data_read_fail_error_to_form(self, form: Any, e: Exception) -> None:
        if isinstance(e, UnusableFile):
            form.add_error("import_file", str(e))
        else:
            super().add_data_read_fail_error_to_form(form, e)

    def get_confirm_form_initial(self, request: HttpRequest, import_form: Any) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_confirm_form_initial(request, import_form)
        if import_form is not None:
            name = initial["import_file_name"]
            uploads = [*request.session.get(UPLOADS, []), _last_part(name)]
            request.session[UPLOADS] = uploads[-MOST_UPLOADS:]
        return initial

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Import what was confirmed: a file this session uploaded, and that once.

        import-export opens whatever file of the temporary folder the form names, and fails on one
        that is gone (a second click, the Back button).
        """
        if not self.has_import_permission(request):
            raise PermissionDenied
        name = _last_part(request.POST.get("import_file_name", ""))
        uploads = request.session.get(UPLOADS, [])
        if request.method == "POST":
            if name not in uploads:
                return self._again(request)
            request.session[UPLOADS] = [upload for upload in uploads if upload != name]
        try:
            answer: HttpResponse = super().process_import(request, **kwargs)
        except (FileNotFoundError, UnusableFile):
            return self._again(request)
        return answer

    def _again(self, request: HttpRequest) -> HttpResponse:
        messages.error(request, "That file was imported already, or is gone. Upload it again.")
        opts = self.opts
        return HttpResponseRedirect(reverse(f"admin:{opts.app_label}_{opts.model_name}_import"))

    def process_result(self, result: FileResult, request: HttpRequest) -> HttpResponse:
        if not result.failed():
            answer: HttpResponse = super().process_result(result, request)
            return answer
        # Something changed between the preview and now.
        messages.error(request, "Nothing was imported: the rows below are no longer right.")
        resources = self.get_import_resource_classes(request)
        context = {
            **self.get_import_context_data(),
            **self.admin_site.each_context(request),
            "title": "Import",
            "form": self.import_form_class(self.get_import_formats(), resources),
            "opts": self.opts,
            "result": result,
        }
        return TemplateResponse(request, [self.import_template_name], context)

    def generate_log_entries(self, result: FileResult, request: HttpRequest) -> None:
        if self.get_skip_admin_log():
            return
        user_id, name = request.user.pk, request.POST.get("original_file_name", "a file")
        assert user_id is not None
        flags = {RowResult.IMPORT_TYPE_NEW: ADDITION, RowResult.IMPORT_TYPE_UPDATE: CHANGE}
        for kind, flag in flags.items():
            records = [row.instance for row in result.rows if row.import_type == kind]
            if records:
                LogEntry.objects.log_actions(
                    user_id,
                    records,
                    flag,
                    change_message=f"Imported from {name}.",
                )

    def add_success_message(self, result: FileResult, request: HttpRequest) -> None:
        totals = result.totals
        messages.success(
            request,
            f"Imported {self.opts.verbose_name_plural}: {totals[RowResult.IMPORT_TYPE_NEW]:,} new, "
            f"{totals[RowResult.IMPORT_TYPE_UPDATE]:,} changed, "
            f"{totals[RowResult.IMPORT_TYPE_SKIP]:,} as they were.",
        )


def _last_part(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
