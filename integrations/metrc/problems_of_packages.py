"""What is unclear about Metrc's packages and needs a person."""

from collections.abc import Iterator

from django.db.models import Count, Min, Q
from django.urls import reverse

from integrations.metrc.models import MetrcItem, Package
from integrations.models import Notice
from integrations.problems import Problem, Source


def unknown_items() -> Iterator[Problem]:
    """Items of Metrc's that are none of ours, though packages of them lie in our licenses."""
    here = Q(packages__place=Package.Place.ACTIVE, packages__facility__facility__isnull=False)
    rows = (
        MetrcItem.objects.filter(item__isnull=True, account__is_active=True)
        .annotate(waiting=Count("packages", filter=here), since=Min("packages__read_at"))
        .filter(waiting__gt=0)
    )
    for row in rows:
        packages = "1 package" if row.waiting == 1 else f"{row.waiting} packages"
        yield Problem(
            key=str(row.pk),
            text=f"“{row.name}” in Metrc is none of our items: {packages} can't go to orders.",
            cure="Say which item it is",
            url=reverse("admin:metrc_metrcitem_change", args=[row.pk]),
            since=row.since,
            connection_id=row.account_id,
            waiting=row.waiting,
            needs=("metrc.change_metrcitem",),
        )


SOURCES = (
    Source(
        "metrc_item",
        "Say which of our items Metrc's are",
        Notice.Category.PACKAGE,
        unknown_items,
        "metrc.view_metrcitem",
    ),
)
