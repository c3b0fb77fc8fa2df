"""Doing what a person does with files in the admin: upload, look, confirm, export."""

from io import BytesIO

import openpyxl
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse


def csv_file(*lines, name="file.csv"):
    data = lines[0] if isinstance(lines[0], bytes) else "\n".join(lines).encode()
    return SimpleUploadedFile(name, data)


def excel_file(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = BytesIO()
    book.save(stream)
    return SimpleUploadedFile("file.xlsx", stream.getvalue())


def upload(client, name, file):
    """The page that shows what a file would do; `name` as in "catalog_item"."""
    answer = client.post(
        reverse(f"admin:{name}_import"), {"format": "0", "resource": "0", "import_file": file}
    )
    assert answer.status_code == 200
    return answer


def confirm(client, name, shown):
    """The page after the confirmation of what `upload` showed."""
    assert totals(shown)
    form = shown.context["confirm_form"]
    return client.post(reverse(f"admin:{name}_process_import"), form.initial, follow=True)


def export(client, name, form):
    """A file as exported, to be uploaded again; `form` is "csv" or "xlsx"."""
    number = {"csv": "0", "xlsx": "1"}[form]
    answer = client.post(reverse(f"admin:{name}_export"), {"format": number, "resource": "0"})
    assert answer.headers["Content-Disposition"].endswith(f'.{form}"')
    return SimpleUploadedFile(f"export.{form}", answer.content)


def totals(shown):
    """How many rows are "new", "update" or "skip", without those that are none."""
    result = shown.context["result"]
    assert not result.failed(), result.problem_rows()
    return {kind: count for kind, count in result.totals.items() if count}


def wrong(shown):
    """(row number, key cells, [(column, what is wrong)]) of each row that is not right."""
    assert "confirm_form" not in shown.context
    return shown.context["result"].problem_rows()


def form_errors(shown):
    assert "result" not in shown.context
    return shown.context["form"].errors


def staff_with(*permissions):
    """A clerk with these permissions, by code name."""
    clerk = User.objects.create_user(f"clerk{User.objects.count()}", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    assert clerk.user_permissions.count() == len(permissions)
    return clerk
