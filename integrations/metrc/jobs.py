"""What the worker does for Metrc: the scheduled job, and the handlers of queued work."""

import logging
from datetime import timedelta

from django.db.models import F, Min

from integrations import work
from integrations.leases import Busy
from integrations.metrc import fetch_manifest, settle_template
from integrations.metrc.cycle import run_cycle
from integrations.metrc.models import MetrcAccount
from integrations.metrc.work_kinds import (
    LISTS_WORK,
    MANIFEST_WORK,
    PACKAGES_WORK,
    TEMPLATE_WORK,
    TRANSFERS_WORK,
)
from integrations.models import Connection
from integrations.outcomes import outcomes

logger = logging.getLogger(__name__)


def poll() -> None:
    """Every ten minutes: packages and outgoing transfers that changed, hourly the lists, and what
    they mean for our orders."""
    accounts = MetrcAccount.objects.filter(is_active=True).exclude(vendor_key="")
    # First those that have waited longest, should the worker be killed before the last.
    waited = Min("facilities__transfers_until")
    accounts = accounts.exclude(user_key="").annotate(waited=waited)
    for account in accounts.order_by(F("waited").asc(nulls_first=True), "pk"):
        try:
            run_cycle(account)
        except Busy:
            logger.info("account is busy", extra={"account": account.pk})
        except Exception:
            # One account's trouble must not keep the others waiting.
            logger.exception("cycle failed", extra={"account": account.pk})


def register_work() -> None:
    """Tell the work queue who does Metrc's kinds of work."""
    work.register(LISTS_WORK, "Read Metrc's lists", _reads("lists"))
    work.register(PACKAGES_WORK, "Read packages from Metrc", _reads("packages"))
    work.register(TRANSFERS_WORK, "Read transfers from Metrc", _reads("transfers"))
    work.register(TEMPLATE_WORK, "Send transfer template to Metrc", settle_template.send_due)
    work.register(MANIFEST_WORK, "Fetch manifest from Metrc", fetch_manifest.fetch_due)


def _reads(step: str) -> work.Handler:
    """A handler that runs one step of the cycle for the license that is its key."""

    def run(connection: Connection, key: str) -> None:
        account = MetrcAccount.objects.get(pk=connection.pk)
        with outcomes():
            for done in run_cycle(account, [step], facility_id=int(key)):
                if done.error:
                    raise work.Later(done.error, timedelta(seconds=10))

    return run
