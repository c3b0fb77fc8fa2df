"""Keeping a list as Metrc shows it: what is new is added, what changed is written, what is gone is
no longer listed. Nothing else is touched."""

from collections.abc import Mapping
from typing import Any

from django.db import models, transaction

from integrations.runs import Recorder


def keep_rows(
    known: models.QuerySet[Any],
    owner: Mapping[str, Any],
    key: str,
    found: Mapping[Any, Mapping[str, Any]],
    run: Recorder,
    *,
    is_whole: bool,
) -> None:
    """Keep `found` (by the field `key`, the other fields of each) as the rows of `owner`.

    `known` are the rows there are. `is_whole` False: a row could not be read, which may be any of
    them, so nothing counts as gone. Counts on the run what was changed.
    """
    model = known.model
    there = {getattr(row, key): row for row in known}
    new, changed, fields = [], [], {"is_listed"}
    for one, values in found.items():
        listed = {"is_listed": True, **values}
        fields |= set(listed)
        row = there.get(one)
        if row is None:
            new.append(model(**owner, **{key: one}, **listed))
        elif any(getattr(row, name) != value for name, value in listed.items()):
            for name, value in listed.items():
                setattr(row, name, value)
            changed.append(row)
    gone = [row.pk for one, row in there.items() if one not in found and row.is_listed]
    gone = gone if is_whole else []
    with transaction.atomic():
        # Whoever reads the same at the same moment adds nothing.
        model._default_manager.bulk_create(new, ignore_conflicts=True, batch_size=200)
        model._default_manager.bulk_update(changed, sorted(fields), batch_size=200)
        for start in range(0, len(gone), 500):
            known.filter(pk__in=gone[start : start + 500]).update(is_listed=False)
    run.changed += len(new) + len(changed) + len(gone)
    run.skip("unchanged", len(found) - len(new) - len(changed))
