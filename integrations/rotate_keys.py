"""Bringing every stored secret under the newest encryption key, while everything runs.

A few rows at a time, each read under its lock and written in the same short transaction, so that a
secret which somebody replaces meanwhile is never overwritten with the old one.
"""

from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models, transaction

from integrations.encryption import (
    EncryptedTextField,
    WrongEncryptionKey,
    decrypted,
    has_newest_key,
)

AT_A_TIME = 50


@dataclass
class Tally:
    """What was found in one column. `unreadable`: the rows that no key of ours can read."""

    rows: str
    column: str
    newest: int = 0
    older: int = 0
    unreadable: list[str] = field(default_factory=list)


def encrypted_columns() -> list[tuple[type[models.Model], EncryptedTextField]]:
    """Every encrypted column there is, each once, with its model."""
    return [
        (model, column)
        for model in apps.get_models()
        if model._meta.managed and not model._meta.proxy
        for column in model._meta.local_fields
        if isinstance(column, EncryptedTextField)
    ]


def rotate_keys() -> list[Tally]:
    """Encrypt every secret with the first of FIELD_ENCRYPTION_KEYS.

    `older` counts what was encrypted anew. Unreadable rows stay as they are.
    """
    return [_go_through(*column, write=True) for column in encrypted_columns()]


def count_keys() -> list[Tally]:
    """How many secrets have the newest key, or an older one; changes nothing."""
    return [_go_through(*column, write=False) for column in encrypted_columns()]


def _go_through(model: type[models.Model], column: EncryptedTextField, *, write: bool) -> Tally:
    meta = model._meta
    tally = Tally(str(meta.verbose_name_plural), str(column.verbose_name))
    filled = model._base_manager.exclude(**{column.attname: ""})
    filled = filled.exclude(**{f"{column.attname}__isnull": True})
    keys = list(filled.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), AT_A_TIME):
        some = filled.filter(pk__in=keys[start : start + AT_A_TIME])
        if write:
            with transaction.atomic():
                # Of an extended model only its own row: the other one is not written.
                _count(some.select_for_update(of=("self",)), column, tally, write=True)
        else:
            _count(some, column, tally, write=False)
    return tally


def _count(
    rows: models.QuerySet[Any], column: EncryptedTextField, tally: Tally, *, write: bool
) -> None:
    for key, stored in rows.values_list("pk", column.attname):
        if has_newest_key(stored):
            tally.newest += 1
            continue
        try:
            secret = decrypted(stored)
        except WrongEncryptionKey:
            tally.unreadable.append(str(rows.model._base_manager.get(pk=key)))
            continue
        tally.older += 1
        if write:
            rows.model._base_manager.filter(pk=key).update(**{column.attname: secret})
