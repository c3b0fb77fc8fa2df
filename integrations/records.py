"""Finding the page of a record that a call or a failure was about, and the work that tries again.

Vendors say what they know when the apps are ready; nothing here knows any of them.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from integrations import work
from integrations.models import Run, WorkItem


@dataclass(frozen=True)
class Page:
    """A record's page, and what people call the record."""

    address: str
    name: str


# Of a connection's records with these keys: the page of each, by key.
Finder = Callable[[int, Collection[str]], dict[str, Page]]


@dataclass(frozen=True)
class Kind:
    """A kind of record: who finds their pages, and what a person needs to see them."""

    find: Finder
    permission: str


_kinds: dict[str, Kind] = {}
# By kind of run and of record: the kind of work, on the record's key, that does it again.
_again: dict[tuple[str, str], tuple[str, WorkItem.Priority]] = {}


def register(kind: str, find: Finder, permission: str) -> None:
    """Say who finds the pages of records of this kind."""
    _kinds[kind] = Kind(find, permission)


def register_again(
    run_kind: str, record_kind: str, work_kind: str, priority: WorkItem.Priority
) -> None:
    """Say which work does again what a run of this kind could not do to a record of that kind."""
    _again[run_kind, record_kind] = (work_kind, priority)


def pages(
    connection_id: int,
    records: Iterable[tuple[str, str]],
    may: Callable[[str], bool] = lambda permission: True,
) -> dict[tuple[str, str], Page]:
    """By (kind, key) the record's page, where there is one that a person with these
    permissions may see: a query for each kind, however many records."""
    by_kind: dict[str, set[str]] = {}
    for kind, key in records:
        if kind in _kinds and key:
            by_kind.setdefault(kind, set()).add(key)
    return {
        (kind, key): page
        for kind, keys in by_kind.items()
        if may(_kinds[kind].permission)
        for key, page in _kinds[kind].find(connection_id, keys).items()
    }


def can_try_again(run: Run, problem: dict[str, str]) -> bool:
    """Whether there is work that does again what failed."""
    return bool(problem.get("record_key") and (run.kind, problem.get("record_kind", "")) in _again)


def try_again(run: Run, problems: Iterable[dict[str, str]]) -> int:
    """Ask for what failed in a run to be done again; returns how many pieces of work that is.
    Failures for which there is no such work are left out."""
    wanted: dict[tuple[str, WorkItem.Priority], set[str]] = {}
    for problem in problems:
        if can_try_again(run, problem):
            work_of = _again[run.kind, problem["record_kind"]]
            wanted.setdefault(work_of, set()).add(problem["record_key"])
    for (kind, priority), keys in wanted.items():
        work.ask(run.connection_id, kind, keys, priority)
    return sum(map(len, wanted.values()))
