"""What waits for a person: found by looking at how things stand, never by remembering events.

Each app says where to look by `register`. The page "Needs attention" shows what is found just now;
each minute `integrations.notices.refresh` keeps it as notices, which is what mails are about.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from integrations.models import Notice


@dataclass(frozen=True)
class Act:
    """A button that mends it in place: a POST to `url` with these fields."""

    label: str
    url: str
    fields: tuple[tuple[str, str], ...] = ()
    # What a person needs for it ("leaflink.change_staff").
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """One thing that a person has to mend, with where that is done.

    `key` tells it from the others of its source and account. `waiting` is how many records (orders,
    mostly) wait for it, `value` the money they stand for, `since` when it began.
    """

    key: str
    text: str
    cure: str
    url: str
    since: datetime | None
    connection_id: int | None = None
    waiting: int = 0
    value: Decimal | None = None
    act: Act | None = None
    # What a person needs who is to follow `url`.
    needs: tuple[str, ...] = ()


Find = Callable[[], Iterable[Problem]]


@dataclass(frozen=True)
class Source:
    """A kind of problem: all that is mended in the same way.

    `label` is the heading of the group; `needs` the permission without which nobody sees it;
    `is_urgent` says that selling stops or money is lost until somebody acts.
    """

    name: str
    label: str
    category: Notice.Category
    find: Find
    needs: str
    is_urgent: bool = False
    # What waits ("order"), for counts.
    of: str = "order"
    # Its problems are notices that were raised where they happened: nothing has to be kept.
    is_raised: bool = False
    # The list of what waits, if there is one.
    listed: Callable[[], str] | None = None

    def stored_key(self, problem: Problem) -> str:
        """By what the notice of one of its problems is known: two sources of one category may both
        speak of the same record."""
        return (problem.key if self.is_raised else f"{self.name} {problem.key}")[:150]

    @property
    def listed_at(self) -> str:
        return self.listed() if self.listed else ""


@dataclass(frozen=True)
class Group:
    """What one source has found, the oldest and most valuable first."""

    source: Source
    problems: list[Problem] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        return sum(problem.waiting for problem in self.problems)

    @property
    def value(self) -> Decimal:
        return sum((problem.value or Decimal(0) for problem in self.problems), Decimal(0))


_sources: dict[str, Source] = {}


def register(source: Source) -> None:
    """Add a source of problems. Called once for each, when the apps are ready."""
    _sources[source.name] = source


def sources() -> list[Source]:
    """All sources, the urgent ones first, otherwise in the order they were registered."""
    return sorted(_sources.values(), key=lambda source: not source.is_urgent)


def find(may_see: Callable[[str], bool], *, only_urgent: bool = False) -> list[Group]:
    """What waits now, in groups by what mends it; `may_see` is asked about each permission."""
    asked = [source for source in sources() if source.is_urgent or not only_urgent]
    groups = [Group(source, _sorted(source.find())) for source in asked if may_see(source.needs)]
    return [group for group in groups if group.problems]


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    """The oldest day first; of the same day the most valuable, then the one most wait for."""

    def rank(problem: Problem) -> tuple[str, Decimal, int, str]:
        day = problem.since.date().isoformat() if problem.since else "9999"
        return day, -(problem.value or Decimal(0)), -problem.waiting, problem.text

    return sorted(problems, key=rank)
