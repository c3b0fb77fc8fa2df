"""Asks a real worker for work, from a process of its own on the worker's database.

Reads lines: `ask KEY` and `waits KEY` (work), `queue` and `kept TASK` (a task and its result),
`sleep FILE` (a long task); answers each with one line. Run by tests/test_worker_kills.py.
"""

import os
import sys
import time
from pathlib import Path


def nap(file):
    """A long task: says who is at it, and takes its time. Runs in the worker."""
    Path(file).write_text(str(os.getpid()))
    time.sleep(120)


def say(word):
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main():
    import django

    django.setup()
    from django.core.management import call_command
    from django_q.models import Task
    from django_q.tasks import async_task

    from integrations import work
    from integrations.leaflink.models import Account
    from integrations.leaflink.work_kinds import RECONSIDER_WORK
    from integrations.models import WorkItem

    call_command("migrate", verbosity=0, interactive=False)
    account = Account.objects.get_or_create(name="Practice", host=Account.Host.STAND_IN)[0]
    say("ready")
    for line in sys.stdin:
        verb, _, key = line.strip().partition(" ")
        if verb == "ask":
            # To look again at an order that is not there is done as soon as it is begun.
            work.ask(account.pk, RECONSIDER_WORK, [key], WorkItem.Priority.ORDERS)
            say("asked")
        elif verb == "waits":
            say("yes" if WorkItem.objects.filter(key=key).exists() else "no")
        elif verb == "queue":
            say(async_task("config.schedules.beat"))
        elif verb == "kept":
            say("yes" if Task.objects.filter(pk=key).exists() else "no")
        elif verb == "sleep":
            say(async_task("tests.worker_driver.nap", key))


if __name__ == "__main__":
    main()
