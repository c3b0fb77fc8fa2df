"""Problems that no vendor is needed for: stuck work, unreadable records, expired licenses."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

from django.db.models import Count, Exists, Max, Min, OuterRef
from django.urls import reverse
from django.utils import timezone

from customers.models import Destination
from integrations import notices, work
from integrations.models import Notice, WorkItem
from integrations.problems import Act, Problem, Source
from orders.models import SalesOrder
from orders.status import OPEN

Category = Notice.Category
# A license that is about to expire is told of that long before.
AHEAD = timedelta(days=14)


def stuck_work() -> Iterator[Problem]:
    """Work that was given up, by account, kind and what went wrong; tried again in place."""
    rows = (
        WorkItem.objects.filter(stuck_at__isnull=False, connection__is_active=True)
        .order_by()
        .values("connection", "connection__name", "kind", "error_class")
        .annotate(count=Count("pk"), since=Min("stuck_at"), last=Max("error"))
    )
    for row in rows:
        label = work.labels.get(row["kind"], row["kind"])
        chosen = {"kind__exact": row["kind"], "connection__id__exact": row["connection"]}
        listed = reverse("admin:integrations_workitem_changelist")
        one = f"{row['connection__name']}: “{label}” is stuck"
        times = f"{one}. " if row["count"] == 1 else f"{one} {row['count']:,} times, for example: "
        fields = {
            "connection": row["connection"],
            "kind": row["kind"],
            "error_class": row["error_class"],
        }
        yield Problem(
            key=f"{row['kind']} {row['error_class']}",
            text=f"{times}{row['last']}",
            cure="See the work",
            url=f"{listed}?{urlencode(chosen)}&stuck_at__isempty=0",
            since=row["since"],
            connection_id=row["connection"],
            waiting=row["count"],
            act=Act(
                "Try again" if row["count"] == 1 else "Try all again",
                reverse("admin:integrations_notice_retry"),
                tuple((name, str(value)) for name, value in fields.items()),
                ("integrations.retry_workitem",),
            ),
        )


def unreadable_records() -> Iterator[Problem]:
    """Records that came and make no sense; gone when somebody says that it is dealt with."""
    for problem in notices.raised(Category.UNREADABLE):
        fields = (("key", problem.key), ("connection", str(problem.connection_id or "")))
        act = Act(
            "It is dealt with",
            reverse("admin:integrations_notice_dealt_with"),
            fields,
            ("integrations.change_notice",),
        )
        runs = reverse("admin:integrations_run_changelist")
        yield Problem(
            problem.key,
            problem.text,
            "See the runs",
            f"{runs}?outcome__exact=partly",
            problem.since,
            problem.connection_id,
            act=act,
        )


def expired_licenses() -> Iterator[Problem]:
    """Destinations with open orders whose license has expired, or will within two weeks."""
    today = timezone.localdate()
    of_it = SalesOrder.objects.filter(destination=OuterRef("pk"), status__in=OPEN)
    rows = Destination.objects.filter(Exists(of_it), license_expires_on__lt=today + AHEAD)
    for place in rows.order_by("license_expires_on"):
        day = place.license_expires_on
        if day is None:
            continue
        verb = "expired" if day < today else "expires"
        yield Problem(
            key=f"destination {place.pk}",
            text=f"The license of {place} {verb} on {day:%B} {day.day}, and it has open orders.",
            cure="Enter the new license",
            url=reverse("admin:customers_destination_change", args=[place.pk]),
            since=None,
        )


def broken_mail() -> Iterator[Problem]:
    """Mail that could not be sent."""
    return iter(notices.raised(Category.MAIL))


SOURCES = (
    Source(
        "stuck",
        "Try stuck work again",
        Category.STUCK,
        stuck_work,
        "integrations.view_workitem",
        of="piece",
    ),
    Source(
        "mail",
        "Put mail in order",
        Category.MAIL,
        broken_mail,
        "integrations.view_notice",
        is_raised=True,
    ),
    Source(
        "license",
        "Renew licenses",
        Category.LICENSE,
        expired_licenses,
        "customers.view_destination",
    ),
    Source(
        "record",
        "Look at records that can't be read",
        Category.UNREADABLE,
        unreadable_records,
        "integrations.view_notice",
        is_raised=True,
    ),
)
