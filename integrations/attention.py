"""The page "Needs attention": what waits now, with who looks after it and what is put off."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.paginator import Page as DjangoPage
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations import problems
from integrations.models import Notice
from integrations.notices import open_ones
from integrations.problems import Group, Problem, Source

# So many of a group are shown at first, and on a page of all of them.
AT_FIRST = 5
ON_A_PAGE = 100
LONGEST_SNOOZE = timedelta(days=31)
MORNING = time(8, 0)


@dataclass(frozen=True)
class Row:
    """A problem with its notice, once there is one, and whether the viewer may press its button."""

    source: Source
    problem: Problem
    notice: Notice | None
    may_act: bool
    may_cure: bool

    @property
    def is_snoozed(self) -> bool:
        until = self.notice.snoozed_until if self.notice else None
        return bool(until and until > timezone.now())

    @property
    def assigned_to(self) -> User | None:
        return self.notice.assigned_to if self.notice else None


@dataclass(frozen=True)
class Shown:
    """A group as the page shows it. `rows` may be cut; `group` has the counts of all. `page` is set
    where all of them are shown, page by page."""

    group: Group
    rows: list[Row]
    count: int
    page: DjangoPage[Row] | None = None

    @property
    def hidden(self) -> int:
        return self.count - len(self.rows)


@dataclass(frozen=True)
class Page:
    groups: list[Shown]
    snoozed: list[Row]
    count: int


def look(
    may: Callable[[str], bool],
    *,
    mine: User | None = None,
    opened: str = "",
    number: str = "1",
) -> Page:
    """What waits now of what the viewer may see.

    `may` tells whether the viewer has a permission; `mine`: only what is assigned to this person;
    `opened`: the source of which all is shown, not only the first few; `number`: which page of it.
    """
    groups = problems.find(may)
    notices = _notices()
    shown, snoozed, count = [], [], 0
    for group in groups:
        rows = [_row(group.source, problem, notices, may) for problem in group.problems]
        if mine:
            rows = [row for row in rows if row.assigned_to == mine]
        snoozed += [row for row in rows if row.is_snoozed]
        rows = [row for row in rows if not row.is_snoozed]
        if not rows:
            continue
        count += len(rows)
        kept = Group(group.source, [row.problem for row in rows])
        if opened == group.source.name:
            part = Paginator(rows, ON_A_PAGE).get_page(number)
            shown.append(Shown(kept, list(part), len(rows), part))
        else:
            shown.append(Shown(kept, rows[:AT_FIRST], len(rows)))
    return Page(shown, snoozed, count)


Known = dict[tuple[str, int | None, str], Notice]


def _notices() -> Known:
    """The open notices that say something of their own: put off, or looked after by somebody."""
    rows = open_ones().select_related("assigned_to", "snoozed_by")
    marked = rows.filter(snoozed_until__gt=timezone.now()) | rows.filter(assigned_to__isnull=False)
    return {(row.category, row.connection_id, row.key): row for row in marked}


def _row(source: Source, problem: Problem, notices: Known, may: Callable[[str], bool]) -> Row:
    key = source.stored_key(problem)
    notice = notices.get((source.category.value, problem.connection_id, key))
    act = problem.act
    may_act = bool(act and all(map(may, act.permissions)))
    return Row(source, problem, notice, may_act, all(map(may, problem.needs)))


def notice_of(source_name: str, key: str, connection_id: int | None) -> Notice:
    """The open notice of a problem that is there now; made when nobody has noted it yet.

    Raises ValidationError when there is no such problem (any more).
    """
    source = next((one for one in problems.sources() if one.name == source_name), None)
    found = source.find() if source else ()
    wanted = (connection_id, key)
    problem = next((one for one in found if (one.connection_id, one.key[:150]) == wanted), None)
    if source is None or problem is None:
        raise ValidationError("That is mended already: it is not on the list any more.")
    stored = source.stored_key(problem)
    known = {"category": source.category, "key": stored, "connection_id": connection_id}
    notice = open_ones().filter(**known).first()
    if notice:
        return notice
    try:
        with transaction.atomic():
            return Notice.objects.create(
                source="" if source.is_raised else source.name,
                text=problem.text,
                cure=problem.cure[:200],
                url=problem.url[:500],
                waiting=problem.waiting,
                **known,
            )
    except IntegrityError:
        return open_ones().get(**known)


def snooze(notice: Notice, until: datetime, reason: str, *, by: User) -> None:
    """Put a problem off the list until then. Raises ValidationError for a time or a reason that
    makes no sense."""
    reason = reason.strip()
    if not reason:
        raise ValidationError("Say why it can wait: others will wonder.")
    if until <= timezone.now():
        raise ValidationError("Choose a time that is still to come.")
    if until > timezone.now() + LONGEST_SNOOZE:
        raise ValidationError("Choose a time within the next month.")
    Notice.objects.filter(pk=notice.pk).update(
        snoozed_until=until, snooze_reason=reason[:300], snoozed_by=by
    )


def wake(notice: Notice) -> None:
    """Put it back on the list."""
    Notice.objects.filter(pk=notice.pk).update(
        snoozed_until=None, snooze_reason="", snoozed_by=None
    )


def assign(notice: Notice, to: User | None) -> None:
    """Say who looks after it; None: nobody in particular."""
    Notice.objects.filter(pk=notice.pk).update(assigned_to=to)


def snooze_choices() -> list[tuple[str, str, datetime]]:
    """The times a problem can be put off to: name, label, time."""
    now = timezone.localtime()
    tomorrow = now.date() + timedelta(days=1)
    monday = now.date() + timedelta(days=7 - now.weekday())
    zone = timezone.get_current_timezone()
    return [
        ("hour", "For an hour", now + timedelta(hours=1)),
        ("tomorrow", "Until tomorrow, 8:00", datetime.combine(tomorrow, MORNING, zone)),
        ("monday", "Until Monday, 8:00", datetime.combine(monday, MORNING, zone)),
        ("fortnight", "For two weeks", now + timedelta(days=14)),
    ]
