"""Destinations as files: one row per destination, found by its license number.

One without a license is found by its name, among those without. Addresses are not in the file.
"""

# mypy: allow-subclassing-any

from collections import Counter
from typing import Any

import tablib  # type: ignore[import-untyped]
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from catalog.by_name import ByName
from catalog.file_columns import Column, DayCell, RecordCell, TextCell, YesNoCell, as_text
from catalog.import_rows import CheckedResource
from catalog.models import Facility
from customers.models import Destination, normalized_license


class DestinationResource(CheckedResource):
    """Destinations; those that the file does not name stay as they are."""

    license_number = Column(
        "license_number",
        TextCell(),
        key=True,
        hint="Finds the destination, dashes and blanks not counting; a new one adds one.",
    )
    name = Column("name", TextCell(), hint="Finds a destination without a license.")
    dba = Column("dba", TextCell(), when_empty="")
    license_type = Column("license_type", TextCell(), when_empty="")
    license_expires_on = Column("license_expires_on", DayCell(), when_empty=None, hint="2026-12-31")
    customer_number = Column(
        "external_id",
        TextCell(),
        column_name="customer_number",
        when_empty="",
        hint="Your own number.",
    )
    email = Column("email", TextCell(), when_empty="")
    phone = Column("phone", TextCell(), when_empty="")
    default_facility = Column(
        "default_facility",
        RecordCell("find_facility"),
        when_empty=None,
        hint="Its name or its license number.",
    )
    notes = Column("notes", TextCell(), when_empty="")
    is_active = Column("is_active", YesNoCell(), hint="yes or no")

    class Meta(CheckedResource.Meta):
        model = Destination
        name = "Destinations"
        fields = (
            "license_number",
            "name",
            "dba",
            "license_type",
            "license_expires_on",
            "customer_number",
            "email",
            "phone",
            "default_facility",
            "notes",
            "is_active",
        )

    def filter_export(
        self, queryset: QuerySet[Destination], **kwargs: Any
    ) -> QuerySet[Destination]:
        return queryset.select_related("default_facility")

    def load(self, dataset: tablib.Dataset) -> None:
        self.facilities = ByName(
            "facility", "Facilities", Facility.objects.all(), "name", "license_number"
        )
        everyone = list(Destination.objects.select_related("default_facility"))
        self.licensed = {one.license_key: one for one in everyone if one.license_key}
        unlicensed = [one for one in everyone if not one.license_key]
        self.unlicensed = {one.name.lower(): one for one in unlicensed}
        self.times = Counter(one.name.lower() for one in unlicensed)

    def find(self, row: dict[str, Any]) -> tuple[tuple[str, str], Destination | None]:
        license_key = normalized_license(as_text(row["license_number"]))
        if license_key:
            return ("license", license_key), self.licensed.get(license_key)
        name = as_text(row.get("name"))
        if not name:
            raise ValidationError(
                {"license_number": "Give the license number, or the name of one without a license."}
            )
        if self.times[name.lower()] > 1:
            raise ValidationError(
                {
                    "name": f"{self.times[name.lower()]} destinations without a license are called "
                    f"“{name}”. Give them license numbers first."
                }
            )
        return ("name", name.lower()), self.unlicensed.get(name.lower())

    def find_facility(self, name: str, destination: Destination) -> Facility:
        return self.facilities.find(name)
