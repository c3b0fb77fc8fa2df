"""Windows: the whole span is read, in order, in pieces that the host takes."""

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.metrc.wire import payloads, reads
from integrations.metrc.wire.client import LONGEST_WINDOW, OVERLAP
from integrations.metrc.wire.windows import as_text, windows
from integrations.wire.errors import Refused, Wait
from tests.metrc.wire_parts import BASE, LICENSE, client_of, page

OUTGOING = f"{BASE}/transfers/v2/outgoing"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


@given(
    since=st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1), timezones=ZONES),
    span=st.timedeltas(timedelta(microseconds=1), timedelta(days=40)),
    longest=st.timedeltas(timedelta(hours=1), timedelta(days=800)),
    overlap=st.timedeltas(timedelta(0), timedelta(days=2)),
)
@settings(max_examples=30)
def test_windows_cover_the_span_without_a_gap(since, span, longest, overlap):
    until = since + span
    found = list(windows(since, until, longest=longest, overlap=overlap))
    assert found[0][0] <= since
    assert until <= found[-1][1] < until + timedelta(seconds=1)
    assert all(start < end and end - start <= longest for start, end in found)
    for (_, end), (start, later) in pairwise(found):
        assert start <= end < later
        assert end - start >= min(overlap, longest / 4) - timedelta(seconds=1)


def test_nothing_is_read_of_an_empty_span_nor_of_times_without_an_offset():
    more = {"longest": LONGEST_WINDOW, "overlap": OVERLAP}
    assert list(windows(SINCE, SINCE, **more)) == []
    assert list(windows(SINCE, SINCE - timedelta(days=1), **more)) == []
    with pytest.raises(ValueError, match="offset"):
        list(windows(datetime(2026, 3, 1), SINCE, **more))


def test_times_go_out_in_utc_with_a_z():
    moment = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert as_text(moment) == "2026-02-28T23:30:00Z"


class Host:
    """A Metrc that takes windows up to `widest` and knows transfers by when they were modified."""

    def __init__(self, mock, widest=timedelta(hours=24), rows=()):
        self.widest, self.rows, self.asked = widest, list(rows), []
        mock.add_callback(responses.GET, OUTGOING, self.answer)

    def answer(self, request):
        query = request.params
        start, end = (
            datetime.fromisoformat(query[name]) for name in ("lastModifiedStart", "lastModifiedEnd")
        )
        assert query["licenseNumber"] == LICENSE
        assert query["lastModifiedStart"].endswith("Z")
        assert query["lastModifiedEnd"].endswith("Z")
        self.asked.append((start, end))
        if end - start > self.widest:
            return 400, {}, json.dumps({"Message": "The window is too wide."})
        found = [
            row for row in self.rows if start <= datetime.fromisoformat(row["LastModified"]) <= end
        ]
        return 200, {}, json.dumps(page(found))


@pytest.fixture
def mock():
    with responses.RequestsMock() as one:
        yield one


def transfer(number, modified):
    return {"Id": number, "ManifestNumber": f"{number:010}", "LastModified": modified.isoformat()}


def test_what_was_modified_is_read_window_by_window(mock):
    times = [SINCE + timedelta(hours=hours) for hours in (1, 30, 49)]
    host = Host(mock, rows=[transfer(n, at) for n, at in enumerate(times, start=1)])
    until = SINCE + timedelta(hours=50, microseconds=5)
    found = list(reads.outgoing(client_of(), LICENSE, SINCE, until))
    assert [[row.id for row in rows] for _, rows in found] == [[1], [2], [3]]
    ends = [end for end, _ in found]
    assert ends == sorted(ends)
    assert ends[-1] == until
    assert host.asked[0][0] == SINCE - OVERLAP


def test_a_window_that_is_too_wide_is_narrowed_and_stays_so(mock):
    host = Host(mock, widest=timedelta(hours=7))
    client = client_of(longest_window=timedelta(days=4000))
    until = SINCE + timedelta(days=2)
    ends = [end for end, _ in client.changed("transfers/v2/outgoing", LICENSE, SINCE, until)]
    assert ends[-1] == until
    refused = [end - start for start, end in host.asked if end - start > host.widest]
    assert len(refused) == 3  # both days, a day, half a day
    assert client.longest_window <= host.widest


def test_a_refusal_for_another_reason_is_told_in_the_end(mock):
    host = Host(mock, widest=timedelta(0))
    client = client_of()
    with pytest.raises(Refused, match="too wide"):
        list(client.changed("transfers/v2/outgoing", LICENSE, SINCE, SINCE + timedelta(days=3)))
    assert len(host.asked) == 5
    assert client.longest_window == LONGEST_WINDOW


def test_a_narrow_window_is_not_narrowed(mock):
    host = Host(mock, widest=timedelta(0))
    with pytest.raises(Refused):
        list(reads.outgoing(client_of(), LICENSE, SINCE, SINCE + timedelta(minutes=10)))
    assert len(host.asked) == 1


def test_what_was_read_before_a_trouble_is_not_read_again(mock):
    Host(mock)
    until = SINCE + timedelta(days=3)
    walk = reads.outgoing(client_of(read_attempts=1), LICENSE, SINCE, until)
    reached, _ = next(walk)
    mock.replace(responses.GET, OUTGOING, status=503)
    with pytest.raises(Wait):
        next(walk)
    mock.remove(responses.GET, OUTGOING)
    host = Host(mock)
    ends = [end for end, _ in reads.outgoing(client_of(), LICENSE, reached, until)]
    assert ends[-1] == until
    assert host.asked[0][0] == reached - OVERLAP


@pytest.mark.parametrize("kind", ["active", "inactive", "onhold", "intransit"])
def test_one_bad_package_does_not_stop_the_others(mock, kind):
    rows = [{"Id": 1, "Label": "A", "Quantity": 2.5}, {"Id": 2}, "odd", {"Id": 3, "Label": "C"}]
    rows[3]["Quantity"] = 1
    mock.get(f"{BASE}/packages/v2/{kind}", json=page(rows))
    until = SINCE + timedelta(hours=1)
    ((end, found),) = reads.changed_packages(client_of(), LICENSE, kind, SINCE, until)
    assert end == until
    assert [type(row) for row in found] == [
        payloads.Package,
        payloads.Unreadable,
        payloads.Unreadable,
        payloads.Package,
    ]
    assert found[1].raw == {"Id": 2}
    assert "Label" in found[1].reason
    assert found[2].raw == "odd"
