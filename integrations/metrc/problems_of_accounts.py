"""What is wrong between us and Metrc altogether: keys, licenses, readings that fail or stop."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from catalog.models import Facility
from integrations import notices
from integrations.failing_runs import failing_runs
from integrations.metrc.models import MetrcAccount, MetrcFacility
from integrations.metrc.note_checks import THE_KEY
from integrations.models import Notice, Run
from integrations.problems import Problem, Source
from orders.status import OPEN

Category = Notice.Category
HOUR = timedelta(hours=1)
# By step of the cycle.
IN_WORDS = {
    "lists": "transfer types, drivers and vehicles can't be read",
    "packages": "packages can't be read",
    "templates": "templates that were sent can't be looked up",
    "transfers": "transfers can't be read",
}
NO_KEYS = Q(vendor_key="") | Q(user_key="")


def _page(account_id: int | None) -> str:
    return reverse("admin:metrc_account_licenses", args=[account_id])


def keys() -> Iterator[Problem]:
    """Keys that Metrc refuses, permissions that are missing, and accounts without keys."""
    for problem in notices.raised(Category.CREDENTIALS, MetrcAccount.objects.all()):
        yield _of_key(problem.key, problem.text, problem.cure, problem.since, problem.connection_id)
    # Whether a key is stored is asked of the database: nothing is decrypted for it.
    names = MetrcAccount.objects.filter(NO_KEYS, is_active=True).values_list("pk", "name")
    for pk, name in names:
        text = f"{name} lacks a key, so nothing is read from Metrc or sent to it."
        yield _of_key("no key", text, "Paste the keys", None, pk)


def _of_key(
    key: str, text: str, cure: str, since: datetime | None, account_id: int | None
) -> Problem:
    needs = ("metrc.view_metrcaccount",)
    return Problem(key, text, cure, _page(account_id), since, account_id, needs=needs)


def unmapped() -> Iterator[Problem]:
    """Facilities with open orders that are no license in Metrc, where their state is connected; and
    accounts none of whose licenses is a facility of ours."""
    active = MetrcAccount.objects.filter(is_active=True).defer("vendor_key", "user_key")
    by_state: dict[str, MetrcAccount] = {}
    for account in active.filter(facilities__is_listed=True).order_by("pk").distinct():
        by_state.setdefault(account.state, account)
    mapped = MetrcFacility.objects.filter(
        facility=OuterRef("pk"), is_listed=True, account__is_active=True
    )
    ours = (
        Facility.objects.filter(is_active=True, state__in=by_state)
        .exclude(Exists(mapped))
        .annotate(waiting=Count("orders", filter=Q(orders__status__in=OPEN)))
        .filter(waiting__gt=0)
    )
    for facility in ours:
        account = by_state[facility.state]
        yield Problem(
            key=f"facility {facility.pk}",
            text=(
                f"{facility} has open orders, but is no license of {account}: no package can be "
                "assigned, and no transfer is found. Choose its license; if Metrc does not list "
                "it, the user key does not reach it."
            ),
            cure="Choose the license",
            url=_page(account.pk),
            since=None,
            connection_id=account.pk,
            waiting=facility.waiting,
            needs=("metrc.view_metrcaccount",),
        )
    told = {by_state[facility.state].pk for facility in ours}
    for account in _without_facilities(active).exclude(pk__in=told):
        yield Problem(
            key="no facility",
            text=(
                f"{account}: none of its licenses is a facility of ours, so nothing is read. "
                "Choose which facility each license is."
            ),
            cure="Choose the facilities",
            url=_page(account.pk),
            since=None,
            connection_id=account.pk,
            needs=("metrc.view_metrcaccount",),
        )


def _without_facilities(active: QuerySet[MetrcAccount]) -> QuerySet[MetrcAccount]:
    listed = MetrcFacility.objects.filter(account=OuterRef("pk"), is_listed=True)
    return active.filter(Exists(listed)).exclude(Exists(listed.filter(facility__isnull=False)))


def failing() -> Iterator[Problem]:
    """Readings that have failed for some minutes, by account."""
    return failing_runs(MetrcAccount.objects.all(), IN_WORDS, the_key=THE_KEY)


def silent() -> Iterator[Problem]:
    """Accounts of which nothing was read for an hour, for no reason that is told elsewhere."""
    since = timezone.now() - HOUR
    # One that is being read counts: the first reading takes long.
    read = Run.objects.filter(connection=OuterRef("pk"), started_at__gte=since)
    bad_keys = notices.open_ones().filter(connection=OuterRef("pk"), category=Category.CREDENTIALS)
    mapped = MetrcFacility.objects.filter(
        account=OuterRef("pk"), facility__isnull=False, is_listed=True
    )
    accounts = (
        MetrcAccount.objects.filter(Exists(mapped), is_active=True, created_at__lt=since)
        .exclude(NO_KEYS)
        .exclude(Exists(read))
        .exclude(Exists(bad_keys.filter(key=THE_KEY)))
    )
    for pk, name in accounts.values_list("pk", "name"):
        yield Problem(
            key="silent",
            text=(
                f"{name}: nothing was read from Metrc for over an hour, so transfers are not found "
                "and packages are out of date. The worker may stand still."
            ),
            cure="Read now, and look what comes",
            url=_page(pk),
            since=None,
            connection_id=pk,
            needs=("metrc.view_metrcaccount",),
        )


SOURCES = (
    Source(
        "metrc key",
        "Give Metrc keys that work",
        Category.CREDENTIALS,
        keys,
        "metrc.view_metrcaccount",
        is_urgent=True,
        is_raised=True,
    ),
    Source(
        "metrc failing",
        "Metrc does not answer as it should",
        Category.RUN_FAILED,
        failing,
        "integrations.view_run",
        is_urgent=True,
    ),
    Source(
        "metrc silent",
        "Nothing is read from Metrc",
        Category.RUN_FAILED,
        silent,
        "metrc.view_metrcaccount",
        is_urgent=True,
    ),
    Source(
        "metrc license",
        "Say which facility a license is",
        Category.SETUP,
        unmapped,
        "metrc.view_metrcaccount",
    ),
)
