"""Raising, finding and resolving notices: one open row per problem, however often it happens."""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from integrations import problems
from integrations.models import Connection, Notice
from integrations.problems import Problem, Source

Key = tuple[int | None, str]
# What is kept of a problem, and changes while it is open.
KEPT = ("text", "cure", "url", "waiting")


def notify(
    connection: Connection | None,
    category: Notice.Category,
    key: str,
    text: str,
    *,
    cure: str = "",
    url: str = "",
) -> None:
    """Note a problem; one that is open already is counted, not added.

    `connection` None: it is about all of us. `url` is where it is mended, `cure` its words.
    """
    now = timezone.now()
    opened = open_ones().filter(connection=connection, category=category, key=key[:150])
    said = {"text": text, "cure": cure, "url": url}
    again = {**said, "last_seen_at": now, "times": models.F("times") + 1}
    if opened.update(**again):
        return
    try:
        with transaction.atomic():
            connection_id = connection.pk if connection else None
            Notice.objects.create(
                connection_id=connection_id, category=category, key=key[:150], **said
            )
    except IntegrityError:
        opened.update(**again)


def resolve(
    connection: Connection | None,
    category: Notice.Category,
    keys: Collection[str] | None = None,
) -> int:
    """The problem is gone (for these keys, or altogether); returns how many were open."""
    opened = open_ones().filter(connection=connection, category=category)
    if keys is not None:
        opened = opened.filter(key__in=[key[:150] for key in keys])
    return opened.update(resolved_at=timezone.now())


def open_ones() -> models.QuerySet[Notice]:
    """The notices of problems that are still there."""
    return Notice.objects.filter(resolved_at__isnull=True)


def refresh() -> None:
    """Look for all problems, and keep what is found as notices; what is gone is resolved.

    A source that fails leaves its notices as they are, and is told of by the exception at the end:
    the others are looked at all the same.
    """
    failed: list[Exception] = []
    for source in problems.sources():
        if source.is_raised:
            continue
        try:
            found = {(one.connection_id, source.stored_key(one)): one for one in source.find()}
            with transaction.atomic():
                _keep(source, found)
        except Exception as error:
            failed.append(error)
    if failed:
        raise failed[0]


def _keep(source: Source, found: dict[Key, Problem]) -> None:
    """Add what is new, correct what reads differently now, resolve what is gone."""
    now = timezone.now()
    known = {
        (notice.connection_id, notice.key): notice
        for notice in open_ones().filter(source=source.name).select_for_update()
    }
    gone = [notice.pk for key, notice in known.items() if key not in found]
    for start in range(0, len(gone), 500):
        Notice.objects.filter(pk__in=gone[start : start + 500]).update(resolved_at=now)
    changed = []
    for key, notice in known.items():
        if key in found and _say(notice, found[key]):
            changed.append(notice)
    Notice.objects.bulk_update(changed, [*KEPT, "last_seen_at"], batch_size=200)
    new = [_notice(source, found[key]) for key in found.keys() - known.keys()]
    # Who finds the same at the same moment adds nothing.
    Notice.objects.bulk_create(new, batch_size=500, ignore_conflicts=True)


def _notice(source: Source, problem: Problem) -> Notice:
    return Notice(
        source=source.name,
        category=source.category,
        connection_id=problem.connection_id,
        key=source.stored_key(problem),
        **_words(problem),
    )


def _words(problem: Problem) -> dict[str, str | int]:
    return {
        "text": problem.text,
        "cure": problem.cure[:200],
        "url": problem.url[:500],
        "waiting": problem.waiting,
    }


def _say(notice: Notice, problem: Problem) -> bool:
    """Put on the notice what the problem says now; whether that is anything new."""
    words = _words(problem)
    if all(getattr(notice, name) == value for name, value in words.items()):
        return False
    for name, value in words.items():
        setattr(notice, name, value)
    notice.last_seen_at = timezone.now()
    return True


def raised(
    category: Notice.Category, connections: models.QuerySet[Any] | None = None
) -> Iterable[Problem]:
    """The open notices of this category that were raised where they happened, as problems.

    `connections`: only those about these, where several vendors raise the same category.
    """
    rows = open_ones().filter(category=category, source="").order_by("first_seen_at")
    if connections is not None:
        rows = rows.filter(connection__in=connections.order_by().values("pk"))
    rows = rows.filter(
        models.Q(connection__isnull=True) | models.Q(connection__is_active=True)
    ).select_related("connection")
    for row in rows:
        about = (
            f"{row.connection}: " if row.connection and str(row.connection) not in row.text else ""
        )
        yield Problem(
            key=row.key,
            text=f"{about}{row.text}",
            cure=row.cure or "Look at it",
            url=row.url,
            since=row.first_seen_at,
            connection_id=row.connection_id,
        )
