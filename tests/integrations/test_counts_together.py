"""Two processes that count the same hour lose nothing, and never wait in a circle."""

import pytest
from django.utils import timezone

from integrations import call_counts
from integrations.models import CallCount, Connection, PushDelay
from tests.leaflink.test_two_workers import in_a_process

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
COUNT = """
from datetime import datetime, timedelta
from django.db import transaction
from integrations import call_counts, push_delays
from integrations.models import Call
at = datetime.fromisoformat({at!r})
for n in range(100):
    names = ["Orders read", "Products sent", "Payments sent"]
    if {turned}:
        names.reverse()
    calls = [Call(connection_id={pk}, at=at, what=what, outcome=outcome, milliseconds=10)
             for what in names for outcome in ("ok", "wait")]
    delays = [push_delays.Delay({pk}, "Quantity changed", at - timedelta(seconds=s), at)
              for s in ((1, 5, 100) if {turned} else (100, 5, 1))]
    with transaction.atomic():
        call_counts.count(calls)
        push_delays.count(delays)
print("done")
"""


def test_two_processes_count_the_same_hour():
    connection = Connection.objects.create(name="Alder Peak")
    now = timezone.now()
    started = [
        in_a_process(COUNT.format(at=now.isoformat(), pk=connection.pk, turned=turned))
        for turned in (False, True)
    ]
    said = [process.communicate(timeout=120)[0] for process in started]
    assert [text.strip().splitlines()[-1] for text in said] == ["done", "done"], said
    rows = CallCount.objects.values_list("hour", "calls", "milliseconds")
    assert list(rows) == [(call_counts.hour_of(now), 200, 2000)] * 6
    delays = PushDelay.objects.order_by("within").values_list("within", "pushes", "longest")
    assert list(delays) == [(1, 200, 1), (6, 200, 5), (120, 200, 100)]
