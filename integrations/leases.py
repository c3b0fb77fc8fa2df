"""Single flight: a named lease in the database that one process holds at a time."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.models import Lease


class Busy(Exception):
    """Somebody else holds the lease."""


@contextmanager
def lease(name: str, length: timedelta = timedelta(minutes=6)) -> Iterator[None]:
    """Hold the lease `name` while the block runs; raises Busy when another process has it.

    A process that dies keeps it until `length` has passed, so choose it above the longest run (the
    task queue kills after five minutes).
    """
    holder = uuid.uuid4()
    now = timezone.now()
    taken = Lease.objects.filter(name=name, until__lt=now).update(holder=holder, until=now + length)
    if not taken:
        try:
            with transaction.atomic():
                Lease.objects.create(name=name, holder=holder, until=now + length)
        except IntegrityError as error:
            raise Busy(f"{name} is being worked on by another process.") from error
    try:
        yield
    finally:
        Lease.objects.filter(name=name, holder=holder).delete()
