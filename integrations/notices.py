"""Raising and resolving notices: one open row per problem, however often it happens."""

from collections.abc import Collection

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from integrations.models import Connection, Notice


def notify(connection: Connection, category: Notice.Category, key: str, text: str) -> None:
    """Note a problem; one that is open already is counted, not added."""
    now = timezone.now()
    opened = Notice.objects.filter(
        connection=connection, category=category, key=key[:150], resolved_at__isnull=True
    )
    again = {"text": text, "last_seen_at": now, "times": models.F("times") + 1}
    if opened.update(**again):
        return
    try:
        with transaction.atomic():
            Notice.objects.create(
                connection_id=connection.pk, category=category, key=key[:150], text=text
            )
    except IntegrityError:
        opened.update(**again)


def resolve(
    connection: Connection, category: Notice.Category, keys: Collection[str] | None = None
) -> None:
    """The problem is gone (for these keys, or altogether)."""
    opened = Notice.objects.filter(
        connection=connection, category=category, resolved_at__isnull=True
    )
    if keys is not None:
        opened = opened.filter(key__in=[key[:150] for key in keys])
    opened.update(resolved_at=timezone.now())
