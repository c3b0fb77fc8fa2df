"""The fast path: quantities of listings that were marked because something they depend on changed.

A worker takes all that wait, several at a time; nothing is read or sent for those whose number is
the same after all. What the ten-minute sweep found comes here as well, less urgent: it makes way
whenever something changes.
"""

import time
from datetime import datetime, timedelta

from django.utils import timezone

from integrations import call_log, push_delays, work
from integrations.leaflink import cursors
from integrations.leaflink.claim_listings import being_sent
from integrations.leaflink.connect import client_for
from integrations.leaflink.due_quantities import plan
from integrations.leaflink.models import Account
from integrations.leaflink.pull_orders import RESOURCE, pull_changed
from integrations.leaflink.push_inventory import PushResult, push
from integrations.models import Connection, WorkItem
from integrations.outcomes import outcomes
from integrations.runs import Recorder

AT_A_TIME = 50
# Below the task queue's time limit with what is on its way.
SECONDS = 120
# Orders that were read so lately need not be read again before a number is sent.
FRESH = {WorkItem.Priority.SWEEP: timedelta(minutes=1)}
JUST_NOW = timedelta(seconds=1)


def push_marked(connection: Connection, keys: list[str], batch: work.Batch) -> dict[str, Exception]:
    """Send what is due of these items; returns by key what has to be done once more."""
    account = Account.objects.get(pk=connection.pk)
    if account.in_setup:
        return {}
    item_ids = [int(key) for key in keys]
    # Another process has computed their numbers already, and may know nothing of this change.
    busy = being_sent(account, item_ids)
    item_ids = [pk for pk in item_ids if pk not in busy]
    found = plan(account, item_ids)
    if not (found.changes or found.no_longer_braked):
        return _again(PushResult(busy=busy))
    priority = WorkItem.Priority(batch.priority)
    answered: dict[int, datetime] = {}

    def on_sent(item_id: int) -> None:
        answered[item_id] = timezone.now()

    with outcomes():
        client = client_for(account, priority, share=1)
        if not cursors.is_fresh(account, RESOURCE, FRESH.get(priority, JUST_NOW)):
            pull_changed(account, client, Recorder())
        try:
            result = push(
                account,
                client,
                item_ids,
                Recorder(),
                deadline=time.monotonic() + SECONDS,
                should_yield=batch.should_yield,
                on_sent=on_sent,
            )
        finally:
            # Of what ended early, what was sent counts all the same.
            _note_delays(account, batch, answered)
    result.busy |= busy
    return _again(result)


def _note_delays(account: Account, batch: work.Batch, answered: dict[int, datetime]) -> None:
    """Keep how long these took since they were last asked for."""
    is_sweep = batch.priority == WorkItem.Priority.SWEEP
    what = push_delays.SWEPT if is_sweep else push_delays.CHANGED
    for item_id, at in answered.items():
        call_log.add_delay(account.pk, what, batch.asked_at[str(item_id)], at)


def _again(result: PushResult) -> dict[str, Exception]:
    """What is not done yet, as the work queue understands it."""
    return {
        **{
            str(pk): work.Later("Another process is sending it.", JUST_NOW, "busy", counts=False)
            for pk in result.busy
        },
        **{
            str(pk): work.Later("Something more urgent came.", timedelta(0), "yield", counts=False)
            for pk in result.left
        },
        **{
            str(pk): work.Later(
                "LeafLink's answer was lost. It is sent again.",
                timedelta(seconds=2),
                "unknown outcome",
            )
            for pk in result.lost
        },
    }
