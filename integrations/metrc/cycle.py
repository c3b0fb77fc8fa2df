"""One cycle of a Metrc account, one at a time: lists, packages, templates whose answer was lost,
transfers and what they mean for our orders. Schedule, buttons and queued work all come through
here.
"""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, Q
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from integrations import runs, work
from integrations.budget import BudgetExhausted
from integrations.encryption import WrongEncryptionKey
from integrations.leases import lease
from integrations.metrc import check_keys, fetch_manifest, match_transfers, reconcile
from integrations.metrc.connect import client_for
from integrations.metrc.models import MetrcAccount, MetrcFacility, TransferTemplate
from integrations.metrc.note_checks import CREDENTIALS, THE_KEY
from integrations.metrc.pull_packages import pull_packages
from integrations.metrc.pull_transfers import pull_transfers
from integrations.metrc.read_lists import read_lists
from integrations.metrc.wire.client import MetrcClient
from integrations.metrc.work_kinds import TEMPLATE_WORK
from integrations.models import WorkItem
from integrations.notices import notify, open_ones
from integrations.runs import Recorder
from integrations.wire.errors import BadCredentials, VendorError, Wait

logger = logging.getLogger(__name__)
LISTS_EVERY = timedelta(hours=1)


@dataclass
class Step:
    """What a step did. `error` is set when it could not be finished."""

    name: str
    error: str = ""
    # Metrc did not take the keys for it.
    is_refused: bool = False


@dataclass
class _Context:
    account: MetrcAccount
    facilities: list[MetrcFacility]


Action = Callable[[_Context, MetrcClient, Recorder], None]


def _lists(context: _Context, client: MetrcClient, run: Recorder) -> None:
    read_lists(context.account, client, run)


def _packages(context: _Context, client: MetrcClient, run: Recorder) -> None:
    _each(context, run, lambda facility: pull_packages(facility, client, run))


def _templates(context: _Context, client: MetrcClient, run: Recorder) -> None:
    """Templates of which Metrc was asked something and has not answered go on the queue."""
    asked = TransferTemplate.objects.filter(
        Q(state=TransferTemplate.State.ASKED)
        | Q(state=TransferTemplate.State.SENT, withdraw_asked_at__isnull=False),
        facility__in=context.facilities,
    )
    keys = [str(pk) for pk in asked.values_list("pk", flat=True)]
    run.seen += len(keys)
    work.ask(context.account.pk, TEMPLATE_WORK, keys, WorkItem.Priority.ORDERS)


def _transfers(context: _Context, client: MetrcClient, run: Recorder) -> None:
    def read(facility: MetrcFacility) -> None:
        pull_transfers(facility, client, run)
        looked = match_transfers.look(facility)
        run.changed += looked.matched + looked.ended
        for number, reason in looked.failed.items():
            run.problem(f"Order {number}", reason)
        reconcile.note_due(facility)
        fetch_manifest.ask_for_due(facility)

    _each(context, run, read)


def _each(context: _Context, run: Recorder, read: Callable[[MetrcFacility], None]) -> None:
    """Read each license. One that can't be read is told of, and the others are; credentials first,
    since they are what a person mends."""
    failed: Exception | None = None
    for facility in context.facilities:
        try:
            read(facility)
        except (Wait, BudgetExhausted):
            raise  # so it is for the others
        except BadCredentials as error:
            failed = error
            run.problem(facility, str(error))
        except Exception as error:
            failed = failed or error
            run.problem(facility, str(error))
    if failed:
        raise failed


STEPS: dict[str, Action] = {
    "lists": _lists,
    "packages": _packages,
    "templates": _templates,
    "transfers": _transfers,
}


def run_cycle(
    account: MetrcAccount, only: Collection[str] = (), *, facility_id: int | None = None
) -> list[Step]:
    """Run the steps (all, or `only` some), for all of the account's mapped licenses or for one,
    and return what each did. A step that fails is reported and the next is tried.

    Raises Busy when another process is at it.
    """
    steps = []
    with lease(f"metrc account {account.pk}"):
        for name, action in STEPS.items():
            if only and name not in only:
                continue
            # Read anew for each step: the first one may find licenses.
            facilities = account.facilities.filter(is_listed=True, facility__isnull=False)
            if facility_id is not None:
                facilities = facilities.filter(pk=facility_id)
            # First those that have waited longest, should there be no time for all.
            facilities = facilities.order_by(F("transfers_until").asc(nulls_first=True), "pk")
            context = _Context(account, list(facilities.select_related("account", "facility")))
            if not only and name == "lists" and not _lists_due(account):
                continue
            step = Step(name)
            steps.append(step)
            _run_step(context, step, action)
        told = open_ones().filter(connection=account, category=CREDENTIALS)
        if any(step.is_refused for step in steps) or told.exists():
            _test_keys(account)
    return steps


def _lists_due(account: MetrcAccount) -> bool:
    """Whether the lists were not read within the hour."""
    lately = account.facilities.filter(lists_read_at__gte=timezone.now() - LISTS_EVERY)
    return not lately.exists()


def _run_step(context: _Context, step: Step, action: Action) -> None:
    account = context.account
    with bound_contextvars(account=account.pk, step=step.name):
        try:
            with _recorded(account, step.name) as (run, client):
                action(context, client, run)
        except (BadCredentials, WrongEncryptionKey) as error:
            step.error, step.is_refused = str(error), True
        except (VendorError, BudgetExhausted) as error:
            step.error = str(error)
        except Exception as error:
            logger.exception("step failed", extra={"account": account.pk, "step": step.name})
            step.error = f"{type(error).__name__}: {error}"


def _test_keys(account: MetrcAccount) -> None:
    """Find out which key, license or permission is missing, or that nothing is any more; people
    are told of it by notices."""
    try:
        check_keys.check(account)
    except WrongEncryptionKey as error:
        notify(account, CREDENTIALS, THE_KEY, f"{account}: {error}")


@contextmanager
def _recorded(account: MetrcAccount, name: str) -> Iterator[tuple[Recorder, MetrcClient]]:
    """A Run for the step, and a client whose calls it counts."""
    with runs.record(account, name) as run:
        client = client_for(account, WorkItem.Priority.ORDERS)
        try:
            yield run, client
        finally:
            run.calls = client.calls
