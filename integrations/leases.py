"""Single flight: a named lease in the database that one process holds at a time."""

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.models import Lease
from integrations.processes import is_alive


class Busy(Exception):
    """Somebody else holds the lease."""


@contextmanager
def lease(name: str, length: timedelta = timedelta(minutes=6)) -> Iterator[None]:
    """Hold the lease `name` while the block runs; raises Busy when another process has it.

    The lease of a process that was killed is free at once on the same host, and elsewhere when
    `length` has passed; so choose it above the longest run (the task queue kills after 5 minutes).
    """
    now = timezone.now()
    mine: dict[str, Any] = {
        "holder": uuid.uuid4(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "until": now + length,
    }
    if not (_take_over(name, mine) or _create(name, mine)):
        raise Busy(f"{name} is being worked on by another process.")
    try:
        yield
    finally:
        Lease.objects.filter(name=name, holder=mine["holder"]).delete()


def _take_over(name: str, mine: dict[str, Any]) -> bool:
    """Take a lease that has run out, or whose holder is dead; the UPDATE decides who gets it."""
    old = Lease.objects.filter(name=name).first()
    if old is None or (old.until >= timezone.now() and not _is_dead(old)):
        return False
    return bool(Lease.objects.filter(pk=old.pk, holder=old.holder).update(**mine))


def _is_dead(old: Lease) -> bool:
    if old.host != socket.gethostname() or not old.pid:
        return False
    return not is_alive(old.pid)


def _create(name: str, mine: dict[str, Any]) -> bool:
    try:
        with transaction.atomic():
            Lease.objects.create(name=name, **mine)
    except IntegrityError:
        return False
    return True
